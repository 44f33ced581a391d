#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/printer.h"
#include "cli/setup.h"
#include "cli/test_run.h"

/* What all files came to. */
struct totals {
    uint32_t files, tests, failed;
    bool unusable; /* a file could not be read */
};

struct session {
    const struct invocation *invocation;
    struct printer printer;
    bool colour, verbose;
    const char *only; /* NULL: every test */
    struct totals totals;
};

static bool wanted(const struct session *session, struct text name) {
    if (session->only == NULL)
        return true;
    size_t size = strlen(session->only);
    for (size_t i = 0; i + size <= name.size; i++)
        if (memcmp(name.data + i, session->only, size) == 0)
            return true;
    return false;
}

static void put_coloured(struct session *session, const char *colour, const char *word) {
    if (session->colour)
        buffer_printf(&session->printer.buffer, "\033[%sm%s\033[0m", colour, word);
    else
        buffer_put_string(&session->printer.buffer, word);
}

static enum result run_one(struct session *session, const struct test_suite *suite, const struct test *test,
                           struct error *error) {
    struct buffer differences = {0};
    bool passed = false;
    enum result result = test_run(suite, test, &differences, &passed, error);
    if (result == RESULT_OK && (!passed || session->verbose)) {
        put_coloured(session, passed ? "32" : "31;1", passed ? "pass" : "FAIL");
        buffer_printf(&session->printer.buffer, "  %.*s\n", TEXT_ARGUMENTS(test->name));
        buffer_put_text(&session->printer.buffer, buffer_text(&differences));
        printer_end_line(&session->printer);
    }
    if (result == RESULT_OK && !(buffer_ok(&differences) && buffer_ok(&session->printer.buffer)))
        result = error_set(error, RESULT_FATAL, "memory is out");
    buffer_free(&differences);
    session->totals.tests++;
    session->totals.failed += !passed;
    return result;
}

static enum result run_suite(struct session *session, const struct test_suite *suite, struct error *error) {
    uint32_t tests = session->totals.tests, failed = session->totals.failed;
    for (uint32_t i = 0; i < suite->tests_count && !session->printer.closed; i++) {
        if (!wanted(session, suite->tests[i].name))
            continue;
        enum result result = run_one(session, suite, &suite->tests[i], error);
        if (result != RESULT_OK)
            return result;
    }
    tests = session->totals.tests - tests;
    failed = session->totals.failed - failed;
    if (tests == 0)
        return RESULT_OK; /* --only leaves none of this file */
    session->totals.files++;
    buffer_printf(&session->printer.buffer, "%.*s: %u tests, ", TEXT_ARGUMENTS(suite->file), tests);
    char word[32];
    snprintf(word, sizeof word, "%u failed", failed);
    put_coloured(session, failed > 0 ? "31;1" : "32", failed > 0 ? word : "all passed");
    buffer_put_string(&session->printer.buffer, "\n");
    printer_end_line(&session->printer);
    return RESULT_OK;
}

static enum result run_file(struct session *session, const char *path, struct error *error) {
    struct arena arena = {0};
    struct findings findings = {.arena = &arena};
    struct test_suite suite;
    enum result result = test_suite_read(path, &arena, &suite, &findings);
    if (result == RESULT_OK) {
        result = run_suite(session, &suite, error);
    } else {
        findings_log(&findings, session->invocation->log);
        session->totals.unusable = true;
        result = RESULT_OK;
    }
    arena_free(&arena);
    return result;
}

static enum exit_status verdict(const struct session *session) {
    const struct totals *totals = &session->totals;
    if (totals->unusable)
        return EXIT_USAGE;
    if (totals->failed > 0)
        return EXIT_FAILED;
    if (totals->tests > 0)
        return EXIT_GOOD;
    log_write(session->invocation->log, LEVEL_ERROR, "no test has a name with `%s` in it", session->only);
    return EXIT_USAGE;
}

static enum exit_status run(const struct invocation *invocation) {
    const struct arguments *arguments = invocation->arguments;
    struct session session = {.invocation = invocation,
                              .only = arguments_value(arguments, "only"),
                              .verbose = arguments_has(arguments, "verbose"),
                              .colour = printer_has_colour(STDOUT_FILENO, invocation->environment)};
    struct error error, close_error;
    enum result result = RESULT_OK;
    printer_open(&session.printer, STDOUT_FILENO);
    for (uint32_t i = 0; i < arguments->operands_count && result == RESULT_OK; i++)
        result = run_file(&session, arguments->operands[i], &error);
    if (session.totals.files > 1)
        buffer_printf(&session.printer.buffer, "%u tests in %u files, %u failed\n", session.totals.tests,
                      session.totals.files, session.totals.failed);
    if (printer_close(&session.printer, &close_error) != RESULT_OK && result == RESULT_OK) {
        result = RESULT_FATAL;
        error = close_error;
    }
    if (result == RESULT_OK)
        return verdict(&session);
    log_write(invocation->log, LEVEL_ERROR, "%s", error.text);
    return EXIT_FAILED;
}

static const struct flag flags[] = {
    {"only", 'k', "TEXT", .about = "Only the tests with TEXT in their name."},
    {"verbose", 'v', .about = "Names the tests that pass, too."},
    {0},
};

const struct command command_test = {
    .name = "test",
    .summary = "unit tests of rules, written in YAML beside them",
    .operands = "FILE...",
    .operands_min = 1,
    .operands_max = UINT32_MAX,
    .about = "Each FILE names a rules file and has tests of it: records with relative times, and what must hold when: "
             "segments, dimensions, scores and changes. The tests run on the same engine as `run` and `replay`, in no "
             "time, and need no servers.\n\n"
             "A check that does not hold is printed with its place, what was expected, what was found, and why: the "
             "conditions that decided, or the score's signals. The exit status is 1 where one does not hold, and 2 "
             "where a file is not valid.\n\n"
             "docs/rules.md, `Testing rules`, teaches the format.",
    .flags = flags,
    .examples = "bellwether test rules_test.yaml\n"
                "bellwether test --only 'renewal' -v config/rules/*_test.yaml",
    .run = run,
};
