#include "consumer/kafka_source.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "consumer/kafka_membership.h"
#include "consumer/kafka_source_state.h"
#include "engine/limits.h"

#define CLOSE_STEP_MS 50

/* ---- create, free ---- */

enum result kafka_source_create(const struct kafka_source_options *options, struct kafka_source **ret_source,
                                struct error *error) {
    assert(options->partitions > 0);
    struct kafka_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    source->options = *options;
    source->joined_anew_ms = INSTANT_NONE;
    source->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum result result = source->wake < 0 ? error_set(error, RESULT_FATAL, "no event descriptor could be had")
                                          : kafka_source_join(source, error);
    if (result == RESULT_OK)
        *ret_source = source;
    else
        kafka_source_free(source);
    return result;
}

static void drop_queue(struct input_queue *input) {
    if (input->queue != NULL) {
        rd_kafka_queue_io_event_enable(input->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(input->queue);
    }
    *input = (struct input_queue){.position = OFFSET_NONE};
}

static void drop_queues(struct kafka_source *source) {
    for (enum stream stream = 0; stream < STREAMS; stream++)
        for (int32_t i = 0; i < source->inputs_count[stream]; i++)
            drop_queue(&source->inputs[stream][i]);
}

void kafka_source_free(struct kafka_source *source) {
    if (source == NULL)
        return;
    kafka_probe_close(&source->probe);
    drop_queues(source);
    kafka_handle_close(&source->handle);
    if (source->wake >= 0)
        close(source->wake);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        free(source->inputs[stream]);
    free(source->assigned);
    free(source);
}

/* ---- the group's events ---- */

static enum stream stream_of_topic(const struct kafka_source *source, const char *topic) {
    enum stream stream = 0;
    while (stream < STREAMS &&
           (source->options.topics[stream] == NULL || strcmp(source->options.topics[stream], topic) != 0))
        stream++;
    return stream;
}

/* Notes what the group gave us. */
static bool note_assignment(struct kafka_source *source, const rd_kafka_topic_partition_list_t *list) {
    struct input *assigned = reallocarray(source->assigned, (size_t)list->cnt + 1, sizeof *assigned);
    if (assigned == NULL)
        return false;
    source->assigned = assigned;
    source->assigned_count = 0;
    for (int i = 0; i < list->cnt; i++) {
        enum stream stream = stream_of_topic(source, list->elems[i].topic);
        if (stream != STREAMS)
            assigned[source->assigned_count++] = (struct input){stream, list->elems[i].partition};
    }
    return true;
}

static void assign_nothing(struct kafka_source *source) {
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_assign(source->handle.client, nothing);
    rd_kafka_topic_partition_list_destroy(nothing);
}

static void on_assigned(struct kafka_source *source, rd_kafka_event_t *event, struct source_event *ret_event) {
    struct membership *membership = NULL;
    enum result result = membership_take(source->handle.client, &membership, &ret_event->error);
    if (result == RESULT_OK && !note_assignment(source, rd_kafka_event_topic_partition_list(event)))
        result = error_set(&ret_event->error, RESULT_FATAL, "out of memory");
    if (result == RESULT_OK) {
        source->reported = true;
        *ret_event = (struct source_event){
            .kind = SOURCE_ASSIGNED,
            .inputs = source->assigned,
            .inputs_count = source->assigned_count,
            .membership = membership,
        };
        return;
    }
    membership_free(membership);
    assign_nothing(source); /* the library waits for an answer; it has noticed the end itself, and joins again */
    ret_event->kind = result == RESULT_REJECT ? SOURCE_TROUBLE : SOURCE_FATAL;
}

static void on_revoked(struct kafka_source *source, struct source_event *ret_event) {
    if (!source->reported) {
        (void)rd_kafka_assign(source->handle.client, NULL);
        return;
    }
    source->reported = false;
    source->takes_back = true;
    ret_event->kind = rd_kafka_assignment_lost(source->handle.client) != 0 ? SOURCE_LOST : SOURCE_REVOKED;
}

static void on_rebalance(struct kafka_source *source, rd_kafka_event_t *event, struct source_event *ret_event) {
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        on_assigned(source, event, ret_event);
    else
        on_revoked(source, ret_event);
}

static void set_fatal(struct source_event *event, const struct kafka_source *source, rd_kafka_resp_err_t code,
                      const char *reason) {
    event->kind = SOURCE_FATAL;
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        error_set(&event->error, RESULT_FATAL,
                  "another process has joined the group %s under this process's name %s, which ends this one: give "
                  "each process a kafka.instance_id of its own, then start this one again (%s)",
                  source->options.group, source->options.instance_id, reason);
    else
        error_set(&event->error, RESULT_FATAL, "Kafka: %s (%s)", reason, rd_kafka_err2name(code));
}

static void on_error(struct kafka_source *source, rd_kafka_event_t *event, struct source_event *ret_event) {
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (kafka_source_is_fenced(source))
        return; /* go_on_fenced() */
    if (rd_kafka_event_error_is_fatal(event)) {
        char reason[512];
        code = rd_kafka_fatal_error(source->handle.client, reason, sizeof reason);
        set_fatal(ret_event, source, code, reason);
    } else if (kafka_answer(code) == ANSWER_FATAL) {
        set_fatal(ret_event, source, code, rd_kafka_event_error_string(event));
    } else {
        ret_event->kind = SOURCE_TROUBLE;
        error_set(&ret_event->error, RESULT_RETRY, "Kafka: %s (%s)", rd_kafka_event_error_string(event),
                  rd_kafka_err2name(code));
    }
}

/* Takes one event that is there already; false where there is none. */
static bool take_event(struct kafka_source *source, struct source_event *ret_event) {
    if (source->pending.kind != SOURCE_NOTHING) {
        *ret_event = source->pending;
        source->pending.kind = SOURCE_NOTHING;
        return true;
    }
    rd_kafka_event_t *event = kafka_handle_event(&source->handle);
    if (event == NULL)
        return false;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        on_rebalance(source, event, ret_event);
    else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        on_error(source, event, ret_event);
    rd_kafka_event_destroy(event);
    return true;
}

/* A consumer that was fenced is of no use any more. The group is joined again by another one, once nothing is held of
 * this one's. */
static void go_on_fenced(struct kafka_source *source, struct source_event *ret_event) {
    if (source->reported) {
        source->reported = false;
        source->takes_back = true;
        ret_event->kind = SOURCE_LOST;
    } else if (!source->takes_back) {
        ret_event->kind = kafka_source_join_anew(source, &ret_event->error) == RESULT_OK ? SOURCE_NOTHING
                                                                                         : SOURCE_FATAL;
    }
}

/* What looked at single records, for takeovers, lies idle for as long as the shards are held. */
static void serve_probe(struct kafka_source *source) {
    int64_t now_ms = source->options.clock->monotonic_ms(source->options.clock->context);
    if (source->probe.handle.client == NULL || now_ms < source->probe.serve_ms)
        return;
    source->probe.serve_ms = now_ms + SERVE_EVERY_MS;
    kafka_handle_serve(&source->probe.handle);
}

static void source_poll(void *context, int timeout_ms, struct source_event *ret_event) {
    struct kafka_source *source = context;
    *ret_event = (struct source_event){.kind = SOURCE_NOTHING};
    serve_probe(source);
    if (kafka_source_is_fenced(source))
        go_on_fenced(source, ret_event);
    if (ret_event->kind != SOURCE_NOTHING || take_event(source, ret_event))
        return;
    struct pollfd wake = {.fd = source->wake, .events = POLLIN};
    if (poll(&wake, 1, timeout_ms) <= 0)
        return;
    uint64_t count;
    ssize_t size = read(source->wake, &count, sizeof count);
    (void)size; /* it does not block: somebody has read it before */
    (void)take_event(source, ret_event);
}

/* ---- what is fetched ---- */

static struct input_queue *find_queue(struct kafka_source *source, struct input input) {
    bool known = input.partition >= 0 && input.partition < source->inputs_count[input.stream];
    return known ? &source->inputs[input.stream][input.partition] : NULL;
}

static bool make_room(struct kafka_source *source, struct input input) {
    int32_t count = source->inputs_count[input.stream];
    if (input.partition < count)
        return true;
    int32_t wanted = input.partition + 1 > count * 2 ? input.partition + 1 : count * 2;
    struct input_queue *inputs = reallocarray(source->inputs[input.stream], (size_t)wanted, sizeof *inputs);
    if (inputs == NULL)
        return false;
    for (int32_t i = count; i < wanted; i++)
        inputs[i] = (struct input_queue){.position = OFFSET_NONE};
    source->inputs[input.stream] = inputs;
    source->inputs_count[input.stream] = wanted;
    return true;
}

/* Once an application has forwarded a partition's queue, be it to nowhere, the library does not forward it to the
 * common queue any more when fetching starts (RD_KAFKA_Q_F_FWD_APP): so this comes before the assignment. */
static enum answer open_queue(struct kafka_source *source, struct input input, struct error *error) {
    if (!make_room(source, input)) {
        error_set(error, RESULT_FATAL, "out of memory");
        return ANSWER_FATAL;
    }
    struct input_queue *queue = find_queue(source, input);
    queue->queue = rd_kafka_queue_get_partition(source->handle.client, source->options.topics[input.stream],
                                                input.partition);
    if (queue->queue == NULL) {
        error_set(error, RESULT_FATAL, "no queue could be had for %s [%d]", source->options.topics[input.stream],
                  input.partition);
        return ANSWER_FATAL;
    }
    rd_kafka_queue_forward(queue->queue, NULL);
    kafka_source_wake_on(source, queue->queue);
    return ANSWER_OK;
}

/* Waits, for a fraction of a millisecond, until what was assigned before has stopped. The library (2.0.2) fails an
 * assert of its own when a partition is taken away again while it is still stopping. Its main thread works through its
 * requests in their order: the first answer comes behind the stops, the second behind what they report. */
static void settle(struct kafka_source *source) {
    for (int i = 0; i < 2; i++) {
        rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(source->handle.client);
        if (metadata != NULL)
            rd_kafka_consumer_group_metadata_destroy(metadata);
    }
}

/* `list` NULL: gives everything back. */
static rd_kafka_resp_err_t replace_assignment(struct kafka_source *source,
                                              const rd_kafka_topic_partition_list_t *list) {
    rd_kafka_resp_err_t code = rd_kafka_assign(source->handle.client, list);
    settle(source);
    return code;
}

static enum answer source_assign(void *context, const struct input_offset *positions, uint32_t count,
                                 struct error *error) {
    struct kafka_source *source = context;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count + 1);
    enum answer answer = ANSWER_OK;
    drop_queues(source);
    for (uint32_t i = 0; i < count && answer == ANSWER_OK; i++) {
        struct input input = positions[i].input;
        assert(positions[i].offset >= 0 && source->options.topics[input.stream] != NULL);
        rd_kafka_topic_partition_list_add(list, source->options.topics[input.stream], input.partition)->offset =
            positions[i].offset;
        answer = open_queue(source, input, error);
    }
    if (answer == ANSWER_OK)
        answer = kafka_answer_set(error, replace_assignment(source, list), "assigning %u partitions", count);
    rd_kafka_topic_partition_list_destroy(list);
    if (answer == ANSWER_FATAL && kafka_source_is_fenced(source))
        return ANSWER_OK; /* The next poll says that nothing is held any more. */
    return answer == ANSWER_PENDING ? ANSWER_FAILED : answer;
}

