/* What every stage carries along: where memory comes from, and where problems go. A stage that meets a problem reports
 * it and goes on where it can, so that a file's problems come out together. */
#pragma once

#include "engine/core/rules/rules.h"

struct report {
    struct arena *arena;
    struct problems *problems;
    bool memory_out; /* sticky; what was made is not complete */
};

/* Zeroed memory from the arena; NULL (and memory_out) where there is none. */
MUST_USE void *report_alloc(struct report *report, size_t size);

/* Adds a problem in its place among the others. One place has one problem, the first that was found there. */
void report_problem(struct report *report, struct position position, const char *format, ...) PRINTF_LIKE(3, 4);
void report_problem_list(struct report *report, struct position position, const char *format, va_list arguments)
    PRINTF_LIKE(3, 0);

/* `text` as a message can show it: on one line, cut where it is long. */
struct text report_shown(struct report *report, struct text text);

/* "; did you mean `x`?" with the candidate nearest to `wanted`, or an empty text. */
struct text report_nearest(struct report *report, struct text wanted, const struct text *candidates, size_t count);

/* The same; where none is near, all of them: "; the `what` are a, b, c". Empty where there are none. */
struct text report_choice(struct report *report, struct text wanted, const char *what, const struct text *candidates,
                          size_t count);
