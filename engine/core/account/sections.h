/* How sections lie in a state's bytes (state.h), for whoever looks at all of them without binding the state. */
#pragma once

#include <assert.h>

#include "engine/core/account/state.h"

/* What stands before a payload: its size. */
#define SECTION_SIZE_SHORT 1u
#define SECTION_SIZE_LONG  5u

static inline uint32_t section_size_bytes(uint32_t payload_size) {
    return payload_size > SECTION_SHORT_MAX ? SECTION_SIZE_LONG : SECTION_SIZE_SHORT;
}

/* Where the payload begins whose size stands at `at`. */
static inline uint32_t section_payload_behind(const uint8_t *data, uint32_t at, uint32_t *ret_size) {
    if (data[at] != SECTION_LONG) {
        *ret_size = data[at];
        return at + SECTION_SIZE_SHORT;
    }
    *ret_size = section_size(data + at + SECTION_SIZE_LONG);
    return at + SECTION_SIZE_LONG;
}

/* How many bytes the bits take whose count stands at `at`. */
static inline uint32_t sections_bits_bytes(const uint8_t *data, uint32_t at) {
    return data[at] * 2u;
}

/* The bytes up to `end`, fewer than eight: one by one, as a copy of any size would need a place in memory. */
static inline uint64_t sections_bits_before(const uint8_t *bits, const uint8_t *end) {
    uint64_t word = 0;
    for (uint32_t i = 0; i < (uint32_t)(end - bits); i++)
        word |= (uint64_t)bits[i] << 8 * i;
    return word;
}

/* The next bits, at most 64, of the `left` bytes of them; the state's `end` may be nearer than a word. */
static inline uint64_t sections_bits_at(const uint8_t *bits, uint32_t left, const uint8_t *end) {
    uint64_t word = (size_t)(end - bits) < sizeof word ? sections_bits_before(bits, end) : read_u64(bits);
    return left < sizeof word ? word & ((UINT64_C(1) << left * 8) - 1) : word;
}

/* The bits of 64 slots of the state, of those from 64 * `word` on: which of them are there. */
static inline uint64_t state_slots(const struct state *state, uint32_t word) {
    uint32_t begin = (uint32_t)sizeof(struct state_header) + state_header(state)->id_size;
    if (begin == state->size || word * 8 >= sections_bits_bytes(state->data, begin))
        return 0;
    return sections_bits_at(state->data + begin + 1 + word * 8, sections_bits_bytes(state->data, begin) - word * 8,
                            state->data + state->size);
}
