#include "engine/core/filters.h"

#include <math.h>

static_assert(TESTS_MAX + FIELDS_MAX < 63, "each has a bit");

/* --- Making the tests --- */

struct builder {
    struct filters *filters;
    const struct program *program;
    enum stream stream;
};

/* The instruction that gives the register its value; NULL: it is a constant. */
static const struct instruction *writer_of(const struct builder *builder, uint16_t target) {
    const struct code *code = &builder->program->filters[builder->stream];
    for (uint32_t i = 0; i < code->count; i++)
        if (code->instructions[i].target == target)
            return &code->instructions[i];
    return NULL;
}

static bool key_of(struct filters *filters, struct text key, uint16_t *ret_text) {
    uint32_t i = 0;
    while (i < filters->keys_count && !text_equal(filters->keys[i], key))
        i++;
    if (i == TEST_KEYS_MAX)
        return false;
    filters->keys[i] = key;
    filters->keys_count += i == filters->keys_count;
    *ret_text = (uint16_t)(FIELDS_MAX + i);
    return true;
}

/* What a test calls the text in the register. */
static bool text_of_register(const struct builder *builder, uint16_t target, uint16_t *ret_text) {
    const struct instruction *instruction = writer_of(builder, target);
    if (instruction == NULL)
        return false;
    *ret_text = instruction->left;
    if (instruction->operation == OP_EVENT_ENTRY)
        return key_of(builder->filters, text_in_register(builder->program->constants, instruction->right), ret_text);
    return instruction->operation == OP_EVENT_TEXT;
}

static bool make_number(const struct builder *builder, uint16_t number, enum operation operation, double constant,
                        struct test *ret_test) {
    const struct instruction *instruction = writer_of(builder, number);
    if (instruction == NULL || instruction->operation != OP_EVENT_NUMBER)
        return false;
    *ret_test = (struct test){
        .kind = TEST_NUMBER, .operation = (uint8_t)operation, .left = instruction->left, .number = constant};
    return true;
}

/* Of an enum the symbols are known, and which of them are meant is a set. */
static bool make_symbol(const struct builder *builder, const struct instruction *symbol, enum test_kind kind,
                        uint16_t first, uint16_t count, struct test *ret_test) {
    const struct field *field = &stream_schemas[builder->stream].fields[symbol->left];
    struct test test = {.kind = TEST_SYMBOL, .left = symbol->left};
    if (field->symbols_count > 64)
        return false;
    for (uint32_t i = 0; i < field->symbols_count; i++)
        if (text_in(&builder->program->constants[first], count, field->symbols[i]) == (kind == TEST_IN))
            test.set |= UINT64_C(1) << i;
    *ret_test = test;
    return true;
}

/* A text among constants, or not among them. */
static bool make_choice(const struct builder *builder, enum test_kind kind, uint16_t text, uint16_t first,
                        uint16_t count, struct test *ret_test) {
    const struct instruction *instruction = writer_of(builder, text);
    struct test test = {
        .kind = (uint8_t)kind, .constants_count = count, .constants = &builder->program->constants[first]};
    if (instruction != NULL && instruction->operation == OP_EVENT_ENUM)
        return make_symbol(builder, instruction, kind, first, count, ret_test);
    if (!text_of_register(builder, text, &test.left))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct text constant = text_in_register(test.constants, i * TEXT_REGISTERS);
        if (text_is_missing(constant))
            return false;
        test.set |= UINT64_C(1) << constant.size % 64;
    }
    *ret_test = test;
    return true;
}

/* Two texts, of which one may be a constant. */
static bool make_equality(const struct builder *builder, bool equal, const struct instruction *instruction,
                          struct test *ret_test) {
    uint16_t left = instruction->left, right = instruction->right;
    struct test test = {.kind = equal ? TEST_SAME : TEST_DIFFERENT};
    if (writer_of(builder, right) == NULL)
        return make_choice(builder, equal ? TEST_IN : TEST_NOT_IN, left, right, 1, ret_test);
    if (writer_of(builder, left) == NULL)
        return make_choice(builder, equal ? TEST_IN : TEST_NOT_IN, right, left, 1, ret_test);
    if (!text_of_register(builder, left, &test.left) || !text_of_register(builder, right, &test.right))
        return false;
    *ret_test = test;
    return true;
}

