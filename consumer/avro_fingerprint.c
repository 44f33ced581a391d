/* The Parsing Canonical Form of a schema, and its CRC-64-AVRO: both as the Avro specification has them. */
#include "consumer/avro_schema.h"

/* The named types that were written in full already: later they are written as their names. */
struct written {
    const struct schema *types[SCHEMA_NODES_MAX];
    uint32_t count;
    bool with_units; /* which the Parsing Canonical Form leaves out */
};

static const char *const kind_names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                         "string", "record",  "enum", "fixed", "array", "map"};

/* A number that is about no instant is taken for milliseconds where an instant is expected. */
static const char *const unit_names[] = {[UNIT_NONE] = "",
                                         [UNIT_MILLISECONDS] = "",
                                         [UNIT_MICROSECONDS] = " us",
                                         [UNIT_NANOSECONDS] = " ns",
                                         [UNIT_OTHER] = " other"};

static void write_type(const struct schema *schema, struct written *written, struct buffer *out);

static void write_fields(const struct schema *schema, struct written *written, struct buffer *out) {
    buffer_put_string(out, ",\"fields\":[");
    for (uint32_t i = 0; i < schema->count; i++) {
        buffer_printf(out, "%s{\"name\":\"%.*s\",\"type\":", i == 0 ? "" : ",", TEXT_ARGUMENTS(schema->fields[i].name));
        write_type(schema->fields[i].type, written, out);
        buffer_put_u8(out, '}');
    }
    buffer_put_string(out, "]}");
}

static void write_symbols(const struct schema *schema, struct buffer *out) {
    buffer_put_string(out, ",\"symbols\":[");
    for (uint32_t i = 0; i < schema->count; i++)
        buffer_printf(out, "%s\"%.*s\"", i == 0 ? "" : ",", TEXT_ARGUMENTS(schema->symbols[i]));
    buffer_put_string(out, "]}");
}

static void write_named(const struct schema *schema, struct written *written, struct buffer *out) {
    for (uint32_t i = 0; i < written->count; i++) {
        if (written->types[i] != schema)
            continue;
        buffer_printf(out, "\"%.*s\"", TEXT_ARGUMENTS(schema->name));
        return;
    }
    if (written->count == SCHEMA_NODES_MAX) {
        out->failed = true; /* a recursive type must not be written without end */
        return;
    }
    written->types[written->count++] = schema;
    buffer_printf(out, "{\"name\":\"%.*s\",\"type\":\"%s\"", TEXT_ARGUMENTS(schema->name), kind_names[schema->kind]);
    if (schema->kind == SCHEMA_RECORD)
        write_fields(schema, written, out);
    else if (schema->kind == SCHEMA_ENUM)
        write_symbols(schema, out);
    else
        buffer_printf(out, ",\"size\":%u}", schema->count);
}

static void write_type(const struct schema *schema, struct written *written, struct buffer *out) {
    switch (schema->kind) {
    case SCHEMA_RECORD:
    case SCHEMA_ENUM:
    case SCHEMA_FIXED:
        write_named(schema, written, out);
        return;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        buffer_printf(out, "{\"type\":\"%s\",\"%s\":", kind_names[schema->kind],
                      schema->kind == SCHEMA_MAP ? "values" : "items");
        write_type(schema->items, written, out);
        buffer_put_u8(out, '}');
        return;
    case SCHEMA_UNION:
        buffer_put_u8(out, '[');
        for (uint32_t i = 0; i < schema->count; i++) {
            if (i > 0)
                buffer_put_u8(out, ',');
            write_type(schema->branches[i], written, out);
        }
        buffer_put_u8(out, ']');
        return;
    default:
        buffer_printf(out, "\"%s%s\"", kind_names[schema->kind], written->with_units ? unit_names[schema->unit] : "");
    }
}

static void write_schema(const struct schema *schema, bool with_units, struct buffer *out) {
    struct written written;
    written.count = 0;
    written.with_units = with_units;
    write_type(schema, &written, out);
}

void schema_write_canonical(const struct schema *schema, struct buffer *out) {
    write_schema(schema, false, out);
}

#define CRC64_AVRO_EMPTY UINT64_C(0xc15d213aa4d7a795)

/* Bit by bit: a schema is fingerprinted once in its life. */
uint64_t crc64_avro(const void *data, size_t size) {
    uint64_t crc = CRC64_AVRO_EMPTY;
    for (const uint8_t *byte = data; size-- > 0; byte++) {
        crc ^= *byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (CRC64_AVRO_EMPTY & -(crc & 1));
    }
    return crc;
}

static enum result cannot_write(struct error *error) {
    return error_set(error, RESULT_FATAL, "out of memory, or a schema of too many types");
}

enum result schema_fingerprint(const struct schema *schema, uint64_t *ret_fingerprint, struct error *error) {
    struct buffer canonical = {0};
    schema_write_canonical(schema, &canonical);
    bool good = buffer_ok(&canonical);
    if (good)
        *ret_fingerprint = crc64_avro(canonical.data, canonical.size);
    buffer_free(&canonical);
    return good ? RESULT_OK : cannot_write(error);
}

enum result schema_same_instants(const struct schema *left, const struct schema *right, bool *ret_same,
                                 struct error *error) {
    struct buffer texts[2] = {{0}, {0}};
    write_schema(left, true, &texts[0]);
    write_schema(right, true, &texts[1]);
    bool good = buffer_ok(&texts[0]) && buffer_ok(&texts[1]);
    if (good)
        *ret_same = text_equal(buffer_text(&texts[0]), buffer_text(&texts[1]));
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
    return good ? RESULT_OK : cannot_write(error);
}
