#include "engine/core/evaluation.h"

#include <math.h>

#include "base/number.h"
#include "engine/core/account/facts.h"
#include "engine/core/aggregates.h"

int64_t look_instant(const struct program *program, const struct clocks *clocks, enum stream stream, int64_t now_ms) {
    int64_t stall_after_ms = program->stall_after_ms[stream], newest_ms = clocks->newest_ms[stream];
    if (stall_after_ms == 0 || newest_ms == INSTANT_NONE || now_ms - newest_ms <= stall_after_ms)
        return now_ms;
    return newest_ms + stall_after_ms;
}

const struct event *evaluation_facts(struct evaluation *evaluation) {
    if (!evaluation->facts_read)
        facts_get(evaluation->state, &evaluation->facts, NULL);
    evaluation->facts_read = true;
    return &evaluation->facts;
}

static struct text attribute(struct evaluation *evaluation, struct text key) {
    if (evaluation->facts_fields_size == UINT32_MAX)
        evaluation->facts_fields_size = facts_fields_size(evaluation->state);
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

static double number_in_text(struct text text) {
    double number;
    return !text_is_missing(text) && number_parse(text, &number) ? number : NAN;
}

static double instant_in_text(struct text text) {
    int64_t instant_ms;
    return !text_is_missing(text) && instant_parse(text, &instant_ms) ? (double)instant_ms : NAN;
}

static bool number_in(const union value *list, uint32_t count, double number) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i].number == number)
            return true;
    return false;
}

static bool text_in(const union value *list, uint32_t count, struct text text) {
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(list[i].text, text))
            return true;
    return false;
}

static bool is_true(union value value) {
    return value.number == 1;
}

static bool both_present(double left, double right) {
    return !isnan(left) && !isnan(right);
}

/* Operations on numbers that give a number. */
static double arithmetic(enum operation operation, double left, double right) {
    switch (operation) {
    case OP_ADD:
        return finite_or_missing(left + right);
    case OP_SUBTRACT:
        return finite_or_missing(left - right);
    case OP_MULTIPLY:
        return finite_or_missing(left * right);
    case OP_DIVIDE:
        return finite_or_missing(left / right);
    case OP_MIN2:
        return both_present(left, right) ? fmin(left, right) : NAN;
    default:
        return both_present(left, right) ? fmax(left, right) : NAN;
    }
}

static bool compare(enum operation operation, double left, double right) {
    switch (operation) {
    case OP_EQUAL:
        return left == right;
    case OP_NOT_EQUAL:
        return both_present(left, right) && left != right;
    case OP_LESS:
        return left < right;
    case OP_LESS_EQUAL:
        return left <= right;
    case OP_GREATER:
        return left > right;
    default:
        return left >= right;
    }
}

static union value of_number(double number) {
    return (union value){.number = number};
}

static union value of_text(struct text text) {
    return (union value){.text = text};
}

static union value of_boolean(bool boolean) {
    return (union value){.number = boolean};
}

static bool not_equal_text(struct text left, struct text right) {
    return !text_is_missing(left) && !text_is_missing(right) && !text_equal(left, right);
}

/* Inlined into the one loop that runs it: a call for each instruction would cost as much as most of them do. */
static inline __attribute__((always_inline)) union value run_one(struct evaluation *evaluation,
                                                                 const struct instruction *instruction) {
    const union value *registers = evaluation->registers;
    const union value *left = &registers[instruction->left], *right = &registers[instruction->right];
    enum operation operation = instruction->operation;
    switch (operation) {
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_MIN2:
    case OP_MAX2:
        return of_number(arithmetic(operation, left->number, right->number));
    case OP_NEGATE:
        return of_number(-left->number);
    case OP_ABS:
        return of_number(fabs(left->number));
    case OP_COALESCE:
        return isnan(left->number) ? *right : *left;
    case OP_COALESCE_TEXT:
        return text_is_missing(left->text) ? *right : *left;
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return of_boolean(compare(operation, left->number, right->number));
    case OP_EQUAL_TEXT:
        return of_boolean(text_equal(left->text, right->text));
    case OP_NOT_EQUAL_TEXT:
        return of_boolean(not_equal_text(left->text, right->text));
    case OP_IN:
        return of_boolean(number_in(right, instruction->extra, left->number));
    case OP_IN_TEXT:
        return of_boolean(text_in(right, instruction->extra, left->text));
    case OP_AND:
        return of_boolean(is_true(*left) && is_true(*right));
    case OP_OR:
        return of_boolean(is_true(*left) || is_true(*right));
    case OP_NOT:
        return of_boolean(!is_true(*left));
    case OP_MISSING:
        return of_boolean(isnan(left->number));
    case OP_MISSING_TEXT:
        return of_boolean(text_is_missing(left->text));
    case OP_NUMBER_OF:
        return of_number(number_in_text(left->text));
    case OP_INSTANT_OF:
        return of_number(instant_in_text(left->text));
    case OP_EVENT_NUMBER:
        return of_number(number_of(evaluation->event, instruction->left));
    case OP_EVENT_TEXT:
        return of_text(text_of_field(evaluation->event, instruction->left));
    case OP_EVENT_ENUM:
        return of_text(symbol_of(evaluation->event, instruction->left));
    case OP_EVENT_ENTRY:
        return of_text(event_entry(evaluation->event, right->text));
    case OP_FACT_NUMBER:
        return of_number(number_of(evaluation_facts(evaluation), instruction->left));
    case OP_FACT_TEXT:
        return of_text(text_of_field(evaluation_facts(evaluation), instruction->left));
    case OP_FACT_ENUM:
        return of_text(symbol_of(evaluation_facts(evaluation), instruction->left));
    case OP_FACT_ENTRY:
        return of_text(attribute(evaluation, right->text));
    case OP_LAST_TEXT:
    case OP_LAST_ENUM:
        return of_text(aggregate_text(evaluation, instruction));
    case OP_AGE:
        return of_number((double)evaluation->now_ms - left->number);
    case OP_UNTIL:
        return of_number(left->number - (double)evaluation->now_ms);
    case OP_COUNT:
    case OP_SUM:
    case OP_MIN:
    case OP_MAX:
    case OP_DISTINCT:
    case OP_TREND:
    case OP_LAST_NUMBER:
    case OP_SINCE:
    case OP_SINCE_FIRST:
    case OP_OPEN:
        return of_number(aggregate_number(evaluation, instruction));
    }
    __builtin_unreachable();
}

static void run(struct evaluation *evaluation, const struct instruction *from, const struct instruction *to) {
    for (; from < to; from++)
        evaluation->registers[from->target] = run_one(evaluation, from);
}

void evaluation_run_filters(struct evaluation *evaluation, const struct event *event) {
    const struct code *filters = &evaluation->program->filters[event->stream];
    evaluation->event = event;
    run(evaluation, filters->instructions, filters->instructions + filters->count);
}

void evaluation_run(struct evaluation *evaluation, uint32_t end) {
    const struct instruction *code = evaluation->program->code.instructions;
    if (end > evaluation->code_done)
        run(evaluation, code + evaluation->code_done, code + end);
    evaluation->code_done = end > evaluation->code_done ? end : evaluation->code_done;
}
