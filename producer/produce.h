/* Events onto the input topics: `bellwether produce`, and tests. As a company's own producers would write them: Avro,
 * keyed by the account id, on the partition that the partitioner gives, at the event's own time.
 *
 * One thread. What waits to be sent is bounded by the library's queue; when that is full, the caller waits. */
#pragma once

#include "producer/client.h"
#include "producer/framing.h"

struct event_producer;

struct produce_options {
    struct kafka_properties properties; /* the operator's, bootstrap.servers among them */
    const char *topics[STREAMS];
    struct framing framings[STREAMS];
    const char *partitioner; /* as librdkafka names it, "murmur2_random" */
    const struct logger *logger;
};

struct produce_counts {
    uint64_t sent;      /* handed over */
    uint64_t delivered; /* acknowledged by the brokers */
    uint64_t failed;
    struct error failure; /* the first */
};

/* Texts of `options` are borrowed until produce_close. RESULT_REJECT: a property is not good. */
MUST_USE enum result produce_open(const struct produce_options *options, struct event_producer **ret_producer,
                                  struct error *error);
/* Does not wait for what is still on its way: produce_flush does. */
void produce_close(struct event_producer *producer);

/* Sends the event, valid by its schema, or a tombstone; its place gives the record's timestamp. Waits while the queue
 * is full. RESULT_REJECT: this one cannot be sent (too large). RESULT_FATAL: none can be any more. */
MUST_USE enum result produce_event(struct event_producer *producer, const struct event *event, struct error *error);

/* RESULT_RETRY: records are still on their way when the time is over. RESULT_OK: all have an answer, see the counts. */
MUST_USE enum result produce_flush(struct event_producer *producer, int timeout_ms, struct error *error);
void produce_count(const struct event_producer *producer, struct produce_counts *ret_counts);
