#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zlib.h>

#include "base/buffer.h"
#include "consumer/line_source.h"
#include "consumer/record_file.h"
#include "tests/unit/memory_file.h"

static struct own_schemas own;
static struct error error;
static struct file_record record;

static int load(void **state) {
    (void)state;
    return own_schemas_load(&own, &error) == RESULT_OK ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    own_schemas_free(&own);
    return 0;
}

#define FACTS(account) "{\"stream\":\"account\",\"account_id\":\"" account "\",\"updated_at\":5}"

static struct record_file *open_bytes(struct memory_file *file, const void *data, size_t size) {
    struct record_file *records = NULL;
    *file = memory_file_create(data, size);
    if (record_file_open(file->path, STREAMS, &own, &records, &error) != RESULT_OK)
        fail_msg("%s", error.text);
    return records;
}

static void assert_record(struct record_file *file, const char *account, int64_t number) {
    assert_int_equal(record_file_next(file, &record, &error), FILE_RECORD);
    assert_int_equal(record.event.account_id.size, strlen(account));
    assert_memory_equal(record.event.account_id.data, account, strlen(account));
    assert_int_equal(record.event.place.offset, number);
    assert_int_equal(record.event.place.partition, -1);
}

static void lines_are_numbered_and_blank_ones_are_nothing(void **state) {
    (void)state;
    struct memory_file file;
    const char text[] = "\n" FACTS("a") "\r\n  \t\n" FACTS("b") "\n\n" FACTS("c");
    struct record_file *records = open_bytes(&file, text, strlen(text));
    assert_record(records, "a", 2);
    assert_record(records, "b", 4);
    assert_record(records, "c", 6);
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    record_file_close(records);
    memory_file_remove(&file);
}

static void a_line_that_is_not_valid_is_reported_with_its_number(void **state) {
    (void)state;
    struct memory_file file;
    const char text[] = FACTS("a") "\nnot json\n" FACTS("b") "\n";
    struct record_file *records = open_bytes(&file, text, strlen(text));
    assert_record(records, "a", 1);
    assert_int_equal(record_file_next(records, &record, &error), FILE_REJECTED);
    assert_string_equal(error.text, "line 2: this is not JSON: no value at byte 1");
    assert_record(records, "b", 3);
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    record_file_close(records);
    memory_file_remove(&file);
}

static void an_empty_file_has_no_records(void **state) {
    (void)state;
    struct memory_file file;
    struct record_file *records = open_bytes(&file, "", 0);
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    record_file_close(records);
    memory_file_remove(&file);
}

static void lines_of_any_length_come_through_the_window(void **state) {
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i < 3000; i++) {
        buffer_printf(&text, "{\"stream\":\"account\",\"account_id\":\"a%d\",\"updated_at\":%d,\"name\":\"", i, i);
        for (int j = (i * 7919) % (i % 500 == 0 ? 300000 : 400); j > 0; j--)
            buffer_put_u8(&text, 'x');
        buffer_put_string(&text, "\"}\n");
    }
    assert_true(buffer_ok(&text));
    struct memory_file file;
    struct record_file *records = open_bytes(&file, text.data, text.size);
    for (int i = 0; i < 3000; i++) {
        char account[16];
        snprintf(account, sizeof account, "a%d", i);
        assert_record(records, account, i + 1);
        assert_int_equal(record.event.time_ms, i);
    }
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    uint64_t read, size;
    record_file_progress(records, &read, &size);
    assert_int_equal(read, text.size);
    assert_int_equal(size, text.size);
    record_file_close(records);
    memory_file_remove(&file);
    buffer_free(&text);
}

static void a_line_that_is_too_long_is_skipped(void **state) {
    (void)state;
    struct buffer text = {0};
    buffer_put_string(&text, FACTS("a") "\n");
    for (int i = 0; i < LINE_SIZE_MAX / 8 + 8; i++)
        buffer_put_string(&text, "12345678");
    buffer_put_string(&text, "\n" FACTS("b") "\n");
    assert_true(buffer_ok(&text));
    struct memory_file file;
    struct record_file *records = open_bytes(&file, text.data, text.size);
    assert_record(records, "a", 1);
    assert_int_equal(record_file_next(records, &record, &error), FILE_REJECTED);
    assert_string_equal(error.text, "line 2: the line has more than 16777216 bytes");
    assert_record(records, "b", 3);
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    record_file_close(records);
    memory_file_remove(&file);
    buffer_free(&text);
}

static void gzip_append(struct buffer *out, const char *text) {
    z_stream stream = {.next_in = (uint8_t *)text, .avail_in = (unsigned)strlen(text)};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uint8_t *room = buffer_extend(out, 4096);
    assert_non_null(room);
    stream.next_out = room;
    stream.avail_out = 4096;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->size -= stream.avail_out;
    deflateEnd(&stream);
}

static void gzip_is_seen_from_the_first_bytes(void **state) {
    (void)state;
    struct buffer bytes = {0};
    gzip_append(&bytes, FACTS("a") "\n" FACTS("b") "\n");
    gzip_append(&bytes, FACTS("c") "\n"); /* as `cat a.gz b.gz` makes it */
    struct memory_file file;
    struct record_file *records = open_bytes(&file, bytes.data, bytes.size);
    assert_record(records, "a", 1);
    assert_record(records, "b", 2);
    assert_record(records, "c", 3);
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    record_file_close(records);
    memory_file_remove(&file);
    buffer_free(&bytes);
}

static void damaged_gzip_fails(void **state) {
    (void)state;
    struct buffer bytes = {0};
    gzip_append(&bytes, FACTS("a") "\n" FACTS("b") "\n");
    for (size_t cut = 1; cut < 9; cut++) { /* of the trailer */
        struct memory_file file;
        struct record_file *records = open_bytes(&file, bytes.data, bytes.size - cut);
        enum file_outcome outcome;
        do
            outcome = record_file_next(records, &record, &error);
        while (outcome == FILE_RECORD);
        assert_int_equal(outcome, FILE_FAILED);
        assert_string_equal(error.text, "unexpected end of file");
        record_file_close(records);
        memory_file_remove(&file);
    }
    buffer_free(&bytes);
}

static void a_file_that_can_not_be_read_is_an_error(void **state) {
    (void)state;
    struct record_file *records = NULL;
    assert_int_equal(record_file_open("/nowhere/events.jsonl", STREAMS, &own, &records, &error), RESULT_FATAL);
    assert_string_equal(error.text, "No such file or directory");
    assert_int_equal(record_file_open("/", STREAMS, &own, &records, &error), RESULT_FATAL);
    assert_string_equal(error.text, "Is a directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_numbered_and_blank_ones_are_nothing),
        cmocka_unit_test(a_line_that_is_not_valid_is_reported_with_its_number),
        cmocka_unit_test(an_empty_file_has_no_records),
        cmocka_unit_test(lines_of_any_length_come_through_the_window),
        cmocka_unit_test(a_line_that_is_too_long_is_skipped),
        cmocka_unit_test(gzip_is_seen_from_the_first_bytes),
        cmocka_unit_test(damaged_gzip_fails),
        cmocka_unit_test(a_file_that_can_not_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
