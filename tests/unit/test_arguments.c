#include "cli/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "cli/help.h"

static const struct flag flags[] = {
    {"rules", 'r', "FILE", "The rules.", .environment = "BELLWETHER_RULES", .required = true},
    {"full", 'f', NULL, .about = "Everything."},
    {"quick", 'q', NULL, .about = "At once."},
    {0},
};

static const struct command example = {
    .name = "example",
    .summary = "an example",
    .operands = "[FILE...]",
    .operands_max = 2,
    .about = "About it.\n\nAnd more of it.",
    .flags = flags,
    .configured = true,
};

static const char *no_environment[] = {NULL};

#define WORDS(...) (const char *[]){__VA_ARGS__}, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static void expect_error(const char *const *words, int count, const char *expected) {
    struct arguments arguments;
    struct error error;
    assert_int_equal(arguments_parse(&example, words, count, no_environment, &arguments, &error), RESULT_REJECT);
    assert_string_equal(error.text, expected);
}

static void test_options_and_operands_may_be_mixed(void **state) {
    (void)state;
    struct arguments arguments;
    struct error error;
    uint32_t count;
    assert_int_equal(arguments_parse(&example,
                                     WORDS("a", "--rules=r.yaml", "-fq", "--set", "x=1", "--set=y=2", "--", "-b"),
                                     no_environment, &arguments, &error),
                     RESULT_OK);
    assert_string_equal(arguments_value(&arguments, "rules"), "r.yaml");
    assert_true(arguments_has(&arguments, "full") && arguments_has(&arguments, "quick"));
    assert_null(arguments_value(&arguments, "config"));
    assert_int_equal(arguments.operands_count, 2);
    assert_string_equal(arguments.operands[1], "-b");
    const char *const *sets = arguments_values(&arguments, "set", &count);
    assert_int_equal(count, 2);
    assert_string_equal(sets[1], "y=2");
    arguments_free(&arguments);
}

static void test_a_letter_takes_its_value_with_or_without_a_space(void **state) {
    (void)state;
    struct arguments arguments;
    struct error error;
    assert_int_equal(arguments_parse(&example, WORDS("-fra.yaml", "-"), no_environment, &arguments, &error), RESULT_OK);
    assert_string_equal(arguments_value(&arguments, "rules"), "a.yaml");
    assert_string_equal(arguments.operands[0], "-");
    arguments_free(&arguments);
}

static void test_the_environment_stands_in_for_what_is_not_given(void **state) {
    (void)state;
    struct arguments arguments;
    struct error error;
    const char *environment[] = {"BELLWETHER_RULES=env.yaml", NULL};
    assert_int_equal(arguments_parse(&example, NULL, 0, environment, &arguments, &error), RESULT_OK);
    assert_string_equal(arguments_value(&arguments, "rules"), "env.yaml");
    arguments_free(&arguments);
    assert_int_equal(arguments_parse(&example, WORDS("-r", "given.yaml"), environment, &arguments, &error), RESULT_OK);
    assert_string_equal(arguments_value(&arguments, "rules"), "given.yaml");
    arguments_free(&arguments);
}

static void test_wrong_usage_is_told_with_the_nearest_name(void **state) {
    (void)state;
    expect_error(WORDS("--rule", "x"), "there is no option --rule; did you mean --rules?");
    expect_error(WORDS("--zzzzzzzzz"), "there is no option --zzzzzzzzz");
    expect_error(WORDS("-z"), "there is no option -z");
    expect_error(WORDS("--rules"), "the option --rules wants a value: --rules FILE");
    expect_error(WORDS("-r", "a", "-r", "b"), "the option --rules is given twice");
    expect_error(WORDS("--full=yes"), "the option --full takes no value");
    expect_error(WORDS("a"), "the option --rules FILE is needed");
    expect_error(WORDS("-r", "r", "a", "b", "c"), "`c` is one too many: the command takes [FILE...]");
}

static void test_help_needs_nothing_else(void **state) {
    (void)state;
    struct arguments arguments;
    struct error error;
    assert_int_equal(arguments_parse(&example, WORDS("--help"), no_environment, &arguments, &error), RESULT_OK);
    assert_true(arguments_has(&arguments, "help"));
    arguments_free(&arguments);
}

static void test_help_and_manual_name_every_flag_of_every_command(void **state) {
    (void)state;
    for (const struct command *const *command = commands; *command != NULL; command++) {
        const struct flag *all[FLAGS_MAX];
        struct buffer help = {0}, manual = {0};
        help_command(*command, &help);
        manual_command(*command, &manual);
        buffer_put_u8(&help, '\0');
        assert_true(buffer_ok(&help) && buffer_ok(&manual));
        for (uint32_t i = 0, count = command_flags(*command, all); i < count; i++)
            assert_non_null(strstr((const char *)help.data, all[i]->name));
        for (char *line = strtok((char *)help.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
            if (strlen(line) > 100)
                fail_msg("help of %s has a line that is too long: %s", (*command)->name, line);
        buffer_free(&help);
        buffer_free(&manual);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_and_operands_may_be_mixed),
        cmocka_unit_test(test_a_letter_takes_its_value_with_or_without_a_space),
        cmocka_unit_test(test_the_environment_stands_in_for_what_is_not_given),
        cmocka_unit_test(test_wrong_usage_is_told_with_the_nearest_name),
        cmocka_unit_test(test_help_needs_nothing_else),
        cmocka_unit_test(test_help_and_manual_name_every_flag_of_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
