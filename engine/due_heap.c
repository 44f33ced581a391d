#include "engine/due_heap.h"

#include <assert.h>

#include "base/prefetch.h"
#include "engine/core/engine.h"
#include "engine/huge_pages.h"

/* One of a million: without a gap behind it. */
struct __attribute__((packed, aligned(4))) due_node {
    int64_t due_ms;
    uint32_t account;
};

/* Four children to a node: half the levels of a binary heap, and the children lie side by side. */
#define CHILDREN 4
static_assert(DUE_HEAP_NEXT_MAX == CHILDREN, "whoever follows the first is one of its children");

static inline bool before(const struct due_node *left, const struct due_node *right) {
    return left->due_ms != right->due_ms ? left->due_ms < right->due_ms : left->account < right->account;
}

bool due_heap_reserve(struct due_heap *heap, uint32_t accounts) {
    if (accounts <= heap->capacity)
        return true;
    if (accounts > heap->places_capacity) {
        uint32_t *places = huge_array_grow(heap->places, heap->places_capacity * sizeof *places,
                                           accounts * sizeof *places);
        if (places == NULL)
            return false;
        heap->places = places;
        heap->places_capacity = accounts;
    }
    struct due_node *nodes = huge_array_grow(heap->nodes, heap->capacity * sizeof *nodes, accounts * sizeof *nodes);
    if (nodes == NULL)
        return false;
    heap->nodes = nodes;
    heap->capacity = accounts;
    return true;
}

size_t due_heap_bytes(const struct due_heap *heap) {
    return heap->capacity * (sizeof *heap->nodes + sizeof *heap->places);
}

void due_heap_free(struct due_heap *heap) {
    huge_array_free(heap->nodes, heap->capacity * sizeof *heap->nodes);
    huge_array_free(heap->places, heap->places_capacity * sizeof *heap->places);
    *heap = (struct due_heap){0};
}

static void put(struct due_heap *heap, uint32_t place, struct due_node node) {
    heap->nodes[place] = node;
    heap->places[node.account] = place + 1;
}

static void rise(struct due_heap *heap, uint32_t place, struct due_node node) {
    while (place > 0) {
        uint32_t parent = (place - 1) / CHILDREN;
        if (!before(&node, &heap->nodes[parent]))
            break;
        put(heap, place, heap->nodes[parent]);
        place = parent;
    }
    put(heap, place, node);
}

static inline const struct due_node *earlier(const struct due_node *left, const struct due_node *right) {
    return before(right, left) ? right : left;
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

/* `first` of the children's children, of which some are compared next. */
static inline void prefetch_grandchildren(const struct due_heap *heap, uint64_t first) {
    if (first + CHILDREN * CHILDREN <= heap->count)
        prefetch_bytes(heap->nodes + first, CHILDREN * CHILDREN * sizeof *heap->nodes);
}

static void sink(struct due_heap *heap, uint32_t place, struct due_node node) {
    for (uint64_t child; (child = (uint64_t)place * CHILDREN + 1) < heap->count;) {
        prefetch_grandchildren(heap, child * CHILDREN + 1);
        const struct due_node *least = earliest(heap, child);
        if (!before(least, &node))
            break;
        put(heap, place, *least);
        place = (uint32_t)(least - heap->nodes);
    }
    put(heap, place, node);
}

static void settle(struct due_heap *heap, uint32_t place, struct due_node node) {
    if (place > 0 && before(&node, &heap->nodes[(place - 1) / CHILDREN]))
        rise(heap, place, node);
    else
        sink(heap, place, node);
}

static void take_away(struct due_heap *heap, uint32_t account) {
    uint32_t place = heap->places[account] - 1;
    heap->places[account] = 0;
    struct due_node last = heap->nodes[--heap->count];
    if (last.account != account)
        settle(heap, place, last);
}

void due_heap_set(struct due_heap *heap, uint32_t account, int64_t due_ms) {
    assert(account < heap->capacity);
    uint32_t place = heap->places[account];
    if (due_ms == INSTANT_NEVER) {
        if (place != 0)
            take_away(heap, account);
        return;
    }
    struct due_node node = {due_ms, account};
    if (place == 0)
        rise(heap, heap->count++, node);
    else if (heap->nodes[place - 1].due_ms != due_ms)
        settle(heap, place - 1, node);
}

int64_t due_heap_get(const struct due_heap *heap, uint32_t account) {
    assert(account < heap->capacity);
    uint32_t place = heap->places[account];
    return place == 0 ? INSTANT_NEVER : heap->nodes[place - 1].due_ms;
}

bool due_heap_first(const struct due_heap *heap, uint32_t *ret_account, int64_t *ret_due_ms) {
    if (heap->count == 0)
        return false;
    *ret_account = heap->nodes[0].account;
    *ret_due_ms = heap->nodes[0].due_ms;
    return true;
}

uint32_t due_heap_next(const struct due_heap *heap, uint32_t ret_accounts[DUE_HEAP_NEXT_MAX]) {
    uint32_t count = 0;
    if (heap->count < 2)
        return 0;
    const struct due_node *least = earliest(heap, 1);
    ret_accounts[count++] = least->account;
    for (uint32_t i = 1; i <= CHILDREN && i < heap->count; i++)
        if (heap->nodes + i != least)
            ret_accounts[count++] = heap->nodes[i].account;
    return count;
}
