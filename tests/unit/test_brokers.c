#include "cli/brokers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct lines {
    uint32_t count;
    char last[512];
};

static void take_line(void *context, enum log_level level, const char *line) {
    struct lines *lines = context;
    (void)level;
    lines->count++;
    strncpy(lines->last, line, sizeof lines->last - 1);
}

/* Nothing listens on the port 1. */
static const struct kafka_property items[] = {{"bootstrap.servers", "127.0.0.1:1"}};

static enum result await(int timeout_ms, struct lines *ret_lines, struct error *error) {
    *ret_lines = (struct lines){0};
    const struct setup setup = {.properties = {items, 1}, .logger = {ret_lines, take_line}};
    return brokers_await(&setup, timeout_ms, error);
}

static void who_waits_long_is_told_what_for_once(void **state) {
    (void)state;
    struct lines lines;
    struct error error;
    assert_int_equal(await(2500, &lines, &error), RESULT_RETRY);
    assert_int_equal(lines.count, 1);
    assert_non_null(strstr(lines.last, "waiting for Kafka, up to 2 s: "));
    assert_non_null(strstr(lines.last, "Connection refused"));
    assert_non_null(strstr(error.text, "Connection refused"));
}

static void a_moment_is_waited_for_in_silence(void **state) {
    (void)state;
    struct lines lines;
    struct error error;
    assert_int_equal(await(100, &lines, &error), RESULT_RETRY);
    assert_int_equal(lines.count, 0);
    assert_non_null(strstr(error.text, "The topics could not be listed"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_long_is_told_what_for_once),
        cmocka_unit_test(a_moment_is_waited_for_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
