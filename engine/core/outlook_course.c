/* The course of one aggregate: its values from slice to slice, as far as a comparison needs them (outlook.h). Without
 * events they are known exactly; with them, they lie between what they are without and with all of them. */
#include <math.h>

#include "engine/core/aggregates.h"
#include "engine/core/outlook.h"

#define CHANGES_MAX 12
#define PARTS_MAX   2

/* Where the slices with events come into a part of the window, one after the other, or leave it. */
struct edge {
    struct window_cursor cursor;
    int64_t delay; /* a slice does so when as many have gone by after it */
    int64_t at;    /* the next one does; INT64_MAX: none is left */
    double value;
};

struct range {
    double low, high; /* NaN: missing */
};

struct course {
    const struct horizon *horizon;
    const struct instruction *instruction; /* that looks at the aggregate */
    const struct aggregate *aggregate;
    struct slices slices;
    int64_t begins; /* before this slice, it is missing */
    double more;
    /* A window has one part, and a trend a later and an earlier one: what enters them, goes over, and leaves. */
    struct edge edges[PARTS_MAX + 1];
    double parts[PARTS_MAX];
    uint32_t parts_count;
    double size; /* of all values that came into a part */
};

static void edge_next(struct edge *edge) {
    int64_t slice;
    edge->at = window_next(&edge->cursor, &slice, &edge->value) ? slice + edge->delay : INT64_MAX;
}

static void advance(struct course *course, int64_t index) {
    for (uint32_t i = 0; i <= course->parts_count; i++) {
        struct edge *edge = &course->edges[i];
        for (; edge->at <= index; edge_next(edge)) {
            course->size += i == 0 ? fabs(edge->value) : 0;
            if (i < course->parts_count)
                course->parts[i] += edge->value;
            if (i > 0)
                course->parts[i - 1] -= edge->value;
        }
    }
}

static int64_t longest(const struct instruction *instruction) {
    return (int64_t)instruction->right + (instruction->operation == OP_TREND ? instruction->extra : 0);
}

/* The first slice that the aggregate is there from: it has counted long enough, and a trend's account is old enough. */
static int64_t begins_at(const struct evaluation *evaluation, const struct instruction *instruction) {
    int64_t counts_from = aggregate_counts_from(evaluation, instruction->left);
    if (instruction->operation != OP_TREND)
        return counts_from + longest(instruction);
    int64_t first_event_ms = state_header(evaluation->state)->first_event_ms;
    if (first_event_ms == INSTANT_NONE)
        return INT64_MAX;
    int64_t first = slice_index(first_event_ms, evaluation->program->aggregates[instruction->left].slice_ms);
    return (first > counts_from ? first : counts_from) + longest(instruction);
}

static int64_t nearest(int64_t index, int64_t change, int64_t next) {
    return change > index && change < next ? change : next;
}

/* The slice after `index` from which on the aggregate may lie in another range. Events that come reach a trend with the
 * next slice, and its earlier part when that of now has gone over to it. */
static int64_t next_change(const struct course *course, int64_t index) {
    const struct instruction *instruction = course->instruction;
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i <= course->parts_count; i++)
        next = course->edges[i].at < next ? course->edges[i].at : next;
    next = nearest(index, course->begins, next);
    if (instruction->operation != OP_TREND || course->more == 0)
        return next;
    next = nearest(index, course->slices.first + 1, next);
    return nearest(index, course->slices.first + instruction->right + 1, next);
}

/* What the aggregate lies between when it is looked at from slice `index`, up to which the course has advanced. Sums
 * are added up in another order than they will be. */
static struct range range_of(const struct course *course, int64_t index) {
    const struct instruction *instruction = course->instruction;
    double value = course->parts[0], slack = course->size * ROUNDING_RELATIVE * 100;
    if (index < course->begins)
        return (struct range){NAN, NAN};
    if (instruction->operation == OP_SUM && !(course->size <= MODERATE_MAX))
        return (struct range){-INFINITY, INFINITY};
    if (instruction->operation == OP_SUM)
        return (struct range){value - slack, value + slack};
    if (instruction->operation == OP_COUNT)
        return (struct range){value, value + course->more};
    double before = index - instruction->right > course->slices.first ? course->more : 0;
    return (struct range){trend_value(instruction, value, course->parts[1] + before),
                          trend_value(instruction, value + course->more, course->parts[1])};
}

