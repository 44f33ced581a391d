/* What the readers of test files share: the tree's shapes, names looked up with the nearest known one, and instants.
 * Whoever finds something wrong adds a finding, with its place, and goes on: all that is wrong is told at once. */
#pragma once

#include "cli/test_suite.h"

struct test_reader {
    struct arena *arena;
    struct findings *findings;
    struct text file;
    const struct program *program;
    int64_t start_ms;    /* of the test that is read */
    struct text account; /* its account */
};

void test_problem(struct test_reader *reader, struct position position, const char *format, ...) PRINTF_LIKE(3, 4);

/* `count` zeroed items (one at least); NULL, and a finding, where memory is out. */
void *test_array(struct test_reader *reader, uint32_t count, size_t size);

/* Whether the node has the shape; a finding where it has not. */
bool test_is_scalar(struct test_reader *reader, const struct node *node, const char *what);
bool test_is_mapping(struct test_reader *reader, const struct node *node, const char *what);
bool test_is_sequence(struct test_reader *reader, const struct node *node, const char *what);

/* A finding for each key that is not among `known` (which ends with NULL). */
void test_keys(struct test_reader *reader, const struct node *mapping, const char *const *known);
/* The place of `text` among the names; a finding with the nearest, and -1, where it is not there. `what`: "segment". */
int test_name(struct test_reader *reader, const struct node *node, const char *what, const struct text *names,
              uint32_t count);

/* `null` or `~`, without quotes. */
bool test_is_null(const struct node *node);
bool test_boolean(struct test_reader *reader, const struct node *node, bool *ret_value);
bool test_count(struct test_reader *reader, const struct node *node, uint32_t *ret_count);
/* A scalar, or a sequence of scalars. */
bool test_texts(struct test_reader *reader, const struct node *node, const char *what, const struct text **ret_texts,
                uint32_t *ret_count);

/* Durations (`3d`, `90m`), also several (`3d 6h`), with a sign before them: counted from the start of the test.
 * Anything else is an instant as in JSON input (`2026-01-05T08:00Z`). A bare number is neither. */
bool test_instant(struct test_reader *reader, const struct node *node, int64_t *ret_instant_ms);
/* Above zero. */
bool test_duration(struct test_reader *reader, const struct node *node, int64_t *ret_duration_ms);
/* The pure part of test_instant. */
bool test_instant_parse(struct text text, int64_t start_ms, int64_t *ret_instant_ms);

/* The parts of a test, each in a file of its own. False: something was wrong, and has been found. */
bool test_record_read(struct test_reader *reader, const struct node *node, struct test_record *ret_record);
bool test_check_read(struct test_reader *reader, const struct node *node, struct test_check *ret_check);
bool test_change_read(struct test_reader *reader, const struct node *node, struct expected_change *ret_change);
