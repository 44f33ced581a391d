/* A bump allocator: many small things with one lifetime. Not shared between threads.
 *
 * arena_alloc returns zeroed memory, aligned for any type, or NULL when the system has none; the memory lives until
 * arena_clear (which keeps the chunks for reuse) or arena_free. */
#pragma once

#include <stddef.h>

#include "base/result.h"
#include "base/text.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *first;
    struct arena_chunk *current;
};

MUST_USE void *arena_alloc(struct arena *arena, size_t size);
/* The same, but what the memory holds is not defined: for what is filled at once. */
MUST_USE void *arena_take(struct arena *arena, size_t size);
/* Gives back what was taken last, but for its first `size` bytes. */
void arena_shrink(struct arena *arena, const void *memory, size_t size);
/* A copy that is also zero-terminated (the zero is not counted); missing where memory is out or `text` is missing. */
MUST_USE struct text arena_text(struct arena *arena, struct text text);
MUST_USE struct text arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_clear(struct arena *arena);
void arena_free(struct arena *arena);
