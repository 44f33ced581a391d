#include "engine/transaction.h"

#include <assert.h>

#include "base/planted.h"
#include "engine/limits.h"

void transaction_init(struct transaction *transaction, const struct sink *sink, const struct clock *clock,
                      const struct transaction_options *options) {
    *transaction = (struct transaction){
        .sink = sink, .clock = clock, .options = *options, .suspect_until_ms = INSTANT_NONE};
}

static int64_t now(const struct transaction *transaction) {
    return transaction->clock->monotonic_ms(transaction->clock->context);
}

bool transaction_needs_producer(const struct transaction *transaction) {
    return !transaction->has_producer || (now(transaction) < transaction->suspect_until_ms && !transaction->fresh);
}

enum answer transaction_renew(struct transaction *transaction, int timeout_ms, struct error *error) {
    assert(!transaction_is_running(transaction) || transaction->phase == PHASE_RENEW);
    transaction->has_producer = false;
    enum answer answer = transaction->sink->renew(transaction->sink->context, timeout_ms, error);
    if (answer == ANSWER_OK) {
        transaction->has_producer = true;
        transaction->fresh = true;
    }
    return answer == ANSWER_ZOMBIE ? ANSWER_FAILED : answer;
}

static void begin_attempt(struct transaction *transaction) {
    transaction->published = 0;
    transaction->phase = transaction_needs_producer(transaction) ? PHASE_RENEW : PHASE_BEGIN;
}

void transaction_start(struct transaction *transaction, struct batch **batches, uint32_t batches_count,
                       const struct input_offset *offsets, uint32_t offsets_count,
                       const struct membership *membership) {
    assert(transaction->phase == PHASE_IDLE && offsets_count > 0);
    for (uint32_t i = 0; i < offsets_count; i++)
        assert(offsets[i].offset >= 0);
    transaction->batches = batches;
    transaction->batches_count = batches_count;
    transaction->offsets = offsets;
    transaction->offsets_count = offsets_count;
    transaction->membership = membership;
    transaction->abandoned = false;
    transaction->timed_out = transaction->timed_out_sending = false;
    transaction->attempts = 0;
    transaction->not_before_ms = INSTANT_NONE;
    begin_attempt(transaction);
}

bool transaction_is_running(const struct transaction *transaction) {
    return transaction->phase != PHASE_IDLE;
}

void transaction_abandon(struct transaction *transaction) {
    transaction->abandoned = true;
}

static enum transaction_outcome finish(struct transaction *transaction, enum transaction_outcome outcome) {
    transaction->phase = PHASE_IDLE;
    return outcome;
}

/* Offsets of an attempt that was aborted say nothing about the next one. */
static void forget_offsets(struct transaction *transaction) {
    for (uint32_t i = 0; i < transaction->batches_count; i++)
        for (uint32_t j = 0; j < transaction->batches[i]->count; j++)
            transaction->batches[i]->records[j].offset = OFFSET_NONE;
}

/* `outcome` PENDING: it is tried again. */
static enum transaction_outcome abort_for(struct transaction *transaction, enum transaction_outcome outcome,
                                          const struct error *reason) {
    transaction->phase = PHASE_ABORT;
    transaction->commit_ms = now(transaction);
    transaction->abort_outcome = outcome;
    transaction->reason = *reason;
    return TRANSACTION_PENDING;
}

/* A step before commit failed: nothing of this attempt will ever be committed. */
static enum transaction_outcome attempt_failed(struct transaction *transaction, enum answer answer, bool *ret_failed,
                                               const struct error *error) {
    if (answer == ANSWER_FATAL)
        return finish(transaction, TRANSACTION_FATAL);
    if (answer == ANSWER_ZOMBIE)
        return abort_for(transaction, TRANSACTION_ZOMBIE, error);
    *ret_failed = true;
    transaction->timed_out = true;
    return abort_for(transaction, TRANSACTION_PENDING, error);
}

static enum transaction_outcome abandon(struct transaction *transaction) {
    struct error reason;
    error_set(&reason, RESULT_RETRY, "A transaction was given up before its commit.");
    return abort_for(transaction, TRANSACTION_ABANDONED, &reason);
}

