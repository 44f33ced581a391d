/* A sink on a real Kafka for its tests: topics, a group and a transactional id of each test's own, members of the
 * group, and the port's calls, made again while they are pending. Main thread only. */
#pragma once

#include "producer/kafka_sink.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_server.h"

enum { PARTITIONS = 3, WAIT_MS = 60000, CALL_MS = 10 /* as short as the pipeline's */, TRANSACTION_TIMEOUT_MS = 60000 };

#define INPUT OUTPUTS /* its index in the names */

/* As the consumer's room has it: here it is only its metadata. */
struct membership {
    rd_kafka_consumer_group_metadata_t *metadata;
};

struct sink_fixture {
    struct kafka_server *server;
    char names[OUTPUTS + 1][64]; /* the outputs' topics and the input's */
    char group[64], id[64];
    struct kafka_property brokers[1];
    struct kafka_sink_options options;
    struct kafka_sink *kafka_sink;
    struct sink sink;
    struct batch batch;
    struct error error;
};

struct sink_fixture *sink_fixture_open(struct kafka_server *server);
void sink_fixture_close(struct sink_fixture *fixture);
/* Another sink with the options as they are now: the same transactional id. kafka_sink_free it. */
void sink_fixture_add_sink(struct sink_fixture *fixture, struct kafka_sink **ret_kafka_sink, struct sink *ret_sink);

/* ---- a member of the group */

struct sink_member {
    rd_kafka_t *consumer;
    struct membership membership;
};

/* `instance_id` NULL: a dynamic one. */
void sink_member_open(struct sink_fixture *fixture, const char *instance_id, struct sink_member *ret_member);
/* Polls until all partitions are held, by both where there is another; then copies the first one's metadata. */
void sink_member_await(struct sink_member *member, struct sink_member *other);
/* A dynamic one that holds all partitions. */
void sink_member_join(struct sink_fixture *fixture, struct sink_member *ret_member);
void sink_member_close(struct sink_member *member);

/* ---- calls that are made again while they are pending */

void assert_answer(const struct sink_fixture *fixture, enum answer actual, enum answer expected);
enum answer await_renewed(struct sink_fixture *fixture, struct sink *sink);
enum answer await_published(struct sink_fixture *fixture, struct sink *sink);
enum answer await_flushed(struct sink_fixture *fixture, struct sink *sink);
/* `offset` for partition 0 of the input, and one more for partition 2. */
enum answer await_offsets_sent(struct sink_fixture *fixture, struct sink *sink, const struct sink_member *member,
                               int64_t offset);
enum answer send_offsets_once(struct sink_fixture *fixture, struct sink *sink, const struct sink_member *member,
                              int64_t offset);
enum answer await_committed(struct sink_fixture *fixture, struct sink *sink);
enum answer await_aborted(struct sink_fixture *fixture, struct sink *sink);
/* All of the batch, acknowledged. */
void begin_and_publish(struct sink_fixture *fixture, struct sink *sink);
/* A new producer's first transaction, with one record of each output. */
void begin_with_one_of_each(struct sink_fixture *fixture, struct sink *sink);
/* And its commit: a read_committed reader sees one record of each output. */
void commit_visibly(struct sink_fixture *fixture, struct sink *sink);

/* ---- records */

/* To the batch. Missing `key`, `value`: NULL. */
void add_record(struct sink_fixture *fixture, enum output output, int32_t partition, const char *key,
                const char *value);
/* One record for each output; the changelog's on partition 1. */
void add_one_of_each(struct sink_fixture *fixture);
size_t count_records(struct sink_fixture *fixture, enum output output, enum kafka_isolation isolation);
/* That a read_committed reader sees one record of each output. */
void assert_visible_once(struct sink_fixture *fixture);
