#include "consumer/json_values.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/instant.h"
#include "base/number.h"
#include "consumer/field_check.h"

/* ---- reasons ---- */

static enum result out_of_memory(struct json_values *values) {
    return error_set(values->error, RESULT_FATAL, "out of memory");
}

/* "login method is "X", expected ..." */
enum result json_values_reject(struct json_values *values, const struct field *field, const struct json_token *value,
                               const char *expected) {
    const char *cut;
    struct text excerpt = message_excerpt(value->text, &cut);
    const char *quote = value->kind == JSON_STRING ? "\"" : "";
    bool container = value->kind == JSON_OBJECT || value->kind == JSON_ARRAY;
    if (container) {
        excerpt = text_of(json_kind_name(value->kind));
        cut = "";
    }
    struct text stream = values->stream == STREAMS ? TEXT("the line's") : stream_schemas[values->stream].name;
    return error_set(values->error, RESULT_REJECT, "%.*s %.*s is %s%.*s%s%s, expected %s", TEXT_ARGUMENTS(stream),
                     TEXT_ARGUMENTS(field->name), quote, TEXT_ARGUMENTS(excerpt), cut, quote, expected);
}

static enum result reject_surrogate(struct json_values *values, struct text name) {
    return error_set(values->error, RESULT_REJECT,
                     "%.*s has half of a surrogate pair (\\uD800 to \\uDFFF alone), which is not UTF-8",
                     TEXT_ARGUMENTS(name));
}

/* ---- numbers and instants ---- */

#define EXACT_DIGITS 15 /* of so many digits any whole number is a double */

/* A short decimal exactly as it is rounded by the long way: its digits are a double, and so is the power of ten. */
static bool number_quick(struct text text, double *ret_number) {
    static const double powers[EXACT_DIGITS + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = text.data[0] == '-';
    uint32_t at = negative, digits = 0, fraction = 0;
    int64_t number = 0;
    bool behind_point = false;
    for (; at < text.size; at++) {
        char character = text.data[at];
        if (character == '.') {
            behind_point = true;
            continue;
        }
        if (character < '0' || character > '9' || digits == EXACT_DIGITS)
            return false;
        number = number * 10 + (character - '0');
        digits++;
        fraction += behind_point;
    }
    double value = (double)number / powers[fraction];
    *ret_number = negative ? -value : value;
    return true;
}

/* False where it is beyond what a double can hold. */
static bool token_number(const struct json_token *token, double *ret_number) {
    return number_quick(token->text, ret_number) || number_parse(token->text, ret_number);
}

/* Written without fraction and exponent; false where it is beyond 64 bits. */
static bool token_whole(struct text text, int64_t *ret_whole) {
    bool negative = text.data[0] == '-';
    uint64_t value = 0;
    for (uint32_t at = negative; at < text.size; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[at] - '0'), &value))
            return false;
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *ret_whole = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* 5, 5.0 and 50e-1 are all the whole number 5. */
static enum result read_whole(struct json_values *values, const struct field *field, const struct json_token *token,
                              int64_t *ret_whole) {
    if (token->kind != JSON_NUMBER)
        return json_values_reject(values, field, token, "a whole number");
    if (token->whole)
        return token_whole(token->text, ret_whole)
                   ? RESULT_OK
                   : json_values_reject(values, field, token, "a whole number of 64 bits");
    double number;
    if (!token_number(token, &number) || number < -0x1p63 || number >= 0x1p63)
        return json_values_reject(values, field, token, "a whole number of 64 bits");
    if (number != trunc(number))
        return json_values_reject(values, field, token, "a whole number");
    *ret_whole = (int64_t)number;
    return RESULT_OK;
}

