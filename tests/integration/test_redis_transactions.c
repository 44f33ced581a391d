/* WATCH, MULTI and EXEC: what the simulator's Redis makes of them is what a real one does, and a real one sees each way
 * in which the data under a watch can become others. The store's writes rest on that (store/redis_write.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/redis_command.h"
#include "tests/harness/redis_server.h"
#include "tests/harness/test_clock.h"
#include "tests/integration/redis_twin.h"
#include "tests/sim/sim_redis_link.h"

#define CLIENTS    3
#define STEPS      20000
#define CONNECT_MS 20000

static const char *const arguments[] = {"--enable-debug-command", "yes", NULL};

struct fixture {
    struct redis_server server;
    struct sim_redis simulated;
    int64_t now_ms;
    struct twin twins[CLIENTS];
    uint64_t random;
};

static int start(void **state) {
    static struct fixture fixture;
    struct error error;
    fixture = (struct fixture){.random = 11};
    redis_server_start(0, arguments, &fixture.server);
    sim_redis_init(&fixture.simulated, &fixture.now_ms);
    for (int i = 0; i < CLIENTS; i++) {
        struct twin *twin = &fixture.twins[i];
        twin_init(twin, &fixture.simulated, &fixture.now_ms);
        assert_int_equal(twin->both.connect(twin, "127.0.0.1", fixture.server.port, &error), RESULT_OK);
        assert_true(twin->both.wait(twin, true, CONNECT_MS));
    }
    *state = &fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < CLIENTS; i++) {
        fixture->twins[i].both.close(&fixture->twins[i]);
        twin_free(&fixture->twins[i]);
    }
    sim_redis_free(&fixture->simulated);
    redis_server_close(&fixture->server);
    return 0;
}

static uint32_t below(struct fixture *fixture, uint32_t bound) {
    fixture->random = fixture->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((fixture->random >> 33) % bound);
}

/* The words are parted by blanks, and K is a key. The answers have been compared when this returns. */
static void ask_both(struct twin *twin, const char *command, const char *key) {
    struct buffer out = {0};
    char words[64], *rest = words, answer[4096];
    uint32_t count = 1;
    size_t sent, received;
    struct error error;
    snprintf(words, sizeof words, "%s", command);
    for (const char *at = command; *at != '\0'; at++)
        count += *at == ' ';
    redis_command_begin(&out, count);
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        redis_command_string(&out, strcmp(word, "K") == 0 ? key : word);
    uint64_t answers = twin->answers;
    assert_int_equal(twin->both.send(twin, out.data, out.size, &sent, &error), RESULT_OK);
    assert_int_equal(sent, out.size);
    buffer_free(&out);
    int64_t deadline_ms = test_monotonic_ms(NULL) + 20000;
    while (twin->answers == answers) {
        assert_true(test_monotonic_ms(NULL) < deadline_ms);
        (void)twin->both.wait(twin, false, 1000);
        assert_int_equal(twin->both.receive(twin, answer, sizeof answer, &received, &error), RESULT_OK);
    }
}

/* ---- by chance */

static const char *const commands[] = {
    "WATCH K",    "WATCH K",        "WATCH K",  "MULTI",      "MULTI",        "EXEC",       "EXEC",
    "EXEC",       "DISCARD",        "UNWATCH",  "HSET K f 1", "HSET K f 2",   "HSET K g 1", "HMGET K f g",
    "SET K x",    "DEL K",          "DEL K",    "ZADD K 1 m", "ZADD K 2 m",   "ZREM K m",   "SADD K m",
    "SREM K m n", "EXISTS K k1 k2", "FLUSHALL", "HSET K f",   "NONESUCH K x", "GET K",
};

static void change_condition(struct fixture *fixture) {
    static const struct {
        enum sim_redis_condition condition;
        const char *begin, *end; /* for the real one */
    } conditions[] = {
        {SIM_REDIS_IS_FULL, "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"},
        {SIM_REDIS_IS_REPLICA, "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"},
    };
    size_t i = below(fixture, 2);
    if (fixture->simulated.condition == SIM_REDIS_SERVES) {
        freeReplyObject(redis_server_command(&fixture->server, conditions[i].begin));
        sim_redis_set_condition(&fixture->simulated, conditions[i].condition);
        return;
    }
    for (i = 0; i < 2; i++)
        freeReplyObject(redis_server_command(&fixture->server, conditions[i].end));
    sim_redis_set_condition(&fixture->simulated, SIM_REDIS_SERVES);
}

static void test_transactions_are_answered_alike(void **state) {
    struct fixture *fixture = *state;
    static const char *const keys[] = {"k1", "k2", "{k}3"};
    for (int i = 0; i < STEPS; i++) {
        struct twin *twin = &fixture->twins[below(fixture, CLIENTS)];
        const char *command = commands[below(fixture, sizeof commands / sizeof commands[0])];
        if (below(fixture, fixture->simulated.condition == SIM_REDIS_SERVES ? 200 : 30) == 0)
            change_condition(fixture);
        if (strcmp(command, "UNWATCH") == 0 && twin->client.link->transaction.is_open)
            continue; /* It would be queued, and do nothing: the simulator does not know it there. */
        ask_both(twin, command, keys[below(fixture, 3)]);
    }
    for (int i = 0; i < CLIENTS; i++)
        assert_true(fixture->twins[i].answers > STEPS / CLIENTS / 2);
}

