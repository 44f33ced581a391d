/* A layout: what the slots of a program's states mean, so that a state's sections can be stored as they are, and bound
 * to another program's slots by who never saw the first. A blob (blob.h) names its layout by the hash of these bytes:
 *
 *     version                        a byte
 *     aggregates: count, of each     fingerprint, 8 bytes; a byte: the bit of its filter in a ticket + 1; 0: no `open`
 *     dimensions: count, of each     name; count, the values that stand behind the numbers from 1 on
 *     segments: count, of each       name; count_hash, 8 bytes
 *
 * Counts are varints, names and values texts behind their size as a varint. Programs that differ only in scores, in
 * dimensions' conditions, in durations or in windows share a layout. From the first release on a version is read for
 * ever once it was written. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/result.h"
#include "engine/core/account/state.h"

#define LAYOUT_VERSION 1

struct layout_dimension {
    struct text name;
    const struct text *values; /* of number 1, 2, ... */
    uint32_t values_count;
};

struct layout_segment {
    struct text name;
    uint64_t count_hash;
};

struct layout {
    const struct layout *next; /* known before it */
    uint64_t hash;             /* of `bytes` */
    struct text bytes;
    const uint64_t *fingerprints; /* of its aggregates */
    uint32_t aggregates_count;
    uint64_t filters[OPEN_FILTERS_MAX]; /* bit of a ticket's masks: fingerprint of its aggregate */
    uint32_t filters_count;
    const struct layout_dimension *dimensions;
    uint32_t dimensions_count;
    const struct layout_segment *segments;
    uint32_t segments_count;
};

static inline uint32_t layout_slots(const struct layout *layout) {
    return SLOT_AGGREGATES + layout->aggregates_count + layout->dimensions_count + layout->segments_count;
}

bool layout_has_aggregate(const struct layout *layout, uint64_t fingerprint);

/* The program's own. NULL: memory is out. */
const struct layout *layout_of(const struct program *program, struct arena *arena);

/* All that blobs of a shard may be of. Zero is a good one; memory is the arena's that it is always given. */
struct layouts {
    const struct layout *newest;
};

/* NULL: none of that hash is known. */
const struct layout *layouts_find(const struct layouts *layouts, uint64_t hash);
/* Nothing happens where it is known already. RESULT_REJECT: malformed or of a later version. RESULT_FATAL: memory is
 * out. */
MUST_USE enum result layouts_add(struct layouts *layouts, struct text bytes, struct arena *arena, struct error *error);
/* All of them as a store keeps them: the bytes of each behind their size as a varint, the newest first. */
void layouts_encode(const struct layouts *layouts, struct buffer *out);
/* Adds those of `all`, which are so encoded. */
MUST_USE enum result layouts_add_all(struct layouts *layouts, struct text all, struct arena *arena,
                                     struct error *error);
