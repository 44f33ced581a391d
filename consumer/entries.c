#include "consumer/entries.h"

#include <stdlib.h>

bool entries_grow(struct entries *entries) {
    uint32_t capacity = entries->capacity == 0 ? 16 : entries->capacity * 2;
    struct map_entry *items = reallocarray(entries->items, capacity, sizeof *items);
    if (items == NULL)
        return false;
    entries->items = items;
    entries->capacity = capacity;
    return true;
}

void entries_free(struct entries *entries) {
    free(entries->items);
    *entries = (struct entries){0};
}
