/* What the protocol and the simulator take for granted of transactions, asked of a real broker (broker.h): how they
 * begin and end, what of them is sent again, and what of their records is kept. What the ports make of it is tested
 * beside them (test_kafka_sink.c). Numbers in brackets are those of tests/sim/README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/deadline.h"
#include "tests/integration/broker_producer.h"

enum { PRODUCE = 0, END_TXN = 26 }; /* requests of Kafka's protocol */

static const struct producer_options usual = {0}, proxied = {.proxied = true};

/* ---- how a transaction begins and ends */

static void begin_one(struct producer *producer) {
    producer_begin(producer);
    producer_send(producer, "x");
}

static void commit_one(struct producer *producer) {
    begin_one(producer);
    assert_int_equal(producer_commit(producer), 0);
}

/* [2] */
static void a_transaction_begins_at_the_broker_with_its_first_record(void **state) {
    struct broker broker = broker_open(*state);
    struct producer *producer = producer_open(&broker, (struct producer_options){.transaction_timeout_ms = "1000"});
    producer_begin(producer);
    struct deadline longer_than_its_time = deadline_after(2500);
    while (!deadline_passed(longer_than_its_time))
        rd_kafka_poll(producer->client, POLL_MS);
    producer_send(producer, "x");
    assert_int_equal(producer_commit(producer), 0);
    assert_int_equal(broker_count_visible(&broker), 1);
    producer_close(producer);
}

/* [1, 5] */
static void destroying_a_producer_ends_no_transaction_and_the_next_of_its_name_does(void **state) {
    struct broker broker = broker_open(*state);
    struct producer *producer = producer_open(&broker, usual);
    begin_one(producer);
    producer_close(producer);
    assert_int_equal(broker_end(&broker, 0), 1);
    assert_int_equal(broker_stable_end(&broker, 0), 0);
    producer_close(producer_open(&broker, usual));
    broker_await_stable_end(&broker, 0, 2); /* the record and the marker of its end */
    assert_int_equal(broker_count_visible(&broker), 0);
}

/* [8, 9, 10] */
static void a_second_copy_of_an_end_ends_the_next_transaction(void **state) {
    struct broker broker = broker_open(*state);
    struct producer *producer = producer_open(&broker, usual);
    commit_one(producer);
    broker_await_stable_end(&broker, 0, 2);
    assert_int_equal(producer_copy_of_end_afterwards(producer), 0); /* nothing is open: it is taken for the same one */
    producer_begin(producer);
    producer_send(producer, "half of the second");
    assert_int_equal(broker_stable_end(&broker, 0), 2);
    assert_int_equal(producer_copy_of_end_afterwards(producer), 0);
    broker_await_stable_end(&broker, 0, 4);
    assert_int_equal(broker_count_visible(&broker), 2);
    producer_send(producer, "the other half"); /* refused: the partition is in no transaction any more */
    assert_int_not_equal(producer_commit(producer), 0);
    assert_int_equal(broker_count_visible(&broker), 2);
    producer_close(producer);
}

/* [10] */
static void an_end_with_a_commit_of_what_was_aborted_is_refused(void **state) {
    struct broker broker = broker_open(*state);
    struct producer *producer = producer_open(&broker, usual);
    begin_one(producer);
    assert_int_equal(producer_abort(producer), 0);
    broker_await_stable_end(&broker, 0, 2);
    assert_int_equal(producer_copy_of_end_afterwards(producer), ANSWER_INVALID_TXN_STATE);
    assert_int_equal(broker_count_visible(&broker), 0);
    producer_close(producer);
}

/* [6] */
static void a_copy_of_an_end_that_comes_after_a_new_producer_is_refused(void **state) {
    struct broker broker = broker_open(*state);
    struct producer *former = producer_open(&broker, usual);
    commit_one(former);
    struct producer *producer = producer_open(&broker, usual);
    producer_begin(producer);
    producer_send(producer, "second");
    int16_t answer = producer_copy_of_end_afterwards(former);
    assert_true(answer == ANSWER_PRODUCER_FENCED || answer == ANSWER_INVALID_PRODUCER_EPOCH);
    assert_int_equal(broker_stable_end(&broker, 0), 2);
    assert_int_equal(producer_abort(producer), 0);
    assert_int_equal(broker_count_visible(&broker), 1);
    producer_close(former);
    producer_close(producer);
}

