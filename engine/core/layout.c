#include "engine/core/layout.h"

#include "base/cursor.h"
#include "base/hash.h"
#include "engine/core/blob_check.h"
#include "engine/core/decision.h"

/* ---- a program's */

static void put_sized(struct buffer *out, struct text text) {
    buffer_put_varint(out, text.size);
    buffer_put_text(out, text);
}

static void put_aggregates(struct buffer *out, const struct program *program) {
    buffer_put_varint(out, program->aggregates_count);
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        const struct aggregate *aggregate = &program->aggregates[i];
        buffer_put_u64(out, aggregate->fingerprint);
        buffer_put_u8(out, aggregate->kind == AGGREGATE_OPEN ? (uint8_t)(aggregate->open_index + 1) : 0);
    }
}

static void put_dimensions(struct buffer *out, const struct program *program) {
    buffer_put_varint(out, program->dimensions_count);
    for (uint32_t i = 0; i < program->dimensions_count; i++) {
        const struct dimension *dimension = &program->dimensions[i];
        put_sized(out, dimension->name);
        buffer_put_varint(out, dimension_numbers(dimension) - 1);
        for (uint32_t number = 1; number < dimension_numbers(dimension); number++)
            put_sized(out, dimension_value(dimension, number));
    }
}

static void put_segments(struct buffer *out, const struct program *program) {
    buffer_put_varint(out, program->segments_count);
    for (uint32_t i = 0; i < program->segments_count; i++) {
        put_sized(out, program->segments[i].name);
        buffer_put_u64(out, program->segments[i].count_hash);
    }
}

/* ---- reading */

struct reader {
    struct cursor cursor;
    struct arena *arena;
    bool out_of_memory;
};

/* Memory for as many items as follow, of which each takes `least` bytes. NULL: something is wrong. */
static void *take_items(struct reader *reader, uint32_t least, size_t size, uint32_t *ret_count) {
    uint64_t count = cursor_varint(&reader->cursor);
    if (count > cursor_left(&reader->cursor) / least || count > SLOTS_MAX)
        reader->cursor.failed = true;
    if (!cursor_ok(&reader->cursor))
        return NULL;
    void *items = arena_alloc(reader->arena, (count + 1) * size);
    reader->out_of_memory |= items == NULL;
    reader->cursor.failed |= items == NULL;
    *ret_count = (uint32_t)count;
    return items;
}

static void read_filter(struct reader *reader, struct layout *layout, uint64_t fingerprint, uint8_t bit_behind) {
    if (bit_behind > OPEN_FILTERS_MAX)
        reader->cursor.failed = true;
    if (bit_behind == 0 || !cursor_ok(&reader->cursor))
        return;
    layout->filters[bit_behind - 1] = fingerprint;
    layout->filters_count = layout->filters_count > bit_behind ? layout->filters_count : bit_behind;
}

static void read_aggregates(struct reader *reader, struct layout *layout) {
    uint64_t *fingerprints = take_items(reader, sizeof(uint64_t) + 1, sizeof *fingerprints, &layout->aggregates_count);
    for (uint32_t i = 0; fingerprints != NULL && i < layout->aggregates_count; i++) {
        fingerprints[i] = cursor_u64(&reader->cursor);
        read_filter(reader, layout, fingerprints[i], cursor_u8(&reader->cursor));
    }
    layout->fingerprints = fingerprints;
}

static void read_dimensions(struct reader *reader, struct layout *layout) {
    struct layout_dimension *dimensions = take_items(reader, 2, sizeof *dimensions, &layout->dimensions_count);
    for (uint32_t i = 0; dimensions != NULL && i < layout->dimensions_count && cursor_ok(&reader->cursor); i++) {
        dimensions[i].name = cursor_sized(&reader->cursor);
        struct text *values = take_items(reader, 1, sizeof *values, &dimensions[i].values_count);
        for (uint32_t j = 0; values != NULL && j < dimensions[i].values_count; j++)
            values[j] = cursor_sized(&reader->cursor);
        dimensions[i].values = values;
    }
    layout->dimensions = dimensions;
}

