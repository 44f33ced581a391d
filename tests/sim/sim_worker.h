/* A worker's ports on the simulated Kafka and store: what consumer/ and producer/ are in the daemon. Its decoder reads
 * JSON lines, its encoder writes what `replay` prints.
 *
 * Faults are set by the test in `faults`; each is used up by the next call that it is about. */
#pragma once

#include "base/buffer.h"
#include "consumer/json_lines.h"
#include "engine/pipeline.h"
#include "tests/sim/sim_kafka.h"
#include "tests/sim/sim_store.h"

struct sim_faults {
    bool commit_unknown_done;   /* the next commit is done, and nobody says so */
    bool commit_unknown_undone; /* the next commit never arrives */
    bool flush_fails;           /* the next flush: not committed, for sure */
    int64_t commit_pending;     /* so many calls of commit do not answer */
    bool reports_lack_offsets;  /* delivery reports have no offsets, for good */
    int64_t dead_after;         /* effects until the process is killed; 0: never */
};

struct sim_worker {
    struct sim_kafka *kafka;
    struct sim_store *server;
    int number;
    struct sim_faults faults;
    bool dead;
    uint64_t effects; /* calls that change the world, so far */

    /* source */
    struct input inputs[STREAMS * SIM_PARTITIONS_MAX];
    int64_t positions[STREAMS][SIM_PARTITIONS_MAX]; /* OFFSET_NONE: not assigned */
    int64_t reading[SIM_PARTITIONS_MAX];            /* of the changelog; OFFSET_NONE: not open */
    uint64_t borrowed;                              /* messages that were not released */
    struct error fatal;                             /* to be told at the next poll; empty: none */

    /* sink */
    uint32_t epoch;
    uint32_t transaction;
    uint64_t troubles;

    struct json_lines *lines;
    struct buffer scratch;
    uint64_t random;
    bool verbose;
    char last_log[ERROR_TEXT_MAX];

    struct source source;
    struct decoder decoder;
    struct encoder encoder;
    struct sink sink;
    struct changelog changelog;
    struct store store;
    struct sim_connection connection;
    struct clock clock;
    struct chance chance;
    struct logger logger;
    struct pipeline_ports ports;
};

void sim_worker_init(struct sim_worker *worker, struct sim_kafka *kafka, struct sim_store *store, int number);
void sim_worker_free(struct sim_worker *worker);
