/* Counts, sums, minima and maxima of an account's events over sliding windows, kept in slices of an hour or a day.
 *
 * A section holds the slices that have events, oldest first: a base index, then for each slice its distance from the
 * base and its value. A slice's index is floor(time / slice). Only slices of the last 65,535 from the base on can be
 * told apart; a window has at most WINDOW_SLICES_MAX. */
#pragma once

#include <string.h>

#include "engine/core/account/state.h"

enum window_outcome {
    WINDOW_COUNTED,
    WINDOW_COUNTED_ANEW, /* distinct: a value that not every window held */
    WINDOW_EXPIRED,
    WINDOW_NO_ROOM,
};

/* Slices of a window looked at from `index`: [index - slices, index]. */
struct window {
    int64_t first, last;
};

/* The slice that `instant_ms` falls in. There are slices of an hour and of a day only: to divide by what the compiler
 * knows takes a multiplication, by anything else ten times as long. */
static inline int64_t slice_index(int64_t instant_ms, int64_t slice_ms) {
    return slice_ms == DAY ? floor_divide(instant_ms, DAY) : floor_divide(instant_ms, HOUR);
}

/* Counts an event with `value` (ignored by AGGREGATE_COUNT) in the slice `index`. Slices before `oldest` can count in
 * no window any more: they are dropped, and such an event is expired. */
MUST_USE enum window_outcome window_add(struct state *state, uint32_t slot, enum aggregate_kind kind, int64_t index,
                                        int64_t oldest, double value);

/* A section begins with the base; then come the entries, of counts or of numbers. */
#define WINDOW_BASE_SIZE         4
#define WINDOW_DISTANCE_SIZE     2
#define WINDOW_COUNT_ENTRY_SIZE  (WINDOW_DISTANCE_SIZE + 4)
#define WINDOW_NUMBER_ENTRY_SIZE (WINDOW_DISTANCE_SIZE + 8)

static inline int64_t window_base(const uint8_t *section) {
    return (int32_t)read_u32(section);
}

static inline int64_t window_distance(const uint8_t *entry) {
    uint16_t distance;
    memcpy(&distance, entry, sizeof distance);
    return distance;
}

static inline void window_count_up(uint8_t *entry) {
    uint32_t count = read_u32(entry + WINDOW_DISTANCE_SIZE);
    count += count < UINT32_MAX;
    memcpy(entry + WINDOW_DISTANCE_SIZE, &count, sizeof count);
}

/* What window_add does for nearly all events of a count: one more in the newest slice, which is there already. False,
 * and nothing is done, where it takes more than that. */
static inline bool window_count_again(const struct state *state, uint32_t slot, int64_t index, int64_t oldest) {
    uint32_t size;
    uint8_t *section = state_section(state, slot, &size);
    if (section == NULL)
        return false;
    uint8_t *newest = section + size - WINDOW_COUNT_ENTRY_SIZE;
    int64_t base = window_base(section);
    if (base + window_distance(newest) != index || base + window_distance(section + WINDOW_BASE_SIZE) < oldest)
        return false;
    window_count_up(newest);
    return true;
}

/* Over the slices of the window; a count or sum of nothing is 0, a minimum or maximum NaN. */
double window_count(const struct state *state, uint32_t slot, struct window window);
double window_sum(const struct state *state, uint32_t slot, struct window window);
double window_least(const struct state *state, uint32_t slot, struct window window);
double window_greatest(const struct state *state, uint32_t slot, struct window window);

/* The slices one after the other, oldest first, for looking ahead. */
struct window_cursor {
    const uint8_t *at, *end;
    int64_t base;
    uint32_t entry_size;
};

struct window_cursor window_cursor(const struct state *state, uint32_t slot, enum aggregate_kind kind);

/* False behind the last slice. */
static inline bool window_next(struct window_cursor *cursor, int64_t *ret_index, double *ret_value) {
    if (cursor->at == cursor->end)
        return false;
    *ret_index = cursor->base + window_distance(cursor->at);
    const uint8_t *value = cursor->at + WINDOW_DISTANCE_SIZE;
    *ret_value = cursor->entry_size == WINDOW_COUNT_ENTRY_SIZE ? (double)read_u32(value) : read_f64(value);
    cursor->at += cursor->entry_size;
    return true;
}
