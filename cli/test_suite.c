#include "cli/test_suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "cli/rules_file.h"
#include "cli/test_reader.h"
#include "config/yaml.h"

#define START_DEFAULT   "2026-01-05" /* a Monday */
#define ACCOUNT_DEFAULT "account"

static const char *const suite_keys[] = {"rules", "start", "account", "fixtures", "tests", NULL};
static const char *const test_keys_known[] = {"name", "start", "account", "use", "records", "expect", NULL};

/* The rules' path, as seen from the folder that the tests are in. */
static struct text beside(struct arena *arena, const char *path, struct text rules) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL || (rules.size > 0 && rules.data[0] == '/'))
        return arena_text(arena, rules);
    return arena_printf(arena, "%.*s%.*s", (int)(slash + 1 - path), path, TEXT_ARGUMENTS(rules));
}

/* `start` and `account`, of the file and then of a test. */
static bool read_defaults(struct test_reader *reader, const struct node *node) {
    const struct node *start = node_get(node, "start"), *account = node_get(node, "account");
    bool good = true;
    if (start != NULL && test_is_scalar(reader, start, "`start`") && !instant_parse(start->text, &reader->start_ms)) {
        test_problem(reader, start->position, "`%.*s` is no instant, as in 2026-01-05 or 2026-01-05T08:00Z",
                     TEXT_ARGUMENTS(start->text));
        good = false;
    }
    if (account != NULL && test_is_scalar(reader, account, "`account`"))
        reader->account = account->text;
    return good;
}

/* ---- records ---- */

static const struct node *find_fixture(struct test_reader *reader, const struct node *fixtures,
                                       const struct node *name) {
    uint32_t count = fixtures == NULL || fixtures->kind != NODE_MAPPING ? 0 : fixtures->count;
    struct text *names = test_array(reader, count, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < count; i++)
        names[i] = fixtures->keys[i]->text;
    if (names == NULL || !test_is_scalar(reader, name, "a fixture's name"))
        return NULL;
    int index = test_name(reader, name, "fixture", names, count);
    return index < 0 || fixtures == NULL ? NULL : fixtures->values[index];
}

/* Appends the records of one list to those of the test. */
static void append_records(struct test_reader *reader, const struct node *list, struct test_record *records,
                           uint32_t *count) {
    for (uint32_t i = 0; i < list->count; i++)
        if (test_record_read(reader, list->values[i], &records[*count]))
            *count += 1;
}

static void read_records(struct test_reader *reader, const struct node *fixtures, const struct node *node,
                         struct test *test) {
    const struct node *use = node_get(node, "use"), *own = node_get(node, "records");
    uint32_t used = use != NULL && test_is_sequence(reader, use, "`use`") ? use->count : 0, total = 0, lists_count = 0;
    const struct node **lists = test_array(reader, used + 1, sizeof(struct node *));
    if (lists == NULL)
        return;
    for (uint32_t i = 0; i < used; i++) {
        const struct node *fixture = find_fixture(reader, fixtures, use->values[i]);
        if (fixture != NULL && test_is_sequence(reader, fixture, "a fixture"))
            lists[lists_count++] = fixture;
    }
    if (own != NULL && test_is_sequence(reader, own, "`records`"))
        lists[lists_count++] = own;
    for (uint32_t i = 0; i < lists_count; i++)
        total += lists[i]->count;
    struct test_record *records = test_array(reader, total, sizeof *records);
    for (uint32_t i = 0; records != NULL && i < lists_count; i++)
        append_records(reader, lists[i], records, &test->records_count);
    test->records = records;
}

/* ---- checks ---- */

static int by_instant(const void *left_pointer, const void *right_pointer) {
    const struct test_check *left = left_pointer, *right = right_pointer;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return left->position.line != right->position.line ? (left->position.line < right->position.line ? -1 : 1)
                                                       : (int)left->position.column - (int)right->position.column;
}

