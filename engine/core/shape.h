/* What a full evaluation comes down to for accounts of which the same is known at all.
 *
 * Most accounts have events of a stream or two and some of the facts, and most rules look at others too: whatever looks
 * at what is not there comes to the same for all such accounts, and so does much of what rests on it. For each choice
 * of what is there that accounts are met with, the registers that it makes known are kept, and the code that remains.
 * Both are learned from such an account; nothing depends on them but the time that is spent. Owned by one engine. */
#pragma once

#include "base/arena.h"
#include "engine/core/evaluation.h"

#define SHAPES_MAX       16u
#define SHAPES_BYTES_MAX (4u * 1024 * 1024)

struct shape {
    bool is_learned;
    bool is_used;                     /* since its turn to be given up came last */
    uint64_t there;                   /* set of what is there (shape.c) */
    union value *registers;           /* those that are known; the others are written by the code or by decisions */
    struct instruction *instructions; /* of the code, those that remain */
    uint32_t *ends;                   /* how many of them stand before each decision (dependence.h) */
    uint8_t *numbers;                 /* of each dimension: of the value that is known (decision.h); 0: none is */
    bool *unwanted;                   /* of each segment: whoever is outside stays there */
};

/* By streams alone there are few; by facts too, there may be many. */
struct shapes {
    struct shape by_streams[SHAPES_MAX], by_facts[SHAPES_MAX];
    uint32_t count;           /* of each that there is room for */
    uint32_t turn, strangers; /* the next one by facts to be given up; accounts that were of none */
    bool *known;              /* of each register; while one is learned */
};

/* Allocates in the arena. False: memory is out. */
MUST_USE bool shapes_make(const struct program *program, struct arena *arena, struct shapes *ret_shapes);

/* The account's shape, which may be still to be learned; NULL: there is no room for another one. */
struct shape *shapes_of(struct shapes *shapes, struct evaluation *evaluation);

/* From an evaluation that is done. */
void shape_learn(struct shapes *shapes, struct shape *shape, const struct evaluation *evaluation);
