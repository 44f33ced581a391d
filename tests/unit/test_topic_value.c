#include "cli/topic_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

#define WRITERS_NPS                                                                                                   \
    "{\"type\":\"record\",\"name\":\"acme.NpsResponse\",\"fields\":[{\"name\":\"score\",\"type\":\"int\"},{\"name\":" \
    "\"event_id\",\"type\":\"string\"},{\"name\":\"account_id\",\"type\":\"string\"},{\"name\":\"occurred_at\","      \
    "\"type\":"                                                                                                       \
    "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}"

/* What the reader of a configuration makes of a value that such a writer wrote, of the stream nps. */
static void assert_read(const char *const *sets, uint32_t sets_count, struct text value, const char *expected) {
    struct configuration_input input = {.sets = sets, .sets_count = sets_count};
    struct setup setup;
    struct value_reader reader;
    struct buffer out = {0};
    struct error error;
    json_t *tree = NULL;
    assert_int_equal(setup_read_input(&input, NULL, &setup), RESULT_OK);
    assert_int_equal(value_reader_open(&reader, &setup, &error), RESULT_OK);
    if (value_read(&reader, value, "NpsResponse", &tree, &error) == RESULT_OK)
        tree_write(tree, &out);
    else
        buffer_put_string(&out, error.text);
    buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    json_decref(tree);
    buffer_free(&out);
    value_reader_close(&reader);
    setup_free(&setup);
}

/* Of the first the bytes look as if they named a schema of the registry: the score is 0. */
static void plain_values_are_read_by_the_schema_of_the_folder(void **state) {
    (void)state;
    char folder[] = "/tmp/bellwether-test-XXXXXX", file[64], schemas[64];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/nps.avsc", folder);
    snprintf(schemas, sizeof schemas, "schemas=%s", folder);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(WRITERS_NPS, out);
    fclose(out);
    const char *const sets[] = {schemas, "encodings.nps=plain", "registry.url=http://127.0.0.1:1"};
    assert_read(sets, 3, TEXT("\0\4e1\2a\x80\x89\x7a"),
                "{\"score\":0,\"event_id\":\"e1\",\"account_id\":\"a\",\"occurred_at\":\"1970-01-01T00:00:01.000Z\"}");
    assert_read(sets, 3, TEXT("\2\4e1\2a"),
                "the bytes are no Avro of the schema acme.NpsResponse, or of too many empty values");
    assert_read(sets, 1, TEXT("\2\4e1\2a\x80\x89\x7a"), "the bytes name no schema");
    unlink(file);
    rmdir(folder);
}

static void a_name_may_hold_any_character(void **state) {
    (void)state;
    struct buffer out = {0};
    json_t *tree = json_object();
    assert_int_equal(json_object_setn_new_nocheck(tree, "a\0b", 3, json_true()), 0);
    tree_write(tree, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, "{\"a\\u0000b\":true}");
    buffer_free(&out);
    json_decref(tree);
}

static void a_text_of_json_may_hold_any_character(void **state) {
    (void)state;
    assert_read(NULL, 0, TEXT("{\"plan\": \"a\\u0000b\"}"), "{\"plan\":\"a\\u0000b\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_as_short_as_they_were),
        cmocka_unit_test(members_keep_their_order_and_texts_their_characters),
        cmocka_unit_test(a_name_may_hold_any_character),
        cmocka_unit_test(a_text_of_json_may_hold_any_character),
        cmocka_unit_test(plain_values_are_read_by_the_schema_of_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
