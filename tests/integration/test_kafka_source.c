/* The source and the changelog against a real Kafka: what the ports promise (engine/ports.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/kafka_changelog.h"
#include "consumer/kafka_membership.h"
#include "consumer/kafka_source.h"
#include "tests/harness/deadline.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_server.h"

enum { PARTITIONS = 2, WAIT_MS = 30000, CALL_MS = 200, FETCH_MAX = 512, RECORDS_MAX = 100000 };

struct fixture {
    struct kafka_server *server;
    char group[32], logins[32], accounts[32];
    struct consumer_property properties[1];
    struct error error;
};

struct member {
    struct kafka_source *kafka;
    struct source port;
    struct membership *membership;
    struct input inputs[2 * PARTITIONS];
    uint32_t inputs_count;
};

/* ---- one server for all, topics and groups of its own for each test ---- */

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

static struct fixture open_fixture(struct kafka_server *server) {
    static int number;
    struct fixture fixture = {.server = server};
    number++;
    snprintf(fixture.group, sizeof fixture.group, "group-%d", number);
    snprintf(fixture.logins, sizeof fixture.logins, "logins-%d", number);
    snprintf(fixture.accounts, sizeof fixture.accounts, "accounts-%d", number);
    kafka_create_topic(server, fixture.logins, PARTITIONS, NULL);
    kafka_create_topic(server, fixture.accounts, PARTITIONS, NULL);
    fixture.properties[0] = (struct consumer_property){"bootstrap.servers", server->address};
    return fixture;
}

static int64_t monotonic_ms(void *context) {
    (void)context;
    return deadline_after(0).at_ms;
}

static struct kafka_source_options options_of(const struct fixture *fixture, const char *instance_id) {
    static const struct clock clock = {.monotonic_ms = monotonic_ms};
    return (struct kafka_source_options){
        .properties = {fixture->properties, 1},
        .group = fixture->group,
        .instance_id = instance_id,
        .session_timeout_ms = 6000,
        .clock = &clock,
        .topics = {[STREAM_LOGIN] = fixture->logins, [STREAM_ACCOUNT] = fixture->accounts},
    };
}

static void open_member(struct fixture *fixture, const char *instance_id, struct member *member) {
    struct kafka_source_options options = options_of(fixture, instance_id);
    *member = (struct member){0};
    if (kafka_source_create(&options, &member->kafka, &fixture->error) != RESULT_OK)
        fail_msg("%s", fixture->error.text);
    member->port = kafka_source_port(member->kafka);
}

static void close_member(struct member *member) {
    member->port.close(member->port.context, 5000);
    if (member->membership != NULL)
        member->port.release_membership(member->port.context, member->membership);
    kafka_source_free(member->kafka);
}

/* Takes an event; keeps what an assignment brings. */
static enum source_event_kind turn(struct member *member, struct error *error) {
    struct source_event event;
    member->port.poll(member->port.context, 50, &event);
    if (event.kind == SOURCE_ASSIGNED) {
        if (member->membership != NULL)
            member->port.release_membership(member->port.context, member->membership);
        member->membership = event.membership;
        assert_in_range(event.inputs_count, 1, 2 * PARTITIONS);
        member->inputs_count = event.inputs_count;
        memcpy(member->inputs, event.inputs, event.inputs_count * sizeof *event.inputs);
    }
    *error = event.error;
    return event.kind;
}

static void await_event(struct member *member, enum source_event_kind kind, struct error *error) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum source_event_kind met;
    while ((met = turn(member, error)) != kind) {
        if (met == SOURCE_FATAL)
            fail_msg("%s", error->text);
        assert_false(deadline_passed(deadline));
    }
}

static void assign(struct member *member, const struct input_offset *positions, uint32_t count) {
    struct error error;
    if (member->port.assign(member->port.context, positions, count, &error) != ANSWER_OK)
        fail_msg("%s", error.text);
}

/* Joins, and reads all inputs from their beginning. */
static void join(struct fixture *fixture, struct member *member) {
    open_member(fixture, "one", member);
    await_event(member, SOURCE_ASSIGNED, &fixture->error);
    struct input_offset positions[2 * PARTITIONS];
    for (uint32_t i = 0; i < member->inputs_count; i++)
        positions[i] = (struct input_offset){member->inputs[i], 0};
    assign(member, positions, member->inputs_count);
}

