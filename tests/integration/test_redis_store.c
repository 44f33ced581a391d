#include "store/redis_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/core/engine.h"
#include "tests/harness/redis_server.h"
#include "tests/harness/store_requests.h"
#include "tests/harness/test_clock.h"

#define GROUP "test"
#define SHARD 7

#define SILENT_SOCKETS 4

/* A server, and two owners of the same group who both may think that a shard is theirs. */
struct fixture {
    struct redis_server server;
    struct redis_store *stores[2];
    struct store ports[2];
    uint64_t ticket;
};

static struct redis_options options_for(const struct fixture *fixture) {
    return (struct redis_options){
        .host = "127.0.0.1", .port = fixture->server.port, .group = GROUP, .timeout_ms = 5000};
}

static void open_store(struct fixture *fixture, int owner) {
    struct redis_options options = options_for(fixture);
    struct error error;
    assert_int_equal(redis_store_create(&options, &test_clock, &fixture->stores[owner], &error), RESULT_OK);
    fixture->ports[owner] = redis_store_port(fixture->stores[owner]);
}

static int start(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){.ticket = 0};
    redis_server_start(0, NULL, &fixture.server);
    open_store(&fixture, 0);
    open_store(&fixture, 1);
    *state = &fixture;
    return 0;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    redis_store_free(fixture->stores[0]);
    redis_store_free(fixture->stores[1]);
    redis_server_close(&fixture->server);
    return 0;
}

/* The next thing that the store tells. */
static struct store_event await(struct fixture *fixture, int owner) {
    struct store_event event = {.kind = STORE_NOTHING};
    int64_t deadline_ms = test_monotonic_ms(NULL) + 20000;
    while (event.kind == STORE_NOTHING && test_monotonic_ms(NULL) < deadline_ms)
        fixture->ports[owner].poll(fixture->ports[owner].context, 100, &event);
    assert_int_not_equal(event.kind, STORE_NOTHING);
    return event;
}

static struct store_claim claim_of(int64_t epoch, int64_t newest_known, bool again) {
    static int64_t nonce = INT64_MAX;
    struct store_claim claim = {{TEXT("cluster-1"), {1, 0, 2}, 12}, epoch, newest_known, again, nonce--};
    return claim;
}

static struct store_event claim(struct fixture *fixture, int owner, struct store_claim claim) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    assert_int_equal(port->claim(port->context, ++fixture->ticket, SHARD, &claim, &error), RESULT_OK);
    return await(fixture, owner);
}

static void claim_well(struct fixture *fixture, int owner, int64_t epoch) {
    struct store_event event = claim(fixture, owner, claim_of(epoch, epoch, false));
    assert_int_equal(event.kind, STORE_CLAIMED);
}

static struct store_event write_blobs(struct fixture *fixture, int owner, const struct stored_blob *blobs,
                                      uint32_t count, int64_t meta_offset) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    struct store_write write = write_of(blobs, count, meta_offset);
    assert_int_equal(port->write(port->context, ++fixture->ticket, SHARD, &write, &error), RESULT_OK);
    return await(fixture, owner);
}

static void write_well(struct fixture *fixture, int owner, const struct stored_blob *blobs, uint32_t count,
                       int64_t meta_offset) {
    assert_int_equal(write_blobs(fixture, owner, blobs, count, meta_offset).kind, STORE_WRITTEN);
}

static struct store_event load(struct fixture *fixture, int owner, const struct text *ids, uint32_t count) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    assert_int_equal(port->load(port->context, ++fixture->ticket, SHARD, ids, count, &error), RESULT_OK);
    return await(fixture, owner);
}

static void assert_holds(struct fixture *fixture, int owner, const char *id, const char *bytes) {
    struct text ids[] = {text_of(id)};
    struct store_event event = load(fixture, owner, ids, 1);
    assert_int_equal(event.kind, STORE_LOADED);
    if (bytes == NULL)
        assert_true(text_is_missing(event.blobs[0].blob));
    else
        assert_true(text_equals(event.blobs[0].blob, bytes));
}

