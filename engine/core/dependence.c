#include "engine/core/dependence.h"

#include "engine/core/horizon.h"

struct builder {
    const struct program *program;
    struct evaluation_step *steps;
    uint32_t steps_count, *decisions, decisions_count;
    uint32_t *readers_from;  /* while counting: how many words of readers the source before has */
    struct readers *readers; /* NULL: they are only counted */
    uint32_t *filled;        /* of each source: its words so far */
    uint32_t *last;          /* and the last of them, + 1 */
    uint16_t *writers;
    uint64_t *clocked, *since, *sliced, *unsteady, *borrowed;
};

static void add_step(struct builder *builder, enum step_kind kind, uint32_t index) {
    builder->steps[builder->steps_count++] = (struct evaluation_step){.kind = (uint16_t)kind, .index = (uint16_t)index};
}

static void add_decision(struct builder *builder, uint32_t *done, uint32_t code_end, enum step_kind kind,
                         uint32_t index) {
    while (*done < code_end)
        add_step(builder, STEP_INSTRUCTION, (*done)++);
    builder->decisions[builder->decisions_count++] = builder->steps_count;
    add_step(builder, kind, index);
}

static void add_steps(struct builder *builder) {
    const struct program *program = builder->program;
    uint32_t done = 0;
    for (uint32_t i = 0; i < program->scores_count; i++)
        add_decision(builder, &done, program->scores[i].code_end, STEP_SCORE, i);
    for (uint32_t i = 0; i < program->dimensions_count; i++)
        add_decision(builder, &done, program->dimensions[i].code_end, STEP_DIMENSION, i);
    for (uint32_t i = 0; i < program->segments_count; i++)
        add_decision(builder, &done, program->segments[i].code_end, STEP_SEGMENT, i);
}

/* Steps come in their order, and so do the words of a source. */
static void reads(struct builder *builder, uint32_t step, uint32_t source) {
    if (source == REGISTER_NONE)
        return;
    uint32_t word = step / 64;
    bool begins = builder->last[source] != word + 1;
    builder->last[source] = word + 1;
    if (builder->readers == NULL) {
        builder->readers_from[source + 1] += begins;
        return;
    }
    builder->filled[source] += begins;
    struct readers *readers = &builder->readers[builder->readers_from[source] + builder->filled[source] - 1];
    readers->word = word;
    readers->steps |= UINT64_C(1) << step % 64;
}

static void instruction_reads(struct builder *builder, uint32_t step, const struct instruction *instruction) {
    uint32_t operands = operands_of(instruction->operation);
    if (operands > 0)
        reads(builder, step, instruction->left);
    if (operands > 1)
        reads(builder, step, instruction->right);
    if (operands > 2)
        reads(builder, step, instruction->extra);
    if (looks_at_aggregate(instruction->operation))
        reads(builder, step, builder->program->registers_count + instruction->left);
}

static void dimension_reads(struct builder *builder, uint32_t step, const struct dimension *dimension) {
    if (dimension->score != REGISTER_NONE)
        reads(builder, step, builder->program->scores[dimension->score].result);
    for (uint32_t i = 0; i < dimension->cases_count; i++) {
        reads(builder, step, dimension->cases[i].when.result);
        reads(builder, step, dimension->cases[i].value_of);
    }
}

static void step_reads(struct builder *builder, uint32_t step) {
    const struct program *program = builder->program;
    uint32_t index = builder->steps[step].index;
    switch ((enum step_kind)builder->steps[step].kind) {
    case STEP_INSTRUCTION:
        instruction_reads(builder, step, &program->code.instructions[index]);
        return;
    case STEP_SCORE:
        for (uint32_t i = 0; i < program->scores[index].signals_count; i++) {
            reads(builder, step, program->scores[index].signals[i].value);
            reads(builder, step, program->scores[index].signals[i].when);
        }
        return;
    case STEP_DIMENSION:
        dimension_reads(builder, step, &program->dimensions[index]);
        return;
    case STEP_SEGMENT:
        reads(builder, step, program->segments[index].when.result);
        reads(builder, step, program->segments[index].until.result);
    }
}

/* First they are counted, then each is put in its place. */
static bool add_readers(struct builder *builder, struct arena *arena) {
    uint32_t sources = builder->program->registers_count + builder->program->aggregates_count;
    builder->readers_from = arena_alloc(arena, (sources + 1) * sizeof *builder->readers_from);
    builder->filled = arena_alloc(arena, (sources + 1) * sizeof *builder->filled);
    builder->last = arena_alloc(arena, (sources + 1) * sizeof *builder->last);
    if (builder->readers_from == NULL || builder->filled == NULL || builder->last == NULL)
        return false;
    for (uint32_t i = 0; i < builder->steps_count; i++)
        step_reads(builder, i);
    for (uint32_t i = 0; i < sources; i++)
        builder->readers_from[i + 1] += builder->readers_from[i];
    builder->readers = arena_alloc(arena, (builder->readers_from[sources] + 1) * sizeof *builder->readers);
    if (builder->readers == NULL)
        return false;
    memset(builder->last, 0, sources * sizeof *builder->last);
    for (uint32_t i = 0; i < builder->steps_count; i++)
        step_reads(builder, i);
    return true;
}

