/* A batch becomes one transaction for all shards of the worker, and once it is known, the store's. Meanwhile the next
 * batch is computed: where the first one sets off it is sealed, and what comes then belongs to the next. */
#include <assert.h>
#include <stdlib.h>

#include "base/planted.h"
#include "engine/pipeline_internal.h"

/* ---- when */

static bool has_news(const struct held_shard *held) {
    return held->running && (held->moved || accounts_dirty_count(shard_accounts(held->shard)) > 0);
}

bool commit_is_empty(const struct pipeline *pipeline) {
    if (pipeline->mode != MODE_RUNNING)
        return true;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (has_news(&pipeline->held[i]))
            return false;
    return true;
}

static size_t commit_bytes(const struct pipeline *pipeline) {
    size_t bytes = pipeline->outputs.bytes;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (pipeline->held[i].running)
            bytes += accounts_dirty_bytes(shard_accounts(pipeline->held[i].shard));
    return bytes;
}

bool commit_is_full(const struct pipeline *pipeline) {
    return commit_bytes(pipeline) >= pipeline->commit_bytes_allowed;
}

/* Whether records are known to be there that were not taken yet. */
static bool is_behind(const struct pipeline *pipeline) {
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (pipeline->held[i].running && merge_lag(pipeline->held[i].merge) > 0)
            return true;
    return false;
}

static int64_t bounded(int64_t value_ms, int64_t least_ms, int64_t most_ms) {
    int64_t above_ms = value_ms > least_ms ? value_ms : least_ms;
    return above_ms < most_ms ? above_ms : most_ms;
}

/* How old the records are that are being taken: those of the shard that lags the most. */
static int64_t age_ms(const struct pipeline *pipeline) {
    int64_t now_ms = wall_ms(pipeline), oldest_ms = now_ms;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (held->running && held->moved && held->record_ms < oldest_ms)
            oldest_ms = held->record_ms;
    }
    int64_t age;
    return __builtin_sub_overflow(now_ms, oldest_ms, &age) ? INT64_MAX : age;
}

/* How long records are taken before they are committed. Live, commits begin every commit_interval_ms. Where there is
 * always more to take, it takes about as long as the records are late already: under load a change is hardly later than
 * its record, and whoever catches up with hours commits seldom. That there is nothing to take for a moment is no end of
 * catching up: the next records may just be on their way. */
static int64_t interval_ms(const struct pipeline *pipeline) {
    int64_t least_ms = pipeline->options.commit_interval_ms, most_ms = pipeline->options.commit_interval_max_ms;
    if (pipeline->dry && !is_behind(pipeline))
        return least_ms;
    if (pipeline->dry && BEHIND_INTERVALS * least_ms < most_ms)
        most_ms = BEHIND_INTERVALS * least_ms;
    return bounded(age_ms(pipeline), least_ms, most_ms);
}

int64_t commit_due_in_ms(const struct pipeline *pipeline) {
    int64_t lasted_ms = monotonic_ms(pipeline) - pipeline->batch_begun_ms;
    if (commit_is_full(pipeline) || pipeline_memory_is_short(pipeline))
        return 0;
    return bounded(interval_ms(pipeline) - lasted_ms, 0, INT64_MAX);
}

bool commit_is_due(const struct pipeline *pipeline) {
    return commit_due_in_ms(pipeline) == 0;
}

bool commit_hangs(const struct pipeline *pipeline) {
    return transaction_is_running(&pipeline->transaction) &&
           monotonic_ms(pipeline) - pipeline->batch_begun_ms > 2 * pipeline->options.transaction_timeout_ms;
}

/* ---- begin */

static enum result add_record(struct batch *batch, int32_t shard, struct text key, struct text value,
                              struct error *error) {
    struct record record = {.output = OUTPUT_CHANGELOG, .partition = shard, .key = key, .value = value};
    return batch_add(batch, &record, error);
}

static enum result out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: an account's state could not be encoded.");
}

/* Of the dirty account of that place. */
static enum result add_blob(struct pipeline *pipeline, struct held_shard *held, uint32_t place, struct error *error) {
    const struct accounts *accounts = shard_accounts(held->shard);
    uint32_t account = accounts_dirty(accounts, place);
    struct text id = accounts_id(accounts, account);
    struct state_bytes state = accounts_state(accounts, account);
    size_t size_max = 1 + id.size + engine_blob_size_max(state);
    uint8_t *key = batch_room(&held->changelog, size_max);
    if (key == NULL)
        return out_of_memory(error);
    uint8_t *blob = changelog_write_account_key(id, key), *end = engine_write_blob(pipeline->engine, state, blob);
    assert((size_t)(end - key) <= size_max);
    struct record record = {.output = OUTPUT_CHANGELOG,
                            .partition = held->number,
                            .key = {(const char *)key, (uint32_t)(blob - key)},
                            .value = {(const char *)blob, (uint32_t)(end - blob)}};
    if (PLANTED(tombstone_for_erased) && state_is_erased(state))
        record.value = TEXT_MISSING;
    held->committed[place] = (struct committed_account){
        .due_ms = state_due_ms(state), .waits_for = (uint8_t)state_waits_for(state), .account = account};
    return batch_add_written(&held->changelog, &record, error);
}

