/* A shard that was assigned becomes one that runs: docs/exactly-once.md, "Taking over a shard". All shards of the
 * worker go through the steps together; each turn makes one call of a port, for one shard where the step is about one.
 * Whatever shows that another owner was or is at work leads back to the first step. */
#include <stdlib.h>
#include <string.h>

#include "base/planted.h"
#include "engine/takeover_internal.h"

static void clear_shard(struct takeover_shard *takeover) {
    struct buffer newest = takeover->newest, layouts = takeover->layouts;
    takeover_clear_page(takeover);
    buffer_clear(&newest);
    *takeover = (struct takeover_shard){.newest = newest, .newest_place = OFFSET_NONE, .layouts = layouts};
}

void takeover_start(struct pipeline *pipeline) {
    pipeline->takeover.step = TAKEOVER_PRODUCER;
    pipeline->takeover.index = 0;
    pipeline->takeover.entered = false;
    pipeline->takeover.not_before_ms = INSTANT_NONE;
    pipeline->takeover.wait_ms = TAKEOVER_WAIT_MS;
    pipeline->takeover.waiting_step = TAKEOVER_PRODUCER;
    pipeline->takeover.waiting_since_ms = monotonic_ms(pipeline);
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        clear_shard(&pipeline->held[i].takeover);
}

void takeover_close_log(struct pipeline *pipeline, struct held_shard *held) {
    if (held->takeover.open)
        pipeline->ports.changelog->close(pipeline->ports.changelog->context, held->number);
    held->takeover.open = false;
}

void takeover_drop(struct pipeline *pipeline, struct held_shard *held) {
    takeover_close_log(pipeline, held);
    clear_shard(&held->takeover);
    buffer_free(&held->takeover.newest);
    buffer_free(&held->takeover.layouts);
}

enum progress takeover_restart(struct pipeline *pipeline, const char *why) {
    pipeline_log(pipeline, LEVEL_INFO, "The takeover starts again: %s", why);
    counters_add(pipeline->counters, COUNTER_TAKEOVERS_RESTARTED, 1);
    pipeline_empty_shards(pipeline, SHARD_TAKEOVER); /* What was read of them may be out of date. */
    takeover_start(pipeline);
    pipeline->takeover.not_before_ms = monotonic_ms(pipeline) + ATTEMPT_PAUSE_MS;
    return PROGRESS_PENDING;
}

enum progress takeover_answer(struct pipeline *pipeline, enum answer answer, struct error *error) {
    switch (answer) {
    case ANSWER_OK:
        return PROGRESS_DONE;
    case ANSWER_PENDING:
        return PROGRESS_PENDING;
    case ANSWER_FAILED:
    case ANSWER_ZOMBIE:
        if (pipeline_logs_again(pipeline, &pipeline->waiting_logged_ms))
            pipeline_log(pipeline, LEVEL_WARNING, "The takeover waits: %s", error->text);
        pipeline->takeover.not_before_ms = monotonic_ms(pipeline) + ATTEMPT_PAUSE_MS;
        return PROGRESS_PENDING;
    case ANSWER_FATAL:
        break;
    }
    return PROGRESS_FATAL;
}

enum progress takeover_answer_in_time(struct pipeline *pipeline, enum answer answer, struct error *error) {
    if (answer == ANSWER_PENDING)
        pipeline->takeover.wait_ms = longer_wait_ms(pipeline->takeover.wait_ms, ANSWER_WAIT_MAX_MS);
    return takeover_answer(pipeline, answer, error);
}

/* ---- the producer, the group's offsets */

static enum progress make_producer(struct pipeline *pipeline, struct error *error) {
    if (!transaction_needs_producer(&pipeline->transaction))
        return PROGRESS_DONE;
    enum answer answer = transaction_renew(&pipeline->transaction, TAKEOVER_WAIT_MS, error);
    counters_add(pipeline->counters, COUNTER_PRODUCERS_RENEWED, answer == ANSWER_OK);
    return takeover_answer(pipeline, answer, error);
}

