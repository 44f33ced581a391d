/* A shard with a store: what it asks of it, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/harness/commit_accounts.h"
#include "tests/unit/shard_fixture.h"

static void load_of(struct fixture *fixture, const char *account, const struct buffer *blob, int64_t due_ms,
                    uint32_t waits_for, const struct layouts *layouts) {
    struct error error;
    struct stored_blob stored = {.account_id = text_of(account),
                                 .blob = blob == NULL ? TEXT_MISSING : buffer_text(blob),
                                 .due_ms = due_ms,
                                 .waits_for = waits_for};
    assert_int_equal(shard_load(fixture->shard, &stored, layouts, &error), RESULT_OK);
}

static void load(struct fixture *fixture, const char *account, const struct buffer *blob, int64_t due_ms,
                 uint32_t waits_for) {
    load_of(fixture, account, blob, due_ms, waits_for, NULL);
}

/* The blob of an account that logged in at `minutes`, as another worker left it. */
static void make_blob(const char *account, int64_t minutes, struct buffer *out) {
    struct fixture *other = begin((struct shard_options){0});
    taken(other, STREAM_LOGIN, account, "1", minutes);
    struct accounts *accounts = shard_accounts(other->shard);
    engine_encode(other->engine, accounts_state(accounts, accounts_find(accounts, text_of(account))), out);
    end(other);
}

static void evict_one(struct fixture *fixture) {
    uint32_t evicted = 0;
    for (int i = 0; i < 3 && evicted == 0; i++) /* it has a second chance */
        evicted = shard_evict(fixture->shard, 0);
    assert_int_equal(evicted, 1);
}

static struct clocks clocks_at(int64_t minutes) {
    struct clocks clocks = CLOCKS_INITIAL;
    clocks.watermark_ms = START + minutes * MINUTE;
    clocks.ticked_ms = START + minutes / 60 * HOUR;
    clocks.newest_ms[STREAM_LOGIN] = clocks.evaluated_ms = clocks.watermark_ms;
    return clocks;
}

static void an_absent_account_is_asked_for_and_one_that_was_never_seen_begins(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    enum step_outcome outcome;
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "1", 10, &outcome), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->kind, NEED_ACCOUNT);
    assert_true(text_equals(shard_need(fixture->shard)->account_id, "a"));
    assert_int_equal(shard_clocks(fixture->shard)->watermark_ms, INSTANT_NONE);
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    taken(fixture, STREAM_LOGIN, "a", "1", 10);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "1", 10, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_DUPLICATE);
    end(fixture);
}

static void accounts_that_are_due_come_from_the_store_before_the_tick_is_over(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    struct buffer a = {0}, b = {0};
    struct error error;
    make_blob("a", 10, &a);
    make_blob("b", 20, &b);
    struct clocks clocks = clocks_at(30);
    shard_restore(fixture->shard, &clocks, false);

    /* Nothing is known of the store: the first tick asks, and learns when it has to ask again. */
    assert_int_equal(shard_advance(fixture->shard, START + 8 * HOUR, &error), RESULT_RETRY);
    const struct shard_need *need = shard_need(fixture->shard);
    assert_int_equal(need->kind, NEED_DUE);
    assert_int_equal(need->tick_ms, START + HOUR);
    assert_int_equal(need->cursor, 0);
    shard_due_loaded(fixture->shard, 0, START + 6 * HOUR, 0);
    assert_int_equal(shard_advance(fixture->shard, START + 8 * HOUR, &error), RESULT_RETRY);
    assert_int_equal(need->tick_ms, START + 6 * HOUR);
    told(fixture, "");

    /* Two pages of one tick; what came with the first fires before the second is asked for. */
    load(fixture, "a", &a, START + 6 * HOUR, 0);
    shard_due_loaded(fixture->shard, 77, INSTANT_NEVER, 0);
    assert_int_equal(shard_advance(fixture->shard, START + 8 * HOUR, &error), RESULT_RETRY);
    told(fixture, "a silent E 6:00;");
    assert_int_equal(need->cursor, 77);
    assert_int_equal(shard_clocks(fixture->shard)->ticked_ms, START + 5 * HOUR);
    shard_written(fixture->shard);
    assert_int_equal(shard_advance(fixture->shard, START + 8 * HOUR, &error), RESULT_RETRY);
    assert_int_equal(need->cursor, 0); /* a write makes the pages begin anew */
    load(fixture, "b", &b, START + 6 * HOUR, 0);
    shard_due_loaded(fixture->shard, 0, INSTANT_NEVER, 0);
    assert_int_equal(shard_advance(fixture->shard, START + 8 * HOUR, &error), RESULT_OK);
    told(fixture, "b silent E 6:00;");
    assert_int_equal(shard_clocks(fixture->shard)->ticked_ms, START + 8 * HOUR);
    buffer_free(&a);
    buffer_free(&b);
    end(fixture);
}

