/* Records out, delivery reports in.
 *
 * The library sends one batch of a partition at a time, and while its answer is awaited and more of the partition lies
 * in the library's queue, the library's thread looks for work without a pause, up to the answer: as much CPU as the
 * broker takes time (seen in 2.0.2, rd_kafka_toppar_producer_serve). So no more is handed over than one batch of each
 * partition takes, and the rest when that was delivered: as soon, as the library would not send it earlier either. And
 * a batch is no larger than what the library allocates for it may stay in the processor's cache. See decision 11. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "producer/kafka_sink_state.h"

#define REST_MS  50 /* between two looks at a full queue, where no report comes */
#define HURRY_MS 1

#define TOGETHER_MAX 64 /* records that are handed over by one call */

/* What the library allocates for a batch, of which a message and each header have about so many bytes. */
#define LIBRARY_BYTES_MAX    (384 * 1024)
#define LIBRARY_RECORD_BYTES 256
#define LIBRARY_HEADER_BYTES 112

#define RECORD_HEAD_BYTES 40 /* of a record in a batch, at the most; of a header */
#define HEADER_HEAD_BYTES 10
#define BATCH_HEAD_BYTES  512 /* with the topic's name, and with what a request begins with */

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
    error_set(error, RESULT_RETRY, "A record of %u bytes for the topic `%s` was not taken: %s%s.", record->value.size,
              sink->options.outputs[record->output], rd_kafka_err2str(code), client_way_out(code));
    return sink_answer_code(code, false);
}

/* ---- one batch of each partition at a time */

/* The operator's own settings count too. */
void sink_read_batch_limits(const rd_kafka_conf_t *conf, struct kafka_sink *sink) {
    int64_t bytes_max = client_batch_bytes_max(conf), records_max = client_number(conf, "batch.num.messages");
    sink->batch_bytes_max = bytes_max > BATCH_HEAD_BYTES ? (uint64_t)bytes_max - BATCH_HEAD_BYTES : 0;
    sink->batch_records_max = records_max > 0 ? (uint64_t)records_max : 1;
}

/* What the record takes in a batch, at the most. */
static uint64_t bytes_in_batch(const struct record *record) {
    return (uint64_t)RECORD_HEAD_BYTES + (uint64_t)record->headers_count * HEADER_HEAD_BYTES + record->bytes;
}

/* Whether the record may be handed over before all others are delivered. Records by key lie on all partitions alike, or
 * nearly. */
static bool has_room(const struct kafka_sink *sink, const struct record *record) {
    const struct handed_over *handed = &sink->handed[record->output];
    bool by_key = record->partition == PARTITION_BY_KEY;
    uint64_t partitions = by_key && sink->partitions[record->output] > 0 ? sink->partitions[record->output] : 1;
    if (handed->partition != record->partition || handed->records == 0)
        return true;
    return handed->records < partitions * sink->batch_records_max &&
           handed->bytes + bytes_in_batch(record) <= partitions * sink->batch_bytes_max &&
           handed->library_bytes < partitions * LIBRARY_BYTES_MAX;
}

static void was_handed_over(struct kafka_sink *sink, const struct record *record) {
    struct handed_over *handed = &sink->handed[record->output];
    if (handed->partition != record->partition)
        *handed = (struct handed_over){.partition = record->partition};
    handed->bytes += bytes_in_batch(record);
    handed->library_bytes += LIBRARY_RECORD_BYTES + (uint64_t)record->headers_count * LIBRARY_HEADER_BYTES;
    handed->records++;
    sink->is_hurried = false;
}

/* Hands over the next record. */
static rd_kafka_resp_err_t hand_over_one(struct kafka_sink *sink, struct record *record) {
    rd_kafka_resp_err_t code = hand_over(sink, record);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        was_handed_over(sink, record);
        sink->published++;
    }
    return code;
}

