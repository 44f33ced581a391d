/* How an account comes to be what it is, for people: the conditions of any expression of the rules, and the signals of
 * a score, valued at the account's present instant. Nothing is decided and nothing is changed.
 *
 * engine_explain first; what the others tell is valid until the engine's next other call. */
#pragma once

#include "engine/core/engine.h"

/* A signal of a score, as it was valued. */
struct signal_status {
    bool counts;         /* its `when` is true, or it has none */
    double value;        /* durations in milliseconds, booleans as 0 or 1; NaN: missing */
    double contribution; /* as in `struct reason`; NaN where it does not count or is missing */
};

/* The account lives: it was seen, and is not erased. `ret_status` as engine_status gives it. */
void engine_explain(struct engine *engine, struct state_bytes state, const struct clocks *clocks,
                    struct status *ret_status);

/* The conditions of an expression of the engine's program; returns how many. */
uint32_t engine_conditions(const struct engine *engine, const struct expression *expression,
                           struct because ret_conditions[CONDITIONS_MAX]);

/* Whether a boolean expression of the engine's program holds; one that is not given does not. */
bool engine_holds(const struct engine *engine, const struct expression *expression);

struct signal_status engine_signal(const struct engine *engine, uint32_t score, uint32_t signal);
