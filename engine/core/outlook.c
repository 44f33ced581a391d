/* The arithmetic of outlooks: each operation of the language over a stretch of time (horizon.h). */
#include <math.h>

#include "engine/core/account/distinct.h"
#include "engine/core/aggregates.h"
#include "engine/core/horizon.h"
#include "engine/core/scores.h"

#define ROUNDING_RELATIVE 1e-12  /* of one floating operation, generously */
#define SCORE_ROUNDING    0.0051 /* a score is rounded to hundredths */
#define TREND_STEPS_MAX   10

double reaches_zero(double value, double slope) {
    if (value >= 0)
        return 0;
    return slope > 0 ? greater(0, -value / slope * (1 - 1e-9) - 1) : INFINITY;
}

double exceeds_zero(double value, double slope) {
    if (value > 0)
        return 0;
    return slope > 0 ? greater(0, -value / slope * (1 - 1e-9) - 1) : INFINITY;
}

static bool is_constant(const struct outlook *outlook) {
    return outlook->low == outlook->high && outlook->low_slope == 0 && outlook->high_slope == 0;
}

static bool is_line(const struct outlook *outlook) {
    return outlook->low == outlook->high && outlook->low_slope == outlook->high_slope;
}

static bool is_missing(const struct outlook *outlook) {
    return isnan(outlook->low);
}

static double lowest(const struct horizon *horizon, const struct outlook *outlook) {
    double reach = lesser(outlook->until, horizon->length_ms);
    return outlook->low_slope < 0 ? outlook->low + outlook->low_slope * reach : outlook->low;
}

static double highest(const struct horizon *horizon, const struct outlook *outlook) {
    double reach = lesser(outlook->until, horizon->length_ms);
    return outlook->high_slope > 0 ? outlook->high + outlook->high_slope * reach : outlook->high;
}

static struct outlook widened(double low, double high, double until) {
    double slack = (fabs(low) + fabs(high)) * ROUNDING_RELATIVE;
    if (!isfinite(low) || !isfinite(high))
        return (struct outlook){-INFINITY, 0, INFINITY, 0, 0};
    return (struct outlook){low - slack, 0, high + slack, 0, until};
}

/* Bounds that nothing holds beyond now. */
static struct outlook nothing_known(double value) {
    return outlook_constant(value, 0);
}

static struct outlook sum_of(const struct outlook *left, const struct outlook *right, double until) {
    return (struct outlook){left->low + right->low, left->low_slope + right->low_slope, left->high + right->high,
                            left->high_slope + right->high_slope, until};
}

static struct outlook negated(const struct outlook *outlook) {
    return (struct outlook){-outlook->high, -outlook->high_slope, -outlook->low, -outlook->low_slope, outlook->until};
}

static struct outlook scaled(const struct outlook *outlook, double factor, double until) {
    struct outlook turned = factor < 0 ? negated(outlook) : *outlook;
    double size = fabs(factor);
    struct outlook result = {turned.low * size, turned.low_slope * size, turned.high * size, turned.high_slope * size,
                             until};
    double slack = (fabs(result.low) + fabs(result.high)) * ROUNDING_RELATIVE;
    result.low -= slack;
    result.high += slack;
    return isfinite(result.low) && isfinite(result.high) ? result : nothing_known(0);
}

static struct outlook product_of(const struct horizon *horizon, const struct outlook *left, const struct outlook *right,
                                 double until) {
    if (is_constant(left))
        return scaled(right, left->low, until);
    if (is_constant(right))
        return scaled(left, right->low, until);
    double a = lowest(horizon, left), b = highest(horizon, left);
    double c = lowest(horizon, right), d = highest(horizon, right);
    return widened(lesser(lesser(a * c, a * d), lesser(b * c, b * d)),
                   greater(greater(a * c, a * d), greater(b * c, b * d)), until);
}

static struct outlook quotient_of(const struct horizon *horizon, const struct outlook *left,
                                  const struct outlook *right, double until) {
    if (is_constant(right) && right->low != 0)
        return scaled(left, 1 / right->low, until);
    double c = lowest(horizon, right), d = highest(horizon, right);
    if (c <= 0 && d >= 0)
        return nothing_known(0);
    struct outlook inverse = widened(1 / d, 1 / c, until);
    return product_of(horizon, left, &inverse, until);
}

