#include "tests/integration/sink_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/deadline.h"

static const rd_kafka_consumer_group_metadata_t *metadata_of(const struct membership *membership) {
    return membership->metadata;
}

void sink_fixture_add_sink(struct sink_fixture *fixture, struct kafka_sink **ret_kafka_sink, struct sink *ret_sink) {
    assert_int_equal(kafka_sink_create(&fixture->options, ret_kafka_sink, &fixture->error), RESULT_OK);
    *ret_sink = kafka_sink_port(*ret_kafka_sink);
}

struct sink_fixture *sink_fixture_open(struct kafka_server *server) {
    static int tests;
    struct sink_fixture *fixture = calloc(1, sizeof *fixture);
    tests++;
    fixture->server = server;
    for (int i = 0; i <= OUTPUTS; i++) {
        snprintf(fixture->names[i], sizeof fixture->names[i], "topic-%d-%d", tests, i);
        kafka_create_topic(server, fixture->names[i], PARTITIONS, NULL);
    }
    snprintf(fixture->group, sizeof fixture->group, "group-%d", tests);
    snprintf(fixture->id, sizeof fixture->id, "group-%d-worker", tests);
    fixture->brokers[0] = (struct kafka_property){"bootstrap.servers", server->address};
    fixture->options = (struct kafka_sink_options){
        .properties = {fixture->brokers, 1},
        .transactional_id = fixture->id,
        .transaction_timeout_ms = TRANSACTION_TIMEOUT_MS,
        .value_bytes_max = VALUE_BYTES_USUAL,
        .inputs = {[STREAM_LOGIN] = fixture->names[INPUT]},
        .group_metadata = metadata_of,
    };
    for (int i = 0; i < OUTPUTS; i++)
        fixture->options.outputs[i] = fixture->names[i];
    sink_fixture_add_sink(fixture, &fixture->kafka_sink, &fixture->sink);
    return fixture;
}

void sink_fixture_close(struct sink_fixture *fixture) {
    fixture->sink.close(fixture->sink.context, CALL_MS);
    kafka_sink_free(fixture->kafka_sink);
    batch_free(&fixture->batch);
    free(fixture);
}

/* ---- a member of the group */

void sink_member_open(struct sink_fixture *fixture, const char *instance_id, struct sink_member *ret_member) {
    const char *settings[] = {
        "group.id",
        fixture->group,
        "session.timeout.ms",
        "6000",
        "enable.auto.commit",
        "false",
        "fetch.wait.max.ms",
        "10",
        "auto.offset.reset",
        "earliest",
        instance_id == NULL ? NULL : "group.instance.id",
        instance_id,
        NULL,
    };
    ret_member->consumer = kafka_client_new(fixture->server, RD_KAFKA_CONSUMER, settings);
    ret_member->membership.metadata = NULL;
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, fixture->names[INPUT], RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(ret_member->consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
}

static int assigned_partitions(struct sink_member *member) {
    rd_kafka_topic_partition_list_t *assignment;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(member->consumer, 10);
    if (message != NULL)
        rd_kafka_message_destroy(message);
    assert_int_equal(rd_kafka_assignment(member->consumer, &assignment), RD_KAFKA_RESP_ERR_NO_ERROR);
    int count = assignment->cnt;
    rd_kafka_topic_partition_list_destroy(assignment);
    return count;
}

void sink_member_await(struct sink_member *member, struct sink_member *other) {
    struct deadline deadline = deadline_after(WAIT_MS);
    int mine, others;
    do {
        mine = assigned_partitions(member);
        others = other == NULL ? 0 : assigned_partitions(other);
        assert_false(deadline_passed(deadline));
    } while (mine == 0 || (other != NULL && others == 0) || mine + others != PARTITIONS);
    if (member->membership.metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(member->membership.metadata);
    member->membership.metadata = rd_kafka_consumer_group_metadata(member->consumer);
}

void sink_member_join(struct sink_fixture *fixture, struct sink_member *ret_member) {
    sink_member_open(fixture, NULL, ret_member);
    sink_member_await(ret_member, NULL);
}

void sink_member_close(struct sink_member *member) {
    if (member->membership.metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(member->membership.metadata);
    rd_kafka_consumer_close(member->consumer);
    rd_kafka_destroy(member->consumer);
}

/* ---- calls that are made again while they are pending */

void assert_answer(const struct sink_fixture *fixture, enum answer actual, enum answer expected) {
    if (actual != expected)
        fail_msg("the answer is %d, not %d: %s", (int)actual, (int)expected, fixture->error.text);
}

enum answer await_renewed(struct sink_fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->renew(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

enum answer await_published(struct sink_fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->publish(sink->context, &fixture->batch, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

enum answer await_flushed(struct sink_fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->flush(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

enum answer send_offsets_once(struct sink_fixture *fixture, struct sink *sink, const struct sink_member *member,
                              int64_t offset) {
    const struct input_offset positions[] = {
        {{STREAM_LOGIN, 0}, offset},
        {{STREAM_LOGIN, 2}, offset + 1},
    };
    return sink->send_offsets(sink->context, positions, 2, &member->membership, CALL_MS, &fixture->error);
}

enum answer await_offsets_sent(struct sink_fixture *fixture, struct sink *sink, const struct sink_member *member,
                               int64_t offset) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = send_offsets_once(fixture, sink, member, offset);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

enum answer await_committed(struct sink_fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->commit(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

enum answer await_aborted(struct sink_fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->abort(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

void begin_and_publish(struct sink_fixture *fixture, struct sink *sink) {
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, await_published(fixture, sink), ANSWER_OK);
    assert_answer(fixture, await_flushed(fixture, sink), ANSWER_OK);
}

/* ---- records */

void add_record(struct sink_fixture *fixture, enum output output, int32_t partition, const char *key,
                const char *value) {
    static const struct header headers[] = {{TEXT("one"), TEXT("1")}, {TEXT("none"), {NULL, 0}}};
    const struct record record = {
        .output = output,
        .partition = partition,
        .key = text_of(key),
        .value = text_of(value),
        .headers = headers,
        .headers_count = output == OUTPUT_CHANGES ? 2 : 0,
    };
    assert_int_equal(batch_add(&fixture->batch, &record, &fixture->error), RESULT_OK);
}

void add_one_of_each(struct sink_fixture *fixture) {
    add_record(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", "change");
    add_record(fixture, OUTPUT_STATUSES, PARTITION_BY_KEY, "acme", "status");
    add_record(fixture, OUTPUT_DEAD_LETTERS, PARTITION_BY_KEY, NULL, "");
    add_record(fixture, OUTPUT_CHANGELOG, 1, "key", "blob");
}

size_t count_records(struct sink_fixture *fixture, enum output output, enum kafka_isolation isolation) {
    struct kafka_records records;
    kafka_consume_all(fixture->server, fixture->names[output], isolation, &records);
    size_t found = records.count;
    kafka_records_free(&records);
    return found;
}

void assert_visible_once(struct sink_fixture *fixture) {
    for (int output = 0; output < OUTPUTS; output++)
        assert_int_equal(count_records(fixture, (enum output)output, KAFKA_READ_COMMITTED), 1);
}

/* ---- whole transactions */

void begin_with_one_of_each(struct sink_fixture *fixture, struct sink *sink) {
    add_one_of_each(fixture);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
}

void commit_visibly(struct sink_fixture *fixture, struct sink *sink) {
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
}
