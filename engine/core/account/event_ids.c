#include "engine/core/account/event_ids.h"

#define ID_SIZE 8

bool event_ids_has(const uint8_t *data, uint32_t data_size, enum stream stream, uint64_t id_hash) {
    uint32_t size;
    const uint8_t *section = state_peek(data, data_size, (uint32_t)stream, &size);
    for (uint32_t at = 0; at < size; at += ID_SIZE)
        if (read_u64(section + at) == id_hash)
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
