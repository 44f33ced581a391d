#include "cli/printer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/progress.h"

static void test_lines_arrive_when_the_printer_is_closed(void **state) {
    (void)state;
    int ends[2];
    char read_back[16] = "";
    struct printer printer;
    struct error error;
    assert_int_equal(pipe(ends), 0);
    printer_open(&printer, ends[1]);
    assert_false(printer.live);
    buffer_put_string(&printer.buffer, "one\n");
    printer_end_line(&printer);
    assert_int_equal(printer.buffer.size, 4);
    assert_int_equal(printer_close(&printer, &error), RESULT_OK);
    assert_int_equal(read(ends[0], read_back, sizeof read_back - 1), 4);
    assert_string_equal(read_back, "one\n");
    close(ends[0]);
    close(ends[1]);
}

static void test_a_reader_that_has_gone_is_no_error(void **state) {
    (void)state;
    int ends[2];
    struct printer printer;
    struct error error;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    printer_open(&printer, ends[1]);
    for (int i = 0; i < PRINTER_BUFFER_BYTES; i++)
        buffer_put_string(&printer.buffer, "x\n");
    printer_end_line(&printer);
    assert_true(printer.closed);
    assert_int_equal(printer_close(&printer, &error), RESULT_OK);
    close(ends[1]);
}

static void test_a_full_disk_is_an_error(void **state) {
    (void)state;
    struct printer printer;
    struct error error;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    printer_open(&printer, full);
    buffer_put_string(&printer.buffer, "one\n");
    assert_int_equal(printer_close(&printer, &error), RESULT_FATAL);
    assert_string_equal(error.text, "the output cannot be written: No space left on device");
    close(full);
}

static void test_counts_are_written_in_groups_of_three_digits(void **state) {
    (void)state;
    char text[COUNT_TEXT_MAX];
    assert_string_equal(count_text(0, text), "0");
    assert_string_equal(count_text(999, text), "999");
    assert_string_equal(count_text(1000, text), "1,000");
    assert_string_equal(count_text(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_arrive_when_the_printer_is_closed),
        cmocka_unit_test(test_a_reader_that_has_gone_is_no_error),
        cmocka_unit_test(test_a_full_disk_is_an_error),
        cmocka_unit_test(test_counts_are_written_in_groups_of_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