static void test_blobs_come_back_in_the_order_that_was_asked(void **state) {
    struct fixture *fixture = *state;
    claim_well(fixture, 0, 10);
    struct stored_blob blobs[] = {blob("a", "state of a", 11, 5000, 0), blob("b", "", 12, INSTANT_NEVER, 0),
                                  blob("Zürich & co", "\1\2\3", 13, INSTANT_NONE, 5)};
    write_well(fixture, 0, blobs, 3, 13);
    struct text ids[] = {TEXT("Zürich & co"), TEXT("nobody"), TEXT("b"), TEXT("a")};
    struct store_event event = load(fixture, 0, ids, 4);
    assert_int_equal(event.kind, STORE_LOADED);
    assert_int_equal(event.count, 4);
    assert_true(text_equals(event.blobs[0].blob, "\1\2\3"));
    assert_int_equal(event.blobs[0].due_ms, INSTANT_NONE);
    assert_int_equal(event.blobs[0].waits_for, 5);
    assert_true(text_is_missing(event.blobs[1].blob));
    assert_int_equal(event.blobs[2].blob.size, 0);
    assert_int_equal(event.blobs[2].due_ms, INSTANT_NEVER);
    assert_true(text_equals(event.blobs[3].blob, "state of a"));
    assert_int_equal(event.blobs[3].changelog_offset, 11);
    assert_true(text_equals(event.blobs[3].account_id, "a"));
}

static void test_a_claim_returns_the_meta_as_it_was_before(void **state) {
    struct fixture *fixture = *state;
    struct store_event event = claim(fixture, 0, claim_of(10, 10, false));
    assert_int_equal(event.kind, STORE_CLAIMED);
    assert_false(event.meta.exists);
    write_well(fixture, 0, NULL, 0, 42);
    event = claim(fixture, 1, claim_of(50, 50, false));
    assert_int_equal(event.kind, STORE_CLAIMED);
    assert_true(event.meta.exists);
    assert_int_equal(event.meta.epoch, 10);
    assert_int_equal(event.meta.changelog_offset, 42);
    assert_true(text_equals(event.meta.shard_record, "shard record"));
    assert_true(text_equals(event.meta.layouts, "layouts"));
}

/* As where the owner ended between its claim and its first write. */
static void test_a_claim_without_a_write_leaves_no_meta(void **state) {
    struct fixture *fixture = *state;
    assert_false(claim(fixture, 0, claim_of(10, 10, false)).meta.exists);
    struct store_event event = claim(fixture, 1, claim_of(20, 20, false));
    assert_int_equal(event.kind, STORE_CLAIMED);
    assert_false(event.meta.exists);
    assert_int_equal(event.meta.epoch, 10);
    assert_true(text_is_missing(event.meta.shard_record) || event.meta.shard_record.size == 0);
}

static void test_a_claim_is_refused_for_each_reason_by_name(void **state) {
    struct fixture *fixture = *state;
    claim_well(fixture, 0, 10);
    write_well(fixture, 0, NULL, 0, 42);
    struct store_event event = claim(fixture, 1, claim_of(9, 100, false));
    assert_int_equal(event.kind, STORE_REFUSED);
    assert_int_equal(event.refusal, STORE_REFUSED_EPOCH);
    event = claim(fixture, 1, claim_of(20, 41, false));
    assert_int_equal(event.refusal, STORE_REFUSED_OFFSET);
    struct store_claim foreign = claim_of(20, 100, false);
    foreign.identity.partitions = 13;
    event = claim(fixture, 1, foreign);
    assert_int_equal(event.refusal, STORE_REFUSED_IDENTITY);
    assert_non_null(strstr(event.error.text, "12 partitions"));
    assert_holds(fixture, 0, "a", NULL); /* nothing of this took the shard from its owner */
}

static void test_an_old_owner_can_neither_write_nor_load(void **state) {
    struct fixture *fixture = *state;
    struct stored_blob old = blob("a", "old", 11, INSTANT_NEVER, 0), new = blob("a", "new", 21, INSTANT_NEVER, 0);
    claim_well(fixture, 0, 10);
    write_well(fixture, 0, &old, 1, 11);
    claim_well(fixture, 1, 20);
    write_well(fixture, 1, &new, 1, 21);
    struct store_event event = write_blobs(fixture, 0, &old, 1, 12);
    assert_int_equal(event.kind, STORE_LOST);
    assert_holds(fixture, 1, "a", "new");
}

