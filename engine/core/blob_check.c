#include "engine/core/blob_check.h"

#include <math.h>

#include "engine/core/account/distinct.h"
#include "engine/core/account/facts.h"
#include "engine/core/account/windows.h"
#include "engine/core/decision.h"

/* ---- the forms of what a blob holds */

struct text cursor_sized(struct cursor *cursor) {
    uint64_t size = cursor_varint(cursor);
    if (size > cursor_left(cursor))
        cursor->failed = true;
    return cursor_ok(cursor) ? cursor_text(cursor, (size_t)size) : TEXT_MISSING;
}

int64_t cursor_packed(struct cursor *cursor) {
    int64_t instant_ms = 0;
    const uint8_t *bytes = cursor->at;
    if (cursor_take(cursor, PACKED_SHORT) == NULL)
        return 0;
    bool is_short = read_u32(bytes) != (uint32_t)PACKED_ESCAPE || bytes[4] != (uint8_t)(PACKED_ESCAPE >> 32);
    if (!is_short && cursor_take(cursor, PACKED_LONG - PACKED_SHORT) == NULL)
        return 0;
    read_packed(bytes, &instant_ms);
    cursor->failed |= is_short != packed_is_short(instant_ms);
    return cursor_ok(cursor) ? instant_ms : 0;
}

struct text cursor_section(struct cursor *cursor) {
    uint32_t size = cursor_u8(cursor);
    if (size == SECTION_LONG) {
        uint32_t word = cursor_u32(cursor);
        size = word & SECTION_SIZE_MAX;
        cursor->failed |= (word ^ size) != (uint32_t)SECTION_LONG << 24 || size <= SECTION_SHORT_MAX;
    }
    cursor->failed |= size == 0;
    return cursor_text(cursor, size);
}

/* ---- payloads */

/* Numbers are finite, and instants are 64-bit integers. */
static bool number_is_whole(enum field_type type, double number) {
    return isfinite(number) && (type != FIELD_INSTANT || fabs(number) < (double)INSTANT_LIMIT_MS);
}

/* Of the facts' map: a key and a value in turn. */
static bool entries_are_whole(struct cursor *cursor) {
    uint32_t count = 0;
    for (; cursor_ok(cursor) && cursor_left(cursor) > 0 && count <= FACTS_ENTRIES_MAX; count++) {
        cursor_take(cursor, cursor_u32(cursor));
        cursor_take(cursor, cursor_u32(cursor));
    }
    return cursor_ok(cursor) && count <= FACTS_ENTRIES_MAX;
}

bool facts_are_whole(struct text payload) {
    struct cursor cursor = cursor_of(payload.data, payload.size);
    uint32_t mask = cursor_u32(&cursor), fields = stream_schemas[STREAM_ACCOUNT].fields_count;
    for (uint32_t i = 0; i < fields; i++) {
        const struct field *field = &stream_schemas[STREAM_ACCOUNT].fields[i];
        if ((mask >> i & 1) == 0)
            continue;
        if (field->type == FIELD_STRING)
            cursor_take(&cursor, cursor_u32(&cursor));
        else if (field->type == FIELD_ENUM || field->type == FIELD_BOOLEAN)
            cursor.failed |= cursor_u8(&cursor) >= (field->type == FIELD_ENUM ? field->symbols_count : 2);
        else
            cursor.failed |= !number_is_whole(field->type, cursor_f64(&cursor));
    }
    return entries_are_whole(&cursor) && mask >> fields == 0;
}

/* Whether it is made of a beginning and of entries, one at the least, of these sizes. */
static bool has_entries(struct text payload, uint32_t begin_size, uint32_t entry_size) {
    return payload.size > begin_size && (payload.size - begin_size) % entry_size == 0;
}

static bool window_is_whole(struct text payload, uint32_t entry_size) {
    int64_t former = -1;
    if (!has_entries(payload, WINDOW_BASE_SIZE, entry_size))
        return false;
    for (uint32_t at = WINDOW_BASE_SIZE; at < payload.size; at += entry_size) {
        uint16_t distance;
        memcpy(&distance, payload.data + at, sizeof distance);
        if (distance <= former)
            return false;
        former = distance;
    }
    return true;
}

/* Behind the instant. */
static bool last_is_whole(const struct aggregate *aggregate, const struct cursor *cursor) {
    const struct field *field = &stream_schemas[aggregate->stream].fields[aggregate->field];
    if (field->type == FIELD_STRING || field->type == FIELD_MAP)
        return true;
    if (cursor_left(cursor) != sizeof(double))
        return false;
    double value = read_f64(cursor->at);
    return field->type != FIELD_ENUM || (value >= 0 && value < field->symbols_count);
}

static bool dated_is_whole(const struct aggregate *aggregate, struct text payload) {
    struct cursor cursor = cursor_of(payload.data, payload.size);
    int64_t instant_ms = cursor_packed(&cursor);
    if (!cursor_ok(&cursor) || !instant_is_whole(instant_ms))
        return false;
    return aggregate->kind == AGGREGATE_LAST ? last_is_whole(aggregate, &cursor) : cursor_left(&cursor) == 0;
}

bool aggregate_is_whole(const struct aggregate *aggregate, struct text payload) {
    switch (aggregate->kind) {
    case AGGREGATE_COUNT:
        return window_is_whole(payload, WINDOW_COUNT_ENTRY_SIZE);
    case AGGREGATE_SUM:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return window_is_whole(payload, WINDOW_NUMBER_ENTRY_SIZE);
    case AGGREGATE_DISTINCT:
        return has_entries(payload, DISTINCT_LEVEL_SIZE, DISTINCT_ENTRY_SIZE) &&
               (uint8_t)payload.data[0] < DISTINCT_LEVELS;
    case AGGREGATE_LAST:
    case AGGREGATE_NEWEST:
    case AGGREGATE_OLDEST:
        return dated_is_whole(aggregate, payload);
    case AGGREGATE_OPEN:
        return false;
    }
    return false;
}

bool segment_is_whole(struct text payload) {
    struct cursor cursor = cursor_of(payload.data, payload.size);
    uint8_t flags = cursor_u8(&cursor);
    bool whole = flags > 0 && flags < 2 * SEGMENT_QUALIFYING;
    for (uint32_t flag = SEGMENT_INSIDE; flag <= SEGMENT_QUALIFYING; flag *= 2)
        whole = whole && ((flags & flag) == 0 || instant_is_whole(cursor_packed(&cursor)));
    return whole && cursor_ok(&cursor) && cursor_left(&cursor) == 0;
}
