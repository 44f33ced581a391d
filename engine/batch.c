#include "engine/batch.h"

#include <stdlib.h>
#include <string.h>

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

/* A missing text stays missing; an empty one stays present. */
static bool copy_text(struct batch *batch, struct text text, struct text *ret_copy) {
    *ret_copy = TEXT_MISSING;
    if (text_is_missing(text))
        return true;
    *ret_copy = arena_text(&batch->arena, text);
    batch->bytes += text.size;
    return !text_is_missing(*ret_copy);
}

static bool copy_headers(struct batch *batch, const struct record *record, struct record *copy) {
    if (record->headers_count == 0)
        return true;
    struct header *headers = arena_alloc(&batch->arena, record->headers_count * sizeof *headers);
    if (headers == NULL)
        return false;
    for (uint32_t i = 0; i < record->headers_count; i++)
        if (!copy_text(batch, record->headers[i].name, &headers[i].name) ||
            !copy_text(batch, record->headers[i].value, &headers[i].value))
            return false;
    copy->headers = headers;
    copy->headers_count = record->headers_count;
    return true;
}

enum result batch_add(struct batch *batch, const struct record *record, struct error *error) {
    struct record copy = {.output = record->output, .partition = record->partition, .offset = OFFSET_NONE};
    if (!batch_reserve(batch) || !copy_text(batch, record->key, &copy.key) ||
        !copy_text(batch, record->value, &copy.value) || !copy_headers(batch, record, &copy))
        return error_set(error, RESULT_FATAL, "Memory is out: a record could not be added to the batch.");
    batch->records[batch->count++] = copy;
    return RESULT_OK;
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
