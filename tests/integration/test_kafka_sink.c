/* The sink against a real Kafka: what it commits is visible together, what it does not is never seen, and each way in
 * which a transaction can end gives the answer that the protocol's table (docs/exactly-once.md) is written for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "producer/kafka_sink.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_server.h"

enum { PARTITIONS = 3, WAIT_MS = 60000, CALL_MS = 10 /* as short as the pipeline's */, TRANSACTION_TIMEOUT_MS = 60000 };

/* As the consumer's room has it: here it is only its metadata. */
struct membership {
    rd_kafka_consumer_group_metadata_t *metadata;
};

struct fixture {
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

#define INPUT OUTPUTS /* its index in the names */

static const rd_kafka_consumer_group_metadata_t *metadata_of(const struct membership *membership) {
    return membership->metadata;
}

/* ---- one server for all, topics of its own for each test */

static int start_server(void **state) {
    struct kafka_server *server = calloc(1, sizeof *server);
    *state = server;
    kafka_server_start(0, NULL, server);
    return 0;
}

static int close_server(void **state) {
    kafka_server_close(*state);
    free(*state);
    return 0;
}

static void open_sink(struct fixture *fixture, struct kafka_sink **ret_kafka_sink, struct sink *ret_sink) {
    assert_int_equal(kafka_sink_create(&fixture->options, ret_kafka_sink, &fixture->error), RESULT_OK);
    *ret_sink = kafka_sink_port(*ret_kafka_sink);
}

static struct fixture *open_fixture(struct kafka_server *server) {
    static int tests;
    struct fixture *fixture = calloc(1, sizeof *fixture);
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
    open_sink(fixture, &fixture->kafka_sink, &fixture->sink);
    return fixture;
}

static void close_fixture(struct fixture *fixture) {
    fixture->sink.close(fixture->sink.context, CALL_MS);
    kafka_sink_free(fixture->kafka_sink);
    batch_free(&fixture->batch);
    free(fixture);
}

/* ---- a member of the group */

struct member {
    rd_kafka_t *consumer;
    struct membership membership;
};

static void member_open(struct fixture *fixture, const char *instance_id, struct member *ret_member) {
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

static int assigned_partitions(struct member *member) {
    rd_kafka_topic_partition_list_t *assignment;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(member->consumer, 10);
    if (message != NULL)
        rd_kafka_message_destroy(message);
    assert_int_equal(rd_kafka_assignment(member->consumer, &assignment), RD_KAFKA_RESP_ERR_NO_ERROR);
    int count = assignment->cnt;
    rd_kafka_topic_partition_list_destroy(assignment);
    return count;
}

/* Polls until all partitions are held, by both where there is another; then copies the first one's metadata. */
static void member_await(struct member *member, struct member *other) {
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

static void member_close(struct member *member) {
    if (member->membership.metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(member->membership.metadata);
    rd_kafka_consumer_close(member->consumer);
    rd_kafka_destroy(member->consumer);
}

/* ---- calls that are made again while they are pending */

static void assert_answer(const struct fixture *fixture, enum answer actual, enum answer expected) {
    if (actual != expected)
        fail_msg("the answer is %d, not %d: %s", (int)actual, (int)expected, fixture->error.text);
}

static enum answer renew(struct fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->renew(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static enum answer publish(struct fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->publish(sink->context, &fixture->batch, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static enum answer flush(struct fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->flush(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static enum answer send_offsets_once(struct fixture *fixture, struct sink *sink, const struct member *member,
                                     int64_t offset) {
    const struct input_offset positions[] = {
        {{STREAM_LOGIN, 0}, offset},
        {{STREAM_LOGIN, 2}, offset + 1},
    };
    return sink->send_offsets(sink->context, positions, 2, &member->membership, CALL_MS, &fixture->error);
}

static enum answer send_offsets(struct fixture *fixture, struct sink *sink, const struct member *member,
                                int64_t offset) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = send_offsets_once(fixture, sink, member, offset);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static enum answer commit(struct fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->commit(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static enum answer abort_transaction(struct fixture *fixture, struct sink *sink) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum answer answer;
    do
        answer = sink->abort(sink->context, CALL_MS, &fixture->error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static void begin_and_publish(struct fixture *fixture, struct sink *sink) {
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, publish(fixture, sink), ANSWER_OK);
    assert_answer(fixture, flush(fixture, sink), ANSWER_OK);
}

/* ---- records */

static void add(struct fixture *fixture, enum output output, int32_t partition, const char *key, const char *value) {
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

/* One record for each output; the changelog's on partition 1. */
static void add_one_of_each(struct fixture *fixture) {
    add(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", "change");
    add(fixture, OUTPUT_STATUSES, PARTITION_BY_KEY, "acme", "status");
    add(fixture, OUTPUT_DEAD_LETTERS, PARTITION_BY_KEY, NULL, "");
    add(fixture, OUTPUT_CHANGELOG, 1, "key", "blob");
}

static size_t count(struct fixture *fixture, enum output output, enum kafka_isolation isolation) {
    struct kafka_records records;
    kafka_consume_all(fixture->server, fixture->names[output], isolation, &records);
    size_t found = records.count;
    kafka_records_free(&records);
    return found;
}

static void assert_visible_once(struct fixture *fixture) {
    for (int output = 0; output < OUTPUTS; output++)
        assert_int_equal(count(fixture, (enum output)output, KAFKA_READ_COMMITTED), 1);
}

/* ---- tests */

static void a_commit_makes_records_and_offsets_visible_together(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct member member;
    member_open(fixture, NULL, &member);
    member_await(&member, NULL);
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, send_offsets(fixture, sink, &member, 7), ANSWER_OK);
    assert_int_equal(count(fixture, OUTPUT_CHANGES, KAFKA_READ_UNCOMMITTED), 1);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), 7);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 1), -1);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 2), 8);
    assert_int_equal(sink->troubles(sink->context), 0);
    member_close(&member);
    close_fixture(fixture);
}

static void records_arrive_as_they_are(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct kafka_records records;
    add(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", "change");
    add(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", NULL);
    add(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", "");
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    kafka_consume_all(fixture->server, fixture->names[OUTPUT_CHANGES], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, 3);
    assert_string_equal(records.items[0].value, "change");
    assert_string_equal(records.items[0].key, "acme");
    assert_string_equal(kafka_header_text(&records.items[0], "one"), "1");
    assert_int_equal(records.items[0].header_count, 2);
    assert_null(kafka_header_text(&records.items[0], "none"));
    assert_null(records.items[1].value);
    assert_string_equal(records.items[2].value, "");
    kafka_records_free(&records);
    close_fixture(fixture);
}

/* Expected: the Java client's Utils.toPositive(Utils.murmur2(key)) % 3. */
static void accounts_lie_where_the_java_client_puts_them(void **state) {
    static const struct {
        const char *key;
        int32_t murmur2;
    } keys[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct kafka_records records;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        add(fixture, OUTPUT_STATUSES, PARTITION_BY_KEY, keys[i].key, "status");
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    kafka_consume_all(fixture->server, fixture->names[OUTPUT_STATUSES], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < records.count; i++)
        for (size_t j = 0; j < sizeof keys / sizeof keys[0]; j++)
            if (strcmp(records.items[i].key, keys[j].key) == 0)
                assert_int_equal(records.items[i].partition, (keys[j].murmur2 & 0x7fffffff) % PARTITIONS);
    kafka_records_free(&records);
    close_fixture(fixture);
}

static void each_record_learns_its_offset(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    for (int i = 0; i < 3; i++) {
        batch_clear(&fixture->batch);
        add(fixture, OUTPUT_CHANGELOG, 2, "barrier", "nonce");
        add(fixture, OUTPUT_CHANGELOG, 2, "shard", "record");
        int64_t end = kafka_end_offset(fixture->server, fixture->names[OUTPUT_CHANGELOG], 2);
        begin_and_publish(fixture, sink);
        assert_int_equal(fixture->batch.records[0].offset, end);
        assert_int_equal(fixture->batch.records[1].offset, end + 1);
        assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
        /* Behind the records lies the transaction's marker; a reader that waits for stability waits for it too. */
        assert_int_equal(count(fixture, OUTPUT_CHANGELOG, KAFKA_READ_COMMITTED), 2 * (i + 1));
    }
    close_fixture(fixture);
}

static void an_aborted_batch_is_never_seen_and_can_be_published_again(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct member member;
    member_open(fixture, NULL, &member);
    member_await(&member, NULL);
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    for (int i = 0; i < 2; i++) {
        begin_and_publish(fixture, sink);
        assert_answer(fixture, send_offsets(fixture, sink, &member, 7), ANSWER_OK);
        assert_answer(fixture, abort_transaction(fixture, sink), ANSWER_OK);
    }
    assert_int_equal(count(fixture, OUTPUT_CHANGES, KAFKA_READ_COMMITTED), 0);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), -1);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, send_offsets(fixture, sink, &member, 9), ANSWER_OK);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), 9);
    member_close(&member);
    close_fixture(fixture);
}

static void a_batch_can_be_aborted_before_it_was_flushed(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    for (int i = 0; i < 5000; i++)
        add(fixture, OUTPUT_CHANGELOG, i % PARTITIONS, "key", "blob");
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, publish(fixture, sink), ANSWER_OK);
    assert_answer(fixture, abort_transaction(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_int_equal(count(fixture, OUTPUT_CHANGELOG, KAFKA_READ_COMMITTED), 5000);
    close_fixture(fixture);
}

static void offsets_that_are_none_are_refused(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    const struct input_offset none = {{STREAM_LOGIN, 0}, OFFSET_NONE};
    struct membership membership = {NULL};
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, sink->send_offsets(sink->context, &none, 0, &membership, WAIT_MS, &fixture->error),
                  ANSWER_FAILED);
    assert_answer(fixture, sink->send_offsets(sink->context, &none, 1, &membership, WAIT_MS, &fixture->error),
                  ANSWER_FAILED);
    assert_answer(fixture, abort_transaction(fixture, sink), ANSWER_OK);
    close_fixture(fixture);
}

static void a_member_of_an_earlier_generation_is_a_zombie(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct member zombie, other;
    member_open(fixture, NULL, &zombie);
    member_await(&zombie, NULL);
    member_open(fixture, NULL, &other);
    struct membership old = zombie.membership;
    zombie.membership.metadata = NULL;
    member_await(&zombie, &other);
    struct membership new = zombie.membership;

    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    zombie.membership = old;
    assert_answer(fixture, send_offsets(fixture, sink, &zombie, 7), ANSWER_ZOMBIE);
    assert_answer(fixture, abort_transaction(fixture, sink), ANSWER_OK);
    assert_int_equal(count(fixture, OUTPUT_CHANGES, KAFKA_READ_COMMITTED), 0);

    begin_and_publish(fixture, sink);
    zombie.membership = new;
    assert_answer(fixture, send_offsets(fixture, sink, &zombie, 7), ANSWER_OK);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
    rd_kafka_consumer_group_metadata_destroy(old.metadata);
    member_close(&zombie);
    member_close(&other);
    close_fixture(fixture);
}

static void a_member_that_left_is_a_zombie(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct member zombie, other;
    member_open(fixture, NULL, &zombie);
    member_await(&zombie, NULL);
    rd_kafka_consumer_close(zombie.consumer);
    member_open(fixture, NULL, &other);
    member_await(&other, NULL);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, send_offsets(fixture, sink, &zombie, 7), ANSWER_ZOMBIE);
    assert_answer(fixture, abort_transaction(fixture, sink), ANSWER_OK);
    member_close(&zombie);
    member_close(&other);
    close_fixture(fixture);
}

static void a_second_process_with_the_same_instance_id_makes_a_zombie_of_the_first(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct member first, second;
    member_open(fixture, "pod-0", &first);
    member_await(&first, NULL);
    member_open(fixture, "pod-0", &second);
    member_await(&second, NULL);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, send_offsets(fixture, sink, &first, 7), ANSWER_ZOMBIE);
    member_close(&first);
    member_close(&second);
    close_fixture(fixture);
}

static void a_twin_fences_before_the_commit(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink, twin;
    struct kafka_sink *kafka_twin;
    open_sink(fixture, &kafka_twin, &twin);
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    assert_answer(fixture, renew(fixture, &twin), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, publish(fixture, sink), ANSWER_OK);
    assert_answer(fixture, flush(fixture, sink), ANSWER_FAILED);

    begin_and_publish(fixture, &twin);
    assert_answer(fixture, commit(fixture, &twin), ANSWER_OK);
    assert_visible_once(fixture);
    kafka_sink_free(kafka_twin);
    close_fixture(fixture);
}

static void a_commit_of_a_fenced_producer_is_unknown_and_renewing_mends_it(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink, twin;
    struct kafka_sink *kafka_twin;
    open_sink(fixture, &kafka_twin, &twin);
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, renew(fixture, &twin), ANSWER_OK); /* ends what is open */
    assert_answer(fixture, commit(fixture, sink), ANSWER_FAILED);
    kafka_sink_free(kafka_twin);

    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
    close_fixture(fixture);
}

static void renewing_ends_the_transaction_that_was_left_open(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
    close_fixture(fixture);
}

static void a_commit_is_pending_while_the_broker_hangs_and_then_known(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    kafka_server_pause(fixture->server);
    for (int i = 0; i < 3; i++)
        assert_answer(fixture, sink->commit(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    kafka_server_resume(fixture->server);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
    close_fixture(fixture);
}

static void offsets_are_pending_while_the_broker_hangs_and_then_taken(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct member member;
    member_open(fixture, NULL, &member);
    member_await(&member, NULL);
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    kafka_server_pause(fixture->server);
    for (int i = 0; i < 3; i++)
        assert_answer(fixture, send_offsets_once(fixture, sink, &member, 7), ANSWER_PENDING);
    kafka_server_resume(fixture->server);
    assert_answer(fixture, send_offsets(fixture, sink, &member, 7), ANSWER_OK);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    assert_visible_once(fixture);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), 7);
    member_close(&member);
    close_fixture(fixture);
}

static void offsets_under_way_can_be_aborted_or_left_behind(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    struct member member;
    member_open(fixture, NULL, &member);
    member_await(&member, NULL);
    add_one_of_each(fixture);
    for (int aborts = 0; aborts < 2; aborts++) {
        assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
        begin_and_publish(fixture, sink);
        kafka_server_pause(fixture->server);
        assert_answer(fixture, send_offsets_once(fixture, sink, &member, 7), ANSWER_PENDING);
        if (aborts)
            assert_answer(fixture, sink->abort(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
        kafka_server_resume(fixture->server);
        if (aborts)
            assert_answer(fixture, abort_transaction(fixture, sink), ANSWER_OK);
    }
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    assert_int_equal(count(fixture, OUTPUT_CHANGES, KAFKA_READ_COMMITTED), 0);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), -1);
    member_close(&member);
    close_fixture(fixture);
}

static void an_abort_while_a_commit_is_under_way_fails(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    kafka_server_pause(fixture->server);
    assert_answer(fixture, sink->commit(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    assert_answer(fixture, sink->abort(sink->context, CALL_MS, &fixture->error), ANSWER_FAILED);
    kafka_server_resume(fixture->server);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    close_fixture(fixture);
}

static void a_flush_waits_out_a_broker_that_is_killed_and_counts_the_trouble(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    add_one_of_each(fixture);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    kafka_server_kill(fixture->server);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, publish(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->flush(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    assert_true(sink->troubles(sink->context) > 0);
    kafka_server_restart(fixture->server);
    assert_answer(fixture, flush(fixture, sink), ANSWER_OK);
    assert_answer(fixture, commit(fixture, sink), ANSWER_OK);
    for (int output = 0; output < OUTPUTS; output++)
        assert_int_equal(count(fixture, (enum output)output, KAFKA_READ_COMMITTED), 2);
    close_fixture(fixture);
}

static void renewing_waits_for_a_broker_that_is_away(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    kafka_server_kill(fixture->server);
    for (int i = 0; i < 3; i++)
        assert_answer(fixture, sink->renew(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    kafka_server_restart(fixture->server);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    close_fixture(fixture);
}

static void renewing_names_a_topic_that_does_not_exist(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink sink;
    struct kafka_sink *kafka_sink;
    fixture->options.outputs[OUTPUT_STATUSES] = "no-such-topic";
    open_sink(fixture, &kafka_sink, &sink);
    assert_answer(fixture, renew(fixture, &sink), ANSWER_FAILED);
    assert_non_null(strstr(fixture->error.text, "`no-such-topic`"));
    kafka_sink_free(kafka_sink);
    close_fixture(fixture);
}

static void a_full_queue_is_pending_and_goes_on_where_it_stopped(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink sink;
    struct kafka_sink *kafka_sink;
    const struct kafka_property properties[] = {
        fixture->brokers[0], {"queue.buffering.max.messages", "10"}, {"linger.ms", "0"}};
    fixture->options.properties = (struct kafka_properties){properties, 3};
    open_sink(fixture, &kafka_sink, &sink);
    assert_answer(fixture, renew(fixture, &sink), ANSWER_OK);
    for (int i = 0; i < 100; i++)
        add(fixture, OUTPUT_CHANGELOG, i % PARTITIONS, "key", "blob");
    assert_answer(fixture, sink.begin(sink.context, &fixture->error), ANSWER_OK);
    kafka_server_pause(fixture->server);
    assert_answer(fixture, sink.publish(sink.context, &fixture->batch, CALL_MS, &fixture->error), ANSWER_PENDING);
    kafka_server_resume(fixture->server);
    assert_answer(fixture, publish(fixture, &sink), ANSWER_OK);
    assert_answer(fixture, flush(fixture, &sink), ANSWER_OK);
    assert_answer(fixture, commit(fixture, &sink), ANSWER_OK);
    assert_int_equal(count(fixture, OUTPUT_CHANGELOG, KAFKA_READ_COMMITTED), 100);
    kafka_sink_free(kafka_sink);
    close_fixture(fixture);
}

static void a_record_that_is_too_large_fails_with_its_topic(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct sink *sink = &fixture->sink;
    size_t size = 1100000;
    char *large = malloc(size + 1);
    memset(large, 'x', size);
    large[size] = 0;
    add(fixture, OUTPUT_CHANGELOG, 0, "key", large);
    free(large);
    assert_answer(fixture, renew(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, publish(fixture, sink), ANSWER_FAILED);
    assert_non_null(strstr(fixture->error.text, fixture->names[OUTPUT_CHANGELOG]));
    assert_answer(fixture, abort_transaction(fixture, sink), ANSWER_OK);
    close_fixture(fixture);
}

static void an_unknown_property_is_refused_by_its_name(void **state) {
    struct kafka_server *server = *state;
    const struct kafka_property properties[] = {{"bootstrap.servers", server->address}, {"no.such.property", "1"}};
    const struct kafka_sink_options options = {
        .properties = {properties, 2}, .transactional_id = "t", .transaction_timeout_ms = TRANSACTION_TIMEOUT_MS};
    struct kafka_sink *kafka_sink;
    struct error error;
    assert_int_equal(kafka_sink_create(&options, &kafka_sink, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "`no.such.property`"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_makes_records_and_offsets_visible_together),
        cmocka_unit_test(records_arrive_as_they_are),
        cmocka_unit_test(accounts_lie_where_the_java_client_puts_them),
        cmocka_unit_test(each_record_learns_its_offset),
        cmocka_unit_test(an_aborted_batch_is_never_seen_and_can_be_published_again),
        cmocka_unit_test(a_batch_can_be_aborted_before_it_was_flushed),
        cmocka_unit_test(offsets_that_are_none_are_refused),
        cmocka_unit_test(a_member_of_an_earlier_generation_is_a_zombie),
        cmocka_unit_test(a_member_that_left_is_a_zombie),
        cmocka_unit_test(a_second_process_with_the_same_instance_id_makes_a_zombie_of_the_first),
        cmocka_unit_test(a_twin_fences_before_the_commit),
        cmocka_unit_test(a_commit_of_a_fenced_producer_is_unknown_and_renewing_mends_it),
        cmocka_unit_test(renewing_ends_the_transaction_that_was_left_open),
        cmocka_unit_test(a_commit_is_pending_while_the_broker_hangs_and_then_known),
        cmocka_unit_test(offsets_are_pending_while_the_broker_hangs_and_then_taken),
        cmocka_unit_test(offsets_under_way_can_be_aborted_or_left_behind),
        cmocka_unit_test(an_abort_while_a_commit_is_under_way_fails),
        cmocka_unit_test(a_flush_waits_out_a_broker_that_is_killed_and_counts_the_trouble),
        cmocka_unit_test(renewing_waits_for_a_broker_that_is_away),
        cmocka_unit_test(renewing_names_a_topic_that_does_not_exist),
        cmocka_unit_test(a_full_queue_is_pending_and_goes_on_where_it_stopped),
        cmocka_unit_test(a_record_that_is_too_large_fails_with_its_topic),
        cmocka_unit_test(an_unknown_property_is_refused_by_its_name),
    };
    return cmocka_run_group_tests(tests, start_server, close_server);
}