static enum result add_shard_record(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    held->record.clocks = *shard_clocks(held->shard);
    held->record.rules_changed = shard_rules_changed(held->shard) && !PLANTED(rules_change_forgotten);
    /* In the middle of a record's ticks that record has to come first again. */
    held->record.chosen = shard_ticks_pending(held->shard) ? merge_chosen(held->merge) : STREAMS;
    held->record.chosen_offset = held->record.chosen == STREAMS ? OFFSET_NONE : merge_chosen_offset(held->merge);
    held->record.commit += PLANTED(duplicate_commits) ? 0 : 1;
    buffer_clear(&pipeline->scratch);
    shard_record_encode(&held->record, &pipeline->scratch);
    if (!buffer_ok(&pipeline->scratch))
        return error_set(error, RESULT_FATAL, "Memory is out: a shard record could not be encoded.");
    return add_record(&held->changelog, held->number, changelog_key(CHANGELOG_SHARD), buffer_text(&pipeline->scratch),
                      error);
}

/* Before the first of the shard's blobs that are of it, as nobody can read them without it. */
static enum result add_layout(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct layout *layout = engine_layout(pipeline->engine);
    uint8_t key[LAYOUT_KEY_SIZE];
    held->adds_layout = layouts_find(&held->layouts, layout->hash) == NULL && !PLANTED(layout_left_out);
    if (!held->adds_layout)
        return RESULT_OK;
    enum result result = layouts_add(&held->layouts, layout->bytes, &held->arena, error);
    if (result != RESULT_OK)
        return result;
    changelog_write_layout_key(layout->hash, key);
    return add_record(&held->changelog, held->number, (struct text){(const char *)key, sizeof key}, layout->bytes,
                      error);
}

/* The dirty account of that place, or ACCOUNT_NONE. */
static uint32_t dirty_at(const struct accounts *accounts, uint32_t place) {
    return place < accounts_dirty_count(accounts) ? accounts_dirty(accounts, place) : ACCOUNT_NONE;
}

/* The shard's part: the layout of its blobs where it is new, then they, then its record, which so lies behind all. */
static enum result assemble(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct accounts *accounts = shard_accounts(held->shard);
    batch_clear(&held->changelog);
    free(held->committed);
    held->committed_count = accounts_dirty_count(accounts);
    held->committed = calloc(held->committed_count + 1, sizeof *held->committed);
    if (held->committed == NULL)
        return out_of_memory(error);
    enum result result = add_layout(pipeline, held, error);
    for (uint32_t i = 0; i < accounts_dirty_count(accounts) && result == RESULT_OK; i++) {
        accounts_prefetch(accounts, dirty_at(accounts, i + 2 * BLOBS_SOON), dirty_at(accounts, i + BLOBS_SOON));
        result = add_blob(pipeline, held, i, error);
    }
    return result == RESULT_OK ? add_shard_record(pipeline, held, error) : result;
}

/* All inputs of all shards that run here, moved or not: the fence covers what is sent. */
static uint32_t collect_offsets(struct pipeline *pipeline) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        for (int j = 0; j < STREAMS && pipeline->held[i].running; j++)
            if (has_stream(pipeline, j))
                pipeline->offsets[count++] = (struct input_offset){
                    .input = {(enum stream)j, pipeline->held[i].number},
                    .offset = pipeline->held[i].record.inputs[j].next_offset -
                              (PLANTED(offsets_short) && pipeline->held[i].record.inputs[j].next_offset > 0)};
    return count;
}

/* The accounts of the shard's part are written in it. */
static void note_written(struct held_shard *held) {
    struct accounts *accounts = shard_accounts(held->shard);
    for (uint32_t i = 0; i < held->committed_count; i++) {
        committed_prefetch(accounts, held->committed, held->committed_count, i);
        accounts_written(accounts, held->committed[i].account, held->record.commit);
    }
}

/* From here on what the shard decides belongs to the next commit. */
static void seal(struct held_shard *held) {
    accounts_seal(shard_accounts(held->shard));
    if (PLANTED(noted_before_known))
        note_written(held);
    held->moved = false;
    held->sealed = true;
}

enum result commit_begin(struct pipeline *pipeline, struct error *error) {
    struct batch emptied = pipeline->sealed;
    uint32_t count = 0;
    pipeline->sealed = pipeline->outputs;
    pipeline->outputs = emptied;
    if (pipeline->sealed.count > 0)
        pipeline->batches[count++] = &pipeline->sealed;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct held_shard *held = &pipeline->held[i];
        if (!has_news(held))
            continue;
        enum result result = assemble(pipeline, held, error);
        if (result != RESULT_OK)
            return result;
        seal(held);
        pipeline->batches[count++] = &held->changelog;
    }
    pipeline->batch_begun_ms = monotonic_ms(pipeline);
    transaction_start(&pipeline->transaction, pipeline->batches, count, pipeline->offsets, collect_offsets(pipeline),
                      pipeline->membership);
    return RESULT_OK;
}

