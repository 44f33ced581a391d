/* What stands before an Avro value so that a reader finds its schema, and values as a whole: the encodings that an
 * operator chooses for a topic. Plain data, pure functions; thread-safe. */
#pragma once

#include "producer/change_json.h"

enum framing_kind {
    FRAMING_SINGLE_OBJECT, /* Avro's own: C3 01 and the schema's CRC-64-AVRO fingerprint */
    FRAMING_CONFLUENT,     /* a zero and the id that the registry gave the schema */
    FRAMING_PLAIN,         /* nothing: the reader is configured with the schema */
    FRAMING_JSON,          /* no Avro: the JSON of change_json.h */
};

struct framing {
    enum framing_kind kind;
    uint64_t fingerprint; /* FRAMING_SINGLE_OBJECT */
    uint32_t schema_id;   /* FRAMING_CONFLUENT */
};

/* Each appends a whole value. Events have no JSON form in topics: their framing is not FRAMING_JSON. */
void change_write(const struct change *change, const struct change_origin *origin, const struct framing *framing,
                  struct buffer *out);
void status_write(const struct status *status, const struct framing *framing, struct buffer *out);
void event_write(const struct event *event, const struct framing *framing, struct buffer *out);

/* `application/avro` or `application/json`. */
struct text framing_content_type(const struct framing *framing);
