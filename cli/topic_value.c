#include "cli/topic_value.h"

#include "cli/avro_json.h"

#define SINGLE_OBJECT_HEADER 10 /* C3 01 and eight bytes of fingerprint */

enum result value_reader_open(struct value_reader *reader, const struct setup *setup, struct error *error) {
    (void)setup;
    *reader = (struct value_reader){0};
    return own_schemas_load(&reader->own, error);
}

void value_reader_close(struct value_reader *reader) {
    own_schemas_free(&reader->own);
}

static const struct schema *by_fingerprint(const struct value_reader *reader, uint64_t fingerprint) {
    for (uint32_t i = 0; i < reader->own.count; i++)
        if (reader->own.all[i].fingerprint == fingerprint)
            return reader->own.all[i].schema;
    return NULL;
}

static enum result read_avro(const struct schema *schema, struct cursor cursor, json_t **ret_tree,
                             struct error *error) {
    json_t *tree = avro_json_read(schema, &cursor);
    if (tree == NULL)
        return error_set(error, RESULT_REJECT, "the bytes are no Avro of the schema %.*s",
                         TEXT_ARGUMENTS(schema->name));
    if (cursor_left(&cursor) > 0) {
        json_decref(tree);
        return error_set(error, RESULT_REJECT, "%zu bytes are left over behind the value", cursor_left(&cursor));
    }
    *ret_tree = tree;
    return RESULT_OK;
}

static enum result read_single_object(const struct value_reader *reader, struct text bytes, json_t **ret_tree,
                                      struct error *error) {
    struct cursor cursor = cursor_of(bytes.data, bytes.size);
    (void)cursor_u16(&cursor);
    uint64_t fingerprint = cursor_u64(&cursor);
    const struct schema *schema = by_fingerprint(reader, fingerprint);
    if (schema == NULL)
        return error_set(error, RESULT_REJECT, "the schema of fingerprint %016llx is not known",
                         (unsigned long long)fingerprint);
    return read_avro(schema, cursor, ret_tree, error);
}

enum result value_read(struct value_reader *reader, struct text bytes, const char *record, json_t **ret_tree,
                       struct error *error) {
    const uint8_t *data = (const uint8_t *)bytes.data;
    if (bytes.size >= SINGLE_OBJECT_HEADER && data[0] == 0xC3 && data[1] == 0x01)
        return read_single_object(reader, bytes, ret_tree, error);
    if (bytes.size > 0 && data[0] == '{') {
        json_error_t reason;
        *ret_tree = json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &reason);
        if (*ret_tree != NULL)
            return RESULT_OK;
    }
    const struct own_schema *own = record == NULL ? NULL : own_schemas_find(&reader->own, text_of(record));
    if (own == NULL)
        return error_set(error, RESULT_REJECT, "the encoding is not known");
    return read_avro(own->schema, cursor_of(bytes.data, bytes.size), ret_tree, error);
}
