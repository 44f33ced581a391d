/* The program's log: one line a message, on standard error, for people or as JSON lines.
 *
 * Any thread may write; a line is written in one piece. Messages that differ only in their numbers and follow one
 * another closely are the same message: after LOG_REPEATS_MAX of them within LOG_WINDOW_MS the rest are counted, and
 * the count is told when the window is over. Errors are never held back. Whoever writes leaves secrets out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/log_level.h"
#include "base/result.h"

#define LOG_REPEATS_MAX 5
#define LOG_WINDOW_MS   10000
#define LOG_LINE_MAX    4096 /* bytes; a longer message is cut */

enum log_style {
    LOG_STYLE_PLAIN, /* the message alone, as commands do that are over soon; `error: ` before errors */
    LOG_STYLE_HUMAN, /* time and level before it */
    LOG_STYLE_JSON,  /* {"time":"...","level":"info","message":"..."} */
};

struct log_options {
    enum log_style style;
    enum log_level level; /* this and what matters more is written */
    bool colour;
    int descriptor;           /* where to: not closed */
    int64_t (*wall_ms)(void); /* the time of a message */
};

struct log;

MUST_USE enum result log_create(const struct log_options *options, struct log **ret_log, struct error *error);
void log_write(struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);
/* `message` is text from outside (a library): control characters become spaces. */
void log_message(struct log *log, enum log_level level, const char *message);
/* Before other threads write: what the configuration says, once it is read. */
void log_set_level(struct log *log, enum log_level level);
void log_set_style(struct log *log, enum log_style style);
/* Tells what was counted and not yet told. */
void log_free(struct log *log);
