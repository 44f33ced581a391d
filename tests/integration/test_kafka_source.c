/* The source and the changelog against a real Kafka: what the ports promise (engine/ports.h) of what is read and asked.
 * How members share it is test_kafka_source_group.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "consumer/kafka_changelog.h"
#include "tests/harness/deadline.h"
#include "tests/integration/source_fixture.h"

/* ---- what is read ---- */

static void a_member_gets_its_inputs_and_reads_them_to_their_end(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    produce_some(&fixture, fixture.logins, 0, 0, 1000);
    produce_some(&fixture, fixture.accounts, 1, 0, 10);
    source_member_join(&fixture, &member);
    assert_int_equal(member.inputs_count, 2 * PARTITIONS);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1000), 1000);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_ACCOUNT, 1}, 10), 10);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_LOGIN, 1}, 0), 0);
    produce_some(&fixture, fixture.logins, 0, 1000, 5);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1005), 5);
    source_member_close(&member);
}

static void a_message_has_all_that_its_record_has(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    struct message message;
    struct fetched fetched = {0};
    produce_some(&fixture, fixture.logins, 1, 7, 1);
    source_member_join(&fixture, &member);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (fetched.count == 0) {
        assert_int_equal(source_member_turn(&member, &fixture.error), SOURCE_NOTHING);
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
    source_member_assign(&member, NULL, 0);
    assert_true(text_equals(message.value, "v7"));
    member.port.release(member.port.context, &message, 1);
    source_member_close(&member);
}

static void an_input_that_is_not_fetched_holds_up_no_other(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    produce_some(&fixture, fixture.logins, 0, 0, 60000);
    produce_some(&fixture, fixture.accounts, 0, 0, 60000);
    source_member_join(&fixture, &member);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_ACCOUNT, 0}, 60000), 60000);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 60000), 60000);
    source_member_close(&member);
}

/* What wakes the library's threads asks nothing of the broker (kafka_handle_taken). */
static void what_was_fetched_is_taken_while_the_broker_hangs(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    struct message messages[100];
    struct fetched fetched;
    uint32_t taken = 0;
    produce_some(&fixture, fixture.logins, 0, 0, 20000);
    source_member_join(&fixture, &member);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (taken < 20000 && !deadline_passed(deadline)) {
        member.port.fetch(member.port.context, (struct input){STREAM_LOGIN, 0}, messages, 100, &fetched);
        member.port.release(member.port.context, messages, fetched.count);
        if (taken == 0 && fetched.count > 0)
            kafka_server_pause(fixture.server);
        taken += fetched.count;
    }
    kafka_server_resume(fixture.server);
    assert_int_equal(taken, 20000);
    source_member_close(&member);
}

static void what_was_aborted_is_not_seen_and_the_position_passes_it(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    struct kafka_record record = {.topic = fixture.logins, .value = "v", .value_size = 1};
    produce_some(&fixture, fixture.logins, 0, 0, 1);
    kafka_produce_transaction(fixture.server, fixture.group, &record, 1, KAFKA_ABORT);
    kafka_produce_transaction(fixture.server, fixture.group, &record, 1, KAFKA_COMMIT);
    source_member_join(&fixture, &member);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 5), 2);
    source_member_close(&member);
}

static void assign_replaces_what_is_read_and_where_from(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    produce_some(&fixture, fixture.logins, 0, 0, 1000);
    produce_some(&fixture, fixture.logins, 1, 0, 10);
    source_member_join(&fixture, &member);
    assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1000), 1000);
    for (int round = 0; round < 20; round++) {
        struct input_offset position = {{STREAM_LOGIN, 0}, round};
        source_member_assign(&member, &position, 1);
        struct fetched fetched;
        struct message message;
        member.port.fetch(member.port.context, (struct input){STREAM_LOGIN, 1}, &message, 1, &fetched);
        assert_int_equal(fetched.count, 0);
        assert_int_equal(fetched.position, OFFSET_NONE);
        if (round % 5 == 0) /* else while the fetch is still on its way */
            assert_int_equal(source_member_fetch_to(&member, (struct input){STREAM_LOGIN, 0}, 1000), 1000 - round);
    }
    source_member_close(&member);
}

