/* Reads one partition from an offset on, without a group: for the changelog, and to look at single records. Several may
 * be open on one handle; each has its own queue. One thread. */
#pragma once

#include "consumer/kafka_handle.h"

#define READ_MESSAGES_MAX 512

struct partition_reader {
    rd_kafka_topic_t *topic; /* NULL: not open */
    struct kafka_handle *handle;
    int32_t partition;
    int64_t position; /* as in `struct fetched` */
    rd_kafka_message_t *messages[READ_MESSAGES_MAX];
    uint32_t count; /* of the last read, not released yet */
};

/* A handle for readers: read_committed, or not. */
MUST_USE enum result partition_reader_handle(struct kafka_handle *handle, const struct consumer_properties *properties,
                                             bool committed, const struct logger *logger, struct error *error);

MUST_USE enum answer partition_reader_open(struct partition_reader *reader, struct kafka_handle *handle,
                                           const char *topic, int32_t partition, int64_t offset, struct error *error);
/* Up to `max` messages, which are the reader's until the next read or close. OK with none: nothing within the timeout.
 * FAILED: the offset is out of range, among others. */
MUST_USE enum answer partition_reader_read(struct partition_reader *reader, uint32_t max, int timeout_ms,
                                           struct error *error);
/* Does nothing where it is not open. */
void partition_reader_close(struct partition_reader *reader);
