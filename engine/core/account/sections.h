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

/* The next bits, at most 64, of the `left` bytes of them; the state's `end` may be nearer than a word. */
static inline uint64_t sections_bits_at(const uint8_t *bits, uint32_t left, const uint8_t *end) {
    uint64_t word = 0;
    if ((size_t)(end - bits) < sizeof word)
        memcpy(&word, bits, (size_t)(end - bits));
    else
        memcpy(&word, bits, sizeof word);
    return left < sizeof word ? word & ((UINT64_C(1) << left * 8) - 1) : word;
}

struct section {
    uint32_t slot;
    uint32_t size;          /* of the payload */
    const uint8_t *begin;   /* where its size stands */
    const uint8_t *payload; /* behind that */
};

/* The sections one after the other, in the order of their slots. The bytes are borrowed. */
struct section_walk {
    const uint8_t *data;
    uint32_t at, size;                 /* of the next section; of all bytes */
    uint32_t bits_at, bits_left, slot; /* of the next word of bits: where, how many bytes, its first slot */
    uint64_t word;                     /* what is left of the word before: bits of the slots from `slot` - 64 on */
};

static inline struct section_walk section_walk_begin(const uint8_t *data, uint32_t size) {
    struct section_walk walk = {.data = data, .size = size};
    walk.bits_at = (uint32_t)sizeof(struct state_header) + ((const struct state_header *)(const void *)data)->id_size;
    if (walk.bits_at < size)
        walk.bits_left = sections_bits_bytes(data, walk.bits_at++);
    walk.at = walk.bits_at + walk.bits_left;
    return walk;
}

/* False behind the last section. */
static inline bool section_walk_next(struct section_walk *walk, struct section *ret_section) {
    while (walk->word == 0) {
        if (walk->bits_left == 0) {
            assert(walk->at == walk->size);
            return false;
        }
        const uint8_t *bits = walk->data + walk->bits_at;
        walk->word = sections_bits_at(bits, walk->bits_left, walk->data + walk->size);
        uint32_t taken = walk->bits_left < sizeof walk->word ? walk->bits_left : (uint32_t)sizeof walk->word;
        walk->bits_at += taken;
        walk->bits_left -= taken;
        walk->slot += 64;
    }
    uint32_t payload = section_payload_behind(walk->data, walk->at, &ret_section->size);
    ret_section->slot = walk->slot - 64 + (uint32_t)__builtin_ctzll(walk->word);
    ret_section->begin = walk->data + walk->at;
    ret_section->payload = walk->data + payload;
    walk->at = payload + ret_section->size;
    walk->word &= walk->word - 1;
    assert(walk->at <= walk->size);
    return true;
}
