/* librdkafka consumers as this room makes them: the operator's properties, with ours over them; errors and log lines as
 * events on one queue, which the owner serves on its own thread: nothing is called back.
 *
 * A handle belongs to one thread. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "engine/ports.h"

/* A property of librdkafka; zero-terminated. */
struct consumer_property {
    const char *name, *value;
};

struct consumer_properties {
    const struct consumer_property *items;
    uint32_t count;
};

struct kafka_handle {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue; /* of everything that is no record */
    const struct logger *logger;
    char *username, *password; /* of SASL, as the operator has set them; empty: not set */
    uint32_t messages_taken;   /* from the library's queues, since its threads were woken last */
    size_t bytes_taken;
};

/* `defaults` are set where the operator has set nothing, and left out where this librdkafka does not know them; `own`
 * ones over all. `logger` outlives the handle and may be NULL. RESULT_REJECT: a property is not good; RESULT_FATAL:
 * librdkafka refused. */
MUST_USE enum result kafka_handle_open(struct kafka_handle *handle, const struct consumer_properties *properties,
                                       const struct consumer_properties *defaults,
                                       const struct consumer_properties *own, const struct logger *logger,
                                       struct error *error);
/* Every message of its has been released before. Does nothing on a zeroed one. */
void kafka_handle_close(struct kafka_handle *handle);

/* The next event that is no log line (these are logged), or NULL; rd_kafka_event_destroy it. Does not wait. */
rd_kafka_event_t *kafka_handle_event(struct kafka_handle *handle);

/* Notes what was taken from the library's queues, so that it fetches more. librdkafka before 2.2 does not notice for up
 * to a second that a queue which was full has been emptied (librdkafka #2879): where records are taken more slowly than
 * they come, nearly all time is spent so. Does not wait, and asks no broker. */
void kafka_handle_taken(struct kafka_handle *handle, uint32_t messages, size_t bytes);

/* Logs what there is of errors and log lines, for handles whose owner has no other use for events. */
void kafka_handle_serve(struct kafka_handle *handle);

/* What an error of librdkafka means for a call that can be made again. OK for no error. */
enum answer kafka_answer(rd_kafka_resp_err_t code);
/* The same, and the message: "what: the error's own words". */
enum answer kafka_answer_set(struct error *error, rd_kafka_resp_err_t code, const char *format, ...) PRINTF_LIKE(3, 4);
