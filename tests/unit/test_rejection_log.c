#include "cli/rejection_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 5000

struct fixture {
    struct counters counters[2];
    struct status_view view;
    struct rejection_log rejections;
    struct logger logger;
    uint32_t lines;
    char last[1024];
};

static void take_line(void *context, enum log_level level, const char *line) {
    struct fixture *fixture = context;
    assert_int_equal(level, LEVEL_WARNING);
    fixture->lines++;
    strncpy(fixture->last, line, sizeof fixture->last - 1);
}

static void set_up(struct fixture *fixture) {
    memset(fixture, 0, sizeof *fixture);
    fixture->view.counters[0] = &fixture->counters[0];
    fixture->view.counters[1] = &fixture->counters[1];
    fixture->view.counters_count = 2;
    fixture->view.begun = true;
    fixture->logger = (struct logger){fixture, take_line};
}

static void reject(struct fixture *fixture, int worker, enum rejection_reason reason, uint64_t count) {
    counters_add(&fixture->counters[worker], COUNTER_REJECTED + reason, count);
}

static void look(struct fixture *fixture, int64_t now_ms) {
    rejection_log_look(&fixture->rejections, &fixture->view, now_ms, &fixture->logger);
}

static void nothing_is_told_where_nothing_was_rejected(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    look(&fixture, NOW_MS);
    look(&fixture, NOW_MS + REJECTION_TELL_MS);
    assert_int_equal(fixture.lines, 0);
}

static void the_first_is_told_at_once_with_its_reason(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    look(&fixture, NOW_MS);
    reject(&fixture, 1, REJECTION_WRONG_PARTITION, 1);
    look(&fixture, NOW_MS + 200);
    assert_int_equal(fixture.lines, 1);
    assert_memory_equal(fixture.last, "1 record was rejected and put into the dead letters (1 wrong-partition); ", 72);
}

static void later_ones_are_told_together_once_a_minute(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    reject(&fixture, 0, REJECTION_UNDECODABLE, 2);
    look(&fixture, NOW_MS);
    for (int64_t passed_ms = 200; passed_ms < REJECTION_TELL_MS; passed_ms += 200) {
        reject(&fixture, 0, REJECTION_UNDECODABLE, 1);
        reject(&fixture, 1, REJECTION_INVALID_VALUE, 1);
        look(&fixture, NOW_MS + passed_ms);
    }
    assert_int_equal(fixture.lines, 1);
    look(&fixture, NOW_MS + REJECTION_TELL_MS);
    assert_int_equal(fixture.lines, 2);
    assert_non_null(strstr(fixture.last, "598 records were rejected"));
    assert_non_null(strstr(fixture.last, "(299 undecodable, 299 invalid-value)"));
    look(&fixture, NOW_MS + (int64_t)3 * REJECTION_TELL_MS);
    assert_int_equal(fixture.lines, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_where_nothing_was_rejected),
        cmocka_unit_test(the_first_is_told_at_once_with_its_reason),
        cmocka_unit_test(later_ones_are_told_together_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
