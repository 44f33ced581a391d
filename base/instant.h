/* Instants and durations as text. An instant is a signed 64-bit count of milliseconds since the Unix epoch, UTC; a
 * duration a count of milliseconds. Pure functions; no clock is read here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define MILLISECOND INT64_C(1)
#define SECOND      INT64_C(1000)
#define MINUTE      (60 * SECOND)
#define HOUR        (60 * MINUTE)
#define DAY         (24 * HOUR)
#define WEEK        (7 * DAY)

#define INSTANT_TEXT_MAX 40

#define INSTANT_READ_MAX (INT64_C(1) << 53) /* either way, so that a number of rules can say it too */

/* Accepts `YYYY-MM-DD`, alone (midnight) or with `Thh:mm`, optionally `:ss`, a fraction (digits finer than a
 * millisecond are cut off), and `Z` or `+hh:mm` or `-hh:mm`; without a zone it is UTC. Years outside 0000 to 9999 are
 * read as instant_format writes them. False where the text is anything else, or further away than INSTANT_READ_MAX. */
bool instant_parse(struct text text, int64_t *ret_instant_ms);

/* `2026-11-01T10:20:30.123Z`, zero-terminated; returns the length. Years outside 0000 to 9999 are written with a sign.
 */
uint32_t instant_format(int64_t instant_ms, char ret_text[INSTANT_TEXT_MAX]);

#define INSTANT_TIME_SIZE 13
/* The part of it behind the `T`, of so many milliseconds since midnight; returns its end. */
char *instant_write_time(char *to, unsigned since_midnight_ms);

/* A number (digits, optionally a fraction) and one of the units ms s m h d w: `7d`, `1.5h`. */
bool duration_parse(struct text text, double *ret_duration_ms);

/* In the largest unit that divides it: `90m`, `7d`, `1500ms`; zero-terminated. */
uint32_t duration_format(int64_t duration_ms, char ret_text[INSTANT_TEXT_MAX]);

/* floor(numerator / denominator) for a positive denominator. */
static inline int64_t floor_divide(int64_t numerator, int64_t denominator) {
    int64_t quotient = numerator / denominator;
    return quotient - (numerator % denominator < 0);
}
