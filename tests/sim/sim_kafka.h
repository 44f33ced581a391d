/* A Kafka in memory, for tests: logs with transactions and last stable offsets, a coordinator of transactions whose
 * markers take their time, producers with epochs, a consumer group of static members. It answers as the brokers were
 * measured to (README.md has the list); nothing happens by itself, time is a number.
 *
 * One thread. A process' ports on it are struct sim_worker. Text that is handed out lives as long as the Kafka. */
#pragma once

#include "base/arena.h"
#include "engine/ports.h"
#include "tests/sim/sim_chance.h"

#define SIM_PARTITIONS_MAX 8
#define SIM_WORKERS_MAX    8 /* instances: names of members, and transactional ids */
#define SIM_LATE_ENDS_MAX  32

#define SIM_TRANSACTION_TIMEOUT_MS 15000

enum sim_end { SIM_OPEN, SIM_COMMITTED, SIM_ABORTED };

struct sim_record {
    int64_t offset;
    int64_t timestamp_ms;
    struct text key, value;
    uint32_t transaction; /* 0: none */
    bool marker;          /* a transaction's end: takes an offset, is never read */
    bool compacted;       /* gone, its offset remains */
    int64_t produced_ms;  /* monotonic */
    int64_t compacted_ms; /* the same: since when it is gone */
};

struct sim_log {
    struct sim_record *records;
    uint32_t count, capacity;
    uint32_t stable; /* nothing before it is open any more */
    uint8_t place;   /* of an output: its bit in a transaction's masks */
};

struct sim_transaction {
    enum sim_end end; /* decided; a reader learns of it by the markers */
    int producer;
    uint32_t epoch;
    int64_t begun_ms, timeout_ms;
    uint32_t touched, marked; /* outputs' partitions, by their places */
    bool has_offsets, offsets_marked;
    int64_t offsets[STREAMS][SIM_PARTITIONS_MAX]; /* pending; OFFSET_NONE */
    int64_t marker_ms;                            /* when the next marker is written */
    void *note;                                   /* the observer's */
};

/* A request EndTxn on its way: its end may be that of the producer's next transaction. */
struct sim_late_end {
    int producer;
    uint32_t epoch;
    bool commit;
    int64_t due_ms;
};

struct membership {
    int32_t generation;
    int member;
    uint32_t id;
};

/* What the coordinator knows of an instance. */
struct sim_member {
    bool joined;
    bool ready;     /* waits for the next generation */
    uint32_t id;    /* of the process that bears the name now */
    uint32_t polls; /* how many of its polls hear nothing of the group */
    int64_t heard_ms;
    int32_t generation;
    bool assigned[SIM_PARTITIONS_MAX];
};

/* Is told of each transaction in the instant in which its commit is decided. */
struct sim_observer {
    void *context;
    void (*committed)(void *context, uint32_t transaction);
    void (*forget)(void *context, void *note);
};

struct sim_kafka {
    int32_t partitions;
    uint32_t streams;
    int64_t wall_ms, monotonic_ms;
    struct arena arena;
    struct sim_log inputs[STREAMS][SIM_PARTITIONS_MAX];
    struct sim_log outputs[OUTPUTS][SIM_PARTITIONS_MAX]; /* changes, statuses and dead letters: all on partition 0 */
    struct sim_transaction *transactions;
    uint32_t transactions_count, transactions_capacity;
    int64_t committed[STREAMS][SIM_PARTITIONS_MAX];
    int32_t generation;
    bool rebalancing;
    uint32_t member_ids;
    struct sim_member members[SIM_WORKERS_MAX];
    uint32_t producer_epochs[SIM_WORKERS_MAX];       /* by transactional id, one for each instance */
    uint32_t producer_transactions[SIM_WORKERS_MAX]; /* not complete; 0: none */
    struct sim_late_end late_ends[SIM_LATE_ENDS_MAX];
    uint32_t late_ends_count;

    int64_t transaction_timeout_ms;
    int64_t session_timeout_ms;  /* 0: a member that is silent stays */
    struct sim_chance *chance;   /* NULL: no delays */
    int64_t marker_delay_max_ms; /* from a decision to a marker, and from one marker to the next */
    struct sim_observer observer;
};

void sim_kafka_init(struct sim_kafka *kafka, int32_t partitions, uint32_t streams, int64_t wall_ms);
void sim_kafka_free(struct sim_kafka *kafka);
/* Time passes: late requests arrive, markers are written, sessions end; transactions that are open for too long are
 * aborted, and their producers fenced. */
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
/* Keeps of each key the last record, among those that are stable; records without a key stay. */
void sim_log_compact(struct sim_kafka *kafka, struct sim_log *log);
/* The time is over for which the stable tombstones were kept. */
void sim_log_drop_tombstones(struct sim_kafka *kafka, struct sim_log *log);

/* ---- the group */

/* A process begins or joins anew; returns its member id. Of the same name as another, it takes that one's place. */
uint32_t sim_group_join(struct sim_kafka *kafka, int member);
void sim_group_leave(struct sim_kafka *kafka, int member);
/* The member's session has ended; it learns so after so many polls. */
void sim_group_expire(struct sim_kafka *kafka, int member, uint32_t polls);
/* Makes the next generation, if everybody is ready. */
void sim_group_complete(struct sim_kafka *kafka);

/* ---- transactions, by the index of the instance whose transactional id it is */

enum sim_answer {
    SIM_DONE,
    SIM_CONCURRENT, /* the transaction before is not complete yet */
    SIM_FENCED,     /* a later epoch is known */
    SIM_INVALID,    /* the partition is no part of the transaction that is open */
};

/* Ends what is open; then a new epoch. CONCURRENT: to be asked again. */
enum sim_answer sim_producer_init(struct sim_kafka *kafka, int producer, uint32_t *ret_epoch);
/* Whether a record or offsets may be added; begins a transaction where none is open, unless the client holds the
 * partition for added. `ret_begun`: it is a new one. */
enum sim_answer sim_transaction_enter(struct sim_kafka *kafka, int producer, uint32_t epoch, bool added,
                                      uint32_t *ret_transaction, bool *ret_begun);
void sim_transaction_append(struct sim_kafka *kafka, uint32_t transaction, struct record *record);
/* The end that the client wants, of whatever is open. */
enum sim_answer sim_transaction_end(struct sim_kafka *kafka, int producer, uint32_t epoch, bool commit);
/* The same, some time later; true: there was room for it. */
bool sim_transaction_end_later(struct sim_kafka *kafka, const struct sim_late_end *end);
/* Whether a transaction that may still be committed has offsets of the input. */
bool sim_offset_is_pending(const struct sim_kafka *kafka, enum stream stream, int32_t partition);
