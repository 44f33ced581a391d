/* Accounts from the store into memory and back: loading ahead, meeting needs, writing behind, evicting. */
#include <assert.h>

#include "base/planted.h"
#include "engine/pipeline_internal.h"

static uint64_t next_ticket(struct pipeline *pipeline) {
    return ++pipeline->ticket;
}

/* ---- claiming */

/* All bits but the sign: a store that goes back, from wherever to wherever, never shows a claim's numbers again but as
 * it left them. */
static int64_t new_nonce(const struct chance *chance) {
    uint64_t nonce;
    chance->fill(chance->context, &nonce, sizeof nonce);
    return (int64_t)(nonce >> 1);
}

enum result paging_claim(struct pipeline *pipeline, const struct held_shard *held, int64_t newest_known, bool again,
                         struct error *error) {
    const struct store *store = pipeline->ports.store;
    struct store_claim claim = {
        .identity = {.cluster_id = pipeline->options.cluster_id, .partitions = pipeline->options.partitions},
        .epoch = held->epoch,
        .newest_known = newest_known,
        .again = again,
        .nonce = new_nonce(pipeline->ports.chance)};
    memcpy(claim.identity.changelog_id, held->changelog_id, CHANGELOG_ID_SIZE);
    return store->claim(store->context, next_ticket(pipeline), held->number, &claim, error);
}

/* ---- loading */

static enum result load(struct pipeline *pipeline, struct held_shard *held, const struct text *ids, uint32_t count,
                        struct error *error) {
    const struct store *store = pipeline->ports.store;
    held->loads++;
    return store->load(store->context, next_ticket(pipeline), held->number, ids, count, error);
}

/* The key is the account's id where producers do as docs/contract.md says. Where they do not, the account is loaded
 * when its record's turn comes. */
static bool is_account_id(struct text key) {
    return key.size > 0 && key.size <= ID_SIZE_MAX;
}

/* The next records that were not looked at before: their accounts, each with where it is noted which one it is. */
struct ahead {
    struct text ids[ACCOUNTS_GUESS_MAX];
    uint32_t *notes[ACCOUNTS_GUESS_MAX];
    uint32_t guesses[ACCOUNTS_GUESS_MAX];
    uint32_t count;
};

/* False: there are none. */
static bool look_ahead(struct held_shard *held, struct ahead *ret_ahead) {
    const struct message *message;
    uint32_t *note, count = 0;
    while (count < ACCOUNTS_GUESS_MAX && (message = merge_ahead(held->merge, &note)) != NULL) {
        if (!is_account_id(message->key))
            continue;
        ret_ahead->ids[count] = message->key;
        ret_ahead->guesses[count] = ACCOUNT_NONE;
        ret_ahead->notes[count++] = note;
    }
    shard_guess(held->shard, ret_ahead->ids, count, ret_ahead->guesses);
    ret_ahead->count = count;
    return count > 0;
}

/* Adds those to be loaded. Where an absent account was taken for another, as happens once in thousands of times, that
 * is found out when its record's turn comes. */
static enum result expect_ahead(struct held_shard *held, struct ahead *ahead, struct text *ids, uint32_t *count,
                                struct error *error) {
    for (uint32_t i = 0; i < ahead->count; i++) {
        if (ahead->guesses[i] == ACCOUNT_NONE && shard_wants(held->shard, ahead->ids[i])) {
            enum result result = shard_expect(held->shard, ahead->ids[i], &ahead->guesses[i], error);
            if (result != RESULT_OK)
                return result;
            ids[(*count)++] = ahead->ids[i];
        }
        *ahead->notes[i] = ahead->guesses[i];
    }
    return RESULT_OK;
}

