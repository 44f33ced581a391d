#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_MIN 256

uint8_t *buffer_extend(struct buffer *buffer, size_t size) {
    if (buffer->failed)
        return NULL;
    if (buffer->capacity - buffer->size < size) {
        size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity * 2;
        if (capacity < buffer->size + size)
            capacity = buffer->size + size;
        uint8_t *data = realloc(buffer->data, capacity);
        if (data == NULL) {
            buffer->failed = true;
            return NULL;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    uint8_t *room = buffer->data + buffer->size;
    buffer->size += size;
    return room;
}

void buffer_put(struct buffer *buffer, const void *data, size_t size) {
    if (size == 0)
        return;
    uint8_t *room = buffer_extend(buffer, size);
    if (room != NULL)
        memcpy(room, data, size);
}

void buffer_put_text(struct buffer *buffer, struct text text) {
    buffer_put(buffer, text.data, text.size);
}

void buffer_put_string(struct buffer *buffer, const char *string) {
    buffer_put(buffer, string, strlen(string));
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    uint8_t *room = length < 0 ? NULL : buffer_extend(buffer, (size_t)length + 1);
    if (room != NULL) {
        vsnprintf((char *)room, (size_t)length + 1, format, again);
        buffer->size--; /* the terminating zero */
    }
    va_end(again);
}

static void put_little_endian(struct buffer *buffer, uint64_t value, size_t size) {
    uint8_t *room = buffer_extend(buffer, size);
    for (size_t i = 0; room != NULL && i < size; i++)
        room[i] = (uint8_t)(value >> (8 * i));
}

void buffer_put_u8(struct buffer *buffer, uint8_t value) {
    put_little_endian(buffer, value, 1);
}

void buffer_put_u16(struct buffer *buffer, uint16_t value) {
    put_little_endian(buffer, value, 2);
}

void buffer_put_u32(struct buffer *buffer, uint32_t value) {
    put_little_endian(buffer, value, 4);
}

void buffer_put_u64(struct buffer *buffer, uint64_t value) {
    put_little_endian(buffer, value, 8);
}

void buffer_put_f64(struct buffer *buffer, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_little_endian(buffer, bits, 8);
}

void buffer_put_varint(struct buffer *buffer, uint64_t value) {
    uint8_t bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[size++] = (uint8_t)(value | 0x80);
    bytes[size++] = (uint8_t)value;
    buffer_put(buffer, bytes, size);
}

void buffer_put_zigzag(struct buffer *buffer, int64_t value) {
    buffer_put_varint(buffer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void buffer_clear(struct buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
