/* The sink against a real Kafka: what it commits is visible together, what it does not is never seen, and who is
 * fenced. What it does when servers are in trouble is test_kafka_sink_trouble.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/integration/sink_fixture.h"

static void a_commit_makes_records_and_offsets_visible_together(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct sink_member member;
    sink_member_join(fixture, &member);
    begin_with_one_of_each(fixture, sink);
    assert_answer(fixture, await_offsets_sent(fixture, sink, &member, 7), ANSWER_OK);
    assert_int_equal(count_records(fixture, OUTPUT_CHANGES, KAFKA_READ_UNCOMMITTED), 1);
    commit_visibly(fixture, sink);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), 7);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 1), -1);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 2), 8);
    assert_int_equal(sink->troubles(sink->context), 0);
    sink_member_close(&member);
    sink_fixture_close(fixture);
}

/* The library's own thread may be late for the first step of a commit; it is not to be asked for that again meanwhile.
 */
static void a_commit_that_is_asked_for_without_patience_is_done_once_it_is_said_to_be(void **state) {
    enum { TRANSACTIONS = 20 };
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    add_record(fixture, OUTPUT_CHANGELOG, 0, "key", "blob");
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    for (int i = 0; i < TRANSACTIONS; i++) {
        enum answer answer;
        begin_and_publish(fixture, sink);
        while ((answer = sink->commit(sink->context, 0, &fixture->error)) == ANSWER_PENDING)
            continue;
        assert_answer(fixture, answer, ANSWER_OK);
    }
    assert_int_equal(count_records(fixture, OUTPUT_CHANGELOG, KAFKA_READ_COMMITTED), TRANSACTIONS);
    sink_fixture_close(fixture);
}

static void records_arrive_as_they_are(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct kafka_records records;
    add_record(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", "change");
    add_record(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", NULL);
    add_record(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, "acme", "");
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
    kafka_consume_all(fixture->server, fixture->names[OUTPUT_CHANGES], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, 3);
    assert_string_equal(records.items[0].value, "change");
    assert_string_equal(records.items[0].key, "acme");
    assert_string_equal(kafka_header_text(&records.items[0], "one"), "1");
    assert_int_equal(records.items[0].header_count, 2);
    assert_null(kafka_header_text(&records.items[0], "none"));
    assert_null(records.items[1].value);
    assert_string_equal(records.items[2].value, "");
    kafka_records_free(&records);
    sink_fixture_close(fixture);
}

static void accounts_lie_where_the_java_client_puts_them(void **state) {
    static const struct {
        const char *key;
        int32_t murmur2;
    } keys[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct kafka_records records;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        add_record(fixture, OUTPUT_STATUSES, PARTITION_BY_KEY, keys[i].key, "status");
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
    kafka_consume_all(fixture->server, fixture->names[OUTPUT_STATUSES], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < records.count; i++)
        for (size_t j = 0; j < sizeof keys / sizeof keys[0]; j++)
            if (strcmp(records.items[i].key, keys[j].key) == 0)
                assert_int_equal(records.items[i].partition, (keys[j].murmur2 & 0x7fffffff) % PARTITIONS);
    kafka_records_free(&records);
    sink_fixture_close(fixture);
}

static void each_record_learns_its_offset(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    for (int i = 0; i < 3; i++) {
        batch_clear(&fixture->batch);
        add_record(fixture, OUTPUT_CHANGELOG, 2, "barrier", "nonce");
        add_record(fixture, OUTPUT_CHANGELOG, 2, "shard", "record");
        int64_t end = kafka_end_offset(fixture->server, fixture->names[OUTPUT_CHANGELOG], 2);
        begin_and_publish(fixture, sink);
        assert_int_equal(fixture->batch.records[0].offset, end);
        assert_int_equal(fixture->batch.records[1].offset, end + 1);
        assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
        /* Behind the records lies the transaction's marker; a reader that waits for stability waits for it too. */
        assert_int_equal(count_records(fixture, OUTPUT_CHANGELOG, KAFKA_READ_COMMITTED), 2 * (i + 1));
    }
    sink_fixture_close(fixture);
}

/* Large ones, and many; of a partition, and by key. */
static void what_takes_many_batches_arrives_whole_and_in_order(void **state) {
    enum { RECORDS = 3000, VALUE_SIZE = 900 };
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct kafka_records records;
    char key[16], value[VALUE_SIZE + 1];
    for (int i = 0; i < RECORDS; i++) {
        snprintf(key, sizeof key, "%d", i);
        snprintf(value, sizeof value, "%0*d", i % 100 == 0 ? VALUE_SIZE : 400, i);
        add_record(fixture, OUTPUT_CHANGELOG, 1, key, value);
        add_record(fixture, OUTPUT_CHANGES, PARTITION_BY_KEY, key, value);
    }
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
    for (int i = 1; i < RECORDS; i++)
        assert_int_equal(fixture->batch.records[2 * i].offset, fixture->batch.records[2 * i - 2].offset + 1);
    assert_int_equal(count_records(fixture, OUTPUT_CHANGES, KAFKA_READ_COMMITTED), RECORDS);
    kafka_consume_all(fixture->server, fixture->names[OUTPUT_CHANGELOG], KAFKA_READ_COMMITTED, &records);
    assert_int_equal(records.count, RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_string_equal(records.items[i].key, key);
    }
    kafka_records_free(&records);
    sink_fixture_close(fixture);
}

static void an_aborted_batch_is_never_seen_and_can_be_published_again(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct sink_member member;
    sink_member_join(fixture, &member);
    add_one_of_each(fixture);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    for (int i = 0; i < 2; i++) {
        begin_and_publish(fixture, sink);
        assert_answer(fixture, await_offsets_sent(fixture, sink, &member, 7), ANSWER_OK);
        assert_answer(fixture, await_aborted(fixture, sink), ANSWER_OK);
    }
    assert_int_equal(count_records(fixture, OUTPUT_CHANGES, KAFKA_READ_COMMITTED), 0);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), -1);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, await_offsets_sent(fixture, sink, &member, 9), ANSWER_OK);
    commit_visibly(fixture, sink);
    assert_int_equal(kafka_committed_offset(fixture->server, fixture->group, fixture->names[INPUT], 0), 9);
    sink_member_close(&member);
    sink_fixture_close(fixture);
}

