#include "cli/topic_value.h"

#include "cli/avro_json.h"

enum result value_reader_open(struct value_reader *reader, const struct setup *setup, struct error *error) {
    *reader = (struct value_reader){.timeout_ms = (int)setup->configuration.registry.timeout_ms};
    enum result result = schemas_open(&reader->schemas, setup, error);
    return result != RESULT_OK ? result : value_decoder_create(&reader->schemas.decoder, &reader->decoder, error);
}

void value_reader_close(struct value_reader *reader) {
    if (reader->decoder != NULL)
        value_decoder_free(reader->decoder);
    schemas_close(&reader->schemas);
}

static enum result read_avro(const struct schema *schema, struct text bytes, json_t **ret_tree, struct error *error) {
    struct cursor cursor = cursor_of(bytes.data, bytes.size);
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

static json_t *read_json(struct text bytes) {
    json_error_t reason;
    return bytes.size > 0 && bytes.data[0] == '{' ? json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &reason)
                                                  : NULL;
}

enum result value_read(struct value_reader *reader, struct text bytes, const char *record, json_t **ret_tree,
                       struct error *error) {
    const struct schema *schema;
    struct text avro;
    json_t *tree = read_json(bytes);
    if (tree != NULL) {
        *ret_tree = tree;
        return RESULT_OK;
    }
    enum result result = value_decoder_schema(reader->decoder, bytes, reader->timeout_ms, &schema, &avro, error);
    if (result == RESULT_OK)
        return read_avro(schema, avro, ret_tree, error);
    const struct own_schema *own = record == NULL ? NULL : own_schemas_find(&reader->schemas.own, text_of(record));
    struct error plain;
    if (result == RESULT_REJECT && own != NULL && read_avro(own->schema, bytes, ret_tree, &plain) == RESULT_OK)
        return RESULT_OK;
    return result;
}
