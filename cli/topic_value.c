#include "cli/topic_value.h"

#include "base/json.h"
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
        return error_set(error, RESULT_REJECT, "the bytes are no Avro of the schema %.*s, or of too many empty values",
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
    return bytes.size > 0 && bytes.data[0] == '{'
               ? json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &reason)
               : NULL;
}

/* The schema that a topic's values have where they name none. */
struct configured {
    const struct schema *schema; /* NULL: it is not known */
    bool is_plain;               /* its values name none, whatever their bytes look like */
};

static struct configured configured_schema(const struct value_reader *reader, const char *record) {
    if (record == NULL)
        return (struct configured){0};
    enum stream stream = own_stream_of_record(text_of(record));
    if (stream != STREAMS)
        return (struct configured){value_decoder_plain_schema(reader->decoder, stream),
                                   reader->schemas.decoder.encodings[stream] == VALUE_PLAIN};
    const struct own_schema *own = own_schemas_find(&reader->schemas.own, text_of(record));
    return (struct configured){own == NULL ? NULL : own->schema, false};
}

enum result value_read(struct value_reader *reader, struct text bytes, const char *record, json_t **ret_tree,
                       struct error *error) {
    struct configured configured = configured_schema(reader, record);
    const struct schema *schema;
    struct text avro;
    if (configured.is_plain)
        return read_avro(configured.schema, bytes, ret_tree, error);
    json_t *tree = read_json(bytes);
    if (tree != NULL) {
        *ret_tree = tree;
        return RESULT_OK;
    }
    enum result result = value_decoder_schema(reader->decoder, bytes, reader->timeout_ms, &schema, &avro, error);
    if (result == RESULT_OK)
        return read_avro(schema, avro, ret_tree, error);
    struct error plain;
    if (result == RESULT_REJECT && configured.schema != NULL &&
        read_avro(configured.schema, bytes, ret_tree, &plain) == RESULT_OK)
        return RESULT_OK;
    return result;
}

static void put_tree(struct json *json, const json_t *tree);

static void put_object(struct json *json, json_t *object) {
    json_open_object(json);
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        json_key_text(json, (struct text){json_object_iter_key(at), (uint32_t)json_object_iter_key_len(at)});
        put_tree(json, json_object_iter_value(at));
    }
    json_close_object(json);
}

static void put_tree(struct json *json, const json_t *tree) {
    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        put_object(json, (json_t *)(uintptr_t)tree); /* jansson's iterators take no const; nothing is changed */
        break;
    case JSON_ARRAY:
        json_open_array(json);
        for (size_t i = 0; i < json_array_size(tree); i++)
            put_tree(json, json_array_get(tree, i));
        json_close_array(json);
        break;
    case JSON_STRING:
        json_put_text(json, (struct text){json_string_value(tree), (uint32_t)json_string_length(tree)});
        break;
    case JSON_INTEGER:
        json_put_integer(json, json_integer_value(tree));
        break;
    case JSON_REAL:
        json_put_number(json, json_real_value(tree));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_put_boolean(json, json_is_true(tree));
        break;
    case JSON_NULL:
        json_put_null(json);
        break;
    }
}

void tree_write(const json_t *tree, struct buffer *out) {
    struct json json = {.out = out};
    put_tree(&json, tree);
}
