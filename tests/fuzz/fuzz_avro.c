/* Any bytes as Avro. The first byte says what the rest is: a value of one of our own schemas, a schema (its length in
 * two bytes before it) and a value that was written with it, or a container file. */
#include <assert.h>
#include <stdlib.h>

#include "consumer/avro_decoder.h"
#include "consumer/own_schemas.h"
#include "consumer/record_file.h"
#include "tests/unit/memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_SCHEMA = STREAMS, CONTAINER = 2 * STREAMS };

static struct own_schemas own;
static struct avro_decoder decoder;

static void check_event(const struct event *event) {
    assert(event->account_id.size >= 1 && event->account_id.size <= ID_SIZE_MAX && text_is_utf8(event->account_id));
    for (uint32_t i = 0; i < stream_schemas[event->stream].fields_count; i++)
        if (event_has(event, i) && stream_schemas[event->stream].fields[i].type == FIELD_STRING)
            assert(text_is_utf8(event->fields[i].text));
    for (uint32_t i = 0; i < event->entries_count; i++)
        assert(text_is_utf8(event->entries[i].key) && text_is_utf8(event->entries[i].value));
}

static void decode(const struct schema *writer, enum stream stream, struct arena *arena, struct text value) {
    const struct avro_plan *plan;
    struct error error;
    uint64_t fingerprint;
    if (avro_plan_compile(writer, stream, own.streams[stream]->schema, arena, &plan, &error) == RESULT_OK) {
        struct event event;
        struct rejection rejection;
        if (avro_decode_whole(&decoder, plan, value, &event, &rejection) == RESULT_OK)
            check_event(&event);
        else
            assert(rejection.reason < REJECTION_REASONS && rejection.detail.text[0] != '\0');
    }
    struct cursor cursor = cursor_of(value.data, value.size);
    if (schema_skip(writer, &cursor))
        assert(cursor.at <= cursor.end);
    (void)!schema_fingerprint(writer, &fingerprint, &error);
}

static void decode_with_schema(enum stream stream, const uint8_t *data, size_t size) {
    struct cursor cursor = cursor_of(data, size);
    struct text json = cursor_text(&cursor, cursor_u16(&cursor));
    struct arena arena = {0};
    const struct schema *writer;
    struct error error;
    if (cursor_ok(&cursor) && schema_parse(json, NULL, &arena, &writer, &error) == RESULT_OK)
        decode(writer, stream, &arena, cursor_text(&cursor, cursor_left(&cursor)));
    arena_free(&arena);
}

static void read_container(const uint8_t *data, size_t size) {
    struct memory_file memory = memory_file_create(data, size);
    struct record_file *file;
    struct file_record record;
    struct error error;
    if (record_file_open(memory.path, STREAM_NPS, &own, &file, &error) == RESULT_OK) {
        enum file_outcome outcome;
        while ((outcome = record_file_next(file, &record, &error)) == FILE_RECORD || outcome == FILE_REJECTED)
            if (outcome == FILE_RECORD)
                check_event(&record.event);
        record_file_close(file);
    }
    memory_file_remove(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error;
    if (own.all == NULL && own_schemas_load(&own, &error) != RESULT_OK)
        abort();
    if (size == 0)
        return 0;
    uint8_t kind = data[0] % (CONTAINER + 1);
    struct arena arena = {0};
    if (kind < WITH_SCHEMA)
        decode(own.streams[kind]->schema, kind, &arena, (struct text){(const char *)data + 1, (uint32_t)size - 1});
    else if (kind < CONTAINER)
        decode_with_schema(kind - WITH_SCHEMA, data + 1, size - 1);
    else
        read_container(data + 1, size - 1);
    arena_free(&arena);
    return 0;
}
