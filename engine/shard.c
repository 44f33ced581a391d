#include "engine/shard.h"

#include <assert.h>
#include <stdlib.h>

#include "base/planted.h"

#define ALL_STREAMS ((1u << STREAMS) - 1)

struct shard {
    struct engine *engine;
    const struct program *program;
    struct accounts *accounts;
    struct shard_options options;
    struct shard_output output;
    struct counters *counters;
    struct clocks clocks;
    int64_t last_tick_ms; /* the watermark's, as it was computed last */
    struct shard_need need;
    uint32_t evaluations; /* at ticks, in this call */
    bool pausing;
    uint32_t resumed; /* streams whose newest time moved since accounts in memory were woken for it */

    /* What is known of the accounts that are only in the store. */
    uint32_t stored_resumed; /* as `resumed`, for them */
    int64_t stored_due_ms;   /* none of them is due before */
    uint32_t stored_waits;   /* none of them waits for another stream */
    uint32_t evicted_waits;  /* streams that accounts wait for that were evicted since the last tick fired for all */
    uint64_t due_cursor;
    int64_t paging_ms;  /* the tick whose due accounts were asked for last */
    int64_t paged_ms;   /* the tick whose due accounts have all come */
    bool rules_changed; /* some of them may be of an older ruleset, until a tick has fired for all of them */
    bool scanned;       /* all of them have been in memory since */
    uint64_t scan_cursor;
};

enum result shard_create(struct engine *engine, struct slab *slab, const struct shard_options *options,
                         const struct shard_output *output, struct counters *counters, struct shard **ret_shard,
                         struct error *error) {
    struct shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL)
        return error_set(error, RESULT_FATAL, "Memory is out: no shard could be made.");
    enum result result = accounts_create(slab, &shard->accounts, error);
    if (result != RESULT_OK) {
        free(shard);
        return result;
    }
    shard->engine = engine;
    shard->program = engine_program(engine);
    shard->options = *options;
    shard->output = *output;
    shard->counters = counters;
    shard->clocks = CLOCKS_INITIAL;
    shard->stored_due_ms = INSTANT_NEVER;
    shard->paged_ms = INSTANT_NONE;
    *ret_shard = shard;
    return RESULT_OK;
}

void shard_free(struct shard *shard) {
    if (shard == NULL)
        return;
    accounts_free(shard->accounts);
    free(shard);
}

struct accounts *shard_accounts(struct shard *shard) {
    return shard->accounts;
}

const struct clocks *shard_clocks(const struct shard *shard) {
    return &shard->clocks;
}

void shard_restore(struct shard *shard, const struct clocks *clocks, bool rules_changed) {
    shard->clocks = *clocks;
    /* Of the accounts in the store nothing is known yet, nor which streams moved since the last tick. */
    shard->stored_due_ms = INSTANT_NONE;
    shard->paged_ms = INSTANT_NONE;
    shard->stored_waits = ALL_STREAMS;
    shard->stored_resumed = ALL_STREAMS;
    shard->rules_changed = rules_changed;
}

bool shard_rules_changed(const struct shard *shard) {
    return shard->rules_changed;
}

const struct shard_need *shard_need(const struct shard *shard) {
    return &shard->need;
}

static enum result need(struct shard *shard, struct shard_need what) {
    shard->need = what;
    return RESULT_RETRY;
}

/* ---- ticks */

/* The first tick boundary at or after `instant_ms`. */
static int64_t tick_from(const struct shard *shard, int64_t instant_ms) {
    int64_t tick_ms = shard->program->tick_ms;
    return -floor_divide(-instant_ms, tick_ms) * tick_ms;
}

/* The first one behind it. */
static int64_t tick_behind(const struct shard *shard, int64_t instant_ms) {
    int64_t tick_ms = shard->program->tick_ms;
    return (floor_divide(instant_ms, tick_ms) + 1) * tick_ms;
}

/* The last one at or before it. */
static int64_t tick_until(const struct shard *shard, int64_t instant_ms) {
    int64_t tick_ms = shard->program->tick_ms;
    return floor_divide(instant_ms, tick_ms) * tick_ms;
}

/* That of the watermark, which many records leave within the same tick: only a step into another one is a division. */
static int64_t last_tick(struct shard *shard) {
    int64_t watermark_ms = shard->clocks.watermark_ms;
    if ((uint64_t)watermark_ms - (uint64_t)shard->last_tick_ms >= (uint64_t)shard->program->tick_ms)
        shard->last_tick_ms = tick_until(shard, watermark_ms);
    return shard->last_tick_ms;
}

/* Deadlines are kept as the tick that meets them: none that has fired already, so that all that are due at one tick
 * have the same deadline. `fired_ms` is the last tick that does not count any more. */