/* All inputs of all shards, in the order of the shards and of the streams; `wanted` NULL: all. */
static uint32_t collect(struct pipeline *pipeline, bool (*wanted)(const struct held_shard *held, int stream)) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        for (int j = 0; j < STREAMS; j++)
            if (has_stream(pipeline, j) && (wanted == NULL || wanted(&pipeline->held[i], j)))
                pipeline->offsets[count++] = (struct input_offset){.input = {(enum stream)j, pipeline->held[i].number},
                                                                   .offset = OFFSET_NONE};
    return count;
}

/* PENDING while a transaction of a former owner may still end: nothing of the shard is looked at before. */
static enum progress read_committed(struct pipeline *pipeline, struct error *error) {
    const struct source *source = pipeline->ports.source;
    uint32_t count = collect(pipeline, NULL);
    bool too_early = PLANTED(barrier_first) && pipeline->takeover.step == TAKEOVER_COMMITTED;
    int wait_ms = too_early ? 0 : pipeline->takeover.wait_ms; /* With this bug planted, 0 takes what is not stable. */
    enum progress progress = takeover_answer_in_time(
        pipeline, source->committed(source->context, pipeline->offsets, count, wait_ms, error), error);
    if (progress != PROGRESS_DONE)
        return progress;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        for (int j = 0; j < STREAMS; j++)
            pipeline->held[i].takeover.committed[j] = pipeline->held[i].takeover.starts[j] = OFFSET_NONE;
    for (uint32_t i = 0; i < count; i++) {
        struct takeover_shard *takeover =
            &pipeline_find_shard(pipeline, pipeline->offsets[i].input.partition)->takeover;
        takeover->committed[pipeline->offsets[i].input.stream] = pipeline->offsets[i].offset;
        takeover->starts[pipeline->offsets[i].input.stream] = pipeline->offsets[i].offset;
    }
    return PROGRESS_DONE;
}

static bool lacks_start(const struct held_shard *held, int stream) {
    return held->takeover.starts[stream] == OFFSET_NONE;
}

/* Where nothing was ever committed, reading starts by the configuration: as a number, so that it is decided once. */
static enum progress find_starts(struct pipeline *pipeline, struct error *error) {
    const struct source *source = pipeline->ports.source;
    uint32_t count = collect(pipeline, lacks_start);
    if (count == 0)
        return PROGRESS_DONE;
    enum progress progress = takeover_answer_in_time(
        pipeline, source->starts(source->context, pipeline->offsets, count, pipeline->takeover.wait_ms, error), error);
    for (uint32_t i = 0; i < count && progress == PROGRESS_DONE; i++)
        pipeline_find_shard(pipeline, pipeline->offsets[i].input.partition)
            ->takeover.starts[pipeline->offsets[i].input.stream] = pipeline->offsets[i].offset;
    return progress;
}

/* ---- the barrier */

/* Adds the record whose value is in `scratch`. */
static enum result add(struct pipeline *pipeline, const struct held_shard *held, enum changelog_kind kind,
                       struct error *error) {
    if (!buffer_ok(&pipeline->scratch))
        return error_set(error, RESULT_FATAL, "Memory is out: a barrier could not be encoded.");
    struct record record = {.output = OUTPUT_CHANGELOG,
                            .partition = held->number,
                            .key = changelog_key(kind),
                            .value = buffer_text(&pipeline->scratch)};
    return batch_add(&pipeline->takeover.batch, &record, error);
}

