/* What `check` says of the inputs' records, against librdkafka's mock cluster: nothing has to be installed. */
#include "cli/check_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define PARTITIONS 2
#define TIMEOUT_MS 2000
#define FETCH      1 /* the request's number in Kafka's protocol */

struct fixture {
    rd_kafka_t *producer;
    rd_kafka_mock_cluster_t *mock;
    struct kafka_property brokers;
    struct setup setup;
    struct partitioner_report report;
};

static int start(void **state) {
    static struct fixture fixture;
    char message[256];
    struct configuration_input input = {.file = NULL};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", message, sizeof message), RD_KAFKA_CONF_OK);
    fixture = (struct fixture){.producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message)};
    assert_non_null(fixture.producer);
    fixture.mock = rd_kafka_handle_mock_cluster(fixture.producer);
    fixture.brokers = (struct kafka_property){"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture.mock)};
    assert_int_equal(setup_read_input(&input, NULL, &fixture.setup), RESULT_OK);
    fixture.setup.properties = (struct kafka_properties){&fixture.brokers, 1};
    memset(fixture.setup.topics, 0, sizeof fixture.setup.topics);
    fixture.setup.topics[STREAM_LOGIN] = "logins";
    assert_int_equal(rd_kafka_mock_topic_create(fixture.mock, "logins", PARTITIONS, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    *state = &fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    setup_free(&fixture->setup);
    rd_kafka_destroy(fixture->producer);
    return 0;
}

static void produce(struct fixture *fixture, int count) {
    for (int i = 0; i < count; i++) {
        char key[16];
        int size = snprintf(key, sizeof key, "acme-%d", i);
        int32_t partition = partitioner_partition(PARTITIONER_MURMUR2, text_of(key), PARTITIONS);
        assert_int_equal(rd_kafka_producev(fixture->producer, RD_KAFKA_V_TOPIC("logins"),
                                           RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, (size_t)size),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(fixture->producer, TIMEOUT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void look(struct fixture *fixture) {
    enum result result = check_partitioner(&fixture->setup, PARTITIONS, &fixture->setup.findings, TIMEOUT_MS,
                                           &fixture->report);
    if (result != RESULT_OK)
        fail_msg("%.*s", TEXT_ARGUMENTS(fixture->setup.findings.items[0].what));
}

static void inputs_without_records_are_all_looked_at(void **state) {
    struct fixture *fixture = *state;
    look(fixture);
    assert_int_equal(fixture->setup.findings.count, 0);
    assert_true(fixture->report.in_time);
    assert_int_equal(fixture->report.sampled, 0);
}

static void records_are_counted(void **state) {
    struct fixture *fixture = *state;
    produce(fixture, 25);
    look(fixture);
    assert_int_equal(fixture->setup.findings.count, 0);
    assert_true(fixture->report.in_time);
    assert_int_equal(fixture->report.sampled, 25);
    assert_int_equal(fixture->report.fitting[PARTITIONER_MURMUR2], 25);
}

static void records_that_do_not_come_in_time_are_told_of(void **state) {
    struct fixture *fixture = *state;
    const int never_ms = 600000;
    produce(fixture, 25);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(fixture->mock, 1, FETCH, 1,
                                                                      RD_KAFKA_RESP_ERR_NO_ERROR, never_ms),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    look(fixture);
    assert_false(fixture->report.in_time);
    assert_int_equal(fixture->setup.findings.errors, 0);
    assert_int_equal(fixture->setup.findings.warnings, 1);
    struct text what = fixture->setup.findings.items[0].what;
    assert_non_null(memmem(what.data, what.size, "came within 2s", strlen("came within 2s")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(inputs_without_records_are_all_looked_at, start, stop),
        cmocka_unit_test_setup_teardown(records_are_counted, start, stop),
        cmocka_unit_test_setup_teardown(records_that_do_not_come_in_time_are_told_of, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
