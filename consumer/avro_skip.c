#include "consumer/avro_decoder.h"

static bool skip_value(const struct schema *schema, struct cursor *cursor, uint32_t depth);

static bool skip_sized(struct cursor *cursor) {
    int64_t size = cursor_zigzag(cursor);
    if (size < 0 || (uint64_t)size > cursor_left(cursor))
        cursor->failed = true;
    else
        cursor->at += size;
    return cursor_ok(cursor);
}

/* Blocks of items, up to an empty one. A block's count may be negative: then its size in bytes follows. */
static bool skip_blocks(const struct schema *schema, struct cursor *cursor, uint32_t depth) {
    bool is_map = schema->kind == SCHEMA_MAP;
    for (;;) {
        int64_t count = cursor_zigzag(cursor);
        if (!cursor_ok(cursor) || count == 0)
            return cursor_ok(cursor);
        if (count < 0) {
            if (!skip_sized(cursor))
                return false;
            continue;
        }
        /* Items without a byte may be as many as they like; all others end with the bytes. */
        for (int64_t i = 0; i < count && (is_map || !schema->items->empty); i++)
            if ((is_map && !skip_sized(cursor)) || !skip_value(schema->items, cursor, depth))
                return false;
    }
}

static bool skip_fields(const struct schema *schema, struct cursor *cursor, uint32_t depth) {
    for (uint32_t i = 0; i < schema->count; i++)
        if (!skip_value(schema->fields[i].type, cursor, depth))
            return false;
    return true;
}

static bool skip_branch(const struct schema *schema, struct cursor *cursor, uint32_t depth) {
    int64_t branch = cursor_zigzag(cursor);
    if (!cursor_ok(cursor) || branch < 0 || branch >= schema->count)
        return false;
    return skip_value(schema->branches[branch], cursor, depth);
}

static bool skip_value(const struct schema *schema, struct cursor *cursor, uint32_t depth) {
    if (schema->empty)
        return true;
    if (depth == SKIP_DEPTH_MAX)
        return false;
    switch (schema->kind) {
    case SCHEMA_NULL:
        return true;
    case SCHEMA_BOOLEAN:
        return cursor_take(cursor, 1) != NULL;
    case SCHEMA_INT:
    case SCHEMA_LONG:
    case SCHEMA_ENUM:
        cursor_varint(cursor);
        return cursor_ok(cursor);
    case SCHEMA_FLOAT:
        return cursor_take(cursor, 4) != NULL;
    case SCHEMA_DOUBLE:
        return cursor_take(cursor, 8) != NULL;
    case SCHEMA_FIXED:
        return cursor_take(cursor, schema->count) != NULL;
    case SCHEMA_BYTES:
    case SCHEMA_STRING:
        return skip_sized(cursor);
    case SCHEMA_RECORD:
        return skip_fields(schema, cursor, depth + 1);
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return skip_blocks(schema, cursor, depth + 1);
    case SCHEMA_UNION:
        return skip_branch(schema, cursor, depth + 1);
    }
    return false;
}

bool schema_skip(const struct schema *schema, struct cursor *cursor) {
    return skip_value(schema, cursor, 0);
}
