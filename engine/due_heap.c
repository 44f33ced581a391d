#include "engine/due_heap.h"

#include <assert.h>

#include "engine/huge_pages.h"

/* Without a gap behind it. */
struct __attribute__((packed, aligned(4))) due_node {
    int64_t due_ms;
    uint32_t slot;
};

static_assert(sizeof(struct due_node) + sizeof(uint32_t) == DUE_HEAP_SLOT_BYTES, "what a slot takes");

/* Four children to a node: half the levels of a binary heap, and the children lie side by side. */
#define CHILDREN 4

bool due_heap_reserve(struct due_heap *heap, uint32_t slots) {
    return huge_array_reserve(&heap->places, &heap->places_capacity, slots, sizeof *heap->places) &&
           huge_array_reserve(&heap->nodes, &heap->capacity, slots, sizeof *heap->nodes);
}

void due_heap_free(struct due_heap *heap) {
    huge_array_free(heap->nodes, heap->capacity * sizeof *heap->nodes);
    huge_array_free(heap->places, heap->places_capacity * sizeof *heap->places);
    *heap = (struct due_heap){0};
}

static void put(struct due_heap *heap, uint32_t place, struct due_node node) {
    heap->nodes[place] = node;
    heap->places[node.slot] = place + 1;
}

static void rise(struct due_heap *heap, uint32_t place, struct due_node node) {
    while (place > 0) {
        uint32_t parent = (place - 1) / CHILDREN;
        if (node.due_ms >= heap->nodes[parent].due_ms)
            break;
        put(heap, place, heap->nodes[parent]);
        place = parent;
    }
    put(heap, place, node);
}

static inline const struct due_node *earlier(const struct due_node *left, const struct due_node *right) {
    return right->due_ms < left->due_ms ? right : left;
}

/* The earliest of the children, of which the first is in the heap. */
static inline const struct due_node *earliest(const struct due_heap *heap, uint64_t first) {
    const struct due_node *child = heap->nodes + first, *least = child;
    if (first + CHILDREN <= heap->count)
        return earlier(earlier(child, child + 1), earlier(child + 2, child + 3));
    for (const struct due_node *end = heap->nodes + heap->count; ++child < end;)
        least = earlier(least, child);
    return least;
}

static void sink(struct due_heap *heap, uint32_t place, struct due_node node) {
    for (uint64_t child; (child = (uint64_t)place * CHILDREN + 1) < heap->count;) {
        const struct due_node *least = earliest(heap, child);
        if (least->due_ms >= node.due_ms)
            break;
        put(heap, place, *least);
        place = (uint32_t)(least - heap->nodes);
    }
    put(heap, place, node);
}

static void settle(struct due_heap *heap, uint32_t place, struct due_node node) {
    if (place > 0 && node.due_ms < heap->nodes[(place - 1) / CHILDREN].due_ms)
        rise(heap, place, node);
    else
        sink(heap, place, node);
}

void due_heap_add(struct due_heap *heap, uint32_t slot, int64_t due_ms) {
    assert(slot < heap->capacity && heap->places[slot] == 0);
    rise(heap, heap->count++, (struct due_node){due_ms, slot});
}

void due_heap_remove(struct due_heap *heap, uint32_t slot) {
    assert(slot < heap->capacity && heap->places[slot] != 0);
    uint32_t place = heap->places[slot] - 1;
    heap->places[slot] = 0;
    struct due_node last = heap->nodes[--heap->count];
    if (last.slot != slot)
        settle(heap, place, last);
}

bool due_heap_first(const struct due_heap *heap, uint32_t *ret_slot, int64_t *ret_due_ms) {
    if (heap->count == 0)
        return false;
    *ret_slot = heap->nodes[0].slot;
    *ret_due_ms = heap->nodes[0].due_ms;
    return true;
}
