#include "engine/core/plan.h"

#include "engine/core/horizon.h"

#define QUIET_VALUES_MAX 15

static bool is_bounded(enum aggregate_kind kind) {
    return kind == AGGREGATE_COUNT || kind == AGGREGATE_DISTINCT || kind == AGGREGATE_NEWEST ||
           kind == AGGREGATE_OLDEST;
}

uint8_t plan_bounded_streams(const struct program *program) {
    uint32_t bounded = (1u << STREAMS) - 1 - (1u << STREAM_ACCOUNT);
    for (uint32_t i = 0; i < program->aggregates_count; i++)
        if (!is_bounded(program->aggregates[i].kind))
            bounded &= ~(1u << program->aggregates[i].stream);
    return (uint8_t)bounded;
}

/* The first tick that will visit the account: it must lie behind the last one, and behind the account's instant. */
static int64_t next_tick(const struct engine *engine, const struct clocks *clocks, int64_t from_ms) {
    int64_t tick_ms = engine->program->tick_ms, now_ms = engine->evaluation.now_ms;
    int64_t first = (floor_divide(later(clocks->ticked_ms, now_ms), tick_ms) + 1) * tick_ms;
    return from_ms <= first ? first : (floor_divide(from_ms - 1, tick_ms) + 1) * tick_ms;
}

static uint8_t stalls_of(const struct evaluation *evaluation) {
    uint8_t waits_for = 0;
    for (enum stream stream = 0; stream < STREAMS; stream++)
        waits_for |= (uint8_t)((evaluation->look_ms[stream] < evaluation->now_ms) << stream);
    return waits_for;
}

static struct horizon horizon_of(struct engine *engine, const struct clocks *clocks, uint8_t lively) {
    return (struct horizon){.evaluation = &engine->evaluation,
                            .clocks = clocks,
                            .restless = engine->desk->restless,
                            .outlooks = engine->outlooks,
                            .first = engine->first,
                            .marks = engine->marks,
                            .lively = lively};
}

/* While an account is sensitive, nothing passes, and its margin counts the evaluations since it became so. */
static void set_sensitive(struct state_header *header, bool sensitive) {
    if (sensitive && (header->flags & STATE_SENSITIVE) == 0)
        header->quiet_margin_ms = 0;
    header->flags = (uint8_t)((header->flags & ~STATE_SENSITIVE) | (sensitive ? STATE_SENSITIVE : 0));
}

/* Whether a look that failed once may be left out: it is taken again after 1, 2, 4, 8, ... evaluations. */
static bool is_in_vain(struct state_header *header) {
    if ((header->flags & STATE_SENSITIVE) == 0)
        return false;
    header->quiet_margin_ms += header->quiet_margin_ms < UINT32_MAX;
    return (header->quiet_margin_ms & (header->quiet_margin_ms - 1)) != 0;
}

/* How far ahead nothing changes though events come; sets how many. 0: already the next one may change something. */
static double look_with_events(struct engine *engine, const struct clocks *clocks) {
    struct state_header *header = state_header(&engine->state);
    struct horizon horizon = horizon_of(engine, clocks, (uint8_t)header->lively);
    double ahead_ms = horizon_look(&horizon, &header->quiet_horizon);
    set_sensitive(header, ahead_ms < 1);
    if (ahead_ms < 1)
        return 0;
    header->quiet_events = (uint8_t)horizon.events;
    header->quiet_values = horizon.values & QUIET_VALUES_MAX;
    return ahead_ms;
}

/* `soon`: more records are likely to come before the next tick, and a look that they undo would be in vain. */
static double look(struct engine *engine, const struct clocks *clocks, bool soon) {
    struct state_header *header = state_header(&engine->state);
    bool in_vain = soon && is_in_vain(header);
    if ((header->flags & STATE_BORN_LATE) != 0 || engine->options.visit_every_tick)
        return 0;
    /* A stalled stream's clock would jump with the first event. */
    double ahead_ms = header->lively != 0 && header->waits_for == 0 && !in_vain ? look_with_events(engine, clocks) : 0;
    if (ahead_ms > 0 || soon)
        return ahead_ms;
    struct horizon horizon = horizon_of(engine, clocks, 0);
    return horizon_look(&horizon, &header->horizon);
}

