/* The sink port on librdkafka's transactional producer: one Kafka transaction for each commit (docs/exactly-once.md).
 *
 * It knows no policy: what an answer means for the transaction is the pipeline's. Where it stands in the way of a wrong
 * use of the library: offsets must be real numbers (the library skips others silently, and the fence with them), and a
 * commit is not called while deliveries are open.
 *
 * One worker thread owns a sink; it never blocks for longer than a call's timeout. Records of a batch are handed over
 * without a copy, as many at a time as make a batch of each partition (publication.c): that bounds what the library
 * keeps of them. */
#pragma once

#include "producer/client.h"

struct kafka_sink;

struct kafka_sink_options {
    struct kafka_properties properties; /* the operator's, bootstrap.servers among them */
    const char *transactional_id;       /* group and instance id: one for each worker, the same after a restart */
    int64_t transaction_timeout_ms;
    uint32_t value_bytes_max;     /* client_value_bytes_max() */
    const char *outputs[OUTPUTS]; /* topics */
    const char *inputs[STREAMS];  /* topics, for the offsets; NULL where a stream is off */
    /* The group's metadata in a source's membership. A function, because source and sink do not know one another. */
    const rd_kafka_consumer_group_metadata_t *(*group_metadata)(const struct membership *membership);
    const struct logger *logger; /* for the library's own lines; may be NULL */
};

/* Checks the properties; no I/O. What `options` points to is borrowed until kafka_sink_free. RESULT_REJECT: a property
 * is not good. RESULT_FATAL: memory is out. */
MUST_USE enum result kafka_sink_create(const struct kafka_sink_options *options, struct kafka_sink **ret_sink,
                                       struct error *error);
/* Destroys the producer too, where `close` of the port has not. */
void kafka_sink_free(struct kafka_sink *sink);

/* The port. Its calls, beyond what engine/ports.h says:
 * - renew: FATAL where a topic or the transactional id may not be used; FAILED where a topic does not exist.
 * - send_offsets: goes on beside the worker's thread, as the library's own call cannot be gone on with after a timeout;
 *   the same call again, or abort, looks at its end. It takes transaction_timeout_ms at the longest.
 * - troubles: serves the library's events, so it is to be called now and then (every second) also when nothing is to
 *   be published. */
struct sink kafka_sink_port(struct kafka_sink *sink);
