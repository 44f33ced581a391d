/* What the Redis store notices of a server that lost something: one that goes back to any of its writes, is flushed,
 * restarted, or promoted from a replica that lags; and of states that are damaged. */
#include "store/redis_internal.h"
#include "tests/unit/redis_fixture.h"

static void test_every_write_that_is_gone_is_noticed_by_the_next_request(void **state) {
    (void)state;
    enum { WRITES = 6 };
    enum { STEPS = 1 + 2 * WRITES }; /* The claim; of each write its blobs, then its meta. */
    for (uint32_t left = 0; left <= STEPS; left++) {
        struct fixture fixture;
        char bytes[8];
        begin(&fixture);
        assert_int_equal(claim(&fixture, 0, 10).kind, STORE_CLAIMED);
        for (int i = 0; i < WRITES; i++) {
            snprintf(bytes, sizeof bytes, "%d", i);
            assert_int_equal(write_one(&fixture, 0, i % 2 == 0 ? "a" : "b", bytes, 11 + i).kind, STORE_WRITTEN);
        }
        assert_int_equal(sim_redis_writes(&fixture.redis, SHARD), STEPS);
        sim_redis_roll_back(&fixture.redis, SHARD, left);
        assert_int_equal(verify(&fixture, 0).kind, left == STEPS ? STORE_VERIFIED : STORE_LOST);
        end(&fixture);
    }
}

/* What the owner and the server went through before the owner claims again. */
struct trial {
    uint32_t acknowledged; /* writes that the owner knows of */
    uint32_t unanswered;   /* transactions of the next write, whose answers were lost */
    uint32_t lost;         /* of the server's writes */
    uint32_t claims;       /* done after that, and not answered */
};

static void ask_write_numbered(struct fixture *fixture, uint32_t number) {
    char id[8];
    snprintf(id, sizeof id, "%u", number);
    ask_write_one(fixture, 0, id, "x", 100 + number);
}

/* If the claim says that all is as it was left, every write that was acknowledged must be there. */
static void try_to_fool(const struct trial *trial, bool *ret_continued) {
    struct fixture fixture;
    begin(&fixture);
    assert_int_equal(claim(&fixture, 1, 5).kind, STORE_CLAIMED); /* a former owner */
    assert_int_equal(claim(&fixture, 1, 6).kind, STORE_CLAIMED);
    assert_int_equal(claim(&fixture, 0, 10).kind, STORE_CLAIMED);
    for (uint32_t i = 0; i < trial->acknowledged; i++) {
        ask_write_numbered(&fixture, i);
        assert_int_equal(await(&fixture, 0).kind, STORE_WRITTEN);
    }
    fixture.clients[0].answer_ms = 10;
    ask_write_numbered(&fixture, trial->acknowledged);
    send_now(&fixture, 0);
    send_until_done(&fixture, 0, trial->unanswered);
    sim_redis_cut(&fixture.clients[0], true);
    uint32_t writes = sim_redis_writes(&fixture.redis, SHARD);
    sim_redis_roll_back(&fixture.redis, SHARD, writes - (trial->lost < writes ? trial->lost : writes));
    ask_verify(&fixture, 0);
    assert_int_equal(await(&fixture, 0).kind, STORE_UNAVAILABLE);
    for (uint32_t i = 0; i < trial->claims; i++) {
        ask_claim(&fixture, 0, 10, 1000, true);
        send_now(&fixture, 0);
        sim_redis_cut(&fixture.clients[0], true);
        assert_int_equal(await(&fixture, 0).kind, STORE_UNAVAILABLE);
    }
    fixture.clients[0].answer_ms = 0;
    struct store_event event = claim_again(&fixture, 0, 10, 1000);
    *ret_continued = event.kind == STORE_CLAIMED;
    assert_true(event.kind == STORE_CLAIMED || event.kind == STORE_LOST);
    for (uint32_t i = 0; i < trial->acknowledged && *ret_continued; i++) {
        char id[8];
        snprintf(id, sizeof id, "%u", i);
        if (!holds(&fixture, id, "x"))
            fail_msg("%u acknowledged, %u unanswered, %u lost, %u claims: the claim hides that write %u is gone",
                     trial->acknowledged, trial->unanswered, trial->lost, trial->claims, i);
    }
    end(&fixture);
}

static void test_no_claim_hides_that_a_server_has_gone_back(void **state) {
    (void)state;
    uint32_t continued = 0;
    for (uint32_t i = 0; i < 4 * 3 * 13 * 4; i++) {
        struct trial trial = {i % 4, i / 4 % 3, i / 12 % 13, i / 156};
        bool went_on;
        try_to_fool(&trial, &went_on);
        continued += went_on;
        if (trial.lost == 0 && trial.claims == 0)
            assert_true(went_on);
    }
    assert_true(continued > 12);
}

static void claim_and_write(struct fixture *fixture, const char *id, const char *bytes, int64_t offset) {
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 0, id, bytes, offset).kind, STORE_WRITTEN);
}

