/* The last steps of a takeover: whether what the group, the changelog and the topics say fits together, and the begin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/planted.h"
#include "engine/takeover_internal.h"

#define SHARDS_NAMED_MAX 5 /* in a line of the log that is about many */

static enum progress suspect(struct pipeline *pipeline, struct held_shard *held, const struct error *what) {
    takeover_suspect(pipeline, held, what);
    return PROGRESS_PENDING;
}

/* ---- the planted bug shard_kept */

static void forget_kept(struct held_shard *kept) {
    shard_free(kept->shard);
    arena_free(&kept->arena);
    *kept = (struct held_shard){0};
}

void takeover_forget_kept(struct pipeline *pipeline) {
    for (int32_t i = 0; i < pipeline->options.partitions && pipeline->kept != NULL; i++)
        forget_kept(&pipeline->kept[i]);
    free(pipeline->kept);
    pipeline->kept = NULL;
}

/* Only where all is committed; and while there is room, as what is kept is never evicted. */
void takeover_keep(struct pipeline *pipeline) {
    if (pipeline->kept == NULL)
        pipeline->kept = calloc((size_t)pipeline->options.partitions, sizeof *pipeline->kept);
    if (pipeline->kept == NULL || pipeline->mode != MODE_RUNNING || !commit_is_empty(pipeline) ||
        pipeline->slab.bytes_used > pipeline->options.memory_bytes_max / 4)
        return;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct held_shard *held = &pipeline->held[i], *kept = &pipeline->kept[held->number];
        forget_kept(kept);
        if (!held->running)
            continue;
        *kept = (struct held_shard){
            .shard = held->shard, .arena = held->arena, .record = held->record, .layouts = held->layouts};
        held->shard = NULL;
        held->arena = (struct arena){0};
        accounts_forget_loading(shard_accounts(kept->shard));
    }
}

/* The store has everything by now. */
static void take_back(struct pipeline *pipeline, struct held_shard *held) {
    struct held_shard *kept = &pipeline->kept[held->number];
    if (kept->shard == NULL || kept->record.rulesets_count != held->record.rulesets_count)
        return;
    arena_free(&held->arena);
    held->shard = kept->shard;
    held->arena = kept->arena;
    held->record = kept->record;
    held->layouts = kept->layouts;
    *kept = (struct held_shard){0};
    struct accounts *accounts = shard_accounts(held->shard);
    for (uint32_t i = 0; i < accounts_count(accounts); i++)
        accounts_acknowledged(accounts, i, held->record.commit);
}

static enum result go_on(struct held_shard *held, struct error *error) {
    struct clocks clocks = *shard_clocks(held->shard);
    shard_restore(held->shard, &clocks, shard_rules_changed(held->shard));
    enum result result = shard_advance(held->shard, clocks.watermark_ms, error);
    return result == RESULT_RETRY ? RESULT_OK : result;
}

/* ---- group and shard record */

static enum progress compare_input(struct pipeline *pipeline, struct held_shard *held, int stream) {
    int64_t committed = held->takeover.committed[stream];
    struct input_record *input = &held->record.inputs[stream];
    struct text name = stream_schemas[stream].name;
    if (input->next_offset == OFFSET_NONE) {
        input->next_offset = held->takeover.starts[stream]; /* a stream that came later */
        return PROGRESS_DONE;
    }
    if (PLANTED(group_believed) && committed != OFFSET_NONE)
        input->next_offset = committed;
    if (committed > input->next_offset) {
        struct error what;
        error_set(
            &what, RESULT_FATAL,
            "The group's offset of %.*s/%d is %lld, but the changelog's newest state is of offset %lld: the "
            "changelog has lost its end, or the group's offsets were moved forward by hand. Set them back to %lld "
            "to go on from the state.",
            TEXT_ARGUMENTS(name), held->number, (long long)committed, (long long)input->next_offset,
            (long long)input->next_offset);
        return suspect(pipeline, held, &what);
    }
    if (committed != input->next_offset && !held->takeover.is_new) {
        pipeline_log(pipeline, LEVEL_WARNING, "The group's offset of %.*s/%d is %lld; the shard's own, %lld, counts.",
                     TEXT_ARGUMENTS(name), held->number, (long long)committed, (long long)input->next_offset);
        counters_add(pipeline->counters, COUNTER_OFFSETS_BEHIND, 1);
        held->takeover.group_is_behind = true;
    }
    return PROGRESS_DONE;
}

