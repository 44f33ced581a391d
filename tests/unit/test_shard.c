/* The shard's clock: duplicates, watermark, ticks, and what it asks of a store. */
#include "engine/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"
#include "config/yaml.h"
#include "engine/core/rules/rules.h"

static const char rules[] = "ruleset: one\n"
                            "clock: { tick: 1h }\n"
                            "streams: { login: { stall_after: 10h } }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 5h' }\n"
                            "  gone: { when: 'since(login) > 20h' }\n";

#define START (INT64_C(1767225600) * 1000) /* a tick */

struct fixture {
    struct arena arena;
    const struct program *program;
    struct engine *engine;
    struct slab slab;
    struct shard *shard;
    struct counters counters;
    struct buffer told; /* "account subject K hour:minute;" for each change, K its kind's letter */
};

static enum result tell(void *context, const struct change *changes, uint32_t count, const struct status *status,
                        struct error *error) {
    struct fixture *fixture = context;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        int64_t minutes = (changes[i].at_ms - START) / MINUTE;
        buffer_printf(&fixture->told, "%.*s %.*s %c %d:%02d;", TEXT_ARGUMENTS(changes[i].account_id),
                      TEXT_ARGUMENTS(changes[i].subject), "MEX"[changes[i].kind], (int)(minutes / 60),
                      (int)(minutes % 60));
    }
    if (count == 0 && status != NULL)
        buffer_printf(&fixture->told, "%.*s erased;", TEXT_ARGUMENTS(status->account_id));
    return RESULT_OK;
}

static const struct program *compile(struct arena *arena, const char *text) {
    struct document document;
    struct error error;
    struct problems problems = {0};
    const struct program *program;
    assert_int_equal(yaml_read_text(text_of(text), TEXT("rules.yaml"), arena, &document, &error), RESULT_OK);
    assert_int_equal(rules_compile(&document, arena, &program, &problems), RESULT_OK);
    return program;
}

static void make_shard(struct fixture *fixture, const struct shard_options *options) {
    struct error error;
    struct shard_output output = {fixture, tell};
    assert_int_equal(
        shard_create(fixture->engine, &fixture->slab, options, &output, &fixture->counters, &fixture->shard, &error),
        RESULT_OK);
}

static struct fixture *begin(struct shard_options options) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error;
    struct engine_options engine_options = {.account_bytes_max = 1 << 19, .live_from_ms = INSTANT_NONE};
    fixture->program = compile(&fixture->arena, rules);
    assert_int_equal(engine_create(fixture->program, &engine_options, &fixture->engine, &error), RESULT_OK);
    make_shard(fixture, &options);
    return fixture;
}

static void end(struct fixture *fixture) {
    shard_free(fixture->shard);
    slab_free(&fixture->slab);
    engine_free(fixture->engine);
    buffer_free(&fixture->told);
    arena_free(&fixture->arena);
    free(fixture);
}

static void told(struct fixture *fixture, const char *expected) {
    buffer_put_u8(&fixture->told, 0);
    assert_string_equal((const char *)fixture->told.data, expected);
    buffer_clear(&fixture->told);
}

static struct event event_of(enum stream stream, const char *account, const char *id, int64_t minutes) {
    return (struct event){.stream = stream,
                          .account_id = text_of(account),
                          .event_id = stream == STREAM_ACCOUNT ? TEXT_MISSING : text_of(id),
                          .time_ms = START + minutes * MINUTE};
}

static enum result take(struct fixture *fixture, enum stream stream, const char *account, const char *id,
                        int64_t minutes, enum step_outcome *ret_outcome) {
    struct error error;
    struct event event = event_of(stream, account, id, minutes);
    return shard_take(fixture->shard, &event, ret_outcome, &error);
}

static void taken(struct fixture *fixture, enum stream stream, const char *account, const char *id, int64_t minutes) {
    enum step_outcome outcome;
    assert_int_equal(take(fixture, stream, account, id, minutes, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_APPLIED);
}

static int64_t watermark(const struct fixture *fixture) {
    return (shard_clocks(fixture->shard)->watermark_ms - START) / MINUTE;
}

static void advance(struct fixture *fixture, int64_t minutes) {
    struct error error;
    assert_int_equal(shard_advance(fixture->shard, START + minutes * MINUTE, &error), RESULT_OK);
}

/* ---- time */

static void the_first_record_fires_nothing_and_sets_the_watermark(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){0});
    assert_int_equal(shard_clocks(fixture->shard)->watermark_ms, INSTANT_NONE);
    taken(fixture, STREAM_LOGIN, "a", "1", 90);
    assert_int_equal(watermark(fixture), 90);
    assert_int_equal(shard_clocks(fixture->shard)->ticked_ms, START + HOUR);
    assert_int_equal(counters_get(&fixture->counters, COUNTER_EVALUATED_TICKS), 0);
    end(fixture);
}