/* The first record of a new shard, with the offsets that are committed beside it. */
static enum result add_first_record(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct shard_record first = {.partitions = pipeline->options.partitions,
                                 .clocks = CLOCKS_INITIAL,
                                 .chosen = STREAMS,
                                 .chosen_offset = OFFSET_NONE};
    for (int i = 0; i < STREAMS; i++)
        first.inputs[i] = (struct input_record){
            .next_offset = held->takeover.starts[i], .last_offset = OFFSET_NONE, .last_timestamp_ms = OFFSET_NONE};
    enum result result = rulesets_activate(&first, pipeline->program, &held->arena, error);
    if (result != RESULT_OK)
        return result;
    buffer_clear(&pipeline->scratch);
    shard_record_encode(&first, &pipeline->scratch);
    return add(pipeline, held, CHANGELOG_SHARD, error);
}

/* The barrier is the last of the shard's records: what is up to it is all that there was. */
static enum result add_barrier(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct chance *chance = pipeline->ports.chance;
    struct takeover_shard *takeover = &held->takeover;
    enum result result = RESULT_OK;
    if (takeover->makes_id) {
        buffer_clear(&pipeline->scratch);
        changelog_encode_id(held->changelog_id, pipeline->options.group, &pipeline->scratch);
        result = add(pipeline, held, CHANGELOG_ID, error);
    }
    if (result == RESULT_OK && takeover->is_new)
        result = add_first_record(pipeline, held, error);
    if (result != RESULT_OK)
        return result;
    chance->fill(chance->context, takeover->barrier.nonce, NONCE_SIZE);
    takeover->barrier.partitions = pipeline->options.partitions;
    buffer_clear(&pipeline->scratch);
    barrier_encode(&takeover->barrier, &pipeline->scratch);
    return add(pipeline, held, CHANGELOG_BARRIER, error);
}

/* The planted bug no_barrier; false where a shard is new and must have its first record. */
static bool skip_barriers(struct pipeline *pipeline) {
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (pipeline->held[i].takeover.is_new || pipeline->held[i].takeover.noted_end == 0)
            return false;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        pipeline->held[i].epoch = pipeline->held[i].takeover.noted_end - 1;
    return true;
}

static enum progress set_barriers(struct pipeline *pipeline, struct error *error) {
    struct takeover *takeover = &pipeline->takeover;
    if (takeover->entered)
        return PROGRESS_PENDING; /* takeover_barrier_end goes on. */
    takeover->entered = true;
    if (PLANTED(no_barrier) && skip_barriers(pipeline))
        return PROGRESS_DONE;
    batch_clear(&takeover->batch);
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (add_barrier(pipeline, &pipeline->held[i], error) != RESULT_OK)
            return PROGRESS_FATAL;
    takeover->batches[0] = &takeover->batch;
    uint32_t count = collect(pipeline, NULL);
    for (uint32_t i = 0; i < count; i++)
        pipeline->offsets[i].offset = pipeline_find_shard(pipeline, pipeline->offsets[i].input.partition)
                                          ->takeover.starts[pipeline->offsets[i].input.stream];
    transaction_start(&pipeline->transaction, takeover->batches, 1, pipeline->offsets, count, pipeline->membership);
    return PROGRESS_PENDING;
}

enum result takeover_barrier_end(struct pipeline *pipeline, enum transaction_outcome outcome, struct error *error) {
    struct takeover *takeover = &pipeline->takeover;
    if (outcome != TRANSACTION_KNOWN) {
        takeover_restart(pipeline, error->text);
        return RESULT_OK;
    }
    for (uint32_t i = 0; i < takeover->batch.count; i++) {
        const struct record *record = &takeover->batch.records[i];
        if (text_equal(record->key, changelog_key(CHANGELOG_BARRIER)))
            pipeline_find_shard(pipeline, record->partition)->epoch = record->offset;
    }
    batch_clear(&takeover->batch);
    takeover->step = TAKEOVER_EPOCH;
    takeover->index = 0;
    takeover->entered = false;
    return RESULT_OK;
}

/* ---- the claim */

