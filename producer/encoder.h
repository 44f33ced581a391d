/* The encoder port: changes, statuses and dead letters as records of a batch (docs/contract.md). No I/O; the same bytes
 * for the same input.
 *
 * No value is larger than `value_bytes_max`, so that none can be refused for its size and stop its shard: texts of a
 * change or a status that would be are cut (clip.h), as short as need be, and so is the value of a dead letter, which
 * says so in a header. One thread.
 */
#pragma once

#include "engine/ports.h"
#include "producer/framing.h"

struct encoder_options {
    struct text group;           /* the consumer group, for ce_source */
    struct text topics[STREAMS]; /* the inputs' topics, for causes and dead letters */
    struct framing changes, statuses;
    struct text registry_url; /* for ce_dataschema where changes are framed by a registry's id; may be missing */
    uint32_t value_bytes_max; /* client_value_bytes_max() */
};

/* Texts are copied. encoder_free the result. RESULT_FATAL: memory is out. */
MUST_USE enum result encoder_create(const struct encoder_options *options, struct encoder *ret_encoder,
                                    struct error *error);
void encoder_free(struct encoder *encoder);
