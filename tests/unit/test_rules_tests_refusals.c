/* Files of tests that are wrong: each is refused with what is wrong and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rules_suite.h"

/* The file is refused, and one of its first `count` findings says so. */
static void assert_rejected_with(const struct fixture *fixture, uint32_t count, const char *what) {
    assert_int_equal(fixture->result, RESULT_REJECT);
    for (uint32_t i = 0; i < count; i++)
        if (strstr(fixture->findings.items[i].what.data, what) != NULL)
            return;
    fail_msg("found `%.*s`, not `%s`", TEXT_ARGUMENTS(fixture->findings.items[0].what), what);
}

/* The first finding says so, and where. */
static void assert_refused(const char *records, const char *expect, const char *what) {
    struct fixture fixture;
    read_test(&fixture, records, expect);
    assert_rejected_with(&fixture, 1, what);
    assert_non_null(strstr(fixture.findings.items[0].where.data, "t.yaml:"));
    fixture_free(&fixture);
}

static void test_names_that_do_not_exist_are_refused_with_the_nearest(void **state) {
    (void)state;
    assert_refused(DAILY, "{ at: 1d, in: [silnet] }", "there is no segment `silnet`; did you mean `silent`?");
    assert_refused(DAILY, "{ at: 1d, segments: [silnet] }", "did you mean `silent`?");
    assert_refused(DAILY, "{ between: [1d, 2d], never_in: [silnet] }", "did you mean `silent`?");
    assert_refused(DAILY, "{ at: 1d, dimensions: { bnad: low } }", "there is no dimension `bnad`");
    assert_refused(DAILY, "{ at: 1d, dimensions: { band: lwo } }", "did you mean `low`?");
    assert_refused(DAILY, "{ at: 1d, dimensions: { size: unknown } }", "there is no value of the dimension `unknown`");
    assert_refused(DAILY, "{ at: 1d, scores: { churn: 1 } }", "there is no score `churn`");
    assert_refused(DAILY, "{ between: [1d, 2d], changes: [ { subject: bandd } ] }", "did you mean `band`?");
    assert_refused(DAILY, "{ between: [1d, 2d], changes: [ { kind: ENTRED } ] }", "did you mean `ENTERED`?");
    assert_refused(DAILY, "{ between: [1d, 2d], changes: [ { cause: TOCK } ] }", "did you mean `TICK`?");
    assert_refused(DAILY, "{ att: 1d, known: true }", "there is no key `att`");
    assert_refused("{ stream: logni, at: 0d }", "{ at: 1d, known: true }", "did you mean `login`?");
    assert_refused("{ stream: login, user: u, at: 0d }", "{ at: 1d, known: true }",
                   "there is no field of `login` `user`");
    assert_refused("{ stream: login, user_id: u, method: SSSO, at: 0d }", "{ at: 1d, known: true }",
                   "did you mean `SSO`?");
}

static void test_records_of_the_wrong_form_are_refused(void **state) {
    (void)state;
    const char *expect = "{ at: 1d, known: true }";
    assert_refused("{ at: 0d }", expect, "a record needs a `stream`");
    assert_refused("{ stream: login, user_id: u }", expect, "one of `at` (its instant) and `every`");
    assert_refused("{ stream: login, user_id: u, at: 0d, every: 1d, until: 2d }", expect, "one of `at`");
    assert_refused("{ stream: login, user_id: u, at: 0d, times: 2 }", expect, "`times` belongs to `every`");
    assert_refused("{ stream: login, user_id: u, every: 1d }", expect, "`every` needs one of `until`");
    assert_refused("{ stream: login, user_id: u, every: 1d, until: 2d, times: 2 }", expect, "`every` needs one of");
    assert_refused("{ stream: login, user_id: u, every: 0d, times: 2 }", expect, "no duration above zero");
    assert_refused("{ stream: login, user_id: u, every: 1d, from: 2d, until: 1d }", expect, "0 records");
    assert_refused("{ stream: login, user_id: u, every: 1ms, until: 1d }", expect, "86400001 records");
    assert_refused("{ stream: login, user_id: u, every: 1d, times: 0 }", expect, "`0` is no count");
    assert_refused("{ stream: login, user_id: u, at: 3 }", expect, "`3` is no instant");
    assert_refused("{ stream: login, user_id: u, at: [0d, 1d] }", expect, "an instant must be a single value");
    assert_refused("{ stream: login, user_id: [], at: 0d }", expect, "an empty list");
    assert_refused("{ stream: login, user_id: u, occurred_at: 0d, at: 0d }", expect, "is written as `at`");
    assert_refused("{ stream: account, seats: many, at: 0d }", expect, "a number expected");
    assert_refused("{ stream: account, renews_at: later, at: 0d }", expect, "`later` is no instant");
    assert_refused("{ stream: account, attributes: x, at: 0d }", expect, "must be a mapping of texts");
    assert_refused("{ stream: login, user_id: u, succeeded: yes, at: 0d }", expect, "`true` or `false`");
    assert_refused("{ stream: login, user_id: { a: b }, at: 0d }", expect, "must be a single value");
}

