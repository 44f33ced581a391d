#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONGEST 40

/* Each size in memory of its own, so that a byte too many would be seen. */
static void texts_are_equal_where_all_their_bytes_are(void **state) {
    (void)state;
    for (uint32_t size = 0; size <= LONGEST; size++) {
        size_t bytes = size > 0 ? size : 1;
        char *left = malloc(bytes), *right = malloc(bytes);
        assert_non_null(left);
        assert_non_null(right);
        memset(left, 'a', size);
        memset(right, 'a', size);
        struct text one = {left, size}, other = {right, size};
        assert_true(text_equal(one, other));
        for (uint32_t at = 0; at < size; at++) {
            right[at] = 'b';
            assert_false(text_equal(one, other));
            right[at] = 'a';
        }
        free(left);
        free(right);
    }
}

static void texts_of_other_sizes_are_not_equal(void **state) {
    (void)state;
    assert_false(text_equal(TEXT("abc"), TEXT("abcd")));
    assert_false(text_equal(TEXT("abcdefgh"), TEXT("abcdefg")));
    assert_false(text_equal(TEXT(""), TEXT("a")));
}

static void what_is_missing_equals_nothing(void **state) {
    (void)state;
    assert_true(text_equal(TEXT(""), TEXT("")));
    assert_false(text_equal(TEXT_MISSING, TEXT_MISSING));
    assert_false(text_equal(TEXT_MISSING, TEXT("")));
    assert_false(text_equal(TEXT("a"), TEXT_MISSING));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_equal_where_all_their_bytes_are),
        cmocka_unit_test(texts_of_other_sizes_are_not_equal),
        cmocka_unit_test(what_is_missing_equals_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