enum result paging_ahead(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    while (held->claimed && held->loads < LOADS_PER_SHARD_MAX && !pipeline_memory_is_short(pipeline)) {
        struct text ids[STORE_IDS_PER_LOAD_MAX];
        struct ahead ahead;
        uint32_t count = 0;
        while (count + ACCOUNTS_GUESS_MAX <= STORE_IDS_PER_LOAD_MAX && look_ahead(held, &ahead)) {
            enum result result = expect_ahead(held, &ahead, ids, &count, error);
            if (result != RESULT_OK)
                return result;
        }
        if (count == 0)
            break;
        enum result result = load(pipeline, held, ids, count, error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

static enum result meet_account(struct pipeline *pipeline, struct held_shard *held, struct text account_id,
                                struct error *error) {
    if (!shard_wants(held->shard, account_id) || held->loads >= LOADS_PER_SHARD_MAX)
        return RESULT_OK; /* It is on its way, or has to wait its turn. */
    uint32_t account;
    enum result result = shard_expect(held->shard, account_id, &account, error);
    return result == RESULT_OK ? load(pipeline, held, &account_id, 1, error) : result;
}

static enum result meet_due(struct pipeline *pipeline, struct held_shard *held, const struct shard_need *need,
                            struct error *error) {
    const struct store *store = pipeline->ports.store;
    if (held->behind.sent != NULL)
        return RESULT_OK; /* A cursor is good only while nothing is written. */
    struct due_query query = {
        .tick_ms = need->tick_ms, .waits_for = need->waits_for, .cursor = need->cursor, .max = STORE_DUE_PER_QUERY_MAX};
    held->paging = true;
    return store->load_due(store->context, next_ticket(pipeline), held->number, &query, error);
}

enum result paging_meet(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct store *store = pipeline->ports.store;
    const struct shard_need *need = shard_need(held->shard);
    if (!held->claimed || held->paging)
        return RESULT_OK;
    switch (need->kind) {
    case NEED_NOTHING:
        return RESULT_OK;
    case NEED_ACCOUNT:
        return meet_account(pipeline, held, need->account_id, error);
    case NEED_DUE:
        return meet_due(pipeline, held, need, error);
    case NEED_SCAN:
        held->paging = true;
        return store->scan(store->context, next_ticket(pipeline), held->number, need->cursor, error);
    }
    return RESULT_OK;
}

/* ---- the store's answers */

static enum result take_blobs(struct pipeline *pipeline, struct held_shard *held, const struct store_event *event,
                              struct error *error) {
    (void)pipeline;
    for (uint32_t i = 0; i < event->count; i++) {
        enum result result = shard_load(held->shard, &event->blobs[i], &held->layouts, error);
        if (result != RESULT_OK) {
            struct error what = *error;
            return error_set(error, RESULT_FATAL,
                             "Shard %d in Redis: %s. If it is damaged there, delete all keys of the shard, and start "
                             "again: the changelog restores them.",
                             held->number, what.text);
        }
    }
    return RESULT_OK;
}

static enum result refused(struct pipeline *pipeline, const struct store_event *event, struct error *error) {
    if (event->refusal == STORE_REFUSED_IDENTITY || event->refusal == STORE_REFUSED_DAMAGE) {
        *error = event->error;
        return RESULT_FATAL;
    }
    pipeline_lose(pipeline, event->error.text);
    return RESULT_OK;
}

static enum result blobs_came(struct pipeline *pipeline, struct held_shard *held, const struct store_event *event,
                              struct error *error) {
    enum result result = take_blobs(pipeline, held, event, error);
    if (result != RESULT_OK)
        return result;
    if (event->kind == STORE_LOADED) {
        held->loads--;
        return RESULT_OK;
    }
    held->paging = false;
    if (event->kind == STORE_DUE)
        shard_due_loaded(held->shard, event->next_cursor, event->next_due_ms, event->waits_left);
    else
        shard_scan_loaded(held->shard, event->next_cursor);
    return RESULT_OK;
}

/* Nothing that the shard has asked the store for will be answered; it is to be claimed again. */
static void void_requests(struct held_shard *held) {
    held->claimed = held->claiming = held->paging = held->verifying = false;
    held->loads = 0;
    write_behind_void(&held->behind);
    if (!held->running)
        return;
    accounts_forget_loading(shard_accounts(held->shard));
    merge_ahead_again(held->merge);
    shard_disconnected(held->shard);
}

enum result paging_event(struct pipeline *pipeline, struct held_shard *held, const struct store_event *event,
                         struct error *error) {
    if (!held->running)
        return RESULT_OK;
    pipeline->may_evict = true;
    switch (event->kind) {
    case STORE_CLAIMED:
        held->claiming = false;
        held->claimed = true;
        return RESULT_OK;
    case STORE_REFUSED:
        return refused(pipeline, event, error);
    case STORE_LOADED:
    case STORE_DUE:
    case STORE_SCANNED:
        return blobs_came(pipeline, held, event, error);
    case STORE_WRITTEN:
        write_behind_acknowledge(&held->behind, shard_accounts(held->shard));
        held->verified_ms = monotonic_ms(pipeline);
        return RESULT_OK;
    case STORE_VERIFIED:
        held->verifying = false;
        held->verified_ms = monotonic_ms(pipeline);
        return RESULT_OK;
    case STORE_LOST:
        counters_add(pipeline->counters, COUNTER_STORE_LOST, 1);
        if (PLANTED(store_loss_ignored)) {
            void_requests(held);
            return RESULT_OK;
        }
        pipeline_lose(pipeline, event->error.text);
        return RESULT_OK;
    case STORE_NOTHING:
    case STORE_UNAVAILABLE:
        break;
    }
    return RESULT_OK;
}

void paging_unavailable(struct pipeline *pipeline, const struct error *why) {
    int64_t now_ms = monotonic_ms(pipeline);
    counters_add(pipeline->counters, COUNTER_STORE_UNAVAILABLE, 1);
    if (pipeline_logs_again(pipeline, &pipeline->unavailable_logged_ms)) {
        pipeline_log(pipeline, LEVEL_WARNING, "%s", why->text);
        if (pipeline->unavailable_since_ms == 0)
            pipeline->unavailable_since_ms = now_ms;
    }
    pipeline->claim_not_before_ms = now_ms + ATTEMPT_PAUSE_MS;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        void_requests(&pipeline->held[i]);
    if (pipeline->mode == MODE_TAKEOVER)
        takeover_unavailable(pipeline);
}

void paging_available(struct pipeline *pipeline) {
    int64_t away_ms = monotonic_ms(pipeline) - pipeline->unavailable_since_ms;
    pipeline->unavailable_since_ms = 0;
    pipeline_log(pipeline, LEVEL_INFO, "Redis answers again, after %.1f s.", (double)away_ms / SECOND);
}

/* ---- writing behind, claiming again, verifying, evicting */

static enum result claim_again(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    held->claiming = true;
    return paging_claim(pipeline, held, held->newest_offset, true, error);
}

/* In the middle of a tick's pages a write would make them begin anew: it waits, as long as there is room, and as long
 * as they go on: who stops or takes on other rules waits for the write himself. */
static bool write_would_disturb(const struct pipeline *pipeline, const struct held_shard *held) {
    const struct shard_need *need = shard_need(held->shard);
    bool pausing = pipeline_is_pausing(pipeline);
    if (held->paging)
        return true;
    return need->kind == NEED_DUE && need->cursor != 0 && !pipeline_memory_is_short(pipeline) && !pausing &&
           held->behind.bytes < STORE_LAG_BYTES_MAX / pipeline->held_count / 2;
}

static enum result serve_shard(struct pipeline *pipeline, struct held_shard *held, int64_t now_ms,
                               struct error *error) {
    const struct store *store = pipeline->ports.store;
    if (!held->claimed)
        return held->claiming || now_ms < pipeline->claim_not_before_ms ? RESULT_OK
                                                                        : claim_again(pipeline, held, error);
    if (write_behind_is_due(&held->behind) && !write_would_disturb(pipeline, held)) {
        shard_written(held->shard);
        return write_behind_send(&held->behind, store, next_ticket(pipeline), held->number, shard_accounts(held->shard),
                                 error);
    }
    if (now_ms - held->verified_ms < VERIFY_EVERY_MS || held->verifying || held->behind.sent != NULL)
        return RESULT_OK;
    if (PLANTED(never_verified))
        return RESULT_OK;
    held->verifying = true;
    return store->verify(store->context, next_ticket(pipeline), held->number, error);
}

/* A little more than must be, so that it is not done for every account. */
static void evict(struct pipeline *pipeline, int64_t now_ms) {
    pipeline->may_evict = false;
    pipeline->evicted_ms = now_ms;
    size_t bytes_max = pipeline->options.memory_bytes_max / 16 * 15;
    for (uint32_t i = 0; i < pipeline->held_count && pipeline->slab.bytes_used > bytes_max; i++) {
        struct held_shard *held = &pipeline->held[pipeline->evict_next++ % pipeline->held_count];
        if (held->running)
            shard_evict(held->shard, bytes_max);
    }
}

static void set_gauges(struct pipeline *pipeline) {
    uint64_t accounts = 0, commits = 0, bytes = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (!held->running)
            continue;
        accounts += accounts_count(shard_accounts(held->shard));
        commits += held->behind.count;
        bytes += held->behind.bytes;
    }
    counters_set(pipeline->counters, GAUGE_ACCOUNTS, accounts);
    counters_set(pipeline->counters, GAUGE_STATE_BYTES, pipeline->slab.bytes_used);
    counters_set(pipeline->counters, GAUGE_STORE_LAG_COMMITS, commits);
    counters_set(pipeline->counters, GAUGE_STORE_LAG_BYTES, bytes);
}

/* Of the record that was taken last; until there is one, of the newest that was taken by whoever had the shard before.
 */
static int64_t taken_ms(const struct held_shard *held) {
    int64_t newest_ms = held->record_ms;
    for (int i = 0; i < STREAMS && held->record_ms == INSTANT_NONE; i++) {
        const struct input_record *input = &held->record.inputs[i];
        if (input->last_offset != OFFSET_NONE && input->last_timestamp_ms > newest_ms)
            newest_ms = input->last_timestamp_ms;
    }
    return newest_ms;
}

/* How far it is; where it is held back, those who know the newer rules have brought it there. */
static void show_progress(struct shard_entry *entry, const struct held_shard *held, int64_t watermark_ms) {
    atomic_store_explicit(&entry->watermark_ms, watermark_ms, memory_order_relaxed);
    atomic_store_explicit(&entry->lag_records, merge_lag(held->merge), memory_order_relaxed);
    atomic_store_explicit(&entry->record_ms, taken_ms(held), memory_order_relaxed);
}

static void show_shard(struct shard_entry *entry, const struct held_shard *held, int64_t now_ms) {
    uint32_t stalled = merge_stalled(held->merge, now_ms);
    atomic_store_explicit(&entry->state, stalled != 0 ? SHARD_STALLED : SHARD_RUNNING, memory_order_relaxed);
    atomic_store_explicit(&entry->stalled, stalled, memory_order_relaxed);
    atomic_store_explicit(&entry->commit, held->record.commit, memory_order_relaxed);
    atomic_store_explicit(&entry->epoch, held->epoch, memory_order_relaxed);
    show_progress(entry, held, shard_clocks(held->shard)->watermark_ms);
}

static void show(struct pipeline *pipeline, int64_t now_ms) {
    if (now_ms - pipeline->gauges_set_ms < GAUGES_EVERY_MS)
        return;
    pipeline->gauges_set_ms = now_ms;
    set_gauges(pipeline);
    for (uint32_t i = 0; i < pipeline->held_count && pipeline->board != NULL; i++) {
        const struct held_shard *held = &pipeline->held[i];
        struct shard_entry *entry = &pipeline->board->entries[held->number];
        if (held->running)
            show_shard(entry, held, now_ms);
        else if (held->held_back)
            show_progress(entry, held, held->record.clocks.watermark_ms);
    }
}

enum result paging_serve(struct pipeline *pipeline, struct error *error) {
    int64_t now_ms = monotonic_ms(pipeline);
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        if (!pipeline->held[i].running)
            continue;
        enum result result = serve_shard(pipeline, &pipeline->held[i], now_ms, error);
        if (result != RESULT_OK)
            return result;
    }
    /* Accounts may leave because the store has them now, and sometimes because time has passed. */
    bool may_evict = pipeline->may_evict || now_ms - pipeline->evicted_ms >= EVICT_EVERY_MS;
    if (may_evict && pipeline_memory_is_short(pipeline))
        evict(pipeline, now_ms);
    show(pipeline, now_ms);
    return RESULT_OK;
}
