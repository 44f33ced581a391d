#include "store/redis_command.h"

#include <stdio.h>

void redis_command_begin(struct buffer *out, uint32_t arguments) {
    buffer_printf(out, "*%u\r\n", arguments);
}

void redis_command_pieces(struct buffer *out, struct text head, struct text tail) {
    char size[16];
    int digits = snprintf(size, sizeof size, "$%u\r\n", head.size + tail.size);
    buffer_put(out, size, (size_t)digits);
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
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%lld", (long long)argument);
    redis_command_text(out, (struct text){digits, (uint32_t)size});
}