static void read_checks(struct test_reader *reader, const struct node *node, struct test *test) {
    const struct node *expect = node_get(node, "expect");
    if (expect == NULL || expect->kind != NODE_SEQUENCE || expect->count == 0) {
        test_problem(reader, expect == NULL ? node->position : expect->position,
                     "a test needs `expect`: a list of checks");
        return;
    }
    struct test_check *checks = test_array(reader, expect->count, sizeof *checks);
    for (uint32_t i = 0; checks != NULL && i < expect->count; i++)
        if (test_check_read(reader, expect->values[i], &checks[test->checks_count]))
            test->checks_count++;
    if (checks != NULL)
        qsort(checks, test->checks_count, sizeof *checks, by_instant);
    test->checks = checks;
}

/* ---- tests ---- */

static void read_test(struct test_reader file_reader, const struct node *fixtures, const struct node *node,
                      struct test *test) {
    struct test_reader *reader = &file_reader; /* a test's own start and account end with it */
    const struct node *name = node_get(node, "name");
    test_keys(reader, node, test_keys_known);
    if (name == NULL || name->kind != NODE_SCALAR || name->text.size == 0)
        test_problem(reader, node->position, "a test needs a `name` that says what must be so");
    else
        test->name = name->text;
    test->position = node->position;
    if (!read_defaults(reader, node))
        return;
    test->start_ms = reader->start_ms;
    read_records(reader, fixtures, node, test);
    read_checks(reader, node, test);
}

static void check_names(struct test_reader *reader, const struct test *tests, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(tests[i].name, tests[j].name)) {
                test_problem(reader, tests[i].position, "another test has this name, in line %u",
                             tests[j].position.line);
                return;
            }
}

static void read_tests(struct test_reader *reader, const struct node *root, struct test_suite *suite) {
    const struct node *tests = node_get(root, "tests"), *fixtures = node_get(root, "fixtures");
    if (tests == NULL || tests->kind != NODE_SEQUENCE || tests->count == 0) {
        test_problem(reader, tests == NULL ? root->position : tests->position, "`tests` is missing: a list of tests");
        return;
    }
    struct test *read = test_array(reader, tests->count, sizeof *read);
    for (uint32_t i = 0; read != NULL && i < tests->count; i++)
        if (test_is_mapping(reader, tests->values[i], "a test"))
            read_test(*reader, fixtures, tests->values[i], &read[i]);
    if (read != NULL)
        check_names(reader, read, tests->count);
    suite->tests = read;
    suite->tests_count = tests->count;
}

static void read_rules(struct test_reader *reader, const char *path, const struct node *root) {
    const struct node *rules = node_get(root, "rules");
    if (rules == NULL || rules->kind != NODE_SCALAR || rules->text.size == 0) {
        test_problem(reader, root->position, "`rules` is missing: the path of the rules, as seen from this file");
        return;
    }
    struct text rules_path = beside(reader->arena, path, rules->text);
    if (text_is_missing(rules_path) ||
        rules_file_read(rules_path.data, reader->arena, &reader->program, reader->findings) != RESULT_OK)
        test_problem(reader, rules->position, "the rules cannot be used");
}

enum result test_suite_read(const char *path, struct arena *arena, struct test_suite *ret_suite,
                            struct findings *findings) {
    struct document document;
    struct error error;
    if (yaml_read_file(path, arena, &document, &error) != RESULT_OK) {
        finding_add(findings, SEVERITY_ERROR, TEXT(""), "%s", error.text);
        return RESULT_REJECT;
    }
    uint32_t errors = findings->errors;
    struct test_reader reader = {
        .arena = arena, .findings = findings, .file = document.file, .account = TEXT(ACCOUNT_DEFAULT)};
    struct test_suite suite = {.file = document.file};
    if (!instant_parse(TEXT(START_DEFAULT), &reader.start_ms) || document.root == NULL) {
        finding_add(findings, SEVERITY_ERROR, document.file, "the file is empty: tests of rules were expected");
        return RESULT_REJECT;
    }
    if (test_is_mapping(&reader, document.root, "a file of tests")) {
        test_keys(&reader, document.root, suite_keys);
        read_rules(&reader, path, document.root);
        if (read_defaults(&reader, document.root) && reader.program != NULL)
            read_tests(&reader, document.root, &suite);
    }
    suite.program = reader.program;
    if (findings->errors > errors)
        return RESULT_REJECT;
    *ret_suite = suite;
    return RESULT_OK;
}