static void test_due_accounts_come_in_pages_with_what_comes_after(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    claim_well(fixture, 0, 10);
    struct stored_blob blobs[100];
    char ids[100][8];
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(ids[i], sizeof ids[i], "id%u", i);
        blobs[i] = blob(ids[i], "x", 11 + i, 1000 * (int64_t)i, i % 10 == 3 ? 2 : 0);
    }
    write_well(fixture, 0, blobs, 100, 200);
    struct due_query query = {.tick_ms = 24000, .waits_for = 2, .max = 10};
    uint32_t seen = 0, waiting = 0;
    struct store_event event;
    do {
        assert_int_equal(port->load_due(port->context, ++fixture->ticket, SHARD, &query, &error), RESULT_OK);
        event = await(fixture, 0);
        assert_int_equal(event.kind, STORE_DUE);
        for (uint32_t i = 0; i < event.count; i++) {
            seen += event.blobs[i].due_ms <= 24000;
            waiting += event.blobs[i].due_ms > 24000 && event.blobs[i].waits_for == 2;
        }
        query.cursor = event.next_cursor;
    } while (query.cursor != 0);
    assert_true(seen >= 25 && waiting == 7); /* those that are due and wait may come twice */
    assert_int_equal(event.next_due_ms, 25000);
    assert_int_equal(event.waits_left, 0);
    for (uint32_t i = 0; i < 100; i++)
        blobs[i] = blob(ids[i], "y", 300, INSTANT_NEVER, 0);
    write_well(fixture, 0, blobs, 100, 300);
    query.cursor = 0;
    assert_int_equal(port->load_due(port->context, ++fixture->ticket, SHARD, &query, &error), RESULT_OK);
    event = await(fixture, 0);
    assert_int_equal(event.count, 0);
    assert_int_equal(event.next_due_ms, INSTANT_NEVER);
}

static void test_a_deadline_that_is_stored_is_left_as_it_is(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    claim_well(fixture, 0, 10);
    struct stored_blob blobs[] = {blob("a", "old", 11, 5000, 0), blob("b", "old", 12, INSTANT_NEVER, 0),
                                  blob("c", "old", 13, 6000, 2)};
    write_well(fixture, 0, blobs, 3, 13);
    for (int i = 0; i < 3; i++) {
        blobs[i].blob = text_of("new");
        blobs[i].deadline_is_stored = true;
    }
    write_well(fixture, 0, blobs, 3, 23);
    struct due_query query = {.tick_ms = 5000, .waits_for = 2, .max = 10};
    uint32_t found = 0;
    do {
        assert_int_equal(port->load_due(port->context, ++fixture->ticket, SHARD, &query, &error), RESULT_OK);
        struct store_event event = await(fixture, 0);
        for (uint32_t i = 0; i < event.count; i++, found++)
            assert_true(text_equals(event.blobs[i].blob, "new"));
        query.cursor = event.next_cursor;
    } while (query.cursor != 0);
    assert_int_equal(found, 2);
    assert_holds(fixture, 0, "b", "new");
}

static void test_a_scan_finds_every_account(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    enum { ACCOUNTS = 3000 };
    static struct stored_blob blobs[ACCOUNTS];
    static char ids[ACCOUNTS][12], bytes[200];
    static bool found[ACCOUNTS];
    memset(bytes, 'x', sizeof bytes - 1);
    claim_well(fixture, 0, 10);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        snprintf(ids[i], sizeof ids[i], "%u", i);
        blobs[i] = blob(ids[i], bytes, 11, INSTANT_NEVER, 0);
    }
    write_well(fixture, 0, blobs, ACCOUNTS, 11);
    uint64_t cursor = 0;
    uint32_t count = 0;
    do {
        assert_int_equal(port->scan(port->context, ++fixture->ticket, SHARD, cursor, &error), RESULT_OK);
        struct store_event event = await(fixture, 0);
        assert_int_equal(event.kind, STORE_SCANNED);
        for (uint32_t i = 0; i < event.count; i++) {
            bool *seen = &found[strtoul(event.blobs[i].account_id.data, NULL, 10)];
            count += !*seen;
            *seen = true;
        }
        cursor = event.next_cursor;
    } while (cursor != 0);
    assert_int_equal(count, ACCOUNTS);
}

/* A restore that goes over what is there already: states go back, and come forth again with the records behind them. */
static void test_a_restore_ends_with_the_newest_state(void **state) {
    struct fixture *fixture = *state;
    claim_well(fixture, 0, 10);
    struct stored_blob present = blob("a", "of 50", 50, 5000, 3);
    write_well(fixture, 0, &present, 1, 30);
    struct stored_blob log[] = {blob("a", "of 40", 40, INSTANT_NEVER, 0), blob("b", "of 41", 41, INSTANT_NEVER, 0)};
    write_well(fixture, 0, log, 2, -1);
    write_well(fixture, 0, &present, 1, 60);
    assert_holds(fixture, 0, "a", "of 50");
    assert_holds(fixture, 0, "b", "of 41");
}

