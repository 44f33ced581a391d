/* Topics on a real Kafka: what is missing is created as it must be, and what is wrong is said with the way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "producer/topics.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_server.h"

enum { PARTITIONS = 3, WAIT_MS = 30000 };

struct fixture {
    struct kafka_server *server;
    char inputs[STREAMS][64], outputs[OUTPUTS][64];
    struct kafka_property brokers;
    struct topics_plan plan;
    struct topics *topics;
    struct topics_report report;
    struct error error;
};

/* Names of its own; of the streams, usage and login are on. No topic exists. */
static struct fixture *open_fixture(struct kafka_server *server) {
    static int tests;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    tests++;
    fixture->server = server;
    fixture->brokers = (struct kafka_property){"bootstrap.servers", server->address};
    fixture->plan = (struct topics_plan){.create_outputs = true, .value_bytes_max = VALUE_BYTES_USUAL};
    for (int i = 0; i < STREAMS; i++)
        snprintf(fixture->inputs[i], sizeof fixture->inputs[i], "input-%d-%d", tests, i);
    for (int i = 0; i < OUTPUTS; i++) {
        snprintf(fixture->outputs[i], sizeof fixture->outputs[i], "output-%d-%d", tests, i);
        fixture->plan.outputs[i] = fixture->outputs[i];
    }
    fixture->plan.inputs[STREAM_USAGE] = fixture->inputs[STREAM_USAGE];
    fixture->plan.inputs[STREAM_LOGIN] = fixture->inputs[STREAM_LOGIN];
    const struct kafka_properties properties = {&fixture->brokers, 1};
    assert_int_equal(topics_open(&properties, NULL, &fixture->topics, &fixture->error), RESULT_OK);
    return fixture;
}

static void close_fixture(struct fixture *fixture) {
    topics_close(fixture->topics);
    free(fixture);
}

static void create_inputs(struct fixture *fixture) {
    kafka_create_topic(fixture->server, fixture->inputs[STREAM_USAGE], PARTITIONS, NULL);
    kafka_create_topic(fixture->server, fixture->inputs[STREAM_LOGIN], PARTITIONS, NULL);
}

static enum result prepare(struct fixture *fixture) {
    return topics_prepare(fixture->topics, &fixture->plan, &fixture->report, WAIT_MS, &fixture->error);
}

static enum result check(struct fixture *fixture) {
    return topics_check(fixture->topics, &fixture->plan, &fixture->report, WAIT_MS, &fixture->error);
}

/* The first finding, which must hold all of these parts. */
static void assert_found(const struct fixture *fixture, const char *one, const char *two) {
    assert_true(fixture->report.findings_count > 0);
    const char *text = fixture->report.findings[0].error.text;
    if (strstr(text, one) == NULL || strstr(text, two) == NULL)
        fail_msg("the finding has no `%s` or no `%s`: %s", one, two, text);
}

/* ---- tests */

static void missing_outputs_are_created_like_the_inputs(void **state) {
    struct fixture *fixture = open_fixture(*state);
    create_inputs(fixture);
    if (prepare(fixture) != RESULT_OK)
        fail_msg("%s", fixture->error.text);
    assert_int_equal(fixture->report.findings_count, 0);
    assert_int_equal(fixture->report.partitions, PARTITIONS);
    assert_string_equal(fixture->report.cluster_id, "AAAAAAAAAAAAAAAAAAAAAQ");
    struct topic_state states[OUTPUTS];
    assert_int_equal(topics_look(fixture->topics, fixture->plan.outputs, OUTPUTS, states, WAIT_MS, &fixture->error),
                     RESULT_OK);
    for (int output = 0; output < OUTPUTS; output++) {
        assert_int_equal(states[output].partitions, PARTITIONS);
        assert_int_equal(states[output].replication, 1);
    }
    close_fixture(fixture);
}

static void preparing_again_changes_nothing(void **state) {
    struct fixture *fixture = open_fixture(*state);
    create_inputs(fixture);
    if (prepare(fixture) != RESULT_OK)
        fail_msg("%s", fixture->error.text);
    if (prepare(fixture) != RESULT_OK)
        fail_msg("%s", fixture->error.text);
    assert_int_equal(fixture->report.findings_count, 0);
    close_fixture(fixture);
}

static void checking_creates_nothing_and_finds_nothing_where_preparing_would_create(void **state) {
    struct fixture *fixture = open_fixture(*state);
    create_inputs(fixture);
    assert_int_equal(check(fixture), RESULT_OK);
    assert_int_equal(fixture->report.findings_count, 0);
    struct topic_state states[OUTPUTS];
    assert_int_equal(topics_look(fixture->topics, fixture->plan.outputs, OUTPUTS, states, WAIT_MS, &fixture->error),
                     RESULT_OK);
    for (int output = 0; output < OUTPUTS; output++)
        assert_int_equal(states[output].partitions, 0);
    close_fixture(fixture);
}