/* False: it is none of these. */
static bool make_test(const struct builder *builder, uint16_t boolean, struct test *ret_test) {
    const struct instruction *instruction = writer_of(builder, boolean);
    if (instruction == NULL)
        return false;
    switch ((enum operation)instruction->operation) {
    case OP_EVENT_NUMBER:
        return make_number(builder, boolean, OP_EQUAL, 1, ret_test);
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        if (writer_of(builder, instruction->right) != NULL)
            return false;
        return make_number(builder, instruction->left, (enum operation)instruction->operation,
                           builder->program->constants[instruction->right].number, ret_test);
    case OP_EQUAL_TEXT:
    case OP_NOT_EQUAL_TEXT:
        return make_equality(builder, instruction->operation == OP_EQUAL_TEXT, instruction, ret_test);
    case OP_IN_TEXT:
        return make_choice(builder, TEST_IN, instruction->left, instruction->right, instruction->extra, ret_test);
    default:
        return false;
    }
}

static bool same_test(const struct test *left, const struct test *right) {
    return left->kind == right->kind && left->operation == right->operation && left->left == right->left &&
           left->right == right->right && left->constants == right->constants &&
           left->constants_count == right->constants_count && left->set == right->set &&
           number_bits(left->number) == number_bits(right->number);
}

static bool add_test(struct filters *filters, const struct test *test, uint64_t *tests) {
    uint32_t i = 0;
    while (i < filters->tests_count && !same_test(&filters->tests[i], test))
        i++;
    if (i == TESTS_MAX)
        return false;
    filters->tests[i] = *test;
    filters->tests_count += i == filters->tests_count;
    *tests |= UINT64_C(1) << i;
    return true;
}

static bool add_all(const struct builder *builder, uint16_t boolean, uint64_t *tests) {
    const struct instruction *instruction = writer_of(builder, boolean);
    struct test test;
    if (instruction == NULL || (instruction->operation != OP_AND && instruction->operation != OP_AND3))
        return make_test(builder, boolean, &test) && add_test(builder->filters, &test, tests);
    return add_all(builder, instruction->left, tests) && add_all(builder, instruction->right, tests) &&
           (instruction->operation == OP_AND || add_all(builder, instruction->extra, tests));
}

bool filters_add(struct filters *filters, const struct program *program, enum stream stream, uint16_t filter,
                 uint64_t *ret_tests) {
    struct builder builder = {filters, program, stream};
    uint32_t tests_count = filters->tests_count, keys_count = filters->keys_count;
    *ret_tests = 0;
    if (add_all(&builder, filter, ret_tests))
        return true;
    filters->tests_count = tests_count;
    filters->keys_count = keys_count;
    filters->is_general = true;
    *ret_tests = 0;
    return false;
}

/* --- Running them --- */

static inline const struct text *text_at(const struct event *event, const struct text *entries, uint16_t text) {
    static const struct text missing;
    if (text >= FIELDS_MAX)
        return &entries[text - FIELDS_MAX];
    return event_has(event, text) ? &event->fields[text].text : &missing;
}

/* Most texts have another size than all that they are compared with. */
static inline bool is_among(const struct test *test, const struct text *text) {
    return (test->set >> text->size % 64 & 1) != 0 && text_in(test->constants, test->constants_count, *text);
}

static inline bool holds(const struct test *test, const struct event *event, const struct text *entries) {
    const struct text *text;
    switch ((enum test_kind)test->kind) {
    case TEST_IN:
        return is_among(test, text_at(event, entries, test->left));
    case TEST_NOT_IN:
        text = text_at(event, entries, test->left);
        return !text_is_missing(*text) && !is_among(test, text);
    case TEST_SAME:
        return text_equal(*text_at(event, entries, test->left), *text_at(event, entries, test->right));
    case TEST_DIFFERENT:
        return not_equal_text(*text_at(event, entries, test->left), *text_at(event, entries, test->right));
    case TEST_SYMBOL:
        return event_has(event, test->left) && (test->set >> (uint32_t)event->fields[test->left].number & 1) != 0;
    case TEST_NUMBER:
        return event_has(event, test->left) &&
               compare_numbers((enum operation)test->operation, event->fields[test->left].number, test->number);
    }
    __builtin_unreachable();
}

uint64_t filters_run(const struct filters *filters, struct evaluation *evaluation, const struct event *event) {
    struct text entries[TEST_KEYS_MAX];
    uint64_t held = (uint64_t)event->present << TESTS_MAX, bit = 1;
    if (filters->is_general)
        evaluation_run_filters(evaluation, event);
    for (uint32_t i = 0; i < filters->keys_count; i++)
        entries[i] = event_entry(event, filters->keys[i]);
    const struct test *end = filters->tests + filters->tests_count;
    for (const struct test *test = filters->tests; test < end; test++, bit <<= 1)
        if (holds(test, event, entries))
            held |= bit;
    return held;
}
