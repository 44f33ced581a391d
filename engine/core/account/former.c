#include "engine/core/account/former.h"

#include <assert.h>

#define FIXED_SIZE (1 + 8 + 2 + 2)

bool former_add(struct state *state, const struct former *former) {
    uint32_t size, added = FIXED_SIZE + former->name.size + former->value.size;
    uint16_t name_size = (uint16_t)former->name.size, value_size = (uint16_t)former->value.size;
    state_section(state, SLOT_FORMER, &size);
    if (!state_resize(state, SLOT_FORMER, size, size + added))
        return false;
    uint32_t whole;
    uint8_t *at = state_section(state, SLOT_FORMER, &whole) + size;
    *at = former->is_segment;
    write_i64(at + 1, former->since_ms);
    memcpy(at + 9, &name_size, 2);
    memcpy(at + 11, &value_size, 2);
    memcpy(at + FIXED_SIZE, former->name.data, name_size);
    if (value_size > 0)
        memcpy(at + FIXED_SIZE + name_size, former->value.data, value_size);
    return true;
}

uint32_t former_take(struct state *state, uint8_t *copy) {
    uint32_t size;
    const uint8_t *section = state_section(state, SLOT_FORMER, &size);
    if (section == NULL)
        return 0;
    memcpy(copy, section, size);
    bool cleared = state_resize(state, SLOT_FORMER, 0, 0);
    assert(cleared);
    return size;
}

bool former_next(struct cursor *copy, struct former *ret_former) {
    if (cursor_left(copy) == 0)
        return false;
    ret_former->is_segment = cursor_u8(copy) != 0;
    ret_former->since_ms = (int64_t)cursor_u64(copy);
    uint16_t name_size = cursor_u16(copy), value_size = cursor_u16(copy);
    ret_former->name = cursor_text(copy, name_size);
    ret_former->value = cursor_text(copy, value_size);
    assert(cursor_ok(copy));
    return true;
}