static enum progress claim(struct pipeline *pipeline, struct error *error) {
    bool all = true;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct held_shard *held = &pipeline->held[i];
        all &= held->takeover.claimed;
        if (held->takeover.claimed || held->takeover.asked || monotonic_ms(pipeline) < pipeline->claim_not_before_ms)
            continue;
        held->takeover.asked = true;
        if (paging_claim(pipeline, held, held->epoch, false, error) != RESULT_OK)
            return PROGRESS_FATAL;
    }
    return all ? PROGRESS_DONE : PROGRESS_PENDING;
}

/* What is in the store is whole up to the meta's offset; from there on the changelog is read. */
static enum result claimed(struct held_shard *held, const struct store_meta *meta, struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    takeover->asked = false;
    takeover->claimed = true;
    takeover->restored = false;
    takeover->position = PLANTED(restore_after_meta) ? held->epoch + 1 : meta->exists ? meta->changelog_offset : 0;
    buffer_clear(&takeover->newest);
    takeover->newest_place = OFFSET_NONE;
    struct error what;
    if (layouts_add_all(&held->layouts, meta->layouts, &held->arena, &what) != RESULT_OK)
        return error_set(error, RESULT_FATAL,
                         "Shard %d in Redis: %s. Delete all keys of the shard, and start again: the changelog restores "
                         "them.",
                         held->number, what.text);
    if (!meta->exists || meta->shard_record.size == 0)
        return RESULT_OK;
    buffer_put_text(&takeover->newest, meta->shard_record);
    takeover->newest_place = meta->changelog_offset;
    return buffer_ok(&takeover->newest)
               ? RESULT_OK
               : error_set(error, RESULT_FATAL, "Memory is out: a shard could not be claimed.");
}

void takeover_suspect(struct pipeline *pipeline, const struct held_shard *held, const struct error *what) {
    pipeline->takeover.suspicion = *what;
    pipeline->takeover.step = TAKEOVER_LATER;
    pipeline->takeover.index = (uint32_t)(held - pipeline->held);
    pipeline->takeover.entered = false;
}

static enum result refused(struct pipeline *pipeline, struct held_shard *held, const struct store_event *event,
                           struct error *error) {
    held->takeover.asked = false;
    if (event->refusal == STORE_REFUSED_IDENTITY) {
        *error = event->error;
        return RESULT_FATAL;
    }
    takeover_suspect(pipeline, held, &event->error);
    return RESULT_OK;
}

enum result takeover_event(struct pipeline *pipeline, struct held_shard *held, const struct store_event *event,
                           struct error *error) {
    switch (event->kind) {
    case STORE_CLAIMED:
        return claimed(held, &event->meta, error);
    case STORE_REFUSED:
        return refused(pipeline, held, event, error);
    case STORE_WRITTEN:
        takeover_page_written(held);
        return RESULT_OK;
    case STORE_LOST:
        counters_add(pipeline->counters, COUNTER_STORE_LOST, 1);
        if (transaction_is_running(&pipeline->transaction))
            pipeline_lose(pipeline, event->error.text);
        else
            takeover_restart(pipeline, event->error.text);
        return RESULT_OK;
    default:
        return RESULT_OK;
    }
}

void takeover_unavailable(struct pipeline *pipeline) {
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct takeover_shard *takeover = &pipeline->held[i].takeover;
        takeover->asked = takeover->claimed = false;
        takeover_clear_page(takeover);
        takeover_close_log(pipeline, &pipeline->held[i]);
    }
    /* Shards that begin claim again once they run. */
    if (pipeline->takeover.step > TAKEOVER_CLAIM && pipeline->takeover.step < TAKEOVER_BEGIN) {
        pipeline->takeover.step = TAKEOVER_CLAIM;
        pipeline->takeover.index = 0;
        pipeline->takeover.entered = false;
    }
}

/* The planted bug barrier_first: only now, behind the barrier, the group's offsets are awaited. */
static enum progress claim_late(struct pipeline *pipeline, struct error *error) {
    if (!pipeline->takeover.entered) {
        enum progress progress = read_committed(pipeline, error);
        if (progress != PROGRESS_DONE)
            return progress;
        pipeline->takeover.entered = true;
    }
    return claim(pipeline, error);
}

