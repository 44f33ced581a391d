#include "cli/topic_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(const char *source, const char *expected) {
    json_error_t reason;
    struct buffer out = {0};
    json_t *tree = json_loads(source, JSON_DECODE_ANY | JSON_ALLOW_NUL, &reason);
    assert_non_null(tree);
    tree_write(tree, &out);
    buffer_put_u8(&out, 0);
    assert_true(buffer_ok(&out));
    assert_string_equal((const char *)out.data, expected);
    buffer_free(&out);
    json_decref(tree);
}

static void numbers_are_as_short_as_they_were(void **state) {
    (void)state;
    assert_written("35.58", "35.58");
    assert_written("[0.1, 100.0, 1e300, -0.25, 1699999999999, -7]", "[0.1,100,1e+300,-0.25,1699999999999,-7]");
}

static void members_keep_their_order_and_texts_their_characters(void **state) {
    (void)state;
    assert_written("{\"b\": {\"z\": null, \"a\": []}, \"a\": [true, false, {}]}",
                   "{\"b\":{\"z\":null,\"a\":[]},\"a\":[true,false,{}]}");
    assert_written("{\"k\u00fc\\\"\": \"a\\u0000\\n\u20ac\"}", "{\"k\u00fc\\\"\":\"a\\u0000\\n\u20ac\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_as_short_as_they_were),
        cmocka_unit_test(members_keep_their_order_and_texts_their_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