static void test_checks_of_the_wrong_form_are_refused(void **state) {
    (void)state;
    assert_refused(DAILY, "{ at: 1d }", "this check looks at nothing");
    assert_refused(DAILY, "{ known: true }", "one of `at` (an instant) and `between`");
    assert_refused(DAILY, "{ at: 1d, between: [1d, 2d], known: true }", "one of `at`");
    assert_refused(DAILY, "{ between: [1d], never_in: [silent] }", "`between` has two instants");
    assert_refused(DAILY, "{ between: [2d, 1d], never_in: [silent] }", "before the first");
    assert_refused(DAILY, "{ at: 1d, never_in: [silent] }", "what happens over time needs `between`");
    assert_refused(DAILY, "{ between: [1d, 2d], in: [silent] }", "`between` goes with");
    assert_refused(DAILY, "{ at: 1d, in: silent }", "a list of segments must be a list");
    assert_refused(DAILY, "{ at: 1d, scores: { churn_risk: high } }", "`high` is no score");
    assert_refused(DAILY, "{ at: 1d, scores: { churn_risk: 5..4 } }", "`5..4` is no score");
    assert_refused(DAILY, "{ at: 1d, known: maybe }", "`maybe` is no boolean");
}

static void assert_file_refused(const char *content, const char *what) {
    struct fixture fixture;
    write_file(tests_path, content);
    read_suite(&fixture, tests_path);
    assert_rejected_with(&fixture, fixture.findings.count, what);
    fixture_free(&fixture);
}

static void test_files_of_the_wrong_form_are_refused(void **state) {
    (void)state;
    assert_file_refused("", "the file is empty");
    assert_file_refused("- a\n", "a file of tests must be a mapping");
    assert_file_refused("tests: []\n", "`rules` is missing");
    assert_file_refused("rules: nowhere.yaml\ntests: []\n", "nowhere.yaml");
    assert_file_refused("rules: r.yaml\n", "`tests` is missing");
    assert_file_refused("rules: r.yaml\ntests: []\n", "`tests` is missing");
    assert_file_refused("rules: r.yaml\nstart: tomorrow\ntests: []\n", "`tomorrow` is no instant");
    assert_file_refused("rules: r.yaml\ntest: []\n", "did you mean `tests`?");
    assert_file_refused("rules: r.yaml\ntests: [ { name: a } ]\n", "a test needs `expect`");
    assert_file_refused("rules: r.yaml\ntests: [ { expect: [ { at: 0d, known: false } ] } ]\n",
                        "a test needs a `name`");
    assert_file_refused("rules: r.yaml\ntests: [ { name: a, use: [b], expect: [ { at: 0d, known: false } ] } ]\n",
                        "there is no fixture `b`");
    assert_file_refused("rules: r.yaml\ntests:\n  - { name: a, expect: [ { at: 0d, known: false } ] }\n"
                        "  - { name: a, expect: [ { at: 0d, known: false } ] }\n",
                        "another test has this name, in line 3");
}

static void test_a_refused_file_is_good_once_it_is_mended(void **state) {
    (void)state;
    assert_refused(DAILY, "{ at: 9d, in: [silnet] }", "did you mean `silent`?");
    assert_passes(DAILY, "{ at: 12d, in: [silent] }");
}

static void test_fixtures_starts_and_accounts_are_the_files_or_the_tests(void **state) {
    (void)state;
    struct fixture fixture;
    write_file(tests_path,
               "rules: r.yaml\nstart: 2026-02-01\naccount: a\n"
               "fixtures:\n  one: [ { stream: login, user_id: u, at: 0d } ]\n"
               "tests:\n"
               "  - { name: the file's, use: [one], expect: [ { at: 0d, known: true },\n"
               "      { at: 2026-02-01, account: a, known: true } ] }\n"
               "  - { name: its own, use: [one], start: 2026-03-01T12:00Z, account: b,\n"
               "      expect: [ { at: 0d, known: true }, { at: 0d, account: a, known: false },\n"
               "      { at: 2026-03-01T12:00Z, known: true } ] }\n"
               "  - { name: the file's again, use: [one], expect: [ { at: 0d, account: a, known: true } ] }\n");
    read_suite(&fixture, tests_path);
    assert_int_equal(fixture.result, RESULT_OK);
    assert_int_equal(fixture.suite.tests_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        run_one_test(&fixture, &fixture.suite.tests[i]);
        if (!fixture.passed)
            fail_msg("%s", (const char *)fixture.differences.data);
    }
    fixture_free(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_do_not_exist_are_refused_with_the_nearest),
        cmocka_unit_test(test_records_of_the_wrong_form_are_refused),
        cmocka_unit_test(test_checks_of_the_wrong_form_are_refused),
        cmocka_unit_test(test_files_of_the_wrong_form_are_refused),
        cmocka_unit_test(test_a_refused_file_is_good_once_it_is_mended),
        cmocka_unit_test(test_fixtures_starts_and_accounts_are_the_files_or_the_tests),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
