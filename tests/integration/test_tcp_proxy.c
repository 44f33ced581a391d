// The proxy of the fault tests, between a client and a real Redis.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/harness/redis_server.h"
#include "tests/harness/tcp_proxy.h"

enum { SHORT_MS = 200, LONG_MS = 20000, DELAY_MS = 150 };

struct fixture {
    struct redis_server redis;
    struct tcp_proxy *proxy;
    redisContext *client;
};

static redisContext *connect_at(int port) {
    redisContext *client = redisConnect("127.0.0.1", port);
    assert_non_null(client);
    assert_int_equal(client->err, 0);
    return client;
}

static int start(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    redis_server_start(0, NULL, &fixture->redis);
    fixture->proxy = tcp_proxy_start(0, fixture->redis.port);
    fixture->client = connect_at(tcp_proxy_port(fixture->proxy));
    *state = fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    redisFree(fixture->client);
    tcp_proxy_stop(fixture->proxy);
    redis_server_close(&fixture->redis);
    free(fixture);
    return 0;
}

static void wait_at_most(redisContext *client, int wait_ms) {
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    assert_int_equal(redisSetTimeout(client, wait), REDIS_OK);
}

// The answer to INCR; -1: none comes.
static long long increment(struct fixture *fixture, int wait_ms) {
    wait_at_most(fixture->client, wait_ms);
    redisReply *reply = redisCommand(fixture->client, "INCR n");
    long long value = reply ? reply->integer : -1;
    freeReplyObject(reply);
    return value;
}

static bool reaches(void *context) {
    struct fixture *fixture = context;
    redisReply *reply = redis_server_command(&fixture->redis, "GET n");
    bool there = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "1") == 0;
    freeReplyObject(reply);
    return there;
}

static void await_increment(struct fixture *fixture) {
    process_await(&fixture->redis.process, reaches, fixture, "what was sent", deadline_after(LONG_MS));
}

static void reconnect(struct fixture *fixture) {
    redisFree(fixture->client);
    fixture->client = connect_at(tcp_proxy_port(fixture->proxy));
}

// Tests

static void what_is_sent_is_passed_on_both_ways(void **state) {
    assert_int_equal(increment(*state, LONG_MS), 1);
    assert_int_equal(increment(*state, LONG_MS), 2);
}

static void delayed_bytes_arrive_later(void **state) {
    struct fixture *fixture = *state;
    tcp_proxy_behave(fixture->proxy, PROXY_DELAYS, DELAY_MS);
    struct deadline early = deadline_after(2 * DELAY_MS); // There and back.
    assert_int_equal(increment(fixture, LONG_MS), 1);
    assert_true(deadline_passed(early));
}

static void what_hangs_arrives_once_it_passes_again(void **state) {
    struct fixture *fixture = *state;
    tcp_proxy_behave(fixture->proxy, PROXY_HANGS, 0);
    assert_int_equal(increment(fixture, SHORT_MS), -1);
    assert_false(reaches(fixture));
    tcp_proxy_behave(fixture->proxy, PROXY_PASSES, 0);
    await_increment(fixture);
}

static void swallowed_answers_are_to_requests_that_were_done(void **state) {
    struct fixture *fixture = *state;
    tcp_proxy_behave(fixture->proxy, PROXY_SWALLOWS, 0);
    assert_int_equal(increment(fixture, SHORT_MS), -1);
    await_increment(fixture);
    tcp_proxy_behave(fixture->proxy, PROXY_PASSES, 0);
    reconnect(fixture);
    assert_int_equal(increment(fixture, LONG_MS), 2);
}

// What a request of Redis begins with has "\r\n" where Kafka has the API key: "*2\r\n$4...".
static void answers_can_be_swallowed_from_one_kind_of_request_on(void **state) {
    struct fixture *fixture = *state;
    tcp_proxy_swallow_from(fixture->proxy, 26);
    assert_int_equal(increment(fixture, LONG_MS), 1);
    tcp_proxy_swallow_from(fixture->proxy, '$' << 8 | '4');
    assert_int_equal(increment(fixture, SHORT_MS), -1);
}

static void a_cut_resets_connections_and_new_ones_are_good(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(increment(fixture, LONG_MS), 1);
    tcp_proxy_cut(fixture->proxy);
    assert_int_equal(increment(fixture, LONG_MS), -1);
    reconnect(fixture);
    assert_int_equal(increment(fixture, LONG_MS), 2);
}

static void a_cut_can_wait_for_the_middle_of_a_request(void **state) {
    struct fixture *fixture = *state;
    tcp_proxy_cut_after(fixture->proxy, 10);
    assert_int_equal(increment(fixture, LONG_MS), -1);
    reconnect(fixture);
    assert_int_equal(increment(fixture, LONG_MS), 1); // The half of a request was none.
}

static void what_it_leads_to_can_be_replaced(void **state) {
    struct fixture *fixture = *state;
    struct redis_server other;
    redis_server_start(0, NULL, &other);
    freeReplyObject(redis_server_command(&other, "SET n 41"));
    tcp_proxy_aim(fixture->proxy, other.port);
    assert_int_equal(increment(fixture, LONG_MS), 1); // A connection leads where it was made to.
    reconnect(fixture);
    assert_int_equal(increment(fixture, LONG_MS), 42);
    redis_server_close(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_is_passed_on_both_ways),
        TEST(delayed_bytes_arrive_later),
        TEST(what_hangs_arrives_once_it_passes_again),
        TEST(swallowed_answers_are_to_requests_that_were_done),
        TEST(answers_can_be_swallowed_from_one_kind_of_request_on),
        TEST(a_cut_resets_connections_and_new_ones_are_good),
        TEST(a_cut_can_wait_for_the_middle_of_a_request),
        TEST(what_it_leads_to_can_be_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
