#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producer/kafka_sink_state.h"

#define QUESTION_MS 2000 /* for one question after the topics, before it is asked anew */

/* ---- answers */

enum answer sink_answer_code(rd_kafka_resp_err_t code, bool is_retriable) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID: /* whether by a twin, the source will know */
        return ANSWER_ZOMBIE;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return ANSWER_FATAL;
    case RD_KAFKA_RESP_ERR__CONFLICT: /* another call of this transaction is still under way: not to be waited for */
        return ANSWER_FAILED;
    default:
        return is_retriable ? ANSWER_PENDING : ANSWER_FAILED;
    }
}

enum answer sink_answer(rd_kafka_error_t *failure, const char *what, struct error *error) {
    if (failure == NULL)
        return ANSWER_OK;
    enum answer answer = sink_answer_code(rd_kafka_error_code(failure),
                                          rd_kafka_error_is_retriable(failure) && !rd_kafka_error_is_fatal(failure));
    error_set(error, RESULT_RETRY, "%s: %s (%s).", what, rd_kafka_error_string(failure), rd_kafka_error_name(failure));
    rd_kafka_error_destroy(failure);
    return answer;
}

/* ---- life */

enum result kafka_sink_create(const struct kafka_sink_options *options, struct kafka_sink **ret_sink,
                              struct error *error) {
    char timeout[24];
    snprintf(timeout, sizeof timeout, "%lld", (long long)options->transaction_timeout_ms);
    const struct kafka_property own[] = {
        {"transactional.id", options->transactional_id},
        {"transaction.timeout.ms", timeout},
        {"partitioner", "murmur2_random"},
    };
    const struct kafka_properties own_properties = {own, sizeof own / sizeof own[0]};
    rd_kafka_conf_t *conf;
    enum result result = client_configure(&options->properties, &own_properties, options->value_bytes_max, &conf,
                                          error);
    if (result != RESULT_OK)
        return result;
    struct kafka_sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, RESULT_FATAL, "Memory is out: no sink could be made.");
    }
    sink->options = *options;
    sink->conf = conf;
    sink_read_batch_limits(conf, sink);
    blocking_call_init(&sink->call);
    *ret_sink = sink;
    return RESULT_OK;
}

void sink_forget_call(struct kafka_sink *sink) {
    blocking_call_join(&sink->call);
    if (sink->question.metadata != NULL)
        rd_kafka_metadata_destroy(sink->question.metadata);
    sink->question = (struct topics_question){0};
    if (sink->request.offsets != NULL)
        rd_kafka_topic_partition_list_destroy(sink->request.offsets);
    if (sink->request.failure != NULL)
        rd_kafka_error_destroy(sink->request.failure);
    sink->request = (struct offsets_request){0};
    if (sink->end.failure != NULL)
        rd_kafka_error_destroy(sink->end.failure);
    sink->end = (struct end_request){0};
}

static void close_producer(struct kafka_sink *sink) {
    sink_forget_call(sink);
    for (int output = 0; output < OUTPUTS; output++) {
        if (sink->topics[output] != NULL)
            rd_kafka_topic_destroy(sink->topics[output]);
        sink->topics[output] = NULL;
    }
    client_close(&sink->client);
    memset(sink->handed, 0, sizeof sink->handed);
    sink->publishing = NULL;
    sink->phase = SINK_CLOSED;
}

void kafka_sink_free(struct kafka_sink *sink) {
    if (sink == NULL)
        return;
    close_producer(sink);
    rd_kafka_conf_destroy(sink->conf);
    blocking_call_destroy(&sink->call);
    free(sink);
}

static void sink_close(void *context, int timeout_ms) {
    (void)timeout_ms; /* destroying waits for the library's own threads only, and for a call under way */
    close_producer(context);
}

static uint64_t sink_troubles(void *context) {
    struct kafka_sink *sink = context;
    if (sink->client.handle != NULL)
        client_serve(&sink->client);
    return sink->client.troubles;
}

static void sink_serve(void *context) {
    (void)sink_troubles(context);
}

/* ---- renew: a new producer, its topics' metadata, init_transactions */

static enum answer open_producer(struct kafka_sink *sink, struct error *error) {
    close_producer(sink);
    if (client_open(sink->conf, sink->options.logger, &sink->client, error) != RESULT_OK)
        return ANSWER_FATAL;
    for (int output = 0; output < OUTPUTS; output++) {
        sink->topics[output] = rd_kafka_topic_new(sink->client.handle, sink->options.outputs[output], NULL);
        if (sink->topics[output] == NULL) {
            error_set(error, RESULT_FATAL, "The topic `%s` cannot be used: %s.", sink->options.outputs[output],
                      rd_kafka_err2str(rd_kafka_last_error()));
            close_producer(sink);
            return ANSWER_FATAL;
        }
    }
    sink->phase = SINK_ASKING;
    return ANSWER_OK;
}