static enum transaction_outcome step_renew(struct transaction *transaction, int timeout_ms, bool *ret_failed,
                                           struct error *error) {
    enum answer answer = transaction_renew(transaction, timeout_ms, error);
    if (answer == ANSWER_FATAL)
        return finish(transaction, TRANSACTION_FATAL);
    if (answer == ANSWER_OK)
        transaction->phase = PHASE_BEGIN;
    if (answer == ANSWER_FAILED) {
        *ret_failed = true;
        transaction->not_before_ms = now(transaction) + ATTEMPT_PAUSE_MS;
    }
    return TRANSACTION_PENDING;
}

static enum transaction_outcome step_begin(struct transaction *transaction, bool *ret_failed, struct error *error) {
    const struct sink *sink = transaction->sink;
    transaction->begun_ms = now(transaction);
    transaction->troubles = sink->troubles(sink->context);
    enum answer answer = sink->begin(sink->context, error);
    if (answer == ANSWER_OK)
        transaction->phase = transaction->batches_count > 0 ? PHASE_PUBLISH : PHASE_FLUSH;
    else if (answer != ANSWER_PENDING)
        return attempt_failed(transaction, answer, ret_failed, error);
    return TRANSACTION_PENDING;
}

/* Once, a broker may have been away; twice, the batch is too large for it. */
static enum transaction_outcome took_too_long(struct transaction *transaction, bool *ret_failed,
                                              const struct error *error) {
    bool again = transaction->timed_out_sending;
    transaction->timed_out_sending = true;
    enum transaction_outcome outcome = attempt_failed(transaction, ANSWER_FAILED, ret_failed, error);
    if (again)
        transaction->abort_outcome = TRANSACTION_ABANDONED;
    return outcome;
}

static enum transaction_outcome step_send(struct transaction *transaction, int timeout_ms, bool *ret_failed,
                                          struct error *error) {
    const struct sink *sink = transaction->sink;
    enum answer answer;
    if (transaction->phase == PHASE_OFFSETS && PLANTED(offsets_left_out))
        answer = ANSWER_OK;
    else if (transaction->phase == PHASE_PUBLISH)
        answer = sink->publish(sink->context, transaction->batches[transaction->published], timeout_ms, error);
    else if (transaction->phase == PHASE_FLUSH)
        answer = sink->flush(sink->context, timeout_ms, error);
    else
        answer = sink->send_offsets(sink->context, transaction->offsets, transaction->offsets_count,
                                    transaction->membership, timeout_ms, error);
    if (answer == ANSWER_PENDING) {
        if (now(transaction) - transaction->begun_ms <= transaction->options.timeout_ms)
            return TRANSACTION_PENDING;
        error_set(error, RESULT_RETRY, "Kafka did not take a transaction's records within %lld ms.",
                  (long long)transaction->options.timeout_ms);
        return took_too_long(transaction, ret_failed, error);
    }
    if (answer != ANSWER_OK && !(answer == ANSWER_ZOMBIE && PLANTED(commit_after_refusal)))
        return attempt_failed(transaction, answer, ret_failed, error);
    if (transaction->phase != PHASE_PUBLISH || ++transaction->published == transaction->batches_count)
        transaction->phase++;
    transaction->commit_ms = INSTANT_NONE;
    return TRANSACTION_PENDING;
}

/* A copy of the end, a commit's or an abort's, may be under way where the library met errors meanwhile, or had to wait:
 * the broker would take it for the next transaction's. */
static void judge_producer(struct transaction *transaction, int64_t now_ms) {
    const struct sink *sink = transaction->sink;
    bool slow = now_ms - transaction->commit_ms > transaction->options.end_slow_ms && !transaction->fresh;
    if ((slow || sink->troubles(sink->context) != transaction->troubles) && !PLANTED(producer_kept))
        transaction->suspect_until_ms = now_ms + SUSPECT_MS;
    transaction->fresh = false;
}

static enum transaction_outcome step_commit(struct transaction *transaction, int timeout_ms, struct error *error) {
    const struct sink *sink = transaction->sink;
    if (transaction->commit_ms == INSTANT_NONE)
        transaction->commit_ms = now(transaction);
    enum answer answer = sink->commit(sink->context, timeout_ms, error);
    int64_t now_ms = now(transaction);
    if (answer == ANSWER_PENDING) {
        if (now_ms - transaction->commit_ms <= transaction->options.timeout_ms)
            return TRANSACTION_PENDING;
        error_set(error, RESULT_RETRY, "Kafka did not say within %lld ms whether a transaction is committed.",
                  (long long)transaction->options.timeout_ms);
    }
    if (answer == ANSWER_OK) {
        transaction->duration_ms = now_ms - transaction->begun_ms;
        judge_producer(transaction, now_ms);
        return finish(transaction, TRANSACTION_KNOWN);
    }
    transaction->has_producer = false;
    transaction->timed_out = true;
    if (PLANTED(unknown_repeated))
        return abort_for(transaction, TRANSACTION_PENDING, error);
    return finish(transaction, answer == ANSWER_FATAL ? TRANSACTION_FATAL : TRANSACTION_UNKNOWN);
}