/* Finds out what each part holds when it is looked at from slice `index`: from the slices that have left all of them to
 * those that come last. */
static void add_up(struct course *course, struct window_cursor cursor, const int64_t *delays, int64_t index) {
    struct edge edge = {.cursor = cursor};
    edge_next(&edge);
    for (uint32_t i = course->parts_count + 1; i-- > 0;) {
        edge.at += edge.at == INT64_MAX ? 0 : delays[i] - edge.delay;
        edge.delay = delays[i];
        for (; edge.at <= index; edge_next(&edge)) {
            if (i == course->parts_count)
                continue;
            course->parts[i] += edge.value;
            course->size += fabs(edge.value);
        }
        course->edges[i] = edge;
    }
}

/* The course of the aggregate from now on. */
static struct course begin(const struct horizon *horizon, const struct instruction *instruction) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct aggregate *aggregate = &evaluation->program->aggregates[instruction->left];
    bool is_trend = instruction->operation == OP_TREND;
    int64_t delays[PARTS_MAX + 1] = {is_trend, (int64_t)instruction->right + 1, longest(instruction) + 1};
    struct course course = {.horizon = horizon,
                            .instruction = instruction,
                            .aggregate = aggregate,
                            .slices = slices_of(horizon, aggregate),
                            .begins = begins_at(evaluation, instruction),
                            .more = more_of(horizon, aggregate->stream),
                            .parts_count = is_trend ? 2 : 1};
    add_up(&course, window_cursor(evaluation->state, aggregate_slot(instruction->left), aggregate->kind), delays,
           course.slices.first);
    return course;
}

static bool is_comparison(enum operation operation) {
    return operation >= OP_EQUAL && operation <= OP_GREATER_EQUAL;
}

static bool compares_with_constant(const struct evaluation *evaluation, const struct evaluation_step *step) {
    const struct program *program = evaluation->program;
    const struct instruction *reader = step->instruction;
    return reader != NULL && is_comparison(reader->operation) &&
           (reader->left < program->constants_count || reader->right < program->constants_count);
}

/* Whether all that look at the register compare it with constants: their courses tell more than any bounds. */
static bool is_only_compared(const struct evaluation *evaluation, uint16_t source) {
    const struct dependence *dependence = evaluation->dependence;
    for (uint32_t i = dependence->readers_from[source]; i < dependence->readers_from[source + 1]; i++) {
        struct readers readers = dependence->readers[i];
        for (uint64_t steps = readers.steps; steps != 0; steps &= steps - 1)
            if (!compares_with_constant(evaluation,
                                        &dependence->steps[readers.word * 64 + (uint32_t)__builtin_ctzll(steps)]))
                return false;
    }
    return true;
}

/* Whether the stretch ends within the slice of now, so that none enters a window or leaves it. */
static bool is_within_slice(const struct horizon *horizon, const struct instruction *instruction) {
    struct slices slices = slices_of(horizon, &horizon->evaluation->program->aggregates[instruction->left]);
    return slices.first == slices.last;
}

static struct outlook trend_outlook(const struct horizon *horizon, const struct instruction *instruction, double now) {
    struct outlook outlook = outlook_constant(now, INFINITY);
    struct course course = begin(horizon, instruction);
    int64_t index = next_change(&course, course.slices.first);
    for (int changes = 0; index <= course.slices.last; changes++) {
        advance(&course, index);
        struct range range = range_of(&course, index);
        if (changes == CHANGES_MAX || isnan(range.low) != isnan(now) || isnan(range.high) != isnan(now)) {
            outlook.until = until_slice(horizon, course.aggregate, index);
            break;
        }
        outlook.low = lesser(outlook.low, range.low);
        outlook.high = greater(outlook.high, range.high);
        index = next_change(&course, index);
    }
    return outlook;
}

