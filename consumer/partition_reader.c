#include "consumer/partition_reader.h"

#include <assert.h>
#include <errno.h>

enum result partition_reader_handle(struct kafka_handle *handle, const struct consumer_properties *properties,
                                    bool committed, const struct logger *logger, struct error *error) {
    /* An end of the partition is told with an empty answer, for which the broker waits so long. */
    static const struct consumer_property defaults[] = {
        {"fetch.wait.max.ms", "20"}, {"reconnect.backoff.max.ms", "1000"}, {"fetch.error.backoff.ms", "50"}};
    const struct consumer_property own[] = {
        {"isolation.level", committed ? "read_committed" : "read_uncommitted"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"},
    };
    return kafka_handle_open(handle, properties,
                             &(struct consumer_properties){defaults, sizeof defaults / sizeof defaults[0]},
                             &(struct consumer_properties){own, sizeof own / sizeof own[0]}, logger, error);
}

enum answer partition_reader_open(struct partition_reader *reader, struct kafka_handle *handle, const char *topic,
                                  int32_t partition, int64_t offset, struct error *error) {
    assert(reader->topic == NULL && offset >= 0);
    *reader = (struct partition_reader){.handle = handle, .partition = partition, .position = OFFSET_NONE};
    reader->topic = rd_kafka_topic_new(handle->client, topic, NULL);
    if (reader->topic == NULL || rd_kafka_consume_start(reader->topic, partition, offset) != 0) {
        enum answer answer = kafka_answer_set(error, rd_kafka_last_error(), "reading %s [%d]", topic, partition);
        if (reader->topic != NULL)
            rd_kafka_topic_destroy(reader->topic);
        reader->topic = NULL;
        return answer == ANSWER_OK ? ANSWER_FAILED : answer;
    }
    return ANSWER_OK;
}

static void release(struct partition_reader *reader) {
    for (uint32_t i = 0; i < reader->count; i++)
        rd_kafka_message_destroy(reader->messages[i]);
    reader->count = 0;
}

/* Appends what there is; an end of the partition and errors are messages too, for the library. */
static enum answer take(struct partition_reader *reader, uint32_t max, int timeout_ms, struct error *error) {
    rd_kafka_message_t **messages = reader->messages + reader->count;
    ssize_t count = rd_kafka_consume_batch(reader->topic, reader->partition, timeout_ms, messages, max);
    if (count < 0)
        return kafka_answer_set(error, rd_kafka_last_error(), "reading %s", rd_kafka_topic_name(reader->topic));
    enum answer answer = ANSWER_OK;
    size_t bytes = 0;
    for (ssize_t i = 0; i < count; i++) {
        rd_kafka_message_t *message = messages[i];
        bytes += message->len;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            reader->position = message->offset + 1;
            reader->messages[reader->count++] = message;
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            reader->position = message->offset;
        } else {
            enum answer worse = kafka_answer_set(error, message->err, "reading %s [%d]: %s",
                                                 rd_kafka_topic_name(reader->topic), reader->partition,
                                                 rd_kafka_message_errstr(message));
            answer = worse > ANSWER_PENDING ? worse : answer;
        }
        rd_kafka_message_destroy(message);
    }
    kafka_handle_taken(reader->handle, (uint32_t)count, bytes);
    return answer;
}

/* The library fills an array to its end or to the timeout: so what is there is taken without waiting, and only where
 * there is nothing, one is waited for. */
enum answer partition_reader_read(struct partition_reader *reader, uint32_t max, int timeout_ms, struct error *error) {
    assert(reader->topic != NULL && max > 0);
    max = max < READ_MESSAGES_MAX ? max : READ_MESSAGES_MAX;
    release(reader);
    int64_t before = reader->position;
    enum answer answer = take(reader, max, 0, error);
    if (answer != ANSWER_OK || reader->count > 0 || reader->position != before || timeout_ms == 0)
        return answer;
    answer = take(reader, 1, timeout_ms, error);
    if (answer == ANSWER_OK && reader->count > 0 && reader->count < max)
        answer = take(reader, max - reader->count, 0, error);
    return answer;
}

void partition_reader_close(struct partition_reader *reader) {
    if (reader->topic == NULL)
        return;
    release(reader);
    (void)rd_kafka_consume_stop(reader->topic, reader->partition);
    rd_kafka_topic_destroy(reader->topic);
    reader->topic = NULL;
}
