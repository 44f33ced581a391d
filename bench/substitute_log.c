/* The changelog and the sinks that go with it. */
#include "bench/substitute.h"

/* ---- changelog */

static enum answer log_bounds(void *context, int32_t shard, struct log_bounds *ret_bounds, int timeout_ms,
                              struct error *error) {
    const struct short_log *log = context;
    (void)shard, (void)timeout_ms, (void)error;
    *ret_bounds = (struct log_bounds){0, log->end, log->end};
    return ANSWER_OK;
}

static enum answer log_open(void *context, int32_t shard, int64_t from_offset, struct error *error) {
    (void)context, (void)shard, (void)from_offset, (void)error;
    return ANSWER_OK;
}

static enum answer log_read(void *context, int32_t shard, struct log_record *ret_records, uint32_t max, int timeout_ms,
                            uint32_t *ret_count, int64_t *ret_position, struct error *error) {
    const struct short_log *log = context;
    (void)shard, (void)timeout_ms, (void)error;
    uint32_t count = 0;
    for (; count < log->kept.count && count < max; count++)
        ret_records[count] = (struct log_record){
            .offset = count, .key = log->kept.records[count].key, .value = log->kept.records[count].value};
    *ret_count = count;
    *ret_position = log->end;
    return ANSWER_OK;
}

static void say_nothing(void *context) {
    (void)context;
}

static void log_close(void *context, int32_t shard) {
    (void)context, (void)shard;
}

struct changelog short_log_port(struct short_log *log) {
    return (struct changelog){.context = log,
                              .bounds = log_bounds,
                              .open = log_open,
                              .read = log_read,
                              .close = log_close,
                              .serve = say_nothing};
}

void short_log_free(struct short_log *log) {
    batch_free(&log->kept);
}

static enum answer log_append(struct short_log *log, struct record *record, struct error *error) {
    if (log->end < LOG_KEPT_MAX && batch_add(&log->kept, record, error) != RESULT_OK)
        return ANSWER_FATAL;
    record->offset = log->end++;
    return ANSWER_OK;
}

/* ---- what is the same in both sinks */

static enum answer do_nothing(void *context, struct error *error) {
    (void)context, (void)error;
    return ANSWER_OK;
}

static enum answer wait_for_nothing(void *context, int timeout_ms, struct error *error) {
    (void)context, (void)timeout_ms, (void)error;
    return ANSWER_OK;
}

static enum answer drop_offsets(void *context, const struct input_offset *positions, uint32_t count,
                                const struct membership *membership, int timeout_ms, struct error *error) {
    (void)context, (void)positions, (void)count, (void)membership, (void)timeout_ms, (void)error;
    return ANSWER_OK;
}

static uint64_t no_troubles(void *context) {
    (void)context;
    return 0;
}

static void leave_open(void *context, int timeout_ms) {
    (void)context, (void)timeout_ms;
}

/* ---- null sink */

static enum answer null_publish(void *context, struct batch *batch, int timeout_ms, struct error *error) {
    (void)timeout_ms;
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->records[i].output == OUTPUT_CHANGELOG && log_append(context, &batch->records[i], error) != ANSWER_OK)
            return ANSWER_FATAL;
    return ANSWER_OK;
}

struct sink null_sink_port(struct short_log *log) {
    return (struct sink){
        .context = log,
        .renew = wait_for_nothing,
        .begin = do_nothing,
        .publish = null_publish,
        .flush = wait_for_nothing,
        .send_offsets = drop_offsets,
        .commit = wait_for_nothing,
        .abort = wait_for_nothing,
        .troubles = no_troubles,
        .serve = say_nothing,
        .close = leave_open,
    };
}

/* ---- plain sink */

static rd_kafka_headers_t *headers_of(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->headers_count);
    for (uint32_t i = 0; i < record->headers_count; i++) {
        const struct header *header = &record->headers[i];
        (void)rd_kafka_header_add(headers, header->name.data, header->name.size, header->value.data,
                                  text_is_missing(header->value) ? 0 : header->value.size);
    }
    return headers;
}

