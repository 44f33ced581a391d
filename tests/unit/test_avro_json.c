#include "cli/avro_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;
static struct buffer bytes;

static int clear(void **state) {
    (void)state;
    arena_free(&arena);
    buffer_free(&bytes);
    return 0;
}

static json_t *read_all(const char *schema_json) {
    const struct schema *schema;
    struct error error;
    assert_true(buffer_ok(&bytes));
    assert_int_equal(schema_parse(text_of(schema_json), NULL, &arena, &schema, &error), RESULT_OK);
    struct cursor cursor = cursor_of(bytes.data, bytes.size);
    json_t *tree = avro_json_read(schema, &cursor);
    if (tree != NULL)
        assert_int_equal(cursor_left(&cursor), 0);
    return tree;
}

static void values_are_what_their_schema_says(void **state) {
    (void)state;
    buffer_put_zigzag(&bytes, 2); /* a block of two */
    buffer_put_zigzag(&bytes, 1);
    buffer_put_zigzag(&bytes, 1000);
    buffer_put_zigzag(&bytes, 0);
    buffer_put_zigzag(&bytes, 0);
    json_t *tree = read_all("{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"long\",\"logicalType\":"
                            "\"timestamp-millis\"}]}");
    assert_int_equal(json_array_size(tree), 2);
    assert_string_equal(json_string_value(json_array_get(tree, 0)), "1970-01-01T00:00:01.000Z");
    assert_true(json_is_null(json_array_get(tree, 1)));
    json_decref(tree);
}

static void put_empty_blocks(int blocks, int64_t items) {
    for (int i = 0; i < blocks; i++)
        buffer_put_zigzag(&bytes, items);
    buffer_put_zigzag(&bytes, 0);
}

static void values_without_bytes_are_bounded_over_all_blocks(void **state) {
    (void)state;
    const char *nulls = "{\"type\":\"array\",\"items\":\"null\"}";
    put_empty_blocks(2, AVRO_JSON_EMPTY_MAX / 2);
    json_t *tree = read_all(nulls);
    assert_int_equal(json_array_size(tree), AVRO_JSON_EMPTY_MAX);
    json_decref(tree);
    buffer_clear(&bytes);
    put_empty_blocks(2, AVRO_JSON_EMPTY_MAX);
    assert_null(read_all(nulls));
}

static void values_without_bytes_are_bounded_within_records_too(void **state) {
    (void)state;
    put_empty_blocks(1, AVRO_JSON_EMPTY_MAX);
    assert_null(read_all("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                         "{\"name\":\"a\",\"type\":\"null\"},{\"name\":\"b\",\"type\":\"null\"}]}}"));
}

static void values_with_bytes_are_bounded_by_these(void **state) {
    (void)state;
    const int64_t items = 3 * AVRO_JSON_EMPTY_MAX;
    buffer_put_zigzag(&bytes, items);
    for (int64_t i = 0; i < items; i++)
        buffer_put_zigzag(&bytes, 0);
    buffer_put_zigzag(&bytes, 0);
    json_t *tree = read_all("{\"type\":\"array\",\"items\":[\"null\",\"string\"]}");
    assert_int_equal(json_array_size(tree), items);
    json_decref(tree);
    buffer_clear(&bytes);
    buffer_put_zigzag(&bytes, INT64_MAX);
    buffer_put_zigzag(&bytes, 0);
    assert_null(read_all("{\"type\":\"array\",\"items\":\"long\"}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(values_are_what_their_schema_says, clear),
        cmocka_unit_test_teardown(values_without_bytes_are_bounded_over_all_blocks, clear),
        cmocka_unit_test_teardown(values_without_bytes_are_bounded_within_records_too, clear),
        cmocka_unit_test_teardown(values_with_bytes_are_bounded_by_these, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