static int64_t deadline(const struct shard *shard, int64_t due_ms, int64_t fired_ms) {
    if (due_ms == INSTANT_NEVER || (fired_ms == INSTANT_NONE && due_ms == INSTANT_NONE))
        return due_ms;
    return fired_ms != INSTANT_NONE && due_ms <= fired_ms ? tick_behind(shard, fired_ms) : tick_from(shard, due_ms);
}

/* Hands on what an evaluation decided, and then, as that may lie in the account's old bytes, keeps the new state.
 * `account`: ACCOUNT_NONE where there was none. */
static enum result settle(struct shard *shard, uint32_t account, const struct step *step, int64_t fired_ms,
                          struct error *error) {
    if (step->changes_count > 0 || step->status != NULL) {
        for (uint32_t i = 0; i < step->changes_count; i++)
            counters_add(shard->counters, COUNTER_CHANGES + step->changes[i].kind, 1);
        enum result result = shard->output.decided(shard->output.context, step->changes, step->changes_count,
                                                   step->status, error);
        if (result != RESULT_OK)
            return result;
    }
    if (step->has_passed && account != ACCOUNT_NONE)
        return accounts_touch_at(shard->accounts, account, step->state, error);
    int64_t due_ms = deadline(shard, state_due_ms(step->state), fired_ms);
    uint32_t waits_for = state_waits_for(step->state);
    if (account != ACCOUNT_NONE)
        return accounts_change_at(shard->accounts, account, step->state, due_ms, waits_for, error);
    return accounts_change(shard->accounts, state_account_id(step->state), step->state, due_ms, waits_for, error);
}

