/* What the protocol (docs/exactly-once.md) and the simulator (tests/sim/) take for granted of Kafka and librdkafka,
 * asked of a real broker through the library alone: no code of ours is between. What the ports make of it is tested
 * beside them (test_kafka_sink.c, test_kafka_source.c): there also that committed offsets wait for open transactions,
 * that the last stable offset holds readers back, and whom generations, instance ids and transactional ids fence.
 * Numbers in brackets are those of the simulated brokers' behaviours in tests/sim/README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/deadline.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_server.h"

enum { PARTITIONS = 2, WAIT_MS = 60000, SHORT_MS = 300, POLL_MS = 20 };

struct fixture {
    struct kafka_server *server;
    char group[32], id[32], input[32], output[32];
};

/* ---- one server for all, names of its own for each test */

static int start_server(void **state) {
    struct kafka_server *server = calloc(1, sizeof *server);
    *state = server;
    kafka_server_start(0, NULL, server);
    return 0;
}

static int close_server(void **state) {
    kafka_server_close(*state);
    free(*state);
    return 0;
}

static struct fixture open_fixture(struct kafka_server *server) {
    static int number;
    struct fixture fixture = {.server = server};
    number++;
    snprintf(fixture.group, sizeof fixture.group, "group-%d", number);
    snprintf(fixture.id, sizeof fixture.id, "worker-%d", number);
    snprintf(fixture.input, sizeof fixture.input, "input-%d", number);
    snprintf(fixture.output, sizeof fixture.output, "output-%d", number);
    kafka_create_topic(server, fixture.input, PARTITIONS, NULL);
    kafka_create_topic(server, fixture.output, 1, NULL);
    return fixture;
}

/* ---- members of the group */

struct member {
    rd_kafka_t *consumer;
    rd_kafka_consumer_group_metadata_t *metadata; /* copied when the assignment came */
    int assigned;
    void (*on_revoke)(struct member *member); /* NULL: nothing */
    const struct fixture *fixture;
    rd_kafka_t *producer;
};

static void rebalanced(rd_kafka_t *consumer, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *partitions,
                       void *opaque) {
    struct member *member = opaque;
    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (member->on_revoke != NULL)
            member->on_revoke(member);
        member->assigned = 0;
        rd_kafka_assign(consumer, NULL);
        return;
    }
    if (member->metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(member->metadata);
    member->metadata = rd_kafka_consumer_group_metadata(consumer);
    member->assigned = partitions->cnt;
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(1);
    rd_kafka_assign(consumer, nothing);
    rd_kafka_topic_partition_list_destroy(nothing);
}

static void set(rd_kafka_conf_t *configuration, const char *name, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(configuration, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
        fail_msg("%s=%s: %s", name, value, error);
}

/* `max_poll_ms`: how long it may go without a poll. */
static void member_join_with(const struct fixture *fixture, const char *max_poll_ms, struct member *member) {
    char error[256];
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    set(configuration, "bootstrap.servers", fixture->server->address);
    set(configuration, "group.id", fixture->group);
    set(configuration, "session.timeout.ms", "3000");
    set(configuration, "heartbeat.interval.ms", "200");
    set(configuration, "max.poll.interval.ms", max_poll_ms);
    set(configuration, "partition.assignment.strategy", "range");
    set(configuration, "isolation.level", "read_committed");
    set(configuration, "enable.auto.commit", "false");
    set(configuration, "fetch.wait.max.ms", "50");
    rd_kafka_conf_set_rebalance_cb(configuration, rebalanced);
    rd_kafka_conf_set_opaque(configuration, member);
    *member = (struct member){.fixture = fixture};
    member->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, error, sizeof error);
    assert_non_null(member->consumer);
    rd_kafka_poll_set_consumer(member->consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, fixture->input, RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(member->consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
}

static void member_join(const struct fixture *fixture, struct member *member) {
    member_join_with(fixture, "60000", member);
}

static void member_poll(struct member *member) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(member->consumer, POLL_MS);
    if (message != NULL)
        rd_kafka_message_destroy(message);
}

/* Polls until the members hold all partitions between them, each at least one; the second may be NULL. */
static void members_await(struct member *one, struct member *other) {
    struct deadline deadline = deadline_after(WAIT_MS);
    while (one->assigned == 0 || (other != NULL && other->assigned == 0) ||
           one->assigned + (other == NULL ? 0 : other->assigned) != PARTITIONS) {
        member_poll(one);
        if (other != NULL)
            member_poll(other);
        assert_false(deadline_passed(deadline));
    }
}

static void member_close(struct member *member) {
    member->on_revoke = NULL;
    rd_kafka_consumer_close(member->consumer);
    if (member->metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(member->metadata);
    rd_kafka_destroy(member->consumer);
}

/* ---- transactions */

static rd_kafka_t *open_producer(const struct fixture *fixture, const char *timeout_ms) {
    const char *settings[] = {"transactional.id", fixture->id, "transaction.timeout.ms", timeout_ms, NULL};
    rd_kafka_t *producer = kafka_client_new(fixture->server, RD_KAFKA_PRODUCER, settings);
    assert_null(rd_kafka_init_transactions(producer, WAIT_MS));
    return producer;
}

static void produce(const struct fixture *fixture, rd_kafka_t *producer, const char *value) {
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(fixture->output), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)value, strlen(value)), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* The code of a call's error, which is freed; 0: it went well. */
static rd_kafka_resp_err_t code_of(rd_kafka_error_t *error) {
    rd_kafka_resp_err_t code = error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
    if (error != NULL)
        rd_kafka_error_destroy(error);
    return code;
}

static rd_kafka_resp_err_t send_offsets(const struct fixture *fixture, rd_kafka_t *producer,
                                        const rd_kafka_consumer_group_metadata_t *metadata, int64_t offset) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(offsets, fixture->input, i)->offset = offset;
    rd_kafka_resp_err_t code = code_of(rd_kafka_send_offsets_to_transaction(producer, offsets, metadata, WAIT_MS));
    rd_kafka_topic_partition_list_destroy(offsets);
    return code;
}

