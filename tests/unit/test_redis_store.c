/* The Redis store's protocol on a simulated server: connections cut at each byte, answers late or lost, a server that
 * hangs or does not serve. What a real server answers is integration.redis_store's and integration.redis_alike's. */
#include "tests/unit/redis_fixture.h"

/* ---- pages */

/* `i` is part of the id, of the deadline (every third has none) and of what is waited for. */
static void write_many(struct fixture *fixture, uint32_t from, uint32_t to) {
    static struct stored_blob blobs[200];
    static char ids[200][12];
    assert_true(to <= 200);
    for (uint32_t i = from; i < to; i++) {
        snprintf(ids[i], sizeof ids[i], "%u", i);
        blobs[i] = blob(ids[i], "x", 11, i % 3 == 0 ? INSTANT_NEVER : 1000 * (int64_t)i, i % 5 == 0 ? 4 : 0);
    }
    ask_write(fixture, 0, blobs + from, to - from, 11);
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
}

static uint32_t number_of(const struct stored_blob *found) {
    return (uint32_t)strtoul(found->account_id.data, NULL, 10);
}

static void test_a_scan_finds_what_was_there_though_more_is_written_between_its_pages(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    uint32_t found[200] = {0}, pages = 0;
    uint64_t cursor = 0;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    write_many(fixture, 0, 100);
    do {
        assert_int_equal(port->scan(port->context, ++fixture->ticket, SHARD, cursor, &error), RESULT_OK);
        struct store_event event = await(fixture, 0);
        assert_int_equal(event.kind, STORE_SCANNED);
        for (uint32_t i = 0; i < event.count; i++)
            found[number_of(&event.blobs[i])]++;
        cursor = event.next_cursor;
        if (++pages == 5)
            write_many(fixture, 50, 200);
    } while (cursor != 0);
    assert_in_range(pages, 20, 200);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(found[i], 1);
}

static void test_pages_of_due_accounts_hold_each_once_and_end_with_what_comes_after(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    struct store_event event;
    struct due_query query = {.tick_ms = 50000, .max = 7};
    uint32_t found[100] = {0};
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    write_many(fixture, 0, 100);
    do {
        assert_int_equal(port->load_due(port->context, ++fixture->ticket, SHARD, &query, &error), RESULT_OK);
        event = await(fixture, 0);
        assert_int_equal(event.kind, STORE_DUE);
        for (uint32_t i = 0; i < event.count; i++)
            found[number_of(&event.blobs[i])]++;
        query.cursor = event.next_cursor;
    } while (query.cursor != 0);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(found[i], i <= 50 && i % 3 != 0);
    assert_int_equal(event.next_due_ms, 52000);
    assert_int_equal(event.waits_left, 4);
}

static void test_accounts_that_wait_for_a_stream_come_after_those_that_are_due(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    struct due_query query = {.tick_ms = 0, .waits_for = 4 | 1, .max = 100};
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    write_many(fixture, 0, 20);
    assert_int_equal(port->load_due(port->context, ++fixture->ticket, SHARD, &query, &error), RESULT_OK);
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.count, 0);
    assert_int_equal(event.waits_left, 0);
    query.cursor = event.next_cursor; /* of stream 2: nobody waits for stream 0, and no page is asked for that */
    assert_int_equal(port->load_due(port->context, ++fixture->ticket, SHARD, &query, &error), RESULT_OK);
    event = await(fixture, 0);
    assert_int_equal(event.count, 4);
    for (uint32_t i = 0; i < event.count; i++)
        assert_int_equal(number_of(&event.blobs[i]) % 5, 0);
    assert_int_equal(event.next_cursor, 0);
}

/* ---- connections that break */

/* The old commit or the new one, or the new one's state without its meta; the new one, where that was told. */
static void assert_whole(const struct fixture *fixture, bool told) {
    bool is_moved = sim_redis_meta(&fixture->redis, SHARD).changelog_offset == 12;
    assert_true(is_moved || !told);
    assert_true(holds(fixture, "a", "new") || (!is_moved && holds(fixture, "a", "old")));
}

