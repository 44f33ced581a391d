/* Looks ahead: until when nothing that an evaluation decides about an account can change, if no record comes.
 *
 * The rules want every account evaluated at every tick; nearly all of these evaluations change nothing. Here the same
 * code is run over a stretch of time instead of an instant: every number becomes a pair of straight lines between which
 * it stays, every truth an instant up to which it holds. Sums of durations stay exact, windows only lose slices, and
 * what is too intricate for lines ends the stretch. So the answer may be too early, which costs one more evaluation,
 * but never too late. Compared with visiting every tick in tests/unit/test_horizon.c and by the random cases. */
#pragma once

#include "base/arena.h"
#include "engine/core/evaluation.h"

/* What is known of a register's value for the next `until` milliseconds. */
struct outlook {
    double low, low_slope;   /* value >= low + low_slope * t; NaN: missing all the while */
    double high, high_slope; /* value <= high + high_slope * t; of truths and texts only `until` is used */
    double until;
};

/* What of a program's code depends on the time at all; made once for each engine. The rest (facts, the last values, and
 * what is computed of nothing else) is what it is until a record comes. */
struct horizon_plan {
    struct instruction *timed; /* in their order */
    uint32_t *timed_before;    /* for each place in the code: how many timed instructions stand before it */
    uint16_t *fixed;           /* the other registers that timed instructions and decisions look at */
    uint32_t fixed_count;
};

struct horizon {
    const struct horizon_plan *plan;
    const struct evaluation *evaluation; /* done: its registers hold the values of now */
    const struct clocks *clocks;
    struct outlook *outlooks; /* one for each register */
    double length_ms;         /* how far it looks */
};

/* Allocates in the arena, and sets the outlooks of what never changes. False: memory is out. */
MUST_USE bool horizon_plan_make(const struct program *program, struct arena *arena, struct outlook *outlooks,
                                struct horizon_plan *ret_plan);

/* The level of an account that was never looked at. */
#define HORIZON_LEVEL_FIRST UINT8_MAX

/* The milliseconds from now on, at the most INFINITY, in which every outcome is provably the same. `horizon->outlooks`
 * is the engine's; `level` is where the account's last look succeeded, and is brought up to date. */
double horizon_look(struct horizon *horizon, uint8_t *level);

/* The outlook of one instruction, and of one score (outlook.c). */
void outlook_of_instruction(const struct horizon *horizon, const struct instruction *instruction,
                            struct outlook *restrict ret_outlook);
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
