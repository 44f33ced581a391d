/* A load in memory, as the source port gives it: the engine is seen alone, without a broker and its library. One shard.
 * Made by one thread, read by one. */
#pragma once

#include "bench/load.h"
#include "engine/ports.h"

struct memory_record {
    size_t begin;
    uint32_t size;
    uint32_t account;
    int64_t timestamp_ms;
};

#define MEMORY_SLOTS 2048 /* more than can be fetched and not released yet */

/* Offsets below `fleeting` are of records that are made as they are fetched, in a ring; the others are in memory. */
struct memory_topic {
    uint64_t fleeting;
    struct buffer *slots; /* MEMORY_SLOTS */
    struct memory_record *records;
    uint64_t count, position; /* of both kinds */
    bool assigned;
};

struct memory_source {
    struct load load;
    struct framing framings[STREAMS];
    struct buffer values, keys; /* a key for each account: KEY_SIZE bytes */
    struct memory_topic topics[STREAMS];
    struct input inputs[2];
    bool told; /* of the assignment */
};

/* Makes and encodes all records of the load; `fleeting`: but for those before what is measured, for which there may be
 * no room. Ends the process where memory is out. */
void memory_source_fill(struct memory_source *source, const struct load *load, bool fleeting);
struct source memory_source_port(struct memory_source *source);
void memory_source_free(struct memory_source *source);
