/* What is asked of the brokers before anything else, against librdkafka's mock cluster: nothing has to be installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "producer/topics.h"

#include <librdkafka/rdkafka_mock.h>

enum { LIST_OFFSETS = 2, ERRORS = 64, CHECK_MS = 1000, PARTITIONS = 3, SILENCE_MS = 3000 };

struct fixture {
    rd_kafka_t *owner; /* of the mock cluster */
    rd_kafka_mock_cluster_t *mock;
    struct kafka_property brokers;
    struct topics *topics;
    struct topics_plan plan;
    struct topics_report report;
    struct error error;
};

static int start(void **state) {
    static struct fixture fixture;
    char message[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    fixture = (struct fixture){.plan = {.inputs = {[STREAM_LOGIN] = "logins"},
                                        .outputs = {[OUTPUT_CHANGES] = "changes",
                                                    [OUTPUT_STATUSES] = "statuses",
                                                    [OUTPUT_DEAD_LETTERS] = "letters",
                                                    [OUTPUT_CHANGELOG] = "changelog"}}};
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", message, sizeof message), RD_KAFKA_CONF_OK);
    fixture.owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    fixture.mock = rd_kafka_handle_mock_cluster(fixture.owner);
    fixture.brokers = (struct kafka_property){"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture.mock)};
    const struct kafka_properties properties = {&fixture.brokers, 1};
    static const char *const names[] = {"logins", "changes", "statuses", "letters", "changelog"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(rd_kafka_mock_topic_create(fixture.mock, names[i], PARTITIONS, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(topics_open(&properties, NULL, &fixture.topics, &fixture.error), RESULT_OK);
    *state = &fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    topics_close(fixture->topics);
    rd_kafka_destroy(fixture->owner);
    return 0;
}

/* All requests for ends of partitions are answered so from now on. */
static void answer_with(struct fixture *fixture, rd_kafka_resp_err_t code) {
    rd_kafka_resp_err_t codes[ERRORS];
    for (int i = 0; i < ERRORS; i++)
        codes[i] = code;
    rd_kafka_mock_push_request_errors_array(fixture->mock, LIST_OFFSETS, ERRORS, codes);
}

static enum result check(struct fixture *fixture) {
    return topics_check(fixture->topics, &fixture->plan, &fixture->report, CHECK_MS, &fixture->error);
}

static uint32_t count_errors(const struct fixture *fixture) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < fixture->report.findings_count; i++)
        count += !fixture->report.findings[i].is_warning;
    return count;
}

/* ---- tests */

static void a_changelog_that_is_whole_is_no_finding(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(check(fixture), RESULT_OK);
    assert_int_equal(count_errors(fixture), 0);
    assert_int_equal(fixture->report.partitions, PARTITIONS);
}

/* However many there are: each question on its own would take a round trip. */
static void all_partitions_are_asked_about_in_one_go(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->mock, LIST_OFFSETS, 2, RD_KAFKA_RESP_ERR_NO_ERROR,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(check(fixture), RESULT_OK);
    assert_int_equal(count_errors(fixture), 0);
}

/* It would tell, but only after the time that the check has. */
static void a_leader_that_says_nothing_is_not_waited_for_longer_than_told(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(fixture->mock, 1, LIST_OFFSETS, 1,
                                                                  RD_KAFKA_RESP_ERR_NO_ERROR, SILENCE_MS),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(check(fixture), RESULT_RETRY);
    assert_non_null(strstr(fixture->error.text, "changelog"));
}

/* A leader is being elected: that is waited for, and nothing to be told an operator. */
static void a_changelog_without_a_leader_is_asked_for_again(void **state) {
    struct fixture *fixture = *state;
    answer_with(fixture, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    assert_int_equal(check(fixture), RESULT_RETRY);
    assert_non_null(strstr(fixture->error.text, "changelog"));
    assert_int_equal(count_errors(fixture), 0);
    rd_kafka_mock_clear_request_errors(fixture->mock, LIST_OFFSETS);
    assert_int_equal(check(fixture), RESULT_OK);
    assert_int_equal(count_errors(fixture), 0);
}

static void a_changelog_that_may_not_be_read_is_a_finding(void **state) {
    struct fixture *fixture = *state;
    answer_with(fixture, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(check(fixture), RESULT_OK);
    assert_int_equal(count_errors(fixture), 1);
}

/* It would be refused by the library each time that it comes. */
static void a_limit_of_the_operator_s_that_a_record_may_pass_is_a_finding(void **state) {
    struct fixture *fixture = *state;
    const struct kafka_property items[] = {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->mock)},
                                           {"message.max.bytes", "999999"}};
    const struct kafka_properties properties = {items, sizeof items / sizeof items[0]};
    fixture->plan.value_bytes_max = VALUE_BYTES_USUAL;
    assert_int_equal(check(fixture), RESULT_OK);
    assert_int_equal(count_errors(fixture), 0);
    topics_close(fixture->topics);
    assert_int_equal(topics_open(&properties, NULL, &fixture->topics, &fixture->error), RESULT_OK);
    assert_int_equal(check(fixture), RESULT_OK);
    assert_int_equal(count_errors(fixture), 1);
    assert_non_null(
        strstr(fixture->report.findings[0].error.text, "`message.max.bytes` in kafka.properties is 999999"));
}

static void the_way_out_of_a_record_s_size_is_said(void **state) {
    (void)state;
    assert_non_null(strstr(client_way_out(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), "max.message.bytes"));
    assert_string_equal(client_way_out(RD_KAFKA_RESP_ERR__TRANSPORT), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_changelog_that_is_whole_is_no_finding, start, stop),
        cmocka_unit_test_setup_teardown(all_partitions_are_asked_about_in_one_go, start, stop),
        cmocka_unit_test_setup_teardown(a_leader_that_says_nothing_is_not_waited_for_longer_than_told, start, stop),
        cmocka_unit_test_setup_teardown(a_changelog_without_a_leader_is_asked_for_again, start, stop),
        cmocka_unit_test_setup_teardown(a_changelog_that_may_not_be_read_is_a_finding, start, stop),
        cmocka_unit_test_setup_teardown(a_limit_of_the_operator_s_that_a_record_may_pass_is_a_finding, start, stop),
        cmocka_unit_test(the_way_out_of_a_record_s_size_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
