#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/result.h"

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

static void assert_beginning(const char *text, uint32_t size_max, const char *expected) {
    struct text beginning = text_beginning(text_of(text), size_max);
    assert_int_equal(beginning.size, strlen(expected));
    assert_memory_equal(beginning.data, expected, beginning.size);
}

static void texts_are_cut_between_characters(void **state) {
    (void)state;
    assert_beginning("caf\u00e9", 5, "caf\u00e9");
    assert_beginning("caf\u00e9", 4, "caf");
    assert_beginning("caf\u00e9", 3, "caf");
    assert_beginning("caf\u00e9", 0, "");
    assert_beginning("\u20ac\u20ac", 5, "\u20ac");
    assert_beginning("\u20ac\u20ac", 4, "\u20ac");
    assert_beginning("\u20ac\u20ac", 3, "\u20ac");
    assert_beginning("\u20ac\u20ac", 2, "");
    assert_beginning("x\U0001F600y", 5, "x\U0001F600");
    for (uint32_t size = 1; size < 5; size++)
        assert_beginning("x\U0001F600y", size, "x");
    assert_beginning("\x80\x80\x80\x80\x80", 4, "\x80\x80\x80\x80"); /* no UTF-8, no matter */
    assert_true(text_beginning(TEXT_MISSING, 4).data == NULL);
}

static void characters_have_sizes(void **state) {
    (void)state;
    assert_int_equal(text_character(TEXT("")), 0);
    assert_int_equal(text_character(TEXT("ab")), 1);
    assert_int_equal(text_character(TEXT("\u00e9b")), 2);
    assert_int_equal(text_character(TEXT("\u20ac")), 3);
    assert_int_equal(text_character(TEXT("\U0001F600\u20ac")), 4);
    assert_int_equal(text_character(TEXT("\xE2\x82")), 0);
    assert_int_equal(text_character(TEXT("\x80")), 0);
}

static void what_is_printed_is_cut_between_characters(void **state) {
    (void)state;
    char room[6];
    assert_int_equal(text_print(room, sizeof room, "%s", "caf\u00e9"), 5);
    assert_string_equal(room, "caf\u00e9");
    assert_int_equal(text_print(room, sizeof room, "%s!", "caff\u00e9"), 4);
    assert_string_equal(room, "caff");
    assert_int_equal(text_print(room, 1, "%s", "\u00e9"), 0);
    assert_string_equal(room, "");
}

static void messages_are_cut_between_characters(void **state) {
    (void)state;
    char text[2 * ERROR_TEXT_MAX] = "";
    struct error error;
    for (uint32_t size = 0; size + 2 < sizeof text; size += 2)
        memcpy(text + size, "\u00e9", 3);
    for (int i = 0; i < 2; i++) {
        error_write(&error, "%.*s%s", i, "x", text);
        assert_true(text_is_utf8(text_of(error.text)));
        error_prefix(&error, "%.*s", i + 1, "xy");
        assert_true(text_is_utf8(text_of(error.text)));
        assert_true(strlen(error.text) >= ERROR_TEXT_MAX - 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_equal_where_all_their_bytes_are),
        cmocka_unit_test(texts_of_other_sizes_are_not_equal),
        cmocka_unit_test(what_is_missing_equals_nothing),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(characters_have_sizes),
        cmocka_unit_test(what_is_printed_is_cut_between_characters),
        cmocka_unit_test(messages_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
