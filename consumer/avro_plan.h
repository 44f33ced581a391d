/* A writer's schema, resolved to the fields of one of our streams as the Avro specification (1.11) has it, and compiled
 * to the steps of a decoder: one for each field that the writer wrote, in its order.
 *
 * What the specification leaves to be found out with each value (a branch of a union that does not fit, a symbol that
 * we do not know) is a step that refuses; what can never fit is an error here, and names the field. Names of records
 * and enums are not compared: the topic says what its records are. Instants are converted from micro- and nanoseconds.
 *
 * A plan is immutable and may be used from any thread; it lives in its arena, and so must the schema. */
#pragma once

#include "consumer/avro_schema.h"
#include "engine/core/streams.h"

enum step_kind {
    STEP_SKIP_VARINT, /* int, long, enum */
    STEP_SKIP_SIZED,  /* string, bytes */
    STEP_SKIP_FIXED,  /* `count` bytes */
    STEP_SKIP_TREE,   /* whatever `schema` is */
    STEP_NULL,
    STEP_STRING,
    STEP_INT,
    STEP_LONG,
    STEP_TIME,           /* the event's own instant; `count` units are a millisecond */
    STEP_INSTANT,        /* any other one */
    STEP_DOUBLE_OF_LONG, /* the writer's is an int or a long */
    STEP_DOUBLE_OF_FLOAT,
    STEP_DOUBLE,
    STEP_BOOLEAN,
    STEP_ENUM,   /* `symbols` by the writer's index, `count` of them; UINT32_MAX: unknown to us */
    STEP_MAP,    /* values of `schema`: string, bytes, or a union with them */
    STEP_UNION,  /* `branches`, `count` of them; none of them is a union */
    STEP_REFUSE, /* a branch that does not fit */
    STEP_END,    /* behind the last of a record */
};

struct step {
    uint8_t kind;     /* enum step_kind */
    uint8_t field;    /* of the stream; not for skips */
    uint32_t present; /* the field's bit where the step gives a value */
    uint32_t count;
    union {
        const struct schema *schema; /* SKIP_TREE; MAP; also REFUSE and ENUM, where messages need it: see below */
        const struct step *branches;
        const uint32_t *symbols;
    };
    const struct schema *writer; /* the writer's type of this step, for messages */
};

struct field_default {
    uint32_t field;
    double number;
};

/* How to decode the values of one writer's record. */
struct program_of_record {
    const struct step *steps;             /* the last one is a STEP_END */
    const struct field_default *defaults; /* of fields that the writer does not have */
    uint32_t defaults_count;
    uint32_t present; /* the bits of these */
};

struct avro_plan {
    enum stream stream;
    bool is_union;                                  /* the writer's schema is a union: a value begins with the branch */
    const struct program_of_record *const *records; /* one, or one for each branch: NULL where it does not fit */
    uint32_t records_count;
};

/* `ours` is the stream's own schema, for its aliases. RESULT_REJECT: the two can not be resolved; RESULT_FATAL: out of
 * memory. */
MUST_USE enum result avro_plan_compile(const struct schema *writer, enum stream stream, const struct schema *ours,
                                       struct arena *arena, const struct avro_plan **ret_plan, struct error *error);