static void an_output_that_may_not_be_created_is_found_missing(void **state) {
    struct fixture *fixture = open_fixture(*state);
    create_inputs(fixture);
    fixture->plan.create_outputs = false;
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    assert_int_equal(fixture->report.findings_count, OUTPUTS - 1); /* the changelog was created */
    assert_found(fixture, fixture->outputs[OUTPUT_CHANGES], "topics.changes");
    close_fixture(fixture);
}

static void a_missing_input_is_found_and_not_created(void **state) {
    struct fixture *fixture = open_fixture(*state);
    kafka_create_topic(fixture->server, fixture->inputs[STREAM_USAGE], PARTITIONS, NULL);
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    assert_found(fixture, fixture->inputs[STREAM_LOGIN], "streams.login: off");
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    close_fixture(fixture);
}

static void no_input_at_all_is_found(void **state) {
    struct fixture *fixture = open_fixture(*state);
    fixture->plan.inputs[STREAM_USAGE] = fixture->plan.inputs[STREAM_LOGIN] = NULL;
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    assert_found(fixture, "no input", "");
    close_fixture(fixture);
}

static void inputs_with_unequal_partitions_are_found_with_their_numbers(void **state) {
    struct fixture *fixture = open_fixture(*state);
    kafka_create_topic(fixture->server, fixture->inputs[STREAM_USAGE], PARTITIONS, NULL);
    kafka_create_topic(fixture->server, fixture->inputs[STREAM_LOGIN], PARTITIONS + 1, NULL);
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    assert_found(fixture, "has 4 partitions", "has 3");
    struct topic_state state_of_changelog;
    assert_int_equal(topics_look(fixture->topics, &fixture->plan.outputs[OUTPUT_CHANGELOG], 1, &state_of_changelog,
                                 WAIT_MS, &fixture->error),
                     RESULT_OK);
    assert_int_equal(state_of_changelog.partitions, 0);
    close_fixture(fixture);
}

static void a_changelog_with_another_number_of_partitions_is_found(void **state) {
    struct fixture *fixture = open_fixture(*state);
    const char *settings[] = {"cleanup.policy", "compact", NULL};
    create_inputs(fixture);
    kafka_create_topic(fixture->server, fixture->outputs[OUTPUT_CHANGELOG], PARTITIONS + 2, settings);
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    assert_found(fixture, fixture->outputs[OUTPUT_CHANGELOG], "has 5 partitions");
    close_fixture(fixture);
}

static void a_changelog_that_is_not_only_compacted_is_found(void **state) {
    static const char *const policies[] = {"delete", "compact,delete"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *fixture = open_fixture(*state);
        const char *settings[] = {"cleanup.policy", policies[i], NULL};
        create_inputs(fixture);
        kafka_create_topic(fixture->server, fixture->outputs[OUTPUT_CHANGELOG], PARTITIONS, settings);
        assert_int_equal(prepare(fixture), RESULT_REJECT);
        assert_found(fixture, "cleanup.policy", policies[i]);
        close_fixture(fixture);
    }
}

static void outputs_that_refuse_the_largest_record_are_found(void **state) {
    static const char *const settings[] = {"max.message.bytes", "999999", NULL};
    struct fixture *fixture = open_fixture(*state);
    create_inputs(fixture);
    kafka_create_topic(fixture->server, fixture->outputs[OUTPUT_DEAD_LETTERS], PARTITIONS, settings);
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    assert_int_equal(fixture->report.findings_count, 1);
    assert_found(fixture, fixture->outputs[OUTPUT_DEAD_LETTERS], "max.message.bytes 999999");
    close_fixture(fixture);
}

static void outputs_of_which_readers_would_miss_records_are_warned_of(void **state) {
    static const char *const policies[OUTPUTS] = {
        [OUTPUT_CHANGES] = "compact", [OUTPUT_STATUSES] = "compact,delete", [OUTPUT_DEAD_LETTERS] = "compact,delete"};
    struct fixture *fixture = open_fixture(*state);
    create_inputs(fixture);
    for (int output = 0; output < OUTPUT_CHANGELOG; output++) {
        const char *settings[] = {"cleanup.policy", policies[output], NULL};
        kafka_create_topic(fixture->server, fixture->outputs[output], PARTITIONS, settings);
    }
    if (prepare(fixture) != RESULT_OK)
        fail_msg("%s", fixture->error.text);
    assert_int_equal(fixture->report.findings_count, 3);
    for (int output = 0; output < OUTPUT_CHANGELOG; output++) {
        assert_true(fixture->report.findings[output].is_warning);
        assert_non_null(strstr(fixture->report.findings[output].error.text, fixture->outputs[output]));
        assert_non_null(strstr(fixture->report.findings[output].error.text, policies[output]));
    }
    close_fixture(fixture);
}