/* Whether the record goes with those that are handed over by one call: for that partition, without headers. */
static bool goes_together(const struct record *record, const struct record *first) {
    return record->headers_count == 0 && record->partition != PARTITION_BY_KEY && record->output == first->output &&
           record->partition == first->partition;
}

/* How many of the records from `first` on go together and have room, at most `count`; what the library is to take. */
static uint32_t gather(struct kafka_sink *sink, struct record *first, uint32_t count,
                       rd_kafka_message_t messages[TOGETHER_MAX]) {
    uint32_t gathered = 0;
    for (; gathered < count && gathered < TOGETHER_MAX; gathered++) {
        struct record *record = &first[gathered];
        if (gathered > 0 && (!goes_together(record, first) || !has_room(sink, record)))
            break;
        record->offset = OFFSET_NONE;
        messages[gathered] = (rd_kafka_message_t){.payload = (void *)(uintptr_t)record->value.data,
                                                  .len = record->value.size,
                                                  .key = (void *)(uintptr_t)record->key.data,
                                                  .key_len = record->key.size,
                                                  ._private = record};
        was_handed_over(sink, record);
    }
    return gathered;
}

/* Hands over the next records, as many as go together: the states of a commit. For each the library then takes little
 * more than half of its instructions, and asks no clock. */
static rd_kafka_resp_err_t hand_over_together(struct kafka_sink *sink, struct record *first, uint32_t count) {
    rd_kafka_message_t messages[TOGETHER_MAX];
    struct handed_over before = sink->handed[first->output];
    uint32_t gathered = gather(sink, first, count, messages), taken = 0;
    uint32_t taken_in_all = (uint32_t)rd_kafka_produce_batch(sink->topics[first->output], first->partition, 0, messages,
                                                             (int)gathered);
    sink->client.outstanding += taken_in_all;
    while (taken < gathered && messages[taken].err == RD_KAFKA_RESP_ERR_NO_ERROR)
        taken++;
    sink->published += taken;
    if (taken == gathered)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    sink->handed[first->output] = before;
    for (uint32_t i = 0; i < taken; i++)
        was_handed_over(sink, &first[i]);
    /* None is taken behind one for which the queue was full. Were it so, it must not be handed over again. */
    rd_kafka_resp_err_t code = messages[taken].err;
    return code == RD_KAFKA_RESP_ERR__QUEUE_FULL && taken < taken_in_all ? RD_KAFKA_RESP_ERR__FAIL : code;
}

/* What was handed over is sent now; the library would wait for more of it. Its own wait for deliveries is of no use
 * here, as they are events: it always lasts as long as it may. */
static void hurry(struct kafka_sink *sink) {
    if (sink->client.outstanding == 0 || sink->is_hurried)
        return;
    (void)rd_kafka_flush(sink->client.handle, HURRY_MS);
    sink->is_hurried = true;
}

/* Whether all that was handed over has its report. */
static bool await_reports(struct kafka_sink *sink, int64_t deadline_ms) {
    hurry(sink);
    while (sink->client.outstanding > 0) {
        int left_ms = client_left_ms(deadline_ms);
        if (!client_poll(&sink->client, left_ms) && left_ms == 0)
            return false;
    }
    memset(sink->handed, 0, sizeof sink->handed);
    return true;
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
        if (!has_room(sink, record)) {
            if (!await_reports(sink, deadline_ms))
                return ANSWER_PENDING;
            continue;
        }
        rd_kafka_resp_err_t code = goes_together(record, record)
                                       ? hand_over_together(sink, record, batch->count - sink->published)
                                       : hand_over_one(sink, record);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return publication_failed(sink, &batch->records[sink->published], code, error);
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
    if (!await_reports(sink, client_now_ms() + timeout_ms))
        return ANSWER_PENDING;
    if (sink->client.failed == 0)
        return ANSWER_OK;
    *error = sink->client.failure;
    return sink_answer_code(sink->client.failure_code, false);
}
