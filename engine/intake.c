/* From the source to decided changes: fetches, merges, decodes, checks, and hands each record to its shard. */
#include <assert.h>

#include "base/planted.h"
#include "engine/pipeline_internal.h"

/* ---- what the shards decide */

static enum result decided(void *context, const struct change *changes, uint32_t count, const struct status *status,
                           struct error *error) {
    struct pipeline *pipeline = context;
    const struct encoder *encoder = pipeline->ports.encoder;
    int64_t decided_at_ms = wall_ms(pipeline);
    enum result result = RESULT_OK;
    if (PLANTED(status_without_change) && status != NULL)
        count = 0;
    for (uint32_t i = 0; i < count && result == RESULT_OK; i++)
        result = encoder->change(encoder->context, &changes[i], decided_at_ms, &pipeline->outputs, error);
    if (result == RESULT_OK && status != NULL)
        result = encoder->status(encoder->context, status, &pipeline->outputs, error);
    return result;
}

const struct shard_output *intake_output(struct pipeline *pipeline) {
    pipeline->output = (struct shard_output){pipeline, decided};
    return &pipeline->output;
}

/* ---- fetching */

static void fetch_input(struct pipeline *pipeline, struct held_shard *held, enum stream stream) {
    const struct source *source = pipeline->ports.source;
    uint32_t room = merge_room(held->merge, stream);
    if (room == 0)
        return;
    struct fetched fetched = {0};
    source->fetch(source->context, (struct input){stream, held->number}, pipeline->fetched,
                  room < FETCH_MAX ? room : FETCH_MAX, &fetched);
    uint32_t kept = merge_put(held->merge, stream, pipeline->fetched, fetched.count, fetched.position);
    if (kept < fetched.count)
        source->release(source->context, pipeline->fetched + kept, fetched.count - kept);
}

static void fetch(struct pipeline *pipeline, struct held_shard *held) {
    for (int i = 0; i < STREAMS; i++)
        if (has_stream(pipeline, i))
            fetch_input(pipeline, held, (enum stream)i);
}

void intake_drop(struct pipeline *pipeline, struct held_shard *held) {
    struct message message;
    while (merge_clear(held->merge, &message))
        pipeline->ports.source->release(pipeline->ports.source->context, &message, 1);
}

/* ---- one record */

static enum result dead_letter(struct pipeline *pipeline, const struct message *message,
                               const struct rejection *rejection, struct error *error) {
    const struct source *source = pipeline->ports.source;
    struct header headers[DEAD_LETTER_HEADERS_MAX];
    struct dead_letter letter = {
        .message = message,
        .headers = headers,
        .headers_count = source->headers(source->context, message, headers, DEAD_LETTER_HEADERS_MAX),
        .rejection = rejection,
    };
    counters_add(pipeline->counters, COUNTER_REJECTED + rejection->reason, 1);
    pipeline_log(pipeline, LEVEL_DEBUG, "%.*s/%d@%lld was rejected: %s",
                 TEXT_ARGUMENTS(stream_schemas[message->stream].name), message->partition, (long long)message->offset,
                 rejection->detail.text);
    return pipeline->ports.encoder->dead_letter(pipeline->ports.encoder->context, &letter, &pipeline->outputs, error);
}

/* What the clocks said when a shard's turn began: reading them for each record would cost as much as decoding it. */
struct turn {
    int64_t wall_ms, monotonic_ms;
};

/* An event's time is held against the earlier of its record's and now. Nearly all records are older than the turn. */
static int64_t reference_ms(const struct pipeline *pipeline, const struct turn *turn, const struct message *message) {
    if (message->timestamp_ms >= 0 && message->timestamp_ms <= turn->wall_ms)
        return message->timestamp_ms;
    int64_t now_ms = wall_ms(pipeline);
    return message->timestamp_ms >= 0 && message->timestamp_ms < now_ms ? message->timestamp_ms : now_ms;
}

/* OK: an event that may be taken. REJECT, RETRY and FATAL as of decoder.decode. */
static enum result decode(struct pipeline *pipeline, const struct turn *turn, const struct message *message,
                          struct event *ret_event, struct rejection *ret_rejection, struct error *error) {
    const struct pipeline_options *options = &pipeline->options;
    size_t size = (size_t)message->key.size + message->value.size;
    if (!validate_size(size, options->record_bytes_max, ret_rejection))
        return RESULT_REJECT;
    enum result result = pipeline->ports.decoder->decode(pipeline->ports.decoder->context, message, ret_event,
                                                         ret_rejection, error);
    if (result != RESULT_OK)
        return result;
    bool good = validate_partition(options->partitioner, options->partitions, ret_event, ret_rejection) &&
                validate_time(pipeline->program, ret_event, reference_ms(pipeline, turn, message), ret_rejection);
    return good ? RESULT_OK : RESULT_REJECT;
}

