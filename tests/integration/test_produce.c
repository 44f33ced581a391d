/* Events onto topics of a real Kafka, as a company's own producers would write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "producer/produce.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_server.h"
#include "tests/unit/example_changes.h"

enum { PARTITIONS = 3, WAIT_MS = 60000 };

struct fixture {
    struct kafka_server *server;
    char names[STREAMS][64];
    struct kafka_property properties[2];
    struct produce_options options;
    struct event_producer *producer;
    struct produce_counts counts;
    struct error error;
};

static struct fixture *open_fixture(struct kafka_server *server) {
    static int tests;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    tests++;
    fixture->server = server;
    fixture->properties[0] = (struct kafka_property){"bootstrap.servers", server->address};
    fixture->properties[1] = (struct kafka_property){"queue.buffering.max.messages", "1000"};
    fixture->options.properties = (struct kafka_properties){fixture->properties, 2};
    fixture->options.partitioner = "murmur2_random";
    for (int stream = 0; stream < STREAMS; stream++) {
        snprintf(fixture->names[stream], sizeof fixture->names[stream], "topic-%d-%d", tests, stream);
        fixture->options.topics[stream] = fixture->names[stream];
        fixture->options.framings[stream] = (struct framing){.kind = FRAMING_PLAIN};
    }
    kafka_create_topic(server, fixture->names[STREAM_ACCOUNT], PARTITIONS, NULL);
    kafka_create_topic(server, fixture->names[STREAM_LOGIN], PARTITIONS, NULL);
    assert_int_equal(produce_open(&fixture->options, &fixture->producer, &fixture->error), RESULT_OK);
    return fixture;
}

static void close_fixture(struct fixture *fixture) {
    produce_close(fixture->producer);
    free(fixture);
}

static void send_event(struct fixture *fixture, const struct event *event) {
    assert_int_equal(produce_event(fixture->producer, event, &fixture->error), RESULT_OK);
}

static void flush(struct fixture *fixture) {
    assert_int_equal(produce_flush(fixture->producer, WAIT_MS, &fixture->error), RESULT_OK);
    produce_count(fixture->producer, &fixture->counts);
}

/* ---- tests */

static void an_event_is_keyed_by_its_account_at_its_own_time(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct event event = example_event(STREAM_LOGIN);
    struct buffer expected = {0};
    struct kafka_records records;
    event.place.timestamp_ms = EXAMPLE_AT_MS;
    send_event(fixture, &event);
    flush(fixture);
    assert_int_equal(fixture->counts.delivered, 1);
    event_write(&event, &fixture->options.framings[STREAM_LOGIN], &expected);
    kafka_consume_all(fixture->server, fixture->names[STREAM_LOGIN], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, 1);
    assert_string_equal(records.items[0].key, "acme");
    assert_int_equal(records.items[0].timestamp_ms, EXAMPLE_AT_MS);
    assert_int_equal(records.items[0].value_size, expected.size);
    assert_memory_equal(records.items[0].value, expected.data, expected.size);
    kafka_records_free(&records);
    buffer_free(&expected);
    close_fixture(fixture);
}

static void a_tombstone_has_no_value(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct event event = {.stream = STREAM_ACCOUNT, .tombstone = true, .account_id = TEXT("acme")};
    struct kafka_records records;
    event.place.timestamp_ms = EXAMPLE_AT_MS;
    send_event(fixture, &event);
    flush(fixture);
    kafka_consume_all(fixture->server, fixture->names[STREAM_ACCOUNT], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, 1);
    assert_string_equal(records.items[0].key, "acme");
    assert_null(records.items[0].value);
    kafka_records_free(&records);
    close_fixture(fixture);
}

static void an_account_lies_on_the_same_partition_of_every_topic(void **state) {
    struct fixture *fixture = open_fixture(*state);
    int32_t partitions[20];
    struct kafka_records records;
    for (int i = 0; i < 40; i++) {
        char id[16];
        struct event event = example_event(i < 20 ? STREAM_LOGIN : STREAM_ACCOUNT);
        event.account_id = (struct text){id, (uint32_t)snprintf(id, sizeof id, "account-%d", i % 20)};
        event.fields[stream_schemas[event.stream].account_id].text = event.account_id;
        send_event(fixture, &event);
    }
    flush(fixture);
    kafka_consume_all(fixture->server, fixture->names[STREAM_LOGIN], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, 20);
    for (size_t i = 0; i < records.count; i++)
        partitions[atoi((const char *)records.items[i].key + strlen("account-"))] = records.items[i].partition;
    kafka_records_free(&records);
    kafka_consume_all(fixture->server, fixture->names[STREAM_ACCOUNT], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, 20);
    for (size_t i = 0; i < records.count; i++)
        assert_int_equal(records.items[i].partition,
                         partitions[atoi((const char *)records.items[i].key + strlen("account-"))]);
    kafka_records_free(&records);
    close_fixture(fixture);
}

