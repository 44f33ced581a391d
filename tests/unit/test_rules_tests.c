/* Tests of rules: what their records are, what each kind of check finds, and what it says where it fails. Files that
 * are wrong are test_rules_tests_refusals.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/test_feed.h"
#include "tests/unit/rules_suite.h"

#define SHIPPED BELLWETHER_SOURCE_DIR "/config/rules/"

/* The test fails, and its difference holds each of the texts (which end with NULL), in this order. */
static void assert_fails(const char *records, const char *expect, const char *const *texts) {
    struct fixture fixture;
    read_test(&fixture, records, expect);
    if (fixture.result != RESULT_OK)
        fail_msg("%.*s", TEXT_ARGUMENTS(fixture.findings.items[0].what));
    run_one_test(&fixture, &fixture.suite.tests[0]);
    assert_false(fixture.passed);
    const char *at = (const char *)fixture.differences.data;
    for (; *texts != NULL; texts++) {
        at = strstr(at, *texts);
        if (at == NULL) {
            fail_msg("no `%s` in:\n%s", *texts, (const char *)fixture.differences.data);
            return; /* The analyser does not know that fail_msg() does not return. */
        }
    }
    fixture_free(&fixture);
}

/* ---- instants ---- */

static void test_relative_instants_are_durations_from_the_start(void **state) {
    (void)state;
    int64_t instant_ms;
    assert_true(test_instant_parse(TEXT("3d"), 1000, &instant_ms));
    assert_int_equal(instant_ms, 1000 + 3 * DAY);
    assert_true(test_instant_parse(TEXT("-30d"), 1000, &instant_ms));
    assert_int_equal(instant_ms, 1000 - 30 * DAY);
    assert_true(test_instant_parse(TEXT("+1d  6h 30m"), 0, &instant_ms));
    assert_int_equal(instant_ms, DAY + 6 * HOUR + 30 * MINUTE);
    assert_true(test_instant_parse(TEXT("-1d 6h"), 0, &instant_ms));
    assert_int_equal(instant_ms, -(DAY + 6 * HOUR));
    assert_true(test_instant_parse(TEXT("1.5d"), 0, &instant_ms));
    assert_int_equal(instant_ms, 36 * HOUR);
}

static void test_absolute_instants_are_dates(void **state) {
    (void)state;
    int64_t instant_ms;
    assert_true(test_instant_parse(TEXT("1970-01-02"), 1000, &instant_ms));
    assert_int_equal(instant_ms, DAY);
    assert_true(test_instant_parse(TEXT("1970-01-01T01:00+01:00"), 1000, &instant_ms));
    assert_int_equal(instant_ms, 0);
}

static void test_a_bare_number_is_no_instant(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "3", "-", "3 d", "d", "1d,2h", "- 3d", "1d -2h", "soon", "0.5ms"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t instant_ms = 7;
        if (test_instant_parse(text_of(wrong[i]), 0, &instant_ms))
            fail_msg("`%s` is taken", wrong[i]);
        assert_int_equal(instant_ms, 7);
    }
}

/* ---- records ---- */

static void test_records_repeat_in_time_and_over_their_lists(void **state) {
    (void)state;
    struct fixture fixture;
    read_test(&fixture,
              "{ stream: usage, account_id: [a, b], user_id: u, feature: [f, g, h], every: 12h, from: 1d, times: 4 }",
              "{ at: 9d, known: false }");
    assert_int_equal(fixture.result, RESULT_OK);
    struct test_feed *feed;
    struct file_record record;
    const struct test_record *source;
    struct error error;
    assert_int_equal(test_feed_create(&fixture.suite.tests[0], &feed, &error), RESULT_OK);
    uint32_t count = 0;
    for (;; count++) {
        assert_int_equal(test_feed_next(feed, INT64_MAX, &record, &source, &error), RESULT_OK);
        if (source == NULL)
            break;
        assert_int_equal(record.event.time_ms, fixture.suite.tests[0].start_ms + DAY + count / 6 * 12 * HOUR);
        assert_true(text_equals(record.event.account_id, count % 6 < 3 ? "a" : "b"));
        const char *features[] = {"f", "g", "h"};
        assert_true(
            text_equals(record.event.fields[stream_field(STREAM_USAGE, TEXT("feature"))].text, features[count % 3]));
    }
    assert_int_equal(count, 24);
    test_feed_free(feed);
    fixture_free(&fixture);
}

