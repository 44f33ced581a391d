/* What was published can be read back: `tail -o json` prints what `replay` prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/change_line.h"
#include "cli/change_reader.h"
#include "cli/topic_value.h"
#include "producer/framing.h"
#include "tests/unit/example_changes.h"

static struct setup setup;
static struct value_reader values;

static int open_values(void **state) {
    (void)state;
    struct configuration_input input = {.file = NULL};
    struct error error;
    assert_int_equal(setup_read_input(&input, NULL, &setup), RESULT_OK);
    assert_int_equal(value_reader_open(&values, &setup, &error), RESULT_OK);
    return 0;
}

static int close_values(void **state) {
    (void)state;
    value_reader_close(&values);
    setup_free(&setup);
    return 0;
}

static void expect_same_back(const struct change *change, const struct framing *framing) {
    const struct change_origin origin = {EXAMPLE_SINCE_MS + 5, TEXT("logins")};
    struct buffer value = {0}, expected = {0}, actual = {0};
    struct published_change published;
    struct error error;
    json_t *tree;
    change_write(change, &origin, framing, &value);
    change_write_json(change, NULL, &expected);
    change_write_json(change, &origin, &expected);
    assert_int_equal(value_read(&values, buffer_text(&value), "SegmentChange", &tree, &error), RESULT_OK);
    assert_int_equal(change_read(tree, &published, &error), RESULT_OK);
    change_write_json(&published.change, NULL, &actual);
    change_write_json(&published.change, &published.origin, &actual);
    assert_true(buffer_ok(&expected) && buffer_ok(&actual));
    buffer_put_u8(&expected, '\0');
    buffer_put_u8(&actual, '\0');
    assert_string_equal((const char *)actual.data, (const char *)expected.data);
    json_decref(tree);
    buffer_free(&value);
    buffer_free(&expected);
    buffer_free(&actual);
}

static void test_a_change_reads_back_the_same_from_every_encoding(void **state) {
    (void)state;
    const struct change move = example_move(), exit = example_exit_of_an_erased_account();
    const struct framing framings[] = {
        {.kind = FRAMING_JSON},
        {.kind = FRAMING_PLAIN},
        {.kind = FRAMING_SINGLE_OBJECT,
         .fingerprint = own_schemas_find(&values.schemas.own, TEXT("SegmentChange"))->fingerprint},
    };
    for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++) {
        expect_same_back(&move, &framings[i]);
        expect_same_back(&exit, &framings[i]);
    }
}

static void test_bytes_that_are_no_change_are_refused(void **state) {
    (void)state;
    const struct change move = example_move();
    const struct framing plain = {.kind = FRAMING_PLAIN};
    const struct change_origin origin = {0, TEXT_MISSING};
    struct published_change published;
    struct buffer value = {0};
    struct error error;
    json_t *tree;
    change_write(&move, &origin, &plain, &value);
    for (size_t size = 0; size < value.size; size++)
        assert_int_not_equal(value_read(&values, (struct text){(const char *)value.data, (uint32_t)size},
                                        "SegmentChange", &tree, &error),
                             RESULT_OK);
    buffer_free(&value);
    assert_int_equal(value_read(&values, TEXT("{\"account_id\":\"a\"}"), "SegmentChange", &tree, &error), RESULT_OK);
    assert_int_equal(change_read(tree, &published, &error), RESULT_REJECT);
    json_decref(tree);
}

static const char *line_of(const struct change *change, struct buffer *out) {
    buffer_clear(out);
    change_write_line(change, false, out);
    buffer_put_u8(out, '\0');
    return (const char *)out->data;
}

static void test_a_line_tells_what_happened_and_why(void **state) {
    (void)state;
    struct buffer out = {0};
    struct change change = example_move();
    assert_string_equal(line_of(&change, &out), "2024-05-15 00:04  acme \"4\" Acme  risk_band: low -> high => rescue  "
                                                "churn_risk 71 (silence 56, decline 16)");
    change.kind = CHANGE_ENTERED;
    change.because[0] = (struct because){
        TEXT("since(login) > 7d"), {OPERAND_NUMBER, 8.25 * 86400000, TEXT_MISSING}, {0}, true};
    change.because[2] = (struct because){TEXT("ratings_90d >= 2"), {OPERAND_NUMBER, 2, TEXT_MISSING}, {0}, true};
    change.reasons_count = 0;
    assert_string_equal(
        line_of(&change, &out),
        "2024-05-15 00:04  acme \"4\" Acme  entered risk_band => rescue  because since(login) > 7d (8.2d), "
        "ratings_90d >= 2 (2)  churn_risk 71");
    change.kind = CHANGE_EXITED;
    change.backfill = true;
    assert_string_equal(line_of(&change, &out),
                        "2024-05-15 00:04  acme \"4\" Acme  left risk_band after 14.0d  churn_risk 71  (backfill)");
    buffer_free(&out);
}

static void test_a_line_leaves_out_what_is_not_known(void **state) {
    (void)state;
    struct buffer out = {0};
    struct change change = example_move();
    change.kind = CHANGE_EXITED;
    change.reasons_count = 0;
    change.previous_since_ms = INSTANT_NONE;
    assert_string_equal(line_of(&change, &out), "2024-05-15 00:04  acme \"4\" Acme  left risk_band  churn_risk 71");
    buffer_free(&out);
}

static const char *line_of_operand(double number, struct buffer *out) {
    struct change change = example_move();
    change.kind = CHANGE_ENTERED;
    change.because_count = 1;
    change.because[0] = (struct because){TEXT("trend(usage) < 1"), {OPERAND_NUMBER, number, TEXT_MISSING}, {0}, true};
    return line_of(&change, out);
}

static void test_numbers_are_rounded_to_what_people_read(void **state) {
    (void)state;
    struct buffer out = {0};
    assert_non_null(strstr(line_of_operand(-0.001, &out), "trend(usage) < 1 (0)"));
    assert_non_null(strstr(line_of_operand(-2.125, &out), "trend(usage) < 1 (-2.13)"));
    assert_non_null(strstr(line_of_operand(1e307, &out), "trend(usage) < 1 (1e+307)"));
    buffer_free(&out);
}

static void test_text_from_outside_cannot_steer_the_terminal(void **state) {
    (void)state;
    struct buffer out = {0};
    struct change change = example_exit_of_an_erased_account();
    change.account_id = TEXT("a\033[2Jb\nc");
    const char *line = line_of(&change, &out);
    assert_null(strchr(line, '\033'));
    assert_null(strchr(line, '\n'));
    buffer_free(&out);
}

static void test_a_line_is_cut_by_what_is_seen_of_it(void **state) {
    (void)state;
    struct buffer out = {0};
    buffer_put_string(&out, "\033[1mZoë\033[0m Ångström");
    line_cut(&out, 0, 5);
    buffer_put_u8(&out, '\0');
    assert_string_equal((const char *)out.data, "\033[1mZoë\033[0m Å\033[0m");
    buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_reads_back_the_same_from_every_encoding),
        cmocka_unit_test(test_bytes_that_are_no_change_are_refused),
        cmocka_unit_test(test_a_line_tells_what_happened_and_why),
        cmocka_unit_test(test_a_line_leaves_out_what_is_not_known),
        cmocka_unit_test(test_numbers_are_rounded_to_what_people_read),
        cmocka_unit_test(test_text_from_outside_cannot_steer_the_terminal),
        cmocka_unit_test(test_a_line_is_cut_by_what_is_seen_of_it),
    };
    return cmocka_run_group_tests(tests, open_values, close_values);
}
