/* Looks ahead: until when nothing that an evaluation decides about an account can change.
 *
 * The rules want every account evaluated at every tick; nearly all of these evaluations change nothing. Here the same
 * code is run over a stretch of time instead of an instant: every number becomes a pair of straight lines between which
 * it stays, every truth an instant up to which it holds. Only what looks at something that moves is taken: most of an
 * account's registers stay what they are. Sums of durations stay exact, windows only lose slices, and
 * what is too intricate for lines ends the stretch. Where these bounds are too wide for the comparison of an aggregate,
 * its course is followed (outlook_course.c). So the answer may be too early, which costs one more evaluation,
 * but never too late.
 *
 * It may reckon with some events that come meanwhile: counts of their streams then lie between what falls out of the
 * window and what may come in. Of this kind are only events that add to counts and sets that are there already; whether
 * one that comes is of it is for the caller to see (plan.h). Compared with visiting every tick in
 * tests/unit/test_horizon.c and by the random cases. */
#pragma once

#include <math.h>

#include "engine/core/evaluation.h"

/* What is known of a register's value for the next `until` milliseconds. */
struct outlook {
    double low, low_slope;   /* value >= low + low_slope * t; NaN: missing all the while */
    double high, high_slope; /* value <= high + high_slope * t; of texts only `until` is used, of truths truth_until */
    double until;
};

/* The slices that an aggregate is looked at from: now, and at the end of the stretch. */
struct slices {
    int64_t first, last;
};

/* What a look has found out about a register so far. */
enum mark {
    MARK_NONE,  /* nothing: it stays what it is, and nobody has asked for its outlook */
    MARK_STAYS, /* it stays what it is, and so its outlook says; constants do for good */
    MARK_MOVES, /* it may be another one within the stretch */
};

struct horizon {
    const struct evaluation *evaluation; /* done: its registers hold the values of now, its `pending` is free */
    const struct clocks *clocks;
    const uint64_t
        *restless; /* set of the steps whose decision may change though all that they look at stays (desk.h) */
    struct outlook *outlooks;  /* one for each register */
    uint64_t *first;           /* set of the steps that a look begins with */
    uint8_t *marks;            /* a mark for each register */
    uint8_t lively;            /* bit i: events of stream i may come; 0: no record will */
    uint32_t events, values;   /* so many, and so many values that not all windows hold; horizon_look sets them */
    double length_ms;          /* how far it looks */
    struct slices hours, days; /* of streams that are not stalled */
};

/* Whether a register may be another one within the stretch. */
static inline bool horizon_moves(const struct horizon *horizon, uint16_t source) {
    return horizon->marks[source] == MARK_MOVES;
}

#define HORIZON_EVENTS_MAX 255

/* The habits of an account that was never looked at, without and with events to reckon with. */
#define HORIZON_FIRST       12
#define HORIZON_FIRST_QUIET 4

/* Once, before the first look with these. */
void horizon_begin(const struct program *program, struct outlook *outlooks, uint8_t *marks);

/* The milliseconds from now on, at the most INFINITY, in which every outcome is provably the same; where events are
 * reckoned with, that holds for `horizon->events` of them with `horizon->values` new values. `horizon->outlooks` and
 * `marks` are the engine's; `habits` says where the account's last look succeeded, and is brought up to date. */
double horizon_look(struct horizon *horizon, uint8_t *habits);

/* The events came sooner than time: the next look reckons with more of them. */
void horizon_expect_more(uint8_t *habits);

/* What makes the outlook of the instruction (outlook.c), and the outlook of one score (outlook_scores.c). */
outlook_maker *outlook_maker_of(const struct program *program, const struct instruction *instruction);
void outlook_of_score(const struct horizon *horizon, uint32_t score, struct outlook *restrict ret_outlook);

/* When a line that starts at `value` reaches 0 from below: 0 where it is there, INFINITY where it never does. */
double reaches_zero(double value, double slope);
/* When it exceeds 0. */
double exceeds_zero(double value, double slope);

/* One instruction each, where fmin and fmax are calls; what is missing does not come here. */
static inline double lesser(double left, double right) {
    return left < right ? left : right;
}

static inline double greater(double left, double right) {
    return left > right ? left : right;
}

static inline struct outlook outlook_constant(double value, double until) {
    return (struct outlook){value, 0, value, 0, until};
}

/* A register's outlook. What does not move is given one when somebody asks. */
static inline struct outlook *outlook_at(const struct horizon *horizon, uint16_t source) {
    struct outlook *outlook = &horizon->outlooks[source];
    if (horizon->marks[source] == MARK_NONE) {
        *outlook = outlook_constant(horizon->evaluation->registers[source].number, INFINITY);
        horizon->marks[source] = MARK_STAYS;
    }
    return outlook;
}