static enum transaction_outcome after_abort(struct transaction *transaction, struct error *error) {
    forget_offsets(transaction);
    if (transaction->abort_outcome != TRANSACTION_PENDING) {
        *error = transaction->reason;
        return finish(transaction, transaction->abort_outcome);
    }
    transaction->attempts++;
    transaction->not_before_ms = now(transaction) + ATTEMPT_PAUSE_MS;
    begin_attempt(transaction);
    return TRANSACTION_PENDING;
}

/* Whatever abort answers, the next producer ends what this one leaves. */
static enum transaction_outcome step_abort(struct transaction *transaction, int timeout_ms, struct error *error) {
    struct error ignored;
    const struct sink *sink = transaction->sink;
    enum answer answer = sink->abort(sink->context, timeout_ms, &ignored);
    if (answer == ANSWER_PENDING && now(transaction) - transaction->begun_ms <= 2 * transaction->options.timeout_ms)
        return TRANSACTION_PENDING;
    if (answer != ANSWER_OK) {
        transaction->phase = PHASE_DISCARD;
        return TRANSACTION_PENDING;
    }
    judge_producer(transaction, now(transaction));
    if (transaction->abort_outcome == TRANSACTION_PENDING || transaction->timed_out)
        transaction->has_producer = false;
    return after_abort(transaction, error);
}

/* The batches may be borrowed still: to begin with a new producer, however far it comes, destroys the old one. */
static enum transaction_outcome step_discard(struct transaction *transaction, struct error *error) {
    struct error ignored;
    transaction->has_producer = false;
    (void)transaction->sink->renew(transaction->sink->context, 0, &ignored);
    return after_abort(transaction, error);
}

/* What is done instead of the next step once nobody wants the transaction any more; PENDING: the step is done all the
 * same. */
static enum transaction_outcome step_abandoned(struct transaction *transaction, struct error *error) {
    switch (transaction->phase) {
    case PHASE_RENEW:
    case PHASE_BEGIN:
        error_set(error, RESULT_RETRY, "A transaction was given up before it began.");
        return finish(transaction, TRANSACTION_ABANDONED);
    case PHASE_ABORT:
    case PHASE_DISCARD:
        if (transaction->abort_outcome == TRANSACTION_PENDING)
            transaction->abort_outcome = TRANSACTION_ABANDONED;
        return TRANSACTION_PENDING;
    case PHASE_COMMIT:
        if (transaction->commit_ms == INSTANT_NONE)
            return abandon(transaction);
        error_set(error, RESULT_RETRY, "A transaction was given up while its commit was under way.");
        transaction->has_producer = false;
        return finish(transaction, TRANSACTION_UNKNOWN);
    default:
        return abandon(transaction);
    }
}

enum transaction_outcome transaction_step(struct transaction *transaction, int timeout_ms, bool *ret_failed,
                                          struct error *error) {
    *ret_failed = false;
    assert(transaction->phase != PHASE_IDLE);
    if (transaction->abandoned) {
        enum transaction_outcome outcome = step_abandoned(transaction, error);
        if (outcome != TRANSACTION_PENDING)
            return outcome;
    }
    if (now(transaction) < transaction->not_before_ms && transaction->phase < PHASE_ABORT)
        return TRANSACTION_PENDING;
    switch (transaction->phase) {
    case PHASE_RENEW:
        return step_renew(transaction, timeout_ms, ret_failed, error);
    case PHASE_BEGIN:
        return step_begin(transaction, ret_failed, error);
    case PHASE_COMMIT:
        return step_commit(transaction, timeout_ms, error);
    case PHASE_ABORT:
        return step_abort(transaction, timeout_ms, error);
    case PHASE_DISCARD:
        return step_discard(transaction, error);
    default:
        return step_send(transaction, timeout_ms, ret_failed, error);
    }
}
