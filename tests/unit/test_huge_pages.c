#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/huge_pages.h"

static void assert_bytes(const char *array, size_t from, size_t to, char wanted) {
    for (size_t i = from; i < to; i++)
        if (array[i] != wanted)
            fail_msg("byte %zu is %d, not %d", i, array[i], wanted);
}

/* From the allocator into pages, within a page, and so far that it has to move. */
static void test_an_array_that_grows_keeps_what_it_holds_and_adds_zeros(void **unused) {
    (void)unused;
    const size_t sizes[] = {100, HUGE_PAGE - 1, HUGE_PAGE + 10, HUGE_PAGE + 5000, 3 * HUGE_PAGE, 40 * HUGE_PAGE + 1};
    size_t size = 10;
    char *array = huge_array_make(size);
    assert_non_null(array);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(array, 'x', size);
        void *between = huge_region_make();
        array = huge_array_grow(array, size, sizes[i]);
        assert_non_null(between);
        assert_non_null(array);
        assert_bytes(array, 0, size, 'x');
        assert_bytes(array, size, sizes[i], 0);
        huge_region_free(between);
        size = sizes[i];
    }
    huge_array_free(array, size);
}

static void test_an_array_begins_where_there_was_none(void **unused) {
    (void)unused;
    char *array = huge_array_grow(NULL, 0, 64);
    assert_non_null(array);
    assert_bytes(array, 0, 64, 0);
    huge_array_free(array, 64);
    huge_array_free(NULL, 0);
}

static void test_room_for_items_only_grows(void **unused) {
    (void)unused;
    uint64_t *items = NULL;
    uint32_t capacity = 0;
    assert_true(huge_array_reserve(&items, &capacity, 0, sizeof *items));
    assert_null(items);
    assert_true(huge_array_reserve(&items, &capacity, 3, sizeof *items));
    assert_int_equal(capacity, 3);
    items[2] = 7;
    assert_true(huge_array_reserve(&items, &capacity, 2, sizeof *items));
    assert_int_equal(capacity, 3);
    assert_true(huge_array_reserve(&items, &capacity, 400000, sizeof *items));
    assert_int_equal(capacity, 400000);
    assert_int_equal(items[2], 7);
    assert_int_equal(items[399999], 0);
    huge_array_free(items, capacity * sizeof *items);
}

static void test_a_region_is_a_huge_page_of_zeros_at_its_own_place(void **unused) {
    (void)unused;
    char *region = huge_region_make();
    assert_non_null(region);
    assert_int_equal((uintptr_t)region % HUGE_PAGE, 0);
    huge_region_advise(region);
    assert_bytes(region, 0, HUGE_PAGE, 0);
    huge_region_free(region);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_array_that_grows_keeps_what_it_holds_and_adds_zeros),
        cmocka_unit_test(test_an_array_begins_where_there_was_none),
        cmocka_unit_test(test_room_for_items_only_grows),
        cmocka_unit_test(test_a_region_is_a_huge_page_of_zeros_at_its_own_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
