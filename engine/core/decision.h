/* Dimensions and segments: what an account is remembered to be, and what an evaluation decides about it. */
#pragma once

#include "engine/core/evaluation.h"

/* Sections: a dimension's value, as a number of its rules or in words, and instant; a segment's flags and those of its
 * instants that it has. */
struct dimension_memory {
    bool known;
    int64_t since_ms;
    struct text value; /* borrowed from the state or the program */
};

/* A value is mostly one that the dimension's rules write: then its number stands for it, from 1. */
#define VALUE_WRITTEN 0u /* the value stands behind the instant */

struct dimension_section {
    uint32_t number;
    int64_t since_ms;
    struct text written; /* with VALUE_WRITTEN */
};

static inline struct dimension_section dimension_section(const uint8_t *payload, uint32_t size) {
    struct dimension_section section = {.number = *payload};
    const uint8_t *text = read_packed(payload + 1, &section.since_ms);
    section.written = (struct text){(const char *)text, size - (uint32_t)(text - payload)};
    return section;
}

/* How many values a dimension has: what the rules give, and `unknown`. Their numbers begin with 1. */
uint32_t dimension_values(const struct dimension *dimension);
/* The numbers of a dimension's values are less than this. */
uint32_t dimension_numbers(const struct dimension *dimension);
/* The value of that number, not VALUE_WRITTEN. Missing: of a case that has none. */
struct text dimension_value(const struct dimension *dimension, uint32_t number);

/* Which of its instants a segment's section has: its first byte. */
enum { SEGMENT_INSIDE = 1, SEGMENT_HAS_EXITED = 2, SEGMENT_QUALIFYING = 4 };

struct segment_memory {
    int64_t since_ms;      /* of the membership; INSTANT_NONE: outside */
    int64_t exited_ms;     /* the last exit; INSTANT_NONE */
    int64_t qualifying_ms; /* outside: it qualified at every evaluation since; INSTANT_NONE */
};

struct dimension_memory dimension_recall(const struct state *state, uint32_t slot);
struct segment_memory segment_recall(const struct state *state, uint32_t slot);
/* Of that memory the membership alone. */
static inline int64_t segment_since(const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    int64_t since_ms = INSTANT_NONE;
    if (section != NULL && (*section & SEGMENT_INSIDE) != 0)
        read_packed(section + 1, &since_ms);
    return since_ms;
}

/* False: no room, nothing is changed. */
MUST_USE bool dimension_remember(struct state *state, uint32_t slot, int64_t since_ms, struct text value);
MUST_USE bool segment_remember(struct state *state, uint32_t slot, const struct segment_memory *memory);

/* What a decision about a dimension comes to. */
struct dimension_decision {
    bool moves;
    bool waits;         /* it would be another one, and is kept: `value` is then the memory's own text */
    struct text value;  /* the new one, also where it does not move */
    struct text wanted; /* by cases: what it would be without `min_dwell` */
    const struct dimension_case *winner; /* by cases: the case that won */
    uint32_t band;                       /* by bands: of the new value; bands_count: unknown */
};

/* The band that a score falls in; bands_count: unknown. */
uint32_t band_of(const struct dimension *dimension, double score);
/* The band of that name; bands_count: unknown, or none. */
uint32_t band_find(const struct dimension *dimension, struct text name);
/* The score below which a band is left downwards. */
double band_exit(const struct dimension *dimension, uint32_t band);

/* The number that stands for the value; VALUE_WRITTEN: none does. */
uint32_t dimension_number(const struct dimension *dimension, struct text value);
/* The value that a case gives. */
struct text dimension_case_value(const struct evaluation *evaluation, const struct dimension_case *given);

/* By cases: the one that wins. By bands: the band that is remembered; bands_count: unknown, or none. */
const struct dimension_case *dimension_winner(const struct evaluation *evaluation, const struct dimension *dimension);
uint32_t dimension_band(const struct dimension *dimension, const struct dimension_section *section);

/* Whether the dimension is what it is remembered to be, and would be so again: then nothing moves or waits, which is so
 * nearly always. Sets what it would be, and since when it is what it is. */
MUST_USE bool dimension_stays(const struct evaluation *evaluation, uint32_t index, struct text *ret_value,
                              int64_t *ret_since_ms);

struct dimension_decision dimension_decide(const struct evaluation *evaluation, uint32_t index,
                                           const struct dimension_memory *memory);

enum segment_decision { SEGMENT_STAYS, SEGMENT_ENTERS, SEGMENT_LEAVES };

/* Decides, and brings the memory up to it. */
enum segment_decision segment_decide(const struct evaluation *evaluation, uint32_t index,
                                     struct segment_memory *memory);

/* The parts of a segment's decision, which looking ahead needs too. */
static inline bool segment_until(const struct evaluation *evaluation, const struct segment *segment) {
    return segment->until.result == REGISTER_NONE ? !evaluation_true(evaluation, segment->when.result)
                                                  : evaluation_true(evaluation, segment->until.result);
}

static inline bool segment_wants_in(const struct evaluation *evaluation, const struct segment *segment) {
    return evaluation_true(evaluation, segment->when.result) && !segment_until(evaluation, segment);
}
