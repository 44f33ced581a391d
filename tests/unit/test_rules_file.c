#include "cli/rules_file.h"

#include "tests/unit/compiled_rules.h"

/* What is found where these streams are off (bits of 1 << stream), as `where: what` with line feeds. */
static const char *warnings(const char *rules, uint32_t off) {
    const struct program *program = compile_text(text_of(rules));
    const char *topics[STREAMS];
    struct findings findings = {.arena = &arena};
    struct text all = TEXT("");
    for (int i = 0; i < STREAMS; i++)
        topics[i] = (off >> i & 1) != 0 ? NULL : "topic";
    rules_file_check_streams(program, topics, &findings);
    assert_int_equal(findings.errors, 0);
    for (uint32_t i = 0; i < findings.count; i++)
        all = arena_printf(&arena, "%.*s%.*s: %.*s\n", TEXT_ARGUMENTS(all), TEXT_ARGUMENTS(findings.items[i].where),
                           TEXT_ARGUMENTS(findings.items[i].what));
    return all.data;
}

static const char rules[] = "ruleset: '1'\n"
                            "segments:\n"
                            "  silent: { when: since(login) > 7d and account.plan == 'team' }\n"
                            "  quiet: { when: 'count(login, 7d) == 0' }\n";

static void rules_that_look_at_what_is_read_are_fine(void **state) {
    (void)state;
    assert_string_equal(warnings(rules, 0), "");
    assert_string_equal(warnings(rules, 1U << STREAM_NPS | 1U << STREAM_USAGE), "");
}

static void a_stream_that_is_off_and_looked_at_is_told_once(void **state) {
    (void)state;
    assert_string_equal(warnings(rules, 1U << STREAM_LOGIN | 1U << STREAM_NPS),
                        "streams.login: it is off, and the rules look at it: to them nothing ever happens there, so "
                        "that counts and sums of it are 0 for every account, and all else of it is missing\n");
}

static void facts_without_the_stream_of_accounts_are_told(void **state) {
    (void)state;
    assert_string_equal(
        warnings(rules, 1U << STREAM_ACCOUNT),
        "streams.account: it is off, and the rules look at facts: they are missing for every account\n");
    assert_string_equal(warnings("ruleset: '1'\nsegments: { a: { when: since(login) > 7d } }\n", 1U << STREAM_ACCOUNT),
                        "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules_that_look_at_what_is_read_are_fine, start, end),
        cmocka_unit_test_setup_teardown(a_stream_that_is_off_and_looked_at_is_told_once, start, end),
        cmocka_unit_test_setup_teardown(facts_without_the_stream_of_accounts_are_told, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