bool outlook_of_trend(const struct horizon *horizon, const struct instruction *instruction,
                      struct outlook *restrict ret_outlook) {
    double now = horizon->evaluation->registers[instruction->target].number;
    if (is_within_slice(horizon, instruction))
        *ret_outlook = outlook_constant(now, INFINITY);
    else if (is_only_compared(horizon->evaluation, instruction->target))
        *ret_outlook = nothing_known(now);
    else
        *ret_outlook = trend_outlook(horizon, instruction, now);
    return outlook_moves(horizon, ret_outlook);
}

static bool holds_for(enum operation operation, double value, double number, bool is_left) {
    return is_left ? compare_numbers(operation, value, number) : compare_numbers(operation, number, value);
}

/* Whether the comparison is `holds` for every value of the range: all but equality are so in between, where they are at
 * both ends. */
static bool is_sure(enum operation operation, struct range range, double number, bool is_left, bool holds) {
    bool is_equality = operation == OP_EQUAL || operation == OP_NOT_EQUAL;
    if (isnan(range.low) != isnan(range.high))
        return false;
    if (is_equality && range.low != range.high && range.low <= number && number <= range.high)
        return false;
    return holds_for(operation, range.low, number, is_left) == holds &&
           holds_for(operation, range.high, number, is_left) == holds;
}

/* The instruction that looks at the aggregate which is compared; NULL: none does, or not with what stays a number. */
static const struct instruction *compared(const struct horizon *horizon, const struct instruction *comparison,
                                          bool *ret_is_left) {
    const struct evaluation *evaluation = horizon->evaluation;
    const struct outlook *left = outlook_at(horizon, comparison->left);
    const struct outlook *right = outlook_at(horizon, comparison->right);
    bool is_left = is_constant(right) && right->until >= horizon->length_ms;
    if (!is_left && !(is_constant(left) && left->until >= horizon->length_ms))
        return NULL;
    uint16_t writer = evaluation->dependence->writers[is_left ? comparison->left : comparison->right];
    *ret_is_left = is_left;
    if (writer == NOT_WRITTEN)
        return NULL;
    const struct instruction *instruction = &evaluation->program->code.instructions[writer];
    if (instruction->operation == OP_SUM)
        return more_of(horizon, evaluation->program->aggregates[instruction->left].stream) == 0 ? instruction : NULL;
    return instruction->operation == OP_COUNT || instruction->operation == OP_TREND ? instruction : NULL;
}

/* Where no events come, and for a trend with its slice of now, what is now is as it is. */
static double follow(struct course *course, const struct instruction *comparison, double number, bool is_left) {
    bool holds = evaluation_true(course->horizon->evaluation, comparison->target);
    bool is_certain = course->more == 0 || course->instruction->operation == OP_TREND;
    int64_t index = is_certain ? next_change(course, course->slices.first) : course->slices.first;
    for (int changes = 0; changes < CHANGES_MAX && index <= course->slices.last; changes++) {
        advance(course, index);
        if (!is_sure(comparison->operation, range_of(course, index), number, is_left, holds))
            return until_slice(course->horizon, course->aggregate, index);
        index = next_change(course, index);
    }
    return index > course->slices.last ? INFINITY : until_slice(course->horizon, course->aggregate, index);
}

/* The same where nothing enters or leaves: events that come only add to a count. */
static double sure_until(const struct horizon *horizon, const struct instruction *instruction,
                         const struct instruction *comparison, double number, bool is_left) {
    const struct evaluation *evaluation = horizon->evaluation;
    double value = evaluation->registers[instruction->target].number;
    if (instruction->operation != OP_COUNT)
        return INFINITY;
    struct range range = {value, value + more_of(horizon, evaluation->program->aggregates[instruction->left].stream)};
    bool holds = evaluation_true(evaluation, comparison->target);
    return is_sure(comparison->operation, range, number, is_left, holds) ? INFINITY : 0;
}

double outlook_course(const struct horizon *horizon, const struct instruction *comparison) {
    bool is_left;
    const struct instruction *instruction = compared(horizon, comparison, &is_left);
    if (instruction == NULL)
        return 0;
    double number = outlook_at(horizon, is_left ? comparison->right : comparison->left)->low;
    if (is_within_slice(horizon, instruction))
        return sure_until(horizon, instruction, comparison, number, is_left);
    struct course course = begin(horizon, instruction);
    return follow(&course, comparison, number, is_left);
}