static void produce_some(const struct fixture *fixture, const char *topic, int32_t partition, int first, int count) {
    struct kafka_record *records = calloc((size_t)count, sizeof *records);
    char(*texts)[16] = calloc((size_t)count, sizeof *texts);
    for (int i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "v%d", first + i);
        records[i] = (struct kafka_record){
            .topic = topic,
            .partition = partition,
            .timestamp_ms = 1000 + first + i,
            .key = "k",
            .key_size = 1,
            .value = texts[i],
            .value_size = strlen(texts[i]),
            .header_count = 1,
            .headers = {{"h", "x", 1}},
        };
    }
    kafka_produce(fixture->server, records, (size_t)count);
    free(records);
    free(texts);
}

/* Takes messages of one input until `position` is reached; checks their order; releases them. Returns their number. */
static uint32_t fetch_to(struct member *member, struct input input, int64_t position) {
    struct deadline deadline = deadline_after(WAIT_MS);
    struct fetched fetched = {0, OFFSET_NONE};
    struct error error;
    uint32_t total = 0;
    int64_t last = -1;
    while (fetched.position < position) {
        struct message messages[FETCH_MAX];
        member->port.fetch(member->port.context, input, messages, FETCH_MAX, &fetched);
        for (uint32_t i = 0; i < fetched.count; i++) {
            assert_true(messages[i].offset > last);
            last = messages[i].offset;
        }
        member->port.release(member->port.context, messages, fetched.count);
        total += fetched.count;
        if (fetched.count == 0 && turn(member, &error) == SOURCE_FATAL)
            fail_msg("%s", error.text);
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(fetched.position, position);
    return total;
}

/* ---- what is read ---- */

static void a_member_gets_its_inputs_and_reads_them_to_their_end(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    produce_some(&fixture, fixture.logins, 0, 0, 1000);
    produce_some(&fixture, fixture.accounts, 1, 0, 10);
    join(&fixture, &member);
    assert_int_equal(member.inputs_count, 2 * PARTITIONS);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1000), 1000);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_ACCOUNT, 1}, 10), 10);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_LOGIN, 1}, 0), 0);
    produce_some(&fixture, fixture.logins, 0, 1000, 5);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1005), 5);
    close_member(&member);
}

static void a_message_has_all_that_its_record_has(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    struct message message;
    struct fetched fetched = {0};
    produce_some(&fixture, fixture.logins, 1, 7, 1);
    join(&fixture, &member);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (fetched.count == 0) {
        assert_int_equal(turn(&member, &fixture.error), SOURCE_NOTHING);
        member.port.fetch(member.port.context, (struct input){STREAM_LOGIN, 1}, &message, 1, &fetched);
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(message.stream, STREAM_LOGIN);
    assert_int_equal(message.partition, 1);
    assert_int_equal(message.offset, 0);
    assert_int_equal(message.timestamp_ms, 1007);
    assert_true(text_equals(message.key, "k"));
    assert_true(text_equals(message.value, "v7"));
    struct header headers[4];
    assert_int_equal(member.port.headers(member.port.context, &message, headers, 4), 1);
    assert_true(text_equals(headers[0].name, "h"));
    assert_true(text_equals(headers[0].value, "x"));
    /* It stays valid over another assignment. */
    assign(&member, NULL, 0);
    assert_true(text_equals(message.value, "v7"));
    member.port.release(member.port.context, &message, 1);
    close_member(&member);
}

static void an_input_that_is_not_fetched_holds_up_no_other(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    produce_some(&fixture, fixture.logins, 0, 0, 60000);
    produce_some(&fixture, fixture.accounts, 0, 0, 60000);
    join(&fixture, &member);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_ACCOUNT, 0}, 60000), 60000);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 60000), 60000);
    close_member(&member);
}

static void what_was_aborted_is_not_seen_and_the_position_passes_it(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    struct kafka_record record = {.topic = fixture.logins, .value = "v", .value_size = 1};
    produce_some(&fixture, fixture.logins, 0, 0, 1);
    kafka_produce_transaction(fixture.server, fixture.group, &record, 1, KAFKA_ABORT);
    kafka_produce_transaction(fixture.server, fixture.group, &record, 1, KAFKA_COMMIT);
    join(&fixture, &member);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 5), 2);
    close_member(&member);
}