/* What an instruction's step is followed by stands beside it. */
static void complete_steps(struct builder *builder) {
    for (uint32_t i = 0; i < builder->steps_count; i++) {
        struct evaluation_step *step = &builder->steps[i];
        if (step->kind != STEP_INSTRUCTION)
            continue;
        step->instruction = &builder->program->code.instructions[step->index];
        uint32_t from = builder->readers_from[step->instruction->target];
        uint32_t to = builder->readers_from[step->instruction->target + 1];
        step->has_more = to - from > 1;
        step->maker = outlook_maker_of(builder->program, step->instruction);
        if (from == to)
            continue;
        step->readers_word = (uint16_t)builder->readers[from].word;
        step->readers = builder->readers[from].steps;
    }
}

static void add_writers(struct builder *builder) {
    const struct program *program = builder->program;
    for (uint32_t i = 0; i < program->registers_count; i++)
        builder->writers[i] = NOT_WRITTEN;
    for (uint32_t i = 0; i < program->code.count; i++)
        builder->writers[program->code.instructions[i].target] = (uint16_t)i;
}

static void sort_instruction(struct builder *builder, uint32_t step, enum operation operation) {
    switch (operation) {
    case OP_SINCE:
    case OP_SINCE_FIRST:
        set_add(builder->since, step);
        return;
    case OP_AGE:
    case OP_UNTIL:
        set_add(builder->clocked, step);
        return;
    case OP_COUNT:
    case OP_SUM:
    case OP_MIN:
    case OP_MAX:
    case OP_DISTINCT:
    case OP_TREND:
        set_add(builder->sliced, step);
        return;
    case OP_LAST_TEXT:
        set_add(builder->unsteady, step);
        return;
    case OP_FACT_TEXT:
    case OP_FACT_ENTRY:
        set_add(builder->borrowed, step);
        return;
    default:
        return;
    }
}

static void sort_step(struct builder *builder, uint32_t step) {
    const struct program *program = builder->program;
    uint32_t index = builder->steps[step].index;
    switch ((enum step_kind)builder->steps[step].kind) {
    case STEP_INSTRUCTION:
        sort_instruction(builder, step, program->code.instructions[index].operation);
        return;
    case STEP_SCORE:
        return;
    case STEP_DIMENSION:
        if (program->dimensions[index].time_in != REGISTER_NONE)
            set_add(builder->clocked, step);
        return;
    case STEP_SEGMENT:
        if (program->segments[index].time_in != REGISTER_NONE)
            set_add(builder->clocked, step);
    }
}

bool dependence_make(const struct program *program, struct arena *arena, struct dependence *ret_dependence) {
    uint32_t decisions = program->scores_count + program->dimensions_count + program->segments_count;
    uint32_t steps_max = program->code.count + decisions;
    uint32_t words = steps_max / 64 + 1;
    struct builder builder = {.program = program,
                              .steps = arena_alloc(arena, (steps_max + 1) * sizeof *builder.steps),
                              .decisions = arena_alloc(arena, (decisions + 1) * sizeof *builder.decisions),
                              .writers = arena_alloc(arena, (program->registers_count + 1) * sizeof *builder.writers),
                              .clocked = arena_alloc(arena, words * sizeof *builder.clocked),
                              .since = arena_alloc(arena, words * sizeof *builder.since),
                              .sliced = arena_alloc(arena, words * sizeof *builder.sliced),
                              .unsteady = arena_alloc(arena, words * sizeof *builder.unsteady),
                              .borrowed = arena_alloc(arena, words * sizeof *builder.borrowed)};
    if (builder.steps == NULL || builder.decisions == NULL || builder.writers == NULL || builder.clocked == NULL ||
        builder.since == NULL || builder.sliced == NULL || builder.unsteady == NULL || builder.borrowed == NULL)
        return false;
    add_steps(&builder);
    add_writers(&builder);
    if (!add_readers(&builder, arena))
        return false;
    complete_steps(&builder);
    for (uint32_t i = 0; i < builder.steps_count; i++)
        sort_step(&builder, i);
    *ret_dependence = (struct dependence){.steps = builder.steps,
                                          .steps_count = builder.steps_count,
                                          .decisions = builder.decisions,
                                          .words = words,
                                          .readers_from = builder.readers_from,
                                          .readers = builder.readers,
                                          .first_aggregate = program->registers_count,
                                          .writers = builder.writers,
                                          .clocked = builder.clocked,
                                          .since = builder.since,
                                          .sliced = builder.sliced,
                                          .unsteady = builder.unsteady,
                                          .borrowed = builder.borrowed};
    return true;
}
