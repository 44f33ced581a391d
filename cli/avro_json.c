#include "cli/avro_json.h"

#include "base/instant.h"

struct reading {
    struct cursor *cursor;
    size_t left; /* values that may still come */
};

static json_t *read_value(const struct schema *schema, struct reading *reading, int depth);

/* Text of Avro: UTF-8 as it is; where it is not, and of bytes, each byte a character. */
static json_t *text_value(struct text text, bool is_text) {
    struct buffer latin = {0};
    if (is_text && text_is_utf8(text))
        return json_stringn_nocheck(text.data, text.size);
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        if (byte >= 0x80)
            buffer_put_u8(&latin, (uint8_t)(0xC0 | byte >> 6));
        buffer_put_u8(&latin, byte >= 0x80 ? (uint8_t)(0x80 | (byte & 0x3F)) : byte);
    }
    json_t *value = buffer_ok(&latin) ? json_stringn_nocheck((const char *)latin.data, latin.size) : NULL;
    buffer_free(&latin);
    return value;
}

static json_t *read_sized(struct cursor *cursor, bool is_text) {
    int64_t size = cursor_zigzag(cursor);
    if (!cursor_ok(cursor) || size < 0 || (uint64_t)size > cursor_left(cursor))
        return NULL;
    return text_value(cursor_text(cursor, (size_t)size), is_text);
}

static json_t *read_long(const struct schema *schema, struct cursor *cursor) {
    static const int64_t units[] = {[UNIT_MILLISECONDS] = 1, [UNIT_MICROSECONDS] = 1000, [UNIT_NANOSECONDS] = 1000000};
    int64_t value = cursor_zigzag(cursor);
    char text[INSTANT_TEXT_MAX];
    if (!cursor_ok(cursor))
        return NULL;
    if (schema->unit == UNIT_NONE || schema->unit == UNIT_OTHER)
        return json_integer(value);
    instant_format(floor_divide(value, units[schema->unit]), text);
    return json_string_nocheck(text);
}

static json_t *number_value(double value) {
    json_t *number = json_real(value); /* NULL where it is not finite */
    return number == NULL ? json_null() : number;
}

static json_t *read_float(struct cursor *cursor) {
    uint32_t bits = cursor_u32(cursor);
    float value;
    memcpy(&value, &bits, sizeof value);
    return cursor_ok(cursor) ? number_value((double)value) : NULL;
}

static json_t *read_double(struct cursor *cursor) {
    double value = cursor_f64(cursor);
    return cursor_ok(cursor) ? number_value(value) : NULL;
}

static json_t *read_boolean(struct cursor *cursor) {
    uint8_t value = cursor_u8(cursor);
    return cursor_ok(cursor) ? json_boolean(value != 0) : NULL;
}

static json_t *read_enum(const struct schema *schema, struct cursor *cursor) {
    int64_t symbol = cursor_zigzag(cursor);
    if (!cursor_ok(cursor) || symbol < 0 || symbol >= schema->count)
        return NULL;
    return text_value(schema->symbols[symbol], true);
}

static json_t *read_union(const struct schema *schema, struct reading *reading, int depth) {
    int64_t branch = cursor_zigzag(reading->cursor);
    if (!cursor_ok(reading->cursor) || branch < 0 || branch >= schema->count)
        return NULL;
    return read_value(schema->branches[branch], reading, depth);
}

static json_t *read_record(const struct schema *schema, struct reading *reading, int depth) {
    json_t *object = json_object();
    for (uint32_t i = 0; object != NULL && i < schema->count; i++) {
        const struct schema_field *field = &schema->fields[i];
        json_t *value = read_value(field->type, reading, depth);
        if (value == NULL || json_object_setn_new_nocheck(object, field->name.data, field->name.size, value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* The number of items in the next block of an array or map; 0 at its end, -1 where it is malformed. */
static int64_t read_block(struct cursor *cursor) {
    int64_t count = cursor_zigzag(cursor);
    if (count < 0 && count != INT64_MIN) {
        count = -count;
        (void)cursor_zigzag(cursor); /* the block's size in bytes: not needed */
    }
    return cursor_ok(cursor) && count >= 0 ? count : -1;
}

static bool read_item(const struct schema *schema, struct reading *reading, json_t *all, int depth) {
    if (schema->kind == SCHEMA_ARRAY) {
        json_t *item = read_value(schema->items, reading, depth);
        return item != NULL && json_array_append_new(all, item) == 0;
    }
    int64_t size = cursor_zigzag(reading->cursor);
    if (!cursor_ok(reading->cursor) || size < 0 || (uint64_t)size > cursor_left(reading->cursor))
        return false;
    struct text key = cursor_text(reading->cursor, (size_t)size);
    json_t *item = text_is_utf8(key) ? read_value(schema->items, reading, depth) : NULL;
    return item != NULL && json_object_setn_new_nocheck(all, key.data, key.size, item) == 0;
}

static json_t *read_items(const struct schema *schema, struct reading *reading, int depth) {
    json_t *all = schema->kind == SCHEMA_ARRAY ? json_array() : json_object();
    int64_t count = all == NULL ? -1 : read_block(reading->cursor);
    while (count > 0) {
        bool good = true;
        for (; good && count > 0; count--)
            good = read_item(schema, reading, all, depth);
        count = good ? read_block(reading->cursor) : -1;
    }
    if (count == 0)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *read_single(const struct schema *schema, struct cursor *cursor) {
    switch (schema->kind) {
    case SCHEMA_NULL:
        return json_null();
    case SCHEMA_BOOLEAN:
        return read_boolean(cursor);
    case SCHEMA_INT:
    case SCHEMA_LONG:
        return read_long(schema, cursor);
    case SCHEMA_FLOAT:
        return read_float(cursor);
    case SCHEMA_DOUBLE:
        return read_double(cursor);
    case SCHEMA_ENUM:
        return read_enum(schema, cursor);
    case SCHEMA_FIXED: {
        struct text bytes = cursor_text(cursor, schema->count);
        return cursor_ok(cursor) ? text_value(bytes, false) : NULL;
    }
    default:
        return read_sized(cursor, schema->kind == SCHEMA_STRING);
    }
}

static json_t *read_value(const struct schema *schema, struct reading *reading, int depth) {
    bool is_union = schema->kind == SCHEMA_UNION; /* no value beside that of its branch */
    if (depth == AVRO_JSON_DEPTH_MAX || (!is_union && reading->left == 0))
        return NULL;
    reading->left -= !is_union;
    switch (schema->kind) {
    case SCHEMA_RECORD:
        return read_record(schema, reading, depth + 1);
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return read_items(schema, reading, depth + 1);
    case SCHEMA_UNION:
        return read_union(schema, reading, depth + 1);
    default:
        return read_single(schema, reading->cursor);
    }
}

json_t *avro_json_read(const struct schema *schema, struct cursor *cursor) {
    struct reading reading = {cursor, cursor_left(cursor) + AVRO_JSON_EMPTY_MAX};
    return read_value(schema, &reading, 0);
}
