/* Memory that runs out at each allocation in turn: reading says so, or does without; it never falls over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "consumer/avro_decoder.h"
#include "consumer/json_lines.h"
#include "consumer/record_file.h"
#include "consumer/writers.h"
#include "tests/unit/memory_file.h"

/* The linker (--wrap) gives the house's calls to these. */
void *malloc_of_libc(size_t size) __asm__("__real_malloc");
void *malloc_that_fails(size_t size) __asm__("__wrap_malloc");
void *calloc_of_libc(size_t count, size_t size) __asm__("__real_calloc");
void *calloc_that_fails(size_t count, size_t size) __asm__("__wrap_calloc");
void *realloc_of_libc(void *memory, size_t size) __asm__("__real_realloc");
void *realloc_that_fails(void *memory, size_t size) __asm__("__wrap_realloc");
void *reallocarray_of_libc(void *memory, size_t count, size_t size) __asm__("__real_reallocarray");
void *reallocarray_that_fails(void *memory, size_t count, size_t size) __asm__("__wrap_reallocarray");

static int fails_in; /* so many allocations from now one fails; 0: none does */

static bool fails_now(void) {
    return fails_in > 0 && --fails_in == 0;
}

void *malloc_that_fails(size_t size) {
    return fails_now() ? NULL : malloc_of_libc(size);
}

void *calloc_that_fails(size_t count, size_t size) {
    return fails_now() ? NULL : calloc_of_libc(count, size);
}

void *realloc_that_fails(void *memory, size_t size) {
    return fails_now() ? NULL : realloc_of_libc(memory, size);
}

void *reallocarray_that_fails(void *memory, size_t count, size_t size) {
    return fails_now() ? NULL : reallocarray_of_libc(memory, count, size);
}

static struct error error;

static enum result read_a_line(void) {
    struct text line = TEXT(
        "{\"str\\u0065am\":\"usage\",\"event_id\":\"e\",\"account_id\":\"\\u00e9\",\"user_id\":\"u\","
        "\"occurred_at\":\"2026-11-01T10:20:\\u00330Z\",\"feature\":\"f\","
        "\"properties\":{\"a\\n\":\"b\",\"c\":\"d\"}}");
    struct json_lines *reader;
    struct file_record record;
    enum result result = json_lines_create(&reader, &error);
    if (result != RESULT_OK)
        return result;
    result = json_lines_read(reader, line, STREAMS, &record, &error);
    json_lines_free(reader);
    return result;
}

static enum result decode_a_record(void) {
    static const uint8_t bytes[] = {2, 'e', 2, 'a', 2, 'u', 0, 2, 'f', 2, 0, 2, 2, 'k', 2, 'v', 0};
    struct own_schemas own = {0};
    struct writers writers = {0};
    struct writer *writer;
    struct avro_decoder decoder = {0};
    const struct avro_plan *plan = NULL;
    struct event event;
    struct rejection rejection;
    enum result result = own_schemas_load(&own, &error);
    if (result == RESULT_OK)
        result = writers_add(&writers, 7, own.streams[STREAM_USAGE]->schema, &writer, &error);
    if (result == RESULT_OK)
        result = writer_plan(&writers, writer, STREAM_USAGE, &own, &plan, &error);
    struct text record = {(const char *)bytes, sizeof bytes};
    if (result == RESULT_OK)
        result = avro_decode_whole(&decoder, plan, record, &event, &rejection);
    avro_decoder_free(&decoder);
    writers_free(&writers);
    own_schemas_free(&own);
    return result;
}

static enum result read_a_file(void) {
    static const char text[] = "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":1}\n";
    struct memory_file memory = memory_file_create(text, sizeof text - 1);
    struct own_schemas own = {0};
    struct record_file *file = NULL;
    struct file_record record;
    enum result result = record_file_open(memory.path, STREAMS, &own, &file, &error);
    if (result == RESULT_OK && record_file_next(file, &record, &error) != FILE_RECORD)
        result = RESULT_FATAL;
    record_file_close(file);
    memory_file_remove(&memory);
    return result;
}

/* Fails the first allocation, then the second, and so on, until one attempt needs none that fails. */
static void fails_cleanly(enum result (*attempt)(void)) {
    for (int number = 1;; number++) {
        fails_in = number;
        enum result result = attempt();
        bool did_fail = fails_in == 0;
        fails_in = 0;
        if (!did_fail) {
            assert_int_equal(result, RESULT_OK);
            assert_true(number > 1);
            return;
        }
        assert_int_equal(result, RESULT_FATAL);
    }
}

static void a_line_is_read_or_memory_is_out(void **state) {
    (void)state;
    fails_cleanly(read_a_line);
}

static void a_record_is_decoded_or_memory_is_out(void **state) {
    (void)state;
    fails_cleanly(decode_a_record);
}

static void a_file_is_read_or_memory_is_out(void **state) {
    (void)state;
    fails_cleanly(read_a_file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_or_memory_is_out),
        cmocka_unit_test(a_record_is_decoded_or_memory_is_out),
        cmocka_unit_test(a_file_is_read_or_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
