#include "engine/core/account/distinct.h"

#include <assert.h>

#define PRUNE_EVERY 16 /* new values: so that what expired does not pile up */

static uint64_t hash_at(const uint8_t *entry) {
    return read_u64(entry);
}

static void entry_write(uint8_t *entry, uint64_t hash, int64_t index) {
    int32_t short_index = (int32_t)index;
    memcpy(entry, &hash, sizeof hash);
    memcpy(entry + 8, &short_index, sizeof short_index);
}

static bool sampled(uint64_t hash, uint8_t level) {
    return (hash & ((UINT64_C(1) << level) - 1)) == 0;
}

/* The place of the first entry whose hash is not below `hash`. */
static uint32_t entry_place(const uint8_t *section, uint32_t size, uint64_t hash) {
    uint32_t low = 0, high = (size - DISTINCT_LEVEL_SIZE) / DISTINCT_ENTRY_SIZE;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (hash_at(section + DISTINCT_LEVEL_SIZE + middle * DISTINCT_ENTRY_SIZE) < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return DISTINCT_LEVEL_SIZE + low * DISTINCT_ENTRY_SIZE;
}

uint8_t *distinct_find(uint8_t *section, uint32_t size, uint64_t value_hash) {
    uint8_t *entry = section + entry_place(section, size, value_hash);
    return entry < section + size && hash_at(entry) == value_hash ? entry : NULL;
}

/* Keeps the entries that are not expired and belong to the sample of `level`. */
static void keep(struct state *state, uint32_t slot, uint8_t level, int64_t oldest) {
    uint32_t size, kept = DISTINCT_LEVEL_SIZE;
    uint8_t *section = state_section(state, slot, &size);
    for (uint32_t at = DISTINCT_LEVEL_SIZE; at < size; at += DISTINCT_ENTRY_SIZE) {
        if (distinct_index(section + at) < oldest || !sampled(hash_at(section + at), level))
            continue;
        memmove(section + kept, section + at, DISTINCT_ENTRY_SIZE);
        kept += DISTINCT_ENTRY_SIZE;
    }
    section[0] = level;
    bool shrunk = state_resize(state, slot, kept, kept == DISTINCT_LEVEL_SIZE ? 0 : kept);
    assert(shrunk);
}

/* Before a new value is put in: drops what expired now and then (of a sample always: once it is empty, counting is
 * exact again), and halves the sample when it is full. */
static void make_sample_room(struct state *state, uint32_t slot, int64_t oldest) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    if (section == NULL)
        return;
    uint32_t held = (size - DISTINCT_LEVEL_SIZE) / DISTINCT_ENTRY_SIZE;
    if (held % PRUNE_EVERY == 0 || held >= DISTINCT_VALUES_MAX || section[0] > 0)
        keep(state, slot, section[0], oldest);
    while ((section = state_section(state, slot, &size)) != NULL &&
           (size - DISTINCT_LEVEL_SIZE) / DISTINCT_ENTRY_SIZE >= DISTINCT_VALUES_MAX)
        keep(state, slot, (uint8_t)(section[0] + 1), oldest);
}

static bool insert(struct state *state, uint32_t slot, uint64_t hash, int64_t index) {
    uint32_t size;
    uint8_t *section = state_section(state, slot, &size);
    if (section == NULL) {
        if (!state_resize(state, slot, 0, DISTINCT_LEVEL_SIZE + DISTINCT_ENTRY_SIZE))
            return false;
        section = state_section(state, slot, &size);
        section[0] = 0;
        entry_write(section + DISTINCT_LEVEL_SIZE, hash, index);
        return true;
    }
    if (!sampled(hash, section[0]))
        return true;
    uint32_t at = entry_place(section, size, hash);
    if (!state_resize(state, slot, at, size + DISTINCT_ENTRY_SIZE))
        return false;
    entry_write(state_section(state, slot, &size) + at, hash, index);
    return true;
}

enum window_outcome distinct_add(struct state *state, uint32_t slot, uint64_t value_hash, int64_t index, int64_t oldest,
                                 int64_t shortest) {
    if (index < oldest)
        return WINDOW_EXPIRED;
    bool anew = false;
    if (distinct_again(state, slot, value_hash, index, oldest, shortest, &anew))
        return anew ? WINDOW_COUNTED_ANEW : WINDOW_COUNTED;
    make_sample_room(state, slot, oldest);
    return insert(state, slot, value_hash, index) ? WINDOW_COUNTED_ANEW : WINDOW_NO_ROOM;
}

bool distinct_is_exact(const struct state *state, uint32_t slot, uint32_t more) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    return section == NULL ||
           (section[0] == 0 && (size - DISTINCT_LEVEL_SIZE) / DISTINCT_ENTRY_SIZE + more < DISTINCT_VALUES_MAX);
}

double distinct_count(const struct state *state, uint32_t slot, struct window window) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    if (section == NULL)
        return 0;
    uint64_t count = 0, slices = (uint64_t)(window.last - window.first);
    for (uint32_t at = DISTINCT_LEVEL_SIZE; at < size; at += DISTINCT_ENTRY_SIZE)
        count += (uint64_t)(distinct_index(section + at) - window.first) <= slices;
    return (double)(count << section[0]);
}