static void read_segments(struct reader *reader, struct layout *layout) {
    struct layout_segment *segments = take_items(reader, 1 + sizeof(uint64_t), sizeof *segments,
                                                 &layout->segments_count);
    for (uint32_t i = 0; segments != NULL && i < layout->segments_count; i++) {
        segments[i].name = cursor_sized(&reader->cursor);
        segments[i].count_hash = cursor_u64(&reader->cursor);
    }
    layout->segments = segments;
}

static enum result out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a layout could not be kept.");
}

/* `bytes` stay where they are. */
static enum result read_layout(struct text bytes, struct arena *arena, struct layout **ret_layout,
                               struct error *error) {
    struct reader reader = {.cursor = cursor_of(bytes.data, bytes.size), .arena = arena};
    struct layout *layout = arena_alloc(arena, sizeof *layout);
    if (layout == NULL)
        return out_of_memory(error);
    uint8_t version = cursor_u8(&reader.cursor);
    if (cursor_ok(&reader.cursor) && version != LAYOUT_VERSION)
        return error_set(error, RESULT_REJECT,
                         "a layout of states is of version %u, this program reads version %u: run the version that "
                         "wrote it, or a later one",
                         version, LAYOUT_VERSION);
    layout->hash = hash_text(bytes);
    layout->bytes = bytes;
    read_aggregates(&reader, layout);
    read_dimensions(&reader, layout);
    read_segments(&reader, layout);
    if (reader.out_of_memory)
        return out_of_memory(error);
    if (!cursor_ok(&reader.cursor) || cursor_left(&reader.cursor) != 0 ||
        layout_slots(layout) > SLOT_AGGREGATES + SLOTS_MAX)
        return error_set(error, RESULT_REJECT, "a layout of states is malformed");
    *ret_layout = layout;
    return RESULT_OK;
}

const struct layout *layout_of(const struct program *program, struct arena *arena) {
    struct buffer bytes = {0};
    struct layout *layout = NULL;
    struct error error;
    buffer_put_u8(&bytes, LAYOUT_VERSION);
    put_aggregates(&bytes, program);
    put_dimensions(&bytes, program);
    put_segments(&bytes, program);
    struct text kept = buffer_ok(&bytes) ? arena_text(arena, buffer_text(&bytes)) : TEXT_MISSING;
    buffer_free(&bytes);
    if (text_is_missing(kept) || read_layout(kept, arena, &layout, &error) != RESULT_OK)
        return NULL;
    return layout;
}

bool layout_has_aggregate(const struct layout *layout, uint64_t fingerprint) {
    for (uint32_t i = 0; i < layout->aggregates_count; i++)
        if (layout->fingerprints[i] == fingerprint)
            return true;
    return false;
}

/* ---- many */

const struct layout *layouts_find(const struct layouts *layouts, uint64_t hash) {
    const struct layout *layout = layouts->newest;
    while (layout != NULL && layout->hash != hash)
        layout = layout->next;
    return layout;
}

enum result layouts_add(struct layouts *layouts, struct text bytes, struct arena *arena, struct error *error) {
    struct layout *layout;
    if (layouts_find(layouts, hash_text(bytes)) != NULL)
        return RESULT_OK;
    struct text kept = arena_text(arena, bytes);
    if (text_is_missing(kept))
        return out_of_memory(error);
    enum result result = read_layout(kept, arena, &layout, error);
    if (result != RESULT_OK)
        return result;
    layout->next = layouts->newest;
    layouts->newest = layout;
    return RESULT_OK;
}

void layouts_encode(const struct layouts *layouts, struct buffer *out) {
    for (const struct layout *layout = layouts->newest; layout != NULL; layout = layout->next)
        put_sized(out, layout->bytes);
}

enum result layouts_add_all(struct layouts *layouts, struct text all, struct arena *arena, struct error *error) {
    struct cursor cursor = cursor_of(all.data, all.size);
    enum result result = RESULT_OK;
    while (result == RESULT_OK && cursor_left(&cursor) > 0) {
        struct text bytes = cursor_sized(&cursor);
        if (!cursor_ok(&cursor))
            return error_set(error, RESULT_REJECT, "the layouts of states are cut off");
        result = layouts_add(layouts, bytes, arena, error);
    }
    return result;
}