static void test_a_connection_may_break_before_any_byte_of_a_request(void **state) {
    (void)state;
    bool done = false;
    for (int64_t i = 0; !done; i++) {
        struct fixture fixture;
        begin(&fixture);
        assert_int_equal(claim(&fixture, 0, 10).kind, STORE_CLAIMED);
        assert_int_equal(write_one(&fixture, 0, "a", "old", 11).kind, STORE_WRITTEN);
        fixture.clients[0].cut_after_sent = i;
        struct store_event event = write_one(&fixture, 0, "a", "new", 12);
        done = event.kind == STORE_WRITTEN;
        assert_true(done || event.kind == STORE_UNAVAILABLE);
        assert_whole(&fixture, done);
        fixture.clients[0].cut_after_sent = -1;
        if (!done)
            assert_int_equal(recover(&fixture, 0, 10, 12).kind, STORE_CLAIMED);
        assert_int_equal(write_one(&fixture, 0, "a", "newer", 13).kind, STORE_WRITTEN);
        assert_true(i < 10000);
        end(&fixture);
    }
}

static void test_a_connection_may_break_before_any_byte_of_an_answer(void **state) {
    (void)state;
    bool done = false;
    for (int64_t i = 0; !done; i++) {
        struct fixture fixture;
        begin(&fixture);
        assert_int_equal(claim(&fixture, 0, 10).kind, STORE_CLAIMED);
        assert_int_equal(write_one(&fixture, 0, "a", "old", 11).kind, STORE_WRITTEN);
        fixture.clients[0].cut_after_received = i;
        struct store_event event = write_one(&fixture, 0, "a", "new", 12);
        done = event.kind == STORE_WRITTEN;
        assert_true(done || event.kind == STORE_UNAVAILABLE);
        assert_whole(&fixture, done);
        fixture.clients[0].cut_after_received = -1;
        if (!done)
            assert_int_equal(recover(&fixture, 0, 10, 12).kind, STORE_CLAIMED);
        assert_int_equal(write_one(&fixture, 0, "a", "newer", 13).kind, STORE_WRITTEN);
        assert_true(i < 10000);
        end(&fixture);
    }
}

static void test_a_connection_may_break_before_any_byte_of_the_introduction_and_of_a_claim(void **state) {
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        struct store_event event = {.kind = STORE_UNAVAILABLE};
        for (int64_t i = 0; event.kind != STORE_CLAIMED; i += 7) {
            struct fixture fixture;
            begin(&fixture);
            *(answers ? &fixture.clients[0].cut_after_received : &fixture.clients[0].cut_after_sent) = i;
            event = claim(&fixture, 0, 10);
            assert_true(event.kind == STORE_CLAIMED || event.kind == STORE_UNAVAILABLE);
            fixture.clients[0].cut_after_received = fixture.clients[0].cut_after_sent = -1;
            for (int tries = 0; event.kind == STORE_UNAVAILABLE && tries < 50; tries++)
                if (claim(&fixture, 0, 10).kind == STORE_CLAIMED)
                    break;
            assert_int_equal(write_one(&fixture, 0, "a", "x", 11).kind, STORE_WRITTEN);
            assert_true(i < 100000);
            end(&fixture);
        }
    }
}

static void test_bytes_may_come_one_by_one(void **state) {
    struct fixture *fixture = *state;
    struct text ids[] = {TEXT("a"), TEXT("nobody")};
    struct error error;
    fixture->clients[0].bytes_per_call = 1;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 0, "a", "x\r\ny", 11).kind, STORE_WRITTEN);
    struct store *port = &fixture->ports[0];
    assert_int_equal(port->load(port->context, ++fixture->ticket, SHARD, ids, 2, &error), RESULT_OK);
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_LOADED);
    assert_true(text_equals(event.blobs[0].blob, "x\r\ny"));
    assert_true(text_is_missing(event.blobs[1].blob));
}

static void test_requests_of_a_broken_connection_are_void_and_give_no_event(void **state) {
    struct fixture *fixture = *state;
    fixture->clients[0].answer_ms = 50;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    ask_write_one(fixture, 0, "a", "x", 11);
    ask_verify(fixture, 0);
    ask_verify(fixture, 0);
    send_now(fixture, 0);
    sim_redis_cut(&fixture->clients[0], true);
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    assert_int_equal(await_for(fixture, 0, 2 * TIMEOUT_MS).kind, STORE_NOTHING);
    assert_false(holds(fixture, "a", "x")); /* It had only been looked whether it may be written. */
    struct store_event event = recover(fixture, 0, 10, 11);
    assert_int_equal(event.kind, STORE_CLAIMED);
    assert_int_equal(event.ticket, fixture->ticket);
}

/* ---- late and silent servers */

