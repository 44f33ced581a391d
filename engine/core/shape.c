#include "engine/core/shape.h"

#include <math.h>

#include "engine/core/decision.h"

#define STRANGERS_PER_TURN 8

static uint32_t decisions_of(const struct program *program) {
    return program->scores_count + program->dimensions_count + program->segments_count;
}

static bool shape_make(const struct program *program, struct arena *arena, struct shape *ret_shape) {
    ret_shape->registers = arena_take(arena, program->registers_count * sizeof *ret_shape->registers);
    ret_shape->instructions = arena_take(arena, (program->code.count + 1) * sizeof *ret_shape->instructions);
    ret_shape->ends = arena_take(arena, (decisions_of(program) + 1) * sizeof *ret_shape->ends);
    ret_shape->numbers = arena_take(arena, program->dimensions_count + 1);
    ret_shape->unwanted = arena_take(arena, (program->segments_count + 1) * sizeof *ret_shape->unwanted);
    return ret_shape->registers != NULL && ret_shape->instructions != NULL && ret_shape->ends != NULL &&
           ret_shape->numbers != NULL && ret_shape->unwanted != NULL;
}

bool shapes_make(const struct program *program, struct arena *arena, struct shapes *ret_shapes) {
    size_t size = program->registers_count * sizeof(union value) + program->code.count * sizeof(struct instruction) +
                  decisions_of(program) * (sizeof(uint32_t) + sizeof(bool));
    *ret_shapes = (struct shapes){.known = arena_alloc(arena, program->registers_count + 1)};
    if (ret_shapes->known == NULL)
        return false;
    while (ret_shapes->count < SHAPES_MAX && (ret_shapes->count + 1) * 2 * size <= SHAPES_BYTES_MAX) {
        uint32_t i = ret_shapes->count++;
        if (!shape_make(program, arena, &ret_shapes->by_streams[i]) ||
            !shape_make(program, arena, &ret_shapes->by_facts[i]))
            return false;
    }
    return true;
}

/* What is there of an account: bit i: something of stream i; then the fields of its facts, and whether these have
 * entries. */
#define FIELDS_BEGIN 8
#define ENTRIES_BIT  (FIELDS_BEGIN + FIELDS_MAX)
#define ALL_FACTS    (((UINT64_C(1) << (FIELDS_MAX + 1)) - 1) << FIELDS_BEGIN)
#define ALL_THERE    (ALL_FACTS | ((UINT64_C(1) << STREAMS) - 1))
static_assert(STREAMS <= FIELDS_BEGIN, "the streams' bits end before those of the facts");

/* Something of a stream is there if one of its aggregates is. Tickets are remembered beside them. */
static bool is_there(const struct evaluation *evaluation, enum stream stream) {
    const struct program *program = evaluation->program;
    const uint32_t *offsets = evaluation->state->offsets;
    const uint16_t *aggregates = program->aggregates_of[stream];
    for (uint32_t i = 0; i < program->aggregates_of_count[stream]; i++)
        if (offsets[aggregate_slot(aggregates[i])] != 0)
            return true;
    return stream == STREAM_TICKET && offsets[SLOT_TICKETS] != 0;
}

static uint64_t facts_there(struct evaluation *evaluation) {
    uint64_t fields = evaluation_facts(evaluation)->present;
    uint32_t size;
    state_section(evaluation->state, SLOT_FACTS, &size);
    return fields << FIELDS_BEGIN | (uint64_t)(evaluation->facts_fields_size < size) << ENTRIES_BIT;
}

/* What is empty is still missing up to some instant where aggregates are younger than their account. */
static uint64_t what_is_there(struct evaluation *evaluation) {
    if (evaluation->state->offsets[SLOT_COUNTING] != 0)
        return ALL_THERE;
    uint64_t there = facts_there(evaluation);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        there |= (uint64_t)is_there(evaluation, stream) << stream;
    return there;
}

static struct shape *find(struct shape *shapes, uint32_t count, uint64_t there) {
    for (uint32_t i = 0; i < count; i++) {
        if (shapes[i].is_learned && shapes[i].there != there)
            continue;
        shapes[i].there = there;
        return &shapes[i];
    }
    return NULL;
}

/* One that was not used since its last turn; turns come seldom, as to learn takes as long as an evaluation. */
static struct shape *give_up(struct shapes *shapes, uint64_t there) {
    if (shapes->count == 0 || ++shapes->strangers % STRANGERS_PER_TURN != 0)
        return NULL;
    struct shape *shape = &shapes->by_facts[shapes->turn++ % shapes->count];
    if (shape->is_used) {
        shape->is_used = false;
        return NULL;
    }
    shape->is_learned = false;
    shape->there = there;
    return shape;
}

struct shape *shapes_of(struct shapes *shapes, struct evaluation *evaluation) {
    uint64_t there = what_is_there(evaluation);
    struct shape *shape = find(shapes->by_facts, shapes->count, there);
    if (shape == NULL)
        shape = give_up(shapes, there);
    if (shape == NULL)
        return find(shapes->by_streams, shapes->count, there | ALL_FACTS);
    shape->is_used = true;
    return shape;
}

/* ---- learning */

struct learner {
    const struct evaluation *evaluation;
    const struct shape *shape;
    const bool *known;
};

static bool is_absent(const struct learner *learner, uint32_t bit) {
    return (learner->shape->there >> bit & 1) == 0;
}

static bool is_known_true(const struct learner *learner, uint16_t source, bool truth) {
    return learner->known[source] && evaluation_true(learner->evaluation, source) == truth;
}

