/* The processes of a simulated world, as the operating system sees them: started, killed, put to sleep and woken; and
 * what each of them did to its shards since its last commit, as it is seen from outside (sim_watch.c). One thread. */
#pragma once

#include "engine/pipeline.h"
#include "tests/sim/sim_oracle.h"

#define SIM_INSTANCES_MAX 4
#define SIM_PROCESSES_MAX 8 /* two for each name */

struct sim_process {
    struct sim_worker worker;
    struct pipeline *pipeline; /* NULL: does not run */
    bool asleep;
    int64_t over_since_ms;                  /* states that could leave have taken more than their bound; 0: no */
    uint32_t incarnation;                   /* of its memory: each time it is dropped, another one */
    struct sim_ops ops[SIM_PARTITIONS_MAX]; /* since the last commit that is known */
    uint32_t covered[SIM_PARTITIONS_MAX];   /* of these, what is committed, known or not */
    const struct program *program;          /* of the shard that was made last */
    const struct program *reloads;          /* was asked to take them on */
    int32_t shard;                          /* whose code runs */
};

struct sim_processes {
    struct sim_kafka *kafka;
    struct sim_redis *store;
    struct sim_story *story;
    struct sim_oracle *oracle;
    struct counters counters;
    struct sim_process all[SIM_PROCESSES_MAX];
};

/* What the watch and the observer of Kafka speak of; one world at a time. */
void sim_watch(struct sim_processes *processes);

/* Starts the process under the name of instance `process` % SIM_INSTANCES_MAX; false: its memory was out. */
bool sim_process_start(struct sim_processes *processes, int process, const struct pipeline_options *options,
                       const struct program *program, const struct sim_trouble *trouble);
/* Ends it at once, as kill -9 does. */
void sim_process_kill(struct sim_processes *processes, int process);
/* A turn of it, if it runs and is awake; it may end by that. */
void sim_process_turn(struct sim_processes *processes, int process);

/* ---- hooks, for sim_worker's spectator and sim_kafka's observer */

void sim_watch_dropped(void *context, int process);
void *sim_watch_begun(void *context, int process);
void sim_watch_known(void *context, int process);
void sim_watch_rejected(void *context, int process, const struct message *message);
void sim_watch_committed(void *context, uint32_t transaction);
void sim_watch_forget(void *context, void *note_of_transaction);