static void test_a_flush_is_noticed_by_the_next_request(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    claim_well(fixture, 0, 10);
    freeReplyObject(redis_server_command(&fixture->server, "FLUSHALL"));
    assert_int_equal(port->verify(port->context, ++fixture->ticket, SHARD, &error), RESULT_OK);
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_LOST);
    assert_non_null(strstr(event.error.text, "flushed"));
}

static void test_a_new_connection_finds_the_shard_as_it_was_left(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct stored_blob one = blob("a", "kept", 11, INSTANT_NEVER, 0);
    struct error error;
    claim_well(fixture, 0, 10);
    write_well(fixture, 0, &one, 1, 11);
    redis_server_stop(&fixture->server);
    redis_server_restart(&fixture->server);
    assert_int_equal(port->verify(port->context, ++fixture->ticket, SHARD, &error), RESULT_OK);
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    struct store_event event = claim(fixture, 0, claim_of(10, 11, true));
    assert_int_equal(event.kind, STORE_CLAIMED);
    assert_holds(fixture, 0, "a", "kept");
}

static void test_a_new_connection_to_a_server_that_lost_writes_is_a_loss(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct stored_blob one = blob("a", "gone", 11, INSTANT_NEVER, 0);
    struct error error;
    claim_well(fixture, 0, 10);
    write_well(fixture, 0, &one, 1, 11);
    freeReplyObject(redis_server_command(&fixture->server, "FLUSHALL"));
    redis_server_stop(&fixture->server);
    redis_server_restart(&fixture->server);
    assert_int_equal(port->verify(port->context, ++fixture->ticket, SHARD, &error), RESULT_OK);
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    assert_int_equal(claim(fixture, 0, claim_of(10, 11, true)).kind, STORE_LOST);
}

static void test_a_server_that_is_away_is_said_to_be_and_found_again(void **state) {
    struct fixture *fixture = *state;
    redis_server_stop(&fixture->server);
    struct store_event event = claim(fixture, 0, claim_of(10, 10, false));
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "cannot be reached"));
    redis_server_restart(&fixture->server);
    int tries = 0;
    do
        event = claim(fixture, 0, claim_of(10, 10, false));
    while (event.kind == STORE_UNAVAILABLE && ++tries < 100);
    assert_int_equal(event.kind, STORE_CLAIMED);
}

/* A port whose queue of connections is full: it says nothing to whoever wants one more, as a host that is gone. */
static int silent_port(int ret_sockets[SILENT_SOCKETS]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    for (int i = 0; i < SILENT_SOCKETS; i++)
        ret_sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(ret_sockets[0], (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(ret_sockets[0], 0), 0);
    assert_int_equal(getsockname(ret_sockets[0], (struct sockaddr *)&address, &size), 0);
    for (int i = 1; i < SILENT_SOCKETS; i++)
        (void)connect(ret_sockets[i], (struct sockaddr *)&address, sizeof address);
    return ntohs(address.sin_port);
}

static void test_a_server_that_is_silent_is_said_to_be_away(void **state) {
    struct fixture *fixture = *state;
    int sockets[SILENT_SOCKETS];
    struct redis_options options = options_for(fixture);
    struct error error;
    options.port = silent_port(sockets);
    options.timeout_ms = 200;
    redis_store_free(fixture->stores[0]);
    assert_int_equal(redis_store_create(&options, &test_clock, &fixture->stores[0], &error), RESULT_OK);
    fixture->ports[0] = redis_store_port(fixture->stores[0]);
    struct store_event event = claim(fixture, 0, claim_of(10, 10, false));
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "nobody has answered within redis.timeout"));
    for (int i = 0; i < SILENT_SOCKETS; i++)
        close(sockets[i]);
}

static void test_a_full_server_is_unavailable_and_says_what_to_do(void **state) {
    struct fixture *fixture = *state;
    struct stored_blob one = blob("a", "x", 11, INSTANT_NEVER, 0);
    claim_well(fixture, 0, 10);
    redis_server_configure(&fixture->server, "maxmemory", "1");
    struct store_event event = write_blobs(fixture, 0, &one, 1, 11);
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "maxmemory"));
}

static void test_a_replica_is_unavailable_and_says_what_to_do(void **state) {
    struct fixture *fixture = *state;
    freeReplyObject(redis_server_command(&fixture->server, "REPLICAOF 127.0.0.1 1"));
    struct store_event event = claim(fixture, 0, claim_of(10, 10, false));
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "primary"));
}