static enum answer source_unassign(void *context, struct error *error) {
    struct kafka_source *source = context;
    drop_queues(source);
    source->takes_back = false;
    if (kafka_source_is_fenced(source))
        return kafka_source_join_anew(source, error) == RESULT_OK ? ANSWER_OK : ANSWER_FATAL;
    return kafka_answer_set(error, replace_assignment(source, NULL), "giving partitions back");
}

/* Keeps an error of an input for the next poll; a fatal one is not covered by others. */
static void note_error(struct kafka_source *source, struct input input, const rd_kafka_message_t *message) {
    const char *topic = source->options.topics[input.stream];
    if (source->pending.kind == SOURCE_FATAL || kafka_source_is_fenced(source))
        return;
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        source->pending.kind = SOURCE_FATAL;
        error_set(&source->pending.error, RESULT_FATAL,
                  "%s [%d] can not be read from where reading has come to: the topic was recreated or truncated, or "
                  "its retention has overtaken us: %s",
                  topic, input.partition, rd_kafka_message_errstr(message));
        return;
    }
    source->pending.kind = kafka_answer(message->err) == ANSWER_FATAL ? SOURCE_FATAL : SOURCE_TROUBLE;
    error_set(&source->pending.error, RESULT_RETRY, "%s [%d]: %s (%s)", topic, input.partition,
              rd_kafka_message_errstr(message), rd_kafka_err2name(message->err));
}

