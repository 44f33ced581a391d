#include "engine/core/evaluation.h"

#include <math.h>

#include "base/number.h"
#include "engine/core/account/facts.h"
#include "engine/core/account/sections.h"
#include "engine/core/aggregates.h"

const struct event *evaluation_facts(struct evaluation *evaluation) {
    if (!evaluation->facts_read)
        (void)facts_get(evaluation->state, &evaluation->facts, &evaluation->facts_fields_size);
    evaluation->facts_read = true;
    return &evaluation->facts;
}

static struct text attribute(struct evaluation *evaluation, struct text key) {
    evaluation_facts(evaluation);
    return facts_entry(evaluation->state, evaluation->facts_fields_size, key);
}

static double number_of(const struct event *event, uint32_t field) {
    return event_has(event, field) ? event->fields[field].number : NAN;
}

static struct text text_of_field(const struct event *event, uint32_t field) {
    return event_has(event, field) ? event->fields[field].text : TEXT_MISSING;
}

static struct text symbol_of(const struct event *event, uint32_t field) {
    if (!event_has(event, field))
        return TEXT_MISSING;
    return stream_schemas[event->stream].fields[field].symbols[(uint32_t)event->fields[field].number];
}

/* These two are seldom run, and what they keep in memory would weigh on the loop that they were inlined into. */
static __attribute__((noinline)) double number_in_text(struct text text) {
    double number;
    return !text_is_missing(text) && number_parse(text, &number) ? number : NAN;
}

static __attribute__((noinline)) double instant_in_text(struct text text) {
    int64_t instant_ms;
    return !text_is_missing(text) && instant_parse(text, &instant_ms) ? (double)instant_ms : NAN;
}

static bool number_in(const union value *list, uint32_t count, double number) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i].number == number)
            return true;
    return false;
}

static __attribute__((noinline)) bool long_text_in(const union value *list, uint32_t count, struct text text) {
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(text_in_register(list, i * TEXT_REGISTERS), text))
            return true;
    return false;
}

/* Most differ in their size already. A function that calls none needs no frame. */
__attribute__((noinline)) bool text_in(const union value *list, uint32_t count, struct text text) {
    if (text_is_missing(text))
        return false;
    if (text.size > BYTES_SHORT_MAX)
        return long_text_in(list, count, text);
    for (uint32_t i = 0; i < count; i++) {
        struct text member = text_in_register(list, i * TEXT_REGISTERS);
        if (member.size == text.size && bytes_equal(member.data, text.data, text.size))
            return true;
    }
    return false;
}

static bool both_present(double left, double right) {
    return !isnan(left) && !isnan(right);
}

static double least(double left, double right) {
    return both_present(left, right) ? number_least(left, right) : NAN;
}

static double greatest(double left, double right) {
    return both_present(left, right) ? number_greatest(left, right) : NAN;
}

/* The operands of those operations that have them. */
static inline double left_of(const union value *registers, const struct instruction *instruction) {
    return registers[instruction->left].number;
}

static inline double right_of(const union value *registers, const struct instruction *instruction) {
    return registers[instruction->right].number;
}

static inline struct text left_text_of(const union value *registers, const struct instruction *instruction) {
    return text_in_register(registers, instruction->left);
}

static inline struct text right_text_of(const union value *registers, const struct instruction *instruction) {
    return text_in_register(registers, instruction->right);
}

static inline void set_text(union value *registers, const struct instruction *instruction, struct text text) {
    set_text_in_register(registers, instruction->target, text);
}

/* Inlined into the loop that runs it: a call for each instruction would cost as much as most of them do. Each operation
 * finds its own operands, as not all have two, and none asks again which one it is. */
