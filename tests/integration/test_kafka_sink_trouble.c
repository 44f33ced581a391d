/* The sink against a real Kafka that hangs, is killed, or refuses: each way in which a call can come to nothing gives
 * the answer that the protocol's table (docs/exactly-once.md) is written for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/integration/sink_fixture.h"

static void a_commit_is_pending_while_the_broker_hangs_and_then_known(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    begin_with_one_of_each(fixture, sink);
    kafka_server_pause(fixture->server);
    for (int i = 0; i < 3; i++)
        assert_answer(fixture, sink->commit(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    kafka_server_resume(fixture->server);
    commit_visibly(fixture, sink);
    sink_fixture_close(fixture);
}

static void offsets_are_pending_while_the_broker_hangs_and_then_taken(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct sink_member member;
    sink_member_join(fixture, &member);
    begin_with_one_of_each(fixture, sink);
    kafka_server_pause(fixture->server);
    for (int i = 0; i < 3; i++)
        assert_answer(fixture, send_offsets_once(fixture, sink, &member, 7), ANSWER_PENDING);
    kafka_server_resume(fixture->server);
    assert_answer(fixture, await_offsets_sent(fixture, sink, &member, 7), ANSWER_OK);
    commit_visibly(fixture, sink);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), 7);
    sink_member_close(&member);
    sink_fixture_close(fixture);
}

static void offsets_under_way_can_be_aborted_or_left_behind(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct sink_member member;
    sink_member_join(fixture, &member);
    add_one_of_each(fixture);
    for (int aborts = 0; aborts < 2; aborts++) {
        assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
        begin_and_publish(fixture, sink);
        kafka_server_pause(fixture->server);
        assert_answer(fixture, send_offsets_once(fixture, sink, &member, 7), ANSWER_PENDING);
        if (aborts)
            assert_answer(fixture, sink->abort(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
        kafka_server_resume(fixture->server);
        if (aborts)
            assert_answer(fixture, await_aborted(fixture, sink), ANSWER_OK);
    }
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    assert_int_equal(count_records(fixture, OUTPUT_CHANGES, KAFKA_READ_COMMITTED), 0);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), -1);
    sink_member_close(&member);
    sink_fixture_close(fixture);
}

static void an_abort_while_a_commit_is_under_way_fails(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    begin_with_one_of_each(fixture, sink);
    kafka_server_pause(fixture->server);
    assert_answer(fixture, sink->commit(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    assert_answer(fixture, sink->abort(sink->context, CALL_MS, &fixture->error), ANSWER_FAILED);
    kafka_server_resume(fixture->server);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    sink_fixture_close(fixture);
}

static void a_flush_waits_out_a_broker_that_is_killed_and_counts_the_trouble(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    begin_with_one_of_each(fixture, sink);
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
    kafka_server_kill(fixture->server);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, await_published(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->flush(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    assert_true(sink->troubles(sink->context) > 0);
    kafka_server_restart(fixture->server);
    assert_answer(fixture, await_flushed(fixture, sink), ANSWER_OK);
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
    for (int output = 0; output < OUTPUTS; output++)
        assert_int_equal(count_records(fixture, (enum output)output, KAFKA_READ_COMMITTED), 2);
    sink_fixture_close(fixture);
}

static void renewing_waits_for_a_broker_that_is_away(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    kafka_server_kill(fixture->server);
    for (int i = 0; i < 3; i++)
        assert_answer(fixture, sink->renew(sink->context, CALL_MS, &fixture->error), ANSWER_PENDING);
    kafka_server_restart(fixture->server);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    sink_fixture_close(fixture);
}

static void renewing_names_a_topic_that_does_not_exist(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink sink;
    struct kafka_sink *kafka_sink;
    fixture->options.outputs[OUTPUT_STATUSES] = "no-such-topic";
    sink_fixture_add_sink(fixture, &kafka_sink, &sink);
    assert_answer(fixture, await_renewed(fixture, &sink), ANSWER_FAILED);
    assert_non_null(strstr(fixture->error.text, "`no-such-topic`"));
    kafka_sink_free(kafka_sink);
    sink_fixture_close(fixture);
}

static void a_full_queue_is_pending_and_goes_on_where_it_stopped(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink sink;
    struct kafka_sink *kafka_sink;
    const struct kafka_property properties[] = {
        fixture->brokers[0], {"queue.buffering.max.messages", "10"}, {"linger.ms", "0"}};
    fixture->options.properties = (struct kafka_properties){properties, 3};
    sink_fixture_add_sink(fixture, &kafka_sink, &sink);
    assert_answer(fixture, await_renewed(fixture, &sink), ANSWER_OK);
    for (int i = 0; i < 100; i++)
        add_record(fixture, OUTPUT_CHANGELOG, i % PARTITIONS, "key", "blob");
    assert_answer(fixture, sink.begin(sink.context, &fixture->error), ANSWER_OK);
    kafka_server_pause(fixture->server);
    assert_answer(fixture, sink.publish(sink.context, &fixture->batch, CALL_MS, &fixture->error), ANSWER_PENDING);
    kafka_server_resume(fixture->server);
    assert_answer(fixture, await_published(fixture, &sink), ANSWER_OK);
    assert_answer(fixture, await_flushed(fixture, &sink), ANSWER_OK);
    assert_answer(fixture, await_committed(fixture, &sink), ANSWER_OK);
    assert_int_equal(count_records(fixture, OUTPUT_CHANGELOG, KAFKA_READ_COMMITTED), 100);
    kafka_sink_free(kafka_sink);
    sink_fixture_close(fixture);
}

static void a_record_that_is_too_large_fails_with_its_topic(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    size_t size = 1100000;
    char *large = malloc(size + 1);
    memset(large, 'x', size);
    large[size] = 0;
    add_record(fixture, OUTPUT_CHANGELOG, 0, "key", large);
    free(large);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, await_published(fixture, sink), ANSWER_FAILED);
    assert_non_null(strstr(fixture->error.text, fixture->names[OUTPUT_CHANGELOG]));
    assert_answer(fixture, await_aborted(fixture, sink), ANSWER_OK);
    sink_fixture_close(fixture);
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
    return cmocka_run_group_tests(tests, kafka_server_set_up, kafka_server_tear_down);
}
