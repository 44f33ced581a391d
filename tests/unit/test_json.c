#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/number.h"

static void assert_written(struct buffer *out, const char *expected) {
    assert_true(buffer_ok(out));
    assert_int_equal(out->size, strlen(expected));
    assert_memory_equal(out->data, expected, out->size);
    buffer_free(out);
}

static void puts_commas_between_values_and_none_before_the_first(void **state) {
    (void)state;
    struct buffer out = {0};
    struct json json = {&out, false};
    json_open_object(&json);
    json_key(&json, "a");
    json_put_integer(&json, 1);
    json_key(&json, "b");
    json_open_array(&json);
    json_put_null(&json);
    json_open_object(&json);
    json_close_object(&json);
    json_put_boolean(&json, true);
    json_put_boolean(&json, false);
    json_close_array(&json);
    json_key_text(&json, TEXT("c"));
    json_open_array(&json);
    json_close_array(&json);
    json_close_object(&json);
    assert_written(&out, "{\"a\":1,\"b\":[null,{},true,false],\"c\":[]}");
}

static void escapes_what_json_asks_for_and_leaves_utf8_as_it_is(void **state) {
    (void)state;
    struct buffer out = {0};
    struct json json = {&out, false};
    json_put_text(&json, TEXT("\"\\/\b\f\n\r\t\x01\x1f\x7f\0Ü€"));
    assert_written(&out, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000Ü€\"");
}

static void writes_a_missing_text_as_null_and_an_empty_one_as_empty(void **state) {
    (void)state;
    struct buffer out = {0};
    struct json json = {&out, false};
    json_open_array(&json);
    json_put_text(&json, TEXT_MISSING);
    json_put_text(&json, TEXT(""));
    json_put_string(&json, NULL);
    json_close_array(&json);
    assert_written(&out, "[null,\"\",null]");
}

static void writes_integers_to_the_ends_of_their_range(void **state) {
    (void)state;
    struct buffer out = {0};
    struct json json = {&out, false};
    json_open_array(&json);
    json_put_integer(&json, INT64_MIN);
    json_put_integer(&json, INT64_MAX);
    json_put_integer(&json, 0);
    json_put_integer(&json, -10);
    json_close_array(&json);
    assert_written(&out, "[-9223372036854775808,9223372036854775807,0,-10]");
}

static void writes_numbers_that_are_not_finite_as_null(void **state) {
    (void)state;
    struct buffer out = {0};
    struct json json = {&out, false};
    json_open_array(&json);
    json_put_number(&json, NAN);
    json_put_number(&json, INFINITY);
    json_put_number(&json, -INFINITY);
    json_close_array(&json);
    assert_written(&out, "[null,null,null]");
}

static void writes_an_instant_as_text(void **state) {
    (void)state;
    struct buffer out = {0};
    struct json json = {&out, false};
    json_put_instant(&json, 1700000000123);
    assert_written(&out, "\"2023-11-14T22:13:20.123Z\"");
}

static void assert_number(double value) {
    char expected[NUMBER_TEXT_MAX];
    number_format(value, expected);
    struct buffer out = {0};
    struct json json = {&out, false};
    json_put_number(&json, value);
    assert_written(&out, expected);
}

static void writes_every_number_as_number_format_does(void **state) {
    (void)state;
    const double values[] = {0,        -0.0,           1,       -1,          0.1,     -0.1,   0.5,     15.53,
                             0.0001,   0.00005,        0.00009, 0.1 + 0.2,   1.0 / 3, 1e-300, 5e-324,  99.9999,
                             99.99999, 999999999.9999, 1e9,     1e13,        1e15,    1e16,   1e300,   123456789.12345,
                             0.3,      -100.01,        4.35,    2147483648., 1e-5,    0.9999, 0.99995, 1000000000.0001};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_number(values[i]);
}

static void writes_rounded_and_neighbouring_numbers_as_number_format_does(void **state) {
    (void)state;
    uint64_t random = 42;
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        double rounded = round((double)(random >> 33) / 1000) / 100;
        assert_number(rounded);
        assert_number(-rounded);
        assert_number(nextafter(rounded, INFINITY));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas_between_values_and_none_before_the_first),
        cmocka_unit_test(escapes_what_json_asks_for_and_leaves_utf8_as_it_is),
        cmocka_unit_test(writes_a_missing_text_as_null_and_an_empty_one_as_empty),
        cmocka_unit_test(writes_integers_to_the_ends_of_their_range),
        cmocka_unit_test(writes_numbers_that_are_not_finite_as_null),
        cmocka_unit_test(writes_an_instant_as_text),
        cmocka_unit_test(writes_every_number_as_number_format_does),
        cmocka_unit_test(writes_rounded_and_neighbouring_numbers_as_number_format_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