static void reading_beyond_a_partitions_range_is_fatal(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    produce_some(&fixture, fixture.logins, 0, 0, 10);
    source_member_join(&fixture, &member);
    struct input_offset position = {{STREAM_LOGIN, 0}, 5000};
    source_member_assign(&member, &position, 1);
    struct deadline deadline = deadline_after(WAIT_MS);
    enum source_event_kind kind;
    do {
        struct message message;
        struct fetched fetched;
        member.port.fetch(member.port.context, position.input, &message, 1, &fetched);
        kind = source_member_turn(&member, &fixture.error);
        assert_false(deadline_passed(deadline));
    } while (kind == SOURCE_NOTHING);
    assert_int_equal(kind, SOURCE_FATAL);
    assert_non_null(strstr(fixture.error.text, "[0] can not be read from where reading has come to"));
    source_member_close(&member);
}

/* ---- what is asked ---- */

static enum answer ask_committed(struct source_member *member, struct input_offset *position, struct error *error) {
    struct deadline deadline = deadline_after(3000);
    enum answer answer;
    do
        answer = member->port.committed(member->port.context, position, 1, CALL_MS, error);
    while (answer == ANSWER_PENDING && !deadline_passed(deadline));
    return answer;
}

static rd_kafka_t *open_producer(const struct source_fixture *fixture, const char *id) {
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

static void commit_offset(const struct source_fixture *fixture, rd_kafka_t *producer,
                          const struct source_member *member, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, fixture->logins, 0)->offset = offset;
    assert_null(rd_kafka_begin_transaction(producer));
    assert_null(
        rd_kafka_send_offsets_to_transaction(producer, list, kafka_source_group_metadata(member->membership), WAIT_MS));
    rd_kafka_topic_partition_list_destroy(list);
}

static void committed_offsets_wait_for_open_transactions(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    source_member_join(&fixture, &member);
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
    source_member_close(&member);
}

static struct input_offset start_of(struct source_fixture *fixture, enum start start, int64_t start_ms) {
    struct kafka_source_options options = source_fixture_options(fixture, "starts");
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
    struct source_fixture fixture = source_fixture_open(*state);
    produce_some(&fixture, fixture.logins, 0, 0, 100);
    assert_int_equal(start_of(&fixture, START_EARLIEST, 0).offset, 0);
    assert_int_equal(start_of(&fixture, START_LATEST, 0).offset, 100);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, 1040).offset, 40);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, 500).offset, 0);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, -5).offset, 0);
    assert_int_equal(start_of(&fixture, START_AT_INSTANT, 900000).offset, 100);
}

static void bounds_are_those_that_a_reader_of_committed_records_can_reach(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    produce_some(&fixture, fixture.logins, 0, 0, 10);
    source_member_join(&fixture, &member);
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
    source_member_close(&member);
}

static bool timestamp_of(struct source_member *member, int64_t offset, int64_t *ret_timestamp_ms) {
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
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    int64_t timestamp_ms = 0;
    produce_some(&fixture, fixture.logins, 0, 0, 100);
    source_member_join(&fixture, &member);
    assert_true(timestamp_of(&member, 40, &timestamp_ms));
    assert_int_equal(timestamp_ms, 1040);
    assert_true(timestamp_of(&member, 99, &timestamp_ms));
    assert_int_equal(timestamp_ms, 1099);
    assert_false(timestamp_of(&member, 100, &timestamp_ms)); /* the end */
    assert_false(timestamp_of(&member, 500, &timestamp_ms)); /* beyond it */
    source_member_close(&member);
}

/* ---- the changelog ---- */

static void the_changelog_is_read_back_up_to_what_is_stable(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
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
    struct source_fixture fixture = source_fixture_open(*state);
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
        cmocka_unit_test(what_was_fetched_is_taken_while_the_broker_hangs),
        cmocka_unit_test(what_was_aborted_is_not_seen_and_the_position_passes_it),
        cmocka_unit_test(assign_replaces_what_is_read_and_where_from),
        cmocka_unit_test(reading_beyond_a_partitions_range_is_fatal),
        cmocka_unit_test(committed_offsets_wait_for_open_transactions),
        cmocka_unit_test(reading_starts_where_it_was_configured),
        cmocka_unit_test(bounds_are_those_that_a_reader_of_committed_records_can_reach),
        cmocka_unit_test(the_timestamp_of_a_record_can_be_looked_up),
        cmocka_unit_test(the_changelog_is_read_back_up_to_what_is_stable),
        cmocka_unit_test(a_changelog_offset_out_of_range_fails),
    };
    return cmocka_run_group_tests(tests, kafka_server_set_up, kafka_server_tear_down);
}
