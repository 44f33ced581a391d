#include "consumer/own_schemas.h"

#include <assert.h>

#include "embedded/schemas.h"

enum stream own_stream_of_record(struct text record) {
    struct text name = schema_short_name(record);
    enum stream stream = 0;
    while (stream < STREAMS && !text_equal(stream_schemas[stream].record, name))
        stream++;
    return stream;
}

static enum result load_one(struct own_schemas *schemas, const struct embedded_file *file, struct own_schema *own,
                            struct error *error) {
    own->file = text_of(file->name);
    own->json = (struct text){file->text, (uint32_t)file->length};
    enum result result = schema_parse(own->json, NULL, &schemas->arena, &own->schema, error);
    if (result == RESULT_OK)
        result = schema_fingerprint(own->schema, &own->fingerprint, error);
    if (result != RESULT_OK)
        return result;
    enum stream stream = own_stream_of_record(own->schema->name);
    if (stream != STREAMS)
        schemas->streams[stream] = own;
    return RESULT_OK;
}

enum result own_schemas_load(struct own_schemas *ret_schemas, struct error *error) {
    struct own_schemas schemas = {.count = (uint32_t)schemas_files_count};
    schemas.all = arena_alloc(&schemas.arena, schemas.count * sizeof *schemas.all);
    enum result result = RESULT_OK;
    if (schemas.all == NULL)
        result = error_set(error, RESULT_FATAL, "out of memory");
    for (uint32_t i = 0; result == RESULT_OK && i < schemas.count; i++)
        result = load_one(&schemas, &schemas_files[i], &schemas.all[i], error);
    assert(result != RESULT_REJECT); /* the files are part of the program */
    if (result != RESULT_OK) {
        own_schemas_free(&schemas);
        return result;
    }
    for (enum stream stream = 0; stream < STREAMS; stream++)
        assert(schemas.streams[stream] != NULL);
    *ret_schemas = schemas;
    return RESULT_OK;
}

void own_schemas_free(struct own_schemas *schemas) {
    arena_free(&schemas->arena);
    *schemas = (struct own_schemas){0};
}

const struct own_schema *own_schemas_find(const struct own_schemas *schemas, struct text record) {
    for (uint32_t i = 0; i < schemas->count; i++)
        if (text_equal(schema_short_name(schemas->all[i].schema->name), record))
            return &schemas->all[i];
    return NULL;
}
