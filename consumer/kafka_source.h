/* The source port (engine/ports.h) on a librdkafka group consumer: read_committed, `range`, a static member. Every
 * input has a queue of its own, so that one that is full never holds up another that the merge waits for.
 *
 * One worker thread owns a source. librdkafka keeps at most queued.min.messages or queued.max.messages.kbytes of each
 * input, the fewer messages the more partitions there are; whoever fetches bounds the rest. */
#pragma once

#include "consumer/kafka_handle.h"

struct kafka_source;

enum start { START_EARLIEST, START_LATEST, START_AT_INSTANT };

struct kafka_source_options {
    struct consumer_properties properties; /* the operator's, bootstrap.servers among them */
    const char *group;
    const char *instance_id; /* this member's own name, the same after a restart */
    int64_t session_timeout_ms;
    const char *topics[STREAMS]; /* NULL where a stream is off */
    int32_t partitions;          /* of each of them */
    enum start start;            /* where reading starts when nothing is committed */
    int64_t start_ms;            /* START_AT_INSTANT */
    const struct logger *logger; /* may be NULL */
    const struct clock *clock;
};

/* Joins the group, as soon as it is polled. What `options` points to is borrowed until kafka_source_free.
 * RESULT_REJECT: a property is not good. RESULT_FATAL: librdkafka refused, or memory is out. */
MUST_USE enum result kafka_source_create(const struct kafka_source_options *options, struct kafka_source **ret_source,
                                         struct error *error);
/* Every message and membership has been released. */
void kafka_source_free(struct kafka_source *source);

/* The port. Beyond what engine/ports.h says: FATAL of `committed`, `starts` and `bounds` also where a topic is gone. */
struct source kafka_source_port(struct kafka_source *source);

/* What a transaction sends with its offsets; borrowed from the membership. */
const rd_kafka_consumer_group_metadata_t *kafka_source_group_metadata(const struct membership *membership);
