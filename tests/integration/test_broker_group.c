/* What the protocol and the simulator take for granted of consumer groups, asked of a real broker (broker.h): who may
 * still commit, and how members come, go and are missed. What the ports make of it is tested beside them
 * (test_kafka_sink.c, test_kafka_source.c). Numbers in brackets are those of tests/sim/README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/harness/deadline.h"
#include "tests/integration/broker_member.h"
#include "tests/integration/broker_producer.h"

/* How much earlier than its time a session may seem to end: a heartbeat, and more where the machine is busy. */
enum { SLACK_MS = 1500 };

static const struct member_options usual = {0};

/* Joins, and waits until it holds all partitions. */
static void join_for_all(const struct broker *broker, struct member_options options, struct member *member) {
    member_join(broker, options, member);
    members_await(member, NULL);
}

/* ---- who may still commit */

/* [12, 13] */
static void a_zombies_transaction_can_still_be_committed_after_a_rebalance(void **state) {
    struct broker broker = broker_open(*state);
    struct member zombie, owner;
    struct producer *producer = producer_open(&broker, (struct producer_options){0});
    join_for_all(&broker, usual, &zombie);
    assert_int_equal(producer_begin_with_offsets(producer, zombie.metadata, 5), 0);
    member_join(&broker, usual, &owner);
    members_await(&zombie, &owner);
    assert_true(member_committed(&owner, SHORT_MS) == PENDING);
    assert_int_equal(producer_commit(producer), 0);
    assert_int_equal(member_committed(&owner, WAIT_MS), 5);
    producer_close(producer);
    member_close(&zombie);
    member_close(&owner);
}