static void the_watermark_stays_behind_by_the_lateness_and_never_goes_back(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.lateness_ms = 10 * MINUTE});
    taken(fixture, STREAM_LOGIN, "a", "1", 90);
    assert_int_equal(watermark(fixture), 80);
    taken(fixture, STREAM_LOGIN, "a", "2", 60);
    assert_int_equal(watermark(fixture), 80);
    end(fixture);
}

static void ticks_fire_in_order_before_the_record_that_moved_the_watermark(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){0});
    taken(fixture, STREAM_LOGIN, "b", "1", 10);
    taken(fixture, STREAM_LOGIN, "a", "2", 20);
    taken(fixture, STREAM_LOGIN, "c", "3", 75);
    taken(fixture, STREAM_USAGE, "b", "4", 400);
    /* At 6:00 for those of the first hour in the order of their first appearance; at 6:40 the record itself. */
    told(fixture, "b silent E 6:00;a silent E 6:00;");
    advance(fixture, 420);
    told(fixture, "c silent E 7:00;");
    end(fixture);
}

static void a_duplicate_has_no_effect_not_even_on_the_watermark(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){0});
    enum step_outcome outcome;
    taken(fixture, STREAM_LOGIN, "a", "same", 10);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "same", 700, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_DUPLICATE);
    assert_int_equal(watermark(fixture), 10);
    assert_int_equal(counters_get(&fixture->counters, COUNTER_DUPLICATES), 1);
    taken(fixture, STREAM_LOGIN, "b", "same", 11); /* of another account */
    end(fixture);
}

static void time_jumps_over_ticks_at_which_nobody_is_due(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){0});
    taken(fixture, STREAM_LOGIN, "a", "1", -56 * 365 * 24 * 60); /* 1970 */
    taken(fixture, STREAM_LOGIN, "b", "2", 0);
    assert_true(counters_get(&fixture->counters, COUNTER_EVALUATED_TICKS) < 100);
    end(fixture);
}

static void a_time_before_all_time_moves_no_watermark(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.lateness_ms = HOUR});
    struct event event = event_of(STREAM_LOGIN, "a", "1", 0);
    struct error error;
    enum step_outcome outcome;
    event.time_ms = INT64_MIN + 5;
    assert_int_equal(shard_take(fixture->shard, &event, &outcome, &error), RESULT_OK);
    assert_int_equal(shard_clocks(fixture->shard)->watermark_ms, INSTANT_NONE);
    end(fixture);
}

static void an_erased_account_is_told_once_and_its_events_only_move_time(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){0});
    enum step_outcome outcome;
    struct error error;
    taken(fixture, STREAM_LOGIN, "a", "1", 10);
    struct event tombstone = event_of(STREAM_ACCOUNT, "a", "", 20);
    tombstone.tombstone = true;
    assert_int_equal(shard_take(fixture->shard, &tombstone, &outcome, &error), RESULT_OK);
    told(fixture, "a erased;");
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 90, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_ERASED);
    assert_int_equal(watermark(fixture), 90);
    assert_int_equal(counters_get(&fixture->counters, COUNTER_EVENTS_ERASED), 1);
    tombstone.account_id = TEXT("unknown");
    tombstone.time_ms = START + 2 * HOUR;
    assert_int_equal(shard_take(fixture->shard, &tombstone, &outcome, &error), RESULT_OK);
    assert_int_equal(outcome, STEP_NOTHING_TO_ERASE);
    assert_int_equal(accounts_count(shard_accounts(fixture->shard)), 1);
    end(fixture);
}

static void accounts_that_a_stalled_stream_held_back_are_due_once_it_resumes(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){0});
    taken(fixture, STREAM_LOGIN, "a", "1", 0);
    taken(fixture, STREAM_LOGIN, "b", "2", 7 * 60);
    told(fixture, "a silent E 6:00;");
    /* No login of anybody for 10 hours: its clock stands at 17:00, where b's 5 hours are over already. */
    advance(fixture, 30 * 60);
    told(fixture, "b silent E 13:00;");
    taken(fixture, STREAM_USAGE, "c", "3", 30 * 60);
    taken(fixture, STREAM_LOGIN, "b", "4", 31 * 60);
    taken(fixture, STREAM_LOGIN, "b", "5", 48 * 60);
    told(fixture, "b silent X 31:00;a gone E 32:00;b silent E 37:00;b silent X 48:00;");
    end(fixture);
}

