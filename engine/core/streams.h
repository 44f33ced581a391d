/* The one table of the streams and their fields. It says what the schemas/ files say (a unit test holds the two
 * together); decoders, the JSON lines reader, the rules language and the docs take their fields from here.
 *
 * Streams are numbered in the order in which records of equal time are merged. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum stream {
    STREAM_ACCOUNT,
    STREAM_USAGE,
    STREAM_LOGIN,
    STREAM_TICKET,
    STREAM_NPS,
    STREAM_CUSTOM,
    STREAMS,
};

enum field_type {
    FIELD_STRING,
    FIELD_INSTANT, /* Avro long, timestamp-millis */
    FIELD_LONG,
    FIELD_INT,
    FIELD_DOUBLE,
    FIELD_BOOLEAN,
    FIELD_ENUM,
    FIELD_MAP, /* of string to string; a stream has one at the most */
};

#define FIELDS_MAX 20

struct field {
    struct text name;
    enum field_type type;
    bool nullable;              /* a union with null; null is its default */
    bool has_default;           /* a default that is not null (or the empty map) */
    double default_number;      /* its value: a number, a boolean as 0 or 1, an enum as the index of its symbol */
    double lowest, highest;     /* what is accepted, both inclusive; lowest > highest: no bounds */
    const struct text *symbols; /* enum */
    uint32_t symbols_count;
};

struct stream_schema {
    struct text name;           /* in rules and JSON lines: "usage" */
    struct text topic;          /* the default topic: "product-usage" */
    struct text record;         /* Avro's name in namespace bellwether.v1: "ProductUsage" */
    const struct field *fields; /* in the schema's order */
    uint32_t fields_count;
    uint32_t account_id, event_id, time; /* indices of these fields; FIELDS_MAX where the stream has none */
};

extern const struct stream_schema stream_schemas[STREAMS];

/* Fields that the engine itself looks at. */
enum { TICKET_ID = 4, TICKET_ACTION = 5 };
enum { TICKET_OPENED, TICKET_UPDATED, TICKET_ESCALATED, TICKET_REOPENED, TICKET_RESOLVED, TICKET_CLOSED };
enum { FACT_NAME = 2, FACT_PLAN = 4, FACT_ARR = 5, FACT_CURRENCY = 6, FACT_OWNER = 15 };

/* STREAMS where there is none of that name. */
enum stream stream_find(struct text name);
/* The field's index, or FIELDS_MAX. */
uint32_t stream_field(enum stream stream, struct text name);
/* The symbol's index, or UINT32_MAX. */
uint32_t field_symbol(const struct field *field, struct text symbol);
