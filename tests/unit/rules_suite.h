/* Files of tests for rules, as `bellwether test` reads them, in a folder of one program's own: a suite is read, one of
 * its tests runs, and what it says is checked with cmocka's asserts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/test_reader.h"
#include "cli/test_run.h"

static char folder[] = "/tmp/bellwether-test-XXXXXX";
static char rules_path[64], tests_path[64];

static const char rules[] = "ruleset: r\n"
                            "clock: { tick: 1h, lateness: 0s }\n"
                            "scores:\n"
                            "  churn_risk:\n"
                            "    method: weighted\n"
                            "    signals:\n"
                            "      idle: { value: since(login), curve: [[0d, 0], [10d, 1]], weight: 1 }\n"
                            "      nps: { value: 10 - last(nps.score), curve: [[0, 0], [10, 1]], weight: 1,\n"
                            "             when: not missing(last(nps.score)) }\n"
                            "dimensions:\n"
                            "  band:\n"
                            "    score: churn_risk\n"
                            "    bands: { low: 0, high: 50 }\n"
                            "    playbooks: { high: rescue }\n"
                            "  size:\n"
                            "    cases:\n"
                            "      - { value: large, when: account.seats > 10 }\n"
                            "      - { value: small }\n"
                            "  plan: { cases: [ { value_of: account.plan } ] }\n"
                            "segments:\n"
                            "  silent: { when: since(login) > 2d, playbook: call }\n"
                            "  renewing: { when: until(account.renews_at) < 30d }\n";

static inline void write_file(const char *path, const char *content) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static inline int make_folder(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(rules_path, sizeof rules_path, "%s/r.yaml", folder);
    snprintf(tests_path, sizeof tests_path, "%s/t.yaml", folder);
    write_file(rules_path, rules);
    return 0;
}

static inline int remove_folder(void **state) {
    (void)state;
    unlink(rules_path);
    unlink(tests_path);
    return rmdir(folder);
}

/* A file of tests, read, and the differences of its first test. */
struct fixture {
    struct arena arena;
    struct findings findings;
    struct test_suite suite;
    enum result result;
    struct buffer differences;
    bool passed;
};

static inline void read_suite(struct fixture *fixture, const char *path) {
    *fixture = (struct fixture){0};
    fixture->findings.arena = &fixture->arena;
    fixture->result = test_suite_read(path, &fixture->arena, &fixture->suite, &fixture->findings);
}

static inline void fixture_free(struct fixture *fixture) {
    buffer_free(&fixture->differences);
    arena_free(&fixture->arena);
}

static inline void run_one_test(struct fixture *fixture, const struct test *test) {
    struct error error;
    assert_int_equal(test_run(&fixture->suite, test, &fixture->differences, &fixture->passed, &error), RESULT_OK);
    buffer_put_u8(&fixture->differences, 0);
}

/* One test: `records` and `expect` are the items of its lists. */
static inline void read_test(struct fixture *fixture, const char *records, const char *expect) {
    char content[8192];
    snprintf(content, sizeof content,
             "rules: r.yaml\nstart: 2026-01-05\naccount: acme\nfixtures:\n  daily:\n"
             "    - { stream: login, user_id: u, every: 1d, from: 0d, until: 9d }\n"
             "tests:\n  - name: It\n    records: [ %s ]\n    expect: [ %s ]\n",
             records, expect);
    write_file(tests_path, content);
    read_suite(fixture, tests_path);
}

static inline void assert_passes(const char *records, const char *expect) {
    struct fixture fixture;
    read_test(&fixture, records, expect);
    if (fixture.result != RESULT_OK)
        fail_msg("%.*s", TEXT_ARGUMENTS(fixture.findings.items[0].what));
    run_one_test(&fixture, &fixture.suite.tests[0]);
    if (!fixture.passed)
        fail_msg("%s", (const char *)fixture.differences.data);
    fixture_free(&fixture);
}

#define DAILY "{ stream: login, user_id: u, every: 1d, from: 0d, until: 9d }"
