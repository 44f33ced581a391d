/* A line at the foot of the terminal that says how far a long work is. Drawn on standard error where that is a terminal
 * and nothing else is printed there: else every call does nothing. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;
    bool drawn; /* the line is on the terminal now */
    int64_t started_ms, drawn_ms;
    const char *unit; /* what is counted: `records` */
};

/* `quiet`: not at all. */
void progress_start(struct progress *progress, const char *unit, bool quiet);
/* `part` of `whole` is done (whole 0: not known how much there is); `count` units so far. Draws a few times a second.
 */
void progress_update(struct progress *progress, uint64_t part, uint64_t whole, uint64_t count);
/* Takes the line away: before something else is written, and at the end. */
void progress_clear(struct progress *progress);
double progress_seconds(const struct progress *progress);

/* `1,234,567`, zero-terminated. */
#define COUNT_TEXT_MAX 32
const char *count_text(uint64_t count, char ret_text[COUNT_TEXT_MAX]);
