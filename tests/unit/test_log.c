#include "ops/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A log into a pipe, at a time that the test sets. */
static int64_t now_ms;
static int ends[2];

static int64_t test_wall_ms(void) {
    return now_ms;
}

static struct log *open_log(enum log_style style) {
    struct log *log;
    struct error error;
    assert_int_equal(pipe(ends), 0);
    struct log_options options = {style, LEVEL_INFO, false, ends[1], test_wall_ms};
    assert_int_equal(log_create(&options, &log, &error), RESULT_OK);
    now_ms = 1793527200000;
    return log;
}

/* All that was written, and closes the log. */
static const char *close_log(struct log *log) {
    static char written[65536];
    log_free(log);
    close(ends[1]);
    ssize_t size = read(ends[0], written, sizeof written - 1);
    written[size < 0 ? 0 : size] = '\0';
    close(ends[0]);
    return written;
}

static uint32_t lines(const char *text) {
    uint32_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void test_a_json_line_is_one_object_with_escapes(void **state) {
    (void)state;
    struct log *log = open_log(LOG_STYLE_JSON);
    log_write(log, LEVEL_WARNING, "topic \"%s\"\nis gone", "logins");
    assert_string_equal(close_log(log), "{\"time\":\"2026-11-01T10:00:00.000Z\",\"level\":\"warning\","
                                        "\"message\":\"topic \\\"logins\\\" is gone\"}\n");
}

static void test_bytes_that_are_no_text_are_replaced(void **state) {
    (void)state;
    struct log *log = open_log(LOG_STYLE_JSON);
    log_write(log, LEVEL_WARNING, "caf\xE9 and caf\u00e9\xC3");
    assert_string_equal(close_log(log), "{\"time\":\"2026-11-01T10:00:00.000Z\",\"level\":\"warning\","
                                        "\"message\":\"caf\uFFFD and caf\u00e9\uFFFD\"}\n");
}

static void test_messages_are_cut_between_characters(void **state) {
    (void)state;
    static char message[2 * LOG_LINE_MAX];
    for (int shift = 0; shift < 2; shift++) {
        struct log *log = open_log(LOG_STYLE_JSON);
        size_t size = 0;
        message[0] = 'x';
        for (size = (size_t)shift; size + 2 < sizeof message; size += 2)
            memcpy(message + size, "\u00e9", 2);
        message[size] = '\0';
        for (int i = 0; i <= LOG_REPEATS_MAX; i++)
            log_write(log, LEVEL_WARNING, "%s", message);
        const char *written = close_log(log);
        assert_non_null(strstr(written, "1 more like this"));
        assert_null(strstr(written, "\uFFFD"));
    }
}

static void test_plain_lines_are_the_message_alone(void **state) {
    (void)state;
    struct log *log = open_log(LOG_STYLE_PLAIN);
    log_write(log, LEVEL_WARNING, "events.jsonl:3: no JSON object");
    log_write(log, LEVEL_ERROR, "out of luck");
    log_write(log, LEVEL_DEBUG, "not shown");
    assert_string_equal(close_log(log), "events.jsonl:3: no JSON object\nerror: out of luck\n");
}

static void test_repeated_messages_are_counted_and_told_later(void **state) {
    (void)state;
    struct log *log = open_log(LOG_STYLE_HUMAN);
    for (int i = 0; i < 100; i++)
        log_write(log, LEVEL_WARNING, "broker %d does not answer", i);
    now_ms += LOG_WINDOW_MS;
    log_write(log, LEVEL_INFO, "something else");
    const char *written = close_log(log);
    assert_int_equal(lines(written), LOG_REPEATS_MAX + 2);
    assert_non_null(strstr(written, "95 more like this were not shown: broker 0 does not answer"));
}

static void test_errors_are_never_held_back(void **state) {
    (void)state;
    struct log *log = open_log(LOG_STYLE_HUMAN);
    for (int i = 0; i < 20; i++)
        log_write(log, LEVEL_ERROR, "refused %d", i);
    assert_int_equal(lines(close_log(log)), 20);
}

static void test_what_was_held_back_is_told_at_the_end(void **state) {
    (void)state;
    struct log *log = open_log(LOG_STYLE_HUMAN);
    for (int i = 0; i < 7; i++)
        log_write(log, LEVEL_INFO, "again");
    assert_non_null(strstr(close_log(log), "2 more like this"));
}

static void test_many_different_messages_do_not_outgrow_the_memory_of_them(void **state) {
    (void)state;
    struct log *log = open_log(LOG_STYLE_HUMAN);
    char message[3] = "aa";
    for (int i = 0; i < 200; i++) {
        message[0] = (char)('a' + i / 20);
        message[1] = (char)('a' + i % 20);
        log_write(log, LEVEL_INFO, "%s", message);
    }
    assert_int_equal(lines(close_log(log)), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_json_line_is_one_object_with_escapes),
        cmocka_unit_test(test_bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(test_messages_are_cut_between_characters),
        cmocka_unit_test(test_plain_lines_are_the_message_alone),
        cmocka_unit_test(test_repeated_messages_are_counted_and_told_later),
        cmocka_unit_test(test_errors_are_never_held_back),
        cmocka_unit_test(test_what_was_held_back_is_told_at_the_end),
        cmocka_unit_test(test_many_different_messages_do_not_outgrow_the_memory_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
