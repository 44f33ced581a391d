/* Aggregates of an account's events: taking an event in, and looking at them. */
#pragma once

#include "base/arena.h"
#include "engine/core/filters.h"

enum aggregates_outcome { AGGREGATES_DONE, AGGREGATES_NO_ROOM };

enum slice_unit { SLICES_OF_AN_HOUR, SLICES_OF_A_DAY, SLICE_UNITS };

/* What every event of a stream asks of one of its aggregates, close together. */
struct taker {
    uint64_t needs;  /* what must hold of the event (filters_run), or TEST_NEVER: there is more to ask */
    uint16_t index;  /* of the aggregate */
    uint16_t filter; /* boolean register, of a filter that is not made of tests; REGISTER_NONE */
    uint8_t kind, source, field;
    uint8_t unit; /* of its slices */
    uint32_t window_slices, window_slices_least;
};

/* Takers are grouped by what they do to their section where they find it. */
enum taker_group { TAKERS_COUNT, TAKERS_DISTINCT, TAKERS_NEWEST, TAKERS_OLDEST, TAKERS_OTHER, TAKERS };

/* The way of a stream's events into its aggregates; `open`, which has a table of its own, is not among the takers. Made
 * once for each engine. */
struct uptake {
    struct filters filters;
    struct taker *takers;
    uint32_t takers_count;
    uint32_t takers_from[TAKERS + 1]; /* of each group: where it begins */
    const struct taker **late;        /* room for each */
    uint32_t slots;                   /* of a state, that its events may change: the first of them */
};

/* False: memory is out. */
MUST_USE bool uptake_make(const struct program *program, enum stream stream, struct arena *arena,
                          struct uptake *ret_uptake);

/* What an event did. */
struct effect {
    uint32_t expired; /* aggregates for which it was too old */
    bool anew;        /* for some aggregate its value was one that not all windows held */
    bool first;       /* an aggregate was empty until now, or its oldest event is another one */
};

/* Takes the event into every aggregate of its stream whose filter it passes (look_ms is that of the account's instant
 * after the event). Behind the first section that has changed its size, the state is not viewed any more. */
MUST_USE enum aggregates_outcome aggregates_add(struct evaluation *evaluation, const struct uptake *uptake,
                                                const struct event *event, struct effect *ret_effect);

/* Since when an aggregate counts that came with changed rules; INSTANT_NONE: since always. */
int64_t aggregate_counting_since(const struct state *state, uint32_t aggregate);

/* The first slice over the whole of which it counted; AGGREGATE_ALWAYS: all. */
#define AGGREGATE_ALWAYS (INT64_MIN / 2)
int64_t aggregate_counts_from_slice(const struct evaluation *evaluation, uint32_t aggregate);

/* Nearly always all aggregates are as old as their account. */
static inline int64_t aggregate_counts_from(const struct evaluation *evaluation, uint32_t aggregate) {
    return evaluation->state->offsets[SLOT_COUNTING] == 0 ? AGGREGATE_ALWAYS
                                                          : aggregate_counts_from_slice(evaluation, aggregate);
}

/* Whether an aggregate counted over the whole window: where not, it is missing. */
static inline bool aggregate_covers(const struct evaluation *evaluation, uint32_t aggregate, int64_t first_slice) {
    return aggregate_counts_from(evaluation, aggregate) <= first_slice;
}

/* The value of an aggregate's instruction: of OP_COUNT, OP_SUM, OP_MIN, OP_MAX and OP_DISTINCT, and of the others but
 * for the texts. */
double aggregate_over_window(const struct evaluation *evaluation, const struct instruction *instruction);
double aggregate_number(const struct evaluation *evaluation, const struct instruction *instruction);
struct text aggregate_text(const struct evaluation *evaluation, const struct instruction *instruction);

/* The trend of counts in its later and its earlier part. */
static inline double trend_value(const struct instruction *instruction, double later, double earlier) {
    return finite_or_missing(later * instruction->extra / (earlier * instruction->right));
}

#define COUNTING_ENTRY_SIZE 12 /* aggregate's index, instant */
