/* Ports that stand for a server or do nothing, so that stages of the pipeline can be left out one by one. Each is used
 * by one worker's thread. */
#pragma once

#include "engine/ports.h"
#include "producer/client.h"

/* A changelog that keeps a takeover's records (the first few), and of later ones only the count. Its offsets are those
 * that the sinks below give. */
#define LOG_KEPT_MAX 8

struct short_log {
    struct batch kept;
    int64_t end;
};

struct changelog short_log_port(struct short_log *log);
void short_log_free(struct short_log *log);

/* A sink that takes everything and sends nothing. */
struct sink null_sink_port(struct short_log *log);

/* A sink without transactions: outputs go to Kafka as a plain producer sends them, the changelog's records and the
 * group's offsets nowhere. */
struct plain_sink {
    struct client client;
    struct short_log *log;
    const char *topics[OUTPUTS];
    struct batch *publishing;
    uint32_t published;
    bool open;
};

MUST_USE enum result plain_sink_open(struct plain_sink *sink, const struct kafka_properties *properties,
                                     const struct logger *logger, struct error *error);
struct sink plain_sink_port(struct plain_sink *sink);
void plain_sink_close(struct plain_sink *sink);

/* An encoder that makes nothing. */
struct encoder null_encoder_port(void);

/* A store that holds nothing and says yes: right as long as everything fits into memory. */
#define NULL_STORE_EVENTS_MAX 4096

struct null_store {
    struct store_event events[NULL_STORE_EVENTS_MAX]; /* a ring */
    uint32_t first, count;
    struct batch ids[NULL_STORE_EVENTS_MAX]; /* of LOADED; cleared when the event's place is used again */
    struct stored_blob *blobs[NULL_STORE_EVENTS_MAX];
};

struct store null_store_port(struct null_store *store);
void null_store_free(struct null_store *store);
