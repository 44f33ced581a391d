#include "consumer/kafka_handle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define SERVED_AT_ONCE_MAX 1000
#define WAKE_MESSAGES      4000 /* after so much less in the library's queues its threads are woken; far less than fits */
#define WAKE_BYTES         ((size_t)2 * 1024 * 1024)
#define WAKE_BELOW         0x020200ff /* the version that notices by itself */

/* NULL: not set. */
static const char *find_property(const struct consumer_properties *properties, const char *name) {
    for (uint32_t i = 0; i < properties->count; i++)
        if (strcmp(properties->items[i].name, name) == 0)
            return properties->items[i].value;
    return NULL;
}

static bool has_property(const struct consumer_properties *properties, const char *name) {
    return find_property(properties, name) != NULL;
}

static char *copy_property(const struct consumer_properties *properties, const char *name) {
    const char *value = find_property(properties, name);
    return strdup(value == NULL ? "" : value);
}

static enum result set_properties(rd_kafka_conf_t *conf, const struct consumer_properties *properties,
                                  struct error *error) {
    char reason[512];
    for (uint32_t i = 0; i < properties->count; i++) {
        const struct consumer_property *property = &properties->items[i];
        if (rd_kafka_conf_set(conf, property->name, property->value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
            return error_set(error, RESULT_REJECT, "the property %s of librdkafka: %s", property->name, reason);
    }
    return RESULT_OK;
}

static enum result configure(rd_kafka_conf_t *conf, const struct consumer_properties *properties,
                             const struct consumer_properties *defaults, const struct consumer_properties *own,
                             struct error *error) {
    char reason[512];
    for (uint32_t i = 0; i < defaults->count; i++)
        if (!has_property(properties, defaults->items[i].name))
            (void)rd_kafka_conf_set(conf, defaults->items[i].name, defaults->items[i].value, reason, sizeof reason);
    enum result result = set_properties(conf, properties, error);
    if (result == RESULT_OK)
        result = set_properties(conf, own, error);
    static const struct consumer_property always[] = {{"client.software.name", "bellwether"}, {"log.queue", "true"}};
    static const struct consumer_properties common = {always, sizeof always / sizeof always[0]};
    if (result == RESULT_OK)
        result = set_properties(conf, &common, error);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return result;
}

static enum result open_client(struct kafka_handle *handle, const struct consumer_properties *properties,
                               const struct consumer_properties *defaults, const struct consumer_properties *own,
                               struct error *error) {
    char reason[512];
    handle->username = copy_property(properties, "sasl.username");
    handle->password = copy_property(properties, "sasl.password");
    if (handle->username == NULL || handle->password == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum result result = configure(conf, properties, defaults, own, error);
    if (result != RESULT_OK) {
        rd_kafka_conf_destroy(conf);
        return result;
    }
    handle->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (handle->client == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, RESULT_FATAL, "a Kafka consumer could not be made: %s", reason);
    }
    return RESULT_OK;
}

enum result kafka_handle_open(struct kafka_handle *handle, const struct consumer_properties *properties,
                              const struct consumer_properties *defaults, const struct consumer_properties *own,
                              const struct logger *logger, struct error *error) {
    *handle = (struct kafka_handle){.logger = logger};
    enum result result = open_client(handle, properties, defaults, own, error);
    if (result != RESULT_OK) {
        kafka_handle_close(handle);
        return result;
    }
    bool is_member = has_property(own, "group.id");
    if (is_member)
        rd_kafka_poll_set_consumer(handle->client);
    handle->queue = is_member ? rd_kafka_queue_get_consumer(handle->client) : rd_kafka_queue_get_main(handle->client);
    (void)rd_kafka_set_log_queue(handle->client, handle->queue);
    return RESULT_OK;
}

void kafka_handle_close(struct kafka_handle *handle) {
    if (handle->queue != NULL)
        rd_kafka_queue_destroy(handle->queue);
    if (handle->client != NULL)
        rd_kafka_destroy_flags(handle->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(handle->username);
    free(handle->password);
    *handle = (struct kafka_handle){0};
}

/* Of what the library says in an error event as well, the line is for those who look closely. It calls for attention
 * where the protocol has an answer, so nothing of it is an error. */
static enum log_level line_level(const char *facility, int level) {
    if (strcmp(facility, "FAIL") == 0 || strcmp(facility, "FATAL") == 0)
        return LEVEL_DEBUG;
    return level <= LOG_WARNING ? LEVEL_WARNING : level <= LOG_INFO ? LEVEL_INFO : LEVEL_DEBUG;
}

static void log_event(const struct kafka_handle *handle, rd_kafka_event_t *event) {
    const char *facility, *text;
    int level;
    if (handle->logger == NULL || rd_kafka_event_log(event, &facility, &text, &level) != 0)
        return;
    char line[1024];
    snprintf(line, sizeof line, "librdkafka: %s: %s", facility, text);
    handle->logger->write(handle->logger->context, line_level(facility, level), line);
}

rd_kafka_event_t *kafka_handle_event(struct kafka_handle *handle) {
    for (int served = 0; served < SERVED_AT_ONCE_MAX; served++) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(handle->queue, 0);
        if (event == NULL || rd_kafka_event_type(event) != RD_KAFKA_EVENT_LOG)
            return event;
        log_event(handle, event);
        rd_kafka_event_destroy(event);
    }
    return NULL;
}

/* Any change of the credentials wakes the threads that fetch; these are the same again. Nothing else in the library's
 * interface does so without a request to a broker, which would be answered behind the fetch that is waiting there. */
void kafka_handle_taken(struct kafka_handle *handle, uint32_t messages, size_t bytes) {
    handle->messages_taken += messages;
    handle->bytes_taken += bytes;
    if ((handle->messages_taken < WAKE_MESSAGES && handle->bytes_taken < WAKE_BYTES) ||
        rd_kafka_version() >= WAKE_BELOW)
        return;
    handle->messages_taken = 0;
    handle->bytes_taken = 0;
    rd_kafka_error_t *refusal = rd_kafka_sasl_set_credentials(handle->client, handle->username, handle->password);
    assert(refusal == NULL); /* it is told where one of them is NULL */
}

/* Handles that are served are no members, and lie idle for hours: that brokers were away meanwhile was told by the
 * group's consumer when it was news. */
static void log_error(const struct kafka_handle *handle, rd_kafka_event_t *event) {
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    bool is_old_news = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
                       code == RD_KAFKA_RESP_ERR__TIMED_OUT;
    char line[1024];
    if (handle->logger == NULL)
        return;
    snprintf(line, sizeof line, "librdkafka: %s: %s", rd_kafka_err2name(code), rd_kafka_event_error_string(event));
    handle->logger->write(handle->logger->context, is_old_news ? LEVEL_DEBUG : LEVEL_WARNING, line);
}

void kafka_handle_serve(struct kafka_handle *handle) {
    rd_kafka_event_t *event;
    while ((event = kafka_handle_event(handle)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            log_error(handle, event);
        rd_kafka_event_destroy(event);
    }
}

enum answer kafka_answer(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return ANSWER_OK;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
        return ANSWER_PENDING;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
        return ANSWER_ZOMBIE;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return ANSWER_FATAL;
    default:
        return ANSWER_FAILED;
    }
}

enum answer kafka_answer_set(struct error *error, rd_kafka_resp_err_t code, const char *format, ...) {
    enum answer answer = kafka_answer(code);
    if (answer == ANSWER_OK || answer == ANSWER_PENDING)
        return answer;
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    error_set(error, RESULT_FATAL, "%s: %s (%s)", what, rd_kafka_err2str(code), rd_kafka_err2name(code));
    return answer;
}
