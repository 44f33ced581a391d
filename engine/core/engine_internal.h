/* The engine's insides, shared by engine.c, evaluate.c, outcome.c, explain.c, encode.c and decode.c only. */
#pragma once

#include "base/arena.h"
#include "engine/core/aggregates.h"
#include "engine/core/desk.h"
#include "engine/core/engine.h"
#include "engine/core/evaluation.h"
#include "engine/core/horizon.h"
#include "engine/core/shape.h"

struct engine {
    const struct program *program;
    struct engine_options options;
    struct arena arena; /* everything below */
    struct state state;
    uint32_t spare_capacity;
    uint32_t overhead; /* bytes that decisions and the blob's form may add to a state */
    struct evaluation evaluation;
    struct dependence dependence;
    struct desks desks;
    struct shapes shapes;
    struct desk *desk;       /* of the account that is worked on */
    uint64_t account_hash;   /* of its id */
    uint32_t stamp;          /* of the last evaluation */
    uint8_t bounded_streams; /* plan.h */
    struct outlook *outlooks;
    uint8_t *marks;
    uint64_t *first;
    uint32_t text_fields[STREAMS]; /* bit i: the stream's field i is a text */
    uint64_t growth_without_text[STREAMS];
    struct uptake uptakes[STREAMS];
    struct change *changes;
    uint32_t changes_count, changes_max;
    char *values;          /* DIMENSION_VALUE_MAX for each dimension: its value before the evaluation */
    uint8_t *former;       /* FORMER_BYTES_MAX */
    uint8_t *seen;         /* decode.c: bits for each aggregate */
    struct text *segments; /* names of the segments that it is in */
    struct status status;
    struct score_status *score_status;
    struct dimension_status *dimension_status;
    struct segment_status *segment_status;
    struct map_entry *entries; /* of the facts, FACTS_ENTRIES_MAX */
    const struct layout *layout;
};

/* The later of two instants. */
static inline int64_t later(int64_t left_ms, int64_t right_ms) {
    return left_ms > right_ms ? left_ms : right_ms;
}

/* Gives the account that the state is bound to its desk. Before anything is run. */
void evaluation_sit_down(struct engine *engine);

/* Begins to look at the account at its present instant. */
void evaluation_begin(struct engine *engine, const struct clocks *clocks);
/* The same for what filters and aggregates of one stream look at: most events pass without an evaluation. */
void evaluation_begin_stream(struct engine *engine, enum stream stream, const struct clocks *clocks);

/* Decides everything anew at the account's present instant, in the contract's order. */
void evaluate(struct engine *engine, const struct clocks *clocks, const struct cause *cause);

/* The parts of an evaluation that make changes (outcome.c). Each decision is remembered in the state, and its change
 * appended with what is its own; outcome_finish gives all of them what they share. Returned is whether the next
 * evaluation may decide otherwise though it sees the same values. */
void outcome_leave_former(struct engine *engine);
bool outcome_dimension(struct engine *engine, uint32_t index);
bool outcome_segment(struct engine *engine, uint32_t index);
void outcome_finish(struct engine *engine, const struct cause *cause);

/* An exit from every segment; the status of an erased account. */
void outcome_erase(struct engine *engine, const struct cause *cause);

/* Fills engine->status from the state and the scores as they were decided last. */
void outcome_status(struct engine *engine);

/* The parts that explain.c uses too: an expression's conditions as they are valued now, and what a membership's memory
 * means to the registers. */
uint32_t outcome_conditions(const struct evaluation *evaluation, const struct expression *expression,
                            struct because ret_conditions[CONDITIONS_MAX]);
void outcome_segment_registers(struct evaluation *evaluation, const struct segment *segment, int64_t since_ms);
