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

struct memory_topic {
    struct memory_record *records;
    uint64_t count, position;
    bool assigned;
};

struct memory_source {
    struct buffer values, keys; /* a key for each account: KEY_SIZE bytes */
    struct memory_topic topics[STREAMS];
    struct input inputs[2];
    bool told; /* of the assignment */
};

/* Makes and encodes all records of the load. Ends the process where memory is out. */
void memory_source_fill(struct memory_source *source, const struct load *load);
struct source memory_source_port(struct memory_source *source);
void memory_source_free(struct memory_source *source);
