/* The outlook of scores: sums of curves of what is looked at (horizon.h). */
#include "engine/core/outlook.h"
#include "engine/core/scores.h"

#define SCORE_ROUNDING 0.0051 /* a score is rounded to hundredths */
#define OPTIONAL_MAX   8

static uint32_t curve_piece(const struct signal *signal, double x, bool rising) {
    uint32_t piece = 0;
    while (piece < signal->curve_count && (rising ? x >= signal->curve[piece].x : x > signal->curve[piece].x))
        piece++;
    return piece; /* the point that ends it; 0 and curve_count: beyond the ends */
}

/* Where a line through a curve stays on one piece of it, it stays a line. Otherwise it lies between the flattest and
 * the steepest of the lines from its beginning to the points that it comes to. */
static struct outlook curve_of_line(const struct horizon *horizon, const struct signal *signal,
                                    const struct outlook *x) {
    const struct curve_point *point = signal->curve;
    double reach = lesser(x->until, horizon->length_ms), y = curve_at(point, signal->curve_count, x->low);
    double end = curve_at(point, signal->curve_count, x->low + x->low_slope * reach);
    uint32_t piece = curve_piece(signal, x->low, x->low_slope > 0);
    bool flat = piece == 0 || piece == signal->curve_count;
    double slope = flat ? 0
                        : (point[piece].y - point[piece - 1].y) / (point[piece].x - point[piece - 1].x) * x->low_slope;
    double least = slope, greatest = slope;
    for (uint32_t i = 0; i < signal->curve_count; i++) {
        double comes = (point[i].x - x->low) / x->low_slope;
        if (comes <= 0 || comes >= reach)
            continue;
        least = lesser(least, (point[i].y - y) / comes);
        greatest = greater(greatest, (point[i].y - y) / comes);
    }
    if (reach > 0) {
        least = lesser(least, (end - y) / reach);
        greatest = greater(greatest, (end - y) / reach);
    }
    return (struct outlook){y, least, y, greatest, x->until};
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

static struct outlook curve_of_edge(const struct horizon *horizon, const struct signal *signal, double x, double slope,
                                    double until) {
    struct outlook line = {x, slope, x, slope, until};
    if (slope == 0)
        return outlook_constant(curve_at(signal->curve, signal->curve_count, x), until);
    return curve_of_line(horizon, signal, &line);
}

/* Through a curve that only rises, or only falls, the lines around a number stay around it. */
static struct outlook curve_of_bounds(const struct horizon *horizon, const struct signal *signal,
                                      const struct outlook *x) {
    if (signal->direction == 0 || (x->low_slope == 0 && x->high_slope == 0))
        return curve_of_range(signal, lowest(horizon, x), highest(horizon, x), x->until);
    struct outlook least = curve_of_edge(horizon, signal, x->low, x->low_slope, x->until);
    struct outlook greatest = curve_of_edge(horizon, signal, x->high, x->high_slope, x->until);
    if (signal->direction > 0)
        return (struct outlook){least.low, least.low_slope, greatest.high, greatest.high_slope, x->until};
    return (struct outlook){greatest.low, greatest.low_slope, least.high, least.high_slope, x->until};
}

static struct outlook signal_outlook(const struct horizon *horizon, const struct signal *signal,
                                     const struct signal_value *look) {
    const struct outlook *x = &horizon->outlooks[signal->value];
    if (!horizon_moves(horizon, signal->value))
        return outlook_constant(look->present ? look->y : signal->default_value, INFINITY);
    if (!look->present)
        return outlook_constant(signal->default_value, x->until);
    if (signal->type == TYPE_BOOLEAN)
        return outlook_constant(look->y, truth_until(horizon, signal->value));
    if (is_constant(x))
        return outlook_constant(look->y, x->until);
    if (signal->curve_count == 0)
        return *x;
    if (is_line(x))
        return curve_of_line(horizon, signal, x);
    return curve_of_bounds(horizon, signal, x);
}

/* A signal that may begin or end to count with the next record, and the bounds of what it then adds. */
struct optional {
    double weight, low, high;
};

/* What a score is made of over the stretch. */
struct parts {
    struct outlook sum;       /* of the signals that count all the while */
    double counting, present; /* their weights */
    double doubtful;          /* the weights of those that may count and are missing */
    bool is_constant;         /* none of those that count moves */
    bool has_doubts;          /* there are some of which that is not known */
    struct optional optional[OPTIONAL_MAX];
    uint32_t optional_count;
};

/* As outlook_scaled has it. */
static inline struct outlook constant_scaled(double value, double factor, double until) {
    double scaled = value * factor, slack = 2 * fabs(scaled) * ROUNDING_RELATIVE;
    if (!(fabs(scaled) <= MODERATE_MAX))
        return nothing_known(0);
    return (struct outlook){scaled - slack, 0, scaled + slack, 0, until};
}

/* `counts_until`: how long it counts, or does not, as it does now. */
static void add_certain(const struct horizon *horizon, const struct score *score, uint32_t index,
                        const struct signal_value *look, double counts_until, struct parts *parts) {
    const struct signal *signal = &score->signals[index];
    parts->sum.until = lesser(parts->sum.until, counts_until);
    if (!look->counts)
        return;
    struct outlook y = signal_outlook(horizon, signal, look);
    parts->sum.until = lesser(parts->sum.until, y.until);
    parts->counting += signal->weight;
    if (score->method == SCORE_WEIGHTED && !look->present)
        return;
    parts->is_constant = parts->is_constant && is_constant(&y);
    parts->present += signal->weight;
    y = is_constant(&y) ? constant_scaled(y.low, signal->weight, y.until) : outlook_scaled(&y, signal->weight, y.until);
    parts->sum = sum_of(&parts->sum, &y, lesser(parts->sum.until, y.until));
}

/* Where nothing is known of it, the stretch ends now. */
static void add_optional(const struct horizon *horizon, const struct score *score, const struct signal *signal,
                         struct parts *parts) {
    struct outlook x = *outlook_at(horizon, signal->value);
    parts->sum.until = lesser(parts->sum.until, x.until);
    parts->has_doubts = true;
    if (is_missing(&x) && score->method == SCORE_WEIGHTED) {
        parts->doubtful += signal->weight;
        return;
    }
    if (is_missing(&x) || signal->type == TYPE_BOOLEAN || parts->optional_count == OPTIONAL_MAX) {
        parts->sum.until = 0;
        return;
    }
    struct optional optional = {signal->weight, lowest(horizon, &x), highest(horizon, &x)};
    if (signal->curve_count > 0) {
        struct outlook y = curve_of_range(signal, optional.low, optional.high, x.until);
        optional.low = y.low;
        optional.high = y.high;
    }
    if (!(fabs(optional.weight * optional.low) <= MODERATE_MAX &&
          fabs(optional.weight * optional.high) <= MODERATE_MAX))
        parts->sum.until = 0; /* The score may overflow: then it is missing. */
    parts->optional[parts->optional_count++] = optional;
}

/* Where a record that comes may change that the signal counts, it may or may not; where only the time does, the stretch
 * ends there. */
static void add_signal(const struct horizon *horizon, const struct score *score, uint32_t index,
                       const struct signal_value *look, struct parts *parts) {
    const struct signal *signal = &score->signals[index];
    bool turns = signal->when != REGISTER_NONE && horizon_moves(horizon, signal->when);
    if (!turns && !look->counts)
        return;
    double counts_until = turns ? truth_until(horizon, signal->when) : INFINITY;
    if (counts_until < 1)
        add_optional(horizon, score, signal, parts);
    else
        add_certain(horizon, score, index, look, counts_until, parts);
}

/* The least mean that any choice among the optional ones can lead to: each takes part that lies below what the others
 * come to, the least first. */
static double least_mean(double sum, double weights, const struct optional *optional, uint32_t count) {
    uint32_t taken = 0;
    for (uint32_t turn = 0; turn < count; turn++) {
        uint32_t least = count;
        for (uint32_t i = 0; i < count; i++)
            if ((taken >> i & 1) == 0 && (least == count || optional[i].low < optional[least].low))
                least = i;
        if (optional[least].low * weights >= sum)
            break;
        sum += optional[least].weight * optional[least].low;
        weights += optional[least].weight;
        taken |= 1u << least;
    }
    return sum / weights;
}

static double greatest_mean(double sum, double weights, const struct optional *optional, uint32_t count) {
    struct optional turned[OPTIONAL_MAX];
    for (uint32_t i = 0; i < count; i++)
        turned[i] = (struct optional){optional[i].weight, -optional[i].high, -optional[i].low};
    return -least_mean(-sum, weights, turned, count);
}

/* Whether the score is never missing for want of coverage. */
static bool stays_covered(const struct score *score, const struct parts *parts) {
    return score->method != SCORE_WEIGHTED || !parts->has_doubts ||
           (parts->present > 0 && parts->present / (parts->counting + parts->doubtful) >= score->min_coverage);
}

/* The mean of what counts, times 100. */
static struct outlook weighted_outlook(const struct horizon *horizon, const struct parts *parts) {
    if (parts->optional_count == 0)
        return outlook_scaled(&parts->sum, 100 / parts->present, parts->sum.until);
    struct outlook mean = {
        .low = least_mean(lowest(horizon, &parts->sum), parts->present, parts->optional, parts->optional_count),
        .high = greatest_mean(highest(horizon, &parts->sum), parts->present, parts->optional, parts->optional_count)};
    return outlook_scaled(&mean, 100, parts->sum.until);
}

static struct outlook logistic_outlook(const struct horizon *horizon, const struct parts *parts) {
    double low = lowest(horizon, &parts->sum), high = highest(horizon, &parts->sum);
    for (uint32_t i = 0; i < parts->optional_count; i++) {
        const struct optional *optional = &parts->optional[i];
        double a = optional->weight * optional->low, b = optional->weight * optional->high;
        low += lesser(0, lesser(a, b));
        high += greater(0, greater(a, b));
    }
    if (!(fabs(low) <= MODERATE_MAX && fabs(high) <= MODERATE_MAX))
        return nothing_known(0);
    return (struct outlook){logistic(low), 0, logistic(high), 0, parts->sum.until};
}

static struct outlook score_rounded(struct outlook score) {
    score.low -= SCORE_ROUNDING + fabs(score.low) * ROUNDING_RELATIVE;
    score.high += SCORE_ROUNDING + fabs(score.high) * ROUNDING_RELATIVE;
    return score;
}

static struct outlook score_outlook(const struct horizon *horizon, uint32_t index) {
    const struct score *score = &horizon->evaluation->program->scores[index];
    const struct score_value *decided = &horizon->evaluation->scores[index];
    bool is_weighted = score->method == SCORE_WEIGHTED;
    struct parts parts = {.sum = outlook_constant(is_weighted ? 0 : score->bias, INFINITY), .is_constant = true};
    for (uint32_t i = 0; i < score->signals_count; i++)
        add_signal(horizon, score, i, &decided->signals[i], &parts);
    if (isnan(decided->value))
        return outlook_constant(NAN, parts.has_doubts ? 0 : parts.sum.until);
    if (!stays_covered(score, &parts))
        return nothing_known(0);
    if (parts.is_constant && parts.optional_count == 0)
        return outlook_constant(decided->value, parts.sum.until);
    return score_rounded(is_weighted ? weighted_outlook(horizon, &parts) : logistic_outlook(horizon, &parts));
}

void outlook_of_score(const struct horizon *horizon, uint32_t score, struct outlook *restrict ret_outlook) {
    *ret_outlook = score_outlook(horizon, score);
}
