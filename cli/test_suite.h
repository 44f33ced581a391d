/* A file of tests for rules, read and checked: docs/rules.md, "Testing rules", teaches the format. Every name in it is
 * looked up when it is read, so that a test of a segment that does not exist is an error and not a test that passes.
 *
 * Everything lives in the arena that it was read into; the texts of a YAML node are borrowed by it. One thread. */
#pragma once

#include "base/arena.h"
#include "base/document.h"
#include "config/findings.h"
#include "engine/core/change.h"
#include "engine/core/rules/program.h"

#define TEST_RECORDS_MAX 2000000 /* that the records of one test may be repeated to */

/* Records as they are written: one mapping that stands for `times` instants, and at each of them for every combination
 * of the items of its lists. */
struct test_record {
    struct position position;
    const struct node *fields; /* the mapping, with the keys that say when */
    enum stream stream;
    bool tombstone;
    int64_t first_ms, step_ms;
    uint32_t times;
    uint32_t combinations; /* at each instant */
    int64_t arrives_ms;    /* INSTANT_NONE: each at its own time */
    int64_t start_ms;      /* of the test: relative instants among the fields are counted from it */
    struct text account;   /* the test's, for records that name none */
};

enum expectation_kind {
    EXPECT_KNOWN,       /* the account exists */
    EXPECT_SEGMENTS,    /* it is in exactly these segments */
    EXPECT_IN,          /* it is in the segment */
    EXPECT_NOT_IN,      /* it is not */
    EXPECT_DIMENSION,   /* the dimension has the value */
    EXPECT_SCORE,       /* the score lies in the range */
    EXPECT_NEVER_IN,    /* between the two instants it is never in the segment */
    EXPECT_NEVER,       /* the dimension never has one of the values */
    EXPECT_CHANGES,     /* these changes, in this order; others may stand between them */
    EXPECT_ALL_CHANGES, /* these changes and no others */
};

/* What a change must be; what is not given may be anything. */
struct expected_change {
    struct position position;
    struct text written; /* for messages */
    bool has_kind, has_cause, has_at, has_from, has_to, has_playbook, has_reasons;
    enum change_kind kind;
    enum cause_kind cause;
    int64_t at_ms;
    struct text subject;            /* missing: not given */
    struct text from, to, playbook; /* missing: null */
    const struct text *reasons;     /* the signals, in their order */
    uint32_t reasons_count;
};

struct score_range {
    struct text written;
    bool missing;             /* the score is to be missing; else it lies in: */
    double low, high;         /* both are in the range, */
    bool low_open, high_open; /* or are not */
};

struct expectation {
    enum expectation_kind kind;
    struct position position;
    bool known;                /* EXPECT_KNOWN */
    uint32_t index;            /* of the segment, dimension or score in the program */
    const struct text *values; /* segments' names, a dimension's values */
    uint32_t values_count;
    struct score_range range;
    const struct expected_change *changes;
    uint32_t changes_count;
};

/* What must hold at an instant, or between two, both included. */
struct test_check {
    struct position position;
    struct text account;
    bool between;
    int64_t from_ms, at_ms; /* `from_ms`: only between */
    const struct expectation *expectations;
    uint32_t expectations_count;
};

struct test {
    struct text name;
    struct position position;
    int64_t start_ms;
    const struct test_record *records;
    uint32_t records_count;
    const struct test_check *checks; /* in the order of their (later) instants */
    uint32_t checks_count;
};

struct test_suite {
    struct text file;
    const struct program *program;
    const struct test *tests;
    uint32_t tests_count;
};

/* Reads the file and the rules that it names. Everything that is wrong goes to `findings`. RESULT_REJECT: something
 * is. */
MUST_USE enum result test_suite_read(const char *path, struct arena *arena, struct test_suite *ret_suite,
                                     struct findings *findings);