static void learn_partitions(struct kafka_sink *sink, const struct rd_kafka_metadata_topic *topic) {
    for (int output = 0; output < OUTPUTS; output++)
        if (strcmp(sink->options.outputs[output], topic->topic) == 0)
            sink->partitions[output] = (uint32_t)topic->partition_cnt;
}

static enum answer look_at_topics(struct kafka_sink *sink, const struct rd_kafka_metadata *metadata,
                                  struct error *error) {
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        learn_partitions(sink, topic);
        if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        if (topic->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
            return ANSWER_PENDING;
        error_set(error, RESULT_RETRY, "The topic `%s`: %s.", topic->topic, rd_kafka_err2str(topic->err));
        return sink_answer_code(topic->err, false);
    }
    return ANSWER_OK;
}

static void run_question(void *argument) {
    struct topics_question *question = argument;
    question->code = rd_kafka_metadata(question->handle, 0, NULL, &question->metadata, QUESTION_MS);
}

static enum answer judge_question(struct kafka_sink *sink, struct error *error) {
    const struct topics_question *question = &sink->question;
    if (question->code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return look_at_topics(sink, question->metadata, error);
    if (question->code == RD_KAFKA_RESP_ERR__TIMED_OUT || question->code == RD_KAFKA_RESP_ERR__TRANSPORT)
        return ANSWER_PENDING;
    error_set(error, RESULT_RETRY, "The topics could not be looked at: %s.", rd_kafka_err2str(question->code));
    return sink_answer_code(question->code, false);
}

/* Without it the first transaction would wait a second for the library to ask by itself. */
static enum answer ask_for_topics(struct kafka_sink *sink, int timeout_ms, struct error *error) {
    if (sink->question.handle == NULL) {
        sink->question = (struct topics_question){.handle = sink->client.handle};
        if (blocking_call_start(&sink->call, run_question, &sink->question, error) != RESULT_OK)
            return ANSWER_FAILED;
    }
    client_serve(&sink->client);
    if (!blocking_call_await(&sink->call, timeout_ms))
        return ANSWER_PENDING;
    enum answer answer = judge_question(sink, error);
    sink_forget_call(sink);
    if (answer == ANSWER_OK)
        sink->phase = SINK_INITIALISING;
    return answer;
}

static enum answer initialise(struct kafka_sink *sink, int timeout_ms, struct error *error) {
    rd_kafka_error_t *failure = rd_kafka_init_transactions(sink->client.handle, timeout_ms);
    client_serve(&sink->client);
    enum answer answer = sink_answer(failure, "The producer could not be initialised", error);
    if (answer == ANSWER_OK)
        sink->phase = SINK_READY;
    return answer;
}

static enum answer go_on_renewing(struct kafka_sink *sink, int timeout_ms, struct error *error) {
    switch (sink->phase) {
    case SINK_ASKING:
        return ask_for_topics(sink, timeout_ms, error);
    case SINK_INITIALISING:
        return initialise(sink, timeout_ms, error);
    case SINK_CLOSED:
    case SINK_READY:
    case SINK_BROKEN:
        break;
    }
    return open_producer(sink, error);
}

static enum answer sink_renew(void *context, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    do {
        enum answer answer = go_on_renewing(sink, client_left_ms(deadline_ms), error);
        if (answer == ANSWER_FAILED || answer == ANSWER_ZOMBIE || answer == ANSWER_FATAL) {
            sink->phase = SINK_BROKEN;
            return answer;
        }
        if (answer == ANSWER_PENDING) /* refused at once, perhaps: the rest of the time is not for asking on and on */
            client_poll(&sink->client, client_left_ms(deadline_ms) < 100 ? client_left_ms(deadline_ms) : 100);
    } while (sink->phase != SINK_READY && client_left_ms(deadline_ms) > 0);
    return sink->phase == SINK_READY ? ANSWER_OK : ANSWER_PENDING;
}

struct sink kafka_sink_port(struct kafka_sink *sink) {
    return (struct sink){
        .context = sink,
        .renew = sink_renew,
        .begin = sink_begin,
        .publish = sink_publish,
        .flush = sink_flush,
        .send_offsets = sink_send_offsets,
        .commit = sink_commit,
        .abort = sink_abort,
        .troubles = sink_troubles,
        .serve = sink_serve,
        .close = sink_close,
    };
}
