#include "producer/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#include "base/instant.h"

#define SERVED_AT_ONCE_MAX 100000 /* bounds client_serve where events come as fast as they are served */

bool client_is_set(const struct kafka_properties *properties, const char *name) {
    for (uint32_t i = 0; i < properties->count; i++)
        if (strcmp(properties->items[i].name, name) == 0)
            return true;
    return false;
}

static enum result set_all(rd_kafka_conf_t *conf, const struct kafka_properties *properties, struct error *error) {
    char message[512];
    for (uint32_t i = 0; i < properties->count; i++)
        if (rd_kafka_conf_set(conf, properties->items[i].name, properties->items[i].value, message, sizeof message) !=
            RD_KAFKA_CONF_OK)
            return error_set(error, RESULT_REJECT, "The property `%s` of librdkafka: %s.", properties->items[i].name,
                             message);
    return RESULT_OK;
}

void client_set_default(rd_kafka_conf_t *conf, const struct kafka_properties *properties, const char *name,
                        const char *value) {
    char message[512];
    if (!client_is_set(properties, name)) /* a codec that is not built in is simply not set */
        (void)rd_kafka_conf_set(conf, name, value, message, sizeof message);
}

/* Values of our own for what the operator left open. A broker that comes back is to be found within a second, not
 * within the library's ten: a transaction does not live much longer. */
static void set_defaults(rd_kafka_conf_t *conf, const struct kafka_properties *properties, uint32_t value_bytes_max) {
    char bytes[16];
    client_set_default(conf, properties, "reconnect.backoff.max.ms", "1000");
    if (!client_is_set(properties, "compression.type"))
        client_set_default(conf, properties, "compression.codec", "lz4");
    snprintf(bytes, sizeof bytes, "%u", value_bytes_max + RECORD_OVERHEAD_BYTES);
    if (value_bytes_max > VALUE_BYTES_USUAL)
        client_set_default(conf, properties, "message.max.bytes", bytes);
}

enum result client_configure(const struct kafka_properties *properties, const struct kafka_properties *own,
                             uint32_t value_bytes_max, rd_kafka_conf_t **ret_conf, struct error *error) {
    static const struct kafka_property always[] = {{"client.software.name", "bellwether"}, {"log.queue", "true"}};
    static const struct kafka_properties common = {always, sizeof always / sizeof always[0]};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set_defaults(conf, properties, value_bytes_max);
    enum result result = set_all(conf, properties, error);
    if (result == RESULT_OK)
        result = set_all(conf, &common, error);
    if (result == RESULT_OK)
        result = set_all(conf, own, error);
    if (result != RESULT_OK) {
        rd_kafka_conf_destroy(conf);
        return result;
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    *ret_conf = conf;
    return RESULT_OK;
}

int64_t client_number(const rd_kafka_conf_t *conf, const char *name) {
    char text[32] = "0";
    size_t size = sizeof text;
    (void)rd_kafka_conf_get(conf, name, text, &size);
    return strtoll(text, NULL, 10);
}

int64_t client_batch_bytes_max(const rd_kafka_conf_t *conf) {
    int64_t message = client_number(conf, "message.max.bytes"), batch = client_number(conf, "batch.size");
    return message < batch ? message : batch;
}

enum result client_open(const rd_kafka_conf_t *conf, const struct logger *logger, struct client *ret_client,
                        struct error *error) {
    char message[512];
    rd_kafka_conf_t *copy = rd_kafka_conf_dup(conf);
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, copy, message, sizeof message);
    if (handle == NULL) {
        rd_kafka_conf_destroy(copy);
        return error_set(error, RESULT_FATAL, "A Kafka producer could not be made: %s.", message);
    }
    *ret_client = (struct client){.handle = handle, .queue = rd_kafka_queue_get_main(handle), .logger = logger};
    (void)rd_kafka_set_log_queue(handle, NULL); /* onto the main queue */
    return RESULT_OK;
}

