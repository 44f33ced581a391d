#include "engine/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void what_was_added_stays_as_it_was(void **state) {
    (void)state;
    struct batch batch = {0};
    struct error error;
    for (uint32_t i = 0; i < 1000; i++) {
        char text[32];
        struct text key = {text, (uint32_t)snprintf(text, sizeof text, "key-%u", i)};
        struct header header = {TEXT("name"), TEXT_MISSING};
        struct record record = {.key = key, .value = TEXT(""), .headers = &header, .headers_count = 1, .offset = 9};
        assert_int_equal(batch_add(&batch, &record, &error), RESULT_OK);
        memset(text, 'x', sizeof text);
    }
    assert_int_equal(batch.count, 1000);
    assert_int_equal(batch.records[7].offset, OFFSET_NONE);
    assert_true(text_equals(batch.records[7].key, "key-7"));
    assert_true(text_equals(batch.records[999].key, "key-999"));
    assert_true(text_equals(batch.records[999].value, ""));
    assert_true(text_equals(batch.records[999].headers[0].name, "name"));
    assert_true(text_is_missing(batch.records[999].headers[0].value));
    batch_free(&batch);
}

static void what_is_written_in_its_place_is_a_record_like_others_and_takes_no_more_than_it_has(void **state) {
    (void)state;
    struct batch batch = {0};
    struct error error;
    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t *room = batch_room(&batch, 5000);
        assert_non_null(room);
        memset(room, (int)('a' + i % 26), 5000);
        struct record record = {.output = OUTPUT_CHANGELOG,
                                .partition = 3,
                                .key = {(const char *)room, 2},
                                .value = {(const char *)room + 2, i % 100}};
        assert_int_equal(batch_add_written(&batch, &record, &error), RESULT_OK);
        struct record other = {.key = TEXT("copied"), .value = TEXT_MISSING};
        assert_int_equal(batch_add(&batch, &other, &error), RESULT_OK);
    }
    size_t bytes = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        const struct record *record = &batch.records[2 * i];
        assert_int_equal(record->key.data[1], 'a' + i % 26);
        assert_int_equal(record->value.size, i % 100);
        for (uint32_t at = 0; at < record->value.size; at++)
            assert_int_equal(record->value.data[at], 'a' + i % 26);
        assert_int_equal(record->offset, OFFSET_NONE);
        assert_true(text_equals(batch.records[2 * i + 1].key, "copied"));
        bytes += 2 + i % 100 + strlen("copied");
    }
    assert_int_equal(batch.bytes, bytes);
    batch_free(&batch);
}

static void what_a_record_refers_to_may_be_kept_instead_of_copied(void **state) {
    (void)state;
    static const struct header headers[] = {{TEXT("name"), TEXT("lasting")}};
    struct batch batch = {0};
    struct error error;
    uint8_t *room = batch_room(&batch, 5);
    assert_non_null(room);
    memcpy(room, "valu", 4);
    struct record record = {.output = OUTPUT_CHANGES,
                            .partition = PARTITION_BY_KEY,
                            .offset = 7,
                            .headers = headers,
                            .headers_count = 1,
                            .key = TEXT("key"),
                            .value = {(const char *)room, 5}};
    assert_int_equal(batch_add_kept(&batch, &record, &error), RESULT_OK);
    room[4] = 'e';
    assert_int_equal(batch.count, 1);
    assert_ptr_equal(batch.records[0].headers, headers);
    assert_true(text_equals(batch.records[0].value, "value"));
    assert_int_equal(batch.records[0].offset, OFFSET_NONE);
    assert_int_equal(batch.bytes, strlen("namelastingkeyvalue"));
    batch_free(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_stays_as_it_was),
        cmocka_unit_test(what_is_written_in_its_place_is_a_record_like_others_and_takes_no_more_than_it_has),
        cmocka_unit_test(what_a_record_refers_to_may_be_kept_instead_of_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
