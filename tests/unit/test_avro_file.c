#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <avro.h>
#include <zlib.h>

#include "consumer/avro_file.h"
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

/* ---- files that avro-c wrote ---- */

/* What avro-c is asked here can not fail. */
static void must(int status) {
    if (status != 0)
        abort();
}

static void append_score(avro_file_writer_t writer, avro_value_iface_t *class, int number) {
    avro_value_t value, field, branch;
    char text[32];
    must(avro_generic_value_new(class, &value));
    snprintf(text, sizeof text, "e%d", number);
    must(avro_value_get_by_name(&value, "event_id", &field, NULL));
    must(avro_value_set_string(&field, text));
    must(avro_value_get_by_name(&value, "account_id", &field, NULL));
    must(avro_value_set_string(&field, "acme"));
    must(avro_value_get_by_name(&value, "user_id", &field, NULL));
    must(avro_value_set_branch(&field, 0, &branch));
    must(avro_value_get_by_name(&value, "occurred_at", &field, NULL));
    must(avro_value_set_long(&field, number * 1000));
    must(avro_value_get_by_name(&value, "score", &field, NULL));
    must(avro_value_set_int(&field, number % 12));
    must(avro_value_get_by_name(&value, "comment", &field, NULL));
    must(avro_value_set_branch(&field, 1, &branch));
    must(avro_value_set_string(&branch, "a comment of some length"));
    must(avro_file_writer_append_value(writer, &value));
    avro_value_decref(&value);
}

/* Scores of 0 to 11 by turns, so that each twelfth record is not valid. */
static struct memory_file write_with_avro_c(const char *codec, int count) {
    struct memory_file file = memory_file_create("", 0);
    struct text json = own.streams[STREAM_NPS]->json;
    avro_schema_t schema;
    must(avro_schema_from_json_length(json.data, json.size, &schema));
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    avro_file_writer_t writer;
    FILE *stream = fdopen(dup(file.descriptor), "wb");
    assert_non_null(stream);
    must(avro_file_writer_create_with_codec_fp(stream, "memory", 1, schema, &writer, codec, 4096));
    for (int i = 0; i < count; i++)
        append_score(writer, class, i);
    must(avro_file_writer_close(writer));
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    return file;
}

static void assert_files_of(const char *codec) {
    struct memory_file file = write_with_avro_c(codec, 1000);
    struct record_file *records = NULL;
    assert_int_equal(record_file_open(file.path, STREAMS, &own, &records, &error), RESULT_OK);
    for (int i = 0; i < 1000; i++) {
        enum file_outcome outcome = record_file_next(records, &record, &error);
        if (i % 12 == 11) {
            char expected[64];
            snprintf(expected, sizeof expected, "record %d: nps score is 11, expected 0 to 10", i + 1);
            assert_int_equal(outcome, FILE_REJECTED);
            assert_string_equal(error.text, expected);
            continue;
        }
        assert_int_equal(outcome, FILE_RECORD);
        assert_int_equal(record.event.stream, STREAM_NPS);
        assert_int_equal(record.event.time_ms, i * 1000);
        assert_int_equal(record.event.place.offset, i + 1);
        assert_false(record.has_recorded_at);
        assert_true(record.event.fields[stream_field(STREAM_NPS, TEXT("score"))].number == i % 12);
    }
    assert_int_equal(record_file_next(records, &record, &error), FILE_END);
    record_file_close(records);
    memory_file_remove(&file);
}

static void files_that_avro_c_wrote_are_read(void **state) {
    (void)state;
    assert_files_of("null");
    assert_files_of("deflate");
}

/* ---- files made by hand ---- */

static const char marker[] = "0123456789abcdef";

static void put_sized(struct buffer *out, struct text text) {
    buffer_put_zigzag(out, text.size);
    buffer_put_text(out, text);
}

static void put_header(struct buffer *out, const char *schema, const char *codec) {
    buffer_put(out, "Obj\1", 4);
    buffer_put_zigzag(out, 2);
    put_sized(out, TEXT("avro.codec"));
    put_sized(out, text_of(codec));
    put_sized(out, TEXT("avro.schema"));
    put_sized(out, text_of(schema));
    buffer_put_zigzag(out, 0);
    buffer_put(out, marker, AVRO_SYNC_SIZE);
}

static void put_block(struct buffer *out, int64_t count, const struct buffer *data) {
    buffer_put_zigzag(out, count);
    put_sized(out, buffer_text(data));
    buffer_put(out, marker, AVRO_SYNC_SIZE);
}