static struct outlook least_of(const struct horizon *horizon, const struct outlook *left, const struct outlook *right,
                               double until) {
    if (highest(horizon, left) <= lowest(horizon, right) || highest(horizon, right) <= lowest(horizon, left)) {
        struct outlook result = highest(horizon, left) <= lowest(horizon, right) ? *left : *right;
        result.until = until;
        return result;
    }
    return (struct outlook){lesser(lowest(horizon, left), lowest(horizon, right)), 0,
                            lesser(highest(horizon, left), highest(horizon, right)), 0, until};
}

static struct outlook absolute(const struct horizon *horizon, const struct outlook *outlook) {
    double low = lowest(horizon, outlook), high = highest(horizon, outlook);
    if (low >= 0)
        return *outlook;
    if (high <= 0)
        return negated(outlook);
    return (struct outlook){0, 0, greater(-low, high), 0, outlook->until};
}

/* An operation on two numbers, one of which is missing: the result is, as long as that one is. */
static struct outlook missing_of(const struct outlook *left, const struct outlook *right) {
    double until;
    if (is_missing(left) && is_missing(right))
        until = greater(left->until, right->until);
    else if (is_missing(left))
        until = left->until;
    else
        until = right->until;
    return outlook_constant(NAN, until);
}

static struct outlook arithmetic(const struct horizon *horizon, enum operation operation, double now,
                                 const struct outlook *left, const struct outlook *right) {
    double until = lesser(left->until, right->until);
    if (is_missing(left) || is_missing(right))
        return missing_of(left, right);
    if (is_constant(left) && is_constant(right))
        return outlook_constant(now, until);
    if (isnan(now))
        return nothing_known(NAN);
    struct outlook turned, other;
    switch (operation) {
    case OP_ADD:
        return sum_of(left, right, until);
    case OP_SUBTRACT:
        turned = negated(right);
        return sum_of(left, &turned, until);
    case OP_MULTIPLY:
        return product_of(horizon, left, right, until);
    case OP_DIVIDE:
        return quotient_of(horizon, left, right, until);
    case OP_MIN2:
        return least_of(horizon, left, right, until);
    default:
        turned = negated(left);
        other = negated(right);
        turned = least_of(horizon, &turned, &other, until);
        return negated(&turned);
    }
}

/* How long left - right keeps the sign that decides the comparison. */
static double comparison_until(enum operation operation, bool holds, const struct outlook *left,
                               const struct outlook *right) {
    double until = lesser(left->until, right->until);
    if (is_missing(left) || is_missing(right))
        return missing_of(left, right).until;
    if (is_constant(left) && is_constant(right))
        return until;
    double low = left->low - right->high, low_slope = left->low_slope - right->high_slope;
    double high = left->high - right->low, high_slope = left->high_slope - right->low_slope;
    bool differ = operation == OP_NOT_EQUAL ? holds : !holds;
    switch (operation) {
    case OP_LESS:
        return lesser(until, holds ? reaches_zero(high, high_slope) : exceeds_zero(-low, -low_slope));
    case OP_LESS_EQUAL:
        return lesser(until, holds ? exceeds_zero(high, high_slope) : reaches_zero(-low, -low_slope));
    case OP_GREATER:
        return lesser(until, holds ? reaches_zero(-low, -low_slope) : exceeds_zero(high, high_slope));
    case OP_GREATER_EQUAL:
        return lesser(until, holds ? exceeds_zero(-low, -low_slope) : reaches_zero(high, high_slope));
    default:
        if (!differ)
            return 0;
        return lesser(until, greater(reaches_zero(-low, -low_slope), reaches_zero(high, high_slope)));
    }
}

static double in_until(const struct horizon *horizon, const struct instruction *instruction, bool holds,
                       const struct outlook *left) {
    double until = left->until;
    if (is_missing(left) || is_constant(left))
        return until;
    for (uint32_t i = 0; i < instruction->extra; i++) {
        struct outlook member = outlook_constant(horizon->evaluation->registers[instruction->right + i].number,
                                                 INFINITY);
        until = lesser(until, comparison_until(OP_EQUAL, holds, left, &member));
    }
    return until;
}

static double and_until(bool left, double left_until, bool right, double right_until) {
    if (left && right)
        return lesser(left_until, right_until);
    if (!left && !right)
        return greater(left_until, right_until);
    return left ? right_until : left_until;
}

/* Aggregates. */

struct look {
    int64_t first, last; /* the slices that may be looked at from, now and at the end of the stretch */
};

static bool is_stalled(const struct horizon *horizon, enum stream stream) {
    return horizon->evaluation->look_ms[stream] < horizon->evaluation->now_ms;
}

