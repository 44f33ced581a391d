#include "engine/core/account/event_ids.h"

#define ID_SIZE 8

static bool is_id(const uint8_t *at, uint64_t id_hash) {
    return read_u64(at) == id_hash;
}

/* Four at a time: most events are new, so all ids have to be looked at. */
bool event_ids_has(const uint8_t *data, uint32_t data_size, enum stream stream, uint64_t id_hash) {
    uint32_t size;
    const uint8_t *at = state_peek(data, data_size, (uint32_t)stream, &size);
    for (; size >= 4 * ID_SIZE; at += 4 * ID_SIZE, size -= 4 * ID_SIZE)
        if (is_id(at, id_hash) || is_id(at + ID_SIZE, id_hash) || is_id(at + 2 * ID_SIZE, id_hash) ||
            is_id(at + 3 * ID_SIZE, id_hash))
            return true;
    for (; size > 0; at += ID_SIZE, size -= ID_SIZE)
        if (is_id(at, id_hash))
            return true;
    return false;
}

bool event_ids_add(struct state *state, enum stream stream, uint64_t id_hash, uint32_t kept) {
    uint32_t slot = (uint32_t)stream, size;
    uint8_t *section = state_section(state, slot, &size);
    if (kept == 0)
        return true;
    if (size >= kept * ID_SIZE) {
        uint32_t surplus = size - (kept - 1) * ID_SIZE; /* more than one only after the rules lowered `kept` */
        memmove(section, section + surplus, size - surplus);
        if (!state_resize(state, slot, kept * ID_SIZE, kept * ID_SIZE))
            return false;
    } else if (!state_resize(state, slot, size, size + ID_SIZE)) {
        return false;
    }
    section = state_section(state, slot, &size);
    memcpy(section + size - ID_SIZE, &id_hash, ID_SIZE);
    return true;
}
