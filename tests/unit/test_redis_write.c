/* Writes of the Redis store on a simulated server: what lies where, in which order, and what may come between a look at
 * the shard's meta and the end of the transaction behind it. */
#include "store/redis_internal.h"
#include "tests/unit/redis_fixture.h"

static void count_account(void *context, const struct stored_blob *found) {
    *(uint32_t *)context += !text_is_missing(found->blob);
}

static void test_what_is_written_lies_where_it_is_looked_for(void **state) {
    struct fixture *fixture = *state;
    struct stored_blob blobs[] = {blob("a", "state of a", 11, 5000, 0), blob("b", "", 12, INSTANT_NEVER, 3),
                                  blob("c", "\1\2", 13, INSTANT_NONE, 32)};
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    ask_write(fixture, 0, blobs, 3, 13);
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
    struct sim_redis_meta meta = sim_redis_meta(&fixture->redis, SHARD);
    assert_true(meta.claimed && meta.epoch == 10 && meta.changelog_offset == 13 && meta.write == 2);
    assert_true(text_equals(meta.shard_record, "shard record"));
    uint32_t accounts = 0;
    assert_int_equal(sim_redis_visit(&fixture->redis, SHARD, count_account, &accounts), 3);
    assert_int_equal(accounts, 3);
    assert_true(holds(fixture, "a", "state of a") && holds(fixture, "b", "") && holds(fixture, "c", "\1\2"));
    assert_in_order(fixture);
}

static void test_an_account_that_is_written_again_is_as_it_was_last(void **state) {
    struct fixture *fixture = *state;
    struct stored_blob first[] = {blob("a", "1", 11, INSTANT_NEVER, 4), blob("b", "1", 12, 5000, 0),
                                  blob("c", "1", 13, 5000, 0), blob("d", "1", 13, 5000, 6)};
    struct stored_blob second[] = {blob("a", "2", 14, 6000, 0), blob("b", "2", 15, INSTANT_NEVER, 2),
                                   blob("c", "2", 16, 7000, 2), blob("d", "2", 17, 5000, 12)};
    assert_int_equal(claim(fixture, 0, 20).kind, STORE_CLAIMED);
    ask_write(fixture, 0, first, 4, -1);
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
    assert_in_order(fixture);
    ask_write(fixture, 0, second, 4, 20);
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
    assert_true(holds(fixture, "a", "2") && holds(fixture, "b", "2") && holds(fixture, "c", "2") &&
                holds(fixture, "d", "2"));
    assert_in_order(fixture);
}

static void test_a_large_write_is_several_transactions_and_one_event(void **state) {
    struct fixture *fixture = *state;
    enum { ACCOUNTS = 1200 };
    static struct stored_blob blobs[ACCOUNTS];
    static char ids[ACCOUNTS][12];
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        snprintf(ids[i], sizeof ids[i], "%u", i);
        blobs[i] = blob(ids[i], "x", 11, i, i % 64);
    }
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    uint32_t before = sim_redis_writes(&fixture->redis, SHARD);
    ask_write(fixture, 0, blobs, ACCOUNTS, 11);
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_WRITTEN);
    assert_int_equal(event.ticket, fixture->ticket);
    assert_int_equal(sim_redis_writes(&fixture->redis, SHARD) - before, 4);
    assert_int_equal(verify(fixture, 0).kind, STORE_VERIFIED);
    assert_in_order(fixture);
    /* The meta came after all of them: before it, nothing is claimed. */
    sim_redis_roll_back(&fixture->redis, SHARD, before + 3);
    assert_int_equal(sim_redis_meta(&fixture->redis, SHARD).changelog_offset, OFFSET_NONE);
}

static void test_a_write_that_arrives_after_the_next_claim_is_refused(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    fixture->clients[0].request_ms = TIMEOUT_MS / 2;
    ask_write_one(fixture, 0, "a", "old", 11);
    send_exec(fixture, 0);
    sim_redis_cut(&fixture->clients[0], true); /* The network still has it. */
    fixture->clients[0].request_ms = 0;
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    assert_int_equal(recover(fixture, 0, 10, 11).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 0, "a", "new", 12).kind, STORE_WRITTEN);
    fixture->now_ms += 5000;
    sim_redis_serve(&fixture->redis);
    assert_true(holds(fixture, "a", "new"));
    assert_int_equal(verify(fixture, 0).kind, STORE_VERIFIED);
}

static void test_a_write_of_a_former_owner_that_arrives_late_is_refused(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    fixture->clients[0].request_ms = 500;
    ask_write_one(fixture, 0, "a", "old", 11);
    send_exec(fixture, 0);
    assert_int_equal(claim(fixture, 1, 20).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 1, "a", "new", 21).kind, STORE_WRITTEN);
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_LOST);
    assert_non_null(strstr(event.error.text, "(epoch 20,")); /* It says who owns the shard now. */
    assert_true(holds(fixture, "a", "new"));
    assert_int_equal(verify(fixture, 1).kind, STORE_VERIFIED);
}