static inline __attribute__((always_inline)) void run_one(struct evaluation *evaluation, union value *registers,
                                                          const struct instruction *instruction) {
    union value *result = &registers[instruction->target];
    switch ((enum operation)instruction->operation) {
    case OP_ADD:
        result->number = finite_or_missing(left_of(registers, instruction) + right_of(registers, instruction));
        return;
    case OP_SUBTRACT:
        result->number = finite_or_missing(left_of(registers, instruction) - right_of(registers, instruction));
        return;
    case OP_MULTIPLY:
        result->number = finite_or_missing(left_of(registers, instruction) * right_of(registers, instruction));
        return;
    case OP_DIVIDE:
        result->number = finite_or_missing(left_of(registers, instruction) / right_of(registers, instruction));
        return;
    case OP_MIN2:
        result->number = least(left_of(registers, instruction), right_of(registers, instruction));
        return;
    case OP_MAX2:
        result->number = greatest(left_of(registers, instruction), right_of(registers, instruction));
        return;
    case OP_NEGATE:
        result->number = -left_of(registers, instruction);
        return;
    case OP_ABS:
        result->number = fabs(left_of(registers, instruction));
        return;
    case OP_COALESCE:
        result->number = isnan(left_of(registers, instruction)) ? right_of(registers, instruction)
                                                                : left_of(registers, instruction);
        return;
    case OP_COALESCE_TEXT:
        set_text(registers, instruction,
                 text_is_missing(left_text_of(registers, instruction)) ? right_text_of(registers, instruction)
                                                                       : left_text_of(registers, instruction));
        return;
    case OP_LEAST_PRESENT:
        result->number = number_least(left_of(registers, instruction), right_of(registers, instruction));
        return;
    case OP_GREATEST_PRESENT:
        result->number = number_greatest(left_of(registers, instruction), right_of(registers, instruction));
        return;
    case OP_EQUAL:
        result->number = compare_numbers(OP_EQUAL, left_of(registers, instruction), right_of(registers, instruction));
        return;
    case OP_NOT_EQUAL:
        result->number = compare_numbers(OP_NOT_EQUAL, left_of(registers, instruction),
                                         right_of(registers, instruction));
        return;
    case OP_LESS:
        result->number = compare_numbers(OP_LESS, left_of(registers, instruction), right_of(registers, instruction));
        return;
    case OP_LESS_EQUAL:
        result->number = compare_numbers(OP_LESS_EQUAL, left_of(registers, instruction),
                                         right_of(registers, instruction));
        return;
    case OP_GREATER:
        result->number = compare_numbers(OP_GREATER, left_of(registers, instruction), right_of(registers, instruction));
        return;
    case OP_GREATER_EQUAL:
        result->number = compare_numbers(OP_GREATER_EQUAL, left_of(registers, instruction),
                                         right_of(registers, instruction));
        return;
    case OP_EQUAL_TEXT:
        result->number = text_equal(left_text_of(registers, instruction), right_text_of(registers, instruction));
        return;
    case OP_NOT_EQUAL_TEXT:
        result->number = not_equal_text(left_text_of(registers, instruction), right_text_of(registers, instruction));
        return;
    case OP_IN:
        result->number = number_in(&registers[instruction->right], instruction->extra,
                                   registers[instruction->left].number);
        return;
    case OP_IN_TEXT:
        result->number = text_in(&registers[instruction->right], instruction->extra,
                                 left_text_of(registers, instruction));
        return;
    case OP_AND:
        result->number = (int)value_true(registers, instruction->left) & (int)value_true(registers, instruction->right);
        return;
    case OP_OR:
        result->number = (int)value_true(registers, instruction->left) | (int)value_true(registers, instruction->right);
        return;
    case OP_AND3:
        result->number = (int)value_true(registers, instruction->left) &
                         (int)value_true(registers, instruction->right) &
                         (int)value_true(registers, instruction->extra);
        return;
    case OP_OR3:
        result->number = (int)value_true(registers, instruction->left) |
                         (int)value_true(registers, instruction->right) |
                         (int)value_true(registers, instruction->extra);
        return;
    case OP_NOT:
        result->number = !value_true(registers, instruction->left);
        return;
    case OP_MISSING:
        result->number = isnan(left_of(registers, instruction));
        return;
    case OP_MISSING_TEXT:
        result->number = text_is_missing(left_text_of(registers, instruction));
        return;
    case OP_PRESENT:
        result->number = !isnan(left_of(registers, instruction));
        return;
    case OP_PRESENT_TEXT:
        result->number = !text_is_missing(left_text_of(registers, instruction));
        return;
    case OP_NUMBER_OF:
        result->number = number_in_text(left_text_of(registers, instruction));
        return;
    case OP_INSTANT_OF:
        result->number = instant_in_text(left_text_of(registers, instruction));
        return;
    case OP_EVENT_NUMBER:
        result->number = number_of(evaluation->event, instruction->left);
        return;
    case OP_EVENT_TEXT:
        set_text(registers, instruction, text_of_field(evaluation->event, instruction->left));
        return;
    case OP_EVENT_ENUM:
        set_text(registers, instruction, symbol_of(evaluation->event, instruction->left));
        return;
    case OP_EVENT_ENTRY:
        set_text(registers, instruction, event_entry(evaluation->event, right_text_of(registers, instruction)));
        return;
    case OP_FACT_NUMBER:
        result->number = number_of(evaluation_facts(evaluation), instruction->left);
        return;
    case OP_FACT_TEXT:
        set_text(registers, instruction, text_of_field(evaluation_facts(evaluation), instruction->left));
        return;
    case OP_FACT_ENUM:
        set_text(registers, instruction, symbol_of(evaluation_facts(evaluation), instruction->left));
        return;
    case OP_FACT_ENTRY:
        set_text(registers, instruction, attribute(evaluation, right_text_of(registers, instruction)));
        return;
    case OP_LAST_TEXT:
    case OP_LAST_ENUM:
        set_text(registers, instruction, aggregate_text(evaluation, instruction));
        return;
    case OP_AGE:
        result->number = (double)evaluation->now_ms - left_of(registers, instruction);
        return;
    case OP_UNTIL:
        result->number = left_of(registers, instruction) - (double)evaluation->now_ms;
        return;
    case OP_COUNT:
    case OP_SUM:
    case OP_MIN:
    case OP_MAX:
    case OP_DISTINCT:
        result->number = aggregate_over_window(evaluation, instruction);
        return;
    case OP_TREND:
    case OP_LAST_NUMBER:
    case OP_SINCE:
    case OP_SINCE_FIRST:
    case OP_OPEN:
        result->number = aggregate_number(evaluation, instruction);
        return;
    }
    __builtin_unreachable();
}