/* The accounts in memory that are due at the tick, in the order of their first appearance. */
static enum result fire_in_memory(struct shard *shard, int64_t tick_ms, struct error *error) {
    uint32_t account;
    while ((account = accounts_first_due(shard->accounts, tick_ms)) != ACCOUNT_NONE) {
        if (shard->options.evaluations_max > 0 && shard->evaluations++ >= shard->options.evaluations_max) {
            shard->pausing = true;
            return RESULT_RETRY;
        }
        struct step step;
        struct state_bytes state = accounts_state(shard->accounts, account);
        accounts_prefetch_due(shard->accounts, account);
        engine_tick(shard->engine, state, tick_ms, &shard->clocks, &step);
        counters_add(shard->counters, COUNTER_EVALUATED_TICKS, 1);
        if (shard->clocks.evaluated_ms < tick_ms)
            shard->clocks.evaluated_ms = tick_ms;
        enum result result = settle(shard, account, &step, tick_ms, error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

/* Whether accounts that are only in the store have to come into memory for this tick. */
static bool needs_store(struct shard *shard, int64_t tick_ms) {
    if (!shard->options.stored)
        return false;
    if (shard->rules_changed && !shard->scanned) {
        need(shard, (struct shard_need){.kind = NEED_SCAN, .cursor = shard->scan_cursor});
        return true;
    }
    uint32_t waits_for = shard->paged_ms == tick_ms ? 0 : shard->stored_resumed & shard->stored_waits;
    if (shard->stored_due_ms > tick_ms && waits_for == 0)
        return false;
    shard->paging_ms = tick_ms;
    need(shard, (struct shard_need){
                    .kind = NEED_DUE, .tick_ms = tick_ms, .waits_for = waits_for, .cursor = shard->due_cursor});
    return true;
}

static enum result fire(struct shard *shard, int64_t tick_ms, struct error *error) {
    enum result result = fire_in_memory(shard, tick_ms, error);
    if (result != RESULT_OK)
        return result;
    if (needs_store(shard, tick_ms))
        return RESULT_RETRY;
    shard->stored_resumed = 0;
    shard->evicted_waits = 0;
    shard->rules_changed = false;
    shard->clocks.ticked_ms = tick_ms;
    return RESULT_OK;
}

/* Accounts that a stalled stream held back are due at the next tick once it has resumed. */
static void wake(struct shard *shard, int64_t next_ms) {
    uint32_t woken = shard->resumed & accounts_waits(shard->accounts);
    for (int i = 0; woken != 0 && i < STREAMS; i++)
        if (woken >> i & 1)
            accounts_wake(shard->accounts, (enum stream)i, next_ms);
    shard->stored_resumed |= shard->resumed;
    shard->resumed = 0;
}

/* The next tick at which any account is due; INSTANT_NEVER. */
static int64_t next_due(struct shard *shard) {
    int64_t next_ms = tick_behind(shard, shard->clocks.ticked_ms);
    wake(shard, next_ms);
    int64_t due_ms = accounts_first_due_ms(shard->accounts);
    if (shard->options.stored) {
        if (shard->stored_due_ms < due_ms)
            due_ms = shard->stored_due_ms;
        if (shard->rules_changed || (shard->stored_resumed & shard->stored_waits) != 0)
            due_ms = next_ms;
    }
    return deadline(shard, due_ms, shard->clocks.ticked_ms);
}

/* Time jumps from deadline to deadline: a tick at which nobody is due leaves no trace but `ticked_ms`. */
static __attribute__((noinline)) enum result fire_up_to(struct shard *shard, int64_t last_ms, struct error *error) {
    if (shard->clocks.ticked_ms == INSTANT_NONE)
        shard->clocks.ticked_ms = last_ms; /* The first record of all: there is no account yet. */
    while (shard->clocks.ticked_ms < last_ms) {
        int64_t due_ms = next_due(shard);
        if (due_ms > last_ms) {
            shard->clocks.ticked_ms = last_ms;
            break;
        }
        if (shard->clocks.ticked_ms < due_ms - shard->program->tick_ms)
            shard->clocks.ticked_ms = due_ms - shard->program->tick_ms;
        enum result result = fire(shard, due_ms, error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

enum result shard_resume(struct shard *shard, struct error *error) {
    shard->need.kind = NEED_NOTHING;
    shard->evaluations = 0;
    shard->pausing = false;
    if (shard->clocks.watermark_ms == INSTANT_NONE)
        return RESULT_OK;
    int64_t last_ms = last_tick(shard);
    return shard->clocks.ticked_ms >= last_ms ? RESULT_OK : fire_up_to(shard, last_ms, error);
}

enum result shard_advance(struct shard *shard, int64_t watermark_ms, struct error *error) {
    if (watermark_ms > shard->clocks.watermark_ms)
        shard->clocks.watermark_ms = watermark_ms;
    return shard_resume(shard, error);
}

bool shard_ticks_pending(const struct shard *shard) {
    return shard->clocks.watermark_ms != INSTANT_NONE &&
           shard->clocks.ticked_ms < tick_until(shard, shard->clocks.watermark_ms);
}

bool shard_is_pausing(const struct shard *shard) {
    return shard->pausing;
}

int64_t shard_lateness_ms(const struct shard *shard) {
    return shard->options.lateness_ms;
}

/* ---- records */

bool shard_wants(struct shard *shard, struct text account_id) {
    return shard->options.stored && accounts_find(shard->accounts, account_id) == ACCOUNT_NONE;
}

void shard_guess(struct shard *shard, const struct text *account_ids, uint32_t count, uint32_t *ret_guesses) {
    accounts_guess(shard->accounts, account_ids, count, ret_guesses);
}

enum result shard_expect(struct shard *shard, struct text account_id, uint32_t *ret_account, struct error *error) {
    return accounts_expect(shard->accounts, account_id, ret_account, error);
}

/* Whether the account is in memory, or in no store; ACCOUNT_NONE: it was never seen. */
static bool find(struct shard *shard, uint32_t guess, struct text account_id, uint32_t *ret_account) {
    *ret_account = accounts_find_guessed(shard->accounts, guess, account_id);
    if (*ret_account == ACCOUNT_NONE)
        return !shard->options.stored;
    return accounts_phase(shard->accounts, *ret_account) != ACCOUNT_LOADING;
}

/* No bytes: never seen. */
static struct state_bytes state_of(const struct shard *shard, uint32_t account) {
    return account == ACCOUNT_NONE ? (struct state_bytes){0} : accounts_state(shard->accounts, account);
}

static enum result apply(struct shard *shard, uint32_t account, const struct event *event, uint64_t id_hash,
                         enum step_outcome *ret_outcome, struct error *error) {
    struct step step;
    struct state_bytes state = state_of(shard, account);
    int64_t newest_ms = shard->clocks.newest_ms[event->stream];
    engine_apply(shard->engine, state, event, id_hash, &shard->clocks, &step);
    if (shard->clocks.newest_ms[event->stream] != newest_ms)
        shard->resumed |= 1u << event->stream;
    counters_add(shard->counters, COUNTER_EVENTS_ERASED, step.outcome == STEP_ERASED);
    counters_add(shard->counters, COUNTER_EVENTS_EXPIRED, step.slices_expired);
    *ret_outcome = step.outcome;
    if (step.outcome != STEP_APPLIED)
        return RESULT_OK;
    return settle(shard, account, &step, shard->clocks.ticked_ms, error);
}

/* A time that is too early to be true moves no watermark, rather than wrapping round to the end of time. */
static int64_t watermark_of(const struct shard *shard, const struct event *event) {
    int64_t watermark_ms;
    return __builtin_sub_overflow(event->time_ms, shard->options.lateness_ms, &watermark_ms) ? INSTANT_NONE
                                                                                             : watermark_ms;
}

enum result shard_take(struct shard *shard, uint32_t guess, const struct event *event, enum step_outcome *ret_outcome,
                       struct error *error) {
    uint32_t account;
    shard->need.kind = NEED_NOTHING;
    shard->pausing = false;
    if (!find(shard, guess, event->account_id, &account))
        return need(shard, (struct shard_need){.kind = NEED_ACCOUNT, .account_id = event->account_id});
    uint64_t id_hash = event_id_hash(event);
    if (state_remembers(state_of(shard, account), event, id_hash)) {
        counters_add(shard->counters, COUNTER_DUPLICATES, 1);
        *ret_outcome = STEP_DUPLICATE;
        return RESULT_OK;
    }
    enum result result = shard_advance(shard, watermark_of(shard, event), error);
    if (result != RESULT_OK)
        return result;
    return apply(shard, account, event, id_hash, ret_outcome, error);
}

/* ---- the store */

/* Whether the account was visited at the next tick already and waits on, or is ahead of it, and is due right after.
 * Only then may it come again and again, as each write makes the pages of a tick begin anew: to change it each time
 * would lead to another write, and to no end where there are more of its like than memory has room for. */
static bool is_visited(const struct shard *shard, const struct blob_summary *summary) {
    return summary->now_ms >= tick_behind(shard, shard->clocks.ticked_ms) &&
           summary->due_ms <= tick_behind(shard, summary->now_ms);
}

/* At the next tick, whatever its deadline says: other rules decide from now on, or the stream it waits for is back. */
static bool is_due_anyway(const struct shard *shard, const struct blob_summary *summary) {
    uint32_t resumed = shard->resumed | shard->stored_resumed;
    if (summary->erased)
        return false;
    if (summary->ruleset_hash != shard->program->hash)
        return true;
    return (summary->waits_for & resumed) != 0 && !is_visited(shard, summary);
}

enum result shard_load(struct shard *shard, const struct stored_blob *stored, const struct layouts *layouts,
                       struct error *error) {
    uint32_t account = accounts_find(shard->accounts, stored->account_id);
    if (account != ACCOUNT_NONE && accounts_phase(shard->accounts, account) != ACCOUNT_LOADING)
        return RESULT_OK; /* What is in memory is newer. */
    struct state_bytes state = {0};
    struct blob_summary summary = {.due_ms = INSTANT_NEVER};
    if (!text_is_missing(stored->blob)) {
        const uint8_t *blob = (const uint8_t *)stored->blob.data;
        enum result result = blob_summarise(blob, stored->blob.size, &summary, error);
        if (result == RESULT_OK)
            result = engine_decode(shard->engine, blob, stored->blob.size, layouts, shard->clocks.ticked_ms, &state,
                                   error);
        if (result != RESULT_OK)
            return result;
        counters_add(shard->counters, COUNTER_ACCOUNTS_LOADED, 1);
        if (is_due_anyway(shard, &summary))
            summary.due_ms = INSTANT_NONE;
    }
    return accounts_loaded(shard->accounts, stored->account_id, state,
                           deadline(shard, summary.due_ms, shard->clocks.ticked_ms), summary.waits_for, error);
}

/* What is needed may be something else by now, as the account of the record that waits was evicted meanwhile and has to
 * come back first: the page is good all the same, since no tick has fired and nothing was written while it was asked
 * for. */
void shard_due_loaded(struct shard *shard, uint64_t next_cursor, int64_t next_due_ms, uint32_t waits_left) {
    shard->due_cursor = next_cursor;
    if (next_cursor != 0)
        return;
    shard->paged_ms = shard->paging_ms;
    shard->stored_due_ms = next_due_ms;
    /* Those that the query was about may wait on, and have left memory again. */
    shard->stored_waits = waits_left | shard->evicted_waits;
}

void shard_scan_loaded(struct shard *shard, uint64_t next_cursor) {
    shard->scan_cursor = next_cursor;
    shard->scanned = next_cursor == 0;
}

void shard_written(struct shard *shard) {
    if (!PLANTED(cursor_kept))
        shard->due_cursor = 0;
}

void shard_disconnected(struct shard *shard) {
    shard_written(shard);
    if (!PLANTED(scan_kept))
        shard->scan_cursor = 0;
}

uint32_t shard_evict(struct shard *shard, size_t bytes_used_max) {
    struct evicted evicted = {.due_ms = INSTANT_NEVER};
    /* In the middle of a tick those that it loaded stay until it has fired for them. */
    int64_t keep_due_ms = shard_ticks_pending(shard) ? tick_behind(shard, shard->clocks.ticked_ms) : INSTANT_NONE;
    accounts_evict(shard->accounts, bytes_used_max, keep_due_ms, &evicted);
    if (evicted.due_ms < shard->stored_due_ms && !PLANTED(deadline_forgotten))
        shard->stored_due_ms = evicted.due_ms;
    shard->stored_waits |= evicted.waits_for;
    shard->evicted_waits |= evicted.waits_for;
    counters_add(shard->counters, COUNTER_ACCOUNTS_EVICTED, evicted.count);
    return evicted.count;
}