static void a_changelog_that_lost_its_beginning_is_found(void **state) {
    struct fixture *fixture = open_fixture(*state);
    const char *changelog = fixture->outputs[OUTPUT_CHANGELOG];
    const struct kafka_record record = {.topic = changelog, .partition = 1, .value = "x", .value_size = 1};
    create_inputs(fixture);
    kafka_create_topic(fixture->server, changelog, PARTITIONS, NULL); /* "compact" would let nobody delete records */
    kafka_produce(fixture->server, &record, 1);
    kafka_delete_records(fixture->server, changelog, 1, 1);
    assert_int_equal(prepare(fixture), RESULT_REJECT);
    assert_found(fixture, "lost its beginning", "partition 1 starts at offset 1");
    close_fixture(fixture);
}

static void topics_can_be_created_by_wish(void **state) {
    struct fixture *fixture = open_fixture(*state);
    const char *names[] = {fixture->inputs[0], fixture->inputs[1]};
    const struct topic_wish wishes[] = {
        {.name = names[0], .partitions = 2, .replication = REPLICATION_DEFAULT, .is_kept = true},
        {.name = names[1], .partitions = 5, .replication = REPLICATION_DEFAULT, .is_compacted = true},
    };
    struct topic_state states[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(topics_create(fixture->topics, wishes, 2, WAIT_MS, &fixture->error), RESULT_OK);
    assert_int_equal(topics_look(fixture->topics, names, 2, states, WAIT_MS, &fixture->error), RESULT_OK);
    assert_int_equal(states[0].partitions, 2);
    assert_int_equal(states[1].partitions, 5);
    close_fixture(fixture);
}

static void a_wish_that_the_brokers_refuse_is_rejected_with_their_reason(void **state) {
    struct fixture *fixture = open_fixture(*state);
    const struct topic_wish wish = {.name = "no/such name", .partitions = 1, .replication = REPLICATION_DEFAULT};
    assert_int_equal(topics_create(fixture->topics, &wish, 1, WAIT_MS, &fixture->error), RESULT_REJECT);
    assert_non_null(strstr(fixture->error.text, "no/such name"));
    close_fixture(fixture);
}

static void a_broker_that_is_away_is_to_be_asked_again(void **state) {
    struct fixture *fixture = open_fixture(*state);
    const struct kafka_property nobody = {"bootstrap.servers", "127.0.0.1:1"};
    const struct kafka_properties properties = {&nobody, 1};
    struct topics *topics;
    assert_int_equal(topics_open(&properties, NULL, &topics, &fixture->error), RESULT_OK);
    assert_int_equal(topics_check(topics, &fixture->plan, &fixture->report, 300, &fixture->error), RESULT_RETRY);
    topics_close(topics);
    close_fixture(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_outputs_are_created_like_the_inputs),
        cmocka_unit_test(preparing_again_changes_nothing),
        cmocka_unit_test(checking_creates_nothing_and_finds_nothing_where_preparing_would_create),
        cmocka_unit_test(an_output_that_may_not_be_created_is_found_missing),
        cmocka_unit_test(a_missing_input_is_found_and_not_created),
        cmocka_unit_test(no_input_at_all_is_found),
        cmocka_unit_test(inputs_with_unequal_partitions_are_found_with_their_numbers),
        cmocka_unit_test(a_changelog_with_another_number_of_partitions_is_found),
        cmocka_unit_test(a_changelog_that_is_not_only_compacted_is_found),
        cmocka_unit_test(outputs_that_refuse_the_largest_record_are_found),
        cmocka_unit_test(outputs_of_which_readers_would_miss_records_are_warned_of),
        cmocka_unit_test(a_changelog_that_lost_its_beginning_is_found),
        cmocka_unit_test(topics_can_be_created_by_wish),
        cmocka_unit_test(a_wish_that_the_brokers_refuse_is_rejected_with_their_reason),
        cmocka_unit_test(a_broker_that_is_away_is_to_be_asked_again),
    };
    return cmocka_run_group_tests(tests, kafka_server_set_up, kafka_server_tear_down);
}
