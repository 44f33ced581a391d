/* Writes JSON onto a buffer: one value after the other, with the commas and the escapes put in. Not a tree: the caller
 * opens and closes. Text that is not UTF-8 is the caller's bug.
 *
 * Values are `json_put_...`: jansson has functions of the shorter names, and its users in this process (avro-c) would
 * call ours. */
#pragma once

#include "base/buffer.h"

struct json {
    struct buffer *out;
    bool comma; /* the next value wants one before it */
};

void json_open_object(struct json *json);
void json_close_object(struct json *json);
void json_open_array(struct json *json);
void json_close_array(struct json *json);
void json_key_of_size(struct json *json, const char *key, size_t size);
/* Of plain ASCII, nothing to escape. Inlined, as the length of most is known when this is compiled. */
static inline void json_key(struct json *json, const char *key) {
    json_key_of_size(json, key, strlen(key));
}
void json_key_text(struct json *json, struct text key);
void json_put_null(struct json *json);
void json_put_boolean(struct json *json, bool value);
void json_put_integer(struct json *json, int64_t value);
void json_put_number(struct json *json, double value);    /* null where not finite */
void json_put_text(struct json *json, struct text value); /* null where missing */
void json_put_string(struct json *json, const char *value);
void json_put_instant(struct json *json, int64_t instant_ms); /* as ISO-8601 text */
