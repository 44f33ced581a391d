#include "engine/core/scores.h"

#include <math.h>

/* What is too large to be multiplied has no cents. */
double round_to_cents(double number) {
    double cents = number * 100;
    return isfinite(cents) ? round(cents) / 100 : number;
}

double curve_at(const struct curve_point *curve, uint32_t count, double x) {
    if (x <= curve[0].x)
        return curve[0].y;
    for (uint32_t i = 1; i < count; i++)
        if (x <= curve[i].x)
            return curve[i - 1].y +
                   (curve[i].y - curve[i - 1].y) * (x - curve[i - 1].x) / (curve[i].x - curve[i - 1].x);
    return curve[count - 1].y;
}

double logistic(double log_odds) {
    return 100 / (1 + exp(-log_odds));
}

/* The weights of the signals that count, and of those among them that are present; and the sum of these signals. */
struct weights {
    double counting, present, sum;
};

/* Of a signal that does not count, or is missing, nobody asks for more. */
static struct weights look_at_signals(const struct evaluation *evaluation, const struct score *score,
                                      struct signal_value *looks) {
    const union value *registers = evaluation->registers;
    struct weights weights = {0, 0, 0};
    for (uint32_t i = 0; i < score->signals_count; i++) {
        const struct signal *signal = &score->signals[i];
        struct signal_value *look = &looks[i];
        look->present = false;
        look->counts = signal->when == REGISTER_NONE || value_true(registers, signal->when);
        if (!look->counts)
            continue;
        look->value = registers[signal->value].number;
        look->present = !isnan(look->value);
        weights.counting += fabs(signal->weight);
        if (!look->present)
            continue;
        look->y = signal->curve_count == 0 ? look->value : curve_at(signal->curve, signal->curve_count, look->value);
        weights.present += fabs(signal->weight);
        weights.sum += signal->weight * look->y;
    }
    return weights;
}

static double weighted(const struct score *score, const struct score_value *decided, struct weights weights) {
    if (weights.present == 0 || decided->coverage < score->min_coverage)
        return NAN;
    return finite_or_missing(round_to_cents(100 * weights.sum / weights.present));
}

static double log_odds(const struct score *score, const struct signal_value *looks) {
    double sum = score->bias;
    for (uint32_t i = 0; i < score->signals_count; i++)
        if (looks[i].counts)
            sum += score->signals[i].weight * (looks[i].present ? looks[i].y : score->signals[i].default_value);
    return sum;
}

static struct signal_value *signals_of(const struct evaluation *evaluation, uint32_t index) {
    uint32_t before = 0;
    for (uint32_t i = 0; i < index; i++)
        before += evaluation->program->scores[i].signals_count;
    return evaluation->signals + before;
}

void score_decide(struct evaluation *evaluation, uint32_t index) {
    const struct score *score = &evaluation->program->scores[index];
    struct score_value *decided = &evaluation->scores[index];
    struct signal_value *looks = signals_of(evaluation, index);
    evaluation_run(evaluation, score->code_end);
    struct weights weights = look_at_signals(evaluation, score, looks);
    decided->signals = looks;
    decided->weight = weights.present;
    decided->coverage = weights.counting > 0 ? weights.present / weights.counting : 0;
    decided->value = score->method == SCORE_WEIGHTED
                         ? weighted(score, decided, weights)
                         : finite_or_missing(round_to_cents(logistic(log_odds(score, looks))));
    evaluation->registers[score->result].number = decided->value;
}

double score_contribution(const struct evaluation *evaluation, uint32_t index, uint32_t at) {
    const struct score *score = &evaluation->program->scores[index];
    const struct score_value *decided = &evaluation->scores[index];
    const struct signal *signal = &score->signals[at];
    double y = decided->signals[at].y;
    if (score->method == SCORE_LOGISTIC)
        return finite_or_missing(round_to_cents(signal->weight * (y - signal->default_value)));
    return decided->weight == 0 ? 0 : finite_or_missing(round_to_cents(100 * signal->weight * y / decided->weight));
}

uint32_t score_reasons(const struct evaluation *evaluation, uint32_t index, struct reason ret_reasons[REASONS_MAX]) {
    const struct score *score = &evaluation->program->scores[index];
    const struct signal_value *looks = evaluation->scores[index].signals;
    uint32_t count = 0;
    for (uint32_t i = 0; i < score->signals_count; i++) {
        double contribution = looks[i].present ? score_contribution(evaluation, index, i) : NAN;
        if (!(contribution > 0))
            continue;
        uint32_t place = count < REASONS_MAX ? count : REASONS_MAX;
        while (place > 0 && ret_reasons[place - 1].contribution < contribution) {
            if (place < REASONS_MAX)
                ret_reasons[place] = ret_reasons[place - 1];
            place--;
        }
        if (place < REASONS_MAX)
            ret_reasons[place] = (struct reason){score->signals[i].name, looks[i].value, contribution};
        count += count < REASONS_MAX;
    }
    return count;
}
