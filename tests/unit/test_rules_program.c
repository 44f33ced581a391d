/* What of rules is in the program that they become: aggregates and their fingerprints, hashes, conditions, settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/core/change.h"
#include "tests/unit/compiled_rules.h"

/* --- Aggregates --- */

static void the_longest_window_wins(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("count(login, 7d) > count(login, 30d)", "count(login, 14d) > 3");
    assert_int_equal(program->aggregates_count, 1);
    assert_int_equal(program->aggregates[0].kind, AGGREGATE_COUNT);
    assert_int_equal(program->aggregates[0].stream, STREAM_LOGIN);
    assert_int_equal(program->aggregates[0].window_slices, 30);
    assert_int_equal(program->aggregates[0].slice_ms, DAY);
    assert_int_equal(program->aggregates[0].filter, REGISTER_NONE);
    assert_int_equal(program->aggregates[0].field, FIELDS_MAX);
}

static void hours_and_days_are_different_aggregates(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("count(login, 48h) > count(login, 3d)");
    assert_int_equal(program->aggregates_count, 2);
    assert_int_equal(program->aggregates[0].slice_ms, HOUR);
    assert_int_equal(program->aggregates[0].window_slices, 48);
    assert_int_equal(program->aggregates[1].slice_ms, DAY);
    assert_int_equal(program->aggregates[1].window_slices, 3);
}

static void a_trend_looks_at_a_count_of_both_windows(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("trend(usage, 1d, 3d) > 1", "count(usage, 3d) > 3",
                                             "trend(usage, 6h, 2h) > 1");
    assert_int_equal(program->aggregates_count, 2);
    assert_int_equal(program->aggregates[0].kind, AGGREGATE_COUNT);
    assert_int_equal(program->aggregates[0].window_slices, 4);
    assert_int_equal(program->aggregates[1].slice_ms, HOUR);
    assert_int_equal(program->aggregates[1].window_slices, 8);
    const struct instruction *trend = &program->code.instructions[0];
    assert_int_equal(trend->operation, OP_TREND);
    assert_int_equal(trend->right, 1);
    assert_int_equal(trend->extra, 3);
}

static void an_average_is_a_sum_by_the_events_that_have_the_field(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("avg(custom.value, 7d) > 1", "sum(custom.value, 7d) > 1",
                                             "count(custom, 7d) > 1");
    uint32_t value = stream_field(STREAM_CUSTOM, TEXT("value"));
    assert_int_equal(program->aggregates_count, 3);
    assert_int_equal(program->aggregates[0].kind, AGGREGATE_SUM);
    assert_int_equal(program->aggregates[0].field, value);
    assert_int_equal(program->aggregates[1].kind, AGGREGATE_COUNT);
    assert_int_equal(program->aggregates[1].field, value);
    assert_int_equal(program->aggregates[2].field, FIELDS_MAX);
    const struct instruction *division = find_instruction(program, OP_DIVIDE);
    assert_int_equal(division->left, find_instruction(program, OP_SUM)->target);
}

static void equal_filters_run_once(void **state) {
    (void)state;
    const struct program *program = SEGMENTS(
        "count(usage where feature == 'a', 7d) > 1", "since(usage where (feature=='a')) > 1d",
        "count(usage where feature == 'b', 7d) > 1", "count(custom where name == 'a', 7d) > 1");
    assert_int_equal(program->aggregates_count, 4);
    assert_int_equal(program->aggregates[0].filter, program->aggregates[1].filter);
    assert_int_not_equal(program->aggregates[0].filter, program->aggregates[2].filter);
    assert_int_equal(program->filters[STREAM_USAGE].count, 3);
    assert_int_equal(program->filters[STREAM_CUSTOM].count, 2);
    assert_int_equal(program->filters[STREAM_LOGIN].count, 0);
}

/* Otherwise an account would have two parts of one fingerprint. */
static void filters_of_one_meaning_are_one(void **state) {
    (void)state;
    const struct program *program = SEGMENTS(
        "count(custom where value > 0, 7d) > 1", "count(custom where value > -0, 7d) > 1",
        "count(custom where value > 0 * -1, 7d) > 1", "count(custom where value > number('-0'), 7d) > 1");
    assert_int_equal(program->aggregates_count, 1);
    program = SEGMENTS("count(custom where value in [0, 1], 7d) > 1", "count(custom where value in [-0, 1], 7d) > 1");
    assert_int_equal(program->aggregates_count, 1);
    program = SEGMENTS("count(custom where value > 1 / 0, 7d) > 1", "count(custom where value > -(1 / 0), 7d) > 1");
    assert_int_equal(program->aggregates_count, 1);
}

