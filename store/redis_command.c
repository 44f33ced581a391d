#include "store/redis_command.h"

#include "base/number.h"

/* An account has seven numbers, so that printf would cost as much as all the rest of its arguments. */
static void put_number(struct buffer *out, char kind, size_t number) {
    buffer_put_u8(out, (uint8_t)kind);
    buffer_put_decimal(out, number);
    buffer_put(out, "\r\n", 2);
}

void redis_command_begin(struct buffer *out, uint32_t arguments) {
    put_number(out, '*', arguments);
}

void redis_command_pieces(struct buffer *out, struct text head, struct text tail) {
    put_number(out, '$', (size_t)head.size + tail.size);
    buffer_put_text(out, head);
    buffer_put_text(out, tail);
    buffer_put(out, "\r\n", 2);
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
