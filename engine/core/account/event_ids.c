#include "engine/core/account/event_ids.h"

#include <assert.h>

static bool is_id(const uint8_t *at, uint64_t id_hash) {
    return read_u64(at) == id_hash;
}

/* Four at a time: most events are new, so all ids have to be looked at. */
bool event_ids_has(const uint8_t *data, uint32_t data_size, enum stream stream, uint64_t id_hash) {
    uint32_t size;
    const uint8_t *at = state_peek(data, data_size, (uint32_t)stream, &size);
    for (; size >= 4 * EVENT_ID_SIZE; at += 4 * EVENT_ID_SIZE, size -= 4 * EVENT_ID_SIZE)
        if (is_id(at, id_hash) || is_id(at + EVENT_ID_SIZE, id_hash) || is_id(at + 2 * EVENT_ID_SIZE, id_hash) ||
            is_id(at + 3 * EVENT_ID_SIZE, id_hash))
            return true;
    for (; size > 0; at += EVENT_ID_SIZE, size -= EVENT_ID_SIZE)
        if (is_id(at, id_hash))
            return true;
    return false;
}

struct text event_ids_newest(struct text ids, uint32_t kept) {
    uint32_t most = kept * EVENT_ID_SIZE;
    return ids.size <= most ? ids : (struct text){ids.data + (ids.size - most), most};
}

bool event_ids_add(struct state *state, enum stream stream, uint64_t id_hash, uint32_t kept) {
    uint32_t slot = (uint32_t)stream, size;
    uint8_t *section = state_section(state, slot, &size);
    if (kept == 0)
        return true;
    assert(size <= kept * EVENT_ID_SIZE);
    if (size == kept * EVENT_ID_SIZE)
        memmove(section, section + EVENT_ID_SIZE, size - EVENT_ID_SIZE);
    else if (!state_resize(state, slot, size, size + EVENT_ID_SIZE))
        return false;
    section = state_section(state, slot, &size);
    memcpy(section + size - EVENT_ID_SIZE, &id_hash, EVENT_ID_SIZE);
    return true;
}
