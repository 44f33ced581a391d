/* Events through real topics give the changes that `replay` gives of the same events in the order of their times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "tests/harness/change_lines.h"
#include "tests/harness/fixture.h"

#define DEFAULT_RULES BELLWETHER_SOURCE_DIR "/config/rules/default.yaml"
#define GOLDEN        BELLWETHER_SOURCE_DIR "/tests/golden/"
#define FROM_MS       INT64_C(1717200000000) /* 2024-06-01 */

/* The rules of a golden case; where they give no lateness, with the one that replay takes. */
static char *golden_rules(const char *number) {
    char path[PATH_MAX], *rules;
    snprintf(path, sizeof path, GOLDEN "%s/rules.yaml", number);
    char *text = file_read(path, NULL), *clock = strstr(text, "clock: {");
    assert_non_null(clock);
    if (strstr(clock, "lateness") != NULL)
        return text;
    *clock = '\0';
    assert_true(asprintf(&rules, "%sclock: { lateness: 0s, %s", text, clock + strlen("clock: {")) > 0);
    free(text);
    return rules;
}

static void assert_golden_case(struct fixture *fixture, const char *number, int partitions) {
    char name[32], path[PATH_MAX], *rules = golden_rules(number);
    struct event_lines lines;
    snprintf(name, sizeof name, "golden-%s", number);
    snprintf(path, sizeof path, GOLDEN "%s/events.jsonl", number);
    event_lines_read(path, &lines);
    struct deployment *deployment = fixture_deploy(fixture, name, partitions, rules);
    deployment_produce(deployment, &lines, 0, lines.count);
    deployment_run_until_end(deployment);
    char *actual = deployment_changes(deployment), *expected = deployment_expected(deployment, &lines);
    print_message("golden case %s on %d partitions: %zu changes\n", number, partitions, count_lines(actual));
    assert_same_changes(actual, expected);
    free(actual);
    free(expected);
    free(rules);
    event_lines_free(&lines);
    deployment_close(deployment);
}

/* ---- tests */

static void golden_cases_on_one_partition_give_what_replay_gives(void **state) {
    static const char *const numbers[] = {"01", "05", "09", "11", "15", "21"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_golden_case(*state, numbers[i], 1);
}

static void golden_cases_on_three_partitions_give_what_replay_gives_of_each(void **state) {
    static const char *const numbers[] = {"04", "06", "10", "12", "17", "24"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_golden_case(*state, numbers[i], 3);
}

static void assert_made_up_log(struct fixture *fixture, const char *name, const char *option, const char *value) {
    struct made_up_options options = {
        .seed = 7, .events = 20000, .accounts = 150, .from_ms = FROM_MS, .to_ms = FROM_MS + 100 * DAY};
    char *rules = file_read(DEFAULT_RULES, NULL);
    struct event_lines lines;
    struct deployment *deployment = fixture_deploy(fixture, name, 5, rules);
    event_lines_make_up(&options, &lines);
    deployment_set(deployment, option, value);
    deployment_produce(deployment, &lines, 0, lines.count);
    deployment_run_until_end(deployment);
    char *actual = deployment_changes(deployment), *expected = deployment_expected(deployment, &lines);
    assert_true(count_lines(actual) > 2000);
    assert_same_changes(actual, expected);
    free(actual);
    free(expected);
    free(rules);
    event_lines_free(&lines);
}

static void twenty_thousand_events_with_the_shipped_rules_give_what_replay_gives(void **state) {
    assert_made_up_log(*state, "made-up", "WORKERS", "1");
}

static void two_workers_of_one_process_give_what_replay_gives(void **state) {
    assert_made_up_log(*state, "workers", "WORKERS", "2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(golden_cases_on_one_partition_give_what_replay_gives, fixture_close_deployment),
        cmocka_unit_test_teardown(golden_cases_on_three_partitions_give_what_replay_gives_of_each,
                                  fixture_close_deployment),
        cmocka_unit_test_teardown(twenty_thousand_events_with_the_shipped_rules_give_what_replay_gives,
                                  fixture_close_deployment),
        cmocka_unit_test_teardown(two_workers_of_one_process_give_what_replay_gives, fixture_close_deployment),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_close);
}
