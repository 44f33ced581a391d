/* The transaction's steps. Those that the library can not be left in the middle of are made beside the worker, with the
 * events served in between: it does not end a transaction while a delivery report is unread. */
#include <assert.h>
#include <string.h>

#include "producer/kafka_sink_state.h"

enum answer sink_begin(void *context, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    client_serve(&sink->client);
    sink->client.failed = 0;
    memset(sink->handed, 0, sizeof sink->handed);
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

static void run_end(void *argument) {
    struct end_request *request = argument;
    request->failure = request->commits ? rd_kafka_commit_transaction(request->handle, request->timeout_ms)
                                        : rd_kafka_abort_transaction(request->handle, request->timeout_ms);
}

/* Made once, with all the time that there is. A call whose time is over before the library's own thread has got to its
 * first step leaves that step in a queue, and its result is then taken for that of the next call's: at the second time
 * a commit would be called done that was never sent. So what is late has failed, and nobody knows. */
static enum answer end_transaction(struct kafka_sink *sink, bool commits, const char *what, int timeout_ms,
                                   struct error *error) {
    if (!sink->call.is_running) {
        sink->end = (struct end_request){
            .handle = sink->client.handle,
            .commits = commits,
            .timeout_ms = (int)sink->options.transaction_timeout_ms,
        };
        if (blocking_call_start(&sink->call, run_end, &sink->end, error) != RESULT_OK) {
            sink_forget_call(sink);
            return ANSWER_FAILED;
        }
    }
    client_serve(&sink->client);
    if (!blocking_call_await(&sink->call, timeout_ms))
        return ANSWER_PENDING;
    client_serve(&sink->client);
    rd_kafka_error_t *failure = sink->end.failure;
    sink->end.failure = NULL;
    sink_forget_call(sink);
    bool is_late = failure != NULL && rd_kafka_error_code(failure) == RD_KAFKA_RESP_ERR__TIMED_OUT;
    enum answer answer = sink_answer(failure, what, error);
    return is_late ? ANSWER_FAILED : answer;
}

enum answer sink_commit(void *context, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    assert(sink->client.outstanding == 0);
    enum answer answer = end_transaction(sink, true, "The transaction's commit failed", timeout_ms, error);
    return answer == ANSWER_OK || answer == ANSWER_PENDING ? answer : ANSWER_FAILED;
}

enum answer sink_abort(void *context, int timeout_ms, struct error *error) {
    struct kafka_sink *sink = context;
    assert(sink->phase == SINK_READY);
    if (sink->end.handle != NULL && sink->end.commits) {
        error_set(error, RESULT_RETRY, "The transaction's commit is under way: it can not be aborted any more.");
        return ANSWER_FAILED;
    }
    if (sink->end.handle == NULL) { /* offsets may be on their way: the library would refuse */
        if (!blocking_call_await(&sink->call, timeout_ms))
            return ANSWER_PENDING;
        sink_forget_call(sink);
    }
    enum answer answer = end_transaction(sink, false, "The transaction could not be aborted", timeout_ms, error);
    if (answer == ANSWER_OK)
        sink->publishing = NULL;
    return answer == ANSWER_ZOMBIE ? ANSWER_FAILED : answer;
}