static void test_late_answers_are_waited_for(void **state) {
    struct fixture *fixture = *state;
    fixture->clients[0].request_ms = 200;
    fixture->clients[0].answer_ms = TIMEOUT_MS - 300;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    int64_t before_ms = fixture->now_ms;
    assert_int_equal(write_one(fixture, 0, "a", "x", 11).kind, STORE_WRITTEN);
    assert_int_equal(fixture->now_ms - before_ms, 3 * (TIMEOUT_MS - 100)); /* look, states, meta */
}

static void test_a_server_that_hangs_is_given_up_after_the_time_out(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    fixture->clients[0].request_ms = 10;
    ask_write_one(fixture, 0, "a", "x", 11);
    send_exec(fixture, 0);
    fixture->clients[0].request_ms = 0;
    sim_redis_set_condition(&fixture->redis, SIM_REDIS_HANGS);
    int64_t before_ms = fixture->now_ms;
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "no answer within redis.timeout"));
    assert_in_range(fixture->now_ms - before_ms, TIMEOUT_MS - 1, TIMEOUT_MS + 200);
    before_ms = fixture->now_ms;
    event = claim_again(fixture, 0, 10, 11); /* It takes connections, and says nothing. */
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_in_range(fixture->now_ms - before_ms, TIMEOUT_MS, TIMEOUT_MS + 200);
    assert_false(holds(fixture, "a", "x"));
    sim_redis_set_condition(&fixture->redis, SIM_REDIS_SERVES);
    assert_true(holds(fixture, "a", "x")); /* now it has done what was asked */
    assert_int_equal(recover(fixture, 0, 10, 11).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 0, "a", "y", 12).kind, STORE_WRITTEN);
}

/* Whoever asks has a transaction open, perhaps. */
static void test_nobody_is_held_up_while_a_connection_is_opened(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct store_event event;
    sim_redis_set_condition(&fixture->redis, SIM_REDIS_HANGS);
    int64_t before_ms = fixture->now_ms;
    ask_claim(fixture, 0, 10, 10, false);
    ask_verify(fixture, 0);
    port->poll(port->context, 0, &event);
    assert_int_equal(event.kind, STORE_NOTHING);
    assert_int_equal(fixture->now_ms, before_ms);
    sim_redis_set_condition(&fixture->redis, SIM_REDIS_SERVES);
    assert_int_equal(await(fixture, 0).kind, STORE_CLAIMED);
    assert_int_equal(await(fixture, 0).kind, STORE_VERIFIED);
}

static void test_a_claim_of_a_former_owner_that_arrives_late_is_refused(void **state) {
    struct fixture *fixture = *state;
    fixture->clients[0].request_ms = 500;
    ask_claim(fixture, 0, 10, 10, false);
    assert_int_equal(claim(fixture, 1, 20).kind, STORE_CLAIMED);
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_REFUSED);
    assert_int_equal(event.refusal, STORE_REFUSED_EPOCH);
    assert_int_equal(verify(fixture, 1).kind, STORE_VERIFIED);
}

/* One's own claim that was given up, and is done after the one that took its place: nothing fits any more. */
static void test_a_claim_that_is_done_after_the_next_one_costs_the_shard_and_nothing_else(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    fixture->clients[0].request_ms = 5 * TIMEOUT_MS;
    ask_claim(fixture, 0, 10, 1000, true);
    send_now(fixture, 0);
    sim_redis_cut(&fixture->clients[0], true);
    fixture->clients[0].request_ms = 0;
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    assert_int_equal(recover(fixture, 0, 10, 10).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 0, "a", "x", 11).kind, STORE_WRITTEN);
    fixture->now_ms += 5 * TIMEOUT_MS;
    assert_int_equal(write_one(fixture, 0, "a", "y", 12).kind, STORE_LOST);
    assert_true(holds(fixture, "a", "x"));
}

/* ---- servers that do not serve */

static void test_what_keeps_a_server_from_serving_is_said(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        enum sim_redis_condition condition;
        const char *says;
    } conditions[] = {{SIM_REDIS_IS_DOWN, "cannot be reached"},
                      {SIM_REDIS_LOADS, "LOADING"},
                      {SIM_REDIS_IS_REPLICA, "primary"},
                      {SIM_REDIS_IS_FULL, "maxmemory"},
                      {SIM_REDIS_CANNOT_SAVE, "cannot save to its disk"}};
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        sim_redis_set_condition(&fixture->redis, conditions[i].condition);
        sim_redis_cut(&fixture->clients[0], true);
        ask_verify(fixture, 0); /* Whether it goes well depends on the condition. */
        (void)await(fixture, 0);
        struct store_event event = claim_again(fixture, 0, 10, 10);
        assert_int_equal(event.kind, STORE_UNAVAILABLE);
        assert_non_null(strstr(event.error.text, conditions[i].says));
        sim_redis_set_condition(&fixture->redis, SIM_REDIS_SERVES);
        assert_int_equal(recover(fixture, 0, 10, 10).kind, STORE_CLAIMED);
    }
}

