/* The schemas that records were written with, by a key (a fingerprint, a registry's id), and how each is decoded as a
 * record of a stream: compiled when it is first needed, and so is the reason why it can not be. One thread. */
#pragma once

#include "consumer/avro_plan.h"
#include "consumer/own_schemas.h"

#define WRITERS_MAX 16384

struct writer {
    uint64_t key;
    const struct schema *schema;
    const struct avro_plan *plans[STREAMS];
    struct text refusals[STREAMS]; /* why there is no plan; missing where that was not tried */
};

/* Zero is a good beginning. */
struct writers {
    struct arena arena;
    struct writer **slots; /* hashed by the key; their number is a power of two */
    uint32_t slots_count, count;
};

/* NULL where there is none of that key. */
struct writer *writers_find(const struct writers *writers, uint64_t key);

/* Adds one, unless its key is there already; the schema outlives the writers (their arena will do). RESULT_FATAL:
 * memory is out, or there are too many. */
MUST_USE enum result writers_add(struct writers *writers, uint64_t key, const struct schema *schema,
                                 struct writer **ret_writer, struct error *error);
void writers_free(struct writers *writers);

/* How to decode it as a record of the stream. RESULT_REJECT: it can not be resolved to ours. RESULT_FATAL: memory is
 * out. */
MUST_USE enum result writer_plan(struct writers *writers, struct writer *writer, enum stream stream,
                                 const struct own_schemas *own, const struct avro_plan **ret_plan, struct error *error);