static rd_kafka_resp_err_t hand_over(struct plain_sink *sink, const struct record *record) {
    rd_kafka_headers_t *headers = record->headers_count > 0 ? headers_of(record) : NULL;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        sink->client.handle, RD_KAFKA_V_TOPIC(sink->topics[record->output]),
        RD_KAFKA_V_PARTITION(record->partition == PARTITION_BY_KEY ? RD_KAFKA_PARTITION_UA : record->partition),
        RD_KAFKA_V_KEY(record->key.data, record->key.size),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)record->value.data, record->value.size), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        sink->client.outstanding++;
    else if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    return code;
}

static enum answer plain_publish(void *context, struct batch *batch, int timeout_ms, struct error *error) {
    struct plain_sink *sink = context;
    if (sink->publishing != batch)
        sink->published = 0;
    sink->publishing = batch;
    for (; sink->published < batch->count; sink->published++) {
        struct record *record = &batch->records[sink->published];
        if (record->output == OUTPUT_CHANGELOG) {
            if (log_append(sink->log, record, error) != ANSWER_OK)
                return ANSWER_FATAL;
            continue;
        }
        rd_kafka_resp_err_t code = hand_over(sink, record);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            client_poll(&sink->client, timeout_ms);
            return ANSWER_PENDING;
        }
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            error_set(error, RESULT_FATAL, "A record was not taken: %s.", rd_kafka_err2str(code));
            return ANSWER_FATAL;
        }
    }
    sink->publishing = NULL;
    client_serve(&sink->client);
    return ANSWER_OK;
}

static enum answer plain_flush(void *context, int timeout_ms, struct error *error) {
    struct plain_sink *sink = context;
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    while (sink->client.outstanding > 0) {
        int left_ms = client_left_ms(deadline_ms);
        if (!client_poll(&sink->client, left_ms) && left_ms == 0)
            return ANSWER_PENDING;
    }
    if (sink->client.failed == 0)
        return ANSWER_OK;
    *error = sink->client.failure;
    return ANSWER_FATAL;
}

enum result plain_sink_open(struct plain_sink *sink, const struct kafka_properties *properties,
                            const struct logger *logger, struct error *error) {
    const struct kafka_property own[] = {{"partitioner", "murmur2_random"}};
    const struct kafka_properties own_properties = {own, 1};
    rd_kafka_conf_t *conf;
    enum result result = client_configure(properties, &own_properties, 0, &conf, error);
    if (result != RESULT_OK)
        return result;
    result = client_open(conf, logger, &sink->client, error);
    rd_kafka_conf_destroy(conf);
    sink->open = result == RESULT_OK;
    return result;
}

struct sink plain_sink_port(struct plain_sink *sink) {
    return (struct sink){
        .context = sink,
        .renew = wait_for_nothing,
        .begin = do_nothing,
        .publish = plain_publish,
        .flush = plain_flush,
        .send_offsets = drop_offsets,
        .commit = wait_for_nothing,
        .abort = wait_for_nothing,
        .troubles = no_troubles,
        .serve = say_nothing,
        .close = leave_open,
    };
}

void plain_sink_close(struct plain_sink *sink) {
    if (sink->open)
        client_close(&sink->client);
    sink->open = false;
}

/* ---- encoder */

static enum result no_change(void *context, const struct change *change, int64_t decided_at_ms, struct batch *batch,
                             struct error *error) {
    (void)context, (void)change, (void)decided_at_ms, (void)batch, (void)error;
    return RESULT_OK;
}

static enum result no_status(void *context, const struct status *status, struct batch *batch, struct error *error) {
    (void)context, (void)status, (void)batch, (void)error;
    return RESULT_OK;
}

static enum result no_letter(void *context, const struct dead_letter *letter, struct batch *batch,
                             struct error *error) {
    (void)context, (void)batch;
    return error_set(error, RESULT_FATAL, "A record was rejected, which the benchmark's never should be: %s",
                     letter->rejection->detail.text);
}

struct encoder null_encoder_port(void) {
    return (struct encoder){.change = no_change, .status = no_status, .dead_letter = no_letter};
}