void client_close(struct client *client) {
    if (client->handle == NULL)
        return;
    (void)rd_kafka_purge(client->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    client->delivered = NULL;
    client_serve(client);
    rd_kafka_queue_destroy(client->queue);
    rd_kafka_destroy(client->handle);
    *client = (struct client){0};
}

/* ---- events */

const char *client_way_out(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
               ? "; raise the topic's `max.message.bytes`, and `message.max.bytes` where kafka.properties has it"
               : "";
}

static void take_deliveries(struct client *client, rd_kafka_event_t *event) {
    const rd_kafka_message_t *message;
    uint32_t failed_before = client->failed;
    while ((message = rd_kafka_event_message_next(event)) != NULL) {
        assert(client->outstanding > 0);
        client->outstanding--;
        if (client->delivered != NULL)
            client->delivered(message);
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        if (client->failed++ == 0) {
            client->failure_code = message->err;
            error_set(&client->failure, RESULT_RETRY, "A record for the topic `%s` was not delivered: %s%s.",
                      rd_kafka_topic_name(message->rkt), rd_kafka_err2str(message->err), client_way_out(message->err));
        }
    }
    if (client->failed == failed_before)
        client->told_disconnected = false;
}

static void log_line(const struct client *client, enum log_level level, const char *text) {
    char line[ERROR_TEXT_MAX];
    if (client->logger == NULL || client->logger->write == NULL)
        return;
    snprintf(line, sizeof line, "kafka producer: %s", text);
    client->logger->write(client->logger->context, level, line);
}

static bool is_of_connections(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

/* That all brokers are down follows from what was said of each of them. A lost connection is tried again by the library
 * ten times a second, and what it says of that lies here until somebody asks: the first of it is told, until records
 * are delivered again. */
static void take_error(struct client *client, rd_kafka_event_t *event) {
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    bool is_repetition = is_of_connections(code) && client->told_disconnected;
    client->troubles++;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        error_set(&client->trouble, RESULT_RETRY, "%s", rd_kafka_event_error_string(event));
    if (is_of_connections(code))
        client->told_disconnected = true;
    log_line(client, is_repetition ? LEVEL_DEBUG : LEVEL_WARNING, rd_kafka_event_error_string(event));
}

/* What the library says of itself. Of some of it an error event tells as well, or the answer to a call that failed,
 * which the caller logs. It calls for attention where the protocol has an answer, so nothing of it is an error. */
static enum log_level line_level(const char *facility, int severity) {
    static const char *const told_elsewhere[] = {"FAIL", "FATAL", "TXNERR", "ADDPARTS"};
    for (size_t i = 0; i < sizeof told_elsewhere / sizeof told_elsewhere[0]; i++)
        if (strcmp(facility, told_elsewhere[i]) == 0)
            return LEVEL_DEBUG;
    return severity <= LOG_WARNING ? LEVEL_WARNING : severity <= LOG_INFO ? LEVEL_INFO : LEVEL_DEBUG;
}

static void take_log(const struct client *client, rd_kafka_event_t *event) {
    const char *facility = "", *text = "";
    int severity = LOG_DEBUG;
    if (rd_kafka_event_log(event, &facility, &text, &severity) == 0)
        log_line(client, line_level(facility, severity), text);
}

bool client_poll(struct client *client, int timeout_ms) {
    rd_kafka_event_t *event = rd_kafka_queue_poll(client->queue, timeout_ms);
    if (event == NULL)
        return false;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        take_deliveries(client, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        take_error(client, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        take_log(client, event);
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
    return true;
}

void client_serve(struct client *client) {
    for (int served = 0; served < SERVED_AT_ONCE_MAX && client_poll(client, 0);)
        served++;
}

rd_kafka_resp_err_t client_ask_offsets(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *partitions,
                                       int64_t instant_ms, int timeout_ms) {
    if (partitions->cnt == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i].offset = instant_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle, partitions, timeout_ms);
    for (int i = 0; i < partitions->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = partitions->elems[i].err;
    return code;
}

int64_t client_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec / 1000000;
}

int client_left_ms(int64_t deadline_ms) {
    int64_t left_ms = deadline_ms - client_now_ms();
    return left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}