/* ---- end */

/* The next batch is smaller after a commit that was slow, or a slow broker would abort one after the other. */
static void adapt_bytes(struct pipeline *pipeline) {
    const struct transaction *transaction = &pipeline->transaction;
    size_t allowed = pipeline->commit_bytes_allowed;
    if (transaction->timed_out || transaction->duration_ms > pipeline->options.transaction_timeout_ms / 3)
        allowed = allowed / 2 > COMMIT_BYTES_MIN ? allowed / 2 : COMMIT_BYTES_MIN;
    else if (transaction->duration_ms < pipeline->options.transaction_timeout_ms / 10)
        allowed += allowed / 4;
    pipeline->commit_bytes_allowed = allowed < pipeline->options.commit_bytes_max ? allowed
                                                                                  : pipeline->options.commit_bytes_max;
}

static enum result shard_is_known(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct known_commit known = {.number = held->record.commit,
                                 .newest_before = held->newest_offset,
                                 .changelog = &held->changelog,
                                 .accounts = &held->committed,
                                 .accounts_count = held->committed_count};
    struct buffer layouts = {0};
    if (held->adds_layout && !PLANTED(layout_not_stored)) {
        layouts_encode(&held->layouts, &layouts);
        known.layouts = &layouts;
    }
    if (!buffer_ok(&layouts)) {
        buffer_free(&layouts);
        return error_set(error, RESULT_FATAL, "Memory is out: layouts could not be kept for the store.");
    }
    counters_add(pipeline->counters, COUNTER_COMMIT_BYTES, held->changelog.bytes);
    note_written(held);
    held->sealed = false;
    return write_behind_add(&held->behind, &known, &held->newest_offset, error);
}

static enum result is_known(struct pipeline *pipeline, struct error *error) {
    counters_add(pipeline->counters, COUNTER_COMMITS, 1);
    counters_add(pipeline->counters, COUNTER_COMMIT_BYTES, pipeline->sealed.bytes);
    counters_add_duration(pipeline->counters, COUNTER_COMMIT_DURATION, pipeline->transaction.duration_ms);
    adapt_bytes(pipeline);
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        struct held_shard *held = &pipeline->held[i];
        if (!held->sealed)
            continue;
        enum result result = shard_is_known(pipeline, held, error);
        if (result != RESULT_OK)
            return result;
    }
    batch_clear(&pipeline->sealed);
    return RESULT_OK;
}

/* The planted bug: what nobody knows to be committed goes to the store, and is there before the shards are given up. */
static enum result store_unknown(struct pipeline *pipeline, struct error *error) {
    const struct store *store = pipeline->ports.store;
    struct store_event event;
    if (is_known(pipeline, error) != RESULT_OK || paging_serve(pipeline, error) != RESULT_OK)
        return RESULT_FATAL;
    for (int i = 0; i < 10; i++)
        store->poll(store->context, TAKEOVER_WAIT_MS, &event);
    return RESULT_OK;
}

/* Memory never stays ahead of the changelog: what is not known to be committed is computed again from what is. */
static enum result is_not_known(struct pipeline *pipeline, enum transaction_outcome outcome, struct error *error) {
    counters_add(pipeline->counters, outcome == TRANSACTION_UNKNOWN ? COUNTER_COMMITS_UNKNOWN : COUNTER_COMMITS_ABORTED,
                 1);
    if (pipeline->transaction.timed_out)
        adapt_bytes(pipeline);
    if (PLANTED(blob_before_known) && store_unknown(pipeline, error) != RESULT_OK)
        return RESULT_FATAL;
    if (PLANTED(memory_kept)) {
        batch_clear(&pipeline->sealed);
        return RESULT_OK;
    }
    if (pipeline->stop_ordered)
        pipeline_log(pipeline, LEVEL_WARNING,
                     "%s The process ends without this commit: what is not committed is decided again at the next "
                     "start, and nothing is lost.",
                     error->text);
    if (pipeline->revoked || pipeline->lost || pipeline->stop_ordered) {
        pipeline_drop_shards(pipeline);
        return RESULT_OK;
    }
    return pipeline_take_over_anew(pipeline, error->text, error);
}

enum result commit_end(struct pipeline *pipeline, enum transaction_outcome outcome, struct error *error) {
    assert(outcome != TRANSACTION_PENDING);
    if (outcome == TRANSACTION_FATAL)
        return RESULT_FATAL;
    if (pipeline->mode == MODE_TAKEOVER)
        return takeover_barrier_end(pipeline, outcome, error);
    bool known = outcome == TRANSACTION_KNOWN || (outcome == TRANSACTION_UNKNOWN && PLANTED(unknown_taken_for_known));
    return known ? is_known(pipeline, error) : is_not_known(pipeline, outcome, error);
}
