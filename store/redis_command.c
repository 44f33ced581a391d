#include "store/redis_command.h"

#include "base/number.h"

/* Behind what says how long the argument is. An account has seven numbers, so that printf would cost as much as all
 * the rest of its arguments. */
static uint8_t *write_number(uint8_t *to, char kind, size_t number) {
    char room[INTEGER_TEXT_MAX];
    struct text digits = decimal_format(number, room);
    *to++ = (uint8_t)kind;
    to = write_bytes(to, digits.data, digits.size);
    return write_bytes(to, "\r\n", 2);
}

#define NUMBER_SIZE_MAX (1 + INTEGER_TEXT_MAX + 2)

/* What was written begins at the end of `out`. */
static void written(struct buffer *out, const uint8_t *end) {
    out->size = (size_t)(end - out->data);
}

void redis_command_begin(struct buffer *out, uint32_t arguments) {
    if (buffer_has_room(out, NUMBER_SIZE_MAX))
        written(out, write_number(out->data + out->size, '*', arguments));
}

void redis_command_pieces(struct buffer *out, struct text head, struct text tail) {
    size_t size = (size_t)head.size + tail.size;
    if (!buffer_has_room(out, NUMBER_SIZE_MAX + size + 2))
        return;
    uint8_t *to = write_number(out->data + out->size, '$', size);
    to = write_bytes(to, head.data, head.size);
    to = write_bytes(to, tail.data, tail.size);
    written(out, write_bytes(to, "\r\n", 2));
}

void redis_command_text(struct buffer *out, struct text argument) {
    redis_command_pieces(out, argument, (struct text){"", 0});
}

void redis_command_string(struct buffer *out, const char *argument) {
    redis_command_text(out, text_of(argument));
}

void redis_command_integer(struct buffer *out, int64_t argument) {
    char room[INTEGER_TEXT_MAX];
    redis_command_text(out, integer_format(argument, room));
}
