/* Reads bounded bytes from front to back, with a sticky failure: a read beyond the end, or of something malformed,
 * gives zero and sets `failed`; the reader asks cursor_ok where it matters. The bytes are borrowed. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

/* No bytes may be NULL. */
static inline struct cursor cursor_of(const void *data, size_t size) {
    assert(data != NULL || size == 0);
    return (struct cursor){data, data == NULL ? NULL : (const uint8_t *)data + size, false};
}

static inline bool cursor_ok(const struct cursor *cursor) {
    return !cursor->failed;
}

static inline size_t cursor_left(const struct cursor *cursor) {
    return (size_t)(cursor->end - cursor->at);
}

/* The next `size` bytes, or NULL. */
static inline const uint8_t *cursor_take(struct cursor *cursor, size_t size) {
    if (cursor->failed || cursor_left(cursor) < size) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *bytes = cursor->at;
    cursor->at += size;
    return bytes;
}

static inline uint64_t cursor_little_endian(struct cursor *cursor, size_t size) {
    const uint8_t *bytes = cursor_take(cursor, size);
    uint64_t value = 0;
    for (size_t i = 0; bytes != NULL && i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static inline uint8_t cursor_u8(struct cursor *cursor) {
    return (uint8_t)cursor_little_endian(cursor, 1);
}

static inline uint16_t cursor_u16(struct cursor *cursor) {
    return (uint16_t)cursor_little_endian(cursor, 2);
}

static inline uint32_t cursor_u32(struct cursor *cursor) {
    return (uint32_t)cursor_little_endian(cursor, 4);
}

static inline uint64_t cursor_u64(struct cursor *cursor) {
    return cursor_little_endian(cursor, 8);
}

static inline double cursor_f64(struct cursor *cursor) {
    uint64_t bits = cursor_u64(cursor);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* At most ten bytes, and no bits beyond the 64th. */
static inline uint64_t cursor_varint(struct cursor *cursor) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    cursor->failed = true;
    return 0;
}

static inline int64_t cursor_zigzag(struct cursor *cursor) {
    uint64_t value = cursor_varint(cursor);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline struct text cursor_text(struct cursor *cursor, size_t size) {
    const uint8_t *bytes = cursor_take(cursor, size);
    return bytes == NULL ? TEXT_MISSING : (struct text){(const char *)bytes, (uint32_t)size};
}
