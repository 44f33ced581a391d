/* Where compiled instructions go. Constants are gathered first, since their registers come first; then instructions,
 * each into its block: an instruction that the block already has is not emitted again, its register is shared. */
#pragma once

#include "engine/core/rules/report.h"

#define BLOCK_EVALUATION STREAMS /* blocks [0, STREAMS) are the streams' filters */
#define BLOCKS           (STREAMS + 1)

struct emitted;

union literal {
    double number;
    struct text text;
};

struct emitter {
    struct report *report;
    struct position position; /* to report at that there is no room */
    union value *constants;
    uint8_t *constant_kinds;                    /* of each constant register: a number, or one of the two of a text */
    uint16_t *constant_buckets, *constant_next; /* registers + 1; 0 ends a bucket's chain */
    uint32_t constants_count;
    uint32_t registers_count; /* 0 while constants are gathered */
    struct emitted **buckets;
    struct emitted *first[BLOCKS], *last[BLOCKS];
    uint32_t counts[BLOCKS];
    bool full; /* reported */
};

/* False where memory is out. */
bool emitter_init(struct emitter *emitter, struct report *report, struct position position);

/* The constant's register; added where it is new. */
uint16_t emit_constant(struct emitter *emitter, bool is_text, union literal literal);
/* The first register of the constants in a row. */
uint16_t emit_constants(struct emitter *emitter, bool is_text, const union literal *literals, uint32_t count);
/* No constants are added from here on. */
void emit_begin(struct emitter *emitter);

/* A register that the engine sets, to a text or to a number. */
uint16_t emit_register(struct emitter *emitter, bool is_text);
/* The register of the instruction's result; `instruction.target` is filled in. */
uint16_t emit(struct emitter *emitter, uint32_t block, struct instruction instruction);
/* The block's instructions in the order of their emission. */
struct code emit_code(struct emitter *emitter, uint32_t block);