static void test_until_is_the_last_instant_of_a_repetition(void **state) {
    (void)state;
    assert_passes(DAILY, "{ at: 11d, not_in: [silent] }, { at: 11d 1h, in: [silent] }");
}

static void test_generated_event_ids_differ_and_given_ones_may_repeat(void **state) {
    (void)state;
    /* The second of the same id is a duplicate, so that the account falls silent after the first. */
    assert_passes("{ stream: login, user_id: u, event_id: e, every: 1d, times: 2 }", "{ at: 2d 1h, in: [silent] }");
    assert_passes("{ stream: login, user_id: u, every: 1d, times: 2 }", "{ at: 2d 1h, not_in: [silent] }");
}

static void test_a_record_may_arrive_late(void **state) {
    (void)state;
    assert_passes("{ stream: login, user_id: u, at: 0d }, { stream: login, user_id: u, at: 2d 6h, arrives: 3d 12h }",
                  "{ at: 2d 7h, in: [silent] }, { at: 3d 11h, in: [silent] }, { at: 3d 12h, not_in: [silent] }");
}

static void test_facts_have_relative_instants_numbers_maps_and_null(void **state) {
    (void)state;
    assert_passes("{ stream: account, at: 0d, seats: 11, renews_at: 40d, plan: null, attributes: { a: \"1\" } }",
                  "{ at: 0d, dimensions: { size: large, plan: unknown }, not_in: [renewing] }, "
                  "{ at: 10d 1h, in: [renewing] }");
}

static void test_facts_come_before_events_of_the_same_instant(void **state) {
    (void)state;
    assert_passes("{ stream: login, user_id: u, at: 0d }, { stream: account, at: 0d, seats: 11 }",
                  "{ between: [0d, 0d], changes: [ { subject: size, from: null, to: large, cause: EVENT } ] }");
}

static void test_a_tombstone_erases(void **state) {
    (void)state;
    assert_passes("{ stream: login, user_id: u, at: 0d }, { stream: account, at: 3d, deleted: true }",
                  "{ at: 2d 1h, known: true, in: [silent] }, { at: 3d, known: false, segments: [] }, "
                  "{ between: [3d, 3d], all_changes: [ { kind: EXITED, subject: silent, cause: ACCOUNT_DELETED, "
                  "playbook: call } ] }");
}

static void test_a_record_that_the_schema_refuses_fails_the_test(void **state) {
    (void)state;
    assert_fails("{ stream: nps, at: 0d, score: 11 }", "{ at: 0d, known: false }",
                 (const char *const[]){"t.yaml:9:16: this record is rejected", "score", NULL});
}

static void test_a_record_of_the_future_fails_the_test(void **state) {
    (void)state;
    assert_fails("{ stream: login, user_id: u, at: 2d, arrives: 1d }", "{ at: 3d, known: false }",
                 (const char *const[]){"this record is rejected", NULL});
}

/* ---- checks ---- */

static void test_each_kind_of_check_can_hold(void **state) {
    (void)state;
    assert_passes(DAILY, "{ at: 9d, known: true, segments: [], dimensions: { band: low, size: [small, large] }, "
                         "scores: { churn_risk: 0 }, not_in: [silent, renewing] }");
    assert_passes(DAILY, "{ at: 12d, segments: [silent], in: [silent], scores: { churn_risk: 30 } }");
    assert_passes(DAILY,
                  "{ at: 11d 12h, scores: { churn_risk: 25..25 } }, { at: 12d, scores: { churn_risk: '>= 30' } },"
                  "{ at: 12d, scores: { churn_risk: '<= 30' } }, { at: 12d, scores: { churn_risk: '< 30.01' } },"
                  "{ at: 12d, scores: { churn_risk: '> 29.99' } }");
    assert_passes("{ stream: custom, name: x, at: 0d }", "{ at: 1d, scores: { churn_risk: missing } }");
    assert_passes(DAILY, "{ between: [0d, 11d], never_in: [silent], never: { band: [high, unknown] } }");
    assert_passes(DAILY, "{ between: [10d, 20d], changes: [ { kind: ENTERED, subject: silent, at: 11d 1h, from: null, "
                         "to: null, playbook: call, cause: TICK, reasons: [idle] }, "
                         "{ kind: MOVED, subject: band, from: low, to: high, at: 14d, playbook: rescue } ] }");
    assert_passes(DAILY, "{ between: [0d, 10d], all_changes: [ { subject: band, to: low }, { subject: size }, "
                         "{ subject: plan } ] }");
    assert_passes(DAILY, "{ between: [1d, 10d], all_changes: [] }");
}