static rd_kafka_resp_err_t begin_with_offsets(const struct fixture *fixture, rd_kafka_t *producer,
                                              const rd_kafka_consumer_group_metadata_t *metadata, int64_t offset) {
    assert_null(rd_kafka_begin_transaction(producer));
    return send_offsets(fixture, producer, metadata, offset);
}

/* What the member is told to be committed of partition 0 within `timeout_ms`: an offset, RD_KAFKA_OFFSET_INVALID for
 * none; or PENDING, while a transaction hangs over it. */
#define PENDING INT64_C(-1)
static int64_t committed(const struct fixture *fixture, const struct member *member, int timeout_ms) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *partition = rd_kafka_topic_partition_list_add(list, fixture->input, 0);
    rd_kafka_resp_err_t code = rd_kafka_committed(member->consumer, list, timeout_ms);
    code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? partition->err : code;
    int64_t offset = partition->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
        return PENDING;
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    return offset;
}

/* The end of the output: what a reader of this isolation may reach. */
static int64_t end_of_output(const struct fixture *fixture, const char *isolation) {
    const char *settings[] = {"isolation.level", isolation, NULL};
    rd_kafka_t *consumer = kafka_client_new(fixture->server, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *partition = rd_kafka_topic_partition_list_add(list, fixture->output, 0);
    partition->offset = RD_KAFKA_OFFSET_END;
    assert_int_equal(rd_kafka_offsets_for_times(consumer, list, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t end = partition->offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(consumer);
    return end;
}

static void await_stable_end(const struct fixture *fixture, int64_t end) {
    struct deadline deadline = deadline_after(WAIT_MS);
    while (end_of_output(fixture, "read_committed") != end)
        assert_false(deadline_passed(deadline));
}

static size_t count_visible(const struct fixture *fixture) {
    struct kafka_records records;
    kafka_consume_all(fixture->server, fixture->output, KAFKA_READ_COMMITTED, &records);
    size_t count = records.count;
    kafka_records_free(&records);
    return count;
}

/* ---- a request in bytes, for what the library does only when a network fails */

struct identity {
    int64_t id;
    int16_t epoch;
};

struct request {
    unsigned char bytes[256];
    size_t size;
};

static void put_number(struct request *request, uint64_t number, size_t size) {
    for (size_t i = size; i-- > 0;)
        request->bytes[request->size++] = (unsigned char)(number >> (8 * i));
}

static void put_string(struct request *request, const char *string) {
    size_t size = strlen(string);
    put_number(request, size, 2);
    memcpy(request->bytes + request->size, string, size);
    request->size += size;
}

static int connect_to(const struct kafka_server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

/* EndTxn, version 0, with a commit, as a copy that was under way would arrive. Returns the broker's error code. */
static int16_t end_once_more(const struct fixture *fixture, const struct identity *producer) {
    enum { END_TXN = 26, HEAD = 4, ANSWER = 4 + 4 + 4 + 2 /* size, correlation, throttle, error */ };
    struct request request = {.size = HEAD};
    unsigned char answer[ANSWER];
    put_number(&request, END_TXN, 2);
    put_number(&request, 0, 2); /* version */
    put_number(&request, 7, 4); /* correlation */
    put_string(&request, "test");
    put_string(&request, fixture->id);
    put_number(&request, (uint64_t)producer->id, 8);
    put_number(&request, (uint16_t)producer->epoch, 2);
    put_number(&request, 1, 1);
    size_t size = request.size;
    request.size = 0;
    put_number(&request, size - HEAD, HEAD);
    int descriptor = connect_to(fixture->server);
    assert_int_equal(send(descriptor, request.bytes, size, 0), size);
    assert_int_equal(recv(descriptor, answer, sizeof answer, MSG_WAITALL), sizeof answer);
    close(descriptor);
    return (int16_t)(answer[ANSWER - 2] << 8 | answer[ANSWER - 1]);
}

/* The same, once the coordinator has done with the end before it. */
static int16_t end_again(const struct fixture *fixture, const struct identity *producer) {
    enum { CONCURRENT_TRANSACTIONS = 51 };
    struct deadline deadline = deadline_after(WAIT_MS);
    int16_t answer;
    while ((answer = end_once_more(fixture, producer)) == CONCURRENT_TRANSACTIONS)
        assert_false(deadline_passed(deadline));
    return answer;
}

/* A producer that tells its identity: the library says it only in its log. */
static rd_kafka_t *open_talkative_producer(const struct fixture *fixture, struct identity *ret_identity) {
    const char *settings[] = {"transactional.id", fixture->id, "debug", "eos", "log.queue", "true", NULL};
    rd_kafka_t *producer = kafka_client_new(fixture->server, RD_KAFKA_PRODUCER, settings);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer);
    assert_int_equal(rd_kafka_set_log_queue(producer, queue), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_null(rd_kafka_init_transactions(producer, WAIT_MS));
    struct deadline deadline = deadline_after(WAIT_MS);
    *ret_identity = (struct identity){-1, -1};
    while (ret_identity->id < 0) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, POLL_MS);
        const char *facility, *text, *found;
        int level;
        if (event != NULL && rd_kafka_event_log(event, &facility, &text, &level) == 0 &&
            strstr(text, "Acquired") != NULL && (found = strstr(text, "PID{Id:")) != NULL) {
            char *end;
            ret_identity->id = strtoll(found + strlen("PID{Id:"), &end, 10);
            ret_identity->epoch = (int16_t)strtol(strchr(end, ':') + 1, NULL, 10);
        }
        rd_kafka_event_destroy(event);
        assert_false(deadline_passed(deadline));
    }
    rd_kafka_queue_destroy(queue);
    return producer;
}

/* ---- who may still commit */

/* [12, 13] */
static void a_zombies_transaction_can_still_be_committed_after_a_rebalance(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member zombie, owner;
    rd_kafka_t *producer = open_producer(&fixture, "60000");
    member_join(&fixture, &zombie);
    members_await(&zombie, NULL);
    assert_int_equal(begin_with_offsets(&fixture, producer, zombie.metadata, 5), 0);
    member_join(&fixture, &owner);
    members_await(&zombie, &owner);
    assert_true(committed(&fixture, &owner, SHORT_MS) == PENDING);
    assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    assert_int_equal(committed(&fixture, &owner, WAIT_MS), 5);
    rd_kafka_destroy(producer);
    member_close(&zombie);
    member_close(&owner);
}

/* [7, 13] */
static void a_transaction_whose_time_is_over_can_not_and_hangs_no_longer(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    member_join(&fixture, &member);
    members_await(&member, NULL);
    rd_kafka_t *producer = open_producer(&fixture, "1000");
    assert_int_equal(begin_with_offsets(&fixture, producer, member.metadata, 5), 0);
    produce(&fixture, producer, "x");
    struct deadline deadline = deadline_after(WAIT_MS);
    int64_t offset;
    while ((offset = committed(&fixture, &member, SHORT_MS)) == PENDING) {
        member_poll(&member);
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(offset, RD_KAFKA_OFFSET_INVALID);
    assert_int_not_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    assert_int_equal(count_visible(&fixture), 0);
    rd_kafka_destroy(producer);
    member_close(&member);
}

static void commit_while_revoked(struct member *member) {
    assert_int_equal(begin_with_offsets(member->fixture, member->producer, member->metadata, 9), 0);
    assert_int_equal(code_of(rd_kafka_commit_transaction(member->producer, WAIT_MS)), 0);
}

/* [12] */
static void offsets_are_taken_in_the_revoke_callback_and_refused_in_the_next_generation(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member former, other;
    member_join(&fixture, &former);
    members_await(&former, NULL);
    former.producer = open_producer(&fixture, "60000");
    former.on_revoke = commit_while_revoked;
    rd_kafka_consumer_group_metadata_t *old = former.metadata;
    member_join(&fixture, &other);
    struct deadline deadline = deadline_after(WAIT_MS);
    while (former.assigned == PARTITIONS) {
        member_poll(&former);
        member_poll(&other);
        assert_false(deadline_passed(deadline));
    }
    former.on_revoke = NULL;
    former.metadata = NULL;
    members_await(&former, &other);
    assert_int_equal(committed(&fixture, &other, WAIT_MS), 9);
    assert_int_equal(begin_with_offsets(&fixture, former.producer, old, 10), RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    assert_int_equal(code_of(rd_kafka_abort_transaction(former.producer, WAIT_MS)), 0);
    assert_int_equal(committed(&fixture, &other, WAIT_MS), 9);
    rd_kafka_consumer_group_metadata_destroy(old);
    rd_kafka_destroy(former.producer);
    member_close(&former);
    member_close(&other);
}

static void metadata_without_a_member_is_accepted_unchecked(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member owner;
    member_join(&fixture, &owner);
    members_await(&owner, NULL);
    rd_kafka_t *producer = open_producer(&fixture, "60000");
    rd_kafka_consumer_group_metadata_t *nobody = rd_kafka_consumer_group_metadata_new(fixture.group);
    assert_int_equal(begin_with_offsets(&fixture, producer, nobody, 77), 0);
    assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    assert_int_equal(committed(&fixture, &owner, WAIT_MS), 77);
    rd_kafka_consumer_group_metadata_destroy(nobody);
    rd_kafka_destroy(producer);
    member_close(&owner);
}

static void offsets_that_are_none_are_skipped_in_silence_and_the_fence_with_them(void **state) {
    struct fixture fixture = open_fixture(*state);
    rd_kafka_t *producer = open_producer(&fixture, "60000");
    rd_kafka_consumer_group_metadata_t *never = rd_kafka_consumer_group_metadata_new_with_genid(fixture.group, 4711,
                                                                                                "nobody", NULL);
    assert_int_equal(begin_with_offsets(&fixture, producer, never, RD_KAFKA_OFFSET_INVALID), 0);
    produce(&fixture, producer, "not fenced");
    assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    assert_int_equal(count_visible(&fixture), 1);
    assert_int_equal(begin_with_offsets(&fixture, producer, never, 1), RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    rd_kafka_consumer_group_metadata_destroy(never);
    rd_kafka_destroy(producer);
}

/* ---- how a transaction ends */

/* [1, 5] */
static void destroying_a_producer_ends_no_transaction_and_the_next_of_its_name_does(void **state) {
    struct fixture fixture = open_fixture(*state);
    rd_kafka_t *producer = open_producer(&fixture, "60000");
    assert_null(rd_kafka_begin_transaction(producer));
    produce(&fixture, producer, "x");
    rd_kafka_destroy(producer);
    assert_int_equal(end_of_output(&fixture, "read_uncommitted"), 1);
    assert_int_equal(end_of_output(&fixture, "read_committed"), 0);
    rd_kafka_destroy(open_producer(&fixture, "60000"));
    await_stable_end(&fixture, 2); /* the record and the marker of its end */
    assert_int_equal(count_visible(&fixture), 0);
}

/* [8, 9, 10] */
static void a_second_copy_of_an_end_ends_the_next_transaction(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct identity identity;
    rd_kafka_t *producer = open_talkative_producer(&fixture, &identity);
    assert_null(rd_kafka_begin_transaction(producer));
    produce(&fixture, producer, "first");
    assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    await_stable_end(&fixture, 2);
    assert_int_equal(end_again(&fixture, &identity), 0); /* nothing is open: it is taken for the same one */
    assert_null(rd_kafka_begin_transaction(producer));
    produce(&fixture, producer, "half of the second");
    assert_int_equal(end_of_output(&fixture, "read_committed"), 2);
    assert_int_equal(end_again(&fixture, &identity), 0);
    await_stable_end(&fixture, 4);
    assert_int_equal(count_visible(&fixture), 2);
    produce(&fixture, producer, "the other half"); /* refused: the partition is in no transaction any more */
    assert_int_not_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    assert_int_equal(count_visible(&fixture), 2);
    rd_kafka_destroy(producer);
}

/* [10] */
static void an_end_with_a_commit_of_what_was_aborted_is_refused(void **state) {
    enum { INVALID_TXN_STATE = 48 };
    struct fixture fixture = open_fixture(*state);
    struct identity identity;
    rd_kafka_t *producer = open_talkative_producer(&fixture, &identity);
    assert_null(rd_kafka_begin_transaction(producer));
    produce(&fixture, producer, "x");
    assert_int_equal(code_of(rd_kafka_abort_transaction(producer, WAIT_MS)), 0);
    await_stable_end(&fixture, 2);
    assert_int_equal(end_again(&fixture, &identity), INVALID_TXN_STATE);
    assert_int_equal(count_visible(&fixture), 0);
    rd_kafka_destroy(producer);
}

/* [2] */
static void a_transaction_begins_at_the_broker_with_its_first_record(void **state) {
    struct fixture fixture = open_fixture(*state);
    rd_kafka_t *producer = open_producer(&fixture, "1000");
    assert_null(rd_kafka_begin_transaction(producer));
    struct deadline longer_than_its_time = deadline_after(2500);
    while (!deadline_passed(longer_than_its_time))
        rd_kafka_poll(producer, POLL_MS);
    produce(&fixture, producer, "x");
    assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    assert_int_equal(count_visible(&fixture), 1);
    rd_kafka_destroy(producer);
}

/* [6] */
static void a_copy_of_an_end_that_comes_after_a_new_producer_is_refused(void **state) {
    enum { PRODUCER_FENCED = 90, INVALID_PRODUCER_EPOCH = 47 };
    struct fixture fixture = open_fixture(*state);
    struct identity identity;
    rd_kafka_t *producer = open_talkative_producer(&fixture, &identity);
    assert_null(rd_kafka_begin_transaction(producer));
    produce(&fixture, producer, "first");
    assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    rd_kafka_destroy(producer);
    producer = open_producer(&fixture, "60000");
    assert_null(rd_kafka_begin_transaction(producer));
    produce(&fixture, producer, "second");
    int16_t answer = end_again(&fixture, &identity);
    assert_true(answer == PRODUCER_FENCED || answer == INVALID_PRODUCER_EPOCH);
    assert_int_equal(end_of_output(&fixture, "read_committed"), 2);
    assert_int_equal(code_of(rd_kafka_abort_transaction(producer, WAIT_MS)), 0);
    assert_int_equal(count_visible(&fixture), 1);
    rd_kafka_destroy(producer);
}

/* ---- what the log and the group keep */

static size_t read_keys(const struct fixture *fixture, const char *topic, char *ret_keys, int64_t *ret_last) {
    struct kafka_records records;
    kafka_consume_all(fixture->server, topic, KAFKA_READ_COMMITTED, &records);
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
    struct fixture fixture = open_fixture(*state);
    struct kafka_record records[sizeof written - 1];
    char topic[64], keys[64];
    int64_t last = 0;
    snprintf(topic, sizeof topic, "%s-log", fixture.output);
    kafka_create_topic(fixture.server, topic, 1, settings);
    for (size_t i = 0; i < sizeof written - 1; i++)
        records[i] = (struct kafka_record){
            .topic = topic, .key = &written[i], .key_size = 1, .value = "v", .value_size = 1};
    kafka_produce_transaction(fixture.server, fixture.id, records, sizeof written - 1, KAFKA_COMMIT);
    struct deadline deadline = deadline_after(WAIT_MS);
    do { /* the newest segment is never cleaned: something must follow */
        struct kafka_record roll = {.topic = topic, .key = "f", .key_size = 1, .value = "v", .value_size = 1};
        kafka_produce(fixture.server, &roll, 1);
        read_keys(&fixture, topic, keys, &last);
        assert_false(deadline_passed(deadline));
    } while (strncmp(keys, "iasbf", 5) != 0);
    struct kafka_records left;
    kafka_consume_all(fixture.server, topic, KAFKA_READ_COMMITTED, &left);
    static const int64_t offsets[] = {0, 7, 8, 9};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(left.items[i].offset, offsets[i]);
    kafka_records_free(&left);
}

static void delete_offsets(const struct fixture *fixture) {
    rd_kafka_t *client = kafka_client_new(fixture->server, RD_KAFKA_PRODUCER, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, fixture->input, 0);
    rd_kafka_DeleteConsumerGroupOffsets_t *request = rd_kafka_DeleteConsumerGroupOffsets_new(fixture->group, list);
    rd_kafka_DeleteConsumerGroupOffsets(client, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* As when they expire, which takes a minute at least. */
static void offsets_go_when_they_are_deleted_and_when_their_topic_is(void **state) {
    for (int deletes_topic = 0; deletes_topic < 2; deletes_topic++) {
        struct fixture fixture = open_fixture(*state);
        struct member member;
        member_join(&fixture, &member);
        members_await(&member, NULL);
        rd_kafka_t *producer = open_producer(&fixture, "60000");
        assert_int_equal(begin_with_offsets(&fixture, producer, member.metadata, 3), 0);
        assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
        assert_int_equal(committed(&fixture, &member, WAIT_MS), 3);
        rd_kafka_destroy(producer);
        member_close(&member);
        if (deletes_topic)
            kafka_delete_topic(fixture.server, fixture.input);
        else
            delete_offsets(&fixture);
        struct deadline deadline = deadline_after(WAIT_MS);
        while (kafka_committed_offset(fixture.server, fixture.group, fixture.input, 0) != -1)
            assert_false(deadline_passed(deadline));
    }
}

static void a_member_with_nothing_assigned_stays_one_while_it_polls(void **state) {
    struct fixture fixture = open_fixture(*state);
    struct member member;
    struct kafka_record record = {.topic = fixture.input, .value = "v", .value_size = 1};
    rd_kafka_t *producer = open_producer(&fixture, "60000");
    for (int i = 0; i < 5; i++)
        kafka_produce(fixture.server, &record, 1);
    member_join_with(&fixture, "3000", &member);
    members_await(&member, NULL);
    struct deadline longer_than_max_poll = deadline_after(5000);
    while (!deadline_passed(longer_than_max_poll)) {
        member_poll(&member);
        assert_int_equal(member.assigned, PARTITIONS);
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, fixture.input, 0)->offset = 3;
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
    assert_int_equal(begin_with_offsets(&fixture, producer, member.metadata, 4), 0);
    assert_int_equal(code_of(rd_kafka_commit_transaction(producer, WAIT_MS)), 0);
    rd_kafka_destroy(producer);
    member_close(&member);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zombies_transaction_can_still_be_committed_after_a_rebalance),
        cmocka_unit_test(a_transaction_whose_time_is_over_can_not_and_hangs_no_longer),
        cmocka_unit_test(offsets_are_taken_in_the_revoke_callback_and_refused_in_the_next_generation),
        cmocka_unit_test(metadata_without_a_member_is_accepted_unchecked),
        cmocka_unit_test(offsets_that_are_none_are_skipped_in_silence_and_the_fence_with_them),
        cmocka_unit_test(destroying_a_producer_ends_no_transaction_and_the_next_of_its_name_does),
        cmocka_unit_test(a_second_copy_of_an_end_ends_the_next_transaction),
        cmocka_unit_test(an_end_with_a_commit_of_what_was_aborted_is_refused),
        cmocka_unit_test(a_transaction_begins_at_the_broker_with_its_first_record),
        cmocka_unit_test(a_copy_of_an_end_that_comes_after_a_new_producer_is_refused),
        cmocka_unit_test(compaction_keeps_the_newest_of_each_key_at_its_offset),
        cmocka_unit_test(offsets_go_when_they_are_deleted_and_when_their_topic_is),
        cmocka_unit_test(a_member_with_nothing_assigned_stays_one_while_it_polls),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, start_server, close_server);
}
