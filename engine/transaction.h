/* One Kafka transaction as a state machine: the same one for a commit and for a barrier. Each step makes at most one
 * call of the sink. What each answer means is the table in docs/exactly-once.md:
 *
 *     a failure before commit was called   not committed, for sure: abort, new producer, the same bytes again
 *     send_offsets: the membership is over ZOMBIE, after an abort
 *     commit does not answer               called again, up to the transaction's time-out
 *     any other failure of commit          UNKNOWN; the producer is not used again
 *
 * It also owns the question whether the producer may go on: after trouble in the middle of a commit a copy of its end
 * may still arrive, and would end the next transaction half-way; then a new producer is made before each of the next
 * ones.
 *
 * One thread; batches, offsets and membership are borrowed from transaction_start until the outcome. */
#pragma once

#include "engine/ports.h"

struct transaction_options {
    int64_t timeout_ms;  /* transaction.timeout.ms */
    int64_t end_slow_ms; /* kafka.end_slow */
};

enum transaction_outcome {
    TRANSACTION_PENDING,
    TRANSACTION_KNOWN,     /* committed */
    TRANSACTION_ABANDONED, /* not committed: by transaction_abandon, or Kafka is too slow for so large a batch */
    TRANSACTION_ZOMBIE,    /* not committed: the membership is over */
    TRANSACTION_UNKNOWN,   /* nobody knows yet; a new producer will find out by ending it */
    TRANSACTION_FATAL,
};

enum transaction_phase {
    PHASE_IDLE,
    PHASE_RENEW,
    PHASE_BEGIN,
    PHASE_PUBLISH,
    PHASE_FLUSH,
    PHASE_OFFSETS,
    PHASE_COMMIT,
    PHASE_ABORT,
    PHASE_DISCARD,
};

struct transaction {
    const struct sink *sink;
    const struct clock *clock;
    struct transaction_options options;

    enum transaction_phase phase;
    struct batch **batches;
    uint32_t batches_count, published;
    const struct input_offset *offsets;
    uint32_t offsets_count;
    const struct membership *membership;
    enum transaction_outcome abort_outcome; /* what is the outcome after PHASE_ABORT; PENDING: the same again */
    struct error reason;                    /* why it is aborted */
    bool abandoned;
    uint32_t attempts;
    int64_t not_before_ms;  /* a pause before the next attempt */
    int64_t begun_ms;       /* of this attempt */
    int64_t commit_ms;      /* when commit was first called */
    uint64_t troubles;      /* the sink's, at begin */
    int64_t duration_ms;    /* of the last one that is known: from begin */
    bool timed_out;         /* an attempt failed, or commit had to be called again */
    bool timed_out_sending; /* an attempt failed as Kafka did not take its records in time */

    bool has_producer;
    bool fresh; /* the producer has not ended a transaction yet */
    int64_t suspect_until_ms;
};

void transaction_init(struct transaction *transaction, const struct sink *sink, const struct clock *clock,
                      const struct transaction_options *options);

/* None is under way. `offsets` are real numbers. */
void transaction_start(struct transaction *transaction, struct batch **batches, uint32_t batches_count,
                       const struct input_offset *offsets, uint32_t offsets_count, const struct membership *membership);
bool transaction_is_running(const struct transaction *transaction);

/* Makes one step. Anything but PENDING ends it. `error` is filled for every outcome but KNOWN, and for PENDING where
 * `ret_failed` is true: an attempt failed and is repeated. A batch that Kafka did not take in time twice is ABANDONED:
 * the same bytes would hardly fare better a third time. */
enum transaction_outcome transaction_step(struct transaction *transaction, int timeout_ms, bool *ret_failed,
                                          struct error *error);

/* The membership is lost, or there is no time left: not to be tried again. Its steps lead to ABANDONED, or to UNKNOWN
 * where commit was called already. */
void transaction_abandon(struct transaction *transaction);

/* Makes a producer where there is none that can be used: OK, PENDING, FAILED (to be tried again) or FATAL. */
enum answer transaction_renew(struct transaction *transaction, int timeout_ms, struct error *error);
bool transaction_needs_producer(const struct transaction *transaction);
