/* Records out, delivery reports in. */
#include <assert.h>

#include "producer/kafka_sink_state.h"

#define REST_MS 50 /* between two looks at a full queue, where no report comes */

static int at_most(int timeout_ms, int limit_ms) {
    return timeout_ms < limit_ms ? timeout_ms : limit_ms;
}

/* The record's opaque is the record itself: its offset is the report's. */
static void record_delivered(const rd_kafka_message_t *message) {
    struct record *record = message->_private;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset >= 0)
        record->offset = message->offset;
}

/* NULL: memory is out, which librdkafka itself meets with an abort. */
static rd_kafka_headers_t *headers_of(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->headers_count);
    for (uint32_t i = 0; i < record->headers_count; i++) {
        const struct header *header = &record->headers[i];
        (void)rd_kafka_header_add(headers, header->name.data, header->name.size, header->value.data,
                                  text_is_missing(header->value) ? 0 : header->value.size);
    }
    return headers;
}

static rd_kafka_resp_err_t hand_over(struct kafka_sink *sink, struct record *record) {
    const struct text *key = &record->key, *value = &record->value;
    int32_t partition = record->partition == PARTITION_BY_KEY ? RD_KAFKA_PARTITION_UA : record->partition;
    rd_kafka_headers_t *headers = record->headers_count > 0 ? headers_of(record) : NULL;
    record->offset = OFFSET_NONE;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        sink->client.handle, RD_KAFKA_V_RKT(sink->topics[record->output]), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_KEY(key->data, key->size), RD_KAFKA_V_VALUE((void *)(uintptr_t)value->data, value->size),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        sink->client.outstanding++;
    else if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    return code;
}

static enum answer publication_failed(const struct kafka_sink *sink, const struct record *record,
                                      rd_kafka_resp_err_t code, struct error *error) {
    error_set(error, RESULT_RETRY, "A record of %u bytes for the topic `%s` was not taken: %s.", record->value.size,
              sink->options.outputs[record->output], rd_kafka_err2str(code));
    return sink_answer_code(code, false);
}

enum answer sink_publish(void *context, struct batch *batch, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    assert(sink->publishing == NULL || sink->publishing == batch);
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    sink->client.delivered = record_delivered;
    if (sink->publishing == NULL)
        sink->published = 0;
    sink->publishing = batch;
    while (sink->published < batch->count) {
        struct record *record = &batch->records[sink->published];
        rd_kafka_resp_err_t code = hand_over(sink, record);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            sink->published++;
            continue;
        }
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return publication_failed(sink, record, code, error);
        int left_ms = client_left_ms(deadline_ms);
        client_poll(&sink->client, at_most(left_ms, REST_MS));
        if (left_ms == 0)
            return ANSWER_PENDING;
    }
    sink->publishing = NULL;
    client_serve(&sink->client);
    return ANSWER_OK;
}

enum answer sink_flush(void *context, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    while (sink->client.outstanding > 0) {
        int left_ms = client_left_ms(deadline_ms);
        if (!client_poll(&sink->client, left_ms) && left_ms == 0)
            return ANSWER_PENDING;
    }
    if (sink->client.failed == 0)
        return ANSWER_OK;
    *error = sink->client.failure;
    return sink_answer_code(sink->client.failure_code, false);
}