static void each_different_call_of_open_has_its_bit(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("open(ticket) > 1", "open(ticket where severity == 'URGENT') > 1",
                                             "open(ticket) > 2");
    assert_int_equal(program->aggregates_count, 2);
    assert_int_equal(program->aggregates[0].open_index, 0);
    assert_int_equal(program->aggregates[1].open_index, 1);
}

static uint64_t fingerprint_of(const char *expression) {
    const struct program *program = SEGMENTS(expression);
    assert_int_equal(program->aggregates_count, 1);
    return program->aggregates[0].fingerprint;
}

static void a_fingerprint_is_of_the_definition_without_the_window(void **state) {
    (void)state;
    uint64_t fingerprint = fingerprint_of("count(usage where feature == 'a' and quantity > 1, 7d) > 1");
    assert_true(fingerprint == fingerprint_of("count(usage where ((feature==\"a\") and quantity > 1), 90d) < 5"));
    assert_true(fingerprint == fingerprint_of("trend(usage where feature == 'a' and quantity > 1, 7d, 7d) < 5"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a' and quantity > 1, 7h) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a' and quantity >= 1, 7d) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a' or quantity > 1, 7d) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a', 7d) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage, 7d) > 1"));
    assert_false(fingerprint_of("count(usage, 7d) > 1") == fingerprint_of("count(login, 7d) > 1"));
    assert_false(fingerprint_of("sum(usage.quantity, 7d) > 1") == fingerprint_of("max(usage.quantity, 7d) > 1"));
    assert_false(fingerprint_of("last(usage.properties['a']) == 'x'") ==
                 fingerprint_of("last(usage.properties['b']) == 'x'"));
}

