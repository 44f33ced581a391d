#include "base/json.h"

#include <math.h>

#include "base/instant.h"
#include "base/number.h"

/* Room for a value of up to `size` bytes; the comma before it is put. NULL when memory is out. */
static inline char *begin_value(struct json *json, size_t size) {
    bool comma = json->comma;
    json->comma = true;
    char *room = (char *)buffer_extend(json->out, size + comma);
    if (room != NULL && comma)
        *room++ = ',';
    return room;
}

static void put_value(struct json *json, const char *text, size_t size) {
    char *room = begin_value(json, size);
    if (room != NULL)
        memcpy(room, text, size);
}

static void json_open(struct json *json, char bracket) {
    put_value(json, &bracket, 1);
    json->comma = false;
}

static void json_close(struct json *json, char bracket) {
    buffer_put_u8(json->out, (uint8_t)bracket);
    json->comma = true;
}

void json_open_object(struct json *json) {
    json_open(json, '{');
}

void json_close_object(struct json *json) {
    json_close(json, '}');
}

void json_open_array(struct json *json) {
    json_open(json, '[');
}

void json_close_array(struct json *json) {
    json_close(json, ']');
}

static bool needs_escape(uint8_t byte) {
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* Whether one of eight bytes does: in (x - ones) & ~x & tops a byte's top bit is set where that byte of x is 0, and
 * else only where bits are borrowed above such a one. */
static inline bool word_needs_escape(uint64_t word) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t quotes = word ^ ones * '"', slashes = word ^ ones * '\\';
    uint64_t met = ((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes);
    return (met & tops) != 0;
}

/* Whether all bytes stand for themselves. Those of a word's rest are looked at with what was looked at before. */
static bool is_plain(struct text text) {
    if (text.size >= 8) {
        for (uint32_t at = 0; at + 8 < text.size; at += 8)
            if (word_needs_escape(bytes_word(text.data + at, 8)))
                return false;
        return !word_needs_escape(bytes_word(text.data + text.size - 8, 8));
    }
    if (text.size >= 4)
        return !word_needs_escape(bytes_word(text.data, 4) | bytes_word(text.data + text.size - 4, 4) << 32);
    for (uint32_t at = 0; at < text.size; at++)
        if (needs_escape((uint8_t)text.data[at]))
            return false;
    return true;
}

static void put_escape(struct buffer *out, uint8_t byte) {
    static const char letters[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char digits[] = "0123456789abcdef";
    char letter = byte < sizeof letters ? letters[byte] : (char)byte;
    if (letter != 0) {
        char escape[] = {'\\', letter};
        buffer_put(out, escape, sizeof escape);
    } else {
        char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xF]};
        buffer_put(out, escape, sizeof escape);
    }
}

static void put_escaped(struct buffer *out, struct text text) {
    buffer_put_u8(out, '"');
    for (uint32_t at = 0; at < text.size; at++) {
        uint32_t start = at;
        while (at < text.size && !needs_escape((uint8_t)text.data[at]))
            at++;
        buffer_put(out, text.data + start, at - start);
        if (at < text.size)
            put_escape(out, (uint8_t)text.data[at]);
    }
    buffer_put_u8(out, '"');
}

static void put_quoted(struct json *json, struct text text) {
    if (!is_plain(text)) {
        (void)begin_value(json, 0);
        put_escaped(json->out, text);
        return;
    }
    char *room = begin_value(json, (size_t)text.size + 2);
    if (room == NULL)
        return;
    *room++ = '"';
    *write_bytes((uint8_t *)room, text.data, text.size) = '"';
}

void json_key_of_size(struct json *json, const char *key, size_t size) {
    char *room = begin_value(json, size + 3);
    json->comma = false;
    if (room == NULL)
        return;
    *room++ = '"';
    room = (char *)write_bytes((uint8_t *)room, key, size);
    room[0] = '"';
    room[1] = ':';
}

void json_key_text(struct json *json, struct text key) {
    put_quoted(json, key);
    buffer_put_u8(json->out, ':');
    json->comma = false;
}

void json_put_null(struct json *json) {
    put_value(json, "null", 4);
}

void json_put_boolean(struct json *json, bool value) {
    put_value(json, value ? "true" : "false", value ? 4 : 5);
}

void json_put_integer(struct json *json, int64_t value) {
    char room[INTEGER_TEXT_MAX];
    struct text text = integer_format(value, room);
    put_value(json, text.data, text.size);
}

void json_put_number(struct json *json, double value) {
    char digits[NUMBER_TEXT_MAX];
    if (!isfinite(value))
        json_put_null(json);
    else
        put_value(json, digits, number_format(value, digits));
}

void json_put_text(struct json *json, struct text value) {
    if (text_is_missing(value))
        json_put_null(json);
    else
        put_quoted(json, value);
}

void json_put_string(struct json *json, const char *value) {
    json_put_text(json, text_of(value));
}

void json_put_instant(struct json *json, int64_t instant_ms) {
    char text[INSTANT_TEXT_MAX + 2];
    uint32_t size = instant_format(instant_ms, text + 1);
    text[0] = text[size + 1] = '"';
    put_value(json, text, size + 2);
}
