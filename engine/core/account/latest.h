/* The newest and the oldest event of a kind, and the newest one's value.
 *
 * Sections: AGGREGATE_NEWEST and AGGREGATE_OLDEST a packed instant; AGGREGATE_LAST one, then a number or a text's
 * bytes. The greatest event time counts, and at equal times the later arrival. */
#pragma once

#include "engine/core/account/state.h"

/* False: no room, nothing is changed. */
MUST_USE bool newest_add(struct state *state, uint32_t slot, int64_t time_ms);
MUST_USE bool oldest_add(struct state *state, uint32_t slot, int64_t time_ms);
MUST_USE bool last_add_number(struct state *state, uint32_t slot, int64_t time_ms, double value);
MUST_USE bool last_add_text(struct state *state, uint32_t slot, int64_t time_ms, struct text value);

/* INSTANT_NONE where there is none. */
static inline int64_t extreme_time(const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    int64_t time_ms = INSTANT_NONE;
    if (section != NULL)
        read_packed(section, &time_ms);
    return time_ms;
}

/* What newest_add does nearly always: writes over an instant of the same size. False, and nothing is done, where it
 * takes more than that. */
static inline bool newest_again(const struct state *state, uint32_t slot, int64_t time_ms) {
    uint32_t size;
    uint8_t *section = state_section(state, slot, &size);
    if (size != PACKED_SHORT || !packed_is_short(time_ms))
        return false;
    if (packed_distance(section) < time_ms - PACKED_MIDDLE_MS)
        write_packed(section, time_ms);
    return true;
}

/* Whether oldest_add would leave it as it is. */
static inline bool oldest_stays(const struct state *state, uint32_t slot, int64_t time_ms) {
    int64_t oldest_ms = extreme_time(state, slot);
    return oldest_ms != INSTANT_NONE && oldest_ms <= time_ms;
}

/* NaN, missing where there is none. The text is borrowed from the state. */
double last_number(const struct state *state, uint32_t slot);
struct text last_text(const struct state *state, uint32_t slot);

/* Whether the aggregate's section begins with an instant. */
static inline bool aggregate_is_dated(enum aggregate_kind kind) {
    return kind == AGGREGATE_LAST || kind == AGGREGATE_NEWEST || kind == AGGREGATE_OLDEST;
}
