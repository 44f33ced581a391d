/* The transaction's steps. Those that the library goes on with by itself after a timeout are asked for again in short
 * slices, with the events served in between: it does not end a transaction while a delivery report is unread. */
#include <assert.h>

#include "producer/kafka_sink_state.h"

#define SLICE_MS 20

static int slice_of(int64_t deadline_ms) {
    int left_ms = client_left_ms(deadline_ms);
    return left_ms < SLICE_MS ? left_ms : SLICE_MS;
}

enum answer sink_begin(void *context, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    client_serve(&sink->client);
    sink->client.failed = 0;
    sink->publishing = NULL;
    enum answer answer = sink_answer(rd_kafka_begin_transaction(sink->client.handle), "No transaction could be begun",
                                     error);
    return answer == ANSWER_PENDING ? ANSWER_FAILED : answer; /* it is local: there is nothing to wait for */
}

/* NULL: an offset is no real number. */
static rd_kafka_topic_partition_list_t *offsets_of(const struct kafka_sink *sink, const struct input_offset *positions,
                                                   uint32_t count, struct error *error) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new((int)count);
    for (uint32_t i = 0; i < count; i++) {
        const struct input *input = &positions[i].input;
        const char *topic = sink->options.inputs[input->stream];
        assert(topic != NULL);
        if (positions[i].offset < 0) {
            error_set(error, RESULT_RETRY, "The offset of `%s` partition %d is %lld, which is none.", topic,
                      (int)input->partition, (long long)positions[i].offset);
            rd_kafka_topic_partition_list_destroy(offsets);
            return NULL;
        }
        rd_kafka_topic_partition_list_add(offsets, topic, input->partition)->offset = positions[i].offset;
    }
    return offsets;
}

static void run_request(void *argument) {
    struct offsets_request *request = argument;
    request->failure = rd_kafka_send_offsets_to_transaction(request->handle, request->offsets, request->group,
                                                            request->timeout_ms);
}

static enum result start_request(struct kafka_sink *sink, const struct input_offset *positions, uint32_t count,
                                 const struct membership *membership, struct error *error) {
    if (count == 0)
        return error_set(error, RESULT_RETRY, "There are no offsets to commit, so nothing would fence a former owner.");
    rd_kafka_topic_partition_list_t *offsets = offsets_of(sink, positions, count, error);
    if (offsets == NULL)
        return RESULT_RETRY;
    sink->request = (struct offsets_request){
        .handle = sink->client.handle,
        .offsets = offsets,
        .group = sink->options.group_metadata(membership),
        .timeout_ms = (int)sink->options.transaction_timeout_ms,
    };
    return blocking_call_start(&sink->call, run_request, &sink->request, error);
}

enum answer sink_send_offsets(void *context, const struct input_offset *positions, uint32_t count,
                              const struct membership *membership, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    if (!sink->call.is_running && start_request(sink, positions, count, membership, error) != RESULT_OK) {
        sink_forget_call(sink);
        return ANSWER_FAILED;
    }
    client_serve(&sink->client);
    if (!blocking_call_await(&sink->call, timeout_ms))
        return ANSWER_PENDING;
    rd_kafka_error_t *failure = sink->request.failure;
    sink->request.failure = NULL;
    sink_forget_call(sink);
    bool must_abort = failure != NULL && rd_kafka_error_txn_requires_abort(failure);
    enum answer answer = sink_answer(failure, "The offsets were not taken", error);
    return answer == ANSWER_PENDING && must_abort ? ANSWER_FAILED : answer;
}

/* Asks again and again until there is an answer, or the time is over. */
static enum answer end_transaction(struct kafka_sink *sink,
                                   rd_kafka_error_t *(*end)(rd_kafka_t *handle, int timeout_ms), const char *what,
                                   int timeout_ms, struct error *error) {
    int64_t deadline_ms = client_now_ms() + timeout_ms;
    for (;;) {
        enum answer answer = sink_answer(end(sink->client.handle, slice_of(deadline_ms)), what, error);
        client_serve(&sink->client);
        if (answer != ANSWER_PENDING || client_left_ms(deadline_ms) == 0)
            return answer;
        client_poll(&sink->client, 1); /* an answer that came at once shall not make this a busy loop */
    }
}

enum answer sink_commit(void *context, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    assert(sink->client.outstanding == 0);
    enum answer answer = end_transaction(sink, rd_kafka_commit_transaction, "The transaction's commit failed",
                                         timeout_ms, error);
    return answer == ANSWER_OK || answer == ANSWER_PENDING ? answer : ANSWER_FAILED;
}

enum answer sink_abort(void *context, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    if (!blocking_call_await(&sink->call, timeout_ms)) /* offsets are on their way: the library would refuse */
        return ANSWER_PENDING;
    sink_forget_call(sink);
    enum answer answer = end_transaction(sink, rd_kafka_abort_transaction, "The transaction could not be aborted",
                                         timeout_ms, error);
    if (answer == ANSWER_OK)
        sink->publishing = NULL;
    return answer == ANSWER_ZOMBIE ? ANSWER_FAILED : answer;
}