static void test_a_flush_is_noticed_by_a_claim_even_after_claims_that_nobody_heard_of(void **state) {
    struct fixture *fixture = *state;
    claim_and_write(fixture, "a", "x", 11);
    sim_redis_flush_all(&fixture->redis);
    sim_redis_cut(&fixture->clients[0], true);
    ask_verify(fixture, 0);
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    fixture->clients[0].answer_ms = 10;
    ask_claim(fixture, 0, 10, 11, true);
    send_now(fixture, 0);
    sim_redis_cut(&fixture->clients[0], true);
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    assert_int_equal(claim_again(fixture, 0, 10, 11).kind, STORE_LOST);
}

static void test_a_flushed_server_is_said_to_hold_nothing(void **state) {
    struct fixture *fixture = *state;
    claim_and_write(fixture, "a", "x", 11);
    sim_redis_flush_all(&fixture->redis);
    struct store_event event = verify(fixture, 0);
    assert_int_equal(event.kind, STORE_LOST);
    assert_non_null(strstr(event.error.text, "(nothing; expected epoch 10, "));
}

/* Twice the same epoch and the same number of writes, on both sides of a flush: only the claims differ. */
static void go_back_behind_a_flush(struct fixture *fixture) {
    claim_and_write(fixture, "a", "old", 11);
    uint32_t writes = sim_redis_writes(&fixture->redis, SHARD);
    struct sim_redis_meta before = sim_redis_meta(&fixture->redis, SHARD);
    sim_redis_flush_all(&fixture->redis);
    claim_and_write(fixture, "b", "new", 12);
    struct sim_redis_meta after = sim_redis_meta(&fixture->redis, SHARD);
    assert_true(before.epoch == after.epoch && before.write == after.write && before.claim != after.claim);
    sim_redis_roll_back(&fixture->redis, SHARD, writes);
}

static void test_a_server_that_goes_back_behind_a_flush_takes_no_write(void **state) {
    struct fixture *fixture = *state;
    go_back_behind_a_flush(fixture);
    assert_int_equal(write_one(fixture, 0, "c", "newer", 13).kind, STORE_LOST);
    assert_false(holds(fixture, "c", "newer"));
}

static void test_a_server_that_goes_back_behind_a_flush_shows_it_to_who_looks(void **state) {
    struct fixture *fixture = *state;
    go_back_behind_a_flush(fixture);
    assert_int_equal(verify(fixture, 0).kind, STORE_LOST);
}

static void test_a_server_that_went_back_behind_a_flush_is_noticed_by_a_claim(void **state) {
    struct fixture *fixture = *state;
    go_back_behind_a_flush(fixture);
    sim_redis_cut(&fixture->clients[0], true);
    ask_verify(fixture, 0);
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    assert_int_equal(claim_again(fixture, 0, 10, 12).kind, STORE_LOST);
}

static void test_a_restarted_server_gets_the_scripts_again(void **state) {
    struct fixture *fixture = *state;
    claim_and_write(fixture, "a", "x", 11);
    sim_redis_restart(&fixture->redis);
    assert_int_equal(verify(fixture, 0).kind, STORE_UNAVAILABLE);
    assert_int_equal(recover(fixture, 0, 10, 11).kind, STORE_CLAIMED);
    assert_int_equal(write_one(fixture, 0, "a", "y", 12).kind, STORE_WRITTEN);
}

static void test_a_replica_that_lacks_writes_and_is_promoted_is_noticed(void **state) {
    (void)state;
    for (uint32_t missing = 1; missing <= 2; missing++) { /* the meta; the state too */
        struct fixture fixture;
        begin(&fixture);
        claim_and_write(&fixture, "a", "old", 11);
        assert_int_equal(write_one(&fixture, 0, "a", "new", 12).kind, STORE_WRITTEN);
        sim_redis_promote(&fixture.redis, missing);
        assert_true(holds(&fixture, "a", missing == 1 ? "new" : "old"));
        assert_int_equal(sim_redis_meta(&fixture.redis, SHARD).changelog_offset, 11);
        assert_int_equal(verify(&fixture, 0).kind, STORE_UNAVAILABLE);
        assert_int_equal(recover(&fixture, 0, 10, 12).kind, STORE_LOST);
        end(&fixture);
    }
}

static void test_a_store_that_knows_more_than_the_changelog_is_refused_on_a_new_connection_too(void **state) {
    struct fixture *fixture = *state;
    claim_and_write(fixture, "a", "x", 50);
    sim_redis_cut(&fixture->clients[0], true);
    ask_verify(fixture, 0);
    assert_int_equal(await(fixture, 0).kind, STORE_UNAVAILABLE);
    struct store_event event = claim_again(fixture, 0, 10, 49);
    assert_int_equal(event.kind, STORE_REFUSED);
    assert_int_equal(event.refusal, STORE_REFUSED_OFFSET);
    assert_int_equal(event.meta.changelog_offset, 50);
}

/* ---- damage */

