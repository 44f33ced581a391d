/* librdkafka producers as this room makes them: properties in, a handle out; its events as counters and log lines.
 *
 * Nothing is reported through callbacks: deliveries, errors and log lines are events on one queue, which its owner
 * polls. A client is used by one thread. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "engine/ports.h"

/* A property of librdkafka. Zero-terminated, as librdkafka takes them. */
struct kafka_property {
    const char *name, *value;
};

struct kafka_properties {
    const struct kafka_property *items;
    uint32_t count;
};

/* What a record may have beside its value: key and headers. */
#define RECORD_OVERHEAD_BYTES 16384
#define VALUE_BYTES_USUAL     (1000000 - RECORD_OVERHEAD_BYTES) /* what the defaults of library and brokers allow */

/* The largest value of any output: an account's state, or what is usual where that is more. It is what encoder, sink
 * and topics are to be given. */
static inline uint32_t client_value_bytes_max(int64_t account_bytes_max) {
    int64_t state_bytes_max = account_bytes_max + RECORD_OVERHEAD_BYTES;
    return state_bytes_max > VALUE_BYTES_USUAL ? (uint32_t)state_bytes_max : VALUE_BYTES_USUAL;
}

/* What is to be said behind an error: the way out where it is a setting; empty for all others. */
const char *client_way_out(rd_kafka_resp_err_t code);

/* A configuration of `properties` (the operator's, bootstrap.servers among them), then `own` ones over them. What
 * nobody set: compression is lz4 where it is built in; values of up to `value_bytes_max` are let through.
 * RESULT_REJECT: a property is not known, or its value is not good. rd_kafka_conf_destroy the result. */
MUST_USE enum result client_configure(const struct kafka_properties *properties, const struct kafka_properties *own,
                                      uint32_t value_bytes_max, rd_kafka_conf_t **ret_conf, struct error *error);

/* Sets a property that the operator has not set. */
void client_set_default(rd_kafka_conf_t *conf, const struct kafka_properties *properties, const char *name,
                        const char *value);

/* Whether the operator has set it. */
bool client_is_set(const struct kafka_properties *properties, const char *name);
/* A number of a configuration, whoever has set it; 0: there is none. */
int64_t client_number(const rd_kafka_conf_t *conf, const char *name);
/* How large the library makes batches, but for one that is of a single larger record. */
int64_t client_batch_bytes_max(const rd_kafka_conf_t *conf);

struct client {
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
    const struct logger *logger;
    uint64_t troubles;      /* errors that the library reported by itself */
    struct error trouble;   /* the newest of them that gives a reason; empty: none */
    bool told_disconnected; /* logged; nothing was delivered since */
    uint32_t outstanding;   /* records handed over of which no delivery report has come */
    uint32_t failed;        /* of those that have come, the bad ones */
    struct error failure;   /* the first of them */
    rd_kafka_resp_err_t failure_code;
    /* Told of each delivery, with the record's opaque; may be NULL. */
    void (*delivered)(const rd_kafka_message_t *message);
};

/* `conf` stays the caller's. `logger` outlives the client. RESULT_FATAL: librdkafka refused. */
MUST_USE enum result client_open(const rd_kafka_conf_t *conf, const struct logger *logger, struct client *ret_client,
                                 struct error *error);
/* Purges what is queued and destroys; does nothing on a zeroed or closed one. What was handed over is not looked at any
 * more afterwards. */
void client_close(struct client *client);

/* Serves events; waits up to `timeout_ms` for the first. Whether there was one. */
bool client_poll(struct client *client, int timeout_ms);
/* Serves what is there, without waiting. */
void client_serve(struct client *client);

/* Sets each partition's offset to that of its first record at or after `instant_ms`, or to where it begins or ends
 * (RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END), with one question to each leader. Of any handle. The first error,
 * of the call or of a partition. In place of rd_kafka_query_watermark_offsets, which asks one partition at a time and
 * waits for a leader that does not answer far beyond its timeout (librdkafka #2588). */
rd_kafka_resp_err_t client_ask_offsets(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *partitions,
                                       int64_t instant_ms, int timeout_ms);

/* Milliseconds on the monotonic clock, for keeping to timeouts. */
int64_t client_now_ms(void);
/* What is left until `deadline_ms`, never negative. */
int client_left_ms(int64_t deadline_ms);
