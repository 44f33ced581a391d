#include <assert.h>

#include "engine/core/account/sections.h"

/* Writes the size before the payload that begins at `payload`. */
static void write_size(uint8_t *payload, uint32_t size) {
    uint32_t word = size | (uint32_t)SECTION_LONG << 24;
    if (size <= SECTION_SHORT_MAX) {
        payload[-1] = (uint8_t)size;
        return;
    }
    payload[-5] = SECTION_LONG;
    memcpy(payload - 4, &word, sizeof word);
}

static uint32_t bits_begin(const struct state *state) {
    return (uint32_t)sizeof(struct state_header) + state_header(state)->id_size;
}

/* Views the sections of the slots from `slot` on that `word` names; returns where they end. */
static uint32_t bind_sections(struct state *state, uint32_t slot, uint64_t word, uint32_t at) {
    const uint8_t *data = state->data;
    uint32_t *offsets = state->offsets + slot;
    size_t payload = at;
    for (; word != 0; word &= word - 1) {
        size_t size = data[payload++];
        if (size == SECTION_LONG) {
            payload += SECTION_SIZE_LONG - SECTION_SIZE_SHORT;
            size = section_size(data + payload);
        }
        offsets[(uint32_t)__builtin_ctzll(word)] = (uint32_t)payload;
        payload += size;
    }
    assert(payload <= state->size);
    return (uint32_t)payload;
}

/* Views the slots from the first that is not bound yet up to `slots`. */
static void bind_up_to(struct state *state, uint32_t slots) {
    uint32_t at = state->bound_at;
    memset(state->offsets + state->bound, 0, (slots - state->bound) * sizeof state->offsets[0]);
    for (uint32_t i = state->bound / 64; i * 64 < slots; i++) {
        uint64_t word = state_slots(state, i);
        if (state->bound > i * 64)
            word &= ~UINT64_C(0) << state->bound % 64;
        if (slots < (i + 1) * 64)
            word &= (UINT64_C(1) << slots % 64) - 1;
        at = bind_sections(state, i * 64, word, at);
    }
    state->bound = slots;
    state->bound_at = at;
}

void state_bind_first(struct state *state, uint8_t *data, uint32_t size, uint32_t capacity, uint32_t slots) {
    state->data = data;
    state->size = size;
    state->capacity = capacity;
    uint32_t begin = bits_begin(state);
    state->bound = 0;
    state->bound_at = begin == size ? size : begin + 1 + sections_bits_bytes(data, begin);
    if (slots >= 64) {
        bind_up_to(state, slots);
        return;
    }
    /* As bind_up_to does, for most events, whose slots are among the first 64. */
    memset(state->offsets, 0, slots * sizeof state->offsets[0]);
    state->bound_at = bind_sections(state, 0, state_slots(state, 0) & ((UINT64_C(1) << slots) - 1), state->bound_at);
    state->bound = slots;
}

void state_bind_rest(struct state *state) {
    bind_up_to(state, state->slots);
    assert(state->bound_at == state->size);
}

void state_bind(struct state *state, uint8_t *data, uint32_t size, uint32_t capacity) {
    state_bind_first(state, data, size, capacity, state->slots);
    assert(state->bound_at == size);
}

