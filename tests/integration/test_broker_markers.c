/* What the protocol and the simulator take for granted of the time between the decision on a transaction and its
 * markers, asked of two real brokers (broker.h): the coordinator has them written through the proxies, which can make
 * them wait. Numbers in brackets are those of tests/sim/README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/harness/deadline.h"
#include "tests/integration/broker_member.h"
#include "tests/integration/broker_producer.h"

/* The marker of the transaction reaches its partition behind its one record. */
enum { END_WITH_MARKER = 2 };

static void let_markers(const struct broker *broker, int node, enum tcp_proxy_manner manner) {
    tcp_proxy_behave(broker->cluster->proxies[node], manner, 0);
}

static void let_all_markers(const struct broker *broker, enum tcp_proxy_manner manner) {
    for (int i = 0; i < broker->cluster->count; i++)
        let_markers(broker, i, manner);
}

/* A transaction with a record on each partition, and with offsets, whose commit is answered before any marker is. */
static struct producer *commit_without_markers(const struct broker *broker, const struct member *member,
                                               int64_t offset) {
    struct producer *producer = producer_open(broker, (struct producer_options){0});
    assert_int_equal(producer_begin_with_offsets(producer, member->metadata, offset), 0);
    for (int i = 0; i < PARTITIONS; i++)
        producer_send_to(producer, i, "x");
    let_all_markers(broker, PROXY_HANGS);
    assert_int_equal(producer_commit(producer), 0);
    return producer;
}

/* [3] Partition by partition, in either order; of the group's coordinator, when its own turn is. */
static void a_commit_is_answered_when_it_is_decided_and_each_partition_hears_of_it_apart(void **state) {
    for (int first = 0; first < PARTITIONS; first++) {
        struct broker broker = broker_open(*state);
        struct member member;
        member_join(&broker, (struct member_options){0}, &member);
        members_await(&member, NULL);
        int nodes[PARTITIONS] = {broker_leader(&broker, 0), broker_leader(&broker, 1)};
        assert_int_not_equal(nodes[0], nodes[1]);
        int coordinator = broker_describe_group(&broker).coordinator, last = 1 - first;
        struct producer *producer = commit_without_markers(&broker, &member, 5);
        for (int i = 0; i < PARTITIONS; i++)
            assert_int_equal(broker_stable_end(&broker, i), 0);
        assert_true(member_committed(&member, SHORT_MS) == PENDING);

        let_markers(&broker, nodes[first], PROXY_PASSES);
        broker_await_stable_end(&broker, first, END_WITH_MARKER);
        assert_int_equal(broker_stable_end(&broker, last), 0);
        if (coordinator == nodes[first])
            assert_int_equal(member_committed(&member, WAIT_MS), 5);
        else
            assert_true(member_committed(&member, SHORT_MS) == PENDING);

        let_markers(&broker, nodes[last], PROXY_PASSES);
        broker_await_stable_end(&broker, last, END_WITH_MARKER);
        assert_int_equal(member_committed(&member, WAIT_MS), 5);
        assert_int_equal(broker_count_visible(&broker), PARTITIONS);
        producer_close(producer);
        member_close(&member);
    }
}

/* [4] */
static void the_next_transaction_begins_when_all_markers_of_the_one_before_are_written(void **state) {
    struct broker broker = broker_open(*state);
    struct member member;
    member_join(&broker, (struct member_options){0}, &member);
    members_await(&member, NULL);
    struct producer *producer = commit_without_markers(&broker, &member, 5);
    int deliveries = producer->deliveries;
    producer_begin(producer);
    producer_hand_over(producer, 0, "next");
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(producer_copy_of_end(producer), ANSWER_CONCURRENT_TRANSACTIONS);
        assert_int_equal(rd_kafka_flush(producer->client, SHORT_MS), RD_KAFKA_RESP_ERR__TIMED_OUT);
        assert_int_equal(producer->deliveries, deliveries);
        let_markers(&broker, broker_leader(&broker, i), PROXY_PASSES);
        broker_await_stable_end(&broker, i, END_WITH_MARKER);
    }
    assert_int_equal(rd_kafka_flush(producer->client, WAIT_MS), 0);
    assert_int_equal(producer->deliveries, deliveries + 1);
    assert_int_equal(producer->errors, 0);
    assert_int_equal(producer_commit(producer), 0);
    assert_int_equal(broker_count_visible(&broker), PARTITIONS + 1);
    producer_close(producer);
    member_close(&member);
}

/* [3, 5] */
static void a_new_producer_waits_for_the_markers_and_does_not_undo_what_was_decided(void **state) {
    struct broker broker = broker_open(*state);
    struct member member;
    member_join(&broker, (struct member_options){0}, &member);
    members_await(&member, NULL);
    struct producer *former = commit_without_markers(&broker, &member, 5);
    struct producer *producer = producer_new(&broker, (struct producer_options){0});
    assert_int_not_equal(producer_init(producer, SHORT_MS), 0);
    assert_int_equal(broker_stable_end(&broker, 0), 0);
    let_all_markers(&broker, PROXY_PASSES);
    assert_int_equal(producer_init(producer, WAIT_MS), 0);
    assert_int_equal(producer->id, former->id);
    assert_true(producer->epoch > former->epoch);
    assert_int_equal(broker_count_visible(&broker), PARTITIONS);
    assert_int_equal(member_committed(&member, WAIT_MS), 5);
    producer_close(former);
    producer_close(producer);
    member_close(&member);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_is_answered_when_it_is_decided_and_each_partition_hears_of_it_apart),
        cmocka_unit_test(the_next_transaction_begins_when_all_markers_of_the_one_before_are_written),
        cmocka_unit_test(a_new_producer_waits_for_the_markers_and_does_not_undo_what_was_decided),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, broker_start_two, broker_close);
}