/* The group's offsets and the newest shard record's must agree; the record wins where the group is behind. */
enum progress takeover_compare(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    if (held->takeover.newest_place == OFFSET_NONE) {
        struct error what;
        error_set(
            &what, RESULT_FATAL,
            "The group has offsets of shard %d, but its changelog holds no state: it was deleted or recreated, or "
            "`kafka.group` is another product's. Give a new group name, or delete the group's offsets, to begin anew.",
            held->number);
        return suspect(pipeline, held, &what);
    }
    enum result result = shard_record_decode(buffer_text(&held->takeover.newest), &held->arena, &held->record, error);
    if (result != RESULT_OK)
        return PROGRESS_FATAL;
    if (held->record.partitions != pipeline->options.partitions) {
        error_set(error, RESULT_FATAL,
                  "Shard %d was written with %d partitions; the inputs have %d now. Their number is fixed for life.",
                  held->number, held->record.partitions, pipeline->options.partitions);
        return PROGRESS_FATAL;
    }
    for (int i = 0; i < STREAMS; i++) {
        enum progress progress = has_stream(pipeline, i) ? compare_input(pipeline, held, i) : PROGRESS_DONE;
        if (progress != PROGRESS_DONE)
            return progress;
    }
    if (PLANTED(shard_kept) && pipeline->kept != NULL)
        take_back(pipeline, held);
    return PROGRESS_DONE;
}

/* ---- the inputs are still those that were read */

static enum progress check_range(struct pipeline *pipeline, struct held_shard *held, const struct input *input,
                                 const struct bounds *bounds, struct error *error) {
    int64_t next = held->record.inputs[input->stream].next_offset;
    if (next >= bounds->low && next <= bounds->stable)
        return PROGRESS_DONE;
    int64_t now_ms = monotonic_ms(pipeline);
    if (held->takeover.retry_until_ms == 0)
        held->takeover.retry_until_ms = now_ms + INPUT_RANGE_MS;
    if (now_ms < held->takeover.retry_until_ms)
        return PROGRESS_PENDING; /* A new leader may lag for a moment. */
    error_set(error, RESULT_FATAL, "%.*s/%d holds offsets %lld to %lld, but the shard goes on at %lld: %s.",
              TEXT_ARGUMENTS(stream_schemas[input->stream].name), input->partition, (long long)bounds->low,
              (long long)bounds->stable, (long long)next,
              next < bounds->low
                  ? "records were deleted (retention) before they were read; nothing can bring them back. "
                    "To accept the gap, use a new group"
                  : "the topic was recreated or truncated. Use a new group to begin anew with it");
    return PROGRESS_FATAL;
}

/* The last record that was consumed, where it still exists, has the timestamp that it had. */
static enum progress check_last(struct pipeline *pipeline, struct held_shard *held, const struct input *input,
                                struct error *error) {
    const struct source *source = pipeline->ports.source;
    const struct input_record *record = &held->record.inputs[input->stream];
    bool found = false;
    int64_t timestamp_ms = 0;
    if (record->last_offset == OFFSET_NONE)
        return PROGRESS_DONE;
    enum progress progress = takeover_answer(
        pipeline,
        source->timestamp(source->context, *input, record->last_offset, &found, &timestamp_ms, TAKEOVER_WAIT_MS, error),
        error);
    if (progress != PROGRESS_DONE || !found || timestamp_ms == record->last_timestamp_ms)
        return progress;
    error_set(
        error, RESULT_FATAL,
        "The record %.*s/%d@%lld has the timestamp %lld; when it was consumed it had %lld: the topic was recreated. "
        "Use a new group to begin anew with it.",
        TEXT_ARGUMENTS(stream_schemas[input->stream].name), input->partition, (long long)record->last_offset,
        (long long)timestamp_ms, (long long)record->last_timestamp_ms);
    return PROGRESS_FATAL;
}

