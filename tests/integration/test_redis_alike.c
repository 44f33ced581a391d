/* The simulator's Redis and a real one are asked the same by the real store, and must answer the same, byte for byte:
 * what the simulator shows of the scripts is then what a server does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/core/engine.h"
#include "store/redis_internal.h"
#include "store/redis_store.h"
#include "tests/harness/redis_server.h"
#include "tests/harness/test_clock.h"
#include "tests/integration/redis_twin.h"
#include "tests/sim/sim_redis_scripts.h"

#define GROUP    "alike"
#define SHARDS   3
#define OWNERS   2
#define ACCOUNTS 60
#define STEPS    8000

/* Small values lie in one piece in a real Redis, in the order in which they came, which is how the simulator keeps all
 * of them: only then has a scan an order that can be compared. */
static const char *const arguments[] = {"--hash-max-listpack-value", "1000000", "--hash-max-listpack-entries", "512",
                                        NULL};

/* ---- two owners on both */

struct fixture {
    struct redis_server server;
    struct sim_redis simulated;
    int64_t now_ms;
    struct twin twins[OWNERS];
    struct redis_store *stores[OWNERS];
    struct store ports[OWNERS];
    uint64_t random, ticket;
    uint32_t told[STORE_UNAVAILABLE + 1];
    char ids[ACCOUNTS][64];
};

static uint32_t below(struct fixture *fixture, uint32_t bound) {
    fixture->random = fixture->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((fixture->random >> 33) % bound);
}

static void open_store(struct fixture *fixture, int owner) {
    struct redis_options options = {.host = "127.0.0.1",
                                    .port = fixture->server.port,
                                    .group = GROUP,
                                    .timeout_ms = 10000,
                                    .transport = &fixture->twins[owner].both};
    struct error error;
    twin_init(&fixture->twins[owner], &fixture->simulated, &fixture->now_ms);
    assert_int_equal(redis_store_create(&options, &test_clock, &fixture->stores[owner], &error), RESULT_OK);
    fixture->ports[owner] = redis_store_port(fixture->stores[owner]);
}

static int start(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){.random = 7};
    redis_server_start(0, arguments, &fixture.server);
    sim_redis_init(&fixture.simulated, &fixture.now_ms);
    for (int i = 0; i < OWNERS; i++)
        open_store(&fixture, i);
    for (int i = 0; i < ACCOUNTS; i++)
        snprintf(fixture.ids[i], sizeof fixture.ids[i], i % 5 == 0 ? "1:%d\r\n" : "konto-\xc3\xa4-%d", i);
    *state = &fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < OWNERS; i++) {
        redis_store_free(fixture->stores[i]);
        twin_free(&fixture->twins[i]);
    }
    sim_redis_free(&fixture->simulated);
    redis_server_close(&fixture->server);
    return 0;
}

static struct store_event await(struct fixture *fixture, int owner) {
    struct store_event event = {.kind = STORE_NOTHING};
    struct store *port = &fixture->ports[owner];
    int64_t deadline_ms = test_monotonic_ms(NULL) + 20000;
    while (event.kind == STORE_NOTHING && test_monotonic_ms(NULL) < deadline_ms)
        port->poll(port->context, 100, &event);
    assert_int_not_equal(event.kind, STORE_NOTHING);
    fixture->told[event.kind]++;
    return event;
}

/* A command on both servers, by somebody else. */
static void command(struct fixture *fixture, const char *const *words, uint32_t count) {
    redisContext *context = redis_server_connect(&fixture->server);
    freeReplyObject(redisCommandArgv(context, (int)count, (const char **)(uintptr_t)words, NULL));
    redisFree(context);
    sim_redis_command(&fixture->simulated, words, count);
}

