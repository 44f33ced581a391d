/* What the files of the Kafka source share. */
#pragma once

#include "consumer/kafka_source.h"
#include "consumer/partition_reader.h"

struct input_queue {
    rd_kafka_queue_t *queue; /* NULL: not assigned */
    int64_t position;        /* as in `struct fetched` */
};

/* A look at one record, which may take several calls. */
struct kafka_probe {
    struct kafka_handle handle; /* made when it is first needed, */
    int64_t serve_ms;           /* and to be served then */
    struct partition_reader reader;
    struct input input;
    int64_t offset;
};

struct kafka_source {
    struct kafka_source_options options;
    struct kafka_handle handle;
    int wake; /* an event descriptor: readable when something has come into a queue that was empty */

    struct input_queue *inputs[STREAMS]; /* by partition */
    int32_t inputs_count[STREAMS];
    struct input *assigned; /* what the group gave us last */
    uint32_t assigned_count;
    bool reported;               /* an assignment was handed on, and not yet taken back */
    bool takes_back;             /* it was told that it is over, and not yet answered */
    int64_t joined_anew_ms;      /* monotonic; INSTANT_NONE: never */
    struct source_event pending; /* met while fetching, for the next poll */
    struct kafka_probe probe;
};

/* kafka_source_join.c */

/* Makes a consumer, which joins the group as soon as it is polled. */
MUST_USE enum result kafka_source_join(struct kafka_source *source, struct error *error);
/* Whether the consumer was fenced by another one of its name, and that may have been itself. */
bool kafka_source_is_fenced(const struct kafka_source *source);
/* Puts another consumer in the place of one that was fenced. Nothing of its is held any more. */
MUST_USE enum result kafka_source_join_anew(struct kafka_source *source, struct error *error);
void kafka_source_wake_on(const struct kafka_source *source, rd_kafka_queue_t *queue);

MUST_USE enum answer kafka_probe(struct kafka_probe *probe, const struct kafka_source *source, struct input input,
                                 int64_t offset, bool *ret_found, int64_t *ret_timestamp_ms, int timeout_ms,
                                 struct error *error);
void kafka_probe_close(struct kafka_probe *probe);

enum answer kafka_source_committed(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                                   struct error *error);
enum answer kafka_source_starts(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                                struct error *error);
enum answer kafka_source_bounds(void *context, const struct input *inputs, uint32_t count, struct bounds *ret_bounds,
                                int timeout_ms, struct error *error);
enum answer kafka_source_timestamp(void *context, struct input input, int64_t offset, bool *ret_found,
                                   int64_t *ret_timestamp_ms, int timeout_ms, struct error *error);