static enum progress make_merge(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct merge_options options = {.streams = pipeline->options.streams,
                                    .wait_max_ms = pipeline->options.merge_wait_max_ms,
                                    .confirm_max_ms = ENDS_CONFIRMED_MS};
    if (held->merge != NULL)
        return PROGRESS_DONE;
    if (merge_create(&options, &held->merge, error) != RESULT_OK)
        return PROGRESS_FATAL;
    for (int i = 0; i < STREAMS; i++)
        if (has_stream(pipeline, i))
            merge_begin(held->merge, (enum stream)i, held->record.inputs[i].next_offset);
    if (held->record.chosen != STREAMS && !PLANTED(chosen_not_restored) &&
        has_stream(pipeline, (int)held->record.chosen))
        merge_choose(held->merge, held->record.chosen, held->record.chosen_offset);
    return PROGRESS_DONE;
}

static enum progress ask_bounds(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct source *source = pipeline->ports.source;
    struct takeover_shard *takeover = &held->takeover;
    struct input inputs[STREAMS];
    struct bounds bounds[STREAMS];
    uint32_t count = 0;
    for (int i = 0; i < STREAMS; i++)
        if (has_stream(pipeline, i))
            inputs[count++] = (struct input){(enum stream)i, held->number};
    takeover->bounds_ms = monotonic_ms(pipeline);
    enum progress progress = takeover_answer_in_time(
        pipeline, source->bounds(source->context, inputs, count, bounds, pipeline->takeover.wait_ms, error), error);
    for (uint32_t i = 0; i < count && progress == PROGRESS_DONE; i++)
        takeover->bounds[inputs[i].stream] = bounds[i];
    takeover->bounded = progress == PROGRESS_DONE;
    takeover->checked = 0;
    return progress;
}

/* One input after the other, a call each. */
static enum progress check_input(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    struct input input = {(enum stream)takeover->checked, held->number};
    enum progress progress = PROGRESS_DONE;
    if (has_stream(pipeline, (int)input.stream)) {
        progress = check_range(pipeline, held, &input, &takeover->bounds[input.stream], error);
        if (progress == PROGRESS_PENDING)
            takeover->bounded = false; /* They are asked again. */
        if (progress == PROGRESS_DONE)
            progress = check_last(pipeline, held, &input, error);
    }
    if (progress == PROGRESS_DONE && ++takeover->checked < STREAMS)
        return PROGRESS_PENDING;
    return progress;
}

/* Also tells the merge how far the inputs go: what is there now is waited for. */
enum progress takeover_check_inputs(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    enum progress progress = PROGRESS_DONE;
    if (!takeover->bounded)
        progress = ask_bounds(pipeline, held, error);
    else
        progress = check_input(pipeline, held, error);
    if (progress != PROGRESS_DONE || takeover->checked < STREAMS)
        return progress == PROGRESS_DONE ? PROGRESS_PENDING : progress;
    progress = make_merge(pipeline, held, error);
    for (int i = 0; i < STREAMS && progress == PROGRESS_DONE; i++) {
        if (!has_stream(pipeline, i))
            continue;
        merge_confirm(held->merge, (enum stream)i, takeover->bounds[i].stable, takeover->bounds_ms);
        if (pipeline->options.until_end)
            merge_limit(held->merge, (enum stream)i, takeover->bounds[i].stable);
    }
    return progress;
}

/* ---- the begin */

/* False: other rules have followed ours on this shard, and the two would take turns on it. */
static bool may_evaluate(struct pipeline *pipeline, struct held_shard *held) {
    const struct program *program = pipeline->program;
    if (rulesets_standing(&held->record, program->hash) != RULESET_FORMER || pipeline->options.reactivate_rules)
        return true;
    held->held_back = true;
    if (pipeline->board != NULL)
        atomic_store(&pipeline->board->entries[held->number].state, SHARD_HELD_BACK);
    return false;
}

