#include "engine/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum result out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a record could not be added to the batch.");
}

static bool batch_reserve(struct batch *batch) {
    if (batch->count < batch->capacity)
        return true;
    uint32_t capacity = batch->capacity == 0 ? 64 : batch->capacity * 2;
    struct record *records = realloc(batch->records, capacity * sizeof *records);
    if (records == NULL)
        return false;
    batch->records = records;
    batch->capacity = capacity;
    return true;
}

static size_t record_bytes(const struct record *record) {
    size_t bytes = (size_t)record->key.size + record->value.size;
    for (uint32_t i = 0; i < record->headers_count; i++)
        bytes += (size_t)record->headers[i].name.size + record->headers[i].value.size;
    return bytes;
}

/* A missing text stays missing; an empty one stays present. */
static struct text put_text(char **at, struct text text) {
    if (text_is_missing(text))
        return text;
    struct text copy = {*at, text.size};
    memcpy(*at, text.data, text.size);
    *at += text.size;
    return copy;
}

/* All that a record refers to lies together: its headers, then their bytes and its own. A byte more keeps an empty text
 * behind all others from pointing at what is not ours. */
enum result batch_add(struct batch *batch, const struct record *record, struct error *error) {
    size_t bytes = record_bytes(record), headers_size = record->headers_count * sizeof(struct header);
    struct header *headers = arena_take(&batch->arena, headers_size + bytes + 1);
    if (headers == NULL || !batch_reserve(batch))
        return out_of_memory(error);
    char *at = (char *)headers + headers_size;
    struct record *copy = &batch->records[batch->count++];
    *copy = (struct record){
        .output = record->output, .partition = record->partition, .bytes = (uint32_t)bytes, .offset = OFFSET_NONE};
    copy->key = put_text(&at, record->key);
    copy->value = put_text(&at, record->value);
    copy->headers = record->headers_count == 0 ? NULL : headers;
    copy->headers_count = record->headers_count;
    for (uint32_t i = 0; i < record->headers_count; i++)
        headers[i] = (struct header){put_text(&at, record->headers[i].name), put_text(&at, record->headers[i].value)};
    batch->bytes += bytes;
    return RESULT_OK;
}

uint8_t *batch_room(struct batch *batch, size_t size_max) {
    return arena_take(&batch->arena, size_max);
}

enum result batch_add_kept(struct batch *batch, const struct record *record, struct error *error) {
    if (!batch_reserve(batch))
        return out_of_memory(error);
    struct record *added = &batch->records[batch->count++];
    *added = *record;
    added->offset = OFFSET_NONE;
    added->bytes = (uint32_t)record_bytes(record);
    batch->bytes += added->bytes;
    return RESULT_OK;
}

enum result batch_add_written(struct batch *batch, const struct record *record, struct error *error) {
    assert(record->headers_count == 0);
    enum result result = batch_add_kept(batch, record, error);
    if (result == RESULT_OK)
        arena_shrink(&batch->arena, record->key.data, record_bytes(record));
    return result;
}

void batch_clear(struct batch *batch) {
    batch->count = 0;
    batch->bytes = 0;
    arena_clear(&batch->arena);
}

void batch_free(struct batch *batch) {
    free(batch->records);
    arena_free(&batch->arena);
    *batch = (struct batch){0};
}
