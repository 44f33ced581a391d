/* Reads topics as somebody who looks on: all partitions, read_committed, no group, nothing is committed. Records come
 * merged by their timestamps: one is given out only when every other partition has shown its next record too, or has
 * come to its present end. One thread. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "engine/ports.h"
#include "producer/client.h"

enum reader_start {
    READ_FROM_BEGINNING,
    READ_FROM_END,
    READ_FROM_TIME,  /* the first record at `start_value` or later, milliseconds */
    READ_FROM_BEFORE /* `start_value` records before the end of each partition */
};

struct topic_reader_options {
    struct kafka_properties properties;
    const char *group; /* named because librdkafka wants one; nothing is done with it */
    const char *topics[8];
    uint32_t topics_count;
    enum reader_start start;
    int64_t start_value;
    bool until_end; /* ends where the partitions ended when they were opened */
    const struct logger *logger;
};

/* The library's configuration: the operator's properties, under those of whoever only looks on. RESULT_REJECT: a
 * property is not good. */
MUST_USE enum result topic_reader_configure(const struct topic_reader_options *options, const char *isolation,
                                            rd_kafka_conf_t **ret_conf, struct error *error);

/* From the time on that `--since` says: `2h` before now, or an instant. */
MUST_USE enum result topic_reader_since(struct topic_reader_options *options, const char *value, int64_t now_ms,
                                        struct error *error);

struct topic_reader;

/* Waits for the brokers up to `timeout_ms`. RESULT_RETRY: no broker answered; RESULT_REJECT: a topic does not exist, or
 * a property is not good. What `options` points to is borrowed until topic_reader_close. */
MUST_USE enum result topic_reader_open(const struct topic_reader_options *options, int timeout_ms,
                                       struct topic_reader **ret_reader, struct error *error);
void topic_reader_close(struct topic_reader *reader);

enum reader_outcome {
    READER_RECORD,
    READER_NOTHING, /* within the timeout */
    READER_END,     /* until_end: all is read */
    READER_FAILED,
};

/* The message is the caller's: rd_kafka_message_destroy. */
enum reader_outcome topic_reader_next(struct topic_reader *reader, int timeout_ms, rd_kafka_message_t **ret_message,
                                      struct error *error);

/* Partitions of the topic of that index in the options. */
int32_t topic_reader_partitions(const struct topic_reader *reader, uint32_t topic);
/* How many records lie between the start and the end of all partitions, about: for a progress bar. */
uint64_t topic_reader_size(const struct topic_reader *reader);