static enum result begin_shard(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct program *program = pipeline->program;
    held->record_ms = INSTANT_NONE;
    if (!may_evaluate(pipeline, held))
        return RESULT_OK;
    bool changed = rulesets_standing(&held->record, program->hash) != RULESET_CURRENT;
    if (PLANTED(clocks_not_restored))
        held->record.clocks = CLOCKS_INITIAL;
    enum result result = PLANTED(shard_kept) && held->shard != NULL
                             ? go_on(held, error)
                             : pipeline_bind_shard(pipeline, held, pipeline->engine, program, &held->record.clocks,
                                                   changed || held->record.rules_changed, error);
    if (result != RESULT_OK)
        return result;
    /* An activation is committed even where no record comes, and so are offsets that the group has lost. */
    held->moved = changed || held->takeover.group_is_behind;
    held->newest_offset = held->epoch;
    held->claimed = held->takeover.claimed;
    held->verified_ms = monotonic_ms(pipeline);
    held->running = true;
    counters_add(pipeline->counters, COUNTER_TAKEOVERS, 1);
    return RESULT_OK;
}

static enum progress assign_all(struct pipeline *pipeline, struct error *error) {
    const struct source *source = pipeline->ports.source;
    uint32_t count = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        for (int j = 0; j < STREAMS && !pipeline->held[i].held_back; j++)
            if (has_stream(pipeline, j))
                pipeline->offsets[count++] = (struct input_offset){
                    .input = {(enum stream)j, pipeline->held[i].number},
                    .offset = pipeline->held[i].record.inputs[j].next_offset};
    return takeover_answer(pipeline, source->assign(source->context, pipeline->offsets, count, error), error);
}

/* A line for all shards that follow the same rules: those of the first of them. */
static void tell_held_back(struct pipeline *pipeline, struct text newer) {
    char numbers[SHARDS_NAMED_MAX * 8] = "";
    size_t size = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (!held->held_back || !text_equal(rulesets_newest(&held->record), newer))
            continue;
        if (count++ < SHARDS_NAMED_MAX)
            size += (size_t)snprintf(numbers + size, sizeof numbers - size, "%s%d", count > 1 ? ", " : "",
                                     held->number);
    }
    pipeline_log(pipeline, LEVEL_ERROR,
                 "%u shards are not evaluated here (%s%s): they follow the rules %.*s, which came after those of this "
                 "process, %.*s. Start it with the newer rules, or with `rules.reactivate: on` to go back to these.",
                 count, numbers, count > SHARDS_NAMED_MAX ? ", ..." : "", TEXT_ARGUMENTS(newer),
                 TEXT_ARGUMENTS(pipeline->program->ruleset));
}

static bool is_told(const struct pipeline *pipeline, uint32_t index) {
    for (uint32_t i = 0; i < index; i++)
        if (pipeline->held[i].held_back &&
            text_equal(rulesets_newest(&pipeline->held[i].record), rulesets_newest(&pipeline->held[index].record)))
            return true;
    return false;
}

static void tell_beginning(struct pipeline *pipeline) {
    uint32_t held_back = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        if (!pipeline->held[i].held_back)
            continue;
        held_back++;
        if (!is_told(pipeline, i))
            tell_held_back(pipeline, rulesets_newest(&pipeline->held[i].record));
    }
    if (held_back == 0)
        pipeline_log(pipeline, LEVEL_INFO, "%u shards run.", pipeline->held_count);
    else
        pipeline_log(pipeline, LEVEL_INFO, "%u shards run, %u are held back by newer rules.",
                     pipeline->held_count - held_back, held_back);
}

enum progress takeover_begin(struct pipeline *pipeline, struct error *error) {
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct held_shard *held = &pipeline->held[i];
        if (!held->running && !held->held_back && begin_shard(pipeline, held, error) != RESULT_OK)
            return PROGRESS_FATAL;
    }
    enum progress progress = assign_all(pipeline, error);
    if (progress != PROGRESS_DONE)
        return progress;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        takeover_drop(pipeline, &pipeline->held[i]);
    pipeline->mode = MODE_RUNNING;
    pipeline->batch_begun_ms = monotonic_ms(pipeline);
    intake_begin(pipeline);
    tell_beginning(pipeline);
    return PROGRESS_DONE;
}