const uint8_t *state_peek(const uint8_t *data, uint32_t size, uint32_t slot, uint32_t *ret_size) {
    const struct state_header *header = (const struct state_header *)(const void *)data;
    uint32_t begin = (uint32_t)sizeof *header + header->id_size;
    uint16_t bits;
    assert(slot < STATE_PEEK_MAX);
    *ret_size = 0;
    if (begin == size)
        return NULL;
    memcpy(&bits, data + begin + 1, sizeof bits);
    if ((bits >> slot & 1) == 0)
        return NULL;
    uint32_t at = begin + 1 + sections_bits_bytes(data, begin), payload = section_payload_behind(data, at, ret_size);
    for (uint32_t before = bits & ((1u << slot) - 1); before != 0; before &= before - 1)
        payload = section_payload_behind(data, payload + *ret_size, ret_size);
    return data + payload;
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

/* Without a branch, so that the compiler takes several at once: most events add to one of the first sections. */
static void move_offsets_behind(struct state *state, uint32_t slot, int64_t distance) {
    uint32_t *offsets = state->offsets, bound = state->bound, moved = (uint32_t)distance;
    for (uint32_t i = slot + 1; i < bound; i++)
        offsets[i] += moved & -(uint32_t)(offsets[i] != 0);
    state->bound_at += moved;
}

static uint8_t *bits_of(const struct state *state) {
    return state->data + bits_begin(state) + 1;
}

/* The first slot behind `slot` that is there and viewed; state->bound and more: none. */
static uint32_t slot_behind(const struct state *state, uint32_t slot) {
    if (state->size == bits_begin(state))
        return state->bound;
    const uint8_t *bits = bits_of(state);
    uint32_t bytes = sections_bits_bytes(state->data, bits_begin(state)), first = (slot + 1) / 64 * 8;
    uint64_t mask = ~UINT64_C(0) << (slot + 1) % 64;
    for (uint32_t at = first; at < bytes && at * 8 < state->bound; at += 8, mask = ~UINT64_C(0)) {
        uint64_t word = sections_bits_at(bits + at, bytes - at, state->data + state->size) & mask;
        if (word != 0)
            return at * 8 + (uint32_t)__builtin_ctzll(word);
    }
    return state->bound;
}

/* Where the section of an absent slot belongs: before the next slot that is there. */
static uint32_t place_of(const struct state *state, uint32_t slot) {
    uint32_t behind = slot_behind(state, slot);
    if (behind >= state->bound)
        return state->bound_at;
    return state->offsets[behind] - section_size_bytes(section_size(state->data + state->offsets[behind]));
}

void state_unbind_behind(struct state *state, uint32_t slot) {
    uint32_t size;
    assert(slot < state->bound);
    bool is_there = state_section(state, slot, &size) != NULL;
    state->bound_at = is_there ? state->offsets[slot] + size : place_of(state, slot);
    state->bound = slot + 1;
}

/* Makes place for the bits behind the account's id; room has been made. */
static void begin_bits(struct state *state, uint32_t bytes) {
    uint32_t begin = bits_begin(state);
    state->data[begin] = (uint8_t)(bytes / 2);
    memset(state->data + begin + 1, 0, bytes);
    state->size = begin + 1 + bytes;
    state->bound_at = state->size;
}

static bool section_add(struct state *state, uint32_t slot, uint32_t size) {
    bool first = state->size == bits_begin(state);
    uint32_t bytes = (state->slots + 15) / 16 * 2, added = section_size_bytes(size) + size;
    if (!make_room(state, added + (first ? 1 + bytes : 0)))
        return false;
    if (first)
        begin_bits(state, bytes);
    uint32_t at = place_of(state, slot), payload = at + section_size_bytes(size);
    if (at == state->bound_at)
        state->bound_at += added; /* Nothing that is viewed stands behind it: so it is while a blob is read. */
    else
        move_offsets_behind(state, slot, added);
    shift(state, at, added);
    write_size(state->data + payload, size);
    state->offsets[slot] = payload;
    bits_of(state)[slot / 8] |= (uint8_t)(1u << slot % 8);
    return true;
}

static void section_drop(struct state *state, uint32_t slot, uint32_t old_size) {
    int64_t dropped = section_size_bytes(old_size) + (int64_t)old_size;
    shift(state, state->offsets[slot] + old_size, -dropped);
    state->offsets[slot] = 0;
    bits_of(state)[slot / 8] &= (uint8_t) ~(1u << slot % 8);
    move_offsets_behind(state, slot, -dropped);
    if (state->size == bits_begin(state) + 1 + sections_bits_bytes(state->data, bits_begin(state))) {
        state->size = bits_begin(state);
        state->bound_at = state->size;
    }
}

/* A section that gets long, or short again, begins at another distance from its payload. */
static void resize_size(struct state *state, uint32_t slot, int64_t distance) {
    if (distance == 0)
        return;
    shift(state, state->offsets[slot], distance);
    state->offsets[slot] = (uint32_t)(state->offsets[slot] + distance);
    move_offsets_behind(state, slot, distance);
}

bool state_resize(struct state *state, uint32_t slot, uint32_t at, uint32_t size) {
    uint32_t old_size;
    uint8_t *payload = state_section(state, slot, &old_size);
    assert(slot < state->bound);
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
    int64_t distance = (int64_t)size - old_size,
            size_distance = (int64_t)section_size_bytes(size) - section_size_bytes(old_size);
    if (size > old_size && !make_room(state, (uint32_t)(distance + size_distance)))
        return false;
    resize_size(state, slot, size_distance);
    uint32_t behind = size > old_size ? at : at + (old_size - size); /* the first byte that moves */
    assert(behind <= old_size);
    shift(state, state->offsets[slot] + behind, distance);
    write_size(state->data + state->offsets[slot], size);
    move_offsets_behind(state, slot, distance);
    return true;
}
