/* The outlook of scores: sums of curves of what is looked at (horizon.h). */
#include "engine/core/outlook.h"
#include "engine/core/scores.h"

#define SCORE_ROUNDING 0.0051 /* a score is rounded to hundredths */

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
        y = outlook_scaled(&y, signal->weight, y.until);
        sum = sum_of(&sum, &y, sum.until);
    }
    if (isnan(decided->value))
        return outlook_constant(NAN, sum.until);
    if (is_weighted)
        sum = outlook_scaled(&sum, 100 / weights, sum.until);
    else
        sum = (struct outlook){logistic(lowest(horizon, &sum)), 0, logistic(highest(horizon, &sum)), 0, sum.until};
    return score_rounded(sum, constant, decided->value);
}

void outlook_of_score(const struct horizon *horizon, uint32_t score, struct outlook *restrict ret_outlook) {
    *ret_outlook = score_outlook(horizon, score);
}
