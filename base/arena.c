#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES (64 * 1024 - 64)
#define ALIGNMENT   alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

static struct arena_chunk *chunk_create(size_t size) {
    if (size < CHUNK_BYTES)
        size = CHUNK_BYTES;
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->size = size;
        chunk->used = 0;
    }
    return chunk;
}

/* Makes a chunk with room the current one: the next kept one that is large enough, else a new one put in between. */
static struct arena_chunk *chunk_with_room(struct arena *arena, size_t size) {
    struct arena_chunk *current = arena->current;
    if (current != NULL && current->size - current->used >= size)
        return current;
    struct arena_chunk *next = current == NULL ? arena->first : current->next;
    if (next == NULL || next->size < size) {
        struct arena_chunk *created = chunk_create(size);
        if (created == NULL)
            return NULL;
        created->next = next;
        *(current == NULL ? &arena->first : &current->next) = created;
        next = created;
    }
    arena->current = next;
    return next;
}

static size_t aligned(size_t size) {
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *arena_take(struct arena *arena, size_t size) {
    size = aligned(size);
    struct arena_chunk *chunk = chunk_with_room(arena, size);
    if (chunk == NULL)
        return NULL;
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

void arena_shrink(struct arena *arena, const void *memory, size_t size) {
    struct arena_chunk *chunk = arena->current;
    size_t used = (size_t)((const char *)memory - chunk->bytes) + aligned(size);
    assert(used <= chunk->used);
    chunk->used = used;
}

void *arena_alloc(struct arena *arena, size_t size) {
    void *memory = arena_take(arena, size);
    return memory == NULL ? NULL : memset(memory, 0, size);
}

struct text arena_text(struct arena *arena, struct text text) {
    if (text_is_missing(text))
        return TEXT_MISSING;
    char *copy = arena_alloc(arena, (size_t)text.size + 1);
    if (copy == NULL)
        return TEXT_MISSING;
    memcpy(copy, text.data, text.size);
    return (struct text){copy, text.size};
}

struct text arena_printf(struct arena *arena, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *copy = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
    if (copy != NULL)
        vsnprintf(copy, (size_t)length + 1, format, again);
    va_end(again);
    return copy == NULL ? TEXT_MISSING : (struct text){copy, (uint32_t)length};
}

void arena_clear(struct arena *arena) {
    for (struct arena_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->next)
        chunk->used = 0;
    arena->current = arena->first;
}

void arena_free(struct arena *arena) {
    for (struct arena_chunk *chunk = arena->first, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *arena = (struct arena){0};
}
