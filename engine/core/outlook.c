/* The arithmetic of outlooks: each operation of the language over a stretch of time (horizon.h). */
#include <assert.h>
#include <math.h>

#include "engine/core/outlook.h"

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

static struct outlook widened(double low, double high, double until) {
    double slack = (fabs(low) + fabs(high)) * ROUNDING_RELATIVE;
    struct outlook result = {low - slack, 0, high + slack, 0, until};
    return is_moderate(&result) ? result : (struct outlook){-INFINITY, 0, INFINITY, 0, 0};
}

static struct outlook negated(const struct outlook *outlook) {
    return (struct outlook){-outlook->high, -outlook->high_slope, -outlook->low, -outlook->low_slope, outlook->until};
}

struct outlook outlook_scaled(const struct outlook *outlook, double factor, double until) {
    struct outlook turned = factor < 0 ? negated(outlook) : *outlook;
    double size = fabs(factor);
    struct outlook result = {turned.low * size, turned.low_slope * size, turned.high * size, turned.high_slope * size,
                             until};
    double slack = (fabs(result.low) + fabs(result.high)) * ROUNDING_RELATIVE;
    result.low -= slack;
    result.high += slack;
    return is_moderate(&result) ? result : nothing_known(0);
}

static struct outlook product_of(const struct horizon *horizon, const struct outlook *left, const struct outlook *right,
                                 double until) {
    if (is_constant(left))
        return outlook_scaled(right, left->low, until);
    if (is_constant(right))
        return outlook_scaled(left, right->low, until);
    double a = lowest(horizon, left), b = highest(horizon, left);
    double c = lowest(horizon, right), d = highest(horizon, right);
    return widened(lesser(lesser(a * c, a * d), lesser(b * c, b * d)),
                   greater(greater(a * c, a * d), greater(b * c, b * d)), until);
}

