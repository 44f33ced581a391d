/* An Avro schema (1.11) as a bounded tree, read from its JSON. Immutable once parsed; everything lives in the arena
 * that it was parsed into, and may then be read from any thread.
 *
 * A named type stands in the tree once and is pointed to wherever it is used: a recursive type is a cycle. Logical
 * types other than those of instants are of no interest here. Names are taken as they are written: a producer's odd
 * name is no reason to refuse its records. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/result.h"
#include "base/text.h"

#define SCHEMA_TEXT_MAX  (1024 * 1024) /* bytes of JSON */
#define SCHEMA_NODES_MAX 8192          /* types and fields of a schema together */
#define SCHEMA_DEPTH_MAX 64            /* types within types as written */

enum schema_kind {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_INT,
    SCHEMA_LONG,
    SCHEMA_FLOAT,
    SCHEMA_DOUBLE,
    SCHEMA_BYTES,
    SCHEMA_STRING, /* the last of the primitive ones */
    SCHEMA_RECORD,
    SCHEMA_ENUM,
    SCHEMA_FIXED, /* the last of those with a name */
    SCHEMA_ARRAY,
    SCHEMA_MAP,
    SCHEMA_UNION,
};

/* What a long or int stands for, as far as instants go. */
enum schema_unit {
    UNIT_NONE, /* a plain number, or a logical type that is not about time */
    UNIT_MILLISECONDS,
    UNIT_MICROSECONDS,
    UNIT_NANOSECONDS,
    UNIT_OTHER, /* a date, a time of day: no instant */
};

struct schema;

struct schema_field {
    struct text name;
    const struct text *aliases;
    uint32_t aliases_count;
    const struct schema *type;
    struct text default_json; /* missing: the field has none; else as compact JSON */
};

struct schema {
    enum schema_kind kind;
    enum schema_unit unit;      /* int, long */
    struct text name;           /* record, enum, fixed: with its namespace */
    const struct text *aliases; /* record, enum, fixed: with their namespaces */
    uint32_t aliases_count;
    uint32_t count; /* of fields, symbols or branches; of fixed: its bytes */
    union {
        struct schema_field *fields;    /* record */
        const struct text *symbols;     /* enum */
        const struct schema **branches; /* union */
        const struct schema *items;     /* array, map (its values) */
    };
    uint32_t default_symbol; /* enum: UINT32_MAX where it has none */
    bool empty;              /* a value of it has no bytes: null, and what is made of nothing else */
};

/* The named types that a text may refer to without defining them: those of the texts parsed before into the same one
 * (a registry's references). Zero is a good beginning; everything lives in the arena. */
struct schema_names {
    struct schema **types;
    uint32_t count, capacity;
};

/* `names` may be NULL. RESULT_REJECT: the text is no schema; the error says what and where. RESULT_FATAL: out of
 * memory. */
MUST_USE enum result schema_parse(struct text json, struct schema_names *names, struct arena *arena,
                                  const struct schema **ret_schema, struct error *error);

/* Appends the Parsing Canonical Form of the Avro specification. */
void schema_write_canonical(const struct schema *schema, struct buffer *out);

/* CRC-64-AVRO of the Parsing Canonical Form, as the single-object encoding names a schema. RESULT_FATAL: out of
 * memory. */
MUST_USE enum result schema_fingerprint(const struct schema *schema, uint64_t *ret_fingerprint, struct error *error);
uint64_t crc64_avro(const void *data, size_t size);

/* Whether two schemas of one fingerprint also say the same of instants: it leaves their units out. RESULT_FATAL: out of
 * memory. */
MUST_USE enum result schema_same_instants(const struct schema *left, const struct schema *right, bool *ret_same,
                                          struct error *error);

/* The part of a name behind its last dot. */
struct text schema_short_name(struct text name);

/* "a string", "a record Login": for messages; borrowed from the schema and from `text`. */
#define SCHEMA_WORDS_MAX 128
const char *schema_words(const struct schema *schema, char text[SCHEMA_WORDS_MAX]);
