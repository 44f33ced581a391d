/* One evaluation of one account at one instant: the registers, and what the instructions look at. Owned by the engine,
 * reused for every evaluation; allocated once. */
#pragma once

#include "base/number.h"
#include "engine/core/account/state.h"
#include "engine/core/account/windows.h"
#include "engine/core/clocks.h"
#include "engine/core/dependence.h"

/* What a signal came to. */
struct signal_value {
    bool counts;  /* its `when` is true, or it has none */
    bool present; /* and its value is not missing */
    double value, y;
};

struct score_value {
    double value; /* rounded; NaN: missing */
    double coverage;
    double weight;                      /* of the signals that are present */
    const struct signal_value *signals; /* as many as the score has */
};

/* The slices that the instants of an hour fall in. */
struct hour_slices {
    int64_t begin_ms;
    int64_t hour, day;
};

struct evaluation {
    const struct program *program;
    struct state *state;
    const struct event *event; /* filters only */
    int64_t now_ms;
    int64_t look_ms[STREAMS];      /* where the aggregates of each stream are looked at from */
    int64_t now_hour, now_day;     /* the slices that now falls in; once an evaluation has begun */
    union value *registers;        /* of what is run: the filters', or the account's (desk.h) */
    union value *filter_registers; /* the constants stand in them */
    struct event facts;            /* fields only; read at the first use */
    bool facts_read;
    uint32_t facts_fields_size; /* where the facts' entries begin */
    struct score_value *scores;
    struct signal_value *signals; /* of all scores, one after the other */
    uint32_t code_done;           /* instructions run so far */
    const struct dependence *dependence;
    uint16_t *changed; /* aggregates that the record has changed */
    uint32_t changed_count;
    uint64_t *pending;         /* set of the steps that have to be taken again */
    struct hour_slices slices; /* of the hour that an event fell in last: most of the next do too */
};

/* min(now, the stream's clock): where its aggregates are looked at from. */
static inline int64_t look_instant(const struct program *program, const struct clocks *clocks, enum stream stream,
                                   int64_t now_ms) {
    int64_t stall_after_ms = program->stall_after_ms[stream], newest_ms = clocks->newest_ms[stream];
    if (stall_after_ms == 0 || newest_ms == INSTANT_NONE || now_ms - newest_ms <= stall_after_ms)
        return now_ms;
    return newest_ms + stall_after_ms;
}

/* The slot of an aggregate, dimension or segment in the state. */
static inline uint32_t aggregate_slot(uint32_t index) {
    return SLOT_AGGREGATES + index;
}

static inline uint32_t dimension_slot(const struct program *program, uint32_t index) {
    return SLOT_AGGREGATES + program->aggregates_count + index;
}

static inline uint32_t segment_slot(const struct program *program, uint32_t index) {
    return SLOT_AGGREGATES + program->aggregates_count + program->dimensions_count + index;
}

static inline uint32_t program_slots(const struct program *program) {
    return segment_slot(program, program->segments_count);
}

/* The slice that an aggregate is looked at from. */
static inline int64_t look_slice(const struct evaluation *evaluation, const struct aggregate *aggregate) {
    int64_t look_ms = evaluation->look_ms[aggregate->stream];
    if (look_ms == evaluation->now_ms)
        return aggregate->slice_ms == DAY ? evaluation->now_day : evaluation->now_hour;
    return slice_index(look_ms, aggregate->slice_ms);
}

/* The window of `slices` slices of an aggregate, looked at from its stream's instant. */
static inline struct window aggregate_window(const struct evaluation *evaluation, const struct aggregate *aggregate,
                                             uint32_t slices) {
    int64_t index = look_slice(evaluation, aggregate);
    return (struct window){index - slices, index};
}

/* Runs the filters of the event's stream. */
void evaluation_run_filters(struct evaluation *evaluation, const struct event *event);

/* Runs the code up to the instruction `end`, from where it was run to before. */
void evaluation_run_on(struct evaluation *evaluation, uint32_t end);

static inline void evaluation_run(struct evaluation *evaluation, uint32_t end) {
    if (end > evaluation->code_done)
        evaluation_run_on(evaluation, end);
}

/* Runs these instructions, of which the code was made that remains for an account (shape.h). */
void evaluation_run_code(struct evaluation *evaluation, const struct instruction *from, const struct instruction *to);

/* Runs the instructions again whose steps are pending, in the set's words from `word` on, and has those steps taken
 * that look at what then has another value; up to a step that decides, which is returned and pending no more.
 * STEP_NONE: none is left. */
#define STEP_NONE UINT32_MAX
uint32_t evaluation_run_pending(struct evaluation *evaluation, uint32_t word);

/* Adds the steps that another instant may change: within the same slices, or (`sliced`) beyond. */
void evaluation_add_timed(const struct evaluation *evaluation, bool sliced, uint64_t *set);

/* Adds the steps that look at aggregates of these streams (bit i: stream i) that are not empty. */
void evaluation_add_streams(const struct evaluation *evaluation, uint32_t streams, uint64_t *set);

/* The facts' fields; all absent where there are none. Their texts stay good until the engine's next call: where the
 * state grows out of its owner's memory meanwhile, that is left as it was. */
const struct event *evaluation_facts(struct evaluation *evaluation);

/* No other bits are a one, and to compare them is less than to ask for what is missing too. */
static inline bool value_true(const union value *registers, uint16_t boolean) {
    return registers[boolean].bits == number_bits(1);
}

static inline bool evaluation_true(const struct evaluation *evaluation, uint16_t boolean) {
    return value_true(evaluation->registers, boolean);
}

/* A comparison of two numbers; of what is missing, none holds. */
static inline bool compare_numbers(enum operation operation, double left, double right) {
    switch (operation) {
    case OP_EQUAL:
        return left == right;
    case OP_NOT_EQUAL:
        return left < right || left > right;
    case OP_LESS:
        return left < right;
    case OP_LESS_EQUAL:
        return left <= right;
    case OP_GREATER:
        return left > right;
    default:
        return left >= right;
    }
}

/* Whether a text is in a row of constants, of which none is missing. */
bool text_in(const union value *list, uint32_t count, struct text text);

/* Two texts of which none is missing. */
static inline bool not_equal_text(struct text left, struct text right) {
    return !text_is_missing(left) && !text_is_missing(right) && !text_equal(left, right);
}

/* Missing where it is not finite: the one form in which a number is missing. */
static inline double finite_or_missing(double number) {
    return number - number == 0 ? number : __builtin_nan("");
}
