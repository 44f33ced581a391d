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

/* Whether the register may be another one within the stretch. */
static inline bool outlook_moves(const struct horizon *horizon, const struct outlook *outlook) {
    return !(outlook->until >= horizon->length_ms) || outlook->low_slope != 0 || outlook->high_slope != 0 ||
           (outlook->low != outlook->high && !is_missing(outlook));
}

static inline double lowest(const struct horizon *horizon, const struct outlook *outlook) {
    double reach = lesser(outlook->until, horizon->length_ms);
    return outlook->low_slope < 0 ? outlook->low + outlook->low_slope * reach : outlook->low;
}

static inline double highest(const struct horizon *horizon, const struct outlook *outlook) {
    double reach = lesser(outlook->until, horizon->length_ms);
    return outlook->high_slope > 0 ? outlook->high + outlook->high_slope * reach : outlook->high;
}

/* Far from where a sum overflows, also at the end of the longest stretch. What overflows is missing, but not for good,
 * as what bounds of it would say. */
#define MODERATE_MAX 1e280

static inline bool is_moderate(const struct outlook *outlook) {
    return fabs(outlook->low) <= MODERATE_MAX && fabs(outlook->high) <= MODERATE_MAX &&
           fabs(outlook->low_slope) <= MODERATE_MAX && fabs(outlook->high_slope) <= MODERATE_MAX;
}

/* Bounds that nothing holds beyond now. */
static inline struct outlook nothing_known(double value) {
    return outlook_constant(value, 0);
}

static inline struct outlook sum_of(const struct outlook *left, const struct outlook *right, double until) {
    return (struct outlook){left->low + right->low, left->low_slope + right->low_slope, left->high + right->high,
                            left->high_slope + right->high_slope, until};
}

static inline bool is_stalled(const struct horizon *horizon, enum stream stream) {
    return horizon->evaluation->look_ms[stream] < horizon->evaluation->now_ms;
}

static inline struct slices slices_of(const struct horizon *horizon, const struct aggregate *aggregate) {
    if (!is_stalled(horizon, aggregate->stream))
        return aggregate->slice_ms == DAY ? horizon->days : horizon->hours;
    int64_t index = slice_index(horizon->evaluation->look_ms[aggregate->stream], aggregate->slice_ms);
    return (struct slices){index, index};
}

/* How many events of the stream may come. */
static inline double more_of(const struct horizon *horizon, enum stream stream) {
    return (horizon->lively >> stream & 1) != 0 ? horizon->events : 0;
}

/* Milliseconds from now until slice `index` begins. */
static inline double until_slice(const struct horizon *horizon, const struct aggregate *aggregate, int64_t index) {
    return greater(0, (double)index * (double)aggregate->slice_ms - (double)horizon->evaluation->now_ms);
}

/* `outlook` times `factor`. */
struct outlook outlook_scaled(const struct outlook *outlook, double factor, double until);

/* How long the truth in a register surely stays what it is. Comparisons, and what is made of them, are only looked into
 * when somebody asks: before, they are what bounds over the whole stretch tell. */
double moving_truth_until(const struct horizon *horizon, uint16_t source);

static inline double truth_until(const struct horizon *horizon, uint16_t source) {
    return horizon_moves(horizon, source) ? moving_truth_until(horizon, source) : INFINITY;
}

/* The outlooks of what looks at aggregates: of a window, of a duration since an event (outlook_aggregates.c), and of a
 * trend (outlook_course.c). */
outlook_maker outlook_of_count, outlook_of_window, outlook_of_since, outlook_of_trend;

/* How long a comparison of a count, a sum or a trend with a number surely stays what it is; 0 where it is no such
 * comparison, or no more is known (outlook_course.c). */
double outlook_course(const struct horizon *horizon, const struct instruction *comparison);