static struct look look_of(const struct horizon *horizon, const struct aggregate *aggregate) {
    int64_t from_ms = horizon->evaluation->look_ms[aggregate->stream];
    int64_t to_ms = is_stalled(horizon, aggregate->stream) ? from_ms : from_ms + (int64_t)horizon->length_ms;
    return (struct look){slice_index(from_ms, aggregate->slice_ms), slice_index(to_ms, aggregate->slice_ms)};
}

/* Milliseconds from now until slice `index` begins. */
static double until_slice(const struct horizon *horizon, const struct aggregate *aggregate, int64_t index) {
    return greater(0, (double)index * (double)aggregate->slice_ms - (double)horizon->evaluation->now_ms);
}

/* What is missing because the aggregate is younger than its window. */
static struct outlook until_covered(const struct horizon *horizon, const struct instruction *instruction,
                                    uint32_t slices) {
    const struct aggregate *aggregate = &horizon->evaluation->program->aggregates[instruction->left];
    int64_t since_ms = aggregate_counting_since(horizon->evaluation->state, instruction->left);
    int64_t first = slice_index(since_ms - 1, aggregate->slice_ms) + 1 + slices;
    return outlook_constant(NAN, until_slice(horizon, aggregate, first));
}

/* Sums, minima and maxima: what falls out of the window until the end of the stretch. */
static struct outlook numbers_outlook(const struct horizon *horizon, const struct instruction *instruction,
                                      double now) {
    const struct aggregate *aggregate = &horizon->evaluation->program->aggregates[instruction->left];
    struct look look = look_of(horizon, aggregate);
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
        double slack = goes > 0 ? size * ROUNDING_RELATIVE * 100 : 0;
        return (struct outlook){now - falls - slack, 0, now + rises + slack, 0, INFINITY};
    }
    double until = stays > 0 || newest == INT64_MIN ? INFINITY
                                                    : until_slice(horizon, aggregate, newest + instruction->right + 1);
    if (isnan(now) || goes == 0)
        return outlook_constant(now, until);
    return (struct outlook){least, 0, greatest, 0, until};
}

static struct outlook trend_outlook(const struct horizon *horizon, const struct instruction *instruction, double now) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    struct look look = look_of(horizon, aggregate);
    struct outlook outlook = outlook_constant(now, INFINITY);
    struct window all = {look.first - instruction->right - instruction->extra, INT32_MAX};
    if (window_count(evaluation->state, aggregate_slot(instruction->left), all) == 0 &&
        aggregate_counting_since(evaluation->state, instruction->left) == INSTANT_NONE)
        return outlook;
    for (int64_t index = look.first + 1; index <= look.last; index++) {
        double value = aggregate_trend(evaluation, instruction, index);
        if (isnan(value) != isnan(now) || index > look.first + TREND_STEPS_MAX) {
            outlook.until = until_slice(horizon, aggregate, index);
            break;
        }
        outlook.low = lesser(outlook.low, value);
        outlook.high = greater(outlook.high, value);
    }
    return outlook;
}

/* A duration that grows with its stream's clock. */
static struct outlook since_outlook(const struct horizon *horizon, enum stream stream, double now) {
    const struct evaluation *evaluation = horizon->evaluation;
    int64_t stall_after_ms = evaluation->program->stall_after_ms[stream];
    if (isnan(now) || is_stalled(horizon, stream))
        return outlook_constant(now, INFINITY);
    struct outlook outlook = {now, 1, now, 1, INFINITY};
    if (stall_after_ms > 0 && horizon->clocks->newest_ms[stream] != INSTANT_NONE) {
        double left = (double)(horizon->clocks->newest_ms[stream] + stall_after_ms - evaluation->now_ms);
        outlook.low_slope = lesser(1, left / horizon->length_ms);
    }
    return outlook;
}

static struct outlook window_outlook(const struct horizon *horizon, const struct instruction *instruction, double now) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    uint32_t slot = aggregate_slot(instruction->left);
    struct look look = look_of(horizon, aggregate);
    struct window at_end = {look.last - instruction->right, look.last};
    if (!aggregate_covers(evaluation, instruction->left, look.first - instruction->right))
        return until_covered(horizon, instruction, instruction->right);
    if (look.first == look.last)
        return outlook_constant(now, INFINITY);
    if (instruction->operation == OP_COUNT)
        return (struct outlook){window_count(evaluation->state, slot, at_end), 0, now, 0, INFINITY};
    if (instruction->operation == OP_DISTINCT)
        return (struct outlook){distinct_count(evaluation->state, slot, at_end), 0, now, 0, INFINITY};
    return numbers_outlook(horizon, instruction, now);
}

