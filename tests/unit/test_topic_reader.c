/* The reader of topics against librdkafka's mock cluster: nothing has to be installed, and nothing is written. */
#include "cli/topic_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka_mock.h>

#define TIMEOUT_MS 20000

static rd_kafka_t *producer;
static rd_kafka_mock_cluster_t *mock;
static struct kafka_property brokers = {"bootstrap.servers", NULL};

static int start_mock(void **state) {
    (void)state;
    char message[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", message, sizeof message), RD_KAFKA_CONF_OK);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    assert_non_null(producer);
    mock = rd_kafka_handle_mock_cluster(producer);
    assert_non_null(mock);
    brokers.value = rd_kafka_mock_cluster_bootstraps(mock);
    assert_int_equal(rd_kafka_mock_topic_create(mock, "changes", 3, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    return 0;
}

static int stop_mock(void **state) {
    (void)state;
    rd_kafka_destroy(producer);
    return 0;
}

static void produce(int32_t partition, int64_t timestamp_ms, const char *value) {
    rd_kafka_resp_err_t code = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("changes"), RD_KAFKA_V_PARTITION(partition),
                                                 RD_KAFKA_V_TIMESTAMP(timestamp_ms),
                                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)value, strlen(value)),
                                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, TIMEOUT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static struct topic_reader *open_reader(enum reader_start start, int64_t value, bool until_end) {
    struct topic_reader_options options = {
        .properties = {&brokers, 1},
        .group = "looker-on",
        .topics = {"changes"},
        .topics_count = 1,
        .start = start,
        .start_value = value,
        .until_end = until_end,
    };
    struct topic_reader *reader = NULL;
    struct error error;
    if (topic_reader_open(&options, TIMEOUT_MS, &reader, &error) != RESULT_OK)
        fail_msg("%s", error.text);
    return reader;
}

/* The values that come until the end, one after the other. */
static const char *all_values(struct topic_reader *reader) {
    static char values[256];
    rd_kafka_message_t *message;
    struct error error;
    enum reader_outcome outcome;
    values[0] = '\0';
    while ((outcome = topic_reader_next(reader, TIMEOUT_MS, &message, &error)) == READER_RECORD) {
        snprintf(values + strlen(values), sizeof values - strlen(values), "%.*s ", (int)message->len,
                 (const char *)message->payload);
        rd_kafka_message_destroy(message);
    }
    assert_int_equal(outcome, READER_END);
    return values;
}

static void test_partitions_are_merged_by_time_up_to_the_present_end(void **state) {
    (void)state;
    produce(0, 1000, "a");
    produce(0, 5000, "e");
    produce(2, 2000, "b");
    produce(2, 4000, "d");
    produce(1, 3000, "c");
    struct topic_reader *reader = open_reader(READ_FROM_BEGINNING, 0, true);
    assert_int_equal(topic_reader_partitions(reader, 0), 3);
    assert_int_equal(topic_reader_size(reader), 5);
    assert_string_equal(all_values(reader), "a b c d e ");
    topic_reader_close(reader);
}

static void test_the_newest_of_each_partition_can_be_asked_for(void **state) {
    (void)state;
    struct topic_reader *reader = open_reader(READ_FROM_BEFORE, 1, true);
    assert_string_equal(all_values(reader), "c d e ");
    topic_reader_close(reader);
}

static void test_from_the_end_only_what_comes_later_is_read(void **state) {
    (void)state;
    struct topic_reader *reader = open_reader(READ_FROM_END, 0, false);
    rd_kafka_message_t *message = NULL;
    struct error error;
    assert_int_equal(topic_reader_next(reader, 200, &message, &error), READER_NOTHING);
    produce(1, 6000, "f");
    assert_int_equal(topic_reader_next(reader, TIMEOUT_MS, &message, &error), READER_RECORD);
    assert_int_equal(message->len, 1);
    assert_memory_equal(message->payload, "f", 1);
    rd_kafka_message_destroy(message);
    topic_reader_close(reader);
}

static void assert_property(const rd_kafka_conf_t *conf, const char *name, const char *expected) {
    char value[64];
    size_t size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static void test_the_operators_properties_are_kept(void **state) {
    (void)state;
    struct kafka_property properties[] = {{"fetch.wait.max.ms", "7"}, {"queued.max.messages.kbytes", "64"}};
    struct topic_reader_options options = {.properties = {properties, 2}, .group = "looker-on"};
    rd_kafka_conf_t *conf;
    struct error error;
    assert_int_equal(topic_reader_configure(&options, "read_committed", &conf, &error), RESULT_OK);
    assert_property(conf, "fetch.wait.max.ms", "7");
    assert_property(conf, "queued.max.messages.kbytes", "64");
    assert_property(conf, "fetch.error.backoff.ms", "100");
    assert_property(conf, "isolation.level", "read_committed");
    rd_kafka_conf_destroy(conf);
}

static void assert_since(const char *value, enum reader_start start, int64_t since_ms) {
    struct topic_reader_options options = {.start = READ_FROM_END};
    struct error error;
    assert_int_equal(topic_reader_since(&options, value, 10000000, &error), RESULT_OK);
    assert_int_equal(options.start, start);
    if (start == READ_FROM_TIME)
        assert_int_equal(options.start_value, since_ms);
}

static void test_a_time_before_the_epoch_is_the_beginning(void **state) {
    (void)state;
    struct topic_reader_options options;
    struct error error;
    assert_since("2h", READ_FROM_TIME, 2800000);
    assert_since("0s", READ_FROM_TIME, 10000000);
    assert_since("3h", READ_FROM_BEGINNING, 0);
    assert_since("99999999999999d", READ_FROM_BEGINNING, 0);
    assert_since("1970-01-01T00:00:00.001Z", READ_FROM_TIME, 1);
    assert_since("1969-12-31T23:59:59.999Z", READ_FROM_BEGINNING, 0);
    assert_int_equal(topic_reader_since(&options, "yesterday", 0, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "`yesterday`"));
}

static void test_a_topic_that_does_not_exist_is_named(void **state) {
    (void)state;
    struct topic_reader_options options = {
        .properties = {&brokers, 1}, .group = "looker-on", .topics = {"nowhere"}, .topics_count = 1};
    struct topic_reader *reader = NULL;
    struct error error;
    assert_int_equal(topic_reader_open(&options, TIMEOUT_MS, &reader, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "`nowhere`"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions_are_merged_by_time_up_to_the_present_end),
        cmocka_unit_test(test_the_newest_of_each_partition_can_be_asked_for),
        cmocka_unit_test(test_from_the_end_only_what_comes_later_is_read),
        cmocka_unit_test(test_the_operators_properties_are_kept),
        cmocka_unit_test(test_a_time_before_the_epoch_is_the_beginning),
        cmocka_unit_test(test_a_topic_that_does_not_exist_is_named),
    };
    return cmocka_run_group_tests(tests, start_mock, stop_mock);
}