#define SMALL_NPS                                                                                                 \
    "{\"type\":\"record\",\"name\":\"acme.NpsResponse\",\"fields\":[{\"name\":\"event_id\",\"type\":\"string\"}," \
    "{\"name\":\"account_id\",\"type\":\"string\"},{\"name\":\"occurred_at\",\"type\":\"long\"},"                 \
    "{\"name\":\"score\",\"type\":\"int\"}]}"

static void put_score(struct buffer *out, int64_t score) {
    put_sized(out, TEXT("e"));
    put_sized(out, TEXT("a"));
    buffer_put_zigzag(out, 1);
    buffer_put_zigzag(out, score);
}

static enum result open_bytes(const struct buffer *bytes, enum stream stream, struct record_file **ret_records) {
    assert_true(buffer_ok(bytes));
    struct memory_file file = memory_file_create(bytes->data, bytes->size);
    enum result result = record_file_open(file.path, stream, &own, ret_records, &error);
    memory_file_remove(&file);
    return result;
}

/* Reads all, and gives back what it ended with. */
static enum file_outcome read_all(const struct buffer *bytes, int *ret_records, int *ret_rejected) {
    struct record_file *file = NULL;
    *ret_records = *ret_rejected = 0;
    if (open_bytes(bytes, STREAMS, &file) != RESULT_OK)
        return FILE_FAILED;
    enum file_outcome outcome;
    while ((outcome = record_file_next(file, &record, &error)) < FILE_END)
        *(outcome == FILE_RECORD ? ret_records : ret_rejected) += 1;
    record_file_close(file);
    return outcome;
}

static void the_records_name_tells_the_stream_whatever_its_namespace(void **state) {
    (void)state;
    struct buffer bytes = {0}, block = {0};
    put_header(&bytes, SMALL_NPS, "null");
    put_score(&block, 3);
    put_block(&bytes, 1, &block);
    int records, rejected;
    assert_int_equal(read_all(&bytes, &records, &rejected), FILE_END);
    assert_int_equal(records, 1);
    assert_int_equal(record.event.stream, STREAM_NPS);
    buffer_free(&bytes);
    buffer_free(&block);
}

static void a_record_of_another_name_needs_to_be_told_its_stream(void **state) {
    (void)state;
    struct buffer bytes = {0};
    struct record_file *file = NULL;
    char schema[] = SMALL_NPS;
    memcpy(strstr(schema, "NpsResponse"), "NetPromoter", 11);
    put_header(&bytes, schema, "null");
    assert_int_equal(open_bytes(&bytes, STREAMS, &file), RESULT_FATAL);
    assert_string_equal(error.text, "the Avro file holds a record acme.NetPromoter, expected records named Account, "
                                    "ProductUsage, Login, SupportTicket, NpsResponse or CustomerEvent");
    assert_int_equal(open_bytes(&bytes, STREAM_NPS, &file), RESULT_OK);
    record_file_close(file);
    buffer_free(&bytes);
}

static void a_malformed_record_costs_its_block_and_no_other(void **state) {
    (void)state;
    struct buffer bytes = {0}, bad = {0}, good = {0};
    put_score(&bad, 1);
    buffer_put_zigzag(&bad, 1000); /* a string longer than the block */
    put_score(&good, 2);
    put_header(&bytes, SMALL_NPS, "null");
    put_block(&bytes, 5, &bad);
    put_block(&bytes, 1, &good);
    struct record_file *file = NULL;
    assert_int_equal(open_bytes(&bytes, STREAMS, &file), RESULT_OK);
    assert_int_equal(record_file_next(file, &record, &error), FILE_RECORD);
    assert_int_equal(record_file_next(file, &record, &error), FILE_REJECTED);
    assert_string_equal(error.text,
                        "record 2: the bytes are no nps record of the writer's schema: event_id is longer than the "
                        "record; so the 3 records behind it in its block are lost");
    assert_int_equal(record_file_next(file, &record, &error), FILE_RECORD);
    assert_int_equal(record.event.place.offset, 6);
    assert_int_equal(record_file_next(file, &record, &error), FILE_END);
    record_file_close(file);
    buffer_free(&bytes);
    buffer_free(&bad);
    buffer_free(&good);
}

