/* Changes, statuses and events as Avro's binary encoding of the schemas in schemas/: without a framing, which is
 * framing.h's. Appended to a buffer. Pure functions; thread-safe. */
#pragma once

#include "producer/change_json.h"

/* segment_change.avsc */
void change_write_avro(const struct change *change, const struct change_origin *origin, struct buffer *out);

/* account_status.avsc. The status is not erased: such a one has no value. */
void status_write_avro(const struct status *status, struct buffer *out);

/* The stream's schema. The event is no tombstone, and valid: a field that is null is nullable or has a default. */
void event_write_avro(const struct event *event, struct buffer *out);
