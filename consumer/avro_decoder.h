/* Avro's binary encoding of one record into an event, by a plan (avro_plan.h). The bytes may be anything: every length,
 * count and depth is held against what is left of them, and work is bounded by their number.
 *
 * A decoder belongs to one thread. The texts of an event are borrowed from the bytes, its entries from the decoder:
 * until it decodes the next one. */
#pragma once

#include "base/cursor.h"
#include "consumer/avro_plan.h"
#include "consumer/entries.h"
#include "engine/rejection.h"

#define SKIP_DEPTH_MAX 64 /* of recursive types in fields that are not ours */

/* Zero is a good beginning. */
struct avro_decoder {
    struct entries entries;
};

/* Reads one record; the cursor is left behind it. The event's place is left to the caller. RESULT_REJECT:
 * `ret_rejection` says why, and neither cursor nor event is of use any more. RESULT_FATAL: out of memory. */
MUST_USE enum result avro_decode(struct avro_decoder *decoder, const struct avro_plan *plan, struct cursor *cursor,
                                 struct event *ret_event, struct rejection *ret_rejection);

/* The same, where the bytes are exactly one record. */
MUST_USE enum result avro_decode_whole(struct avro_decoder *decoder, const struct avro_plan *plan, struct text bytes,
                                       struct event *ret_event, struct rejection *ret_rejection);

/* Reads over one value of any type; false where the bytes are malformed, or nested deeper than SKIP_DEPTH_MAX. */
MUST_USE bool schema_skip(const struct schema *schema, struct cursor *cursor);

void avro_decoder_free(struct avro_decoder *decoder);
