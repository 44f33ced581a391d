/* A growable run of bytes that is written to, with a sticky failure: writers write on, and whoever hands the bytes out
 * asks buffer_ok once. Little-endian, as everything that Bellwether stores. Not shared between threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Room for `size` more bytes, to be filled by the caller; NULL (and failed) when memory is out. */
MUST_USE uint8_t *buffer_extend(struct buffer *buffer, size_t size);
void buffer_put(struct buffer *buffer, const void *data, size_t size);
void buffer_put_text(struct buffer *buffer, struct text text);
void buffer_put_string(struct buffer *buffer, const char *string);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void buffer_put_u8(struct buffer *buffer, uint8_t value);
void buffer_put_u16(struct buffer *buffer, uint16_t value);
void buffer_put_u32(struct buffer *buffer, uint32_t value);
void buffer_put_u64(struct buffer *buffer, uint64_t value);
void buffer_put_f64(struct buffer *buffer, double value);
/* Base 128, low groups first, as Avro and Protocol Buffers write them. */
void buffer_put_varint(struct buffer *buffer, uint64_t value);
/* Signed: zigzag, then varint; this is Avro's `int` and `long`. */
void buffer_put_zigzag(struct buffer *buffer, int64_t value);
void buffer_clear(struct buffer *buffer); /* empty and not failed; memory is kept */
void buffer_free(struct buffer *buffer);
