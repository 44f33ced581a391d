/* A hash over a sequence of values, one after the other: of rules that mean the same it is the same, so what goes in
 * is meaning (names, numbers), never layout or the order of a C enum. Part of stored state: it must not change. */
#pragma once

#include <math.h>

#include "base/hash.h"
#include "base/number.h"

static inline uint64_t digest_u64(uint64_t digest, uint64_t value) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    return hash_bytes(bytes, sizeof bytes, digest);
}

/* Missing is not the same as empty. */
static inline uint64_t digest_text(uint64_t digest, struct text text) {
    digest = digest_u64(digest, text_is_missing(text) ? UINT64_MAX : text.size);
    return text_is_missing(text) ? digest : hash_bytes(text.data, text.size, digest);
}

static inline uint64_t digest_string(uint64_t digest, const char *string) {
    return digest_text(digest, text_of(string));
}

static inline uint64_t digest_number(uint64_t digest, double number) {
    uint64_t bits = 0x7FF8000000000000u; /* one NaN for all */
    if (number == 0)
        bits = 0; /* and one zero */
    else if (!isnan(number))
        bits = number_bits(number);
    return digest_u64(digest, bits);
}