/* ---- what is sent again */

static unsigned count_ends(const struct broker *broker) {
    return tcp_proxy_count(broker->cluster->proxies[0], END_TXN);
}

/* [11] */
static void an_end_that_is_answered_late_is_not_sent_again(void **state) {
    enum { LATE_MS = 4000 };
    struct broker broker = broker_open(*state);
    struct tcp_proxy *network = broker.cluster->proxies[0];
    struct producer *producer = producer_open(&broker, proxied);
    commit_one(producer);
    begin_one(producer);
    unsigned ends = count_ends(&broker);
    struct deadline early = deadline_after(LATE_MS);
    tcp_proxy_behave(network, PROXY_DELAYS, LATE_MS / 2); /* and as much for the answer */
    assert_int_equal(producer_commit(producer), 0);
    assert_true(deadline_passed(early));
    tcp_proxy_behave(network, PROXY_PASSES, 0);
    rd_kafka_poll(producer->client, 0);
    assert_int_equal(producer->errors, 0);
    assert_int_equal(count_ends(&broker) - ends, 1);
    producer_close(producer);
}

/* [11] */
static void an_end_whose_answer_is_lost_is_sent_again_and_the_library_tells_of_the_error(void **state) {
    struct broker broker = broker_open(*state);
    struct tcp_proxy *network = broker.cluster->proxies[0];
    struct producer *producer = producer_open(&broker, proxied);
    commit_one(producer);
    begin_one(producer);
    unsigned ends = count_ends(&broker);
    tcp_proxy_swallow_from(network, END_TXN);
    assert_int_equal(producer_commit_within(producer, SHORT_MS), RD_KAFKA_RESP_ERR__TIMED_OUT);
    broker_await_stable_end(&broker, 0, 4); /* it was done */
    tcp_proxy_behave(network, PROXY_PASSES, 0);
    assert_int_equal(producer_commit(producer), 0);
    assert_int_equal(count_ends(&broker) - ends, 2);
    rd_kafka_poll(producer->client, 0); /* whoever looks now knows already */
    assert_true(producer->errors > 0);
    assert_int_equal(broker_count_visible(&broker), 2);
    producer_close(producer);
}

/* [18] */
static void a_record_whose_answer_is_lost_is_sent_again_and_keeps_its_place(void **state) {
    struct broker broker = broker_open(*state);
    struct tcp_proxy *network = broker.cluster->proxies[0];
    struct producer *producer = producer_open(&broker, proxied);
    commit_one(producer);
    producer_begin(producer);
    producer_send(producer, "second");
    unsigned requests = tcp_proxy_count(network, PRODUCE);
    int deliveries = producer->deliveries;
    tcp_proxy_swallow_from(network, PRODUCE);
    producer_hand_over(producer, 0, "third");
    struct deadline deadline = deadline_after(WAIT_MS);
    while (broker_end(&broker, 0) != 4)
        assert_false(deadline_passed(deadline));
    assert_int_equal(producer->deliveries, deliveries);
    tcp_proxy_behave(network, PROXY_PASSES, 0);
    assert_int_equal(rd_kafka_flush(producer->client, WAIT_MS), 0);
    assert_int_equal(tcp_proxy_count(network, PRODUCE) - requests, 2);
    assert_int_equal(producer->deliveries, deliveries + 1);
    assert_int_equal(producer->delivered_offset, 3);
    assert_int_equal(producer_commit(producer), 0);
    assert_int_equal(broker_count_visible(&broker), 3);
    producer_close(producer);
}

