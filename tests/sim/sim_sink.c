/* The process' transactional producer. Requests may be late, be lost or come twice, as README.md lists. */
#include <assert.h>

#include "base/planted.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_worker.h"

static enum answer fenced(struct error *error) {
    return sim_failed(error, "The producer was fenced.");
}

static void forget(struct sim_worker *worker) {
    worker->has_begun = false;
    worker->added = 0;
    worker->offsets_added = false;
    worker->was_refused = false;
    worker->end = (struct sim_end_request){0};
}

static enum answer sink_renew(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_call(worker, "renews its producer", -1, timeout_ms, error);
    forget(worker);
    if (fate.before != ANSWER_OK)
        return fate.before;
    uint32_t epoch;
    if (sim_producer_init(worker->kafka, worker->number, &epoch) == SIM_CONCURRENT) {
        sim_kafka_pass(worker->kafka, timeout_ms);
        return ANSWER_PENDING;
    }
    worker->epoch = epoch;
    worker->is_fresh = true;
    worker->troubles = 0;
    return sim_done(worker, fate, error);
}

/* Nothing reaches the broker before the first record or offset. */
static enum answer sink_begin(void *context, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    if (worker->dead)
        return sim_call(worker, "begins", -1, 0, error).before;
    assert(!worker->has_begun);
    worker->has_begun = true;
    return ANSWER_OK;
}

static enum answer enter(struct sim_worker *worker, bool added, int timeout_ms, uint32_t *ret_transaction) {
    struct sim_kafka *kafka = worker->kafka;
    bool begun;
    switch (sim_transaction_enter(kafka, worker->number, worker->epoch, added, ret_transaction, &begun)) {
    case SIM_CONCURRENT:
        sim_kafka_pass(kafka, timeout_ms);
        return ANSWER_PENDING;
    case SIM_FENCED:
    case SIM_INVALID:
        return ANSWER_FAILED;
    case SIM_DONE:
        break;
    }
    if (begun && worker->spectator.begun != NULL)
        kafka->transactions[*ret_transaction - 1].note = worker->spectator.begun(worker->spectator.context,
                                                                                 worker->process);
    return ANSWER_OK;
}

static uint32_t place_of(const struct sim_worker *worker, const struct record *record) {
    return worker->kafka->outputs[record->output][record->output == OUTPUT_CHANGELOG ? record->partition : 0].place;
}