static void evaluations_of_one_call_are_bounded_and_it_goes_on_where_it_stopped(void **state) {
    (void)state;
    struct fixture *fixture = begin((struct shard_options){.evaluations_max = 2});
    struct error error;
    for (int i = 0; i < 5; i++)
        taken(fixture, STREAM_LOGIN, (const char *[]){"a", "b", "c", "d", "e"}[i], "1", 5);
    int calls = 0;
    while (shard_advance(fixture->shard, START + 6 * HOUR, &error) == RESULT_RETRY) {
        assert_true(shard_is_pausing(fixture->shard));
        assert_int_equal(shard_need(fixture->shard)->kind, NEED_NOTHING);
        assert_true(shard_ticks_pending(fixture->shard));
        /* A commit in between must not claim that the tick has fired. */
        assert_true(shard_clocks(fixture->shard)->ticked_ms < START + 6 * HOUR);
        calls++;
    }
    assert_true(calls >= 2);
    assert_false(shard_is_pausing(fixture->shard));
    told(fixture, "a silent E 6:00;b silent E 6:00;c silent E 6:00;d silent E 6:00;e silent E 6:00;");
    end(fixture);
}

/* ---- with a store */

static void load(struct fixture *fixture, const char *account, const struct buffer *blob, int64_t due_ms,
                 uint32_t waits_for) {
    struct error error;
    struct stored_blob stored = {.account_id = text_of(account),
                                 .blob = blob == NULL ? TEXT_MISSING : buffer_text(blob),
                                 .due_ms = due_ms,
                                 .waits_for = waits_for};
    assert_int_equal(shard_load(fixture->shard, &stored, NULL, 0, &error), RESULT_OK);
}

/* The blob of an account that logged in at `minutes`, as another worker left it. */
static void make_blob(const char *account, int64_t minutes, struct buffer *out) {
    struct fixture *other = begin((struct shard_options){0});
    taken(other, STREAM_LOGIN, account, "1", minutes);
    struct accounts *accounts = shard_accounts(other->shard);
    engine_encode(other->engine, accounts_state(accounts, accounts_find(accounts, text_of(account))), out);
    end(other);
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
    uint32_t evicted = 0;
    for (int i = 0; i < 3 && evicted == 0; i++) /* it has a second chance */
        evicted = shard_evict(fixture->shard, 0);
    assert_int_equal(evicted, 1);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 90, &outcome), RESULT_RETRY);
    assert_int_equal(need->kind, NEED_ACCOUNT);
    shard_due_loaded(fixture->shard, 0, START + 6 * HOUR, 0);
    load(fixture, "a", NULL, INSTANT_NEVER, 0);
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 90, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_APPLIED);
    assert_int_equal(shard_clocks(fixture->shard)->ticked_ms, START + HOUR);
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
    accounts_written(accounts, 1);
    accounts_acknowledged(accounts, TEXT("a"), 1);
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
    accounts_written(accounts, 1);
    accounts_acknowledged(accounts, TEXT("a"), 1);
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
    load(fixture, "a", &blob, INSTANT_NEVER, 0);
    shard_scan_loaded(fixture->shard, 5);
    assert_int_equal(shard_advance(fixture->shard, START + HOUR, &error), RESULT_RETRY);
    told(fixture, "a here E 1:00;");
    assert_int_equal(shard_need(fixture->shard)->cursor, 5);
    assert_true(shard_rules_changed(fixture->shard));
    shard_scan_loaded(fixture->shard, 0);
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
    assert_int_equal(shard_load(fixture->shard, &stored, NULL, 0, &error), RESULT_REJECT);
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
        cmocka_unit_test(the_first_record_fires_nothing_and_sets_the_watermark),
        cmocka_unit_test(the_watermark_stays_behind_by_the_lateness_and_never_goes_back),
        cmocka_unit_test(ticks_fire_in_order_before_the_record_that_moved_the_watermark),
        cmocka_unit_test(a_duplicate_has_no_effect_not_even_on_the_watermark),
        cmocka_unit_test(time_jumps_over_ticks_at_which_nobody_is_due),
        cmocka_unit_test(a_time_before_all_time_moves_no_watermark),
        cmocka_unit_test(an_erased_account_is_told_once_and_its_events_only_move_time),
        cmocka_unit_test(accounts_that_a_stalled_stream_held_back_are_due_once_it_resumes),
        cmocka_unit_test(evaluations_of_one_call_are_bounded_and_it_goes_on_where_it_stopped),
        cmocka_unit_test(an_absent_account_is_asked_for_and_one_that_was_never_seen_begins),
        cmocka_unit_test(accounts_that_are_due_come_from_the_store_before_the_tick_is_over),
        cmocka_unit_test(a_page_is_good_also_where_the_account_of_the_record_has_left_meanwhile),
        cmocka_unit_test(an_account_that_left_memory_is_asked_for_at_its_deadline),
        cmocka_unit_test(accounts_in_the_store_that_wait_for_a_stream_are_asked_for_when_it_resumes),
        cmocka_unit_test(after_a_takeover_it_is_not_known_which_streams_resumed),
        cmocka_unit_test(changed_rules_make_every_account_of_the_store_due_until_a_tick_has_fired),
        cmocka_unit_test(a_blob_that_is_malformed_is_refused),
        cmocka_unit_test(what_is_in_memory_is_newer_than_what_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
