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

/* NaN, missing where there is none. The text is borrowed from the state. */
double last_number(const struct state *state, uint32_t slot);
struct text last_text(const struct state *state, uint32_t slot);

/* Whether the aggregate's section begins with an instant. */
static inline bool aggregate_is_dated(enum aggregate_kind kind) {
    return kind == AGGREGATE_LAST || kind == AGGREGATE_NEWEST || kind == AGGREGATE_OLDEST;
}