static struct message message_of(struct input input, rd_kafka_message_t *message) {
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    return (struct message){
        .stream = input.stream,
        .partition = input.partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? OFFSET_NONE : timestamp_ms,
        .key = {message->key, (uint32_t)message->key_len},
        .value = {message->payload, (uint32_t)message->len},
        .handle = message,
    };
}

static void source_fetch(void *context, struct input input, struct message *ret_messages, uint32_t max,
                         struct fetched *ret_fetched) {
    struct kafka_source *source = context;
    struct input_queue *queue = find_queue(source, input);
    *ret_fetched = (struct fetched){0, OFFSET_NONE};
    if (queue == NULL || queue->queue == NULL)
        return;
    rd_kafka_message_t *messages[HEADS_PER_INPUT_MAX];
    size_t bytes = 0;
    max = max < HEADS_PER_INPUT_MAX ? max : HEADS_PER_INPUT_MAX;
    ssize_t count = max == 0 ? 0 : rd_kafka_consume_batch_queue(queue->queue, 0, messages, max);
    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            queue->position = messages[i]->offset + 1;
            bytes += messages[i]->len;
            ret_messages[ret_fetched->count++] = message_of(input, messages[i]);
            continue;
        }
        if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            queue->position = messages[i]->offset;
        else
            note_error(source, input, messages[i]);
        rd_kafka_message_destroy(messages[i]);
    }
    ret_fetched->position = queue->position;
    kafka_handle_taken(&source->handle, ret_fetched->count, bytes);
}

