/* The only loop: poll, merge, load, apply, publish, commit, write behind. One pipeline is one worker: a member of the
 * consumer group, a transactional producer, a connection to the store, and the state of the shards that it holds.
 *
 * The protocol that ties outputs, state and offsets together (docs/exactly-once.md) is written here as state machines
 * whose steps have at most one effect on the world each; all effects go through the ports. So the simulator runs the
 * real thing.
 *
 *     pipeline.c      the loop, the group's events, stopping, other rules
 *     intake.c        from the source to decided changes
 *     paging.c        accounts from the store into memory and back
 *     commit.c        a batch becomes a transaction, and then the store's
 *     takeover.c      a shard that was assigned becomes one that runs
 *     reload.c        other rules are taken on
 *
 * One thread, but for pipeline_control. */
#pragma once

#include "engine/counters.h"
#include "engine/ports.h"
#include "engine/shard_board.h"
#include "engine/validate.h"

struct pipeline;

/* All outlive the pipeline. */
struct pipeline_ports {
    const struct source *source;
    const struct decoder *decoder;
    const struct encoder *encoder;
    const struct sink *sink;
    const struct changelog *changelog;
    const struct store *store;
    const struct clock *clock;
    const struct chance *chance;
    const struct logger *logger;
};

struct pipeline_options {
    struct text cluster_id;
    struct text group;
    int32_t partitions; /* of every input and of the changelog */
    uint32_t streams;   /* bit i: stream i is an input */
    enum partitioner partitioner;
    size_t record_bytes_max;
    uint32_t account_bytes_max;
    size_t memory_bytes_max; /* of account states, this worker's share */
    int64_t live_from_ms;    /* INSTANT_NONE */
    int64_t lateness_ms;     /* where the rules give none */
    int64_t merge_wait_max_ms;
    int64_t commit_interval_ms, commit_interval_max_ms;
    size_t commit_bytes_max;
    int64_t transaction_timeout_ms, end_slow_ms;
    bool until_end;        /* stop once what the inputs held at takeover is done and committed */
    bool reactivate_rules; /* rules that others have followed may come back */
    bool records_only;     /* the watermark never follows the wall clock: for made-up time, as until_end does */
};

/* How other threads speak to the worker. The program outlives the pipeline. */
struct pipeline_control {
    atomic_bool stop;
    _Atomic(const struct program *) program; /* other rules to take on; NULL: none */
};

/* `counters` and `board` (of options.partitions shards) may be NULL. Nothing is done yet. */
MUST_USE enum result pipeline_create(const struct pipeline_options *options, const struct pipeline_ports *ports,
                                     const struct program *program, struct counters *counters,
                                     struct shard_board *board, struct pipeline **ret_pipeline, struct error *error);
/* Drops everything at once, as a process that is killed does; to end in good order is pipeline_stop's. */
void pipeline_free(struct pipeline *pipeline);

enum pipeline_progress {
    PIPELINE_RUNNING,
    PIPELINE_DONE,   /* stopped, or come to the end: all is committed, and the group was left */
    PIPELINE_FAILED, /* cannot go on; `error` says why, and the way out */
};

/* Makes one turn of the loop; waits for at most some tens of milliseconds where there is nothing to do. */
enum pipeline_progress pipeline_turn(struct pipeline *pipeline, struct error *error);
/* Begins to finish: no more records are taken, what is decided is committed, the store is brought up to date, the group
 * is left. */
void pipeline_stop(struct pipeline *pipeline);
/* Begins to take on other rules, between two commits. */
void pipeline_reload(struct pipeline *pipeline, const struct program *program);

/* Turns until it is done or has failed, and does what `control` asks. RESULT_OK or RESULT_FATAL. */
MUST_USE enum result pipeline_run(struct pipeline *pipeline, struct pipeline_control *control, struct error *error);
