/* The schemas of schemas/, which are compiled in: parsed once, at the start. Immutable afterwards, for any thread. */
#pragma once

#include "consumer/avro_schema.h"
#include "engine/core/streams.h"

struct own_schema {
    struct text file; /* "login.avsc" */
    struct text json;
    const struct schema *schema;
    uint64_t fingerprint;
};

/* Opaque in spirit: use own_schemas_find. */
struct own_schemas {
    struct own_schema *all;
    uint32_t count;
    const struct own_schema *streams[STREAMS]; /* by the stream whose record it is */
    struct arena arena;
};

/* RESULT_FATAL: out of memory. */
MUST_USE enum result own_schemas_load(struct own_schemas *ret_schemas, struct error *error);
void own_schemas_free(struct own_schemas *schemas);

/* By the record's name without its namespace ("SegmentChange"); NULL where there is none. */
const struct own_schema *own_schemas_find(const struct own_schemas *schemas, struct text record);

/* The stream whose records have this name, with any namespace; STREAMS where there is none. */
enum stream own_stream_of_record(struct text record);
