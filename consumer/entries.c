#include "consumer/entries.h"

#include <stdlib.h>
#include <string.h>

bool entries_add(struct entries *entries, struct map_entry entry) {
    if (entries->count == entries->capacity) {
        uint32_t capacity = entries->capacity == 0 ? 16 : entries->capacity * 2;
        struct map_entry *items = reallocarray(entries->items, capacity, sizeof *items);
        if (items == NULL)
            return false;
        entries->items = items;
        entries->capacity = capacity;
    }
    entries->items[entries->count++] = entry;
    return true;
}

bool entries_finish(struct entries *entries, struct arena *arena, struct event *event) {
    uint32_t count = entries->count;
    entries->count = 0;
    event->entries = NULL;
    event->entries_count = count;
    if (count == 0)
        return true;
    struct map_entry *copy = arena_alloc(arena, count * sizeof *copy);
    if (copy == NULL)
        return false;
    memcpy(copy, entries->items, count * sizeof *copy);
    event->entries = copy;
    return true;
}

void entries_free(struct entries *entries) {
    free(entries->items);
    *entries = (struct entries){0};
}