static void a_page_is_good_also_where_the_account_of_the_record_has_left_meanwhile(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    const struct shard_need *need = shard_need(fixture->shard);
    enum step_outcome outcome;
    struct clocks clocks = clocks_at(30);
    shard_restore(fixture->shard, &clocks, false);
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 90, &outcome), RESULT_RETRY);
    assert_int_equal(need->kind, NEED_DUE);
    evict_one(fixture);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 90, &outcome), RESULT_RETRY);
    assert_int_equal(need->kind, NEED_ACCOUNT);
    shard_due_loaded(fixture->shard, 0, START + 6 * HOUR, 0);
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 90, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_APPLIED);
    assert_int_equal(shard_clocks(fixture->shard)->ticked_ms, START + HOUR);
    end(fixture);
}

static void a_record_that_waits_for_its_account_does_not_pause_any_more(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true, .evaluations_max = 1});
    const char *const due[] = {"x", "y"};
    enum step_outcome outcome;
    struct clocks clocks = clocks_at(30);
    shard_restore(fixture->shard, &clocks, false);
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    for (int i = 0; i < 2; i++) {
        struct buffer blob = {0};
        make_blob(due[i], 10, &blob);
        load(fixture, due[i], &blob, START + 6 * HOUR, 0);
        buffer_free(&blob);
    }
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 420, &outcome), RESULT_RETRY);
    shard_due_loaded(fixture->shard, 0, INSTANT_NEVER, 0);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 420, &outcome), RESULT_RETRY);
    assert_true(shard_is_pausing(fixture->shard));
    evict_one(fixture);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 420, &outcome), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->kind, NEED_ACCOUNT);
    assert_false(shard_is_pausing(fixture->shard));
    end(fixture);
}

static void an_account_that_left_memory_is_asked_for_at_its_deadline(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    struct buffer blob = {0};
    struct error error;
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    taken(fixture, STREAM_LOGIN, "a", "1", 10);
    struct accounts *accounts = shard_accounts(fixture->shard);
    uint32_t account = accounts_find(accounts, TEXT("a"));
    engine_encode(fixture->engine, accounts_state(accounts, account), &blob);
    int64_t due_ms = accounts_due(accounts, account);
    assert_true(due_ms > START && due_ms <= START + 6 * HOUR);
    assert_int_equal(shard_evict(fixture->shard, 0), 0); /* dirty */
    commit_accounts(accounts, 1);
    accounts_acknowledged(accounts, account, 1);
    assert_int_equal(shard_evict(fixture->shard, 0), 1);

    assert_int_equal(shard_advance(fixture->shard, due_ms - HOUR, &error), RESULT_OK);
    assert_int_equal(shard_advance(fixture->shard, START + 6 * HOUR, &error), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->kind, NEED_DUE);
    assert_int_equal(shard_need(fixture->shard)->tick_ms, due_ms);
    load(fixture, "a", &blob, due_ms, 0);
    shard_due_loaded(fixture->shard, 0, INSTANT_NEVER, 0);
    assert_int_equal(shard_advance(fixture->shard, START + 6 * HOUR, &error), RESULT_OK);
    told(fixture, "a silent E 6:00;");
    buffer_free(&blob);
    end(fixture);
}

/* An account that a stalled stream holds back, in memory and acknowledged. */
static void make_waiting(struct fixture *fixture, struct buffer *blob) {
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    taken(fixture, STREAM_LOGIN, "a", "1", 0);
    advance(fixture, 21 * 60);
    told(fixture, "a silent E 6:00;");
    struct accounts *accounts = shard_accounts(fixture->shard);
    uint32_t account = accounts_find(accounts, TEXT("a"));
    assert_int_equal(accounts_waits(accounts), 1u << STREAM_LOGIN);
    engine_encode(fixture->engine, accounts_state(accounts, account), blob);
    commit_accounts(accounts, 1);
    accounts_acknowledged(accounts, account, 1);
}

static void accounts_in_the_store_that_wait_for_a_stream_are_asked_for_when_it_resumes(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    struct error error;
    struct buffer blob = {0};
    make_waiting(fixture, &blob);
    assert_int_equal(shard_evict(fixture->shard, 0), 1);
    advance(fixture, 25 * 60); /* nobody is asked for while the stream is silent */

    load(fixture, "b", NULL, INSTANT_NEVER, 0);
    taken(fixture, STREAM_LOGIN, "b", "2", 25 * 60 + 1);
    assert_int_equal(shard_advance(fixture->shard, START + 26 * HOUR, &error), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->kind, NEED_DUE);
    assert_int_equal(shard_need(fixture->shard)->waits_for, 1u << STREAM_LOGIN);
    load(fixture, "a", &blob, INSTANT_NEVER, 1u << STREAM_LOGIN);
    shard_due_loaded(fixture->shard, 0, INSTANT_NEVER, 0);
    advance(fixture, 26 * 60);
    told(fixture, "a gone E 26:00;");
    buffer_free(&blob);
    end(fixture);
}