/* [7, 13] */
static void a_transaction_whose_time_is_over_can_not_and_hangs_no_longer(void **state) {
    struct broker broker = broker_open(*state);
    struct member member;
    join_for_all(&broker, usual, &member);
    struct producer *producer = producer_open(&broker, (struct producer_options){.transaction_timeout_ms = "1000"});
    assert_int_equal(producer_begin_with_offsets(producer, member.metadata, 5), 0);
    producer_send(producer, "x");
    struct deadline deadline = deadline_after(WAIT_MS);
    int64_t offset;
    while ((offset = member_committed(&member, SHORT_MS)) == PENDING) {
        member_poll(&member);
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(offset, RD_KAFKA_OFFSET_INVALID);
    assert_int_not_equal(producer_commit(producer), 0);
    assert_int_equal(broker_count_visible(&broker), 0);
    producer_close(producer);
    member_close(&member);
}

/* Once, and leaves the metadata to the test: the next assignment, which may come within the same poll, drops what the
 * member has. */
static void commit_while_revoked(struct member *member) {
    assert_int_equal(producer_begin_with_offsets(member->producer, member->metadata, 9), 0);
    assert_int_equal(producer_commit(member->producer), 0);
    member->metadata = NULL;
    member->on_revoke = NULL;
}

/* [12] */
static void offsets_are_taken_in_the_revoke_callback_and_refused_in_the_next_generation(void **state) {
    struct broker broker = broker_open(*state);
    struct member former, other;
    join_for_all(&broker, usual, &former);
    former.producer = producer_open(&broker, (struct producer_options){0});
    former.on_revoke = commit_while_revoked;
    rd_kafka_consumer_group_metadata_t *old = former.metadata;
    member_join(&broker, usual, &other);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (former.assigned == PARTITIONS) {
        member_poll(&former);
        member_poll(&other);
        assert_false(deadline_passed(deadline));
    }
    members_await(&former, &other);
    assert_int_equal(member_committed(&other, WAIT_MS), 9);
    assert_int_equal(producer_begin_with_offsets(former.producer, old, 10), RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    assert_int_equal(producer_abort(former.producer), 0);
    assert_int_equal(member_committed(&other, WAIT_MS), 9);
    rd_kafka_consumer_group_metadata_destroy(old);
    producer_close(former.producer);
    member_close(&former);
    member_close(&other);
}

static void metadata_without_a_member_is_accepted_unchecked(void **state) {
    struct broker broker = broker_open(*state);
    struct member owner;
    join_for_all(&broker, usual, &owner);
    struct producer *producer = producer_open(&broker, (struct producer_options){0});
    rd_kafka_consumer_group_metadata_t *nobody = rd_kafka_consumer_group_metadata_new(broker.group);
    assert_int_equal(producer_begin_with_offsets(producer, nobody, 77), 0);
    assert_int_equal(producer_commit(producer), 0);
    assert_int_equal(member_committed(&owner, WAIT_MS), 77);
    rd_kafka_consumer_group_metadata_destroy(nobody);
    producer_close(producer);
    member_close(&owner);
}

static void offsets_that_are_none_are_skipped_in_silence_and_the_fence_with_them(void **state) {
    struct broker broker = broker_open(*state);
    struct producer *producer = producer_open(&broker, (struct producer_options){0});
    rd_kafka_consumer_group_metadata_t *never = rd_kafka_consumer_group_metadata_new_with_genid(broker.group, 4711,
                                                                                                "nobody", NULL);
    assert_int_equal(producer_begin_with_offsets(producer, never, RD_KAFKA_OFFSET_INVALID), 0);
    producer_send(producer, "not fenced");
    assert_int_equal(producer_commit(producer), 0);
    assert_int_equal(broker_count_visible(&broker), 1);
    assert_int_equal(producer_begin_with_offsets(producer, never, 1), RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    rd_kafka_consumer_group_metadata_destroy(never);
    producer_close(producer);
}

/* ---- how members come and go */

static void join_as(const struct broker *broker, const char *name, struct member *member) {
    member_join(broker, (struct member_options){.instance_id = name}, member);
}

static void await_assigned(struct member *member, struct member *other) {
    struct deadline deadline = deadline_after(WAIT_MS);
    while (member->assigned == 0) {
        member_poll(member);
        member_poll(other);
        assert_false(deadline_passed(deadline));
    }
}

/* The next call to the group that the former process of the name makes by itself: a heartbeat. */
static void await_fatal(struct member *member) {
    char error[256];
    struct deadline deadline = deadline_after(WAIT_MS);
    while (rd_kafka_fatal_error(member->consumer, error, sizeof error) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        member_poll(member);
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(rd_kafka_fatal_error(member->consumer, error, sizeof error), RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
}

/* [14], of the member that leads the group and of one that does not. */
static void a_process_of_the_same_name_takes_its_place_in_the_same_generation(void **state) {
    for (int i = 0; i < 2; i++) {
        struct broker broker = broker_open(*state);
        struct member members[2], twin;
        const struct member_options names[] = {{.instance_id = "first", .is_patient = true},
                                               {.instance_id = "second", .is_patient = true}};
        join_for_all(&broker, names[0], &members[0]); /* it leads */
        member_join(&broker, names[1], &members[1]);
        members_await(&members[0], &members[1]);
        struct member *elder = &members[i], *other = &members[1 - i];
        int revocations = other->revocations;
        int32_t generation = elder->generation;
        struct producer *producer = producer_open(&broker, (struct producer_options){0});

        member_join(&broker, names[i], &twin);
        await_assigned(&twin, other);
        assert_int_equal(twin.assigned, 1);
        assert_int_equal(twin.generation, generation);
        assert_string_not_equal(twin.id, elder->id);
        assert_int_equal(producer_begin_with_offsets(producer, elder->metadata, 5),
                         RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
        assert_int_equal(producer_abort(producer), 0);
        assert_int_equal(producer_begin_with_offsets(producer, twin.metadata, 6), 0);
        assert_int_equal(producer_commit(producer), 0);
        assert_int_equal(producer_begin_with_offsets(producer, other->metadata, 7), 0);
        assert_int_equal(producer_commit(producer), 0);
        await_fatal(elder);
        member_poll(other);
        assert_int_equal(other->revocations, revocations);
        assert_true(broker_describe_group(&broker).stable);
        producer_close(producer);
        member_close(elder);
        member_close(&twin);
        member_close(other);
    }
}

/* [14, 19] */
static void a_static_member_that_closes_stays_until_its_session_ends_and_a_dynamic_one_leaves(void **state) {
    struct broker broker = broker_open(*state);
    struct member gone, other;
    join_as(&broker, "gone", &gone);
    join_as(&broker, "other", &other);
    members_await(&gone, &other);
    int32_t generation = other.generation;
    struct deadline early = deadline_after(SESSION_MS - SLACK_MS);
    member_close(&gone);
    struct group_description group = broker_describe_group(&broker);
    assert_true((group.members == 2 && group.stable) || deadline_passed(early));
    struct deadline deadline = deadline_after(WAIT_MS);
    while (other.assigned != PARTITIONS) {
        member_poll(&other);
        assert_true(other.generation == generation || deadline_passed(early));
        assert_false(deadline_passed(deadline));
    }
    assert_true(deadline_passed(early));
    assert_int_equal(broker_describe_group(&broker).members, 1);

    struct member dynamic;
    member_join(&broker, (struct member_options){.is_patient = true}, &dynamic);
    members_await(&dynamic, &other);
    early = deadline_after(LONG_SESSION_MS - SLACK_MS);
    rd_kafka_consumer_close(dynamic.consumer);
    members_await(&other, NULL);
    assert_false(deadline_passed(early));
    member_close(&dynamic);
    member_close(&other);
}

/* [16] */
static void whoever_holds_an_assignment_is_asked_for_it_before_the_next_generation(void **state) {
    struct broker broker = broker_open(*state);
    struct member holder, joining;
    join_for_all(&broker, (struct member_options){.instance_id = "holder"}, &holder);
    int32_t generation = holder.generation;
    join_as(&broker, "joining", &joining);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (joining.assigned == 0) {
        member_poll(&joining);
        if (joining.assigned == 0)
            member_poll(&holder);
        else
            assert_int_equal(holder.revocations, 1);
        assert_false(deadline_passed(deadline));
    }
    members_await(&holder, &joining);
    assert_false(holder.lost);
    assert_int_equal(holder.generation, generation + 1);
    assert_int_equal(joining.generation, generation + 1);
    member_close(&holder);
    member_close(&joining);
}

/* [15, 16] Its network is away, so that no heartbeat comes through. */
static void a_member_that_is_silent_holds_others_up_until_its_session_ends_and_learns_so_later(void **state) {
    struct broker broker = broker_open(*state);
    struct tcp_proxy *network = broker.cluster->proxies[0];
    struct member silent, other;
    join_for_all(&broker, (struct member_options){.instance_id = "silent", .proxied = true}, &silent);
    char id[sizeof silent.id];
    memcpy(id, silent.id, sizeof id);
    struct deadline early = deadline_after(SESSION_MS - SLACK_MS);
    tcp_proxy_behave(network, PROXY_HANGS, 0);
    join_for_all(&broker, (struct member_options){.instance_id = "other"}, &other);
    assert_true(deadline_passed(early));
    assert_int_equal(silent.assigned, PARTITIONS); /* so it believes */

    tcp_proxy_behave(network, PROXY_PASSES, 0);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (silent.revocations == 0) {
        member_poll(&silent);
        assert_false(deadline_passed(deadline));
    }
    assert_true(silent.lost);
    members_await(&silent, &other);
    assert_string_not_equal(silent.id, id);
    assert_int_equal(silent.generation, other.generation);
    assert_false(other.lost);
    member_close(&silent);
    member_close(&other);
}

/* [16] Its heartbeats go on without it, until the library gives it up. */
static void a_member_that_is_awake_and_does_not_poll_holds_others_up_for_its_max_poll_interval_and_session(
    void **state) {
    enum { MAX_POLL_MS = 3000 };
    struct broker broker = broker_open(*state);
    struct member busy, other;
    join_for_all(&broker, (struct member_options){.instance_id = "busy", .max_poll_ms = "3000"}, &busy);
    struct deadline early = deadline_after(MAX_POLL_MS + SESSION_MS - SLACK_MS);
    join_for_all(&broker, (struct member_options){.instance_id = "other"}, &other);
    assert_true(deadline_passed(early));
    assert_int_equal(busy.revocations, 0);
    members_await(&busy, &other);
    assert_int_equal(busy.revocations, 1);
    member_close(&busy);
    member_close(&other);
}

static void a_member_with_nothing_assigned_stays_one_while_it_polls(void **state) {
    struct broker broker = broker_open(*state);
    struct member member;
    struct kafka_record record = {.topic = broker.input, .value = "v", .value_size = 1};
    struct producer *producer = producer_open(&broker, (struct producer_options){0});
    for (int i = 0; i < 5; i++)
        kafka_produce(broker.server, &record, 1);
    join_for_all(&broker, (struct member_options){.max_poll_ms = "3000"}, &member);
    struct deadline longer_than_max_poll = deadline_after(5000);
    while (!deadline_passed(longer_than_max_poll)) {
        member_poll(&member);
        assert_int_equal(member.assigned, PARTITIONS);
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, broker.input, 0)->offset = 3;
    assert_int_equal(rd_kafka_assign(member.consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_message_t *message = NULL;
    struct deadline deadline = deadline_after(WAIT_MS);
    while (message == NULL && !deadline_passed(deadline))
        message = rd_kafka_consumer_poll(member.consumer, POLL_MS);
    assert_non_null(message);
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(message->offset, 3);
    rd_kafka_message_destroy(message);
    assert_int_equal(producer_begin_with_offsets(producer, member.metadata, 4), 0);
    assert_int_equal(producer_commit(producer), 0);
    producer_close(producer);
    member_close(&member);
}

/* ---- what the group keeps */

/* As when they expire, which takes a minute at least. */
static void offsets_go_when_they_are_deleted_and_when_their_topic_is(void **state) {
    for (int deletes_topic = 0; deletes_topic < 2; deletes_topic++) {
        struct broker broker = broker_open(*state);
        struct member member;
        join_for_all(&broker, usual, &member);
        struct producer *producer = producer_open(&broker, (struct producer_options){0});
        assert_int_equal(producer_begin_with_offsets(producer, member.metadata, 3), 0);
        assert_int_equal(producer_commit(producer), 0);
        assert_int_equal(member_committed(&member, WAIT_MS), 3);
        producer_close(producer);
        member_close(&member);
        if (deletes_topic)
            kafka_delete_topic(broker.server, broker.input);
        else
            kafka_delete_group_offset(broker.server, broker.group, broker.input, 0);
        struct deadline deadline = deadline_after(WAIT_MS);
        while (kafka_committed_offset(broker.server, broker.group, broker.input, 0) != -1)
            assert_false(deadline_passed(deadline));
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zombies_transaction_can_still_be_committed_after_a_rebalance),
        cmocka_unit_test(a_transaction_whose_time_is_over_can_not_and_hangs_no_longer),
        cmocka_unit_test(offsets_are_taken_in_the_revoke_callback_and_refused_in_the_next_generation),
        cmocka_unit_test(metadata_without_a_member_is_accepted_unchecked),
        cmocka_unit_test(offsets_that_are_none_are_skipped_in_silence_and_the_fence_with_them),
        cmocka_unit_test(a_process_of_the_same_name_takes_its_place_in_the_same_generation),
        cmocka_unit_test(a_static_member_that_closes_stays_until_its_session_ends_and_a_dynamic_one_leaves),
        cmocka_unit_test(whoever_holds_an_assignment_is_asked_for_it_before_the_next_generation),
        cmocka_unit_test(a_member_that_is_silent_holds_others_up_until_its_session_ends_and_learns_so_later),
        cmocka_unit_test(
            a_member_that_is_awake_and_does_not_poll_holds_others_up_for_its_max_poll_interval_and_session),
        cmocka_unit_test(a_member_with_nothing_assigned_stays_one_while_it_polls),
        cmocka_unit_test(offsets_go_when_they_are_deleted_and_when_their_topic_is),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, broker_start, broker_close);
}
