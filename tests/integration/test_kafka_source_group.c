/* The source in a group of a real Kafka: who gets which inputs, who loses them, and what is fatal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/harness/deadline.h"
#include "tests/integration/source_fixture.h"

static void members_share_the_partitions_and_each_number_goes_to_one(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member one, two;
    source_member_join(&fixture, &one);
    source_member_open(&fixture, "two", &two);
    struct deadline deadline = deadline_after(WAIT_MS);
    bool revoked = false;
    while (one.inputs_count != 2 || two.inputs_count != 2) {
        enum source_event_kind kind = source_member_turn(&one, &fixture.error);
        assert_int_not_equal(kind, SOURCE_LOST);
        if (kind == SOURCE_REVOKED) {
            revoked = true;
            assert_int_equal(one.port.unassign(one.port.context, &fixture.error), ANSWER_OK);
        }
        if (kind == SOURCE_ASSIGNED)
            source_member_assign(&one, NULL, 0);
        if (source_member_turn(&two, &fixture.error) == SOURCE_ASSIGNED)
            source_member_assign(&two, NULL, 0);
        assert_false(deadline_passed(deadline));
    }
    assert_true(revoked);
    assert_int_equal(one.inputs[0].partition, one.inputs[1].partition);
    assert_int_equal(two.inputs[0].partition, two.inputs[1].partition);
    assert_int_not_equal(one.inputs[0].partition, two.inputs[0].partition);
    source_member_close(&two);
    source_member_close(&one);
}

/* A turn that answers everything, and holds nothing. */
static enum source_event_kind idle_turn(struct source_member *member, struct error *error) {
    struct error ignored;
    enum source_event_kind kind = source_member_turn(member, error);
    if (kind == SOURCE_ASSIGNED)
        source_member_assign(member, NULL, 0);
    if (kind == SOURCE_LOST || kind == SOURCE_REVOKED)
        assert_int_equal(member->port.unassign(member->port.context, &ignored), ANSWER_OK);
    return kind;
}

/* The twin goes on fencing the elder, once more within a session. */
static void a_twin_of_the_same_name_is_fatal_to_one_of_both(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member elder, twin;
    source_member_join(&fixture, &elder);
    source_member_open(&fixture, "one", &twin);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (idle_turn(&elder, &fixture.error) != SOURCE_FATAL && idle_turn(&twin, &fixture.error) != SOURCE_FATAL)
        assert_false(deadline_passed(deadline));
    assert_non_null(strstr(fixture.error.text, "under this process's name one"));
    assert_non_null(strstr(fixture.error.text, "give each process a kafka.instance_id of its own"));
    source_member_close(&elder);
    source_member_close(&twin);
}

/* As librdkafka does to itself, see consumer/kafka_source_join.c. */
static void a_member_that_was_fenced_once_loses_its_inputs_and_joins_again(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member elder, twin;
    source_member_join(&fixture, &elder);
    source_member_open(&fixture, "one", &twin);
    source_member_await(&twin, SOURCE_ASSIGNED, &fixture.error);
    source_member_assign(&twin, NULL, 0);
    kafka_source_free(twin.kafka); /* gone without a word, like a consumer that was forgotten */
    membership_free(twin.membership);
    struct input_offset position = {{STREAM_LOGIN, 0}, OFFSET_NONE};
    source_member_await(&elder, SOURCE_LOST, &fixture.error);
    assert_int_not_equal(elder.port.committed(elder.port.context, &position, 1, 50, &fixture.error), ANSWER_FATAL);
    assert_int_equal(elder.port.unassign(elder.port.context, &fixture.error), ANSWER_OK);
    source_member_await(&elder, SOURCE_ASSIGNED, &fixture.error);
    assert_int_equal(elder.inputs_count, 2 * PARTITIONS);
    source_member_assign(&elder, NULL, 0);
    source_member_close(&elder);
}

static void a_topic_that_is_not_there_is_fatal(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    snprintf(fixture.logins, sizeof fixture.logins, "nothing-of-that-name");
    source_member_open(&fixture, "one", &member);
    struct deadline deadline = deadline_after(WAIT_MS);
    enum source_event_kind kind;
    while ((kind = source_member_turn(&member, &fixture.error)) != SOURCE_FATAL) {
        if (kind == SOURCE_ASSIGNED)
            source_member_assign(&member, NULL, 0);
        assert_false(deadline_passed(deadline));
    }
    assert_non_null(strstr(fixture.error.text, "nothing-of-that-name"));
    source_member_close(&member);
}

static void a_broker_that_is_away_is_trouble_and_no_more(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct source_member member;
    fixture.properties[0].value = "127.0.0.1:1";
    source_member_open(&fixture, "one", &member);
    source_member_await(&member, SOURCE_TROUBLE, &fixture.error);
    struct input_offset position = {{STREAM_LOGIN, 0}, 77};
    assert_int_equal(member.port.committed(member.port.context, &position, 1, 50, &fixture.error), ANSWER_PENDING);
    struct bounds bounds;
    assert_int_equal(member.port.bounds(member.port.context, &position.input, 1, &bounds, 50, &fixture.error),
                     ANSWER_PENDING);
    source_member_close(&member);
}

static void a_property_that_is_not_good_is_refused(void **state) {
    struct source_fixture fixture = source_fixture_open(*state);
    struct kafka_source_options options = source_fixture_options(&fixture, "one");
    struct kafka_source *source = NULL;
    fixture.properties[0] = (struct consumer_property){"no.such.property", "1"};
    assert_int_equal(kafka_source_create(&options, &source, &fixture.error), RESULT_REJECT);
    assert_non_null(strstr(fixture.error.text, "no.such.property"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_share_the_partitions_and_each_number_goes_to_one),
        cmocka_unit_test(a_twin_of_the_same_name_is_fatal_to_one_of_both),
        cmocka_unit_test(a_member_that_was_fenced_once_loses_its_inputs_and_joins_again),
        cmocka_unit_test(a_topic_that_is_not_there_is_fatal),
        cmocka_unit_test(a_broker_that_is_away_is_trouble_and_no_more),
        cmocka_unit_test(a_property_that_is_not_good_is_refused),
    };
    return cmocka_run_group_tests(tests, kafka_server_set_up, kafka_server_tear_down);
}