/* [18] No broker that is supported could be brought to answer so; a broker of the library's own is told to. */
static void a_report_lacks_the_offset_where_a_record_is_called_a_duplicate(void **state) {
    enum { DUPLICATE_SEQUENCE_NUMBER = 46, NO_OFFSET = -1 };
    (void)state;
    char error[256];
    rd_kafka_conf_t *silent = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(silent, NULL);
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, silent, error, sizeof error);
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(host, 1);
    struct kafka_cluster cluster = {.count = 0};
    struct broker broker = {.cluster = &cluster, .server = &cluster.all, .id = "worker", .output = "output"};
    snprintf(cluster.all.address, sizeof cluster.all.address, "%s", rd_kafka_mock_cluster_bootstraps(mock));
    assert_int_equal(rd_kafka_mock_topic_create(mock, broker.output, 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    struct producer *producer = producer_open(&broker, usual);
    producer_begin(producer);
    producer_send(producer, "first");
    assert_int_equal(producer->delivered_offset, 0);
    rd_kafka_mock_push_request_errors(mock, PRODUCE, 1, DUPLICATE_SEQUENCE_NUMBER);
    producer_send(producer, "second");
    assert_int_equal(producer->deliveries, 2);
    assert_int_equal(producer->delivered_offset, NO_OFFSET);
    assert_int_equal(producer_commit(producer), 0);
    producer_close(producer);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(host);
}

/* ---- what the log keeps */

static size_t read_keys(const struct broker *broker, const char *topic, char *ret_keys, int64_t *ret_last) {
    struct kafka_records records;
    kafka_consume_all(broker->server, topic, KAFKA_READ_COMMITTED, &records);
    for (size_t i = 0; i < records.count; i++) {
        ret_keys[i] = *(const char *)records.items[i].key;
        *ret_last = records.items[i].offset;
    }
    ret_keys[records.count] = 0;
    size_t count = records.count;
    kafka_records_free(&records);
    return count;
}

/* [17] Keys: i: the id, b: a barrier, s: a shard record, a: an account, f: what rolls the segment. */
static void compaction_keeps_the_newest_of_each_key_at_its_offset(void **state) {
    static const char *const settings[] = {
        "cleanup.policy",        "compact", "segment.ms", "50", "min.cleanable.dirty.ratio", "0.001",
        "min.compaction.lag.ms", "0",       NULL};
    static const char written[] = "iasbasbasb";
    struct broker broker = broker_open(*state);
    struct kafka_record records[sizeof written - 1];
    char topic[64], keys[64];
    int64_t last = 0;
    snprintf(topic, sizeof topic, "%s-log", broker.output);
    kafka_create_topic(broker.server, topic, 1, settings);
    for (size_t i = 0; i < sizeof written - 1; i++)
        records[i] = (struct kafka_record){
            .topic = topic, .key = &written[i], .key_size = 1, .value = "v", .value_size = 1};
    kafka_produce_transaction(broker.server, broker.id, records, sizeof written - 1, KAFKA_COMMIT);
    struct deadline deadline = deadline_after(WAIT_MS);
    do { /* the newest segment is never cleaned: something must follow */
        struct kafka_record roll = {.topic = topic, .key = "f", .key_size = 1, .value = "v", .value_size = 1};
        kafka_produce(broker.server, &roll, 1);
        read_keys(&broker, topic, keys, &last);
        assert_false(deadline_passed(deadline));
    } while (strncmp(keys, "iasbf", 5) != 0);
    struct kafka_records left;
    kafka_consume_all(broker.server, topic, KAFKA_READ_COMMITTED, &left);
    static const int64_t offsets[] = {0, 7, 8, 9};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(left.items[i].offset, offsets[i]);
    kafka_records_free(&left);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_begins_at_the_broker_with_its_first_record),
        cmocka_unit_test(destroying_a_producer_ends_no_transaction_and_the_next_of_its_name_does),
        cmocka_unit_test(a_second_copy_of_an_end_ends_the_next_transaction),
        cmocka_unit_test(an_end_with_a_commit_of_what_was_aborted_is_refused),
        cmocka_unit_test(a_copy_of_an_end_that_comes_after_a_new_producer_is_refused),
        cmocka_unit_test(an_end_that_is_answered_late_is_not_sent_again),
        cmocka_unit_test(an_end_whose_answer_is_lost_is_sent_again_and_the_library_tells_of_the_error),
        cmocka_unit_test(a_record_whose_answer_is_lost_is_sent_again_and_keeps_its_place),
        cmocka_unit_test(a_report_lacks_the_offset_where_a_record_is_called_a_duplicate),
        cmocka_unit_test(compaction_keeps_the_newest_of_each_key_at_its_offset),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, broker_start, broker_close);
}