static void assign_replaces_what_is_read_and_where_from(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    produce_some(&fixture, fixture.logins, 0, 0, 1000);
    produce_some(&fixture, fixture.logins, 1, 0, 10);
    join(&fixture, &member);
    assert_int_equal(fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1000), 1000);
    for (int round = 0; round < 20; round++) {
        struct input_offset position = {{STREAM_LOGIN, 0}, round};
        assign(&member, &position, 1);
        struct fetched fetched;
        struct message message;
        member.port.fetch(member.port.context, (struct input){STREAM_LOGIN, 1}, &message, 1, &fetched);
        assert_int_equal(fetched.count, 0);
        assert_int_equal(fetched.position, OFFSET_NONE);
        if (round % 5 == 0) /* else while the fetch is still on its way */
            assert_int_equal(fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1000), 1000 - round);
    }
    close_member(&member);
}

static void reading_beyond_a_partitions_range_is_fatal(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    produce_some(&fixture, fixture.logins, 0, 0, 10);
    join(&fixture, &member);
    struct input_offset position = {{STREAM_LOGIN, 0}, 5000};
    assign(&member, &position, 1);
    struct deadline deadline = deadline_after(WAIT_MS);
    enum source_event_kind kind;
    do {
        struct message message;
        struct fetched fetched;
        member.port.fetch(member.port.context, position.input, &message, 1, &fetched);
        kind = turn(&member, &fixture.error);
        assert_false(deadline_passed(deadline));
    } while (kind == SOURCE_NOTHING);
    assert_int_equal(kind, SOURCE_FATAL);
    assert_non_null(strstr(fixture.error.text, "[0] can not be read from where reading has come to"));
    close_member(&member);
}

/* ---- what is asked ---- */

static enum answer ask_committed(struct member *member, struct input_offset *position, struct error *error) {
    struct deadline deadline = deadline_after(3000);
    enum answer answer;
    do
        answer = member->port.committed(member->port.context, position, 1, CALL_MS, error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static rd_kafka_t *open_producer(const struct fixture *fixture, const char *id) {
    const char *settings[] = {"transactional.id", id, "transaction.timeout.ms", "60000", NULL};
    rd_kafka_t *producer = kafka_client_new(fixture->server, RD_KAFKA_PRODUCER, settings);
    assert_null(rd_kafka_init_transactions(producer, WAIT_MS));
    return producer;
}

/* Hands a record to a transaction that stays open, and sees it delivered. */
static void produce_open(rd_kafka_t *producer, const char *topic, int32_t partition, const char *value) {
    char key[] = "k";
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, 1),
                                       RD_KAFKA_V_VALUE((void *)value, strlen(value)), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void commit_offset(const struct fixture *fixture, rd_kafka_t *producer, const struct member *member,
                          int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, fixture->logins, 0)->offset = offset;
    assert_null(rd_kafka_begin_transaction(producer));
    assert_null(
        rd_kafka_send_offsets_to_transaction(producer, list, kafka_source_group_metadata(member->membership), WAIT_MS));
    rd_kafka_topic_partition_list_destroy(list);
}

static void committed_offsets_wait_for_open_transactions(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    join(&fixture, &member);
    struct input_offset position = {{STREAM_LOGIN, 0}, 77};
    assert_int_equal(ask_committed(&member, &position, &fixture.error), ANSWER_OK);
    assert_int_equal(position.offset, OFFSET_NONE);
    rd_kafka_t *producer = open_producer(&fixture, fixture.group);
    commit_offset(&fixture, producer, &member, 5);
    assert_int_equal(ask_committed(&member, &position, &fixture.error), ANSWER_PENDING);
    assert_int_equal(position.offset, OFFSET_NONE);
    assert_null(rd_kafka_commit_transaction(producer, WAIT_MS));
    assert_int_equal(ask_committed(&member, &position, &fixture.error), ANSWER_OK);
    assert_int_equal(position.offset, 5);
    rd_kafka_destroy(producer);
    close_member(&member);
}

static struct input_offset start_of(struct fixture *fixture, enum start start, int64_t start_ms) {
    struct kafka_source_options options = options_of(fixture, "starts");
    struct input_offset position = {{STREAM_LOGIN, 0}, OFFSET_NONE};
    struct kafka_source *source;
    options.start = start;
    options.start_ms = start_ms;
    assert_int_equal(kafka_source_create(&options, &source, &fixture->error), RESULT_OK);
    struct source port = kafka_source_port(source);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (port.starts(port.context, &position, 1, CALL_MS, &fixture->error) == ANSWER_PENDING)
        assert_false(deadline_passed(deadline));
    kafka_source_free(source);
    return position;
}

static void reading_starts_where_it_was_configured(void **state) {
    struct fixture fixture = open_fixture(*state);
    produce_some(&fixture, fixture.logins, 0, 0, 100);
    assert_int_equal(start_of(&fixture, START_EARLIEST, 0).offset, 0);
    assert_int_equal(start_of(&fixture, START_LATEST, 0).offset, 100);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, 1040).offset, 40);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, 500).offset, 0);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, -5).offset, 0);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, 900000).offset, 100);
}