/* Each between two transactions of one write, and between its look and its end. */
static void test_a_write_ends_where_the_shard_is_flushed_rolled_back_or_taken_in_its_middle(void **state) {
    (void)state;
    enum { FLUSH, ROLL_BACK, TAKE, KINDS };
    for (uint32_t i = 0; i < KINDS * 2; i++) {
        struct fixture fixture;
        begin(&fixture);
        assert_int_equal(claim(&fixture, 0, 10).kind, STORE_CLAIMED);
        assert_int_equal(write_one(&fixture, 0, "a", "old", 11).kind, STORE_WRITTEN);
        uint32_t writes = sim_redis_writes(&fixture.redis, SHARD);
        fixture.clients[0].request_ms = 10;
        ask_write_one(&fixture, 0, "a", "new", 12);
        if (i >= KINDS)
            send_until_done(&fixture, 0, 1);
        send_exec(&fixture, 0);
        if (i % KINDS == FLUSH)
            sim_redis_flush_all(&fixture.redis);
        else if (i % KINDS == TAKE)
            assert_int_equal(claim(&fixture, 1, 20).kind, STORE_CLAIMED);
        else
            sim_redis_roll_back(&fixture.redis, SHARD, writes - 1);
        uint32_t left = sim_redis_writes(&fixture.redis, SHARD);
        assert_int_equal(await(&fixture, 0).kind, STORE_LOST);
        assert_int_equal(sim_redis_writes(&fixture.redis, SHARD), left);
        assert_int_not_equal(sim_redis_meta(&fixture.redis, SHARD).changelog_offset, 12);
        end(&fixture);
    }
}

/* What fails within a transaction keeps the rest of it from nothing: so the meta must not be a part of it. */
static void test_the_meta_stays_where_a_state_could_not_be_written(void **state) {
    struct fixture *fixture = *state;
    char key[64];
    snprintf(key, sizeof key, "{bw:" GROUP ":7}:b:%u", store_bucket(TEXT("a")));
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    assert_true(sim_redis_command(&fixture->redis, (const char *const[]){"SET", key, "theirs"}, 3));
    struct store_event event = write_one(fixture, 0, "a", "x", 11);
    assert_int_equal(event.kind, STORE_UNAVAILABLE);
    assert_non_null(strstr(event.error.text, "another product"));
    assert_int_equal(sim_redis_meta(&fixture->redis, SHARD).changelog_offset, OFFSET_NONE);
    assert_true(sim_redis_command(&fixture->redis, (const char *const[]){"DEL", key}, 2));
    assert_int_equal(recover(fixture, 0, 10, 11).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 0, "a", "x", 11).kind, STORE_WRITTEN);
    assert_true(holds(fixture, "a", "x"));
}

static void test_what_is_asked_behind_a_write_is_done_behind_all_of_it(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct text ids[] = {TEXT("a")};
    struct error error;
    fixture->clients[0].request_ms = fixture->clients[0].answer_ms = 5;
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    ask_write_one(fixture, 0, "a", "1", 11);
    ask_write_one(fixture, 0, "a", "2", 12);
    assert_int_equal(port->load(port->context, ++fixture->ticket, SHARD, ids, 1, &error), RESULT_OK);
    ask_write_one(fixture, 0, "a", "3", 13);
    ask_verify(fixture, 0);
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_LOADED);
    assert_true(text_equals(event.blobs[0].blob, "2"));
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
    assert_int_equal(await(fixture, 0).kind, STORE_VERIFIED);
    assert_true(holds(fixture, "a", "3"));
}

/* Of two shards on one connection: the watch of the one does not outlast it. */
static void test_a_write_that_is_given_up_leaves_other_shards_alone(void **state) {
    struct fixture *fixture = *state;
    struct store *port = &fixture->ports[0];
    struct error error;
    struct store_claim other = {{TEXT("cluster-1"), {1, 0, 2}, 12}, 10, 10, false, 1};
    struct stored_blob one = blob("b", "x", 11, INSTANT_NEVER, 0);
    struct store_write write = write_of(&one, 1, 11);
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    assert_int_equal(port->claim(port->context, ++fixture->ticket, SHARD + 1, &other, &error), RESULT_OK);
    assert_int_equal(await(fixture, 0).kind, STORE_CLAIMED);
    fixture->clients[0].request_ms = 10;
    ask_write_one(fixture, 0, "a", "x", 11);
    send_now(fixture, 0);
    port->release(port->context, SHARD);
    assert_int_equal(port->write(port->context, ++fixture->ticket, SHARD + 1, &write, &error), RESULT_OK);
    send_exec(fixture, 0);
    assert_int_equal(claim(fixture, 1, 20).kind, STORE_CLAIMED); /* of the shard that was given up */
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written_lies_where_it_is_looked_for, start, stop),
        cmocka_unit_test_setup_teardown(test_an_account_that_is_written_again_is_as_it_was_last, start, stop),
        cmocka_unit_test_setup_teardown(test_a_large_write_is_several_transactions_and_one_event, start, stop),
        cmocka_unit_test_setup_teardown(test_a_write_that_arrives_after_the_next_claim_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_a_write_of_a_former_owner_that_arrives_late_is_refused, start, stop),
        cmocka_unit_test(test_a_write_ends_where_the_shard_is_flushed_rolled_back_or_taken_in_its_middle),
        cmocka_unit_test_setup_teardown(test_the_meta_stays_where_a_state_could_not_be_written, start, stop),
        cmocka_unit_test_setup_teardown(test_what_is_asked_behind_a_write_is_done_behind_all_of_it, start, stop),
        cmocka_unit_test_setup_teardown(test_a_write_that_is_given_up_leaves_other_shards_alone, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
