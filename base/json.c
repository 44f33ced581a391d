#include "base/json.h"

#include <math.h>

#include "base/instant.h"
#include "base/number.h"

static void json_begin_value(struct json *json) {
    if (json->comma)
        buffer_put_u8(json->out, ',');
    json->comma = true;
}

static void json_open(struct json *json, char bracket) {
    json_begin_value(json);
    buffer_put_u8(json->out, (uint8_t)bracket);
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

/* The bytes from `at` on that stand for themselves. Eight at a time: in (x - ones) & ~x & tops a byte's top bit is set
 * where that byte of x is 0, and where bits are borrowed above such a one, which the look at single bytes sorts out. */
static uint32_t skip_plain(struct text text, uint32_t at) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    for (; at + 8 <= text.size; at += 8) {
        uint64_t word;
        memcpy(&word, text.data + at, sizeof word);
        uint64_t quotes = word ^ ones * '"', slashes = word ^ ones * '\\';
        uint64_t met = ((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes);
        if ((met & tops) != 0)
            break;
    }
    while (at < text.size && !needs_escape((uint8_t)text.data[at]))
        at++;
    return at;
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
        at = skip_plain(text, start);
        buffer_put(out, text.data + start, at - start);
        if (at < text.size)
            put_escape(out, (uint8_t)text.data[at]);
    }
    buffer_put_u8(out, '"');
}

static void put_quoted(struct buffer *out, struct text text) {
    if (skip_plain(text, 0) < text.size) {
        put_escaped(out, text);
        return;
    }
    uint8_t *room = buffer_extend(out, (size_t)text.size + 2);
    if (room == NULL)
        return;
    room[0] = '"';
    memcpy(room + 1, text.data, text.size);
    room[text.size + 1] = '"';
}

void json_key(struct json *json, const char *key) {
    json_key_text(json, text_of(key));
}

void json_key_text(struct json *json, struct text key) {
    json_begin_value(json);
    put_quoted(json->out, key);
    buffer_put_u8(json->out, ':');
    json->comma = false;
}

void json_put_null(struct json *json) {
    json_begin_value(json);
    buffer_put(json->out, "null", 4);
}

void json_put_boolean(struct json *json, bool value) {
    json_begin_value(json);
    buffer_put_string(json->out, value ? "true" : "false");
}

static void put_unsigned(struct buffer *out, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buffer_put(out, digits + at, sizeof digits - at);
}

void json_put_integer(struct json *json, int64_t value) {
    json_begin_value(json);
    if (value < 0)
        buffer_put_u8(json->out, '-');
    put_unsigned(json->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

/* What most numbers are: at most four decimals, below ten digits. The quotient of two whole doubles is rounded
 * rightly, so where it is `value` again the decimal reads back as `value`; and of so few digits no other does. This
 * is number_format's answer for a tenth of its time. */
static bool put_short_decimal(struct buffer *out, double value) {
    static const double scale = 1e4, largest = 1e9;
    double scaled = nearbyint(fabs(value) * scale);
    if (!(scaled < largest * scale) || scaled / scale != fabs(value) || (value == 0 && signbit(value)))
        return false;
    uint64_t units = (uint64_t)scaled;
    uint64_t fraction = units % 10000;
    if (value < 0)
        buffer_put_u8(out, '-');
    put_unsigned(out, units / 10000);
    if (fraction == 0)
        return true;
    char decimals[5] = {'.'};
    for (size_t i = 4; i > 0; i--, fraction /= 10)
        decimals[i] = (char)('0' + fraction % 10);
    size_t size = sizeof decimals;
    while (decimals[size - 1] == '0')
        size--;
    buffer_put(out, decimals, size);
    return true;
}

void json_put_number(struct json *json, double value) {
    if (!isfinite(value)) {
        json_put_null(json);
        return;
    }
    json_begin_value(json);
    if (put_short_decimal(json->out, value))
        return;
    char digits[NUMBER_TEXT_MAX];
    buffer_put(json->out, digits, number_format(value, digits));
}

void json_put_text(struct json *json, struct text value) {
    if (text_is_missing(value)) {
        json_put_null(json);
        return;
    }
    json_begin_value(json);
    put_quoted(json->out, value);
}

void json_put_string(struct json *json, const char *value) {
    json_put_text(json, text_of(value));
}

void json_put_instant(struct json *json, int64_t instant_ms) {
    json_begin_value(json);
    char digits[INSTANT_TEXT_MAX];
    put_quoted(json->out, (struct text){digits, instant_format(instant_ms, digits)});
}
