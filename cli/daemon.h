/* The workers of a process, each on a thread of its own, and what they share. Its owner's thread starts, watches and
 * stops it; the workers share nothing but counters, the board and the log. */
#pragma once

#include <pthread.h>

#include "cli/composition.h"
#include "cli/status_page.h"

enum worker_state { WORKER_RUNNING, WORKER_DONE, WORKER_FAILED };

struct worker {
    struct daemon *daemon;
    uint32_t number;
    pthread_t thread;
    struct worker_ports ports;
    struct pipeline *pipeline;
    struct pipeline_control control;
    struct counters counters;
    _Atomic enum worker_state state;
    struct error error; /* WORKER_FAILED; written before the state is */
};

struct daemon {
    struct composition composition; /* filled by the owner before daemon_start */
    const struct program *program;  /* likewise; outlives the daemon, as does every later one */
    struct status_view view;
    struct shard_board board;
    struct worker *workers;
    uint32_t workers_count; /* those that were started */
};

/* Starts `count` workers. On failure none is left running. The daemon must not be moved any more. */
MUST_USE enum result daemon_start(struct daemon *daemon, uint32_t count, struct error *error);
/* Asks all workers to finish what they have, commit and leave. Returns at once. */
void daemon_stop(struct daemon *daemon);
/* Has all workers take on other rules. */
void daemon_reload(struct daemon *daemon, const struct program *program);
/* How many workers have neither finished nor failed. */
uint32_t daemon_working(const struct daemon *daemon);
/* The first worker that has failed; NULL: none has. */
const struct worker *daemon_failed(const struct daemon *daemon);
/* Waits until all workers have ended, and frees everything. Zeroed or not started: nothing. */
void daemon_end(struct daemon *daemon);