/* The head is done with, whatever became of it. */
static void consume(struct pipeline *pipeline, struct held_shard *held) {
    const struct message *message = merge_take(held->merge);
    held->record.inputs[message->stream] = (struct input_record){
        .next_offset = message->offset + 1, .last_offset = message->offset, .last_timestamp_ms = message->timestamp_ms};
    held->record_ms = message->timestamp_ms;
    held->moved = true;
    counters_add(pipeline->counters, COUNTER_RECORDS + message->stream, 1);
    pipeline->ports.source->release(pipeline->ports.source->context, message, 1);
}

/* Takes the head. RETRY: it stays, something has to come first. */
static enum result take(struct pipeline *pipeline, const struct turn *turn, struct held_shard *held,
                        struct error *error) {
    const struct message *message = merge_head(held->merge);
    struct event event;
    struct rejection rejection;
    enum step_outcome outcome = STEP_APPLIED;
    enum result result = decode(pipeline, turn, message, &event, &rejection, error);
    if (result == RESULT_RETRY) {
        if (pipeline_logs_again(pipeline, &pipeline->schema_logged_ms))
            pipeline_log(pipeline, LEVEL_WARNING, "Shard %d waits for a schema: %s", held->number, error->text);
        held->decode_not_before_ms = monotonic_ms(pipeline) + DECODE_PAUSE_MS;
        return RESULT_RETRY;
    }
    if (result == RESULT_OK)
        result = shard_take(held->shard, merge_note(held->merge, message->stream, 0), &event, &outcome, error);
    if (result == RESULT_RETRY) {
        enum result met = paging_meet(pipeline, held, error);
        return met == RESULT_OK ? RESULT_RETRY : met;
    }
    if (result == RESULT_OK && outcome == STEP_ACCOUNT_TOO_LARGE) {
        reject_too_large(&event, &rejection);
        result = RESULT_REJECT;
    }
    if (result == RESULT_REJECT)
        result = dead_letter(pipeline, message, &rejection, error);
    if (result == RESULT_OK)
        consume(pipeline, held);
    return result;
}

/* ---- a shard's turn */

/* Ticks that were begun are fired to their end before anything else is looked at, unless a record that is chosen fires
 * them. RETRY: something has to come first. */
static enum result resume_ticks(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    if (!shard_ticks_pending(held->shard) || merge_chosen(held->merge) != STREAMS)
        return RESULT_OK;
    enum result result = shard_resume(held->shard, error);
    if (result != RESULT_RETRY)
        return result;
    enum result met = paging_meet(pipeline, held, error);
    return met == RESULT_OK ? RESULT_RETRY : met;
}

/* Has what is known of accounts on its way from memory before their records are taken, a little with each record: the
 * processor has only so many loads open at a time. */
static void prefetch_soon(const struct held_shard *held, enum stream stream) {
    uint32_t soon = merge_note(held->merge, stream, RECORDS_SOON);
    accounts_prefetch(shard_accounts(held->shard), merge_note(held->merge, stream, 2 * RECORDS_SOON), soon);
    accounts_prefetch_deadline(shard_accounts(held->shard), soon);
}

/* RESULT_RETRY: it could not take all that it was allowed to. */
static enum result take_records(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct turn turn = {wall_ms(pipeline), monotonic_ms(pipeline)};
    enum result result = resume_ticks(pipeline, held, error);
    for (int i = 0; i < RECORDS_PER_TURN_MAX && result == RESULT_OK; i++) {
        enum stream stream;
        if (merge_next(held->merge, turn.monotonic_ms, &stream) != MERGE_HEAD)
            return RESULT_RETRY;
        prefetch_soon(held, stream);
        result = take(pipeline, &turn, held, error);
        if (i % RECORDS_PER_LOOK == 0 && commit_is_full(pipeline))
            break;
    }
    return result;
}

/* A shard whose commits wait for the store takes no more, nor does one that waits for a schema: all others go on. */
static bool is_held_up(const struct pipeline *pipeline, const struct held_shard *held) {
    return held->behind.bytes > STORE_LAG_BYTES_MAX / pipeline->held_count ||
           monotonic_ms(pipeline) < held->decode_not_before_ms;
}