static void a_batch_can_be_aborted_before_it_was_flushed(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    for (int i = 0; i < 5000; i++)
        add_record(fixture, OUTPUT_CHANGELOG, i % PARTITIONS, "key", "blob");
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, await_published(fixture, sink), ANSWER_OK);
    assert_answer(fixture, await_aborted(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_OK);
    assert_int_equal(count_records(fixture, OUTPUT_CHANGELOG, KAFKA_READ_COMMITTED), 5000);
    sink_fixture_close(fixture);
}

static void offsets_that_are_none_are_refused(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    const struct input_offset none = {{STREAM_LOGIN, 0}, OFFSET_NONE};
    struct membership membership = {NULL};
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, sink->send_offsets(sink->context, &none, 0, &membership, WAIT_MS, &fixture->error),
                  ANSWER_FAILED);
    assert_answer(fixture, sink->send_offsets(sink->context, &none, 1, &membership, WAIT_MS, &fixture->error),
                  ANSWER_FAILED);
    assert_answer(fixture, await_aborted(fixture, sink), ANSWER_OK);
    sink_fixture_close(fixture);
}

static void a_member_of_an_earlier_generation_is_a_zombie(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct sink_member zombie, other;
    sink_member_join(fixture, &zombie);
    sink_member_open(fixture, NULL, &other);
    struct membership old = zombie.membership;
    zombie.membership.metadata = NULL;
    sink_member_await(&zombie, &other);
    struct membership new = zombie.membership;

    begin_with_one_of_each(fixture, sink);
    zombie.membership = old;
    assert_answer(fixture, await_offsets_sent(fixture, sink, &zombie, 7), ANSWER_ZOMBIE);
    assert_answer(fixture, await_aborted(fixture, sink), ANSWER_OK);
    assert_int_equal(count_records(fixture, OUTPUT_CHANGES, KAFKA_READ_COMMITTED), 0);

    begin_and_publish(fixture, sink);
    zombie.membership = new;
    assert_answer(fixture, await_offsets_sent(fixture, sink, &zombie, 7), ANSWER_OK);
    commit_visibly(fixture, sink);
    rd_kafka_consumer_group_metadata_destroy(old.metadata);
    sink_member_close(&zombie);
    sink_member_close(&other);
    sink_fixture_close(fixture);
}