static bool is_known_missing(const struct learner *learner, uint16_t source) {
    return learner->known[source] && isnan(learner->evaluation->registers[source].number);
}

static bool is_known_text_missing(const struct learner *learner, uint16_t source) {
    return learner->known[source] && text_is_missing(text_in_register(learner->evaluation->registers, source));
}

/* Whether one operand that is known decides, whatever the others are. */
static bool is_decided(const struct learner *learner, const struct instruction *instruction) {
    switch ((enum operation)instruction->operation) {
    case OP_AND3:
        if (is_known_true(learner, instruction->extra, false))
            return true;
        __attribute__((fallthrough));
    case OP_AND:
        return is_known_true(learner, instruction->left, false) || is_known_true(learner, instruction->right, false);
    case OP_OR3:
        if (is_known_true(learner, instruction->extra, true))
            return true;
        __attribute__((fallthrough));
    case OP_OR:
        return is_known_true(learner, instruction->left, true) || is_known_true(learner, instruction->right, true);
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_MIN2:
    case OP_MAX2:
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return is_known_missing(learner, instruction->left) || is_known_missing(learner, instruction->right);
    case OP_EQUAL_TEXT:
    case OP_NOT_EQUAL_TEXT:
        return is_known_text_missing(learner, instruction->left) || is_known_text_missing(learner, instruction->right);
    default:
        return false;
    }
}

static bool are_operands_known(const struct learner *learner, const struct instruction *instruction) {
    uint32_t operands = operands_of(instruction->operation);
    return (operands < 1 || learner->known[instruction->left]) &&
           (operands < 2 || learner->known[instruction->right]) && (operands < 3 || learner->known[instruction->extra]);
}

/* Whether the instruction comes to the same for all accounts of the shape. */
static bool is_known(const struct learner *learner, const struct instruction *instruction) {
    enum operation operation = instruction->operation;
    if (looks_at_aggregate(operation))
        return is_absent(learner, learner->evaluation->program->aggregates[instruction->left].stream);
    if (operation == OP_FACT_NUMBER || operation == OP_FACT_TEXT || operation == OP_FACT_ENUM)
        return is_absent(learner, FIELDS_BEGIN + instruction->left);
    if (operation == OP_FACT_ENTRY)
        return is_absent(learner, ENTRIES_BIT);
    if (operation == OP_AGE || operation == OP_UNTIL)
        return is_known_missing(learner, instruction->left);
    return is_decided(learner, instruction) || are_operands_known(learner, instruction);
}

/* The code before each decision, in the decisions' order. */
static void keep_unknown(const struct learner *learner, bool *known, struct shape *shape) {
    const struct dependence *dependence = learner->evaluation->dependence;
    uint32_t kept = 0, decisions = 0;
    for (uint32_t i = 0; i < dependence->steps_count; i++) {
        const struct instruction *instruction = dependence->steps[i].instruction;
        if (instruction == NULL) {
            shape->ends[decisions++] = kept;
            continue;
        }
        known[instruction->target] = is_known(learner, instruction);
        if (!known[instruction->target])
            shape->instructions[kept++] = *instruction;
    }
}

static const struct dimension_case *known_winner(const struct learner *learner, const struct dimension *dimension) {
    for (uint32_t i = 0; i < dimension->cases_count; i++) {
        const struct dimension_case *given = &dimension->cases[i];
        uint16_t when = given->when.result;
        bool wins = when == REGISTER_NONE || is_known_true(learner, when, true);
        if (wins)
            return given->value_of == REGISTER_NONE || learner->known[given->value_of] ? given : NULL;
        if (!learner->known[when])
            return NULL;
    }
    return NULL;
}

/* Of dimensions whose cases are all known, and of which nobody asks how long they have lasted. */
static void keep_values(const struct learner *learner, struct shape *shape) {
    const struct program *program = learner->evaluation->program;
    for (uint32_t i = 0; i < program->dimensions_count; i++) {
        const struct dimension *dimension = &program->dimensions[i];
        const struct dimension_case *winner = known_winner(learner, dimension);
        shape->numbers[i] = VALUE_WRITTEN;
        if (winner == NULL || dimension->time_in != REGISTER_NONE)
            continue;
        struct text value = dimension_case_value(learner->evaluation, winner);
        shape->numbers[i] = (uint8_t)dimension_number(dimension, value);
        set_text_in_register(shape->registers, dimension->result, value);
    }
}

/* Of an account outside, which the one that is learned from may not be. */
static void keep_unwanted(const struct learner *learner, struct shape *shape) {
    const struct program *program = learner->evaluation->program;
    for (uint32_t i = 0; i < program->segments_count; i++) {
        const struct segment *segment = &program->segments[i];
        shape->unwanted[i] = is_known_true(learner, segment->when.result, false) ||
                             (segment->until.result != REGISTER_NONE &&
                              is_known_true(learner, segment->until.result, true));
        if (segment->inside != REGISTER_NONE)
            shape->registers[segment->inside].number = 0;
        if (segment->time_in != REGISTER_NONE)
            shape->registers[segment->time_in].number = NAN;
    }
}

void shape_learn(struct shapes *shapes, struct shape *shape, const struct evaluation *evaluation) {
    const struct program *program = evaluation->program;
    struct learner learner = {evaluation, shape, shapes->known};
    for (uint32_t i = 0; i < program->registers_count; i++)
        shapes->known[i] = i < program->constants_count;
    memcpy(shape->registers, evaluation->registers, program->registers_count * sizeof *shape->registers);
    keep_unknown(&learner, shapes->known, shape);
    keep_values(&learner, shape);
    keep_unwanted(&learner, shape);
    shape->is_learned = true;
}
