/* A small world for tests of the pipeline: rules, a simulated Kafka and store, workers, and the comparison of what a
 * read_committed reader sees with what `replay` says of the same events. Failures abort the test that is running.
 *
 * One thread. */
#pragma once

#include "engine/replay.h"
#include "tests/sim/sim_worker.h"

struct sim_world {
    struct sim_kafka kafka;
    struct sim_redis store;
    struct arena arena; /* of the rules */
    const struct program *program;
    struct pipeline_options options;
    struct sim_worker workers[SIM_WORKERS_MAX];
    struct pipeline *pipelines[SIM_WORKERS_MAX]; /* NULL: the process does not run */
    struct counters counters;
    struct shard_board *board; /* of the processes that are started from now on; NULL: none */
};

/* `rules`: the text of a rules file. */
void sim_world_init(struct sim_world *world, const char *rules, int32_t partitions);
void sim_world_free(struct sim_world *world);
const struct program *sim_world_rules(struct sim_world *world, const char *rules);

/* Appends an event to its input: on the partition of its account, at its own time. `fields`: more of them as JSON, each
 * preceded by a comma. */
void sim_world_event(struct sim_world *world, enum stream stream, const char *account, const char *event_id,
                     int64_t time_ms, const char *fields);
void sim_world_tombstone(struct sim_world *world, const char *account, int64_t time_ms);

void sim_world_start(struct sim_world *world, int worker);
/* Ends the process at once, and its session. */
void sim_world_kill(struct sim_world *world, int worker);
/* One turn of each process that runs; false: one of them ended, in good order or not. */
bool sim_world_turn(struct sim_world *world, struct error *ret_error);
/* Turns until the process has left in good order. */
void sim_world_finish(struct sim_world *world, int worker);
/* Turns until time has moved on by so much. */
void sim_world_run(struct sim_world *world, int64_t duration_ms);

/* What a read_committed reader of the output sees, one record a line, sorted: order across shards is free. */
void sim_world_read(const struct sim_world *world, enum output output, struct buffer *out);
/* Fails unless the committed changes are those that `replay` prints for the inputs' records in the order of their
 * times, account by account. */
void sim_world_matches_replay(struct sim_world *world);
/* Fails unless every account in the store has the changelog's newest blob, and nothing else is there. */
void sim_world_store_matches_changelog(struct sim_world *world);