/* The number of two digits, or something above 99. */
static unsigned two_digits(const char *digits) {
    unsigned tens = (unsigned)digits[0] - '0', ones = (unsigned)digits[1] - '0';
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* `2026-11-01T10:20:30Z` or `2026-11-01T10:20:30.123Z`, as nearly all instants are written; false for all others. */
static bool instant_quick(struct json_values *values, struct text text, int64_t *ret_instant_ms) {
    const char *at = text.data;
    bool with_fraction = text.size == 24;
    if ((text.size != 20 && !with_fraction) || at[10] != 'T' || at[13] != ':' || at[16] != ':' ||
        at[text.size - 1] != 'Z')
        return false;
    unsigned hours = two_digits(at + 11), minutes = two_digits(at + 14), seconds = two_digits(at + 17);
    if (hours > 23 || minutes > 59 || seconds > 59)
        return false;
    unsigned milliseconds = 0;
    if (with_fraction) {
        unsigned high = two_digits(at + 20), low = (unsigned)at[22] - '0';
        if (at[19] != '.' || high > 99 || low > 9)
            return false;
        milliseconds = high * 10 + low;
    }
    if (memcmp(values->date, at, DATE_LENGTH) != 0) {
        if (!instant_parse((struct text){at, DATE_LENGTH}, &values->date_ms))
            return false;
        memcpy(values->date, at, DATE_LENGTH);
    }
    *ret_instant_ms = values->date_ms + hours * HOUR + minutes * MINUTE + seconds * SECOND + milliseconds;
    return true;
}

enum result json_values_instant(struct json_values *values, const struct field *field, const struct json_token *token,
                                int64_t *ret_instant_ms) {
    const char *expected = "an instant such as 2026-11-01T10:20:30Z, or milliseconds";
    if (token->kind == JSON_NUMBER) {
        enum result result = read_whole(values, field, token, ret_instant_ms);
        if (result != RESULT_OK || field_instant_fits(*ret_instant_ms))
            return result;
        return json_values_reject(values, field, token, "an instant " FIELD_INSTANT_EXPECTED);
    }
    if (token->kind != JSON_STRING)
        return json_values_reject(values, field, token, expected);
    if (instant_quick(values, token->text, ret_instant_ms))
        return RESULT_OK;
    struct text text;
    enum result result = json_unescape(token, &values->arena, &text);
    if (result == RESULT_FATAL)
        return out_of_memory(values);
    if (result != RESULT_OK || !instant_parse(text, ret_instant_ms))
        return json_values_reject(values, field, token, expected);
    return RESULT_OK;
}

/* ---- fields ---- */

enum result json_values_string(struct json_values *values, const struct field *field, const struct json_token *token,
                               struct text *ret_text) {
    if (token->kind != JSON_STRING)
        return json_values_reject(values, field, token, "a string");
    if (!token->escaped) {
        *ret_text = token->text;
        return RESULT_OK;
    }
    enum result result = json_unescape(token, &values->arena, ret_text);
    if (result == RESULT_REJECT)
        return reject_surrogate(values, field->name);
    return result == RESULT_OK ? RESULT_OK : out_of_memory(values);
}

static enum result read_long(struct json_values *values, const struct field *field, const struct json_token *token,
                             double *ret_number) {
    int64_t whole;
    enum result result = read_whole(values, field, token, &whole);
    if (result != RESULT_OK)
        return result;
    if (field->type == FIELD_INT && (whole < INT32_MIN || whole > INT32_MAX))
        return json_values_reject(values, field, token, "a whole number of 32 bits");
    *ret_number = (double)whole;
    return RESULT_OK;
}

static enum result read_enum(struct json_values *values, const struct field *field, const struct json_token *token,
                             double *ret_number) {
    uint32_t symbol = UINT32_MAX;
    if (token->kind == JSON_STRING) {
        struct text text;
        enum result result = json_values_string(values, field, token, &text);
        if (result != RESULT_OK)
            return result;
        symbol = field_symbol(field, text);
    }
    if (symbol == UINT32_MAX) {
        char symbols[SYMBOLS_TEXT_MAX], expected[SYMBOLS_TEXT_MAX + 16];
        field_symbols(field, symbols);
        snprintf(expected, sizeof expected, "one of %s", symbols);
        return json_values_reject(values, field, token, expected);
    }
    *ret_number = symbol;
    return RESULT_OK;
}

static enum result read_boolean(struct json_values *values, const struct field *field, const struct json_token *token,
                                double *ret_number) {
    if (token->kind != JSON_TRUE && token->kind != JSON_FALSE)
        return json_values_reject(values, field, token, "true or false");
    *ret_number = token->kind == JSON_TRUE;
    return RESULT_OK;
}

/* NaN where it is not finite. */
static enum result read_double(struct json_values *values, const struct field *field, const struct json_token *token,
                               double *ret_number) {
    if (token->kind != JSON_NUMBER)
        return json_values_reject(values, field, token, "a number");
    if (!token_number(token, ret_number))
        *ret_number = NAN;
    return RESULT_OK;
}

/* An entry of a map, whose value is a string like its key. */
static enum result read_entry(struct json_values *values, const struct field *field, const struct json_token *key,
                              const struct json_token *value, struct map_entry *ret_entry) {
    struct map_entry entry;
    enum result result = json_values_string(values, field, key, &entry.key);
    if (result != RESULT_OK)
        return result;
    if (value->kind != JSON_STRING) {
        char name[128];
        const char *cut;
        struct text excerpt = message_excerpt(key->text, &cut);
        int length = snprintf(name, sizeof name, "%.*s[\"%.*s%s\"]", TEXT_ARGUMENTS(field->name),
                              TEXT_ARGUMENTS(excerpt), cut);
        struct field named = {.name = {name, (uint32_t)length < sizeof name ? (uint32_t)length : sizeof name - 1}};
        return json_values_reject(values, &named, value, "a string");
    }
    result = json_values_string(values, field, value, &entry.value);
    if (result == RESULT_OK)
        *ret_entry = entry;
    return result;
}

static enum result read_map(struct json_values *values, const struct field *field, const struct json_token *token,
                            struct event *event) {
    if (token->kind != JSON_OBJECT)
        return json_values_reject(values, field, token, "an object of strings");
    struct json_scan scan = json_scan_of(token->text);
    struct json_token key, value;
    values->entries.count = 0;
    for (bool first = true; json_scan_key(&scan, first, &key) && json_scan_value(&scan, &value); first = false) {
        struct map_entry *entry = entries_add(&values->entries);
        if (entry == NULL)
            return out_of_memory(values);
        enum result result = read_entry(values, field, &key, &value, entry);
        if (result != RESULT_OK)
            return result;
    }
    assert(scan.problem == NULL); /* it was scanned before */
    entries_lend(&values->entries, event);
    return RESULT_OK;
}

/* An instant goes to `*instant_ms` too, where no digit of it is lost. */
enum result json_values_read(struct json_values *values, const struct field *field, const struct json_token *token,
                             union field_value *value, int64_t *instant_ms, struct event *event) {
    switch (field->type) {
    case FIELD_STRING:
        return json_values_string(values, field, token, &value->text);
    case FIELD_INSTANT: {
        enum result result = json_values_instant(values, field, token, instant_ms);
        value->number = (double)*instant_ms;
        return result;
    }
    case FIELD_LONG:
    case FIELD_INT:
        return read_long(values, field, token, &value->number);
    case FIELD_DOUBLE:
        return read_double(values, field, token, &value->number);
    case FIELD_BOOLEAN:
        return read_boolean(values, field, token, &value->number);
    case FIELD_ENUM:
        return read_enum(values, field, token, &value->number);
    case FIELD_MAP:
        return read_map(values, field, token, event);
    }
    assert(false);
    return RESULT_FATAL;
}

void json_values_free(struct json_values *values) {
    arena_free(&values->arena);
    entries_free(&values->entries);
}