static void more_events_than_the_queue_holds_arrive_in_order(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct kafka_records records;
    for (int i = 0; i < 20000; i++) {
        struct event event = example_event(STREAM_LOGIN);
        event.place.timestamp_ms = EXAMPLE_AT_MS + i;
        send_event(fixture, &event);
    }
    flush(fixture);
    assert_int_equal(fixture->counts.sent, 20000);
    assert_int_equal(fixture->counts.delivered, 20000);
    assert_int_equal(fixture->counts.failed, 0);
    kafka_consume_all(fixture->server, fixture->names[STREAM_LOGIN], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, 20000);
    for (size_t i = 0; i < records.count; i++)
        assert_int_equal(records.items[i].timestamp_ms, EXAMPLE_AT_MS + (int64_t)i);
    kafka_records_free(&records);
    close_fixture(fixture);
}

static void an_event_that_is_too_large_is_rejected_and_the_next_is_sent(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct event event = example_event(STREAM_LOGIN);
    size_t size = 1100000;
    char *large = malloc(size);
    memset(large, 'x', size);
    event.fields[2].text = (struct text){large, (uint32_t)size}; /* user_id */
    assert_int_equal(produce_event(fixture->producer, &event, &fixture->error), RESULT_REJECT);
    assert_non_null(strstr(fixture->error.text, fixture->names[STREAM_LOGIN]));
    event = example_event(STREAM_LOGIN);
    send_event(fixture, &event);
    flush(fixture);
    assert_int_equal(fixture->counts.sent, 1);
    assert_int_equal(fixture->counts.delivered, 1);
    free(large);
    close_fixture(fixture);
}

static void a_flush_is_to_be_called_again_while_the_broker_hangs(void **state) {
    struct fixture *fixture = open_fixture(*state);
    struct event event = example_event(STREAM_LOGIN);
    send_event(fixture, &event);
    flush(fixture);
    kafka_server_pause(fixture->server);
    send_event(fixture, &event);
    assert_int_equal(produce_flush(fixture->producer, 200, &fixture->error), RESULT_RETRY);
    kafka_server_resume(fixture->server);
    flush(fixture);
    assert_int_equal(fixture->counts.delivered, 2);
    close_fixture(fixture);
}

static void what_is_not_delivered_is_counted_with_the_first_reason(void **state) {
    struct kafka_server *server = *state;
    (void)server;
    const struct kafka_property properties[] = {{"bootstrap.servers", "127.0.0.1:1"}, {"message.timeout.ms", "300"}};
    const struct produce_options options = {.properties = {properties, 2},
                                            .topics = {[STREAM_LOGIN] = "logins"},
                                            .partitioner = "murmur2_random",
                                            .framings = {[STREAM_LOGIN] = {.kind = FRAMING_PLAIN}}};
    struct event_producer *producer;
    struct produce_counts counts;
    struct error error;
    struct event event = example_event(STREAM_LOGIN);
    assert_int_equal(produce_open(&options, &producer, &error), RESULT_OK);
    assert_int_equal(produce_event(producer, &event, &error), RESULT_OK);
    assert_int_equal(produce_flush(producer, WAIT_MS, &error), RESULT_OK);
    produce_count(producer, &counts);
    assert_int_equal(counts.delivered, 0);
    assert_int_equal(counts.failed, 1);
    assert_non_null(strstr(counts.failure.text, "`logins`"));
    produce_close(producer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_keyed_by_its_account_at_its_own_time),
        cmocka_unit_test(a_tombstone_has_no_value),
        cmocka_unit_test(an_account_lies_on_the_same_partition_of_every_topic),
        cmocka_unit_test(more_events_than_the_queue_holds_arrive_in_order),
        cmocka_unit_test(an_event_that_is_too_large_is_rejected_and_the_next_is_sent),
        cmocka_unit_test(a_flush_is_to_be_called_again_while_the_broker_hangs),
        cmocka_unit_test(what_is_not_delivered_is_counted_with_the_first_reason),
    };
    return cmocka_run_group_tests(tests, kafka_server_set_up, kafka_server_tear_down);
}