static enum answer sink_publish(void *context, struct batch *batch, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_call(worker, "publishes records", batch->count, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    for (uint32_t i = 0; i < batch->count && !worker->was_refused; i++) {
        uint32_t transaction, bit = 1u << place_of(worker, &batch->records[i]);
        enum answer answer = enter(worker, (worker->added & bit) != 0, timeout_ms, &transaction);
        if (answer == ANSWER_PENDING) {
            assert(i == 0); /* Nothing of the batch is there yet. */
            return ANSWER_PENDING;
        }
        if (answer == ANSWER_FAILED) {
            worker->was_refused = true; /* The library takes records all the same; flush says so. */
            break;
        }
        worker->added |= bit;
        sim_transaction_append(worker->kafka, transaction, &batch->records[i]);
        if (worker->faults.reports_lack_offsets ||
            (worker->trouble.chance != NULL && sim_one_in(worker->trouble.chance, worker->trouble.report_lost)))
            batch->records[i].offset = OFFSET_NONE;
    }
    return sim_done(worker, fate, error);
}

static enum answer sink_flush(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_call(worker, "flushes", -1, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    if (worker->faults.flush_fails) {
        worker->faults.flush_fails = false;
        return sim_failed(error, "A record was not delivered.");
    }
    if (worker->was_refused)
        return sim_failed(error, "A record was refused: the producer was fenced, or its transaction has ended.");
    return sim_done(worker, fate, error);
}

/* As the group's coordinator checks it: a member of this generation, under the id that its name has now. */
static bool is_member(const struct sim_kafka *kafka, const struct membership *membership) {
    const struct sim_member *member = &kafka->members[membership->member];
    if (PLANTED(membership_afresh)) /* without a member, as it then is: not looked at */
        return true;
    return member->joined && member->id == membership->id && membership->generation == kafka->generation;
}

static enum answer sink_send_offsets(void *context, const struct input_offset *offsets, uint32_t count,
                                     const struct membership *membership, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_call(worker, "sends offsets", count, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    uint32_t number;
    enum answer answer = enter(worker, worker->offsets_added, timeout_ms, &number);
    if (answer != ANSWER_OK)
        return answer == ANSWER_FAILED ? fenced(error) : answer;
    worker->offsets_added = true;
    if (!is_member(worker->kafka, membership)) {
        error_set(error, RESULT_RETRY, "Illegal generation.");
        return ANSWER_ZOMBIE;
    }
    struct sim_transaction *transaction = &worker->kafka->transactions[number - 1];
    transaction->has_offsets = true;
    for (uint32_t i = 0; i < count; i++)
        transaction->offsets[offsets[i].input.stream][offsets[i].input.partition] = offsets[i].offset;
    return sim_done(worker, fate, error);
}

/* ---- the end */

static void send_end(struct sim_worker *worker, bool commit) {
    worker->end.answer = sim_transaction_end(worker->kafka, worker->number, worker->epoch, commit);
    worker->end.answer_ms = worker->kafka->monotonic_ms;
}

static int64_t some_time(const struct sim_worker *worker) {
    return 1 + sim_below(worker->trouble.chance, worker->trouble.late_ms_max);
}

static void send_end_later(struct sim_worker *worker, bool commit, int64_t due_ms) {
    struct sim_late_end late = {worker->number, worker->epoch, commit, due_ms};
    if (!sim_transaction_end_later(worker->kafka, &late) || worker->story == NULL)
        return;
    sim_story_add(worker->story, worker->kafka->monotonic_ms, worker->process, "EndTxn is on its way until", due_ms,
                  commit, NULL);
}

/* The request arrives late, or never; the client waits for an answer as long as the pipeline lets it. */
static void lose_end(struct sim_worker *worker, bool commit) {
    int64_t now_ms = worker->kafka->monotonic_ms, due_ms = now_ms + some_time(worker);
    if (!sim_one_in(worker->trouble.chance, 3))
        send_end_later(worker, commit, due_ms);
    worker->end.failed = true;
    worker->end.answer_ms = sim_one_in(worker->trouble.chance, 3) ? INT64_MAX : now_ms + some_time(worker);
    worker->troubles++;
}

/* It arrives, and a copy of it arrives later: the library has sent it again. It does so only after an error that it
 * reports, or when the answer takes its time. */
static void repeat_end(struct sim_worker *worker, bool commit) {
    int64_t now_ms = worker->kafka->monotonic_ms;
    send_end(worker, commit);
    send_end_later(worker, commit, now_ms + some_time(worker));
    if (!worker->is_fresh && sim_one_in(worker->trouble.chance, 2))
        worker->end.answer_ms = now_ms + 1001 + sim_below(worker->trouble.chance, 1000);
    else
        worker->troubles++;
}

static void end_somehow(struct sim_worker *worker, bool commit) {
    struct sim_chance *chance = worker->trouble.chance;
    worker->end = (struct sim_end_request){.sent = true};
    if (chance != NULL && worker->offsets_added && sim_one_in(chance, worker->trouble.end_lost))
        lose_end(worker, commit);
    else if (chance != NULL && worker->offsets_added && sim_one_in(chance, worker->trouble.end_repeated))
        repeat_end(worker, commit);
    else
        send_end(worker, commit);
}

static enum answer sink_commit(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    struct sim_faults *faults = &worker->faults;
    SIM_OUTSIDE;
    if (faults->commit_pending > 0) {
        faults->commit_pending--;
        sim_kafka_pass(worker->kafka, timeout_ms);
        return ANSWER_PENDING;
    }
    struct sim_fate fate = sim_call(worker, "commits", -1, timeout_ms, error);
    if (fate.before != ANSWER_OK) /* Nobody knows: the pipeline is told so, though nothing was sent. */
        return fate.before;
    bool silent = faults->commit_unknown_done || faults->commit_unknown_undone;
    if (!worker->end.sent && !faults->commit_unknown_undone)
        end_somehow(worker, true);
    faults->commit_unknown_done = faults->commit_unknown_undone = false;
    if (worker->end.sent && worker->kafka->monotonic_ms < worker->end.answer_ms) {
        sim_kafka_pass(worker->kafka, timeout_ms);
        return ANSWER_PENDING;
    }
    bool good = worker->end.sent && !worker->end.failed && worker->end.answer == SIM_DONE;
    forget(worker);
    if (silent || !good)
        return sim_failed(error, "The commit's answer was lost, or the producer was fenced.");
    worker->is_fresh = false;
    enum answer answer = sim_done(worker, fate, error);
    if (answer == ANSWER_OK && worker->spectator.known != NULL)
        worker->spectator.known(worker->spectator.context, worker->process);
    return answer;
}

static enum answer sink_abort(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_call(worker, "aborts", -1, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    if (!worker->end.sent)
        end_somehow(worker, false);
    if (worker->kafka->monotonic_ms < worker->end.answer_ms) {
        sim_kafka_pass(worker->kafka, timeout_ms);
        return ANSWER_PENDING;
    }
    bool good = !worker->end.failed && worker->end.answer == SIM_DONE;
    forget(worker);
    return good ? sim_done(worker, fate, error) : fenced(error);
}

static uint64_t sink_troubles(void *context) {
    return ((struct sim_worker *)context)->troubles;
}

static void sink_serve(void *context) {
    (void)context;
}

static void sink_close(void *context, int timeout_ms) {
    (void)context;
    (void)timeout_ms;
}

void sim_sink_init(struct sim_worker *worker) {
    worker->sink = (struct sink){worker,      sink_renew, sink_begin,    sink_publish, sink_flush, sink_send_offsets,
                                 sink_commit, sink_abort, sink_troubles, sink_serve,   sink_close};
}