/* Somebody writes a state of account "a" that is `size` bytes long; -1: removes it. */
static void damage(struct fixture *fixture, int size) {
    static const char key[] = "{bw:" GROUP ":7}:b:%u", bytes[] = "0123456789abcdef";
    char bucket[64];
    snprintf(bucket, sizeof bucket, key, store_bucket(TEXT("a")));
    if (size < 0) {
        assert_true(sim_redis_command(&fixture->redis, (const char *const[]){"DEL", bucket}, 2));
        return;
    }
    const char *const set[] = {"HSET", bucket, "a", bytes + sizeof bytes - 1 - size};
    assert_true(sim_redis_command(&fixture->redis, set, 4));
}

static void begin_damaged(struct fixture *fixture, int size) {
    struct stored_blob one = blob("a", "x", 11, 500, 0);
    begin(fixture);
    assert_int_equal(claim(fixture, 0, 10).kind, STORE_CLAIMED);
    ask_write(fixture, 0, &one, 1, 11);
    assert_int_equal(await(fixture, 0).kind, STORE_WRITTEN);
    damage(fixture, size);
}

static void assert_refused(struct fixture *fixture) {
    struct store_event event = await(fixture, 0);
    assert_int_equal(event.kind, STORE_REFUSED);
    assert_int_equal(event.refusal, STORE_REFUSED_DAMAGE);
    assert_non_null(strstr(event.error.text, "account a in Redis, in {bw:" GROUP ":7}:b:"));
}

static void ask_load(struct fixture *fixture) {
    struct store *port = &fixture->ports[0];
    struct text ids[] = {TEXT("nobody"), TEXT("a")};
    struct error error;
    assert_int_equal(port->load(port->context, ++fixture->ticket, SHARD, ids, 2, &error), RESULT_OK);
}

static void test_a_state_that_is_cut_off_is_not_taken_for_an_account_never_seen(void **state) {
    (void)state;
    for (int size = 0; size <= 16; size++) {
        struct fixture fixture;
        begin_damaged(&fixture, size);
        ask_load(&fixture);
        assert_refused(&fixture);
        end(&fixture);
    }
}

static void test_a_state_that_is_cut_off_is_refused_among_all_accounts_too(void **state) {
    (void)state;
    struct fixture fixture;
    struct error error;
    begin_damaged(&fixture, 16);
    struct store *port = &fixture.ports[0];
    assert_int_equal(port->scan(port->context, ++fixture.ticket, SHARD, 0, &error), RESULT_OK);
    assert_refused(&fixture);
    end(&fixture);
}

static void test_a_state_that_is_cut_off_or_gone_is_refused_when_its_account_is_due(void **state) {
    (void)state;
    for (int size = -1; size <= 16; size += 17) {
        struct fixture fixture;
        struct error error;
        begin_damaged(&fixture, size);
        struct store *port = &fixture.ports[0];
        struct due_query query = {.tick_ms = 1000, .max = 10};
        assert_int_equal(port->load_due(port->context, ++fixture.ticket, SHARD, &query, &error), RESULT_OK);
        assert_refused(&fixture);
        end(&fixture);
    }
}

static void test_a_restore_replaces_a_state_that_is_cut_off(void **state) {
    (void)state;
    for (int size = 0; size <= 16; size++) {
        struct fixture fixture;
        struct stored_blob one = blob("a", "x", 11, 500, 0);
        begin_damaged(&fixture, size);
        ask_write(&fixture, 0, &one, 1, 11);
        assert_int_equal(await(&fixture, 0).kind, STORE_WRITTEN);
        assert_true(holds(&fixture, "a", "x"));
        end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_write_that_is_gone_is_noticed_by_the_next_request),
        cmocka_unit_test(test_no_claim_hides_that_a_server_has_gone_back),
        cmocka_unit_test_setup_teardown(test_a_flushed_server_is_said_to_hold_nothing, start, stop),
        cmocka_unit_test_setup_teardown(test_a_flush_is_noticed_by_a_claim_even_after_claims_that_nobody_heard_of,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_goes_back_behind_a_flush_takes_no_write, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_goes_back_behind_a_flush_shows_it_to_who_looks, start, stop),
        cmocka_unit_test_setup_teardown(test_a_server_that_went_back_behind_a_flush_is_noticed_by_a_claim, start, stop),
        cmocka_unit_test_setup_teardown(test_a_restarted_server_gets_the_scripts_again, start, stop),
        cmocka_unit_test(test_a_replica_that_lacks_writes_and_is_promoted_is_noticed),
        cmocka_unit_test_setup_teardown(
            test_a_store_that_knows_more_than_the_changelog_is_refused_on_a_new_connection_too, start, stop),
        cmocka_unit_test(test_a_state_that_is_cut_off_is_not_taken_for_an_account_never_seen),
        cmocka_unit_test(test_a_state_that_is_cut_off_is_refused_among_all_accounts_too),
        cmocka_unit_test(test_a_state_that_is_cut_off_or_gone_is_refused_when_its_account_is_due),
        cmocka_unit_test(test_a_restore_replaces_a_state_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
