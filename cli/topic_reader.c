#include "cli/topic_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "cli/clock.h"

#define WAIT_SLICE_MS 20 /* for the next record of one partition, before the others are looked at again */

/* One partition of one topic. */
struct lane {
    uint32_t topic; /* its index in the options */
    int32_t partition;
    rd_kafka_queue_t *queue;
    int64_t start, end; /* offsets at which reading starts, and at which the partition ended when it was opened:
                           until_end, behind transactions that were still open then */
    rd_kafka_message_t *head;
    bool at_end; /* its present end was met and nothing has come since */
    bool done;   /* until_end: it is read up to `end` */
};

struct topic_reader {
    struct topic_reader_options options;
    rd_kafka_t *handle;
    struct lane *lanes;
    uint32_t lanes_count;
    int32_t partitions[8];
    rd_kafka_resp_err_t failed;
    struct error failure;
};

/* Before the epoch there are no records; what Kafka is asked for with a negative time is no time. */
enum result topic_reader_since(struct topic_reader_options *options, const char *value, int64_t now_ms,
                               struct error *error) {
    double duration_ms;
    int64_t since_ms = 0;
    if (duration_parse(text_of(value), &duration_ms))
        since_ms = duration_ms < (double)now_ms ? now_ms - (int64_t)duration_ms : 0;
    else if (!instant_parse(text_of(value), &since_ms))
        return error_set(error, RESULT_REJECT, "--since: `%s` is neither a duration, as in 2h, nor an instant", value);
    options->start = since_ms > 0 ? READ_FROM_TIME : READ_FROM_BEGINNING;
    options->start_value = since_ms;
    return RESULT_OK;
}

static enum result no_answer(const char *what, rd_kafka_resp_err_t code, struct error *error) {
    return error_set(error, RESULT_RETRY, "%s: the brokers gave no answer (%s)", what, rd_kafka_err2str(code));
}

enum result topic_reader_configure(const struct topic_reader_options *options, const char *isolation,
                                   rd_kafka_conf_t **ret_conf, struct error *error) {
    const struct kafka_property own[] = {
        {"group.id", options->group},          {"isolation.level", isolation},   {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"}, {"enable.partition.eof", "true"}, {"auto.offset.reset", "earliest"},
    };
    const struct kafka_properties own_properties = {own, sizeof own / sizeof own[0]};
    enum result result = client_configure(&options->properties, &own_properties, 0, ret_conf, error);
    if (result != RESULT_OK)
        return result;
    client_set_default(*ret_conf, &options->properties, "fetch.wait.max.ms", "100");
    client_set_default(*ret_conf, &options->properties, "fetch.error.backoff.ms", "100");
    client_set_default(*ret_conf, &options->properties, "queued.max.messages.kbytes", "16384");
    return RESULT_OK;
}

static enum result open_handle(const struct topic_reader *reader, const char *isolation, rd_kafka_t **ret_handle,
                               struct error *error) {
    rd_kafka_conf_t *conf;
    char message[512];
    enum result result = topic_reader_configure(&reader->options, isolation, &conf, error);
    if (result != RESULT_OK)
        return result;
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, message, sizeof message);
    if (handle != NULL) {
        (void)rd_kafka_set_log_queue(handle, NULL); /* onto the main queue, where log_events takes them */
        *ret_handle = handle;
        return RESULT_OK;
    }
    rd_kafka_conf_destroy(conf);
    return error_set(error, RESULT_REJECT, "a Kafka consumer could not be made: %s", message);
}

/* ---- where to read */

static enum result add_lanes(struct topic_reader *reader, uint32_t topic,
                             const struct rd_kafka_metadata_topic *metadata, struct error *error) {
    size_t count = reader->lanes_count + (size_t)metadata->partition_cnt;
    struct lane *lanes = realloc(reader->lanes, count * sizeof *lanes);
    if (lanes == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    reader->lanes = lanes;
    for (int i = 0; i < metadata->partition_cnt; i++)
        reader->lanes[reader->lanes_count++] = (struct lane){.topic = topic, .partition = metadata->partitions[i].id};
    reader->partitions[topic] = metadata->partition_cnt;
    return RESULT_OK;
}

/* All topics are listed, since a question about one by name could create it. */
static enum result find_partitions(struct topic_reader *reader, int timeout_ms, struct error *error) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(reader->handle, 1, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return no_answer("the topics could not be listed", code, error);
    enum result result = RESULT_OK;
    for (uint32_t i = 0; i < reader->options.topics_count && result == RESULT_OK; i++)
        for (int j = 0; j < metadata->topic_cnt && result == RESULT_OK; j++)
            if (strcmp(metadata->topics[j].topic, reader->options.topics[i]) == 0)
                result = add_lanes(reader, i, &metadata->topics[j], error);
    rd_kafka_metadata_destroy(metadata);
    for (uint32_t i = 0; i < reader->options.topics_count && result == RESULT_OK; i++)
        if (reader->partitions[i] == 0)
            result = error_set(error, RESULT_REJECT, "the topic `%s` does not exist, or may not be read",
                               reader->options.topics[i]);
    return result;
}

static const char *topic_of(const struct topic_reader *reader, const struct lane *lane) {
    return reader->options.topics[lane->topic];
}

static rd_kafka_topic_partition_list_t *lane_list(const struct topic_reader *reader) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)reader->lanes_count);
    for (uint32_t i = 0; i < reader->lanes_count; i++)
        rd_kafka_topic_partition_list_add(list, topic_of(reader, &reader->lanes[i]), reader->lanes[i].partition);
    return list;
}

