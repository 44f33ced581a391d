/* One test of rules, run on the real engine: its records go through a replay, and at the instant of each check the
 * watermark is moved there before anything is looked at. What does not hold is written as a difference.
 *
 * One thread; a run lives for one test. */
#pragma once

#include "base/buffer.h"
#include "cli/test_suite.h"
#include "engine/core/explain.h"

/* A change as it is remembered for the checks. */
struct kept_change {
    struct text account_id, subject, from, to, playbook;
    int64_t at_ms;
    enum change_kind kind;
    enum cause_kind cause;
    struct text reasons[REASONS_MAX];
    uint32_t reasons_count;
};

/* What a check looks at: the account as it stands now, and what has happened so far. */
struct test_view {
    const struct test *test;
    const struct program *program;
    const struct test_check *check;
    struct engine *engine;             /* explains the account, where it exists */
    bool exists;                       /* it was seen, and is not erased */
    struct status status;              /* where it exists */
    const struct kept_change *changes; /* of all accounts, in their order */
    uint32_t changes_count;
};

/* Appends to `out` each check that does not hold, with what was found and why. `ret_passed`: there was none.
 * RESULT_FATAL: memory is out. */
MUST_USE enum result test_run(const struct test_suite *suite, const struct test *test, struct buffer *out,
                              bool *ret_passed, struct error *error);

/* ---- test_verdict.c: whether an expectation holds. Pure. */

bool test_expectation_holds(const struct test_view *view, const struct expectation *expectation);
/* The next change that the check looks at, from `index` on; changes_count: none. */
uint32_t test_next_change(const struct test_view *view, uint32_t index);
bool test_change_fits(const struct expected_change *expected, const struct kept_change *change);
/* The value of a dimension, missing where it has none; an entry of a segment, INSTANT_NONE outside; a score, NaN. */
struct text test_dimension_value(const struct test_view *view, uint32_t dimension);
int64_t test_segment_since(const struct test_view *view, struct text segment);
double test_score_value(const struct test_view *view, uint32_t score);
/* When, within the check's period, the account first was in the segment; INSTANT_NONE: never. */
int64_t test_first_inside(const struct test_view *view, struct text segment);
/* Likewise for a dimension that had one of the expectation's values; `ret_value`: which. */
int64_t test_first_value(const struct test_view *view, const struct expectation *expectation, struct text *ret_value);

/* ---- test_report.c: a difference, for people */

void test_report(struct text file, const struct test_view *view, const struct expectation *expectation,
                 struct buffer *out);