static void after_a_takeover_it_is_not_known_which_streams_resumed(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    struct error error;
    struct clocks clocks = clocks_at(30);
    shard_restore(fixture->shard, &clocks, false);
    assert_int_equal(shard_advance(fixture->shard, START + HOUR, &error), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->waits_for, (1u << STREAMS) - 1);
    shard_due_loaded(fixture->shard, 0, INSTANT_NEVER, 0);
    advance(fixture, 120);
    end(fixture);
}

static void changed_rules_make_every_account_of_the_store_due_until_a_tick_has_fired(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    struct buffer blob = {0};
    struct error error;
    make_blob("a", 10, &blob);
    struct layouts layouts = {.newest = layout_of(fixture->program, &fixture->arena)};
    shard_free(fixture->shard);
    engine_free(fixture->engine);
    fixture->program = compile(&fixture->arena, "ruleset: two\nsegments: { here: { when: 'since(login) >= 0s' } }\n");
    struct engine_options options = {.account_bytes_max = 1 << 19, .live_from_ms = INSTANT_NONE};
    assert_int_equal(engine_create(fixture->program, &options, &fixture->engine, &error), RESULT_OK);
    make_shard(fixture, &(struct shard_options){.stored = true});
    struct clocks clocks = clocks_at(30);
    shard_restore(fixture->shard, &clocks, true);

    assert_int_equal(shard_advance(fixture->shard, START + HOUR, &error), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->kind, NEED_SCAN);
    load_of(fixture, "a", &blob, INSTANT_NEVER, 0, &layouts);
    shard_scan_loaded(fixture->shard, 5);
    assert_int_equal(shard_advance(fixture->shard, START + HOUR, &error), RESULT_RETRY);
    told(fixture, "a here E 1:00;");
    assert_int_equal(shard_need(fixture->shard)->cursor, 5);
    assert_true(shard_rules_changed(fixture->shard));
    shard_disconnected(fixture->shard); /* The store may be another process, in another order. */
    assert_int_equal(shard_advance(fixture->shard, START + HOUR, &error), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->kind, NEED_SCAN);
    assert_int_equal(shard_need(fixture->shard)->cursor, 0);
    shard_scan_loaded(fixture->shard, 0);
    shard_disconnected(fixture->shard); /* All have come. */
    assert_int_equal(shard_advance(fixture->shard, START + HOUR, &error), RESULT_RETRY);
    assert_int_equal(shard_need(fixture->shard)->kind, NEED_DUE);
    assert_true(shard_rules_changed(fixture->shard)); /* Who takes over now has to look at all of them again. */
    shard_due_loaded(fixture->shard, 0, INSTANT_NEVER, 0);
    advance(fixture, 60);
    assert_false(shard_rules_changed(fixture->shard));
    buffer_free(&blob);
    end(fixture);
}

static void a_blob_that_is_malformed_is_refused(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    struct error error;
    struct stored_blob stored = {.account_id = TEXT("a"), .blob = TEXT("no blob"), .due_ms = INSTANT_NEVER};
    assert_int_equal(shard_load(fixture->shard, &stored, NULL, &error), RESULT_REJECT);
    assert_int_equal(accounts_count(shard_accounts(fixture->shard)), 0);
    end(fixture);
}

static void what_is_in_memory_is_newer_than_what_is_loaded(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.stored = true});
    struct buffer blob = {0};
    make_blob("a", 10, &blob);
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    taken(fixture, STREAM_LOGIN, "a", "9", 50);
    load(fixture, "a", &blob, START + HOUR, 0);
    enum step_outcome outcome;
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "9", 50, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_DUPLICATE);
    buffer_free(&blob);
    end(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_account_is_asked_for_and_one_that_was_never_seen_begins),
        cmocka_unit_test(accounts_that_are_due_come_from_the_store_before_the_tick_is_over),
        cmocka_unit_test(a_page_is_good_also_where_the_account_of_the_record_has_left_meanwhile),
        cmocka_unit_test(a_record_that_waits_for_its_account_does_not_pause_any_more),
        cmocka_unit_test(an_account_that_left_memory_is_asked_for_at_its_deadline),
        cmocka_unit_test(accounts_in_the_store_that_wait_for_a_stream_are_asked_for_when_it_resumes),
        cmocka_unit_test(after_a_takeover_it_is_not_known_which_streams_resumed),
        cmocka_unit_test(changed_rules_make_every_account_of_the_store_due_until_a_tick_has_fired),
        cmocka_unit_test(a_blob_that_is_malformed_is_refused),
        cmocka_unit_test(what_is_in_memory_is_newer_than_what_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
