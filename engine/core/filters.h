/* The filters of a stream, as tests. Most are a comparison of a field, or of an entry of the stream's map, with
 * constants, or some of those joined by `and`. Each different comparison is a test: for an event it is made once, and
 * whether it holds is a bit, so that whoever has a filter looks at bits only. What is more than that is left to the
 * rules' program. Made once for each engine. */
#pragma once

#include "engine/core/evaluation.h"

#define TESTS_MAX     40 /* of a stream: a bit each; behind them a bit for each field, and one that never holds */
#define TEST_NEVER    (UINT64_C(1) << 63)
#define TEST_KEYS_MAX 16 /* of its map */

/* That the event has the field. */
static inline uint64_t test_of_field(uint32_t field) {
    return UINT64_C(1) << (TESTS_MAX + field);
}

enum test_kind {
    TEST_IN,        /* a text, among the constants */
    TEST_NOT_IN,    /* a text that is there, and not among the constants */
    TEST_SAME,      /* two texts that are there */
    TEST_DIFFERENT, /* as well */
    TEST_SYMBOL,    /* an enum's symbol, among some */
    TEST_NUMBER,    /* a number, compared with a constant */
};

/* A text is a field, or, from FIELDS_MAX on, the entry under one of the keys. */
struct test {
    uint8_t kind, operation; /* the latter of TEST_NUMBER */
    uint16_t left, right;    /* texts; of TEST_SYMBOL and TEST_NUMBER a field */
    uint16_t constants_count;
    const union value *constants;
    uint64_t set; /* of TEST_IN and TEST_NOT_IN the constants' sizes, bit i: i, i + 64, ...; of TEST_SYMBOL symbols */
    double number;
};

struct filters {
    struct test tests[TESTS_MAX];
    struct text keys[TEST_KEYS_MAX];
    uint32_t tests_count, keys_count;
    bool is_general; /* the rules' program is run too */
};

/* Adds what a filter asks for: returned are the tests that must all hold (bit i: test i). False: it is more than that,
 * and its register tells (evaluation_run_filters). */
bool filters_add(struct filters *filters, const struct program *program, enum stream stream, uint16_t filter,
                 uint64_t *ret_tests);

/* The tests that hold for the event, and the fields that it has; runs the rules' program where some filter needs that.
 */
uint64_t filters_run(const struct filters *filters, struct evaluation *evaluation, const struct event *event);
