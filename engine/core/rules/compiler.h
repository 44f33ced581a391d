/* What the files of the compiler share. */
#pragma once

#include "engine/core/rules/checked.h"
#include "engine/core/rules/emit.h"

struct compiler {
    struct report *report;
    const struct checked_rules *rules;
    struct emitter emitter;
    bool *metric_used;
    uint16_t *metric_registers;
    struct score *scores;
    struct dimension *dimensions;
    struct segment *segments;
    struct aggregate *aggregates; /* SLOTS_MAX */
    uint32_t aggregates_count, open_count;
};

/* Marks the metrics that the tree looks at itself, and gathers its constants. */
void compile_gather(struct compiler *compiler, const struct tree *tree);

/* The register that holds the tree's value once the block has run. */
uint16_t compile_tree(struct compiler *compiler, uint32_t block, const struct tree *tree);

/* A deciding expression with its conditions; result REGISTER_NONE where there is none. */
struct expression compile_expression(struct compiler *compiler, const struct checked_expression *expression);

/* A call that looks at a stream: makes or shares its aggregates. */
uint16_t compile_aggregate(struct compiler *compiler, const struct tree *tree);