static struct outlook quotient_of(const struct horizon *horizon, const struct outlook *left,
                                  const struct outlook *right, double until) {
    if (is_constant(right) && right->low != 0)
        return outlook_scaled(left, 1 / right->low, until);
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

/* Of two numbers, one of which is missing: how long the result of an operation on them is, as long as that one. */
static double missing_until(const struct outlook *left, const struct outlook *right) {
    if (is_missing(left) && is_missing(right))
        return greater(left->until, right->until);
    return is_missing(left) ? left->until : right->until;
}

static struct outlook arithmetic(const struct horizon *horizon, enum operation operation, double now,
                                 const struct outlook *left, const struct outlook *right) {
    double until = lesser(left->until, right->until);
    if (is_missing(left) || is_missing(right))
        return outlook_constant(NAN, missing_until(left, right));
    if (is_constant(left) && is_constant(right))
        return outlook_constant(now, until);
    if (operation == OP_DIVIDE && is_constant(right) && right->low == 0)
        return outlook_constant(NAN, right->until);
    if (isnan(now))
        return nothing_known(NAN);
    struct outlook turned, other;
    switch (operation) {
    case OP_ADD:
        turned = sum_of(left, right, until);
        return is_moderate(&turned) ? turned : nothing_known(now);
    case OP_SUBTRACT:
        other = negated(right);
        turned = sum_of(left, &other, until);
        return is_moderate(&turned) ? turned : nothing_known(now);
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
static inline __attribute__((always_inline)) double comparison_until(enum operation operation, bool holds,
                                                                     const struct outlook *left,
                                                                     const struct outlook *right) {
    double until = lesser(left->until, right->until);
    if (is_missing(left) || is_missing(right))
        return missing_until(left, right);
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

static struct outlook age_outlook(const struct outlook *instant, double now_ms) {
    return (struct outlook){now_ms - instant->high, 1 - instant->high_slope, now_ms - instant->low,
                            1 - instant->low_slope, instant->until};
}

/* A truth, or anything else that is what it is up to `until`. The slopes of such registers are 0 from the start.
 * Returns whether that is not all the while. */
static inline bool holds_until(const struct horizon *horizon, struct outlook *outlook, double now, double until) {
    outlook->low = now;
    outlook->high = now;
    outlook->until = until;
    return !(until >= horizon->length_ms);
}

/* In the slope of a truth, which has none: it may well stay longer, which nobody has asked for yet. */
#define UNASKED 1

/* Of two or three truths that `and` joins, or `or`, how long all of them stay true, or one of them false. Where `holds`
 * is false, what is false counts as true here and the other way round. What is missing is false. */
static inline __attribute__((always_inline)) double joined_until(const struct horizon *horizon,
                                                                 const struct instruction *instruction, bool holds,
                                                                 double (*until_of)(const struct horizon *horizon,
                                                                                    uint16_t source)) {
    const struct evaluation *evaluation = horizon->evaluation;
    const uint16_t sources[] = {instruction->left, instruction->right, instruction->extra};
    uint32_t count = instruction->operation == OP_AND3 || instruction->operation == OP_OR3 ? 3 : 2;
    bool all = evaluation_true(evaluation, instruction->target) == holds;
    double until = all ? INFINITY : 0;
    for (uint32_t i = 0; i < count; i++) {
        if ((evaluation_true(evaluation, sources[i]) == holds) != all)
            continue;
        double source_until = until_of(horizon, sources[i]);
        until = all ? lesser(until, source_until) : greater(until, source_until);
        if (all ? until <= 0 : until >= horizon->length_ms)
            break;
    }
    return until;
}

static inline double until_so_far(const struct horizon *horizon, uint16_t source) {
    return horizon_moves(horizon, source) ? horizon->outlooks[source].until : INFINITY;
}

static double looked_into(const struct horizon *horizon, const struct instruction *instruction) {
    switch (instruction->operation) {
    case OP_AND:
    case OP_AND3:
        return joined_until(horizon, instruction, true, truth_until);
    case OP_OR:
    case OP_OR3:
        return joined_until(horizon, instruction, false, truth_until);
    case OP_NOT:
        return truth_until(horizon, instruction->left);
    default:
        return outlook_course(horizon, instruction);
    }
}

double moving_truth_until(const struct horizon *horizon, uint16_t source) {
    struct outlook *truth = &horizon->outlooks[source];
    if (truth->low_slope == UNASKED) {
        const struct evaluation *evaluation = horizon->evaluation;
        uint16_t writer = evaluation->dependence->writers[source];
        truth->low_slope = 0;
        truth->until = greater(truth->until, looked_into(horizon, &evaluation->program->code.instructions[writer]));
    }
    return truth->until;
}

/* A truth that holds until then, or, where that is not all the while, perhaps for longer. */
static inline bool holds_at_least(const struct horizon *horizon, struct outlook *outlook, double now, double until) {
    bool moves = holds_until(horizon, outlook, now, until);
    outlook->low_slope = moves ? UNASKED : 0;
    return moves;
}

/* ---- one kind of instruction each */

static double now_of(const struct horizon *horizon, const struct instruction *instruction) {
    return horizon->evaluation->registers[instruction->target].number;
}

static bool of_arithmetic(const struct horizon *horizon, const struct instruction *instruction,
                          struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    const struct outlook *right = outlook_at(horizon, instruction->right);
    *ret_outlook = arithmetic(horizon, instruction->operation, now_of(horizon, instruction), left, right);
    return outlook_moves(horizon, ret_outlook);
}

static bool of_negation(const struct horizon *horizon, const struct instruction *instruction,
                        struct outlook *restrict ret_outlook) {
    *ret_outlook = negated(outlook_at(horizon, instruction->left));
    return outlook_moves(horizon, ret_outlook);
}

static bool of_absolute(const struct horizon *horizon, const struct instruction *instruction,
                        struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    *ret_outlook = is_missing(left) ? *left : absolute(horizon, left);
    return outlook_moves(horizon, ret_outlook);
}

static bool of_coalesced(const struct horizon *horizon, const struct instruction *instruction,
                         struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    const struct outlook *right = outlook_at(horizon, instruction->right);
    *ret_outlook = is_missing(left) ? *right : *left;
    ret_outlook->until = is_missing(left) ? lesser(left->until, right->until) : left->until;
    return outlook_moves(horizon, ret_outlook);
}

/* As coalesce(min2(left, right), coalesce(left, right)) has it. */
static bool of_present(const struct horizon *horizon, const struct instruction *instruction,
                       struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    const struct outlook *right = outlook_at(horizon, instruction->right);
    enum operation operation = instruction->operation == OP_LEAST_PRESENT ? OP_MIN2 : OP_MAX2;
    if (!is_missing(left) && !is_missing(right)) {
        *ret_outlook = arithmetic(horizon, operation, now_of(horizon, instruction), left, right);
    } else {
        *ret_outlook = is_missing(left) ? *right : *left;
        ret_outlook->until = lesser(left->until, right->until);
    }
    return outlook_moves(horizon, ret_outlook);
}

static bool of_comparison(const struct horizon *horizon, const struct instruction *instruction,
                          struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    const struct outlook *right = outlook_at(horizon, instruction->right);
    double now = now_of(horizon, instruction);
    return holds_at_least(horizon, ret_outlook, now, comparison_until(instruction->operation, now == 1, left, right));
}

/* The same with a number of the rules: what it is compared with moves, or nobody would ask. */
static inline __attribute__((always_inline)) bool of_number_comparison(const struct horizon *horizon,
                                                                       enum operation operation,
                                                                       const struct instruction *instruction,
                                                                       struct outlook *restrict ret_outlook) {
    const struct outlook *left = &horizon->outlooks[instruction->left];
    const struct outlook right = outlook_constant(horizon->evaluation->registers[instruction->right].number, INFINITY);
    double now = now_of(horizon, instruction);
    assert(horizon_moves(horizon, instruction->left));
    return holds_at_least(horizon, ret_outlook, now, comparison_until(operation, now == 1, left, &right));
}

#define OF_NUMBER_COMPARISON(name, operation)                                              \
    static bool name(const struct horizon *horizon, const struct instruction *instruction, \
                     struct outlook *restrict ret_outlook) {                               \
        return of_number_comparison(horizon, operation, instruction, ret_outlook);         \
    }

OF_NUMBER_COMPARISON(of_less, OP_LESS)
OF_NUMBER_COMPARISON(of_less_equal, OP_LESS_EQUAL)
OF_NUMBER_COMPARISON(of_greater, OP_GREATER)
OF_NUMBER_COMPARISON(of_greater_equal, OP_GREATER_EQUAL)

static bool of_member(const struct horizon *horizon, const struct instruction *instruction,
                      struct outlook *restrict ret_outlook) {
    double now = now_of(horizon, instruction);
    const struct outlook *left = outlook_at(horizon, instruction->left);
    return holds_until(horizon, ret_outlook, now, in_until(horizon, instruction, now == 1, left));
}

static bool of_and(const struct horizon *horizon, const struct instruction *instruction,
                   struct outlook *restrict ret_outlook) {
    return holds_at_least(horizon, ret_outlook, now_of(horizon, instruction),
                          joined_until(horizon, instruction, true, until_so_far));
}

static bool of_or(const struct horizon *horizon, const struct instruction *instruction,
                  struct outlook *restrict ret_outlook) {
    return holds_at_least(horizon, ret_outlook, now_of(horizon, instruction),
                          joined_until(horizon, instruction, false, until_so_far));
}

static bool of_not(const struct horizon *horizon, const struct instruction *instruction,
                   struct outlook *restrict ret_outlook) {
    return holds_at_least(horizon, ret_outlook, now_of(horizon, instruction), until_so_far(horizon, instruction->left));
}

/* What is as it is, as long as what it looks at is. */
static bool of_one(const struct horizon *horizon, const struct instruction *instruction,
                   struct outlook *restrict ret_outlook) {
    return holds_until(horizon, ret_outlook, now_of(horizon, instruction),
                       outlook_at(horizon, instruction->left)->until);
}

static bool of_two(const struct horizon *horizon, const struct instruction *instruction,
                   struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    const struct outlook *right = outlook_at(horizon, instruction->right);
    return holds_until(horizon, ret_outlook, now_of(horizon, instruction), lesser(left->until, right->until));
}

static bool of_age(const struct horizon *horizon, const struct instruction *instruction,
                   struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    *ret_outlook = is_missing(left) ? *left : age_outlook(left, (double)horizon->evaluation->now_ms);
    return outlook_moves(horizon, ret_outlook);
}

static bool of_until(const struct horizon *horizon, const struct instruction *instruction,
                     struct outlook *restrict ret_outlook) {
    const struct outlook *left = outlook_at(horizon, instruction->left);
    struct outlook age = age_outlook(left, (double)horizon->evaluation->now_ms);
    *ret_outlook = is_missing(left) ? *left : negated(&age);
    return outlook_moves(horizon, ret_outlook);
}

/* Only a record changes it. */
static bool of_lasting(const struct horizon *horizon, const struct instruction *instruction,
                       struct outlook *restrict ret_outlook) {
    return holds_until(horizon, ret_outlook, now_of(horizon, instruction), INFINITY);
}

/* NULL: of equality, and of what is not compared with a number of the rules. */
static outlook_maker *number_comparison_of(const struct program *program, const struct instruction *instruction) {
    uint16_t left = instruction->left, right = instruction->right;
    if (left < program->constants_count || right >= program->constants_count)
        return NULL;
    switch ((enum operation)instruction->operation) {
    case OP_LESS:
        return of_less;
    case OP_LESS_EQUAL:
        return of_less_equal;
    case OP_GREATER:
        return of_greater;
    case OP_GREATER_EQUAL:
        return of_greater_equal;
    default:
        return NULL;
    }
}

/* Called through a pointer: most kinds need no frame of their own, and would pay for that of those that do. */
outlook_maker *outlook_maker_of(const struct program *program, const struct instruction *instruction) {
    outlook_maker *number_comparison = number_comparison_of(program, instruction);
    if (number_comparison != NULL)
        return number_comparison;
    switch ((enum operation)instruction->operation) {
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_MIN2:
    case OP_MAX2:
        return of_arithmetic;
    case OP_NEGATE:
        return of_negation;
    case OP_ABS:
        return of_absolute;
    case OP_COALESCE:
        return of_coalesced;
    case OP_LEAST_PRESENT:
    case OP_GREATEST_PRESENT:
        return of_present;
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return of_comparison;
    case OP_EQUAL_TEXT:
    case OP_NOT_EQUAL_TEXT:
    case OP_COALESCE_TEXT:
        return of_two;
    case OP_IN:
        return of_member;
    case OP_AND:
    case OP_AND3:
        return of_and;
    case OP_OR:
    case OP_OR3:
        return of_or;
    case OP_NOT:
        return of_not;
    case OP_IN_TEXT:
    case OP_MISSING:
    case OP_MISSING_TEXT:
    case OP_PRESENT:
    case OP_PRESENT_TEXT:
    case OP_NUMBER_OF:
    case OP_INSTANT_OF:
        return of_one;
    case OP_AGE:
        return of_age;
    case OP_UNTIL:
        return of_until;
    case OP_COUNT:
        return outlook_of_count;
    case OP_SUM:
    case OP_MIN:
    case OP_MAX:
    case OP_DISTINCT:
        return outlook_of_window;
    case OP_TREND:
        return outlook_of_trend;
    case OP_SINCE:
    case OP_SINCE_FIRST:
        return outlook_of_since;
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
        return of_lasting;
    }
    __builtin_unreachable();
}
