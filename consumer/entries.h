/* Gathers the entries of an event's map, whose number is not known before the last one is read. */
#pragma once

#include "base/arena.h"
#include "engine/core/event.h"

struct entries {
    struct map_entry *items; /* grows to the largest map met */
    uint32_t count, capacity;
};

/* False where memory is out. */
MUST_USE bool entries_add(struct entries *entries, struct map_entry entry);
/* Gives the event a copy of its own in the arena, and starts anew. */
MUST_USE bool entries_finish(struct entries *entries, struct arena *arena, struct event *event);
void entries_free(struct entries *entries);
