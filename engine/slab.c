#include "engine/slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/huge_pages.h"

/* The smallest block, and the largest that lives in a chunk; larger ones come from the system one by one. */
#define BLOCK_MIN ((size_t)128)
#define BLOCK_MAX ((size_t)64 * 1024)

/* Stands at the chunk's beginning; chunks are aligned to their size, so that a block finds its own. */
struct slab_chunk {
    struct slab_chunk *next, *previous;
    void *released; /* blocks that were given back, each pointing to the next */
    uint32_t class;
    uint32_t used;   /* blocks handed out */
    uint32_t carved; /* blocks that were ever handed out; behind them the chunk is untouched */
    uint32_t capacity;
    bool begins_region;
};

#define CHUNK_HEADER ((sizeof(struct slab_chunk) + 15) & ~(size_t)15)

/* Class c: (8 + c % 8) eighths of BLOCK_MIN << c / 8: 128, 144, 160, ... 256, 288, ... All are multiples of 16. */
static size_t class_bytes(uint32_t class) {
    return (BLOCK_MIN << class / 8) / 8 * (8 + class % 8);
}

static uint32_t class_of(size_t size) {
    if (size <= BLOCK_MIN)
        return 0;
    uint32_t octave = 63 - (uint32_t)__builtin_clzll((size - 1) / BLOCK_MIN);
    size_t eighths = (size - 1) / (BLOCK_MIN / 8) >> octave; /* 8 to 15 */
    return octave * 8 + (uint32_t)eighths - 7;
}

size_t slab_block_bytes(size_t size) {
    return size > BLOCK_MAX ? size : class_bytes(class_of(size));
}

static struct slab_chunk *chunk_of(void *block) {
    return (struct slab_chunk *)((char *)block - (uintptr_t)block % SLAB_CHUNK);
}

static void list_push(struct slab_chunk **list, struct slab_chunk *chunk) {
    chunk->previous = NULL;
    chunk->next = *list;
    if (*list != NULL)
        (*list)->previous = chunk;
    *list = chunk;
}

static void list_remove(struct slab_chunk **list, struct slab_chunk *chunk) {
    assert(chunk->previous != NULL || *list == chunk);
    if (chunk->previous != NULL)
        chunk->previous->next = chunk->next;
    else
        *list = chunk->next;
    if (chunk->next != NULL)
        chunk->next->previous = chunk->previous;
}

/* A chunk of memory that was never used; regions are of the size and the place of a huge page. The first is left to
 * small pages: who needs no more shall not take all of it. */
static struct slab_chunk *chunk_new(struct slab *slab) {
    bool begins_region = slab->region_left == 0;
    if (begins_region) {
        char *region = huge_region_make();
        if (region == NULL)
            return NULL;
        if (slab->region != NULL)
            huge_region_advise(region);
        slab->region = region;
        slab->region_left = HUGE_PAGE;
    }
    struct slab_chunk *chunk = (struct slab_chunk *)(void *)(slab->region + HUGE_PAGE - slab->region_left);
    slab->region_left -= SLAB_CHUNK;
    slab->bytes_reserved += SLAB_CHUNK;
    chunk->begins_region = begins_region;
    return chunk;
}

static struct slab_chunk *chunk_for(struct slab *slab, uint32_t class) {
    if (slab->partial[class] != NULL)
        return slab->partial[class];
    struct slab_chunk *chunk = slab->empty;
    if (chunk != NULL)
        list_remove(&slab->empty, chunk);
    else
        chunk = chunk_new(slab);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct slab_chunk){.class = class,
                                 .capacity = (uint32_t)((SLAB_CHUNK - CHUNK_HEADER) / class_bytes(class)),
                                 .begins_region = chunk->begins_region};
    list_push(&slab->partial[class], chunk);
    return chunk;
}

static void *chunk_take(struct slab *slab, struct slab_chunk *chunk) {
    void *block = chunk->released;
    if (block != NULL)
        memcpy(&chunk->released, block, sizeof chunk->released);
    else
        block = (char *)chunk + CHUNK_HEADER + chunk->carved++ * class_bytes(chunk->class);
    if (++chunk->used == chunk->capacity)
        list_remove(&slab->partial[chunk->class], chunk);
    return block;
}

void *slab_alloc(struct slab *slab, size_t size) {
    assert(size > 0);
    void *block;
    if (size > BLOCK_MAX) {
        block = malloc(size);
        if (block != NULL)
            slab->bytes_reserved += size;
    } else {
        struct slab_chunk *chunk = chunk_for(slab, class_of(size));
        block = chunk == NULL ? NULL : chunk_take(slab, chunk);
    }
    if (block != NULL)
        slab->bytes_used += slab_block_bytes(size);
    return block;
}

void slab_release(struct slab *slab, void *block, size_t size) {
    slab->bytes_used -= slab_block_bytes(size);
    if (size > BLOCK_MAX) {
        slab->bytes_reserved -= size;
        free(block);
        return;
    }
    struct slab_chunk *chunk = chunk_of(block);
    assert(chunk->used > 0 && chunk->class == class_of(size));
    memcpy(block, &chunk->released, sizeof chunk->released);
    chunk->released = block;
    if (chunk->used-- == chunk->capacity)
        list_push(&slab->partial[chunk->class], chunk);
    if (chunk->used == 0) {
        list_remove(&slab->partial[chunk->class], chunk);
        list_push(&slab->empty, chunk);
    }
}

void slab_free(struct slab *slab) {
    assert(slab->bytes_used == 0);
    struct slab_chunk *regions = NULL;
    while (slab->empty != NULL) {
        struct slab_chunk *chunk = slab->empty;
        slab->empty = chunk->next;
        if (!chunk->begins_region)
            continue;
        chunk->next = regions;
        regions = chunk;
    }
    while (regions != NULL) {
        struct slab_chunk *region = regions;
        regions = region->next;
        huge_region_free(region);
    }
    *slab = (struct slab){0};
}
