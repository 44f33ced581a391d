/* A command in Redis' protocol, written straight into the connection's buffer. */
#pragma once

#include "base/buffer.h"

/* The number of arguments must be known before the first one. */
void redis_command_begin(struct buffer *out, uint32_t arguments);
void redis_command_text(struct buffer *out, struct text argument);
/* One argument made of two pieces. */
void redis_command_pieces(struct buffer *out, struct text head, struct text tail);
void redis_command_string(struct buffer *out, const char *argument);
void redis_command_integer(struct buffer *out, int64_t argument);