static void a_member_that_left_is_a_zombie(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct sink_member zombie, other;
    sink_member_join(fixture, &zombie);
    rd_kafka_consumer_close(zombie.consumer);
    sink_member_join(fixture, &other);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, await_offsets_sent(fixture, sink, &zombie, 7), ANSWER_ZOMBIE);
    assert_answer(fixture, await_aborted(fixture, sink), ANSWER_OK);
    sink_member_close(&zombie);
    sink_member_close(&other);
    sink_fixture_close(fixture);
}

static void a_second_process_with_the_same_instance_id_makes_a_zombie_of_the_first(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    struct sink_member first, second;
    sink_member_open(fixture, "pod-0", &first);
    sink_member_await(&first, NULL);
    sink_member_open(fixture, "pod-0", &second);
    sink_member_await(&second, NULL);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, await_offsets_sent(fixture, sink, &first, 7), ANSWER_ZOMBIE);
    sink_member_close(&first);
    sink_member_close(&second);
    sink_fixture_close(fixture);
}

static void a_twin_fences_before_the_commit(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink, twin;
    struct kafka_sink *kafka_twin;
    sink_fixture_add_sink(fixture, &kafka_twin, &twin);
    add_one_of_each(fixture);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    assert_answer(fixture, await_renewed(fixture, &twin), ANSWER_OK);
    assert_answer(fixture, sink->begin(sink->context, &fixture->error), ANSWER_OK);
    assert_answer(fixture, await_published(fixture, sink), ANSWER_OK);
    assert_answer(fixture, await_flushed(fixture, sink), ANSWER_FAILED);

    begin_and_publish(fixture, &twin);
    commit_visibly(fixture, &twin);
    kafka_sink_free(kafka_twin);
    sink_fixture_close(fixture);
}

static void a_commit_of_a_fenced_producer_is_unknown_and_renewing_mends_it(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink, twin;
    struct kafka_sink *kafka_twin;
    sink_fixture_add_sink(fixture, &kafka_twin, &twin);
    begin_with_one_of_each(fixture, sink);
    assert_answer(fixture, await_renewed(fixture, &twin), ANSWER_OK); /* ends what is open */
    assert_answer(fixture, await_committed(fixture, sink), ANSWER_FAILED);
    kafka_sink_free(kafka_twin);

    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    commit_visibly(fixture, sink);
    sink_fixture_close(fixture);
}

static void renewing_ends_the_transaction_that_was_left_open(void **state) {
    struct sink_fixture *fixture = sink_fixture_open(*state);
    struct sink *sink = &fixture->sink;
    begin_with_one_of_each(fixture, sink);
    assert_answer(fixture, await_renewed(fixture, sink), ANSWER_OK);
    begin_and_publish(fixture, sink);
    commit_visibly(fixture, sink);
    sink_fixture_close(fixture);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_makes_records_and_offsets_visible_together),
        cmocka_unit_test(a_commit_that_is_asked_for_without_patience_is_done_once_it_is_said_to_be),
        cmocka_unit_test(records_arrive_as_they_are),
        cmocka_unit_test(accounts_lie_where_the_java_client_puts_them),
        cmocka_unit_test(each_record_learns_its_offset),
        cmocka_unit_test(what_takes_many_batches_arrives_whole_and_in_order),
        cmocka_unit_test(an_aborted_batch_is_never_seen_and_can_be_published_again),
        cmocka_unit_test(a_batch_can_be_aborted_before_it_was_flushed),
        cmocka_unit_test(offsets_that_are_none_are_refused),
        cmocka_unit_test(a_member_of_an_earlier_generation_is_a_zombie),
        cmocka_unit_test(a_member_that_left_is_a_zombie),
        cmocka_unit_test(a_second_process_with_the_same_instance_id_makes_a_zombie_of_the_first),
        cmocka_unit_test(a_twin_fences_before_the_commit),
        cmocka_unit_test(a_commit_of_a_fenced_producer_is_unknown_and_renewing_mends_it),
        cmocka_unit_test(renewing_ends_the_transaction_that_was_left_open),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, kafka_server_set_up, kafka_server_tear_down);
}
