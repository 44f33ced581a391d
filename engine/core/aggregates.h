/* Aggregates of an account's events: taking an event in, and looking at them. */
#pragma once

#include "engine/core/evaluation.h"

enum aggregates_outcome { AGGREGATES_DONE, AGGREGATES_NO_ROOM };

/* Takes the event into every aggregate of its stream whose filter it passes (evaluation_run_filters has run; look_ms is
 * that of the account's instant after the event). Counts the aggregates for which it is too old. */
MUST_USE enum aggregates_outcome aggregates_add(struct evaluation *evaluation, const struct event *event,
                                                uint32_t *ret_expired);

/* Since when an aggregate counts that came with changed rules; INSTANT_NONE: since always. */
int64_t aggregate_counting_since(const struct state *state, uint32_t aggregate);

/* Whether an aggregate counted over the whole window: where not, it is missing. */
bool aggregate_covers(const struct evaluation *evaluation, uint32_t aggregate, int64_t first_slice);

/* The value of an aggregate's instruction (OP_COUNT to OP_OPEN but for the texts). */
double aggregate_number(const struct evaluation *evaluation, const struct instruction *instruction);
struct text aggregate_text(const struct evaluation *evaluation, const struct instruction *instruction);

/* The trend looked at from slice `index`. */
double aggregate_trend(const struct evaluation *evaluation, const struct instruction *instruction, int64_t index);

#define COUNTING_ENTRY_SIZE 12 /* aggregate's index, instant */