#define COMMAND(fixture, ...) \
    command(fixture, (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* ---- requests by chance */

static void claim(struct fixture *fixture, int owner, int32_t shard) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    struct store_claim claim = {{TEXT("cluster-1"), {1, 0, 2, 255}, 12},
                                100 + below(fixture, 5),
                                below(fixture, 4) == 0 ? below(fixture, 1000) : 1000,
                                below(fixture, 3) == 0,
                                INT64_MAX - (int64_t)fixture->ticket};
    if (below(fixture, 8) == 0)
        claim.identity.changelog_id[7] = 9;
    if (below(fixture, 8) == 0)
        claim.identity.partitions = 13;
    assert_int_equal(port->claim(port->context, ++fixture->ticket, shard, &claim, &error), RESULT_OK);
    await(fixture, owner);
}

static void load(struct fixture *fixture, int owner, int32_t shard) {
    struct store *port = &fixture->ports[owner];
    struct text ids[ACCOUNTS];
    struct error error;
    uint32_t count = below(fixture, ACCOUNTS);
    for (uint32_t i = 0; i < count; i++)
        ids[i] = text_of(fixture->ids[below(fixture, ACCOUNTS)]);
    assert_int_equal(port->load(port->context, ++fixture->ticket, shard, ids, count, &error), RESULT_OK);
    await(fixture, owner);
}

static int64_t any_due_ms(struct fixture *fixture) {
    switch (below(fixture, 6)) {
    case 0:
        return INSTANT_NEVER;
    case 1:
        return INSTANT_NONE;
    case 2:
        return 1767225600123 + (int64_t)below(fixture, 4) * 86400000;
    default:
        return below(fixture, 30);
    }
}

static void write_accounts(struct fixture *fixture, int owner, int32_t shard) {
    struct store *port = &fixture->ports[owner];
    static char bytes[1200];
    struct stored_blob blobs[ACCOUNTS];
    bool taken[ACCOUNTS] = {false};
    struct error error;
    struct store_write write = {.blobs = blobs,
                                .has_meta = below(fixture, 2) == 0,
                                .changelog_offset = below(fixture, 1000),
                                .shard_record = TEXT("a shard's\r\n\0record"),
                                .layouts = below(fixture, 2) == 0 ? TEXT("layouts\n\0") : TEXT_MISSING};
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)below(fixture, 256);
    for (uint32_t i = below(fixture, 3) == 0 ? below(fixture, ACCOUNTS) : below(fixture, 4); i > 0; i--) {
        uint32_t account = below(fixture, ACCOUNTS);
        if (taken[account])
            continue;
        taken[account] = true;
        uint32_t from = below(fixture, 600);
        blobs[write.count++] = (struct stored_blob){text_of(fixture->ids[account]),
                                                    {bytes + from, below(fixture, 600)},
                                                    below(fixture, 5) == 0 ? OFFSET_NONE
                                                                           : (int64_t)below(fixture, 1000),
                                                    any_due_ms(fixture),
                                                    below(fixture, 3) == 0 ? below(fixture, 64) : 0,
                                                    below(fixture, 3) == 0};
    }
    assert_int_equal(port->write(port->context, ++fixture->ticket, shard, &write, &error), RESULT_OK);
    await(fixture, owner);
}

static void load_due(struct fixture *fixture, int owner, int32_t shard) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    struct due_query query = {.tick_ms = below(fixture, 4) == 0 ? 1767225600123 : below(fixture, 30),
                              .waits_for = below(fixture, 64)};
    struct store_event event;
    do {
        bool is_of_stream = query.cursor >> 56 != 0;
        query.max = is_of_stream ? 1000 : 1 + below(fixture, 20);
        fixture->twins[owner].is_unordered = is_of_stream;
        assert_int_equal(port->load_due(port->context, ++fixture->ticket, shard, &query, &error), RESULT_OK);
        event = await(fixture, owner);
        fixture->twins[owner].is_unordered = false;
        query.cursor = event.next_cursor;
    } while (event.kind == STORE_DUE && query.cursor != 0);
}

static void scan(struct fixture *fixture, int owner, int32_t shard) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    uint64_t cursor = (uint64_t)below(fixture, STORE_BUCKETS) << 48;
    for (int i = 0; i < 30; i++) {
        assert_int_equal(port->scan(port->context, ++fixture->ticket, shard, cursor, &error), RESULT_OK);
        cursor = await(fixture, owner).next_cursor;
        if (cursor == 0)
            return;
    }
}

static void verify(struct fixture *fixture, int owner, int32_t shard) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    assert_int_equal(port->verify(port->context, ++fixture->ticket, shard, &error), RESULT_OK);
    await(fixture, owner);
}

static void cut_state(struct fixture *fixture) {
    char key[64];
    const char *id = fixture->ids[below(fixture, ACCOUNTS)];
    snprintf(key, sizeof key, "{bw:" GROUP ":%u}:b:%u", below(fixture, SHARDS), store_bucket(text_of(id)));
    COMMAND(fixture, "HSET", key, id, "cut");
}

