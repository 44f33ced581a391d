/* What should have come out: each shard's records are replayed, by the same rules, in the order in which they were
 * really committed, and with the clock's moves as they were; changes, statuses, dead letters, states, clocks and
 * offsets of every committed transaction are held against it, in the instant in which it is decided.
 *
 * That order is checked itself: of an input nothing is left out or comes twice, and what lay in the inputs when a shard
 * was taken over comes in the order of the merge.
 *
 * A commit may come in the middle of a tick, when some accounts have been evaluated and others have not: what it holds
 * is then looked at together with the next commit that is not. One thread. A violation ends the process. */
#pragma once

#include "engine/shard.h"
#include "engine/transaction.h"
#include "tests/sim/sim_worker.h"

enum sim_op_kind { SIM_OP_RULES, SIM_OP_ADVANCE, SIM_OP_TAKE, SIM_OP_TICK };

/* What a process did to a shard. */
struct sim_op {
    enum sim_op_kind kind;
    enum stream stream;            /* TAKE; ADVANCE: of the record whose ticks were begun; STREAMS: of none */
    int64_t offset;                /* TAKE; ADVANCE */
    int64_t wall_ms;               /* TAKE: the process' clock */
    int64_t at_ms;                 /* TAKE: monotonic; what was compacted by then may be left out */
    int64_t ends_ms;               /* TAKE: monotonic; what was produced before is awaited in its order */
    int64_t watermark_ms;          /* ADVANCE, RULES */
    int64_t ticked_ms;             /* RULES: the last tick that has fired for all; TICK: the tick */
    uint64_t account;              /* TICK: hash of the id */
    const struct program *program; /* RULES */
};

struct sim_ops {
    struct sim_op *items;
    uint32_t count, capacity;
    uint32_t sealed; /* the first of them, which are part of the commit that was begun last */
};

void sim_ops_add(struct sim_ops *ops, const struct sim_op *op);
void sim_ops_append(struct sim_ops *ops, const struct sim_ops *more);
void sim_ops_append_sealed(struct sim_ops *ops, const struct sim_ops *more);
void sim_ops_drop(struct sim_ops *ops, uint32_t count);
void sim_ops_free(struct sim_ops *ops);

struct sim_oracle;

struct sim_oracle *sim_oracle_create(struct sim_kafka *kafka, const struct pipeline_options *options);
void sim_oracle_free(struct sim_oracle *oracle);

/* The transaction was committed; `ops`: of each shard, what its process had done since its commit before. Sets
 * `ret_covered` to the shards (bit i) whose records are in it. */
void sim_oracle_committed(struct sim_oracle *oracle, uint32_t transaction, const struct sim_ops ops[SIM_PARTITIONS_MAX],
                          uint32_t *ret_covered);
/* Somebody has set the group's offset back, or taken it away. */
void sim_oracle_set_back(struct sim_oracle *oracle, enum stream stream, int32_t number);
/* The store has let a write to shard `number` through: what is in it was committed before, and the meta claims no more
 * than is there. */
void sim_oracle_stored(struct sim_oracle *oracle, int32_t number, const struct store_write *write,
                       const struct sim_redis *store);
/* What was done since, in the end, when nothing is left to be committed: it must have had no effect. */
void sim_oracle_finish(struct sim_oracle *oracle, int32_t number, const struct sim_ops *ops);
/* Everything is consumed and committed, and the group and the store say the same. */
void sim_oracle_compare_offsets(struct sim_oracle *oracle);
void sim_oracle_compare_store(struct sim_oracle *oracle, const struct sim_redis *store);
int64_t sim_oracle_watermark(const struct sim_oracle *oracle, int32_t shard);
/* Changes that were committed, all in all. */
uint64_t sim_oracle_changes(const struct sim_oracle *oracle);
