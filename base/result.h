/* How functions that can fail say so.
 *
 * A bug is an assert. An expected failure is an `enum result` with the message in a caller's `struct error`; only the
 * pipeline and the commands decide what to do about it, and only they log it. Outputs (`ret_*`) are untouched unless
 * the result is RESULT_OK. */
#pragma once

#include <stdarg.h>

#define MUST_USE                    __attribute__((warn_unused_result))
#define PRINTF_LIKE(pattern, first) __attribute__((format(printf, pattern, first)))

enum result {
    RESULT_OK = 0,
    RESULT_RETRY,  /* not now; the same call may succeed later */
    RESULT_REJECT, /* this input is bad; the next one may be good */
    RESULT_FATAL,  /* this component cannot go on */
};

#define ERROR_TEXT_MAX 1024

struct error {
    char text[ERROR_TEXT_MAX]; /* one sentence or two, no newline: what was met, what was expected, the way out */
};

/* Writes the message and gives `result`, so that a leaf ends with `return error_set(error, RESULT_REJECT, "...")`. A
 * macro, because a compiler or an analyser that looks at one file sees then which result it is. */
#define error_set(error, result, ...) (error_write((error), __VA_ARGS__), result_given(result))

static inline enum result result_given(enum result result) {
    return result;
}

/* Writes the message; what does not fit is cut off, between characters. */
void error_write(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts a context ("config.yaml:3:7") before the message that is already there. */
void error_prefix(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
