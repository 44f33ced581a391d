#include "producer/topics.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"
#include "producer/topics_state.h"

#define LOOK_AGAIN_MS 50

/* ---- life */

enum result topics_open(const struct kafka_properties *properties, const struct logger *logger,
                        struct topics **ret_topics, struct error *error) {
    static const struct kafka_properties none = {NULL, 0};
    rd_kafka_conf_t *conf;
    enum result result = client_configure(properties, &none, 0, &conf, error);
    if (result != RESULT_OK)
        return result;
    struct topics *topics = calloc(1, sizeof *topics);
    result = topics == NULL ? error_set(error, RESULT_FATAL, "Memory is out: topics cannot be looked at.")
                            : client_open(conf, logger, &topics->client, error);
    rd_kafka_conf_destroy(conf);
    if (result != RESULT_OK) {
        free(topics);
        return result;
    }
    topics->properties = *properties;
    topics->answers = rd_kafka_queue_new(topics->client.handle);
    *ret_topics = topics;
    return RESULT_OK;
}

void topics_close(struct topics *topics) {
    if (topics == NULL)
        return;
    rd_kafka_queue_destroy(topics->answers);
    client_close(&topics->client);
    free(topics);
}

/* ---- looking */

static enum result no_answer(struct topics *topics, rd_kafka_resp_err_t code, const char *what, struct error *error) {
    client_serve(&topics->client);
    const char *reason = topics->client.trouble.text; /* such as a password that was refused */
    return error_set(error, RESULT_RETRY, "%s: the brokers gave no answer (%s).", what,
                     reason[0] != '\0' ? reason : rd_kafka_err2str(code));
}

static void take_state(const struct rd_kafka_metadata *metadata, const char *name, struct topic_state *ret_state) {
    *ret_state = (struct topic_state){0};
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        if (strcmp(topic->topic, name) != 0 || topic->partition_cnt == 0)
            continue;
        ret_state->partitions = topic->partition_cnt;
        ret_state->replication = topic->partitions[0].replica_cnt;
    }
}

enum result topics_look(struct topics *topics, const char *const *names, uint32_t count, struct topic_state *ret_states,
                        int timeout_ms, struct error *error) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(topics->client.handle, 1, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return no_answer(topics, code, "The topics could not be listed", error);
    for (uint32_t i = 0; i < count; i++)
        take_state(metadata, names[i], &ret_states[i]);
    rd_kafka_metadata_destroy(metadata);
    client_serve(&topics->client);
    return RESULT_OK;
}

/* ---- creating */

static void set_config(rd_kafka_NewTopic_t *topic, const char *name, const char *value) {
    (void)rd_kafka_NewTopic_set_config(topic, name, value); /* checks its arguments only */
}

static rd_kafka_NewTopic_t *new_topic(const struct topic_wish *wish, struct error *error) {
    char message[256], bytes[16];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(wish->name, wish->partitions, wish->replication, message,
                                                       sizeof message);
    if (topic == NULL) {
        error_set(error, RESULT_REJECT, "The topic `%s` cannot be created: %s.", wish->name, message);
        return NULL;
    }
    if (wish->is_compacted)
        set_config(topic, "cleanup.policy", "compact");
    else if (wish->is_kept) {
        set_config(topic, "retention.ms", "-1");
        set_config(topic, "retention.bytes", "-1");
    }
    if (wish->batch_bytes_max > 0) {
        snprintf(bytes, sizeof bytes, "%u", wish->batch_bytes_max);
        set_config(topic, "max.message.bytes", bytes);
    }
    return topic;
}

/* The brokers' answer to a request of ours; NULL where none came in time. */
rd_kafka_event_t *topics_answer(struct topics *topics, rd_kafka_event_type_t type, int64_t deadline_ms) {
    for (;;) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(topics->answers, client_left_ms(deadline_ms));
        client_serve(&topics->client);
        if (event == NULL || rd_kafka_event_type(event) == type)
            return event;
        rd_kafka_event_destroy(event); /* a late answer to an earlier request */
    }
}

static enum result judge_creation(const rd_kafka_event_t *event, struct error *error) {
    size_t count;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result((rd_kafka_event_t *)(uintptr_t)event), &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        const char *reason = rd_kafka_topic_result_error_string(results[i]);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return error_set(error, RESULT_REJECT,
                             "The topic `%s` was not created (%s). Create it by hand, or give this user the right to.",
                             rd_kafka_topic_result_name(results[i]), reason == NULL ? rd_kafka_err2str(code) : reason);
    }
    return RESULT_OK;
}

static enum result request_creation(struct topics *topics, rd_kafka_NewTopic_t **new_topics, uint32_t count,
                                    int64_t deadline_ms, struct error *error) {
    char message[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(topics->client.handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    int left_ms = client_left_ms(deadline_ms);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, left_ms, message, sizeof message);
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, left_ms, message, sizeof message);
    rd_kafka_CreateTopics(topics->client.handle, new_topics, count, options, topics->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = topics_answer(topics, RD_KAFKA_EVENT_CREATETOPICS_RESULT, deadline_ms);
    if (event == NULL)
        return no_answer(topics, RD_KAFKA_RESP_ERR__TIMED_OUT, "Topics could not be created", error);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    enum result result = code == RD_KAFKA_RESP_ERR_NO_ERROR
                             ? judge_creation(event, error)
                             : no_answer(topics, code, "Topics could not be created", error);
    rd_kafka_event_destroy(event);
    return result;
}

static bool are_usable(const struct topic_state *states, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (states[i].partitions == 0)
            return false;
    return true;
}

/* A created topic is not known to all brokers at once. */
static enum result await_usable(struct topics *topics, const struct topic_wish *wishes, uint32_t count,
                                int64_t deadline_ms, struct error *error) {
    const char *names[TOPICS_MAX];
    struct topic_state states[TOPICS_MAX];
    for (uint32_t i = 0; i < count; i++)
        names[i] = wishes[i].name;
    for (;;) {
        enum result result = topics_look(topics, names, count, states, client_left_ms(deadline_ms), error);
        if (result != RESULT_OK || are_usable(states, count))
            return result;
        if (client_left_ms(deadline_ms) == 0)
            return error_set(error, RESULT_RETRY, "Topics were created, but the brokers do not list them yet.");
        client_poll(&topics->client, LOOK_AGAIN_MS);
    }
}

enum result topics_create(struct topics *topics, const struct topic_wish *wishes, uint32_t count, int timeout_ms,
                          struct error *error) {
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    rd_kafka_NewTopic_t *new_topics[TOPICS_MAX];
    uint32_t made = 0;
    if (count == 0)
        return RESULT_OK;
    if (count > TOPICS_MAX)
        return error_set(error, RESULT_REJECT, "More than %d topics at once.", TOPICS_MAX);
    while (made < count && (new_topics[made] = new_topic(&wishes[made], error)) != NULL)
        made++;
    enum result result = made < count ? RESULT_REJECT : request_creation(topics, new_topics, count, deadline_ms, error);
    rd_kafka_NewTopic_destroy_array(new_topics, made);
    return result == RESULT_OK ? await_usable(topics, wishes, count, deadline_ms, error) : result;
}
