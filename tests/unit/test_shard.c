/* The shard's clock: duplicates, watermark, ticks. What it asks of a store is test_shard_store.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/shard_fixture.h"

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
    assert_int_equal(shard_take(fixture->shard, ACCOUNT_NONE, &event, &outcome, &error), RESULT_OK);
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
    assert_int_equal(shard_take(fixture->shard, ACCOUNT_NONE, &tombstone, &outcome, &error), RESULT_OK);
    told(fixture, "a erased;");
    assert_int_equal(take(fixture, STREAM_LOGIN, "a", "2", 90, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_ERASED);
    assert_int_equal(watermark(fixture), 90);
    assert_int_equal(counters_get(&fixture->counters, COUNTER_EVENTS_ERASED), 1);
    tombstone.account_id = TEXT("unknown");
    tombstone.time_ms = START + 2 * HOUR;
    assert_int_equal(shard_take(fixture->shard, ACCOUNT_NONE, &tombstone, &outcome, &error), RESULT_OK);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