/* These are in the state of every account that runs: a change here loses their history. */
static void fingerprints_stay_what_they_are(void **state) {
    (void)state;
    static const struct {
        const char *expression;
        uint64_t fingerprint;
    } rows[] = {
        {"count(login, 7d) > 1", 0x32c27479337aaa9eu},
        {"count(usage where feature == 'a' and not quantity in [1, 2], 24h) > 1", 0xf4ba9365e592e5dau},
        {"distinct(usage.properties['k'], 30d) > 1", 0x33f8997e26ecc353u},
        {"since(ticket where coalesce(satisfaction, 3) - 1 < 2) > 1d", 0x6fe69c909514d523u},
        {"open(ticket where severity == 'URGENT') > 1", 0xf15e67353da9413fu},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(fingerprint_of(rows[i].expression), rows[i].fingerprint);
}

/* --- Hashes --- */

/* `everything`, with the first `from` in it replaced. */
static const struct program *changed(const char *from, const char *to) {
    const char *at = strstr(everything, from);
    assert_non_null(at);
    struct buffer source = {0};
    buffer_put(&source, everything, (size_t)(at - everything));
    buffer_put_string(&source, to);
    buffer_put_string(&source, at + strlen(from));
    const struct program *program = compile_text(buffer_text(&source));
    buffer_free(&source);
    return program;
}

static void what_cannot_matter_to_an_outcome_is_not_in_the_hash(void **state) {
    (void)state;
    uint64_t hash = compile(everything)->hash;
    assert_true(hash == changed("'2026-11-01'", "another label # and a comment")->hash);
    assert_true(hash == changed("    method: weighted", "    title: Risk\n    about: x\n    method: weighted")->hash);
    assert_true(hash == changed("since(login) > 7d,", "\"( since( login )>168h)\",")->hash);
    assert_true(hash == changed("unused: max(nps.score, 90d)", "other: count(nps, 90d)")->hash);
    assert_true(hash == changed("tick: 30m", "tick: 1800s")->hash);
}

static void what_can_matter_is(void **state) {
    (void)state;
    static const char *const changes[][2] = {
        {"tick: 30m", "tick: 1h"},
        {"lateness: 10m, ", ""},
        {"duplicate_ids: 8", "duplicate_ids: 9"},
        {"stall_after: 6h", "stall_after: 7h"},
        {"[7d, 0.5]", "[7d, 0.6]"},
        {"weight: 20", "weight: 21"},
        {"bias: -1", "bias: -2"},
        {"default: 0.5", "default: 0.4"},
        {"medium: 40", "medium: 41"},
        {"medium: 40", "middle: 40"},
        {"hysteresis: 5", "hysteresis: 4"},
        {"high: rescue", "high: other"},
        {", urgent: true", ""},
        {"value: gone", "value: left"},
        {"count(login where succeeded", "count(login where not succeeded"},
        {"for: 1h", "for: 2h"},
        {"playbook: call", "playbook: mail"},
        {"  silent: {", "  quiet: { when: 'true' }\n  silent: {"},
    };
    uint64_t hash = compile(everything)->hash;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (hash == changed(changes[i][0], changes[i][1])->hash)
            fail_msg("%s as %s has the same hash", changes[i][0], changes[i][1]);
}

static void a_count_goes_on_where_when_until_and_cooldown_are_the_same(void **state) {
    (void)state;
    uint64_t hash = compile(everything)->segments[0].count_hash;
    assert_true(hash == changed("for: 1h", "for: 2h")->segments[0].count_hash);
    assert_true(hash == changed("min_dwell: 1d", "min_dwell: 3d")->segments[0].count_hash);
    assert_false(hash == changed("since(login) > 7d", "since(login) > 8d")->segments[0].count_hash);
    assert_false(hash == changed("since(login) < 1d", "since(login) < 2d")->segments[0].count_hash);
    assert_false(hash == changed("cooldown: 2d", "cooldown: 3d")->segments[0].count_hash);
}

/* --- Conditions --- */

static void assert_conditions(const char *expression, const char *expected) {
    char texts[600] = "";
    size_t size = 0;
    const struct expression *when = when_of(SEGMENTS(expression), 0);
    for (uint32_t i = 0; i < when->conditions_count; i++)
        size += (size_t)snprintf(texts + size, sizeof texts - size, "%s%.*s", i == 0 ? "" : " | ",
                                 TEXT_ARGUMENTS(when->conditions[i].text));
    assert_string_equal(texts, expected);
}

static void conditions_are_what_and_or_and_not_join(void **state) {
    (void)state;
    assert_conditions("since(login) > 7d", "since(login) > 7d");
    assert_conditions("(((since(login)  >7d)))", "since(login)  >7d");
    assert_conditions("not (missing( account.plan ) or account.seats > 1) and last(login.succeeded)",
                      "missing( account.plan ) | account.seats > 1 | last(login.succeeded)");
    assert_conditions("(account.seats + 1) * 2 > (3) or true", "(account.seats + 1) * 2 > (3) | true");
    assert_conditions("account.plan in [ 'a', 'b' ] and (missing(account.plan)) == (false)",
                      "account.plan in [ 'a', 'b' ] | (missing(account.plan)) == (false)");
    assert_conditions("coalesce(account.seats > 1 and account.seats < 3, false)",
                      "coalesce(account.seats > 1 and account.seats < 3, false)");
    assert_conditions("count(usage where feature == 'a' and quantity > 1, 7d) > 1",
                      "count(usage where feature == 'a' and quantity > 1, 7d) > 1");
}

static void the_first_eight_conditions_are_kept(void **state) {
    (void)state;
    const struct program *program = SEGMENTS(
        "account.seats == 1 or account.seats == 2 or account.seats == 3 or account.seats == 4 or account.seats == 5 or "
        "account.seats == 6 or not (account.seats == 7 or account.seats == 8 or account.seats == 9) or true");
    assert_int_equal(when_of(program, 0)->conditions_count, CONDITIONS_MAX);
    assert_true(text_equals(when_of(program, 0)->conditions[7].text, "account.seats == 8"));
}

static void a_condition_knows_its_operands(void **state) {
    (void)state;
    const struct program *program = compile("ruleset: x\n"
                                            "metrics: { quiet: since(login) > 7d }\n"
                                            "segments:\n"
                                            "  a:\n"
                                            "    when: since(login) > 8d and account.plan in ['a'] and quiet\n");
    const struct condition *conditions = program->segments[0].when.conditions;
    assert_int_equal(conditions[0].left, find_instruction(program, OP_SINCE)->target);
    assert_int_equal(conditions[0].left_type, TYPE_DURATION);
    assert_true(program->constants[conditions[0].right].number == (double)(8 * DAY));
    assert_int_equal(conditions[1].left, find_instruction(program, OP_FACT_TEXT)->target);
    assert_int_equal(conditions[1].left_type, TYPE_STRING);
    assert_int_equal(conditions[1].right, REGISTER_NONE);
    assert_int_equal(conditions[1].holds, find_instruction(program, OP_IN_TEXT)->target);
    assert_true(text_equals(conditions[2].text, "quiet"));
    assert_int_equal(conditions[2].left, REGISTER_NONE);
    assert_int_equal(conditions[2].right, REGISTER_NONE);
}

static void text_of_a_condition_is_as_the_scalar_holds_it(void **state) {
    (void)state;
    const struct program *program = compile("ruleset: x\n"
                                            "segments:\n"
                                            "  a:\n"
                                            "    when: \"account.plan == \\\"a\\\"\"\n"
                                            "  b:\n"
                                            "    when: >-\n"
                                            "      account.seats\n"
                                            "      > 3\n");
    assert_true(text_equals(program->segments[0].when.conditions[0].text, "account.plan == \"a\""));
    assert_true(text_equals(program->segments[1].when.conditions[0].text, "account.seats > 3"));
}

/* --- Settings --- */

static void settings_have_defaults(void **state) {
    (void)state;
    const struct program *program = compile("ruleset: 007\n"
                                            "scores:\n"
                                            "  s: { method: weighted, signals: { a: { value: 1, weight: 2 } } }\n"
                                            "segments: { a: { when: 'true' } }\n");
    assert_true(text_equals(program->ruleset, "007"));
    assert_int_equal(program->tick_ms, HOUR);
    assert_false(program->lateness_given);
    assert_int_equal(program->duplicate_ids, 64);
    assert_int_equal(program->future_tolerance_ms, 5 * MINUTE);
    assert_int_equal(program->stall_after_ms[STREAM_LOGIN], 0);
    assert_true(program->scores[0].min_coverage == 0.5);
    assert_int_equal(program->scores[0].signals[0].when, REGISTER_NONE);
    assert_int_equal(program->segments[0].until.result, REGISTER_NONE);
    assert_int_equal(program->segments[0].inside, REGISTER_NONE);
    assert_true(text_is_missing(program->segments[0].playbook));
    assert_int_equal(program->churn_risk, REGISTER_NONE);
    assert_int_equal(program->lifecycle_stage, REGISTER_NONE);
}

static void settings_are_as_they_are_given(void **state) {
    (void)state;
    const struct program *program = compile(everything);
    assert_int_equal(program->tick_ms, 30 * MINUTE);
    assert_true(program->lateness_given);
    assert_int_equal(program->lateness_ms, 10 * MINUTE);
    assert_int_equal(program->duplicate_ids, 8);
    assert_int_equal(program->stall_after_ms[STREAM_LOGIN], 6 * HOUR);
    assert_int_equal(program->churn_risk, 0);
    assert_int_equal(program->lifecycle_stage, 1);
    assert_true(program->scores[0].signals[0].curve[1].x == (double)(7 * DAY));
    assert_int_equal(program->scores[0].signals[0].type, TYPE_DURATION);
    assert_int_equal(program->scores[0].signals[2].type, TYPE_BOOLEAN);
    assert_int_equal(program->dimensions[0].score, 0);
    assert_int_equal(program->dimensions[1].score, REGISTER_NONE);
    assert_true(program->dimensions[1].cases[0].urgent);
    assert_int_equal(program->dimensions[1].cases[2].when.result, REGISTER_NONE);
    assert_int_equal(program->segments[0].cooldown_ms, 2 * DAY);
    assert_int_not_equal(program->segments[0].inside, REGISTER_NONE);
    assert_int_equal(program->segments[1].inside, REGISTER_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_longest_window_wins),
        TEST(hours_and_days_are_different_aggregates),
        TEST(a_trend_looks_at_a_count_of_both_windows),
        TEST(an_average_is_a_sum_by_the_events_that_have_the_field),
        TEST(equal_filters_run_once),
        TEST(filters_of_one_meaning_are_one),
        TEST(each_different_call_of_open_has_its_bit),
        TEST(a_fingerprint_is_of_the_definition_without_the_window),
        TEST(fingerprints_stay_what_they_are),
        TEST(what_cannot_matter_to_an_outcome_is_not_in_the_hash),
        TEST(what_can_matter_is),
        TEST(a_count_goes_on_where_when_until_and_cooldown_are_the_same),
        TEST(conditions_are_what_and_or_and_not_join),
        TEST(the_first_eight_conditions_are_kept),
        TEST(a_condition_knows_its_operands),
        TEST(text_of_a_condition_is_as_the_scalar_holds_it),
        TEST(settings_have_defaults),
        TEST(settings_are_as_they_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