/* Of all lanes, in their order. */
static enum result ask(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *list, int64_t instant_ms, int timeout_ms,
                       const char *what, struct error *error) {
    rd_kafka_resp_err_t code = client_ask_offsets(handle, list, instant_ms, timeout_ms);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? RESULT_OK : no_answer(what, code, error);
}

static enum result find_times(struct topic_reader *reader, int timeout_ms, struct error *error) {
    rd_kafka_topic_partition_list_t *list = lane_list(reader);
    enum result result = ask(reader->handle, list, reader->options.start_value, timeout_ms,
                             "offsets could not be looked up", error);
    for (int i = 0; i < list->cnt && result == RESULT_OK; i++)
        reader->lanes[i].start = list->elems[i].offset >= 0 ? list->elems[i].offset : reader->lanes[i].end;
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

static const char ends_untold[] = "the ends of the partitions could not be asked for";

/* A read_committed handle is told where the first open transaction begins. A commit is answered before it is marked as
 * such in the partitions, so what a process published that has just ended may lie behind that. */
static enum result find_ends(struct topic_reader *reader, int timeout_ms, struct error *error) {
    rd_kafka_t *handle;
    enum result result = open_handle(reader, "read_uncommitted", &handle, error);
    if (result != RESULT_OK)
        return result;
    rd_kafka_topic_partition_list_t *list = lane_list(reader);
    result = ask(handle, list, RD_KAFKA_OFFSET_END, timeout_ms, ends_untold, error);
    for (int i = 0; i < list->cnt && result == RESULT_OK; i++)
        reader->lanes[i].end = list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(handle);
    return result;
}

static void set_start(const struct topic_reader *reader, struct lane *lane, int64_t low, int64_t high) {
    if (!reader->options.until_end)
        lane->end = high;
    lane->start = reader->options.start == READ_FROM_END ? high : low;
    if (reader->options.start == READ_FROM_BEFORE && high - reader->options.start_value > low)
        lane->start = high - reader->options.start_value;
    lane->done = reader->options.until_end && lane->start >= lane->end;
}

static enum result find_starts(struct topic_reader *reader, int timeout_ms, struct error *error) {
    rd_kafka_topic_partition_list_t *low = lane_list(reader), *high = lane_list(reader);
    enum result result = ask(reader->handle, low, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, ends_untold, error);
    if (result == RESULT_OK)
        result = ask(reader->handle, high, RD_KAFKA_OFFSET_END, timeout_ms, ends_untold, error);
    for (int i = 0; i < low->cnt && result == RESULT_OK; i++)
        set_start(reader, &reader->lanes[i], low->elems[i].offset, high->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(low);
    rd_kafka_topic_partition_list_destroy(high);
    if (result != RESULT_OK || reader->options.start != READ_FROM_TIME)
        return result;
    return find_times(reader, timeout_ms, error);
}

static enum result find_bounds(struct topic_reader *reader, int timeout_ms, struct error *error) {
    enum result result = reader->options.until_end ? find_ends(reader, timeout_ms, error) : RESULT_OK;
    return result == RESULT_OK ? find_starts(reader, timeout_ms, error) : result;
}

/* Each partition's queue is parted from the common one before the assignment, which librdkafka remembers: records that
 * come at once would else lie in the common one, where nobody looks for them. */
static enum result assign(struct topic_reader *reader, struct error *error) {
    rd_kafka_topic_partition_list_t *list = lane_list(reader);
    for (uint32_t i = 0; i < reader->lanes_count; i++) {
        struct lane *lane = &reader->lanes[i];
        list->elems[i].offset = lane->start;
        lane->queue = rd_kafka_queue_get_partition(reader->handle, topic_of(reader, lane), lane->partition);
        rd_kafka_queue_forward(lane->queue, NULL);
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(reader->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? RESULT_OK
               : error_set(error, RESULT_FATAL, "the partitions could not be assigned: %s", rd_kafka_err2str(code));
}

enum result topic_reader_open(const struct topic_reader_options *options, int timeout_ms,
                              struct topic_reader **ret_reader, struct error *error) {
    struct topic_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    reader->options = *options;
    enum result result = open_handle(reader, "read_committed", &reader->handle, error);
    if (result == RESULT_OK)
        result = find_partitions(reader, timeout_ms, error);
    if (result == RESULT_OK)
        result = find_bounds(reader, timeout_ms, error);
    if (result == RESULT_OK)
        result = assign(reader, error);
    if (result == RESULT_OK)
        *ret_reader = reader;
    else
        topic_reader_close(reader);
    return result;
}

void topic_reader_close(struct topic_reader *reader) {
    if (reader == NULL)
        return;
    for (uint32_t i = 0; i < reader->lanes_count; i++) {
        if (reader->lanes[i].head != NULL)
            rd_kafka_message_destroy(reader->lanes[i].head);
        if (reader->lanes[i].queue != NULL)
            rd_kafka_queue_destroy(reader->lanes[i].queue);
    }
    if (reader->handle != NULL) {
        rd_kafka_consumer_close(reader->handle);
        rd_kafka_destroy(reader->handle);
    }
    free(reader->lanes);
    free(reader);
}

/* ---- reading */

/* Takes what the lane's queue has: a record becomes its head, an end is noted. */
static void take_message(struct topic_reader *reader, struct lane *lane, rd_kafka_message_t *message) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        lane->at_end = false;
        lane->done = reader->options.until_end && message->offset >= lane->end;
        if (!lane->done) {
            lane->head = message;
            return;
        }
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        lane->at_end = true;
        lane->done = reader->options.until_end && message->offset >= lane->end;
    } else {
        reader->failed = message->err;
        error_set(&reader->failure, RESULT_FATAL, "topic `%s`, partition %d: %s", topic_of(reader, lane),
                  lane->partition, rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
}

/* Whether every lane has shown what comes next. `wait_ms`: how long may be waited for those that have not. */
static bool all_shown(struct topic_reader *reader, int wait_ms) {
    bool shown = true;
    for (uint32_t i = 0; i < reader->lanes_count; i++) {
        struct lane *lane = &reader->lanes[i];
        if (lane->head != NULL || lane->done)
            continue;
        rd_kafka_message_t *message = rd_kafka_consume_queue(lane->queue, lane->at_end ? 0 : wait_ms);
        if (message != NULL)
            take_message(reader, lane, message);
        shown = shown && (lane->head != NULL || lane->at_end || lane->done);
    }
    return shown;
}

static struct lane *earliest(struct topic_reader *reader) {
    struct lane *first = NULL;
    int64_t first_ms = 0;
    for (uint32_t i = 0; i < reader->lanes_count; i++) {
        struct lane *lane = &reader->lanes[i];
        int64_t time_ms = lane->head == NULL ? 0 : rd_kafka_message_timestamp(lane->head, NULL);
        if (lane->head != NULL && (first == NULL || time_ms < first_ms)) {
            first = lane;
            first_ms = time_ms;
        }
    }
    return first;
}

static bool all_done(const struct topic_reader *reader) {
    for (uint32_t i = 0; i < reader->lanes_count; i++)
        if (!reader->lanes[i].done || reader->lanes[i].head != NULL)
            return false;
    return true;
}

static void log_events(struct topic_reader *reader) {
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(reader->handle);
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(queue, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR && reader->options.logger != NULL)
            reader->options.logger->write(reader->options.logger->context, LEVEL_WARNING,
                                          rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

/* Ends the wait for a record where nobody knows of any: all ends were met, so that one may wait for any of them. */
static void wait_for_any(struct topic_reader *reader, int timeout_ms) {
    struct lane *lane = &reader->lanes[0];
    for (uint32_t i = 0; i < reader->lanes_count && lane->done; i++)
        lane = &reader->lanes[i];
    rd_kafka_message_t *message = rd_kafka_consume_queue(lane->queue, timeout_ms);
    if (message != NULL)
        take_message(reader, lane, message);
}

enum reader_outcome topic_reader_next(struct topic_reader *reader, int timeout_ms, rd_kafka_message_t **ret_message,
                                      struct error *error) {
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    for (;;) {
        bool shown = all_shown(reader, WAIT_SLICE_MS);
        struct lane *lane = shown ? earliest(reader) : NULL;
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (reader->failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
            *error = reader->failure;
            return READER_FAILED;
        }
        if (lane != NULL) {
            *ret_message = lane->head;
            lane->head = NULL;
            return READER_RECORD;
        }
        if (reader->options.until_end && all_done(reader))
            return READER_END;
        log_events(reader);
        if (left_ms <= 0)
            return READER_NOTHING;
        if (shown)
            wait_for_any(reader, left_ms < WAIT_SLICE_MS ? (int)left_ms : WAIT_SLICE_MS);
    }
}

int32_t topic_reader_partitions(const struct topic_reader *reader, uint32_t topic) {
    return reader->partitions[topic];
}

uint64_t topic_reader_size(const struct topic_reader *reader) {
    uint64_t size = 0;
    for (uint32_t i = 0; i < reader->lanes_count; i++)
        size += (uint64_t)(reader->lanes[i].end - reader->lanes[i].start);
    return size;
}