static void run(struct evaluation *evaluation, const struct instruction *from, const struct instruction *to) {
    union value *registers = evaluation->registers;
    for (; from < to; from++)
        run_one(evaluation, registers, from);
}

void evaluation_run_filters(struct evaluation *evaluation, const struct event *event) {
    const struct code *filters = &evaluation->program->filters[event->stream];
    evaluation->event = event;
    evaluation->registers = evaluation->filter_registers;
    run(evaluation, filters->instructions, filters->instructions + filters->count);
}

void evaluation_run_on(struct evaluation *evaluation, uint32_t end) {
    const struct instruction *code = evaluation->program->code.instructions;
    run(evaluation, code + evaluation->code_done, code + end);
    evaluation->code_done = end;
}

void evaluation_run_code(struct evaluation *evaluation, const struct instruction *from, const struct instruction *to) {
    run(evaluation, from, to);
}

/* Runs the instruction again: whether its register has another value now. Behind a number another register stands,
 * which is what it was. A text that is remembered may be another one in the same place. */
static inline __attribute__((always_inline)) bool run_again(struct evaluation *evaluation, union value *registers,
                                                            const struct instruction *instruction) {
    const union value *result = &registers[instruction->target];
    union value before = *result, before_behind = result[1];
    run_one(evaluation, registers, instruction);
    return result->bits != before.bits || result[1].bits != before_behind.bits ||
           instruction->operation == OP_LAST_TEXT || instruction->operation == OP_COALESCE_TEXT;
}

uint32_t evaluation_run_pending(struct evaluation *evaluation, uint32_t word) {
    const struct dependence *dependence = evaluation->dependence;
    uint64_t *pending = evaluation->pending;
    for (; word < dependence->words; word++) {
        const struct evaluation_step *steps = &dependence->steps[word * 64];
        while (pending[word] != 0) {
            const struct evaluation_step *step = &steps[__builtin_ctzll(pending[word])];
            pending[word] &= pending[word] - 1;
            if (step->instruction == NULL)
                return (uint32_t)(step - dependence->steps);
            if (run_again(evaluation, evaluation->registers, step->instruction))
                set_add_readers_of_step(pending, dependence, step);
        }
    }
    return STEP_NONE;
}

/* Of what was never seen, nothing changes with the time: most aggregates of most accounts are empty. */
static void add_readers_of_present(const struct evaluation *evaluation, bool sliced, uint64_t *set) {
    const struct dependence *dependence = evaluation->dependence;
    const struct aggregate *aggregates = evaluation->program->aggregates;
    uint32_t end = SLOT_AGGREGATES + evaluation->program->aggregates_count;
    for (uint32_t word = 0; word * 64 < end; word++) {
        uint64_t slots = state_slots(evaluation->state, word);
        slots &= word == 0 ? ~UINT64_C(0) << SLOT_AGGREGATES : ~UINT64_C(0);
        slots &= end - word * 64 < 64 ? (UINT64_C(1) << end % 64) - 1 : ~UINT64_C(0);
        for (; slots != 0; slots &= slots - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(slots) - SLOT_AGGREGATES;
            if (sliced || aggregates[i].slice_ms == 0)
                set_add_readers(set, dependence, dependence->first_aggregate + i);
        }
    }
}

void evaluation_add_timed(const struct evaluation *evaluation, bool sliced, uint64_t *set) {
    const struct dependence *dependence = evaluation->dependence;
    bool is_counting = evaluation->state->offsets[SLOT_COUNTING] != 0;
    if (!is_counting)
        add_readers_of_present(evaluation, sliced, set);
    for (uint32_t i = 0; i < dependence->words; i++) {
        set[i] |= dependence->clocked[i];
        if (is_counting) /* Even what is empty is missing up to some instant. */
            set[i] |= dependence->since[i] | (sliced ? dependence->sliced[i] : 0);
    }
}

void evaluation_add_streams(const struct evaluation *evaluation, uint32_t streams, uint64_t *set) {
    const struct dependence *dependence = evaluation->dependence;
    const struct program *program = evaluation->program;
    const uint32_t *offsets = evaluation->state->offsets + SLOT_AGGREGATES;
    for (; streams != 0; streams &= streams - 1) {
        int stream = __builtin_ctz(streams);
        const uint16_t *list = program->aggregates_of[stream];
        for (uint32_t i = 0; i < program->aggregates_of_count[stream]; i++)
            if (offsets[list[i]] != 0)
                set_add_readers(set, dependence, dependence->first_aggregate + list[i]);
    }
}
