/* Writing a blob (blob.h): behind the header, the state's sections as they are. */
#include <assert.h>

#include "engine/core/blob.h"
#include "engine/core/engine_internal.h"

/* The header's bytes up to the sequence, and at most beside the id's. */
#define FIXED_SIZE      21u
#define HEADER_SIZE_MAX (FIXED_SIZE + 2 * VARINT_SIZE_MAX + 3 * PACKED_LONG)

/* Written at `to`, where there is room; returns what lies behind it. */
static uint8_t *write_header(uint8_t *to, const struct state_header *header, uint64_t layout_hash, struct text id) {
    bool never = header->due_ms == INSTANT_NEVER, is_due = !never && header->due_ms != INSTANT_NONE;
    bool has_events = header->first_event_ms != INSTANT_NONE;
    to[0] = BLOB_VERSION;
    to[1] = header->flags;
    to[2] = header->waits_for;
    to[3] = header->horizon;
    to[4] = (uint8_t)((is_due ? BLOB_IS_DUE : 0) | (never ? BLOB_IS_DUE_NEVER : 0) |
                      (has_events ? BLOB_HAS_EVENTS : 0));
    memcpy(to + 5, &header->ruleset_hash, sizeof header->ruleset_hash);
    memcpy(to + LAYOUT_HASH_AT, &layout_hash, sizeof layout_hash);
    to = write_varint(to + FIXED_SIZE, header->sequence);
    to = write_packed(to, header->now_ms);
    if (is_due)
        to = write_packed(to, header->due_ms);
    if (has_events)
        to = write_packed(to, header->first_event_ms);
    return write_bytes(write_varint(to, id.size), id.data, id.size);
}

size_t engine_blob_size_max(struct state_bytes bytes) {
    return bytes.size + HEADER_SIZE_MAX;
}

uint8_t *engine_write_blob(const struct engine *engine, struct state_bytes bytes, uint8_t *to) {
    const struct state_header *header = (const struct state_header *)(const void *)bytes.data;
    uint32_t begin = (uint32_t)sizeof *header + header->id_size;
    to = write_header(to, header, engine->layout->hash, state_account_id(bytes));
    memcpy(to, bytes.data + begin, bytes.size - begin);
    return to + (bytes.size - begin);
}

void engine_encode(struct engine *engine, struct state_bytes bytes, struct buffer *out) {
    if (!buffer_has_room(out, engine_blob_size_max(bytes)))
        return;
    uint8_t *to = out->data + out->size;
    out->size += (size_t)(engine_write_blob(engine, bytes, to) - to);
    assert(out->size <= out->capacity);
}