static struct outlook age_outlook(const struct outlook *instant, double now_ms) {
    return (struct outlook){now_ms - instant->high, 1 - instant->high_slope, now_ms - instant->low,
                            1 - instant->low_slope, instant->until};
}

/* A truth, or anything else that is what it is up to `until`. The slopes of such registers are 0 from the start. */
static void holds_until(struct outlook *outlook, double now, double until) {
    outlook->low = now;
    outlook->high = now;
    outlook->until = until;
}

static struct outlook coalesced(const struct outlook *left, const struct outlook *right) {
    struct outlook outlook = is_missing(left) ? *right : *left;
    outlook.until = is_missing(left) ? lesser(left->until, right->until) : left->until;
    return outlook;
}

static struct outlook until_outlook(const struct outlook *instant, double now_ms) {
    struct outlook age = age_outlook(instant, now_ms);
    return negated(&age);
}

void outlook_of_instruction(const struct horizon *horizon, const struct instruction *instruction,
                            struct outlook *restrict ret_outlook) {
    const struct evaluation *evaluation = horizon->evaluation;
    const union value *registers = evaluation->registers;
    const struct outlook *left = &horizon->outlooks[instruction->left];
    const struct outlook *right = &horizon->outlooks[instruction->right];
    double now = registers[instruction->target].number, now_ms = (double)evaluation->now_ms;
    enum operation operation = instruction->operation;
    switch (operation) {
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_MIN2:
    case OP_MAX2:
        *ret_outlook = arithmetic(horizon, operation, now, left, right);
        return;
    case OP_NEGATE:
        *ret_outlook = negated(left);
        return;
    case OP_ABS:
        *ret_outlook = is_missing(left) ? *left : absolute(horizon, left);
        return;
    case OP_COALESCE:
        *ret_outlook = coalesced(left, right);
        return;
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        holds_until(ret_outlook, now, comparison_until(operation, now == 1, left, right));
        return;
    case OP_EQUAL_TEXT:
    case OP_NOT_EQUAL_TEXT:
    case OP_COALESCE_TEXT:
        holds_until(ret_outlook, now, lesser(left->until, right->until));
        return;
    case OP_IN:
        holds_until(ret_outlook, now, in_until(horizon, instruction, now == 1, left));
        return;
    case OP_AND:
        holds_until(ret_outlook, now,
                    and_until(registers[instruction->left].number == 1, left->until,
                              registers[instruction->right].number == 1, right->until));
        return;
    case OP_OR:
        holds_until(ret_outlook, now,
                    and_until(registers[instruction->left].number != 1, left->until,
                              registers[instruction->right].number != 1, right->until));
        return;
    case OP_NOT:
    case OP_IN_TEXT:
    case OP_MISSING:
    case OP_MISSING_TEXT:
    case OP_NUMBER_OF:
    case OP_INSTANT_OF:
        holds_until(ret_outlook, now, left->until);
        return;
    case OP_AGE:
        *ret_outlook = is_missing(left) ? *left : age_outlook(left, now_ms);
        return;
    case OP_UNTIL:
        *ret_outlook = is_missing(left) ? *left : until_outlook(left, now_ms);
        return;
    case OP_COUNT:
    case OP_SUM:
    case OP_MIN:
    case OP_MAX:
    case OP_DISTINCT:
        *ret_outlook = window_outlook(horizon, instruction, now);
        return;
    case OP_TREND:
        *ret_outlook = trend_outlook(horizon, instruction, now);
        return;
    case OP_SINCE:
    case OP_SINCE_FIRST:
        *ret_outlook = since_outlook(horizon, evaluation->program->aggregates[instruction->left].stream, now);
        return;
    case OP_EVENT_NUMBER:
    case OP_EVENT_TEXT:
    case OP_EVENT_ENUM:
    case OP_EVENT_ENTRY:
    case OP_FACT_NUMBER:
    case OP_FACT_TEXT:
    case OP_FACT_ENUM:
    case OP_FACT_ENTRY:
    case OP_LAST_NUMBER:
    case OP_LAST_TEXT:
    case OP_LAST_ENUM:
    case OP_OPEN:
        holds_until(ret_outlook, now, INFINITY);
        return;
    }
    __builtin_unreachable();
}

/* Scores. */

static uint32_t curve_piece(const struct signal *signal, double x, bool rising) {
    uint32_t piece = 0;
    while (piece < signal->curve_count && (rising ? x >= signal->curve[piece].x : x > signal->curve[piece].x))
        piece++;
    return piece; /* the point that ends it; 0 and curve_count: beyond the ends */
}

