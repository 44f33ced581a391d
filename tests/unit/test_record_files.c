#include "cli/record_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_file_that_is_not_there_is_told_before_the_first_is_read(void **state) {
    (void)state;
    static const char *const paths[] = {"/dev/null", "-", "/nowhere/events.jsonl"};
    struct record_files files;
    struct error error;
    assert_int_equal(record_files_open(&files, paths, 3, STREAMS, NULL, true, &error), RESULT_FATAL);
    assert_string_equal(error.text, "/nowhere/events.jsonl: No such file or directory");
    record_files_close(&files);
}

static void files_that_are_there_are_read_to_their_end(void **state) {
    (void)state;
    static const char *const paths[] = {"/dev/null", "/dev/null"};
    struct record_files files;
    struct file_record record;
    struct error error;
    bool end = false;
    assert_int_equal(record_files_open(&files, paths, 2, STREAMS, NULL, true, &error), RESULT_OK);
    assert_int_equal(record_files_next(&files, &record, &end, &error), RESULT_OK);
    assert_true(end);
    record_files_close(&files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_not_there_is_told_before_the_first_is_read),
        cmocka_unit_test(files_that_are_there_are_read_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