static enum progress claim_all(struct pipeline *pipeline, struct error *error) {
    return PLANTED(barrier_first) ? claim_late(pipeline, error) : claim(pipeline, error);
}

/* ---- the steps */

typedef enum progress worker_step(struct pipeline *pipeline, struct error *error);
typedef enum progress shard_step(struct pipeline *pipeline, struct held_shard *held, struct error *error);

static const struct {
    worker_step *worker; /* for all shards at once */
    shard_step *shard;   /* for one after the other */
    const char *awaits;
} steps[] = {
    [TAKEOVER_PRODUCER] = {.worker = make_producer, .awaits = "a producer"},
    [TAKEOVER_COMMITTED] = {.worker = read_committed,
                            .awaits = "the group's offsets, over which no transaction may hang"},
    [TAKEOVER_BOUNDS] = {.shard = takeover_note_end, .awaits = "the changelog's end"},
    [TAKEOVER_IDENTITY] = {.shard = takeover_read_id, .awaits = "the changelog's id"},
    [TAKEOVER_HISTORY] = {.shard = takeover_read_history, .awaits = "the changelog's newest shard record"},
    [TAKEOVER_STARTS] = {.worker = find_starts, .awaits = "the offsets at which to start"},
    [TAKEOVER_BARRIER] = {.worker = set_barriers, .awaits = "its barrier"},
    [TAKEOVER_EPOCH] = {.shard = takeover_find_epoch, .awaits = "its barrier's offset"},
    [TAKEOVER_CLAIM] = {.worker = claim_all, .awaits = "the claim in Redis"},
    [TAKEOVER_RESTORE] = {.worker = takeover_restore, .awaits = "the changelog, or Redis"},
    [TAKEOVER_COMPARE] = {.shard = takeover_compare, .awaits = "the comparison of offsets"},
    [TAKEOVER_INPUTS] = {.shard = takeover_check_inputs, .awaits = "the inputs"},
    [TAKEOVER_BEGIN] = {.worker = takeover_begin, .awaits = "the begin"},
    [TAKEOVER_LATER] = {.shard = takeover_look_for_later, .awaits = "the changelog"},
};

/* A takeover that does not come on says what it waits for. */
static void tell_waiting(struct pipeline *pipeline) {
    struct takeover *takeover = &pipeline->takeover;
    int64_t now_ms = monotonic_ms(pipeline);
    if (takeover->waiting_step != takeover->step) {
        takeover->waiting_step = takeover->step;
        takeover->waiting_since_ms = now_ms;
    }
    int64_t waited_ms = now_ms - takeover->waiting_since_ms;
    if (waited_ms >= LOG_AGAIN_MS && pipeline_logs_again(pipeline, &pipeline->waiting_logged_ms))
        pipeline_log(pipeline, LEVEL_WARNING, "The takeover has been waiting for %s for %lld s.",
                     steps[takeover->step].awaits, (long long)(waited_ms / SECOND));
}

enum result takeover_turn(struct pipeline *pipeline, struct error *error) {
    struct takeover *takeover = &pipeline->takeover;
    if (monotonic_ms(pipeline) < takeover->not_before_ms)
        return RESULT_OK;
    tell_waiting(pipeline);
    enum takeover_step step = takeover->step;
    enum progress progress = steps[step].worker != NULL
                                 ? steps[step].worker(pipeline, error)
                                 : steps[step].shard(pipeline, &pipeline->held[takeover->index], error);
    if (progress == PROGRESS_FATAL)
        return RESULT_FATAL;
    if (progress != PROGRESS_DONE || takeover->step != step || pipeline->mode != MODE_TAKEOVER)
        return RESULT_OK;
    takeover->entered = false;
    if (steps[step].shard != NULL && ++takeover->index < pipeline->held_count)
        return RESULT_OK;
    takeover->index = 0;
    takeover->step++;
    return RESULT_OK;
}
