/* Scores: weighted and logistic, with the contribution of each signal. */
#pragma once

#include "engine/core/evaluation.h"

/* round(x * 100) / 100, also of what is too large for that: how scores and contributions are rounded before anything
 * looks at them. */
double round_to_cents(double number);

/* y of a curve at x: straight lines between the points, flat beyond the ends. */
double curve_at(const struct curve_point *curve, uint32_t count, double x);

/* 100 / (1 + exp(-z)) */
double logistic(double log_odds);

/* Decides the score from its signals' registers and sets its result register. */
void score_decide(struct evaluation *evaluation, uint32_t index);

/* Of a signal that is present, what it adds to the score as decided: missing where that is no finite number. */
double score_contribution(const struct evaluation *evaluation, uint32_t index, uint32_t at);

/* The up to three signals with the greatest contribution above 0; returns how many. */
uint32_t score_reasons(const struct evaluation *evaluation, uint32_t index, struct reason ret_reasons[REASONS_MAX]);
