#include "producer/produce.h"

#include <stdlib.h>

#define REST_MS 100 /* between two looks at a full queue, where no report comes */

struct event_producer {
    struct produce_options options;
    struct client client;
    struct buffer value;
    uint64_t sent;
};

enum result produce_open(const struct produce_options *options, struct event_producer **ret_producer,
                         struct error *error) {
    const struct kafka_property own[] = {
        {"enable.idempotence", "true"},
        {"partitioner", options->partitioner},
    };
    const struct kafka_properties own_properties = {own, sizeof own / sizeof own[0]};
    rd_kafka_conf_t *conf;
    enum result result = client_configure(&options->properties, &own_properties, 0, &conf, error);
    if (result != RESULT_OK)
        return result;
    struct event_producer *producer = calloc(1, sizeof *producer);
    result = producer == NULL ? error_set(error, RESULT_FATAL, "Memory is out: nothing can be produced.")
                              : client_open(conf, options->logger, &producer->client, error);
    rd_kafka_conf_destroy(conf);
    if (result != RESULT_OK) {
        free(producer);
        return result;
    }
    producer->options = *options;
    *ret_producer = producer;
    return RESULT_OK;
}

void produce_close(struct event_producer *producer) {
    if (producer == NULL)
        return;
    client_close(&producer->client);
    buffer_free(&producer->value);
    free(producer);
}

static rd_kafka_resp_err_t hand_over(struct event_producer *producer, const struct event *event) {
    const struct buffer *value = &producer->value;
    return rd_kafka_producev(
        producer->client.handle, RD_KAFKA_V_TOPIC(producer->options.topics[event->stream]),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
        RD_KAFKA_V_KEY(event->account_id.data, event->account_id.size),
        RD_KAFKA_V_VALUE(event->tombstone ? NULL : value->data, event->tombstone ? 0 : value->size),
        RD_KAFKA_V_TIMESTAMP(event->place.timestamp_ms), RD_KAFKA_V_END);
}

/* The library gave up for good, or refused this record alone. */
static enum result refused(struct event_producer *producer, const struct event *event, rd_kafka_resp_err_t code,
                           struct error *error) {
    char reason[512];
    const char *topic = producer->options.topics[event->stream];
    if (rd_kafka_fatal_error(producer->client.handle, reason, sizeof reason) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(error, RESULT_FATAL, "Nothing can be sent any more: %s.", reason);
    return error_set(error, RESULT_REJECT, "A record for the topic `%s` could not be sent: %s.", topic,
                     rd_kafka_err2str(code));
}

enum result produce_event(struct event_producer *producer, const struct event *event, struct error *error) {
    buffer_clear(&producer->value);
    if (!event->tombstone)
        event_write(event, &producer->options.framings[event->stream], &producer->value);
    if (!buffer_ok(&producer->value))
        return error_set(error, RESULT_FATAL, "Memory is out: an event could not be encoded.");
    /* A full queue empties: what cannot be delivered fails after message.timeout.ms. */
    rd_kafka_resp_err_t code;
    while ((code = hand_over(producer, event)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        client_poll(&producer->client, REST_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refused(producer, event, code, error);
    producer->sent++;
    producer->client.outstanding++;
    client_poll(&producer->client, 0);
    return RESULT_OK;
}

enum result produce_flush(struct event_producer *producer, int timeout_ms, struct error *error) {
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    while (producer->client.outstanding > 0) {
        int left_ms = client_left_ms(deadline_ms);
        if (!client_poll(&producer->client, left_ms) && left_ms == 0)
            return error_set(error, RESULT_RETRY, "%u records have not been acknowledged yet.",
                             producer->client.outstanding);
    }
    return RESULT_OK;
}

void produce_count(const struct event_producer *producer, struct produce_counts *ret_counts) {
    const struct client *client = &producer->client;
    *ret_counts = (struct produce_counts){
        .sent = producer->sent,
        .delivered = producer->sent - client->outstanding - client->failed,
        .failed = client->failed,
        .failure = client->failure,
    };
}
