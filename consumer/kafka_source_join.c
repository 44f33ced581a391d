/* How a source becomes a member of its group; again, where its consumer was fenced.
 *
 * A static member is fenced, which is fatal to its consumer, when another one of its name has joined: an operator has
 * given two processes one name, and the elder has to end. But librdkafka (2.0.2) also fences itself. When the
 * coordinator cannot be reached for as long as a session lasts, it forgets its member id and joins as if it were new;
 * the coordinator gives its name another id, and a heartbeat with the old one, which was on its way for all that time,
 * is taken for an elder twin's. So the first time another consumer takes the place. Twins go on fencing one another
 * with each heartbeat, while whoever fenced itself has had to miss a whole session before: who is fenced again within
 * one has a twin. */
#include <stdio.h>

#include "base/instant.h"
#include "consumer/kafka_source_state.h"

/* How much librdkafka keeps ready. While an input's queue is full, a request for the others may wait at the broker as
 * long as fetch.wait.max.ms: the queue has to last as long, or the worker idles. A topic's queues share what they may
 * hold, as small messages take four times their size there besides. The least is far more than WAKE_MESSAGES of
 * kafka_handle.c. */
#define QUEUED_MESSAGES_OF_TOPIC 200000
#define QUEUED_MESSAGES_LEAST    10000
#define QUEUED_MESSAGES_MOST     60000
#define QUEUED_KILOBYTES_MAX     "8192"
#define FETCH_WAIT_MS            "25"

static int64_t now_ms(const struct kafka_source *source) {
    return source->options.clock->monotonic_ms(source->options.clock->context);
}

static int32_t queued_messages(int32_t partitions) {
    int32_t share = QUEUED_MESSAGES_OF_TOPIC / partitions;
    if (share < QUEUED_MESSAGES_LEAST)
        return QUEUED_MESSAGES_LEAST;
    return share < QUEUED_MESSAGES_MOST ? share : QUEUED_MESSAGES_MOST;
}

static enum result open_handle(struct kafka_source *source, struct error *error) {
    const struct kafka_source_options *options = &source->options;
    char session[24], heartbeat[24], queued[24];
    snprintf(queued, sizeof queued, "%d", queued_messages(options->partitions));
    snprintf(session, sizeof session, "%lld", (long long)options->session_timeout_ms);
    snprintf(heartbeat, sizeof heartbeat, "%lld", (long long)(options->session_timeout_ms / 10 + 1));
    const struct consumer_property own[] = {
        {"group.id", options->group},
        {"group.instance.id", options->instance_id},
        {"partition.assignment.strategy", "range"},
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", heartbeat},
        {"isolation.level", "read_committed"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"},
    };
    /* An end of a partition is told with an empty answer, for which the broker waits as long as fetch.wait.max.ms. */
    const struct consumer_property defaults[] = {
        {"queued.min.messages", queued},      {"queued.max.messages.kbytes", QUEUED_KILOBYTES_MAX},
        {"fetch.wait.max.ms", FETCH_WAIT_MS}, {"fetch.queue.backoff.ms", "5"},
        {"fetch.error.backoff.ms", "100"},    {"reconnect.backoff.max.ms", "1000"},
    };
    return kafka_handle_open(&source->handle, &options->properties,
                             &(struct consumer_properties){defaults, sizeof defaults / sizeof defaults[0]},
                             &(struct consumer_properties){own, sizeof own / sizeof own[0]}, options->logger, error);
}

void kafka_source_wake_on(const struct kafka_source *source, rd_kafka_queue_t *queue) {
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, source->wake, &one, sizeof one);
}

static enum result subscribe(struct kafka_source *source, struct error *error) {
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(STREAMS);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        if (source->options.topics[stream] != NULL)
            rd_kafka_topic_partition_list_add(topics, source->options.topics[stream], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(source->handle.client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return RESULT_OK;
    return error_set(error, RESULT_FATAL, "the topics could not be subscribed to: %s", rd_kafka_err2str(code));
}

enum result kafka_source_join(struct kafka_source *source, struct error *error) {
    enum result result = open_handle(source, error);
    if (result != RESULT_OK)
        return result;
    kafka_source_wake_on(source, source->handle.queue);
    return subscribe(source, error);
}

bool kafka_source_is_fenced(const struct kafka_source *source) {
    if (rd_kafka_fatal_error(source->handle.client, NULL, 0) != RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return false;
    return source->joined_anew_ms == INSTANT_NONE ||
           now_ms(source) - source->joined_anew_ms > source->options.session_timeout_ms;
}

enum result kafka_source_join_anew(struct kafka_source *source, struct error *error) {
    const struct kafka_source_options *options = &source->options;
    if (options->logger != NULL)
        options->logger->write(options->logger->context, LEVEL_WARNING,
                               "Kafka: the membership was taken by another consumer of the same name, perhaps an "
                               "earlier one of this process: the group is joined again. Where two processes have "
                               "one kafka.instance_id, give each its own");
    kafka_handle_close(&source->handle);
    source->joined_anew_ms = now_ms(source);
    return kafka_source_join(source, error);
}