static void bounds_are_those_that_a_reader_of_committed_records_can_reach(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    produce_some(&fixture, fixture.logins, 0, 0, 10);
    join(&fixture, &member);
    rd_kafka_t *producer = open_producer(&fixture, fixture.group);
    assert_null(rd_kafka_begin_transaction(producer));
    produce_open(producer, fixture.logins, 0, "v");
    produce_some(&fixture, fixture.logins, 0, 10, 5);
    struct bounds bounds[3];
    struct input inputs[] = {{STREAM_LOGIN, 0}, {STREAM_ACCOUNT, 1}, {STREAM_LOGIN, 1}};
    struct deadline deadline = deadline_after(WAIT_MS);
    while (member.port.bounds(member.port.context, inputs, 3, bounds, CALL_MS, &fixture.error) == ANSWER_PENDING)
        assert_false(deadline_passed(deadline));
    assert_int_equal(bounds[0].low, 0);
    assert_int_equal(bounds[0].stable, 10);
    assert_int_equal(bounds[1].stable, 0);
    assert_int_equal(bounds[2].stable, 0);
    assert_null(rd_kafka_abort_transaction(producer, WAIT_MS));
    rd_kafka_destroy(producer);
    close_member(&member);
}

static bool timestamp_of(struct member *member, int64_t offset, int64_t *ret_timestamp_ms) {
    struct deadline deadline = deadline_after(WAIT_MS);
    struct error error;
    bool found = false;
    enum answer answer;
    while ((answer = member->port.timestamp(member->port.context, (struct input){STREAM_LOGIN, 0}, offset, &found,
                                            ret_timestamp_ms, 20, &error)) == ANSWER_PENDING)
        assert_false(deadline_passed(deadline));
    assert_int_equal(answer, ANSWER_OK);
    return found;
}

static void the_timestamp_of_a_record_can_be_looked_up(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    int64_t timestamp_ms = 0;
    produce_some(&fixture, fixture.logins, 0, 0, 100);
    join(&fixture, &member);
    assert_true(timestamp_of(&member, 40, &timestamp_ms));
    assert_int_equal(timestamp_ms, 1040);
    assert_true(timestamp_of(&member, 99, &timestamp_ms));
    assert_int_equal(timestamp_ms, 1099);
    assert_false(timestamp_of(&member, 100, &timestamp_ms)); /* the end */
    assert_false(timestamp_of(&member, 500, &timestamp_ms)); /* beyond it */
    close_member(&member);
}

/* ---- the group ---- */

static void members_share_the_partitions_and_each_number_goes_to_one(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member one, two;
    join(&fixture, &one);
    open_member(&fixture, "two", &two);
    struct deadline deadline = deadline_after(WAIT_MS);
    bool revoked = false;
    while (one.inputs_count != 2 || two.inputs_count != 2) {
        enum source_event_kind kind = turn(&one, &fixture.error);
        assert_int_not_equal(kind, SOURCE_LOST);
        if (kind == SOURCE_REVOKED) {
            revoked = true;
            assert_int_equal(one.port.unassign(one.port.context, &fixture.error), ANSWER_OK);
        }
        if (kind == SOURCE_ASSIGNED)
            assign(&one, NULL, 0);
        if (turn(&two, &fixture.error) == SOURCE_ASSIGNED)
            assign(&two, NULL, 0);
        assert_false(deadline_passed(deadline));
    }
    assert_true(revoked);
    assert_int_equal(one.inputs[0].partition, one.inputs[1].partition);
    assert_int_equal(two.inputs[0].partition, two.inputs[1].partition);
    assert_int_not_equal(one.inputs[0].partition, two.inputs[0].partition);
    close_member(&two);
    close_member(&one);
}

