#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"

#define CAPACITY_MIN 256

bool buffer_reserve(struct buffer *buffer, size_t size) {
    if (buffer->failed || buffer->capacity - buffer->size >= size)
        return !buffer->failed;
    size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity * 2;
    if (capacity < buffer->size + size)
        capacity = buffer->size + size;
    uint8_t *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

/* Aside, so that whoever writes short runs of bytes need not make ready for a call. */
uint8_t *write_long(uint8_t *to, const uint8_t *from, size_t size) {
    memcpy(to, from, size);
    return to + size;
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

void buffer_put_decimal(struct buffer *buffer, uint64_t value) {
    char room[INTEGER_TEXT_MAX];
    buffer_put_text(buffer, decimal_format(value, room));
}

void buffer_clear(struct buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