static void test_each_kind_of_check_can_fail(void **state) {
    (void)state;
    const char *const one[] = {"expected", "found", NULL};
    assert_fails(DAILY, "{ at: 9d, known: false }", one);
    assert_fails(DAILY, "{ at: 9d, account: other, known: true }", one);
    assert_fails(DAILY, "{ at: 9d, segments: [silent] }", one);
    assert_fails(DAILY, "{ at: 12d, segments: [] }", one);
    assert_fails(DAILY, "{ at: 9d, in: [silent] }", one);
    assert_fails(DAILY, "{ at: 9d, account: other, in: [silent] }", one);
    assert_fails(DAILY, "{ at: 12d, not_in: [silent] }", one);
    assert_fails(DAILY, "{ at: 9d, dimensions: { size: large } }", one);
    assert_fails(DAILY, "{ at: 9d, account: other, dimensions: { size: large } }", one);
    assert_fails(DAILY, "{ at: 9d, dimensions: { band: high } }", one);
    assert_fails(DAILY, "{ at: 9d, dimensions: { plan: [a, b] } }", one);
    assert_fails(DAILY, "{ at: 12d, scores: { churn_risk: missing } }", one);
    assert_fails(DAILY, "{ at: 12d, scores: { churn_risk: 29.99 } }", one);
    assert_fails(DAILY, "{ at: 12d, scores: { churn_risk: '> 30' } }", one);
    assert_fails(DAILY, "{ at: 12d, scores: { churn_risk: '< 30' } }", one);
    assert_fails(DAILY, "{ at: 12d, scores: { churn_risk: 30.01..40 } }", one);
    assert_fails(DAILY, "{ at: 12d, account: other, scores: { churn_risk: 1 } }", one);
    assert_fails(DAILY, "{ between: [0d, 11d 1h], never_in: [silent] }", one);
    assert_fails(DAILY, "{ between: [12d, 12d], never_in: [silent] }", one);
    assert_fails(DAILY, "{ between: [14d, 20d], never: { band: high } }", one);
    assert_fails(DAILY, "{ between: [0d, 14d], changes: [ { kind: EXITED, subject: silent } ] }", one);
    assert_fails(DAILY, "{ between: [1d, 20d], all_changes: [ { subject: silent } ] }", one);
    assert_fails(DAILY, "{ between: [1d, 20d], all_changes: [ { subject: band }, { subject: silent } ] }", one);
    assert_fails(DAILY, "{ between: [1d, 9d], changes: [ { subject: silent } ] }", one);
}

static void test_being_left_at_the_beginning_of_a_period_is_not_being_in_it(void **state) {
    (void)state;
    const char *records = "{ stream: login, user_id: u, at: 0d }, { stream: login, user_id: u, at: 5d }";
    assert_passes(records, "{ between: [5d, 6d], never_in: [silent] }");
    assert_fails(records, "{ between: [4d 23h, 6d], never_in: [silent] }",
                 (const char *const[]){"in it at 4d 23h", NULL});
}

static void test_a_segment_that_is_missed_says_which_condition_failed(void **state) {
    (void)state;
    assert_fails(DAILY, "{ at: 10d, in: [silent] }",
                 (const char *const[]){"t.yaml:10:", "account acme, at 10d (2026-01-15T00:00:00.000Z)",
                                       "expected  in silent", "found     not in it",
                                       "when does not hold:", "false  since(login) > 2d   with 1d and 2d", NULL});
}

