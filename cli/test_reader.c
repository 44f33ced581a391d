#include "cli/test_reader.h"

#include <stdio.h>

#include "base/instant.h"
#include "base/number.h"

#define DURATION_TEXT_MAX_MS 1e14 /* some three thousand years: beyond it a test means something else */

void test_problem(struct test_reader *reader, struct position position, const char *format, ...) {
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    finding_add(reader->findings, SEVERITY_ERROR,
                place_text(reader->findings->arena, reader->file, position.line, position.column), "%s", text);
}

void *test_array(struct test_reader *reader, uint32_t count, size_t size) {
    void *array = arena_alloc(reader->arena, (count == 0 ? 1 : count) * size);
    if (array == NULL)
        finding_add(reader->findings, SEVERITY_ERROR, reader->file, "memory is out");
    return array;
}

static const char *shape_text(const struct node *node) {
    switch (node->kind) {
    case NODE_SCALAR:
        return "a single value";
    case NODE_MAPPING:
        return "a mapping";
    case NODE_SEQUENCE:
        return "a list";
    }
    return "nothing";
}

static bool has_shape(struct test_reader *reader, const struct node *node, enum node_kind kind, const char *what) {
    if (node->kind == kind)
        return true;
    struct node expected = {.kind = kind};
    test_problem(reader, node->position, "%s must be %s, this is %s", what, shape_text(&expected), shape_text(node));
    return false;
}

bool test_is_scalar(struct test_reader *reader, const struct node *node, const char *what) {
    return has_shape(reader, node, NODE_SCALAR, what);
}

bool test_is_mapping(struct test_reader *reader, const struct node *node, const char *what) {
    return has_shape(reader, node, NODE_MAPPING, what);
}

bool test_is_sequence(struct test_reader *reader, const struct node *node, const char *what) {
    return has_shape(reader, node, NODE_SEQUENCE, what);
}

int test_name(struct test_reader *reader, const struct node *node, const char *what, const struct text *names,
              uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(names[i], node->text))
            return (int)i;
    int nearest = text_nearest(node->text, names, count);
    if (nearest >= 0)
        test_problem(reader, node->position, "there is no %s `%.*s`; did you mean `%.*s`?", what,
                     TEXT_ARGUMENTS(node->text), TEXT_ARGUMENTS(names[nearest]));
    else
        test_problem(reader, node->position, "there is no %s `%.*s`", what, TEXT_ARGUMENTS(node->text));
    return -1;
}

#define KEYS_MAX 32

void test_keys(struct test_reader *reader, const struct node *mapping, const char *const *known) {
    struct text names[KEYS_MAX];
    uint32_t count = 0;
    for (; known[count] != NULL && count < KEYS_MAX; count++)
        names[count] = text_of(known[count]);
    for (uint32_t i = 0; i < mapping->count; i++)
        test_name(reader, mapping->keys[i], "key", names, count);
}

bool test_is_null(const struct node *node) {
    return node->kind == NODE_SCALAR && !node->quoted &&
           (text_equals(node->text, "null") || text_equals(node->text, "~") || node->text.size == 0);
}

bool test_boolean(struct test_reader *reader, const struct node *node, bool *ret_value) {
    if (!test_is_scalar(reader, node, "a boolean"))
        return false;
    if (!text_equals(node->text, "true") && !text_equals(node->text, "false")) {
        test_problem(reader, node->position, "`%.*s` is no boolean: `true` or `false`", TEXT_ARGUMENTS(node->text));
        return false;
    }
    *ret_value = text_equals(node->text, "true");
    return true;
}

bool test_count(struct test_reader *reader, const struct node *node, uint32_t *ret_count) {
    double number;
    if (!test_is_scalar(reader, node, "a count"))
        return false;
    if (!number_parse(node->text, &number) || number < 1 || number > TEST_RECORDS_MAX ||
        number != (double)(uint32_t)number) {
        test_problem(reader, node->position, "`%.*s` is no count: a whole number from 1 to %d",
                     TEXT_ARGUMENTS(node->text), TEST_RECORDS_MAX);
        return false;
    }
    *ret_count = (uint32_t)number;
    return true;
}

bool test_texts(struct test_reader *reader, const struct node *node, const char *what, const struct text **ret_texts,
                uint32_t *ret_count) {
    bool list = node->kind == NODE_SEQUENCE;
    uint32_t count = list ? node->count : 1;
    struct text *texts = test_array(reader, count, sizeof *texts);
    for (uint32_t i = 0; texts != NULL && i < count; i++) {
        const struct node *item = list ? node->values[i] : node;
        if (!test_is_scalar(reader, item, what))
            return false;
        texts[i] = item->text;
    }
    *ret_texts = texts;
    *ret_count = count;
    return texts != NULL;
}

/* The sum of durations with spaces between them. */
static bool durations_parse(struct text text, double *ret_duration_ms) {
    double sum = 0;
    uint32_t at = 0;
    while (at < text.size) {
        uint32_t end = at;
        while (end < text.size && text.data[end] != ' ')
            end++;
        double duration_ms;
        if (!duration_parse((struct text){text.data + at, end - at}, &duration_ms))
            return false;
        sum += duration_ms;
        for (at = end; at < text.size && text.data[at] == ' ';)
            at++;
    }
    *ret_duration_ms = sum;
    return text.size > 0 && sum <= DURATION_TEXT_MAX_MS && sum == (double)(int64_t)sum;
}

bool test_instant_parse(struct text text, int64_t start_ms, int64_t *ret_instant_ms) {
    bool negative = text.size > 0 && text.data[0] == '-';
    bool has_sign = negative || (text.size > 0 && text.data[0] == '+');
    struct text durations = {text.data + has_sign, text.size - has_sign};
    double offset_ms;
    if (durations_parse(durations, &offset_ms)) {
        *ret_instant_ms = start_ms + (negative ? -(int64_t)offset_ms : (int64_t)offset_ms);
        return true;
    }
    return instant_parse(text, ret_instant_ms);
}

bool test_instant(struct test_reader *reader, const struct node *node, int64_t *ret_instant_ms) {
    if (!test_is_scalar(reader, node, "an instant"))
        return false;
    if (test_instant_parse(node->text, reader->start_ms, ret_instant_ms))
        return true;
    test_problem(reader, node->position,
                 "`%.*s` is no instant: expected a duration from the test's start (`3d`, `-30d`, `3d 6h`) or a date "
                 "(`2026-01-05T08:00Z`)",
                 TEXT_ARGUMENTS(node->text));
    return false;
}

bool test_duration(struct test_reader *reader, const struct node *node, int64_t *ret_duration_ms) {
    double duration_ms;
    if (!test_is_scalar(reader, node, "a duration"))
        return false;
    if (!durations_parse(node->text, &duration_ms) || duration_ms < 1) {
        test_problem(reader, node->position, "`%.*s` is no duration above zero, such as `1d` or `90m`",
                     TEXT_ARGUMENTS(node->text));
        return false;
    }
    *ret_duration_ms = (int64_t)duration_ms;
    return true;
}
