/* Scores of numbers so large that what is made of them may be none any more. */
#include <stdio.h>

#include "tests/unit/rules_world.h"

/* The changes of an account that has this revenue. */
static void decide(struct world *world, const char *score, const char *revenue) {
    char rules[512], line[256];
    snprintf(rules, sizeof rules,
             "ruleset: large\nscores:\n  large: { %s }\n"
             "dimensions:\n  band: { score: large, bands: { low: 0, high: 50 } }\n",
             score);
    world_begin(world, rules);
    snprintf(line, sizeof line,
             "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-01\",\"arr\":%s,\"seats\":1}",
             revenue);
    world_take_string(world, line);
}

static void test_a_contribution_that_is_no_finite_number_is_no_reason(void **unused) {
    (void)unused;
    struct world world;
    decide(
        &world,
        "method: logistic, signals: { a: { value: account.arr, weight: 100 }, b: { value: account.seats, weight: 1 } }",
        "1e307");
    assert_true(DECIDED(&world, "\"to\":\"high\"", "\"reasons\":[{\"signal\":\"b\",\"value\":1,\"contribution\":1}]"));
    world_end(&world);
    decide(&world, "method: weighted, signals: { a: { value: account.arr, weight: 1 } }", "1e307");
    assert_true(DECIDED(&world, "\"to\":\"unknown\"", "\"reasons\":[]"));
    world_end(&world);
}

static void test_a_number_that_is_too_large_to_have_cents_is_what_it_is(void **unused) {
    (void)unused;
    struct world world;
    decide(&world, "method: logistic, signals: { a: { value: account.arr, weight: 1 } }", "1e307");
    assert_true(DECIDED(&world, "\"contribution\":1e+307}"));
    world_end(&world);
    decide(&world, "method: weighted, signals: { a: { value: account.arr, weight: 1 } }", "1e305");
    assert_true(DECIDED(&world, "\"to\":\"high\"", "\"left\":1e+307", "\"contribution\":1e+307}"));
    world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_contribution_that_is_no_finite_number_is_no_reason),
        cmocka_unit_test(test_a_number_that_is_too_large_to_have_cents_is_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
