/* What the arithmetic of outlooks shares: outlook.c (operations), outlook_aggregates.c, outlook_scores.c. */
#pragma once

#include <math.h>

#include "engine/core/horizon.h"

#define ROUNDING_RELATIVE 1e-12 /* of one floating operation, generously */

static inline bool is_constant(const struct outlook *outlook) {
    return outlook->low == outlook->high && outlook->low_slope == 0 && outlook->high_slope == 0;
}

static inline bool is_line(const struct outlook *outlook) {
    return outlook->low == outlook->high && outlook->low_slope == outlook->high_slope;
}

static inline bool is_missing(const struct outlook *outlook) {
    return isnan(outlook->low);
}

static inline double lowest(const struct horizon *horizon, const struct outlook *outlook) {
    double reach = lesser(outlook->until, horizon->length_ms);
    return outlook->low_slope < 0 ? outlook->low + outlook->low_slope * reach : outlook->low;
}

static inline double highest(const struct horizon *horizon, const struct outlook *outlook) {
    double reach = lesser(outlook->until, horizon->length_ms);
    return outlook->high_slope > 0 ? outlook->high + outlook->high_slope * reach : outlook->high;
}

/* Bounds that nothing holds beyond now. */
static inline struct outlook nothing_known(double value) {
    return outlook_constant(value, 0);
}

static inline struct outlook sum_of(const struct outlook *left, const struct outlook *right, double until) {
    return (struct outlook){left->low + right->low, left->low_slope + right->low_slope, left->high + right->high,
                            left->high_slope + right->high_slope, until};
}

/* `outlook` times `factor`. */
struct outlook outlook_scaled(const struct outlook *outlook, double factor, double until);

/* The outlook of an instruction that looks at an aggregate, but for the texts and OP_OPEN. */
void outlook_of_aggregate(const struct horizon *horizon, const struct instruction *instruction,
                          struct outlook *restrict ret_outlook);
