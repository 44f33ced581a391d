/* Gathers the entries of an event's map, whose number is not known before the last one is read. */
#pragma once

#include "base/result.h"
#include "engine/core/event.h"

struct entries {
    struct map_entry *items; /* grows to the largest map met */
    uint32_t count, capacity;
};

/* False where memory is out. */
MUST_USE bool entries_grow(struct entries *entries);

/* Room for one more, valid until the next; NULL where memory is out. */
MUST_USE static inline struct map_entry *entries_add(struct entries *entries) {
    if (entries->count == entries->capacity && !entries_grow(entries))
        return NULL;
    return &entries->items[entries->count++];
}

/* Lends them to the event, until the first of another map is added. */
static inline void entries_lend(const struct entries *entries, struct event *event) {
    event->entries = entries->count == 0 ? NULL : entries->items;
    event->entries_count = entries->count;
}

void entries_free(struct entries *entries);
