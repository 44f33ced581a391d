/* A growable run of bytes that is written to, with a sticky failure: writers write on, and whoever hands the bytes out
 * asks buffer_ok once. Little-endian, as everything that Bellwether stores. Not shared between threads. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "base/result.h"
#include "base/text.h"

struct buffer {
    uint8_t *data;
    size_t size, capacity;
    bool failed; /* memory was out at some write; the content is not complete */
};

static inline bool buffer_ok(const struct buffer *buffer) {
    return !buffer->failed;
}

static inline struct text buffer_text(const struct buffer *buffer) {
    return (struct text){(const char *)buffer->data, (uint32_t)buffer->size};
}

#define VARINT_SIZE_MAX 10

/* Makes room for `size` more bytes; false (and failed) when memory is out. */
MUST_USE bool buffer_reserve(struct buffer *buffer, size_t size);

static inline bool buffer_has_room(struct buffer *buffer, size_t size) {
    if ((buffer->failed || buffer->capacity - buffer->size < size) && !buffer_reserve(buffer, size))
        return false;
    if (size > 0 && buffer->data == NULL)
        __builtin_unreachable(); /* There is room: said for the analyser, and costs nothing. */
    return true;
}

/* Room for `size` more bytes, to be filled by the caller; NULL (and failed) when memory is out. */
MUST_USE static inline uint8_t *buffer_extend(struct buffer *buffer, size_t size) {
    if (!buffer_has_room(buffer, size))
        return NULL;
    uint8_t *room = buffer->data + buffer->size;
    buffer->size += size;
    return room;
}

static inline void buffer_put(struct buffer *buffer, const void *data, size_t size) {
    uint8_t *room = size == 0 ? NULL : buffer_extend(buffer, size);
    if (room != NULL && data == NULL)
        __builtin_unreachable();
    if (room != NULL)
        memcpy(room, data, size);
}

static inline void buffer_put_text(struct buffer *buffer, struct text text) {
    buffer_put(buffer, text.data, text.size);
}

static inline void buffer_put_u8(struct buffer *buffer, uint8_t value) {
    uint8_t *room = buffer_extend(buffer, 1);
    if (room != NULL)
        *room = value;
}

static inline void buffer_put_u16(struct buffer *buffer, uint16_t value) {
    value = htole16(value);
    buffer_put(buffer, &value, sizeof value);
}

static inline void buffer_put_u32(struct buffer *buffer, uint32_t value) {
    value = htole32(value);
    buffer_put(buffer, &value, sizeof value);
}

static inline void buffer_put_u64(struct buffer *buffer, uint64_t value) {
    value = htole64(value);
    buffer_put(buffer, &value, sizeof value);
}

static inline void buffer_put_f64(struct buffer *buffer, double value) {
    buffer_put_u64(buffer, number_bits(value));
}

/* Base 128, low groups first, as Avro and Protocol Buffers write them. There is room for VARINT_SIZE_MAX; returned is
 * what lies behind it. */
static inline uint8_t *write_varint(uint8_t *to, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

/* Signed: zigzag, then varint; this is Avro's `int` and `long`. */
static inline uint8_t *write_zigzag(uint8_t *to, int64_t value) {
    return write_varint(to, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

uint8_t *write_long(uint8_t *to, const uint8_t *from, size_t size);

/* Bytes, of which there are mostly few: up to 32 are copied as two runs that may overlap, which is less than to call
 * memcpy. Returns what lies behind them. */
static inline uint8_t *write_bytes(uint8_t *to, const void *data, size_t size) {
    const uint8_t *from = data; /* may be NULL where there are none */
    if (size > 32)
        return write_long(to, from, size);
    if (size >= 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
    return to + size;
}

static inline void buffer_put_varint(struct buffer *buffer, uint64_t value) {
    if (buffer_has_room(buffer, VARINT_SIZE_MAX))
        buffer->size = (size_t)(write_varint(buffer->data + buffer->size, value) - buffer->data);
}

static inline void buffer_put_zigzag(struct buffer *buffer, int64_t value) {
    if (buffer_has_room(buffer, VARINT_SIZE_MAX))
        buffer->size = (size_t)(write_zigzag(buffer->data + buffer->size, value) - buffer->data);
}

void buffer_put_string(struct buffer *buffer, const char *string);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void buffer_put_decimal(struct buffer *buffer, uint64_t value);
void buffer_clear(struct buffer *buffer); /* empty and not failed; memory is kept */
void buffer_free(struct buffer *buffer);