/* A turn that answers everything, and holds nothing. */
static enum source_event_kind idle_turn(struct member *member, struct error *error) {
    struct error ignored;
    enum source_event_kind kind = turn(member, error);
    if (kind == SOURCE_ASSIGNED)
        assign(member, NULL, 0);
    if (kind == SOURCE_LOST || kind == SOURCE_REVOKED)
        assert_int_equal(member->port.unassign(member->port.context, &ignored), ANSWER_OK);
    return kind;
}

/* The twin goes on fencing the elder, once more within a session. */
static void a_twin_of_the_same_name_is_fatal_to_one_of_both(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member elder, twin;
    join(&fixture, &elder);
    open_member(&fixture, "one", &twin);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (idle_turn(&elder, &fixture.error) != SOURCE_FATAL && idle_turn(&twin, &fixture.error) != SOURCE_FATAL)
        assert_false(deadline_passed(deadline));
    assert_non_null(strstr(fixture.error.text, "under this process's name one"));
    close_member(&elder);
    close_member(&twin);
}

/* As librdkafka does to itself, see consumer/kafka_source_join.c. */
static void a_member_that_was_fenced_once_loses_its_inputs_and_joins_again(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member elder, twin;
    join(&fixture, &elder);
    open_member(&fixture, "one", &twin);
    await_event(&twin, SOURCE_ASSIGNED, &fixture.error);
    assign(&twin, NULL, 0);
    kafka_source_free(twin.kafka); /* gone without a word, like a consumer that was forgotten */
    membership_free(twin.membership);
    struct input_offset position = {{STREAM_LOGIN, 0}, OFFSET_NONE};
    await_event(&elder, SOURCE_LOST, &fixture.error);
    assert_int_not_equal(elder.port.committed(elder.port.context, &position, 1, 50, &fixture.error), ANSWER_FATAL);
    assert_int_equal(elder.port.unassign(elder.port.context, &fixture.error), ANSWER_OK);
    await_event(&elder, SOURCE_ASSIGNED, &fixture.error);
    assert_int_equal(elder.inputs_count, 2 * PARTITIONS);
    assign(&elder, NULL, 0);
    close_member(&elder);
}

static void a_topic_that_is_not_there_is_fatal(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    snprintf(fixture.logins, sizeof fixture.logins, "nothing-of-that-name");
    open_member(&fixture, "one", &member);
    struct deadline deadline = deadline_after(WAIT_MS);
    enum source_event_kind kind;
    while ((kind = turn(&member, &fixture.error)) != SOURCE_FATAL) {
        if (kind == SOURCE_ASSIGNED)
            assign(&member, NULL, 0);
        assert_false(deadline_passed(deadline));
    }
    assert_non_null(strstr(fixture.error.text, "nothing-of-that-name"));
    close_member(&member);
}

static void a_broker_that_is_away_is_trouble_and_no_more(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    fixture.properties[0].value = "127.0.0.1:1";
    open_member(&fixture, "one", &member);
    await_event(&member, SOURCE_TROUBLE, &fixture.error);
    struct input_offset position = {{STREAM_LOGIN, 0}, 77};
    assert_int_equal(member.port.committed(member.port.context, &position, 1, 50, &fixture.error), ANSWER_PENDING);
    struct bounds bounds;
    assert_int_equal(member.port.bounds(member.port.context, &position.input, 1, &bounds, 50, &fixture.error),
                     ANSWER_PENDING);
    close_member(&member);
}

static void a_property_that_is_not_good_is_refused(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct kafka_source_options options = options_of(&fixture, "one");
    struct kafka_source *source = NULL;
    fixture.properties[0] = (struct consumer_property){"no.such.property", "1"};
    assert_int_equal(kafka_source_create(&options, &source, &fixture.error), RESULT_REJECT);
    assert_non_null(strstr(fixture.error.text, "no.such.property"));
}

/* ---- the changelog ---- */