static void source_release(void *context, const struct message *messages, uint32_t count) {
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        rd_kafka_message_destroy(messages[i].handle);
}

static uint32_t source_headers(void *context, const struct message *message, struct header *ret_headers, uint32_t max) {
    (void)context;
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    uint32_t count = 0;
    const char *name;
    const void *value;
    size_t size;
    while (count < max && rd_kafka_header_get_all(headers, count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
        ret_headers[count++] = (struct header){text_of(name), {value, (uint32_t)size}};
    return count;
}

/* ---- the end ---- */

static void source_release_membership(void *context, struct membership *membership) {
    (void)context;
    membership_free(membership);
}

static void source_close(void *context, int timeout_ms) {
    struct kafka_source *source = context;
    drop_queues(source);
    rd_kafka_error_t *failure = rd_kafka_consumer_close_queue(source->handle.client, source->handle.queue);
    if (failure != NULL) {
        rd_kafka_error_destroy(failure);
        return;
    }
    for (int waited = 0; waited < timeout_ms && !rd_kafka_consumer_closed(source->handle.client);) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(source->handle.queue, CLOSE_STEP_MS);
        if (event == NULL)
            waited += CLOSE_STEP_MS;
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            (void)rd_kafka_assign(source->handle.client, NULL);
        rd_kafka_event_destroy(event);
    }
}

const rd_kafka_consumer_group_metadata_t *kafka_source_group_metadata(const struct membership *membership) {
    return membership->metadata;
}

struct source kafka_source_port(struct kafka_source *source) {
    return (struct source){
        .context = source,
        .poll = source_poll,
        .assign = source_assign,
        .unassign = source_unassign,
        .committed = kafka_source_committed,
        .starts = kafka_source_starts,
        .bounds = kafka_source_bounds,
        .timestamp = kafka_source_timestamp,
        .fetch = source_fetch,
        .release = source_release,
        .headers = source_headers,
        .release_membership = source_release_membership,
        .close = source_close,
    };
}
