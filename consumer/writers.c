#include "consumer/writers.h"

#include <stdlib.h>

static uint32_t slot_of(const struct writers *writers, uint64_t key) {
    uint32_t mask = writers->slots_count - 1;
    uint32_t slot = (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;
    while (writers->slots[slot] != NULL && writers->slots[slot]->key != key)
        slot = (slot + 1) & mask;
    return slot;
}

struct writer *writers_find(const struct writers *writers, uint64_t key) {
    return writers->count == 0 ? NULL : writers->slots[slot_of(writers, key)];
}

static bool grow(struct writers *writers) {
    if (writers->count * 2 < writers->slots_count)
        return true;
    struct writers larger = {.slots_count = writers->slots_count == 0 ? 64 : writers->slots_count * 2};
    larger.slots = calloc(larger.slots_count, sizeof(struct writer *));
    if (larger.slots == NULL)
        return false;
    for (uint32_t i = 0; i < writers->slots_count; i++)
        if (writers->slots[i] != NULL)
            larger.slots[slot_of(&larger, writers->slots[i]->key)] = writers->slots[i];
    free(writers->slots);
    writers->slots = larger.slots;
    writers->slots_count = larger.slots_count;
    return true;
}

enum result writers_add(struct writers *writers, uint64_t key, const struct schema *schema, struct writer **ret_writer,
                        struct error *error) {
    struct writer *writer = writers_find(writers, key);
    if (writer == NULL) {
        if (writers->count == WRITERS_MAX)
            return error_set(error, RESULT_FATAL, "there are more than %d writers' schemas", WRITERS_MAX);
        writer = arena_alloc(&writers->arena, sizeof *writer);
        if (writer == NULL || !grow(writers))
            return error_set(error, RESULT_FATAL, "out of memory");
        writer->key = key;
        writer->schema = schema;
        writers->slots[slot_of(writers, key)] = writer;
        writers->count++;
    }
    *ret_writer = writer;
    return RESULT_OK;
}

void writers_free(struct writers *writers) {
    arena_free(&writers->arena);
    free(writers->slots);
    *writers = (struct writers){0};
}

enum result writer_plan(struct writers *writers, struct writer *writer, enum stream stream,
                        const struct own_schemas *own, const struct avro_plan **ret_plan, struct error *error) {
    if (writer->plans[stream] == NULL && text_is_missing(writer->refusals[stream])) {
        enum result result = avro_plan_compile(writer->schema, stream, own->streams[stream]->schema, &writers->arena,
                                               &writer->plans[stream], error);
        if (result == RESULT_REJECT)
            writer->refusals[stream] = arena_text(&writers->arena, text_of(error->text));
        if (result == RESULT_FATAL)
            return result;
    }
    if (writer->plans[stream] == NULL)
        return error_set(error, RESULT_REJECT, "%.*s", TEXT_ARGUMENTS(writer->refusals[stream]));
    *ret_plan = writer->plans[stream];
    return RESULT_OK;
}