/* A line through a curve, as long as it stays on one piece of it. */
static struct outlook curve_of_line(const struct signal *signal, const struct outlook *x) {
    uint32_t piece = curve_piece(signal, x->low, x->low_slope > 0);
    const struct curve_point *point = signal->curve;
    double y = curve_at(signal->curve, signal->curve_count, x->low);
    bool flat = piece == 0 || piece == signal->curve_count;
    double slope = flat ? 0
                        : (point[piece].y - point[piece - 1].y) / (point[piece].x - point[piece - 1].x) * x->low_slope;
    double ends = INFINITY;
    if (x->low_slope > 0 && piece < signal->curve_count)
        ends = reaches_zero(x->low - point[piece].x, x->low_slope);
    if (x->low_slope < 0 && piece > 0)
        ends = reaches_zero(point[piece - 1].x - x->low, -x->low_slope);
    return (struct outlook){y, slope, y, slope, lesser(x->until, ends)};
}

static struct outlook curve_of_range(const struct signal *signal, double low, double high, double until) {
    double y = curve_at(signal->curve, signal->curve_count, low), least = y, greatest = y;
    y = curve_at(signal->curve, signal->curve_count, high);
    least = lesser(least, y);
    greatest = greater(greatest, y);
    for (uint32_t i = 0; i < signal->curve_count; i++) {
        if (signal->curve[i].x < low || signal->curve[i].x > high)
            continue;
        least = lesser(least, signal->curve[i].y);
        greatest = greater(greatest, signal->curve[i].y);
    }
    return (struct outlook){least, 0, greatest, 0, until};
}

static struct outlook signal_outlook(const struct horizon *horizon, const struct signal *signal,
                                     const struct signal_value *look) {
    const struct outlook *x = &horizon->outlooks[signal->value];
    if (!horizon_moves(horizon, signal->value))
        return outlook_constant(look->present ? look->y : signal->default_value, INFINITY);
    if (!look->present)
        return outlook_constant(signal->default_value, x->until);
    if (signal->type == TYPE_BOOLEAN || is_constant(x))
        return outlook_constant(look->y, x->until);
    if (signal->curve_count == 0)
        return *x;
    if (is_line(x))
        return curve_of_line(signal, x);
    return curve_of_range(signal, lowest(horizon, x), highest(horizon, x), x->until);
}

static struct outlook score_rounded(struct outlook sum, bool constant, double value) {
    if (constant)
        return outlook_constant(value, sum.until);
    sum.low -= SCORE_ROUNDING + fabs(sum.low) * ROUNDING_RELATIVE;
    sum.high += SCORE_ROUNDING + fabs(sum.high) * ROUNDING_RELATIVE;
    return sum;
}

static struct outlook score_outlook(const struct horizon *horizon, uint32_t index) {
    const struct score *score = &horizon->evaluation->program->scores[index];
    const struct score_value *decided = &horizon->evaluation->scores[index];
    bool is_weighted = score->method == SCORE_WEIGHTED, constant = true;
    double weights = 0;
    struct outlook sum = outlook_constant(is_weighted ? 0 : score->bias, INFINITY);
    for (uint32_t i = 0; i < score->signals_count; i++) {
        const struct signal *signal = &score->signals[i];
        const struct signal_value *look = &decided->signals[i];
        if (signal->when != REGISTER_NONE && horizon_moves(horizon, signal->when))
            sum.until = lesser(sum.until, horizon->outlooks[signal->when].until);
        if (!look->counts)
            continue;
        struct outlook y = signal_outlook(horizon, signal, look);
        sum.until = lesser(sum.until, y.until);
        if (is_weighted && !look->present)
            continue;
        constant = constant && is_constant(&y);
        weights += signal->weight;
        y = scaled(&y, signal->weight, y.until);
        sum = sum_of(&sum, &y, sum.until);
    }
    if (isnan(decided->value))
        return outlook_constant(NAN, sum.until);
    if (is_weighted)
        sum = scaled(&sum, 100 / weights, sum.until);
    else
        sum = (struct outlook){logistic(lowest(horizon, &sum)), 0, logistic(highest(horizon, &sum)), 0, sum.until};
    return score_rounded(sum, constant, decided->value);
}

void outlook_of_score(const struct horizon *horizon, uint32_t score, struct outlook *restrict ret_outlook) {
    *ret_outlook = score_outlook(horizon, score);
}
