/* Whether what a blob holds is whole: it may come from a store that was damaged, and whoever works on a state takes it
 * for good. Pure; texts are borrowed. */
#pragma once

#include "base/cursor.h"
#include "engine/core/account/state.h"

/* Far from where a difference of two instants would wrap. */
#define INSTANT_LIMIT_MS (INT64_C(1) << 61)

static inline bool instant_is_whole(int64_t instant_ms) {
    return instant_ms > -INSTANT_LIMIT_MS && instant_ms < INSTANT_LIMIT_MS;
}

/* A text behind its size as a varint. */
struct text cursor_sized(struct cursor *cursor);
/* An instant as write_packed writes it, and in no other form. It may be any number. */
int64_t cursor_packed(struct cursor *cursor);
/* The payload of a section behind its size, which is not 0. */
struct text cursor_section(struct cursor *cursor);

bool facts_are_whole(struct text payload);
bool aggregate_is_whole(const struct aggregate *aggregate, struct text payload);
bool segment_is_whole(struct text payload);