static void test_a_score_that_is_missed_shows_its_signals(void **state) {
    (void)state;
    assert_fails(DAILY, "{ at: 12d, scores: { churn_risk: 0 } }",
                 (const char *const[]){"expected  churn_risk: 0", "found     churn_risk: 30", "coverage 1",
                                       "idle: 3d, contributes 30", "these do not count: nps", NULL});
}

static void test_a_dimension_that_is_missed_shows_its_cases(void **state) {
    (void)state;
    assert_fails("{ stream: account, at: 0d, seats: 10 }", "{ at: 0d, dimensions: { size: large } }",
                 (const char *const[]){"expected  size: large", "found     size: small, since 0d",
                                       "case 1, large, does not hold", "false  account.seats > 10   with 10 and 10",
                                       "case 2, small, holds", NULL});
}

static void test_changes_that_are_missed_show_what_came_instead(void **state) {
    (void)state;
    assert_fails(DAILY, "{ between: [1d, 20d], changes: [ { subject: silent }, { subject: size, to: large } ] }",
                 (const char *const[]){"these changes, in this order", "met      subject: silent",
                                       "NOT MET  subject: size, to: large", "found",
                                       "11d 1h  ENTERED silent  TICK  playbook call  reasons [idle]",
                                       "14d  MOVED band  low -> high", NULL});
}

static void test_checks_are_made_in_the_order_of_time(void **state) {
    (void)state;
    assert_passes(DAILY, "{ at: 12d, in: [silent] }, { at: 9d, not_in: [silent] }");
}

/* ---- the shipped packs ---- */

static void assert_pack_passes(const char *path) {
    struct fixture fixture;
    read_suite(&fixture, path);
    if (fixture.result != RESULT_OK)
        fail_msg("%.*s: %.*s", TEXT_ARGUMENTS(fixture.findings.items[0].where),
                 TEXT_ARGUMENTS(fixture.findings.items[0].what));
    for (uint32_t i = 0; i < fixture.suite.tests_count; i++) {
        run_one_test(&fixture, &fixture.suite.tests[i]);
        if (!fixture.passed)
            fail_msg("%.*s\n%s", TEXT_ARGUMENTS(fixture.suite.tests[i].name), (const char *)fixture.differences.data);
    }
    fixture_free(&fixture);
}

static void test_the_starter_pack_passes_its_tests(void **state) {
    (void)state;
    assert_pack_passes(SHIPPED "starter_test.yaml");
}

static void test_the_default_pack_passes_its_tests(void **state) {
    (void)state;
    assert_pack_passes(SHIPPED "default_test.yaml");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relative_instants_are_durations_from_the_start),
        cmocka_unit_test(test_absolute_instants_are_dates),
        cmocka_unit_test(test_a_bare_number_is_no_instant),
        cmocka_unit_test(test_records_repeat_in_time_and_over_their_lists),
        cmocka_unit_test(test_until_is_the_last_instant_of_a_repetition),
        cmocka_unit_test(test_generated_event_ids_differ_and_given_ones_may_repeat),
        cmocka_unit_test(test_a_record_may_arrive_late),
        cmocka_unit_test(test_facts_have_relative_instants_numbers_maps_and_null),
        cmocka_unit_test(test_facts_come_before_events_of_the_same_instant),
        cmocka_unit_test(test_a_tombstone_erases),
        cmocka_unit_test(test_a_record_that_the_schema_refuses_fails_the_test),
        cmocka_unit_test(test_a_record_of_the_future_fails_the_test),
        cmocka_unit_test(test_each_kind_of_check_can_hold),
        cmocka_unit_test(test_each_kind_of_check_can_fail),
        cmocka_unit_test(test_being_left_at_the_beginning_of_a_period_is_not_being_in_it),
        cmocka_unit_test(test_a_segment_that_is_missed_says_which_condition_failed),
        cmocka_unit_test(test_a_score_that_is_missed_shows_its_signals),
        cmocka_unit_test(test_a_dimension_that_is_missed_shows_its_cases),
        cmocka_unit_test(test_changes_that_are_missed_show_what_came_instead),
        cmocka_unit_test(test_checks_are_made_in_the_order_of_time),
        cmocka_unit_test(test_the_starter_pack_passes_its_tests),
        cmocka_unit_test(test_the_default_pack_passes_its_tests),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