static void every_cut_of_a_file_fails_or_ends_early(void **state) {
    (void)state;
    struct buffer bytes = {0}, block = {0};
    put_header(&bytes, SMALL_NPS, "null");
    size_t header = bytes.size;
    put_score(&block, 3);
    put_block(&bytes, 1, &block);
    for (size_t size = 4; size < bytes.size; size++) {
        struct buffer cut = {.data = bytes.data, .size = size};
        int records, rejected;
        assert_int_equal(read_all(&cut, &records, &rejected), size == header ? FILE_END : FILE_FAILED);
        assert_int_equal(records, 0);
    }
    buffer_free(&bytes);
    buffer_free(&block);
}

static void damage_is_told(void **state) {
    (void)state;
    static const struct {
        int64_t count, size;
        const char *codec, *reason;
    } cases[] = {
        {-1, 1, "null", "block 1 of the Avro file begins with a malformed count or size"},
        {1, -1, "null", "block 1 of the Avro file begins with a malformed count or size"},
        {1, INT64_MAX, "null", "block 1 of the Avro file is larger than 64 MiB"},
        {1, 100, "null", "block 1 of the Avro file is cut off"},
        {1, 1, "null", "block 1 of the Avro file does not end with the file's marker"},
        {0, 4, "null", "block 1 of the Avro file has bytes behind its last record"},
        {1, 4, "deflate", "block 1 of the Avro file is no deflated data"},
        {1, 4, "snappy", "the Avro codec is snappy; null and deflate can be read"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer bytes = {0};
        put_header(&bytes, SMALL_NPS, cases[i].codec);
        buffer_put_zigzag(&bytes, cases[i].count);
        buffer_put_zigzag(&bytes, cases[i].size);
        buffer_put(&bytes, "\xFF\xFF\xFF\xFF", 4);
        buffer_put(&bytes, marker, AVRO_SYNC_SIZE);
        int records, rejected;
        assert_int_equal(read_all(&bytes, &records, &rejected), FILE_FAILED);
        assert_string_equal(error.text, cases[i].reason);
        buffer_free(&bytes);
    }
}

static void a_block_that_inflates_beyond_its_bound_is_refused(void **state) {
    (void)state;
    struct buffer bytes = {0}, block = {0};
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    static uint8_t zeros[1024 * 1024];
    for (int i = 0; i < 66; i++) {
        stream.next_in = zeros;
        stream.avail_in = sizeof zeros;
        stream.next_out = buffer_extend(&block, 65536);
        assert_non_null(stream.next_out);
        stream.avail_out = 65536;
        assert_int_equal(deflate(&stream, i == 65 ? Z_FINISH : Z_NO_FLUSH), i == 65 ? Z_STREAM_END : Z_OK);
        assert_int_equal(stream.avail_in, 0);
        block.size -= stream.avail_out;
    }
    deflateEnd(&stream);
    put_header(&bytes, SMALL_NPS, "deflate");
    put_block(&bytes, 1, &block);
    int records, rejected;
    assert_int_equal(read_all(&bytes, &records, &rejected), FILE_FAILED);
    assert_string_equal(error.text, "block 1 of the Avro file is larger than 64 MiB");
    buffer_free(&bytes);
    buffer_free(&block);
}

static void a_file_without_or_with_a_wrong_schema_is_refused(void **state) {
    (void)state;
    struct buffer bytes = {0};
    struct record_file *file = NULL;
    buffer_put(&bytes, "Obj\1\0", 5);
    buffer_put(&bytes, marker, AVRO_SYNC_SIZE);
    assert_int_equal(open_bytes(&bytes, STREAMS, &file), RESULT_FATAL);
    assert_string_equal(error.text, "the Avro file has no schema");
    buffer_clear(&bytes);
    put_header(&bytes, "{\"type\":\"record\",\"name\":\"NpsResponse\",\"fields\":[]}", "null");
    assert_int_equal(open_bytes(&bytes, STREAMS, &file), RESULT_FATAL);
    assert_string_equal(error.text, "nps event_id is not in the writer's schema NpsResponse, and has no default");
    buffer_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_avro_c_wrote_are_read),
        cmocka_unit_test(the_records_name_tells_the_stream_whatever_its_namespace),
        cmocka_unit_test(a_record_of_another_name_needs_to_be_told_its_stream),
        cmocka_unit_test(a_malformed_record_costs_its_block_and_no_other),
        cmocka_unit_test(every_cut_of_a_file_fails_or_ends_early),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(a_block_that_inflates_beyond_its_bound_is_refused),
        cmocka_unit_test(a_file_without_or_with_a_wrong_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