static void the_changelog_is_read_back_up_to_what_is_stable(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct kafka_changelog *kafka;
    produce_some(&fixture, fixture.logins, 1, 0, 1000);
    rd_kafka_t *producer = open_producer(&fixture, fixture.group);
    assert_null(rd_kafka_begin_transaction(producer));
    produce_open(producer, fixture.logins, 1, "last");
    struct kafka_changelog_options options = {{fixture.properties, 1}, fixture.logins, PARTITIONS, NULL};
    assert_int_equal(kafka_changelog_create(&options, &kafka, &fixture.error), RESULT_OK);
    struct changelog port = kafka_changelog_port(kafka);
    struct log_bounds bounds;
    struct deadline deadline = deadline_after(WAIT_MS);
    while (port.bounds(port.context, 1, &bounds, CALL_MS, &fixture.error) == ANSWER_PENDING)
        assert_false(deadline_passed(deadline));
    assert_int_equal(bounds.low, 0);
    assert_int_equal(bounds.high, 1001);
    assert_int_equal(bounds.stable, 1000);

    assert_int_equal(port.open(port.context, 1, 400, &fixture.error), ANSWER_OK);
    assert_int_equal(port.open(port.context, 0, 0, &fixture.error), ANSWER_OK);
    struct log_record records[100];
    uint32_t count, total = 0;
    int64_t position = OFFSET_NONE;
    bool committed = false;
    while (position < 1002) {
        assert_int_equal(port.read(port.context, 1, records, 100, CALL_MS, &count, &position, &fixture.error),
                         ANSWER_OK);
        for (uint32_t i = 0; i < count; i++, total++) {
            char expected[16];
            snprintf(expected, sizeof expected, total < 600 ? "v%u" : "last", 400 + total);
            assert_int_equal(records[i].offset, 400 + total);
            assert_true(text_equals(records[i].key, "k"));
            assert_true(text_equals(records[i].value, expected));
        }
        if (position == 1000 && !committed) {
            committed = true;
            assert_null(rd_kafka_commit_transaction(producer, WAIT_MS));
        }
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(total, 601);
    position = OFFSET_NONE;
    while (position == OFFSET_NONE)
        assert_int_equal(port.read(port.context, 0, records, 100, CALL_MS, &count, &position, &fixture.error),
                         ANSWER_OK);
    assert_int_equal(count, 0);
    assert_int_equal(position, 0);
    port.close(port.context, 1);
    kafka_changelog_free(kafka);
    rd_kafka_destroy(producer);
}

static void a_changelog_offset_out_of_range_fails(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct kafka_changelog *kafka;
    struct kafka_changelog_options options = {{fixture.properties, 1}, fixture.logins, PARTITIONS, NULL};
    assert_int_equal(kafka_changelog_create(&options, &kafka, &fixture.error), RESULT_OK);
    struct changelog port = kafka_changelog_port(kafka);
    assert_int_equal(port.open(port.context, 0, 50, &fixture.error), ANSWER_OK);
    struct deadline deadline = deadline_after(WAIT_MS);
    struct log_record record;
    uint32_t count;
    int64_t position;
    enum answer answer;
    while ((answer = port.read(port.context, 0, &record, 1, CALL_MS, &count, &position, &fixture.error)) == ANSWER_OK)
        assert_false(deadline_passed(deadline));
    assert_int_equal(answer, ANSWER_FAILED);
    kafka_changelog_free(kafka);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_gets_its_inputs_and_reads_them_to_their_end),
        cmocka_unit_test(a_message_has_all_that_its_record_has),
        cmocka_unit_test(an_input_that_is_not_fetched_holds_up_no_other),
        cmocka_unit_test(what_was_aborted_is_not_seen_and_the_position_passes_it),
        cmocka_unit_test(assign_replaces_what_is_read_and_where_from),
        cmocka_unit_test(reading_beyond_a_partitions_range_is_fatal),
        cmocka_unit_test(committed_offsets_wait_for_open_transactions),
        cmocka_unit_test(reading_starts_where_it_was_configured),
        cmocka_unit_test(bounds_are_those_that_a_reader_of_committed_records_can_reach),
        cmocka_unit_test(the_timestamp_of_a_record_can_be_looked_up),
        cmocka_unit_test(members_share_the_partitions_and_each_number_goes_to_one),
        cmocka_unit_test(a_twin_of_the_same_name_is_fatal_to_one_of_both),
        cmocka_unit_test(a_member_that_was_fenced_once_loses_its_inputs_and_joins_again),
        cmocka_unit_test(a_topic_that_is_not_there_is_fatal),
        cmocka_unit_test(a_broker_that_is_away_is_trouble_and_no_more),
        cmocka_unit_test(a_property_that_is_not_good_is_refused),
        cmocka_unit_test(the_changelog_is_read_back_up_to_what_is_stable),
        cmocka_unit_test(a_changelog_offset_out_of_range_fails),
    };
    return cmocka_run_group_tests(tests, start_server, close_server);
}
