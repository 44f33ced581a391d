/* What wrong rules files say. tests/rules_errors/ holds a wrong file NAME.yaml each, and in NAME.expected the exact
 * lines that it must bring forth. A message that was changed on purpose is copied from this test's output, and read
 * again there with the eyes of somebody who has just made that mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "config/yaml.h"
#include "engine/core/rules/rules.h"

#define FOLDER BELLWETHER_SOURCE_DIR "/tests/rules_errors/"

static void read_bytes(const char *path, struct buffer *out) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file))
        buffer_put_u8(out, (uint8_t)byte);
    fclose(file);
}

/* The lines that `check` would print for the file. */
static void messages_of(struct text source, struct text name, struct buffer *out) {
    struct arena arena = {0};
    struct document document;
    struct error error;
    const struct program *program = NULL;
    struct problems problems;
    if (yaml_read_text(source, name, &arena, &document, &error) != RESULT_OK) {
        buffer_printf(out, "%s\n", error.text);
    } else {
        assert_int_equal(rules_compile(&document, &arena, &program, &problems), RESULT_REJECT);
        assert_null(program);
        for (uint32_t i = 0; i < problems.count; i++)
            buffer_printf(out, "%.*s:%u:%u: %.*s\n", TEXT_ARGUMENTS(name), problems.items[i].position.line,
                          problems.items[i].position.column, TEXT_ARGUMENTS(problems.items[i].message));
    }
    arena_free(&arena);
}

/* `name` ends with `.yaml`. */
static bool says_what_is_expected(const char *name) {
    char path[512];
    struct buffer source = {0}, expected = {0}, actual = {0};
    snprintf(path, sizeof path, FOLDER "%s", name);
    read_bytes(path, &source);
    snprintf(path, sizeof path, FOLDER "%.*s.expected", (int)(strlen(name) - strlen(".yaml")), name);
    read_bytes(path, &expected);
    messages_of(source.size == 0 ? TEXT("") : buffer_text(&source), text_of(name), &actual);
    bool same = text_equal(buffer_text(&expected), buffer_text(&actual));
    if (!same)
        print_error("%s says\n%.*sinstead of\n%.*s", name, TEXT_ARGUMENTS(buffer_text(&actual)),
                    TEXT_ARGUMENTS(buffer_text(&expected)));
    buffer_free(&source);
    buffer_free(&expected);
    buffer_free(&actual);
    return same;
}

static void wrong_files_say_what_is_wrong_and_the_way_out(void **state) {
    (void)state;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    int files = 0, different = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *ending = strrchr(entry->d_name, '.');
        if (ending == NULL || strcmp(ending, ".yaml") != 0)
            continue;
        files++;
        different += !says_what_is_expected(entry->d_name);
    }
    closedir(folder);
    assert_true(files >= 40);
    assert_int_equal(different, 0);
}

/* A rules file with so many metrics that look at what there is not. */
static void compile_wrong_metrics(uint32_t metrics, struct problems *ret_problems) {
    struct arena arena = {0};
    struct buffer source = {0};
    struct document document;
    struct error error;
    const struct program *program = NULL;
    buffer_put_string(&source, "ruleset: \"1\"\nmetrics:\n");
    for (uint32_t i = 0; i < metrics; i++)
        buffer_printf(&source, "  metric_%u: nothing_%u + 1\n", i, i);
    assert_int_equal(yaml_read_text(buffer_text(&source), TEXT("many.yaml"), &arena, &document, &error), RESULT_OK);
    assert_int_equal(rules_compile(&document, &arena, &program, ret_problems), RESULT_REJECT);
    buffer_free(&source);
    arena_free(&arena);
}

static void what_is_left_out_is_not_kept_quiet(void **state) {
    (void)state;
    struct problems problems;
    compile_wrong_metrics(PROBLEMS_MAX, &problems);
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_false(problems.has_more);
    compile_wrong_metrics(PROBLEMS_MAX + 1, &problems);
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_true(problems.has_more);
}

static void names_and_values_are_bounded_together(void **state) {
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buffer source = {0};
        struct arena arena = {0};
        struct document document;
        struct problems problems;
        struct error error;
        const struct program *program = NULL;
        buffer_put_string(&source, "ruleset: \"1\"\ndimensions:\n");
        for (uint32_t i = 0; i < DECISIONS_BYTES_MAX / 1024; i++)
            buffer_printf(&source, "  d%03u: { cases: [ { value: a, when: account.seats > 1 }, { value: %0*d } ] }\n",
                          i, 1019 + (i == 0 ? more : 0), 7);
        assert_int_equal(yaml_read_text(buffer_text(&source), TEXT("large.yaml"), &arena, &document, &error),
                         RESULT_OK);
        assert_int_equal(rules_compile(&document, &arena, &program, &problems), more ? RESULT_REJECT : RESULT_OK);
        if (more)
            assert_true(text_equals(problems.items[0].message,
                                    "these rules are too large: the names of scores, dimensions and segments, and the "
                                    "dimensions' values, take 262145 bytes together and may take 262144; take "
                                    "shorter ones"));
        buffer_free(&source);
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_say_what_is_wrong_and_the_way_out),
        cmocka_unit_test(what_is_left_out_is_not_kept_quiet),
        cmocka_unit_test(names_and_values_are_bounded_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
