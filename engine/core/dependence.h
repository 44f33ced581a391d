/* What an evaluation has to do again when something changed, and what it may leave as it stands.
 *
 * An evaluation is a row of steps: the code's instructions, and between them the decisions, in the contract's order. A
 * step has to be taken again where a register or an aggregate that it looks at has another value, or because time has
 * moved on. Made once for each engine, and shared by all of its evaluations. */
#pragma once

#include "base/arena.h"
#include "engine/core/rules/program.h"

enum step_kind { STEP_INSTRUCTION, STEP_SCORE, STEP_DIMENSION, STEP_SEGMENT };

/* Those steps that look at a source of which the bits stand in the same word of a set: nearly always all of them. */
struct readers {
    uint32_t word;
    uint64_t steps;
};

struct horizon;
struct outlook;
/* Makes what is known of the instruction's register for a stretch of time (horizon.h); returns whether it may be
 * another one within that. */
typedef bool outlook_maker(const struct horizon *horizon, const struct instruction *instruction,
                           struct outlook *restrict ret_outlook);

struct evaluation_step {
    uint16_t kind;
    uint16_t index; /* of the instruction, score, dimension or segment */
    /* What looks at the instruction's result: the steps in the first word that has any. */
    uint16_t readers_word;
    bool has_more; /* others have more */
    uint64_t readers;
    const struct instruction *instruction; /* NULL: it decides */
    outlook_maker *maker;
};

struct dependence {
    const struct evaluation_step *steps;
    uint32_t steps_count;
    const uint32_t *decisions; /* the steps that decide: all scores, then all dimensions, then all segments */
    uint32_t words;            /* of a set of steps, one bit each */
    /* The steps that look at a source: readers[readers_from[source]] up to readers_from[source + 1]. A source is a
     * register, or behind all of them an aggregate. */
    const uint32_t *readers_from;
    const struct readers *readers;
    uint32_t first_aggregate;
    const uint16_t *writers;  /* of each register: the instruction that gives it its value, or NOT_WRITTEN */
    const uint64_t *clocked;  /* steps that look at now itself, and so come to another value with every instant */
    const uint64_t *since;    /* as well: durations since an aggregate's instant */
    const uint64_t *sliced;   /* windows of an aggregate: they stay the same within a slice */
    const uint64_t *unsteady; /* steps whose texts lie where the state's bytes are moved about */
    const uint64_t *borrowed; /* steps whose texts lie in the facts: they only move with the state as a whole */
};

#define NOT_WRITTEN UINT16_MAX /* by an instruction: a constant, or a decision's */

/* Allocates in the arena. False: memory is out. */
MUST_USE bool dependence_make(const struct program *program, struct arena *arena, struct dependence *ret_dependence);

static inline bool looks_at_aggregate(enum operation operation) {
    return operation >= OP_COUNT && operation <= OP_OPEN;
}

static inline void set_add(uint64_t *set, uint32_t step) {
    set[step / 64] |= UINT64_C(1) << step % 64;
}

/* Adds the steps that look at the source. */
static inline void set_add_readers(uint64_t *set, const struct dependence *dependence, uint32_t source) {
    const struct readers *readers = dependence->readers + dependence->readers_from[source];
    const struct readers *end = dependence->readers + dependence->readers_from[source + 1];
    for (; readers < end; readers++)
        set[readers->word] |= readers->steps;
}

/* Adds the steps that look at the result of a step, which is an instruction. */
static inline void set_add_readers_of_step(uint64_t *set, const struct dependence *dependence,
                                           const struct evaluation_step *step) {
    if (step->has_more)
        set_add_readers(set, dependence, step->instruction->target);
    else
        set[step->readers_word] |= step->readers;
}
