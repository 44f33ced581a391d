/* How many different values an account's events had in a sliding window.
 *
 * A section holds each value's 64-bit hash with the newest slice in which it was seen, sorted by hash, so one set
 * serves windows of every length. Exact while no more than DISTINCT_VALUES_MAX values are held; beyond, the hashes
 * whose lowest `level` bits are zero are kept as a uniform sample, and what is counted among them stands for 2^level
 * times as many: a standard error of 1 / sqrt(kept), 2 to 3 % (P. Gibbons, "Distinct sampling", VLDB 2001). The level
 * goes back to 0 when nothing is held any more. */
#pragma once

#include "engine/core/account/windows.h"

#define DISTINCT_VALUES_MAX 2048

/* A section begins with the level; then come the entries: a hash, and 32 bits of the slice's index. */
#define DISTINCT_LEVEL_SIZE 1
#define DISTINCT_LEVELS     64
#define DISTINCT_ENTRY_SIZE 12

/* The entry of the value, or NULL. */
uint8_t *distinct_find(uint8_t *section, uint32_t size, uint64_t value_hash);

static inline int64_t distinct_index(const uint8_t *entry) {
    return (int32_t)read_u32(entry + 8);
}

/* Few values are all looked at, without a branch that could not be foreseen. */
static inline uint8_t *distinct_find_soon(uint8_t *section, uint32_t size, uint64_t value_hash) {
    if (size > DISTINCT_LEVEL_SIZE + 8 * DISTINCT_ENTRY_SIZE)
        return distinct_find(section, size, value_hash);
    uint8_t *found = NULL, *end = section + size;
    for (uint8_t *entry = section + DISTINCT_LEVEL_SIZE; entry < end; entry += DISTINCT_ENTRY_SIZE)
        found = read_u64(entry) == value_hash ? entry : found;
    return found;
}

/* What distinct_add does for a value that is there already: `anew` is set if some window did not hold it. False, and
 * nothing is done, where it is not there, or expired. */
static inline bool distinct_again(const struct state *state, uint32_t slot, uint64_t value_hash, int64_t index,
                                  int64_t oldest, int64_t shortest, bool *anew) {
    uint32_t size;
    uint8_t *section = state_section(state, slot, &size);
    if (section == NULL || index < oldest)
        return false;
    uint8_t *entry = distinct_find_soon(section, size, value_hash);
    if (entry == NULL)
        return false;
    int64_t former = distinct_index(entry);
    int32_t short_index = (int32_t)index;
    if (index > former)
        memcpy(entry + 8, &short_index, sizeof short_index);
    *anew |= former < shortest;
    return true;
}

/* Remembers that the value was seen in the slice `index`; outcomes as of window_add. `shortest`: the first slice of the
 * shortest window that anybody looks at. */
MUST_USE enum window_outcome distinct_add(struct state *state, uint32_t slot, uint64_t value_hash, int64_t index,
                                          int64_t oldest, int64_t shortest);

double distinct_count(const struct state *state, uint32_t slot, struct window window);

/* Whether counting stays exact for `more` values. */
bool distinct_is_exact(const struct state *state, uint32_t slot, uint32_t more);
