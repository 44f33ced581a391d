#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "consumer/kafka_changelog.h"

/* What was logged: how much of it, and of that at the levels that an operator sees. */
struct lines {
    uint32_t all, shown;
};

static void count_line(void *context, enum log_level level, const char *line) {
    struct lines *lines = context;
    (void)line;
    lines->all++;
    lines->shown += level <= LEVEL_INFO;
}

static const struct consumer_property items[] = {
    {"bootstrap.servers", "127.0.0.1:1"}, {"reconnect.backoff.ms", "1"}, {"reconnect.backoff.max.ms", "1"}};
static const struct consumer_properties properties = {items, sizeof items / sizeof items[0]}, none = {NULL, 0};

static void an_idle_handle_says_nothing_of_brokers_that_are_away(void **state) {
    (void)state;
    struct lines lines = {0};
    const struct logger logger = {&lines, count_line};
    const struct rd_kafka_metadata *metadata;
    struct kafka_handle handle;
    struct error error;
    assert_int_equal(kafka_handle_open(&handle, &properties, &none, &none, &logger, &error), RESULT_OK);
    /* A question without an answer: the library has noticed then that nobody is there. */
    for (int i = 0; i < 60 && lines.all < 2; i++) {
        assert_int_not_equal(rd_kafka_metadata(handle.client, 1, NULL, &metadata, 1000), RD_KAFKA_RESP_ERR_NO_ERROR);
        kafka_handle_serve(&handle);
    }
    assert_true(lines.all >= 2);
    assert_int_equal(lines.shown, 0);
    kafka_handle_close(&handle);
}

static void what_the_library_says_of_an_idle_changelog_is_heard_when_it_is_served(void **state) {
    (void)state;
    struct lines lines = {0};
    const struct logger logger = {&lines, count_line};
    struct kafka_changelog_options options = {properties, "changelog", 1, &logger};
    struct kafka_changelog *changelog;
    struct log_bounds bounds;
    struct error error;
    assert_int_equal(kafka_changelog_create(&options, &changelog, &error), RESULT_OK);
    struct changelog port = kafka_changelog_port(changelog);
    assert_int_equal(port.bounds(port.context, 0, &bounds, 100, &error), ANSWER_PENDING);
    lines.all = 0;
    for (time_t until = time(NULL) + 60; lines.all < 2 && time(NULL) < until;)
        port.serve(port.context);
    assert_true(lines.all >= 2);
    assert_int_equal(lines.shown, 0);
    kafka_changelog_free(changelog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_handle_says_nothing_of_brokers_that_are_away),
        cmocka_unit_test(what_the_library_says_of_an_idle_changelog_is_heard_when_it_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
