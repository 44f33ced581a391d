/* A Kafka in memory, for tests: logs with transactions and last stable offsets, a consumer group with generations,
 * producers with epochs. It answers as the brokers were measured to; nothing happens by itself, time is a number.
 *
 * One thread. A worker's ports on it are struct sim_worker. Text that is handed out lives as long as the Kafka. */
#pragma once

#include "base/arena.h"
#include "engine/ports.h"

#define SIM_PARTITIONS_MAX 8
#define SIM_WORKERS_MAX    8

#define SIM_TRANSACTION_TIMEOUT_MS 15000

enum sim_end { SIM_OPEN, SIM_COMMITTED, SIM_ABORTED };

struct sim_record {
    int64_t offset;
    int64_t timestamp_ms;
    struct text key, value;
    uint32_t transaction; /* 0: none */
    bool marker;          /* a transaction's end: takes an offset, is never read */
    bool compacted;       /* gone, its offset remains */
};

struct sim_log {
    struct sim_record *records;
    uint32_t count, capacity;
};

struct sim_transaction {
    enum sim_end end;
    int64_t begun_ms;
    int64_t offsets[STREAMS][SIM_PARTITIONS_MAX]; /* pending; OFFSET_NONE */
    bool touched[OUTPUTS][SIM_PARTITIONS_MAX];
};

struct membership {
    int32_t generation;
    int member;
};

struct sim_member {
    bool joined;    /* is in the group, or wants to be */
    bool ready;     /* waits for the next generation */
    bool holds;     /* has an assignment */
    bool told;      /* of the running rebalance */
    bool kicked;    /* its session is over, and it does not know */
    uint32_t polls; /* how many it takes until it does */
    bool to_assign; /* has not seen its new assignment */
    int32_t generation;
    bool assigned[SIM_PARTITIONS_MAX];
};

struct sim_kafka {
    int32_t partitions;
    uint32_t streams;
    int64_t wall_ms, monotonic_ms;
    struct arena arena;
    struct sim_log inputs[STREAMS][SIM_PARTITIONS_MAX];
    struct sim_log outputs[OUTPUTS][SIM_PARTITIONS_MAX]; /* changes, statuses and dead letters: all on partition 0 */
    struct sim_transaction *transactions;
    uint32_t transactions_count;
    int64_t committed[STREAMS][SIM_PARTITIONS_MAX];
    int32_t generation;
    bool rebalancing;
    struct sim_member members[SIM_WORKERS_MAX];
    uint32_t producer_epochs[SIM_WORKERS_MAX];       /* by transactional id, one for each worker */
    uint32_t producer_transactions[SIM_WORKERS_MAX]; /* open; 0: none */
};

void sim_kafka_init(struct sim_kafka *kafka, int32_t partitions, uint32_t streams, int64_t wall_ms);
void sim_kafka_free(struct sim_kafka *kafka);
/* Time passes; transactions that are open for too long are aborted, and their producers fenced. */
void sim_kafka_pass(struct sim_kafka *kafka, int64_t duration_ms);

/* Appends to an input, outside of any transaction; `value` missing: a tombstone. */
void sim_kafka_produce(struct sim_kafka *kafka, enum stream stream, int32_t partition, int64_t timestamp_ms,
                       struct text key, struct text value);
/* A transaction's marker at the input's end, as transactional producers leave them. */
void sim_kafka_produce_marker(struct sim_kafka *kafka, enum stream stream, int32_t partition);

int64_t sim_log_end(const struct sim_log *log);
int64_t sim_log_stable(const struct sim_kafka *kafka, const struct sim_log *log);
/* The next record that a read_committed reader sees at or behind `offset`; NULL: none below the last stable offset. */
const struct sim_record *sim_log_next(const struct sim_kafka *kafka, const struct sim_log *log, int64_t offset);
/* Keeps of each key the last record, among those that are stable. */
void sim_log_compact(struct sim_kafka *kafka, struct sim_log *log);

/* ---- the group */

void sim_group_join(struct sim_kafka *kafka, int member);
void sim_group_leave(struct sim_kafka *kafka, int member);
/* The member's session has ended; it learns so after so many polls. */
void sim_group_expire(struct sim_kafka *kafka, int member, uint32_t polls);

/* ---- transactions, by the index of the worker whose transactional id it is */

/* A new epoch; ends what is open. */
uint32_t sim_producer_init(struct sim_kafka *kafka, int producer);
void sim_transaction_append(struct sim_kafka *kafka, uint32_t transaction, struct record *record);
void sim_transaction_end(struct sim_kafka *kafka, int producer, bool commit);
/* Whether a transaction that may still be committed has offsets of the input. */
bool sim_offset_is_pending(const struct sim_kafka *kafka, enum stream stream, int32_t partition);
