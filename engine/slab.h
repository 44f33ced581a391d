/* Memory for account states: many runs of bytes of all sizes that come, grow and go for as long as the process lives,
 * without the heap falling to pieces.
 *
 * Blocks come in size classes (eight to each power of two, so that at most a ninth is lost); a chunk of SLAB_CHUNK
 * bytes holds blocks of one class, and a chunk that has become empty may serve any class. Blocks are aligned to 16
 * bytes. One thread; a worker's shards share one slab, whose `bytes_used` is held against the worker's memory bound. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

#define SLAB_CHUNK   ((size_t)256 * 1024)
#define SLAB_CLASSES 73

struct slab_chunk;

struct slab {
    struct slab_chunk *partial[SLAB_CLASSES]; /* chunks of the class that have a free block */
    struct slab_chunk *empty;                 /* chunks of no class */
    char *region;                             /* the newest; chunks are cut from it, */
    size_t region_left;                       /* of so many bytes that are left of it */
    size_t bytes_used;                        /* of all blocks that are handed out, rounded up to their classes */
    size_t bytes_reserved;                    /* that the slab has from the system */
};

/* NULL when memory is out. `size` is at least 1. */
MUST_USE void *slab_alloc(struct slab *slab, size_t size);
/* `size` as it was asked for, or slab_block_bytes of it. */
void slab_release(struct slab *slab, void *block, size_t size);
/* The bytes that a block of `size` takes, all of which may be used. */
size_t slab_block_bytes(size_t size);
/* All blocks have been released. */
void slab_free(struct slab *slab);