enum result intake(struct pipeline *pipeline, struct error *error) {
    pipeline->dry = true;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct held_shard *held = &pipeline->held[i];
        if (!held->running)
            continue;
        fetch(pipeline, held);
        enum result result = paging_ahead(pipeline, held, error);
        if (result != RESULT_OK)
            return result;
        if (is_held_up(pipeline, held) || commit_is_full(pipeline))
            continue;
        result = take_records(pipeline, held, error);
        if (result == RESULT_OK || (result == RESULT_RETRY && shard_is_pausing(held->shard)))
            pipeline->dry = false;
        else if (result != RESULT_RETRY)
            return result;
    }
    return RESULT_OK;
}

/* ---- the ends of the inputs, and the clock */

void intake_begin(struct pipeline *pipeline) {
    pipeline->ends_told_ms = monotonic_ms(pipeline);
    pipeline->ends_due_ms = pipeline->ends_told_ms + ENDS_EVERY_MS;
    pipeline->ends_wait_ms = ENDS_WAIT_MS;
}

/* Nobody has told them, or not in time. */
static void miss_ends(struct pipeline *pipeline, enum answer answer, const struct error *error) {
    int64_t now_ms = monotonic_ms(pipeline);
    int64_t rest_until_ms = now_ms + (int64_t)ENDS_REST * pipeline->ends_wait_ms;
    if (pipeline->ends_due_ms < rest_until_ms)
        pipeline->ends_due_ms = rest_until_ms;
    if (answer == ANSWER_PENDING)
        pipeline->ends_wait_ms = longer_wait_ms(pipeline->ends_wait_ms, ENDS_WAIT_MAX_MS);
    int64_t untold_ms = now_ms - pipeline->ends_told_ms;
    if (untold_ms >= ENDS_UNTOLD_MS && pipeline_logs_again(pipeline, &pipeline->ends_logged_ms))
        pipeline_log(pipeline, LEVEL_WARNING,
                     "Where the inputs end has not been told for %lld s (%s): where no records come, time does not "
                     "move on.",
                     (long long)(untold_ms / SECOND),
                     answer == ANSWER_PENDING ? "the brokers give no answer in time" : error->text);
}

/* Asks for the ends of all inputs that have nothing waiting, in one go; of shards that are held back too, so that it is
 * seen how far they are behind. */
static enum result ask_ends(struct pipeline *pipeline, int64_t now_ms, struct error *error) {
    const struct source *source = pipeline->ports.source;
    uint32_t count = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        for (int j = 0; j < STREAMS && (pipeline->held[i].running || pipeline->held[i].held_back); j++)
            if (merge_is_dry(pipeline->held[i].merge, (enum stream)j))
                pipeline->inputs[count++] = (struct input){(enum stream)j, pipeline->held[i].number};
    if (count == 0) {
        pipeline->ends_told_ms = now_ms;
        return RESULT_OK;
    }
    enum answer answer = source->bounds(source->context, pipeline->inputs, count, pipeline->bounds,
                                        pipeline->ends_wait_ms, error);
    if (answer == ANSWER_FATAL)
        return RESULT_FATAL;
    if (answer != ANSWER_OK) {
        miss_ends(pipeline, answer, error);
        return RESULT_OK;
    }
    pipeline->ends_told_ms = now_ms;
    for (uint32_t i = 0, j = 0; i < count; i++) {
        while (pipeline->held[j].number != pipeline->inputs[i].partition)
            j++;
        merge_confirm(pipeline->held[j].merge, pipeline->inputs[i].stream, pipeline->bounds[i].stable, now_ms);
    }
    return RESULT_OK;
}

static enum result follow_clock(struct pipeline *pipeline, struct held_shard *held, int64_t now_ms,
                                struct error *error) {
    /* A record that is chosen, or ticks that have begun, come first. */
    if (!merge_confirmed(held->merge, now_ms) || merge_chosen(held->merge) != STREAMS ||
        shard_ticks_pending(held->shard))
        return RESULT_OK;
    enum result result = shard_advance(held->shard, wall_ms(pipeline) - shard_lateness_ms(held->shard), error);
    if (result != RESULT_RETRY)
        return result;
    return paging_meet(pipeline, held, error);
}

enum result intake_follow_clock(struct pipeline *pipeline, struct error *error) {
    if (pipeline->options.until_end || pipeline->options.records_only)
        return RESULT_OK;
    int64_t now_ms = monotonic_ms(pipeline);
    /* The question would lengthen a commit that is about to end. */
    if (now_ms >= pipeline->ends_due_ms && pipeline->transaction.phase != PHASE_COMMIT) {
        pipeline->ends_due_ms = now_ms + ENDS_EVERY_MS;
        enum result result = ask_ends(pipeline, now_ms, error);
        if (result != RESULT_OK)
            return result;
    }
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct held_shard *held = &pipeline->held[i];
        if (!held->running || commit_is_full(pipeline))
            continue;
        enum result result = follow_clock(pipeline, held, now_ms, error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}
