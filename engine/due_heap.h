/* Slots by their instants, the earliest first, of which no two are the same. One thread; memory only grows in
 * due_heap_reserve. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct due_node;

struct due_heap {
    struct due_node *nodes;
    uint32_t *places; /* by slot: its place among the nodes + 1; 0: it is not in it */
    uint32_t count, capacity;
    uint32_t places_capacity;
};

#define DUE_HEAP_SLOT_BYTES 16 /* that a slot takes */

/* Makes room for slots 0 to `slots` - 1; false: memory is out, and the heap is as it was. */
MUST_USE bool due_heap_reserve(struct due_heap *heap, uint32_t slots);
void due_heap_free(struct due_heap *heap);

/* One that is not in it. */
void due_heap_add(struct due_heap *heap, uint32_t slot, int64_t due_ms);
/* One that is. */
void due_heap_remove(struct due_heap *heap, uint32_t slot);
/* The first; false: there is none. */
bool due_heap_first(const struct due_heap *heap, uint32_t *ret_slot, int64_t *ret_due_ms);
