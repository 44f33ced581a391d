/* Records that are to be published: encoded once, kept as bytes until they are published for certain, so that an
 * aborted transaction can be repeated with the very same ones.
 *
 * Used by one thread. Keys, values and headers are copied in, and stay where they are until batch_clear: a sink may
 * hand them to its library without a copy. The owner bounds `bytes` (limits.h) by ending the batch. */
#pragma once

#include "base/arena.h"

enum output {
    OUTPUT_CHANGES,
    OUTPUT_STATUSES,
    OUTPUT_DEAD_LETTERS,
    OUTPUT_CHANGELOG,
    OUTPUTS,
};

struct header {
    struct text name;
    struct text value; /* missing: null */
};

#define PARTITION_BY_KEY (-1)
#define OFFSET_NONE      (-1)

struct record {
    enum output output;
    int32_t partition; /* PARTITION_BY_KEY: murmur2 of the key */
    uint32_t headers_count;
    uint32_t bytes; /* of key, value and headers; set by the batch */
    const struct header *headers;
    struct text key;   /* missing: null (a dead letter may have none) */
    struct text value; /* missing: a tombstone */
    int64_t offset;    /* set by the sink when it was delivered; OFFSET_NONE where the report lacks it */
};

struct batch {
    struct record *records;
    uint32_t count, capacity;
    size_t bytes; /* of keys, values and headers */
    struct arena arena;
};

/* Copies `record` with all that it refers to; its offset starts as OFFSET_NONE. RESULT_FATAL: memory is out. */
MUST_USE enum result batch_add(struct batch *batch, const struct record *record, struct error *error);
/* Room for what a record refers to, for who writes it there before he adds the record. NULL: memory is out. */
MUST_USE uint8_t *batch_room(struct batch *batch, size_t size_max);
/* Adds a record of which all stands in such room, or lives as long as the batch: nothing is copied. */
MUST_USE enum result batch_add_kept(struct batch *batch, const struct record *record, struct error *error);
/* Adds a record without headers whose key and value stand in such room, one behind the other; what they do not need of
 * it goes back (a missing value: nobody sees what is there). */
MUST_USE enum result batch_add_written(struct batch *batch, const struct record *record, struct error *error);
void batch_clear(struct batch *batch); /* empty; memory is kept */
void batch_free(struct batch *batch);
