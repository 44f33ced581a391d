/* The values of Avro's binary encoding, one by one, over bounded bytes. All is inline: this is where a decoder spends
 * its time, and its cursor is to stay in registers, so no function that is called gets the cursor's address.
 *
 * A failure is sticky, as with every cursor: nothing is left to read behind it, so that all that follows fails too. */
#pragma once

#include <endian.h>

#include "base/cursor.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define WORD_SIZE 8

ALWAYS_INLINE uint64_t read_word(const void *bytes) {
    uint64_t word;
    memcpy(&word, bytes, WORD_SIZE);
    return word;
}

ALWAYS_INLINE void read_fail(struct cursor *cursor) {
    cursor->at = cursor->end;
    cursor->failed = true;
}

ALWAYS_INLINE int64_t read_zigzag_of(uint64_t number) {
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

/* At the end of the bytes, or of more than eight bytes. */
ALWAYS_INLINE int64_t read_long_slowly(struct cursor *cursor) {
    struct cursor rest = *cursor;
    int64_t number = cursor_zigzag(&rest);
    if (rest.failed)
        read_fail(cursor);
    else
        cursor->at = rest.at;
    return number;
}

/* A number of any length: eight bytes are looked at together, so that how many of them belong to it costs no branch.
 * Its groups of seven bits are pushed together by pairs, by pairs of pairs, and by fours. */
ALWAYS_INLINE int64_t read_long(struct cursor *cursor) {
    if (cursor_left(cursor) < WORD_SIZE)
        return read_long_slowly(cursor);
    uint64_t word = le64toh(read_word(cursor->at));
    uint64_t ends = ~word & HIGH_BITS;
    if (ends == 0)
        return read_long_slowly(cursor);
    cursor->at += (__builtin_ctzll(ends) + 1) / 8;
    word &= ends ^ (ends - 1);
    word = (word & UINT64_C(0x7F007F007F007F00)) >> 1 | (word & UINT64_C(0x007F007F007F007F));
    word = (word & UINT64_C(0xFFFF0000FFFF0000)) >> 2 | (word & UINT64_C(0x0000FFFF0000FFFF));
    word = (word & UINT64_C(0xFFFFFFFF00000000)) >> 4 | (word & UINT64_C(0x00000000FFFFFFFF));
    return read_zigzag_of(word);
}

/* One that has mostly one byte: a size, a count, a branch, a symbol. */
ALWAYS_INLINE int64_t read_short(struct cursor *cursor) {
    if (cursor->at < cursor->end && *cursor->at < 0x80)
        return read_zigzag_of(*cursor->at++);
    return read_long(cursor);
}

/* The index of a branch or a symbol, of which there are `count`; `count` where it is none of them. An even first byte
 * below 0x80 says it all. */
ALWAYS_INLINE uint32_t read_index(struct cursor *cursor, uint32_t count) {
    uint64_t index = cursor->at < cursor->end && (*cursor->at & 0x81) == 0 ? *cursor->at++ / 2u
                                                                           : (uint64_t)read_long(cursor);
    return cursor->failed || index >= count ? count : (uint32_t)index;
}

/* NULL where fewer bytes are left. */
ALWAYS_INLINE const uint8_t *read_bytes(struct cursor *cursor, size_t size) {
    const uint8_t *bytes = cursor->at;
    if (cursor_left(cursor) < size) {
        read_fail(cursor);
        return NULL;
    }
    cursor->at += size;
    return bytes;
}

/* How many bytes a string has; SIZE_MAX where that is malformed. An even first byte below 0x80 says it all. */
ALWAYS_INLINE size_t read_size(struct cursor *cursor) {
    if (cursor->at < cursor->end && (*cursor->at & 0x81) == 0)
        return *cursor->at++ / 2;
    int64_t size = read_long(cursor);
    return cursor->failed || size < 0 ? SIZE_MAX : (size_t)size;
}

/* A string or bytes. Missing where they are longer than what is left. */
ALWAYS_INLINE struct text read_sized(struct cursor *cursor) {
    size_t size = read_size(cursor);
    const uint8_t *bytes = read_bytes(cursor, size);
    return bytes == NULL ? TEXT_MISSING : (struct text){(const char *)bytes, (uint32_t)size};
}

ALWAYS_INLINE double read_double(struct cursor *cursor) {
    const uint8_t *bytes = read_bytes(cursor, sizeof(double));
    double number = 0;
    if (bytes != NULL) {
        uint64_t bits = le64toh(read_word(bytes));
        memcpy(&number, &bits, sizeof number);
    }
    return number;
}

ALWAYS_INLINE float read_float(struct cursor *cursor) {
    const uint8_t *bytes = read_bytes(cursor, sizeof(float));
    float number = 0;
    if (bytes != NULL) {
        uint32_t bits;
        memcpy(&bits, bytes, sizeof bits);
        bits = le32toh(bits);
        memcpy(&number, &bits, sizeof number);
    }
    return number;
}

ALWAYS_INLINE uint64_t read_part(const char *bytes, size_t size) {
    uint64_t word = 0;
    memcpy(&word, bytes, size);
    return word;
}

/* Whether all bytes are below 0x80: by words, the last of which overlaps the one before. */
ALWAYS_INLINE bool read_is_ascii(struct text text) {
    uint64_t bits = 0;
    if (text.size >= 8) {
        for (uint32_t at = 0; at + 8 < text.size; at += 8)
            bits |= read_part(text.data + at, 8);
        bits |= read_part(text.data + text.size - 8, 8);
    } else if (text.size >= 4) {
        bits = read_part(text.data, 4) | read_part(text.data + text.size - 4, 4);
    } else if (text.size > 0) {
        bits = read_part(text.data, 1) | read_part(text.data + text.size / 2, 1) |
               read_part(text.data + text.size - 1, 1);
    }
    return (bits & HIGH_BITS) == 0;
}

/* What most texts are: of sixteen bytes at the most, all of them below 0x80, and not at the very end. Two words are
 * read whole and what is behind the text is masked out, so that its length costs no branch. Missing where it is
 * otherwise: then nothing was read. */
ALWAYS_INLINE struct text read_common_text(struct cursor *cursor) {
    static const uint8_t masks[4 * WORD_SIZE] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                                 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    const uint8_t *at = cursor->at;
    if (cursor_left(cursor) <= 2 * WORD_SIZE)
        return TEXT_MISSING;
    uint8_t size = (uint8_t)(at[0] >> 1 | at[0] << 7); /* a negative one, which is odd, becomes large */
    if (size > 2 * WORD_SIZE)
        return TEXT_MISSING;
    const uint8_t *mask = masks + 2 * WORD_SIZE - size;
    at++;
    if (((read_word(at) & read_word(mask)) | (read_word(at + WORD_SIZE) & read_word(mask + WORD_SIZE))) != 0)
        return TEXT_MISSING;
    cursor->at = at + size;
    return (struct text){(const char *)at, size};
}
