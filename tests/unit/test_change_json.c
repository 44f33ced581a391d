#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "producer/change_json.h"
#include "tests/unit/example_changes.h"

static void assert_change(const struct change *change, const struct change_origin *origin, const char *expected) {
    struct buffer out = {0};
    change_write_json(change, origin, &out);
    buffer_put_u8(&out, 0);
    assert_true(buffer_ok(&out));
    assert_string_equal((const char *)out.data, expected);
    buffer_free(&out);
}

static void prints_a_move_with_everything_that_it_can_have(void **state) {
    (void)state;
    struct change change = example_move();
    assert_change(
        &change, NULL,
        "{\"account_id\":\"acme \\\"4\\\"\",\"sequence\":7,\"at\":\"2024-05-15T00:04:01.086Z\",\"kind\":\"MOVED\","
        "\"subject\":\"risk_band\",\"from\":\"low\",\"to\":\"high\",\"churn_risk\":71.25,\"coverage\":0.8374,"
        "\"lifecycle_stage\":\"established\",\"segments\":[\"seg_3\",\"power_2\"],\"reasons_of\":\"churn_risk\","
        "\"reasons\":[{\"signal\":\"silence\",\"value\":691200000,\"contribution\":55.53},"
        "{\"signal\":\"decline\",\"value\":0.3333333333333333,\"contribution\":15.72}],"
        "\"because\":[{\"condition\":\"account.plan != "
        "\\\"free\\\"\",\"left\":\"team\",\"right\":\"free\",\"holds\":true},"
        "{\"condition\":\"login.succeeded == true\",\"left\":false,\"right\":true,\"holds\":false},"
        "{\"condition\":\"churn_risk > 70\",\"left\":71.25,\"right\":70,\"holds\":true},"
        "{\"condition\":\"missing(account.arr)\",\"left\":null,\"right\":null,\"holds\":false}],"
        "\"previous_since\":\"2024-05-01T00:00:00.000Z\","
        "\"facts\":{\"name\":\"Acme\",\"owner\":null,\"plan\":\"team\",\"arr\":12000.5,\"currency\":\"EUR\"},"
        "\"cause\":{\"kind\":\"EVENT\",\"stream\":\"login\",\"event_id\":\"l5\"},\"ruleset\":\"2026-11-01\","
        "\"playbook\":\"rescue\",\"origin\":\"LIVE\"}");
}

static void prints_nulls_and_empty_lists_of_an_erased_account(void **state) {
    (void)state;
    struct change change = example_exit_of_an_erased_account();
    assert_change(&change, NULL,
                  "{\"account_id\":\"a\",\"sequence\":8,\"at\":\"2024-05-15T00:04:01.086Z\",\"kind\":\"EXITED\","
                  "\"subject\":\"silent\",\"from\":null,\"to\":null,\"churn_risk\":null,\"coverage\":null,"
                  "\"lifecycle_stage\":null,\"segments\":[],\"reasons_of\":null,\"reasons\":[],\"because\":[],"
                  "\"previous_since\":\"2024-05-01T00:00:00.000Z\",\"facts\":null,"
                  "\"cause\":{\"kind\":\"ACCOUNT_DELETED\"},\"ruleset\":\"2026-11-01\",\"playbook\":null,"
                  "\"origin\":\"BACKFILL\"}");
}

static void prints_in_full_where_the_cause_lies_and_when_it_was_decided(void **state) {
    (void)state;
    struct change change = example_exit_of_an_erased_account();
    struct change_origin origin = {.decided_at_ms = 1715731442000, .cause_topic = TEXT("accounts")};
    assert_change(&change, &origin,
                  "{\"account_id\":\"a\",\"sequence\":8,\"at\":\"2024-05-15T00:04:01.086Z\",\"kind\":\"EXITED\","
                  "\"subject\":\"silent\",\"from\":null,\"to\":null,\"churn_risk\":null,\"coverage\":null,"
                  "\"lifecycle_stage\":null,\"segments\":[],\"reasons_of\":null,\"reasons\":[],\"because\":[],"
                  "\"previous_since\":\"2024-05-01T00:00:00.000Z\",\"facts\":null,"
                  "\"cause\":{\"kind\":\"ACCOUNT_DELETED\",\"topic\":\"accounts\",\"partition\":3,\"offset\":4711},"
                  "\"ruleset\":\"2026-11-01\",\"playbook\":null,\"origin\":\"BACKFILL\","
                  "\"decided_at\":\"2024-05-15T00:04:02.000Z\"}");
}

static void prints_no_place_for_a_cause_that_has_none(void **state) {
    (void)state;
    struct change change = example_exit_of_an_erased_account();
    change.cause = (struct cause){.kind = CAUSE_TICK};
    struct change_origin origin = {.decided_at_ms = 1715731442000};
    struct buffer out = {0};
    change_write_json(&change, &origin, &out);
    buffer_put_u8(&out, 0);
    const char *cause = "\"cause\":{\"kind\":\"TICK\",\"topic\":null,\"partition\":null,\"offset\":null},";
    assert_non_null(strstr((const char *)out.data, cause));
    buffer_free(&out);
}