/* Events pass up to the instant that was looked ahead to, which lies before the tick of the deadline. */
static void set_margin(struct state_header *header, int64_t until_ms) {
    if (header->quiet_events == 0)
        return;
    int64_t margin_ms = header->due_ms - until_ms;
    if (margin_ms < 0 || margin_ms > UINT32_MAX) {
        header->quiet_events = 0;
        return;
    }
    header->quiet_margin_ms = (uint32_t)margin_ms;
    header->flags |= STATE_QUIET;
}

/* Whether so many events have passed as the last look reckoned with, before its time was over. */
static bool has_used_up(const struct state_header *header) {
    return header->quiet_events == 0 && (header->flags & STATE_QUIET) != 0;
}

static void plan_next(struct engine *engine, const struct clocks *clocks, bool soon) {
    struct state_header *header = state_header(&engine->state);
    if (has_used_up(header))
        horizon_expect_more(&header->quiet_horizon);
    header->touched = 0;
    header->quiet_events = 0;
    header->flags &= (uint8_t)~STATE_QUIET;
    header->waits_for = stalls_of(&engine->evaluation);
    double ahead_ms = look(engine, clocks, soon);
    bool never = ahead_ms > 8e15 - (double)header->now_ms;
    int64_t until_ms = never ? INSTANT_NEVER : header->now_ms + (int64_t)ahead_ms;
    header->due_ms = never ? INSTANT_NEVER : next_tick(engine, clocks, until_ms);
    set_margin(header, until_ms);
}

/* Whether records come in bursts, and therefore soon. */
static bool keep_bursts(struct state_header *header, int64_t since_last_ms, int64_t tick_ms) {
    bool busy = since_last_ms < tick_ms;
    header->flags = (uint8_t)((header->flags & ~STATE_BUSY) | (busy ? STATE_BUSY | STATE_BURSTS : 0));
    return (header->flags & STATE_BURSTS) != 0;
}

void plan_after_record(struct engine *engine, const struct clocks *clocks, enum stream stream, int64_t former_ms) {
    struct state_header *header = state_header(&engine->state);
    int64_t since_last_ms = former_ms == INSTANT_NONE ? 0 : header->now_ms - former_ms;
    header->lively |= engine->bounded_streams & (1u << stream);
    plan_next(engine, clocks, keep_bursts(header, since_last_ms, engine->program->tick_ms));
}

/* Streams that were silent all the time are not expected to come back. */
void plan_after_tick(struct engine *engine, const struct clocks *clocks) {
    struct state_header *header = state_header(&engine->state);
    if ((header->flags & STATE_BUSY) == 0)
        header->flags &= (uint8_t)~STATE_BURSTS;
    header->lively = header->touched;
    plan_next(engine, clocks, false);
}

void plan_at(struct engine *engine, const struct clocks *clocks, int64_t tick_ms) {
    struct state_header *header = state_header(&engine->state);
    header->due_ms = next_tick(engine, clocks, tick_ms);
    header->quiet_events = 0;
    header->flags &= (uint8_t)~STATE_QUIET;
}

bool plan_lets_pass(struct engine *engine, const struct event *event, const struct effect *effect, int64_t former_ms) {
    struct state_header *header = state_header(&engine->state);
    if (header->quiet_events == 0 || (header->lively >> event->stream & 1) == 0 || effect->first ||
        effect->anew > header->quiet_values)
        return false;
    /* What is too late for a window may leave it empty, and what is empty is not looked at again (evaluation.c). */
    if (effect->expired > 0)
        return false;
    /* An hour is the shortest slice: before, it may count in one that is complete. */
    if ((event->time_ms < former_ms && slice_index(event->time_ms, HOUR) < slice_index(former_ms, HOUR)) ||
        header->now_ms >= header->due_ms - header->quiet_margin_ms)
        return false;
    header->quiet_events--;
    header->quiet_values = (header->quiet_values - effect->anew) & QUIET_VALUES_MAX;
    header->touched |= (1u << event->stream) & 63;
    return true;
}
