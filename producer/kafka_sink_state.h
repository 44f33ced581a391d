/* What the files of the sink share: kafka_sink.c (its life, renew), publication.c (records out, reports in),
 * transaction.c (the transaction's steps). */
#pragma once

#include "producer/blocking_call.h"
#include "producer/kafka_sink.h"

enum sink_phase {
    SINK_CLOSED,       /* there is no producer */
    SINK_ASKING,       /* renew: for the topics' metadata */
    SINK_INITIALISING, /* renew: init_transactions */
    SINK_READY,
    SINK_BROKEN, /* a renew failed: the next one begins from the start */
};

/* rd_kafka_metadata of the outputs. */
struct topics_question {
    rd_kafka_t *handle;
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code;
};

/* rd_kafka_send_offsets_to_transaction. */
struct offsets_request {
    rd_kafka_t *handle;
    rd_kafka_topic_partition_list_t *offsets;
    const rd_kafka_consumer_group_metadata_t *group;
    int timeout_ms;
    rd_kafka_error_t *failure;
};

/* rd_kafka_commit_transaction, or rd_kafka_abort_transaction. */
struct end_request {
    rd_kafka_t *handle; /* NULL: there is none */
    bool commits;
    int timeout_ms;
    rd_kafka_error_t *failure;
};

/* What of an output was handed over since all was delivered: to the partition, or by key. */
struct handed_over {
    int32_t partition;
    uint64_t bytes, library_bytes, records;
};

struct kafka_sink {
    struct kafka_sink_options options;
    rd_kafka_conf_t *conf;
    uint64_t batch_bytes_max, batch_records_max; /* of the library's batches */
    enum sink_phase phase;
    struct client client;
    rd_kafka_topic_t *topics[OUTPUTS];
    uint32_t partitions[OUTPUTS];   /* 0: not known */
    const struct batch *publishing; /* the batch whose publication is under way; NULL: none */
    uint32_t published;             /* its records that were handed over */
    struct handed_over handed[OUTPUTS];
    bool is_hurried; /* rd_kafka_flush was called since the last record was handed over: none waits for linger.ms */
    struct blocking_call call; /* one of these three, while the phase is ASKING or a transaction is open */
    struct topics_question question;
    struct offsets_request request;
    struct end_request end;
};

/* The answer to a library's error that says so little about the transaction that the pipeline's table must decide; and
 * the message. PENDING: the same call may be made again. Destroys `failure`. */
enum answer sink_answer(rd_kafka_error_t *failure, const char *what, struct error *error);
/* The same for a plain code. */
enum answer sink_answer_code(rd_kafka_resp_err_t code, bool is_retriable);

/* Waits for a call that is running, and forgets what came of it. */
void sink_forget_call(struct kafka_sink *sink);

/* How much one batch of a partition holds, by the configuration. */
void sink_read_batch_limits(const rd_kafka_conf_t *conf, struct kafka_sink *sink);

enum answer sink_begin(void *context, struct error *error);
enum answer sink_publish(void *context, struct batch *batch, int timeout_ms, struct error *error);
enum answer sink_flush(void *context, int timeout_ms, struct error *error);
enum answer sink_send_offsets(void *context, const struct input_offset *positions, uint32_t count,
                              const struct membership *membership, int timeout_ms, struct error *error);
enum answer sink_commit(void *context, int timeout_ms, struct error *error);
enum answer sink_abort(void *context, int timeout_ms, struct error *error);