static void test_a_server_that_evicts_is_not_used_until_it_is_mended(void **state) {
    struct fixture *fixture = *state;
    redis_server_configure(&fixture->server, "maxmemory-policy", "allkeys-lru");
    struct store_event event = claim(fixture, 0, claim_of(10, 10, false));
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "its maxmemory-policy is `allkeys-lru`"));
    redis_server_configure(&fixture->server, "maxmemory-policy", "noeviction");
    int tries = 0;
    do
        event = claim(fixture, 0, claim_of(10, 10, false));
    while (event.kind == STORE_UNAVAILABLE && ++tries < 100);
    assert_int_equal(event.kind, STORE_CLAIMED);
}

static void test_foreign_data_under_the_keys_are_left_alone(void **state) {
    struct fixture *fixture = *state;
    freeReplyObject(redis_server_command(&fixture->server, "SET {bw:" GROUP ":7}:meta theirs"));
    struct store_event event = claim(fixture, 0, claim_of(10, 10, false));
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "another product"));
    redisReply *reply = redis_server_command(&fixture->server, "GET {bw:" GROUP ":7}:meta");
    assert_string_equal(reply->str, "theirs");
    freeReplyObject(reply);
}

static void test_a_wrong_password_is_named(void **state) {
    struct fixture *fixture = *state;
    redis_server_configure(&fixture->server, "requirepass", "right");
    struct redis_options options = options_for(fixture);
    struct error error;
    options.password = "wrong";
    redis_store_free(fixture->stores[1]);
    assert_int_equal(redis_store_create(&options, &test_clock, &fixture->stores[1], &error), RESULT_OK);
    fixture->ports[1] = redis_store_port(fixture->stores[1]);
    struct store_event event = claim(fixture, 1, claim_of(10, 10, false));
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "redis.password_file"));
}

static void test_a_released_shard_gives_no_event_any_more(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct text ids[] = {TEXT("a")};
    struct error error;
    claim_well(fixture, 0, 10);
    assert_int_equal(port->load(port->context, ++fixture->ticket, SHARD, ids, 1, &error), RESULT_OK);
    port->release(port->context, SHARD);
    struct store_event event = claim(fixture, 0, claim_of(11, 11, false));
    assert_int_equal(event.kind, STORE_CLAIMED);
    assert_int_equal(event.ticket, fixture->ticket);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blobs_come_back_in_the_order_that_was_asked, start, stop),
        cmocka_unit_test_setup_teardown(test_a_claim_returns_the_meta_as_it_was_before, start, stop),
        cmocka_unit_test_setup_teardown(test_a_claim_without_a_write_leaves_no_meta, start, stop),
        cmocka_unit_test_setup_teardown(test_a_claim_is_refused_for_each_reason_by_name, start, stop),
        cmocka_unit_test_setup_teardown(test_an_old_owner_can_neither_write_nor_load, start, stop),
        cmocka_unit_test_setup_teardown(test_due_accounts_come_in_pages_with_what_comes_after, start, stop),
        cmocka_unit_test_setup_teardown(test_a_deadline_that_is_stored_is_left_as_it_is, start, stop),
        cmocka_unit_test_setup_teardown(test_a_scan_finds_every_account, start, stop),
        cmocka_unit_test_setup_teardown(test_a_restore_ends_with_the_newest_state, start, stop),
        cmocka_unit_test_setup_teardown(test_a_flush_is_noticed_by_the_next_request, start, stop),
        cmocka_unit_test_setup_teardown(test_a_new_connection_finds_the_shard_as_it_was_left, start, stop),
        cmocka_unit_test_setup_teardown(test_a_new_connection_to_a_server_that_lost_writes_is_a_loss, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_is_away_is_said_to_be_and_found_again, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_is_silent_is_said_to_be_away, start, stop),
        cmocka_unit_test_setup_teardown(test_a_full_server_is_unavailable_and_says_what_to_do, start, stop),
        cmocka_unit_test_setup_teardown(test_a_replica_is_unavailable_and_says_what_to_do, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_evicts_is_not_used_until_it_is_mended, start, stop),
        cmocka_unit_test_setup_teardown(test_foreign_data_under_the_keys_are_left_alone, start, stop),
        cmocka_unit_test_setup_teardown(test_a_wrong_password_is_named, start, stop),
        cmocka_unit_test_setup_teardown(test_a_released_shard_gives_no_event_any_more, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