/* Now and then somebody puts data of his own in the way, or takes all away. */
static void disturb(struct fixture *fixture) {
    static const char *const names[] = {"meta", "due", "wait:2", "b:17", "b:300"};
    char key[64];
    snprintf(key, sizeof key, "{bw:" GROUP ":%u}:%s", below(fixture, SHARDS), names[below(fixture, 5)]);
    if (below(fixture, 4) == 0)
        COMMAND(fixture, "FLUSHALL");
    else if (below(fixture, 2) == 0)
        cut_state(fixture);
    else if (below(fixture, 2) == 0)
        COMMAND(fixture, "SET", key, "theirs");
    else
        COMMAND(fixture, "DEL", key);
}

static void step(struct fixture *fixture) {
    int owner = (int)below(fixture, OWNERS);
    int32_t shard = (int32_t)below(fixture, SHARDS);
    switch (below(fixture, 12)) {
    case 0:
    case 1:
        claim(fixture, owner, shard);
        break;
    case 2:
    case 3:
        load(fixture, owner, shard);
        break;
    case 4:
        load_due(fixture, owner, shard);
        break;
    case 5:
        scan(fixture, owner, shard);
        break;
    case 6:
        verify(fixture, owner, shard);
        break;
    case 7:
        if (below(fixture, 10) == 0)
            disturb(fixture);
        break;
    default:
        write_accounts(fixture, owner, shard);
    }
}

static void test_any_series_of_requests_is_answered_alike(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < STEPS; i++)
        step(fixture);
    for (int kind = STORE_CLAIMED; kind <= STORE_UNAVAILABLE; kind++)
        assert_true(fixture->told[kind] > 10);
    print_message("%llu answers were alike\n",
                  (unsigned long long)(fixture->twins[0].answers + fixture->twins[1].answers));
}

static void test_a_server_that_refuses_writes_does_so_alike(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        enum sim_redis_condition condition;
        const char *begin, *end; /* for the real one */
    } conditions[] = {
        {SIM_REDIS_IS_FULL, "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"},
        {SIM_REDIS_IS_REPLICA, "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"},
    };
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        for (int j = 0; j < 200; j++)
            step(fixture);
        uint32_t unavailable = fixture->told[STORE_UNAVAILABLE];
        freeReplyObject(redis_server_command(&fixture->server, conditions[i].begin));
        sim_redis_set_condition(&fixture->simulated, conditions[i].condition);
        for (int j = 0; j < 40; j++) {
            verify(fixture, 0, 0);
            load(fixture, 0, 1);
            claim(fixture, 0, 2);
            write_accounts(fixture, 0, 0);
        }
        assert_true(fixture->told[STORE_UNAVAILABLE] > unavailable);
        freeReplyObject(redis_server_command(&fixture->server, conditions[i].end));
        sim_redis_set_condition(&fixture->simulated, SIM_REDIS_SERVES);
    }
}

static void test_forgotten_scripts_are_missed_alike(void **state) {
    struct fixture *fixture = *state;
    verify(fixture, 0, 0);
    freeReplyObject(redis_server_command(&fixture->server, "SCRIPT FLUSH"));
    sim_scripts_forget(fixture->simulated.scripts);
    uint32_t unavailable = fixture->told[STORE_UNAVAILABLE];
    verify(fixture, 0, 0);
    assert_int_equal(fixture->told[STORE_UNAVAILABLE], unavailable + 1);
    verify(fixture, 0, 0);
    assert_int_equal(fixture->told[STORE_UNAVAILABLE], unavailable + 1);
}

static void test_passwords_are_asked_for_alike(void **state) {
    struct fixture *fixture = *state;
    redis_server_configure(&fixture->server, "requirepass", "right");
    fixture->simulated.password = "right";
    verify(fixture, 0, 0);
    assert_int_equal(fixture->told[STORE_UNAVAILABLE], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_any_series_of_requests_is_answered_alike, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_refuses_writes_does_so_alike, start, stop),
        cmocka_unit_test_setup_teardown(test_forgotten_scripts_are_missed_alike, start, stop),
        cmocka_unit_test_setup_teardown(test_passwords_are_asked_for_alike, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