/* ---- a real server alone: what the data under a watch can become others by */

static void expect(redisContext *context, const char *command, int type, const char *text) {
    redisReply *reply = redisCommand(context, command);
    if (reply == NULL || reply->type != type || (text != NULL && strcmp(reply->str, text) != 0))
        fail_msg("%s: %s", command, reply == NULL || reply->str == NULL ? "no answer" : reply->str);
    freeReplyObject(reply);
}

static redisContext *begin_transaction(struct fixture *fixture) {
    redisContext *context = redis_server_connect(&fixture->server);
    expect(context, "WATCH meta", REDIS_REPLY_STATUS, "OK");
    expect(context, "HMGET meta write", REDIS_REPLY_ARRAY, NULL);
    return context;
}

static void assert_nothing_is_done(redisContext *context) {
    expect(context, "MULTI", REDIS_REPLY_STATUS, "OK");
    expect(context, "HSET meta write 99", REDIS_REPLY_STATUS, "QUEUED");
    expect(context, "EXEC", REDIS_REPLY_NIL, NULL);
    redisFree(context);
}

static void test_a_watch_sees_the_data_exchanged_by_commands(void **state) {
    struct fixture *fixture = *state;
    static const char *const exchanges[] = {"FLUSHALL",     "FLUSHALL ASYNC",   "FLUSHDB",           "SWAPDB 0 1",
                                            "DEBUG RELOAD", "RENAME meta away", "HSET meta write 1", "UNLINK meta"};
    for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
        freeReplyObject(redis_server_command(&fixture->server, "HSET meta write 1"));
        redisContext *context = begin_transaction(fixture);
        redisReply *reply = redis_server_command(&fixture->server, exchanges[i]);
        if (reply->type == REDIS_REPLY_ERROR)
            fail_msg("%s: %s", exchanges[i], reply->str);
        freeReplyObject(reply);
        freeReplyObject(redis_server_command(&fixture->server, "HSET meta write 1"));
        assert_nothing_is_done(context);
    }
}

/* As where a replica has been primary for a while: the connection stands, the data are the other's. */
static void test_a_watch_sees_the_data_exchanged_by_another_primarys(void **state) {
    struct fixture *fixture = *state;
    struct redis_server other;
    char command[64];
    redis_server_start(0, NULL, &other);
    freeReplyObject(redis_server_command(&other, "HSET meta write 1"));
    freeReplyObject(redis_server_command(&other, "SET from other"));
    freeReplyObject(redis_server_command(&fixture->server, "HSET meta write 1"));
    redisContext *context = begin_transaction(fixture);
    snprintf(command, sizeof command, "REPLICAOF 127.0.0.1 %d", other.port);
    freeReplyObject(redis_server_command(&fixture->server, command));
    int64_t deadline_ms = test_monotonic_ms(NULL) + 60000;
    for (bool exchanged = false; !exchanged;) {
        redisReply *reply = redis_server_command(&fixture->server, "GET from");
        exchanged = reply->type == REDIS_REPLY_STRING;
        freeReplyObject(reply);
        assert_true(test_monotonic_ms(NULL) < deadline_ms);
    }
    freeReplyObject(redis_server_command(&fixture->server, "REPLICAOF NO ONE"));
    assert_nothing_is_done(context);
    redis_server_close(&other);
}

static void test_a_full_server_or_a_replica_does_nothing_of_a_transaction(void **state) {
    struct fixture *fixture = *state;
    static const char *const conditions[][2] = {{"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"},
                                                {"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"}};
    for (int i = 0; i < 2; i++) {
        redisContext *context = begin_transaction(fixture);
        expect(context, "MULTI", REDIS_REPLY_STATUS, "OK");
        expect(context, "SET a x", REDIS_REPLY_STATUS, "QUEUED");
        freeReplyObject(redis_server_command(&fixture->server, conditions[i][0]));
        expect(context, "EXEC", REDIS_REPLY_ERROR, NULL);
        freeReplyObject(redis_server_command(&fixture->server, conditions[i][1]));
        expect(context, "EXISTS a", REDIS_REPLY_INTEGER, NULL);
        expect(context, "GET a", REDIS_REPLY_NIL, NULL);
        redisFree(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_transactions_are_answered_alike, start, stop),
        cmocka_unit_test_setup_teardown(test_a_watch_sees_the_data_exchanged_by_commands, start, stop),
        cmocka_unit_test_setup_teardown(test_a_watch_sees_the_data_exchanged_by_another_primarys, start, stop),
        cmocka_unit_test_setup_teardown(test_a_full_server_or_a_replica_does_nothing_of_a_transaction, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
