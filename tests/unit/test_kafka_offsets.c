/* Questions about the ends of partitions, against librdkafka's mock cluster: nothing has to be installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consumer/kafka_offsets.h"
#include "consumer/partition_reader.h"
#include "tests/harness/deadline.h"

#include <librdkafka/rdkafka_mock.h>

enum { ASK_MS = 100, WAIT_MS = 20000 };

struct fixture {
    rd_kafka_t *owner; /* of the mock cluster */
    rd_kafka_mock_cluster_t *mock;
    struct kafka_handle handle;
    rd_kafka_topic_partition_list_t *partitions;
};

static int start(void **state) {
    static struct fixture fixture;
    struct consumer_property brokers = {"bootstrap.servers", NULL};
    char message[256];
    struct error error;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", message, sizeof message), RD_KAFKA_CONF_OK);
    fixture.owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    fixture.mock = rd_kafka_handle_mock_cluster(fixture.owner);
    brokers.value = rd_kafka_mock_cluster_bootstraps(fixture.mock);
    assert_int_equal(rd_kafka_mock_topic_create(fixture.mock, "changelog", 1, 2), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_mock_partition_set_leader(fixture.mock, "changelog", 0, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    struct consumer_properties properties = {&brokers, 1};
    assert_int_equal(partition_reader_handle(&fixture.handle, &properties, false, NULL, &error), RESULT_OK);
    fixture.partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(fixture.partitions, "changelog", 0);
    *state = &fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_topic_partition_list_destroy(fixture->partitions);
    kafka_handle_close(&fixture->handle);
    rd_kafka_destroy(fixture->owner);
    return 0;
}

static void assert_answered(struct fixture *fixture) {
    struct deadline deadline = deadline_after(WAIT_MS);
    struct error error;
    enum answer answer;
    while ((answer = kafka_offsets_ask(&fixture->handle, fixture->partitions, OFFSETS_LATEST, ASK_MS, &error)) !=
           ANSWER_OK) {
        assert_int_equal(answer, ANSWER_PENDING);
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(fixture->partitions->elems[0].offset, 0);
}

/* ---- tests */

static void the_end_is_told(void **state) {
    assert_answered(*state);
}

static void a_leader_that_has_moved_is_found(void **state) {
    struct fixture *fixture = *state;
    assert_answered(fixture);
    assert_int_equal(rd_kafka_mock_partition_set_leader(fixture->mock, "changelog", 0, 2), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_answered(fixture);
}

static void a_leader_that_is_gone_is_replaced(void **state) {
    struct fixture *fixture = *state;
    assert_answered(fixture);
    assert_int_equal(rd_kafka_mock_partition_set_leader(fixture->mock, "changelog", 0, 2), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_mock_broker_set_down(fixture->mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_answered(fixture);
    assert_int_equal(rd_kafka_mock_broker_set_up(fixture->mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_leader_that_has_moved_is_found, start, stop),
        cmocka_unit_test_setup_teardown(a_leader_that_is_gone_is_replaced, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
