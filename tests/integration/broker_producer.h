/* A transactional producer under a test's own id, by the library alone; and the end of a transaction as a request in
 * bytes, for what the library does only when a network fails. */
#pragma once

#include "tests/integration/broker.h"

struct producer_options {
    const char *transaction_timeout_ms; /* NULL: a minute */
    bool proxied;
};

struct producer {
    const struct broker *broker;
    rd_kafka_t *client;
    _Atomic int64_t id; /* and epoch: as the coordinator gave them last, -1 before */
    _Atomic int epoch;
    int errors;     /* that the library has told of: it does so while it is polled */
    int deliveries; /* records that are acknowledged, with this for the last one: */
    int64_t delivered_offset;
};

/* Without a request to the broker; producer_init makes it ready. */
struct producer *producer_new(const struct broker *broker, struct producer_options options);
struct producer *producer_open(const struct broker *broker, struct producer_options options); /* both */
void producer_close(struct producer *producer);

/* These return the code of the call's error, 0 for none. The last two wait as long as it takes. */
rd_kafka_resp_err_t producer_init(struct producer *producer, int timeout_ms);
rd_kafka_resp_err_t producer_commit_within(struct producer *producer, int timeout_ms);
rd_kafka_resp_err_t producer_commit(struct producer *producer);
rd_kafka_resp_err_t producer_abort(struct producer *producer);

void producer_begin(struct producer *producer);
/* Hands a record of the output over; _send also sees it acknowledged. */
void producer_hand_over(struct producer *producer, int32_t partition, const char *value);
void producer_send(struct producer *producer, const char *value); /* to partition 0 */
void producer_send_to(struct producer *producer, int32_t partition, const char *value);
/* The offset for all partitions of the input. */
rd_kafka_resp_err_t producer_send_offsets(struct producer *producer, const rd_kafka_consumer_group_metadata_t *metadata,
                                          int64_t offset);
rd_kafka_resp_err_t producer_begin_with_offsets(struct producer *producer,
                                                const rd_kafka_consumer_group_metadata_t *metadata, int64_t offset);

enum {
    ANSWER_INVALID_PRODUCER_EPOCH = 47,
    ANSWER_INVALID_TXN_STATE = 48,
    ANSWER_CONCURRENT_TRANSACTIONS = 51,
    ANSWER_PRODUCER_FENCED = 90
};

/* EndTxn with a commit, as a copy that was under way would arrive; the broker's error code. The second asks until the
 * coordinator has done with the end before it. */
int16_t producer_copy_of_end(const struct producer *producer);
int16_t producer_copy_of_end_afterwards(const struct producer *producer);
