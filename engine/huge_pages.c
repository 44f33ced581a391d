#include "engine/huge_pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What an array takes; smaller ones come from the allocator. */
static size_t mapped_bytes(size_t size) {
    return (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static int is_mapped(size_t size) {
    return size >= HUGE_PAGE;
}

static void unmap(void *begin, size_t size) {
    if (size == 0)
        return;
    int failed = munmap(begin, size);
    assert(failed == 0);
}

/* Pages aligned to HUGE_PAGE: more than that is mapped, and what stands out at both ends given back. */
static void *map(size_t size) {
    char *begin = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED)
        return NULL;
    size_t before = (HUGE_PAGE - (size_t)begin % HUGE_PAGE) % HUGE_PAGE;
    unmap(begin, before);
    unmap(begin + before + size, HUGE_PAGE - before);
    return begin + before;
}

static void advise(void *memory, size_t size) {
    (void)madvise(memory, size, MADV_HUGEPAGE);
}

void *huge_array_make(size_t size) {
    if (!is_mapped(size))
        return calloc(1, size);
    void *array = map(mapped_bytes(size));
    if (array != NULL)
        advise(array, mapped_bytes(size));
    return array;
}

/* To a place that is aligned too, so that huge pages move as a whole. */
static void *move(void *array, size_t former_bytes, size_t bytes) {
    void *place = map(bytes);
    if (place == NULL)
        return NULL;
    void *moved = mremap(array, former_bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (moved == MAP_FAILED) {
        unmap(place, bytes);
        return NULL;
    }
    return moved;
}

static void *grow_mapped(void *array, size_t former_bytes, size_t bytes) {
    if (mremap(array, former_bytes, bytes, 0) == MAP_FAILED && (array = move(array, former_bytes, bytes)) == NULL)
        return NULL;
    advise(array, bytes);
    return array;
}

void *huge_array_grow(void *array, size_t former, size_t size) {
    assert(size > former);
    if (is_mapped(former))
        return grow_mapped(array, mapped_bytes(former), mapped_bytes(size));
    void *grown = huge_array_make(size);
    if (grown == NULL)
        return NULL;
    if (former > 0)
        memcpy(grown, array, former);
    free(array);
    return grown;
}

/* Pointers to all kinds of items look alike, and are copied as they may not be aliased. */
bool huge_array_reserve(void *array, uint32_t *capacity, uint32_t count, size_t item_bytes) {
    void *items;
    if (count <= *capacity)
        return true;
    memcpy(&items, array, sizeof items);
    items = huge_array_grow(items, *capacity * item_bytes, count * item_bytes);
    if (items == NULL)
        return false;
    memcpy(array, &items, sizeof items);
    *capacity = count;
    return true;
}

void huge_array_free(void *array, size_t size) {
    if (array != NULL && is_mapped(size))
        unmap(array, mapped_bytes(size));
    else
        free(array);
}

void *huge_region_make(void) {
    return map(HUGE_PAGE);
}

void huge_region_advise(void *region) {
    advise(region, HUGE_PAGE);
}

void huge_region_free(void *region) {
    unmap(region, HUGE_PAGE);
}
