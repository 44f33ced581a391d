/* Numbers as text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define NUMBER_TEXT_MAX  32
#define INTEGER_TEXT_MAX 20

/* The bits of a double, as IEEE 754 has them. */
static inline uint64_t number_bits(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* The lesser and the greater of two; of equal ones the left, as of 0 and -0, where fmin gives either. What is missing
 * (NaN) is left out. */
static inline double number_least(double left, double right) {
    return right < left || left != left ? right : left;
}

static inline double number_greatest(double left, double right) {
    return right > left || left != left ? right : left;
}

/* Of a whole number, the nearest that an int64_t can hold: (double)INT64_MAX is one more than that. */
static inline int64_t number_to_int64(double number) {
    if (number >= 0x1p63)
        return INT64_MAX;
    return number <= -0x1p63 ? INT64_MIN : (int64_t)number;
}

/* `[+-]? digits [. digits] [(e|E) [+-] digits]`, the whole text and nothing else; false where it is not that or where
 * the number is not finite. */
bool number_parse(struct text text, double *ret_number);

/* The shortest text that reads back as the same double; a whole number below 2^53 has no point. `number` is finite.
 * Zero-terminated; returns the length. */
uint32_t number_format(double number, char ret_text[NUMBER_TEXT_MAX]);

/* The digits of a whole number, of the second with its sign. The text ends where `room` ends, and is not
 * zero-terminated. */
struct text decimal_format(uint64_t value, char room[INTEGER_TEXT_MAX]);
struct text integer_format(int64_t value, char room[INTEGER_TEXT_MAX]);