static void prints_null_for_the_event_id_of_facts(void **state) {
    (void)state;
    struct change change = example_move();
    change.cause = (struct cause){.kind = CAUSE_EVENT, .stream = STREAM_ACCOUNT};
    struct buffer out = {0};
    change_write_json(&change, NULL, &out);
    buffer_put_u8(&out, 0);
    const char *cause = "\"cause\":{\"kind\":\"EVENT\",\"stream\":\"account\",\"event_id\":null},";
    assert_non_null(strstr((const char *)out.data, cause));
    buffer_free(&out);
}

static void rounds_the_coverage_to_four_decimals(void **state) {
    (void)state;
    assert_true(coverage_rounded(1.0 / 3) == 0.3333);
    assert_true(coverage_rounded(2.0 / 3) == 0.6667);
    assert_true(coverage_rounded(coverage_rounded(2.0 / 3)) == 0.6667);
    assert_true(isnan(coverage_rounded(NAN)));
}

static void prints_a_status_with_its_facts(void **state) {
    (void)state;
    struct status status = example_status();
    struct buffer out = {0};
    status_write_json(&status, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal(
        (const char *)out.data,
        "{\"account_id\":\"a\",\"sequence\":9,\"at\":\"2024-05-15T00:04:01.086Z\",\"ruleset\":\"2026-11-01\","
        "\"scores\":{\"churn_risk\":{\"value\":71.25,\"coverage\":0.8374},\"health\":{\"value\":null,\"coverage\":0}},"
        "\"dimensions\":{\"tier\":{\"value\":\"gold\",\"since\":\"2024-05-01T00:00:00.000Z\"}},"
        "\"segments\":[{\"name\":\"silent\",\"since\":\"2024-05-01T00:00:00.000Z\"}],"
        "\"facts\":{\"updated_at\":\"2024-05-01T00:00:00.000Z\",\"name\":\"Acme\",\"status\":\"CANCELLED\",\"plan\":"
        "null,"
        "\"arr\":12000.5,\"currency\":null,\"seats\":25,\"employees\":null,\"industry\":null,\"country\":null,"
        "\"region\":null,\"created_at\":null,\"onboarded_at\":null,\"renews_at\":null,\"owner\":null,"
        "\"touch_override\":null,\"parent_account_id\":null,\"attributes\":{\"segment\":\"smb\"}}}");
    buffer_free(&out);
}

static void prints_a_status_before_any_facts(void **state) {
    (void)state;
    struct status status = example_status();
    status.has_facts = false;
    status.segments_count = status.dimensions_count = status.scores_count = 0;
    struct buffer out = {0};
    status_write_json(&status, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "{\"account_id\":\"a\",\"sequence\":9,\"at\":\"2024-05-15T00:04:01.086Z\","
                        "\"ruleset\":\"2026-11-01\",\"scores\":{},\"dimensions\":{},\"segments\":[],\"facts\":null}");
    buffer_free(&out);
}

static void prints_an_event_as_replay_reads_it(void **state) {
    (void)state;
    struct event event = example_event(STREAM_TICKET);
    struct buffer out = {0};
    event_write_json(&event, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "{\"stream\":\"ticket\",\"event_id\":\"e1\",\"account_id\":\"acme\","
                        "\"occurred_at\":\"2024-05-01T00:00:00.000Z\",\"ticket_id\":\"t1\",\"action\":\"ESCALATED\","
                        "\"severity\":\"URGENT\",\"satisfaction\":5}");
    buffer_free(&out);
}

static void prints_a_tombstone_as_replay_reads_it(void **state) {
    (void)state;
    struct event event = {.stream = STREAM_ACCOUNT, .tombstone = true, .account_id = TEXT("a"), .time_ms = 0};
    struct buffer out = {0};
    event_write_json(&event, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, "{\"stream\":\"account\",\"account_id\":\"a\","
                                                "\"updated_at\":\"1970-01-01T00:00:00.000Z\",\"deleted\":true}");
    buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_a_move_with_everything_that_it_can_have),
        cmocka_unit_test(prints_nulls_and_empty_lists_of_an_erased_account),
        cmocka_unit_test(prints_in_full_where_the_cause_lies_and_when_it_was_decided),
        cmocka_unit_test(prints_no_place_for_a_cause_that_has_none),
        cmocka_unit_test(prints_null_for_the_event_id_of_facts),
        cmocka_unit_test(rounds_the_coverage_to_four_decimals),
        cmocka_unit_test(prints_a_status_with_its_facts),
        cmocka_unit_test(prints_a_status_before_any_facts),
        cmocka_unit_test(prints_an_event_as_replay_reads_it),
        cmocka_unit_test(prints_a_tombstone_as_replay_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
