#include "engine/core/account/state.h"

#include <assert.h>

static uint32_t sections_begin(const struct state *state) {
    return (uint32_t)sizeof(struct state_header) + state_header(state)->id_size;
}

static uint32_t section_word(const struct state *state, uint32_t at) {
    return read_u32(state->data + at);
}

void state_bind(struct state *state, uint8_t *data, uint32_t size, uint32_t capacity) {
    state->data = data;
    state->size = size;
    state->capacity = capacity;
    memset(state->offsets, 0, state->slots * sizeof state->offsets[0]);
    for (uint32_t at = sections_begin(state); at < size;) {
        uint32_t word = section_word(state, at), slot = word >> 20;
        assert(slot < state->slots);
        state->offsets[slot] = at + SECTION_WORD_SIZE;
        at += SECTION_WORD_SIZE + (word & SECTION_SIZE_MAX);
        assert(at <= size);
    }
}

const uint8_t *state_peek(const uint8_t *data, uint32_t size, uint32_t slot, uint32_t *ret_size) {
    struct state_header header;
    memcpy(&header, data, sizeof header);
    for (uint32_t at = (uint32_t)sizeof header + header.id_size; at < size;) {
        uint32_t word = read_u32(data + at);
        *ret_size = word & SECTION_SIZE_MAX;
        if (word >> 20 == slot)
            return data + at + SECTION_WORD_SIZE;
        if (word >> 20 > slot)
            break;
        at += SECTION_WORD_SIZE + *ret_size;
    }
    *ret_size = 0;
    return NULL;
}

void state_begin(struct state *state, struct text account_id) {
    uint32_t size = (uint32_t)sizeof(struct state_header) + account_id.size;
    assert(account_id.size <= ID_SIZE_MAX && size <= state->spare_capacity);
    struct state_header header = {.now_ms = INSTANT_NONE,
                                  .due_ms = INT64_MAX,
                                  .first_event_ms = INSTANT_NONE,
                                  .id_size = (uint16_t)account_id.size};
    memmove(state->spare + sizeof header, account_id.data, account_id.size);
    memcpy(state->spare, &header, sizeof header);
    state_bind(state, state->spare, size, state->spare_capacity);
}

void state_detach(struct state *state) {
    if (state->data == state->spare)
        return;
    assert(state->size <= state->spare_capacity);
    memcpy(state->spare, state->data, state->size);
    state->data = state->spare;
    state->capacity = state->spare_capacity;
}

/* Makes `added` bytes of room behind the state; false where even the spare buffer has none. */
static bool make_room(struct state *state, uint32_t added) {
    if (state->size + added <= state->capacity)
        return true;
    if (state->size + added > state->spare_capacity)
        return false;
    state_detach(state);
    return true;
}

/* Moves all that stands at `at` and behind by `distance`. */
static void shift(struct state *state, uint32_t at, int64_t distance) {
    memmove(state->data + at + distance, state->data + at, state->size - at);
    state->size = (uint32_t)(state->size + distance);
}

static void move_offsets_behind(struct state *state, uint32_t slot, int64_t distance) {
    for (uint32_t i = slot + 1; i < state->slots; i++)
        if (state->offsets[i] != 0)
            state->offsets[i] = (uint32_t)(state->offsets[i] + distance);
}

/* Where the section of an absent slot belongs: before the next slot that is there. */
static uint32_t place_of(const struct state *state, uint32_t slot) {
    for (uint32_t i = slot + 1; i < state->slots; i++)
        if (state->offsets[i] != 0)
            return state->offsets[i] - SECTION_WORD_SIZE;
    return state->size;
}

static bool section_add(struct state *state, uint32_t slot, uint32_t size) {
    uint32_t added = SECTION_WORD_SIZE + size;
    if (!make_room(state, added))
        return false;
    uint32_t at = place_of(state, slot), word = slot << 20 | size;
    shift(state, at, added);
    memcpy(state->data + at, &word, sizeof word);
    state->offsets[slot] = at + SECTION_WORD_SIZE;
    move_offsets_behind(state, slot, added);
    return true;
}

static void section_drop(struct state *state, uint32_t slot, uint32_t old_size) {
    int64_t dropped = SECTION_WORD_SIZE + (int64_t)old_size;
    shift(state, state->offsets[slot] + old_size, -dropped);
    state->offsets[slot] = 0;
    move_offsets_behind(state, slot, -dropped);
}

bool state_resize(struct state *state, uint32_t slot, uint32_t at, uint32_t size) {
    uint32_t old_size;
    uint8_t *payload = state_section(state, slot, &old_size);
    if (size > SECTION_SIZE_MAX)
        return false;
    if (payload == NULL)
        return size == 0 || section_add(state, slot, size);
    if (size == 0) {
        section_drop(state, slot, old_size);
        return true;
    }
    if (size == old_size)
        return true;
    if (size > old_size && !make_room(state, size - old_size))
        return false;
    int64_t distance = (int64_t)size - old_size;
    uint32_t behind = size > old_size ? at : at + (old_size - size); /* the first byte that moves */
    assert(behind <= old_size);
    shift(state, state->offsets[slot] + behind, distance);
    uint32_t word = slot << 20 | size;
    memcpy(state->data + state->offsets[slot] - SECTION_WORD_SIZE, &word, sizeof word);
    move_offsets_behind(state, slot, distance);
    return true;
}