static void test_a_server_that_evicts_is_not_used(void **state) {
    struct fixture *fixture = *state;
    fixture->redis.evicts = true;
    struct store_event event = claim(fixture, 0, 10);
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "allkeys-lru"));
    assert_false(sim_redis_meta(&fixture->redis, SHARD).claimed);
}

static void test_foreign_data_in_the_way_are_said_and_left_alone(void **state) {
    struct fixture *fixture = *state;
    static const char *const keys[] = {"{bw:" GROUP ":7}:meta", "{bw:" GROUP ":7}:due", "{bw:" GROUP ":7}:wait:1"};
    struct stored_blob one = blob("a", "x", 11, 5000, 2);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_true(sim_redis_command(&fixture->redis, (const char *const[]){"FLUSHALL"}, 1));
        assert_true(sim_redis_command(&fixture->redis, (const char *const[]){"SET", keys[i], "theirs"}, 3));
        struct store_event event = claim(fixture, 0, 10);
        if (event.kind == STORE_CLAIMED) {
            ask_write(fixture, 0, &one, 1, 11);
            event = await(fixture, 0);
        }
        assert_int_equal(event.kind, STORE_UNAVAILABLE);
        assert_non_null(strstr(event.error.text, "another product"));
        const struct sim_value *theirs = sim_data_find(&fixture->redis.data, 0, text_of(keys[i]));
        assert_true(theirs != NULL && theirs->kind == SIM_STRING);
    }
}

/* ---- released shards */

static void test_a_released_shard_gives_no_event_though_its_requests_are_done(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    fixture->clients[0].answer_ms = 20;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    ask_write_one(fixture, 0, "a", "x", 11);
    ask_verify(fixture, 0);
    port->release(port->context, SHARD);
    assert_int_equal(await_for(fixture, 0, 2 * TIMEOUT_MS).kind, STORE_NOTHING);
    assert_false(holds(fixture, "a", "x"));
    assert_int_equal(claim(fixture, 0, 15).kind, STORE_CLAIMED);
    ask_write_one(fixture, 0, "a", "x", 11);
    send_until_done(fixture, 0, 1);
    port->release(port->context, SHARD);
    assert_int_equal(await_for(fixture, 0, 2 * TIMEOUT_MS).kind, STORE_NOTHING);
    assert_true(holds(fixture, "a", "x"));
    assert_int_equal(claim(fixture, 0, 20).kind, STORE_CLAIMED);
    assert_int_equal(verify(fixture, 0).kind, STORE_VERIFIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_scan_finds_what_was_there_though_more_is_written_between_its_pages,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_pages_of_due_accounts_hold_each_once_and_end_with_what_comes_after, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_accounts_that_wait_for_a_stream_come_after_those_that_are_due, start,
                                        stop),
        cmocka_unit_test(test_a_connection_may_break_before_any_byte_of_a_request),
        cmocka_unit_test(test_a_connection_may_break_before_any_byte_of_an_answer),
        cmocka_unit_test(test_a_connection_may_break_before_any_byte_of_the_introduction_and_of_a_claim),
        cmocka_unit_test_setup_teardown(test_bytes_may_come_one_by_one, start, stop),
        cmocka_unit_test_setup_teardown(test_requests_of_a_broken_connection_are_void_and_give_no_event, start, stop),
        cmocka_unit_test_setup_teardown(test_late_answers_are_waited_for, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_hangs_is_given_up_after_the_time_out, start, stop),
        cmocka_unit_test_setup_teardown(test_nobody_is_held_up_while_a_connection_is_opened, start, stop),
        cmocka_unit_test_setup_teardown(test_a_claim_of_a_former_owner_that_arrives_late_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_a_claim_that_is_done_after_the_next_one_costs_the_shard_and_nothing_else,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_what_keeps_a_server_from_serving_is_said, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_evicts_is_not_used, start, stop),
        cmocka_unit_test_setup_teardown(test_foreign_data_in_the_way_are_said_and_left_alone, start, stop),
        cmocka_unit_test_setup_teardown(test_a_released_shard_gives_no_event_though_its_requests_are_done, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
