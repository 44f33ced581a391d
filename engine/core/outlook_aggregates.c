/* The outlook of what looks at aggregates: windows lose slices with the time, durations grow (horizon.h). Events, where
 * they are reckoned with, add to the counts of their streams, and make `since` begin anew. */
#include "engine/core/account/distinct.h"
#include "engine/core/aggregates.h"
#include "engine/core/outlook.h"

/* What is missing because the aggregate is younger than its window. */
static struct outlook until_covered(const struct horizon *horizon, const struct instruction *instruction,
                                    uint32_t slices) {
    const struct aggregate *aggregate = &horizon->evaluation->program->aggregates[instruction->left];
    int64_t first = aggregate_counts_from(horizon->evaluation, instruction->left);
    return outlook_constant(NAN, until_slice(horizon, aggregate, first + slices));
}

/* Sums, minima and maxima: what falls out of the window until the end of the stretch. */
static struct outlook numbers_outlook(const struct horizon *horizon, const struct instruction *instruction,
                                      double now) {
    const struct aggregate *aggregate = &horizon->evaluation->program->aggregates[instruction->left];
    struct slices look = slices_of(horizon, aggregate);
    int64_t stays_from = look.last - instruction->right, newest = INT64_MIN, index;
    double value, rises = 0, falls = 0, least = INFINITY, greatest = -INFINITY, size = 0;
    uint32_t stays = 0, goes = 0;
    struct window_cursor cursor = window_cursor(horizon->evaluation->state, aggregate_slot(instruction->left),
                                                aggregate->kind);
    while (window_next(&cursor, &index, &value)) {
        if (index < look.first - instruction->right)
            continue;
        newest = index;
        least = lesser(least, value);
        greatest = greater(greatest, value);
        size += fabs(value);
        stays += index >= stays_from;
        if (index < stays_from) {
            goes++;
            rises += value < 0 ? -value : 0;
            falls += value > 0 ? value : 0;
        }
    }
    if (instruction->operation == OP_SUM) {
        if (!(size <= MODERATE_MAX))
            return nothing_known(now);
        double slack = goes > 0 ? size * ROUNDING_RELATIVE * 100 : 0;
        return (struct outlook){now - falls - slack, 0, now + rises + slack, 0, INFINITY};
    }
    double until = stays > 0 || newest == INT64_MIN ? INFINITY
                                                    : until_slice(horizon, aggregate, newest + instruction->right + 1);
    if (isnan(now) || goes == 0)
        return outlook_constant(now, until);
    return (struct outlook){least, 0, greatest, 0, until};
}

/* A duration that grows with its stream's clock; since the newest event, it may begin anew. */
static struct outlook since_outlook(const struct horizon *horizon, const struct instruction *instruction, double now) {
    const struct evaluation *evaluation = horizon->evaluation;
    enum stream stream = evaluation->program->aggregates[instruction->left].stream;
    int64_t stall_after_ms = evaluation->program->stall_after_ms[stream];
    if (isnan(now) || is_stalled(horizon, stream))
        return outlook_constant(now, INFINITY);
    struct outlook outlook = {now, 1, now, 1, INFINITY};
    if (instruction->operation == OP_SINCE && more_of(horizon, stream) > 0)
        return (struct outlook){0, 0, now, 1, INFINITY};
    if (stall_after_ms > 0 && horizon->clocks->newest_ms[stream] != INSTANT_NONE) {
        double left = (double)(horizon->clocks->newest_ms[stream] + stall_after_ms - evaluation->now_ms);
        outlook.low_slope = lesser(1, left / horizon->length_ms);
    }
    return outlook;
}

/* What falls out of a window until the end. */
static double leaving_count(const struct state *state, uint32_t slot, struct slices look, uint32_t slices) {
    return window_count(state, slot, (struct window){look.first - slices, look.last - slices - 1});
}

static struct outlook distinct_outlook(const struct horizon *horizon, uint32_t slot, double at_end, double now,
                                       double more) {
    if (more > 0 && !distinct_is_exact(horizon->evaluation->state, slot, (uint32_t)more))
        return nothing_known(now);
    return (struct outlook){at_end, 0, now + (more > 0 ? horizon->values : 0), 0, INFINITY};
}

static struct outlook window_outlook(const struct horizon *horizon, const struct instruction *instruction, double now) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    uint32_t slot = aggregate_slot(instruction->left);
    struct slices look = slices_of(horizon, aggregate);
    struct window at_end = {look.last - instruction->right, look.last};
    double more = more_of(horizon, aggregate->stream);
    bool loses = look.first != look.last; /* slices, until the end */
    if (!aggregate_covers(evaluation, instruction->left, look.first - instruction->right))
        return until_covered(horizon, instruction, instruction->right);
    if (!loses && more == 0)
        return outlook_constant(now, INFINITY);
    if (instruction->operation == OP_DISTINCT)
        return distinct_outlook(horizon, slot, loses ? distinct_count(evaluation->state, slot, at_end) : now, now,
                                more);
    return numbers_outlook(horizon, instruction, now);
}

bool outlook_of_count(const struct horizon *horizon, const struct instruction *instruction,
                      struct outlook *restrict ret_outlook) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    uint32_t slot = aggregate_slot(instruction->left);
    struct slices look = slices_of(horizon, aggregate);
    double now = evaluation->registers[instruction->target].number, more = more_of(horizon, aggregate->stream), leaves;
    if (!aggregate_covers(evaluation, instruction->left, look.first - instruction->right)) {
        *ret_outlook = until_covered(horizon, instruction, instruction->right);
        return outlook_moves(horizon, ret_outlook);
    }
    leaves = look.first == look.last ? 0 : leaving_count(evaluation->state, slot, look, instruction->right);
    *ret_outlook = (struct outlook){now - leaves, 0, now + more, 0, INFINITY};
    return leaves + more > 0;
}

bool outlook_of_since(const struct horizon *horizon, const struct instruction *instruction,
                      struct outlook *restrict ret_outlook) {
    *ret_outlook = since_outlook(horizon, instruction, horizon->evaluation->registers[instruction->target].number);
    return outlook_moves(horizon, ret_outlook);
}

bool outlook_of_window(const struct horizon *horizon, const struct instruction *instruction,
                       struct outlook *restrict ret_outlook) {
    *ret_outlook = window_outlook(horizon, instruction, horizon->evaluation->registers[instruction->target].number);
    return outlook_moves(horizon, ret_outlook);
}
