#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "producer/client.h"

/* What was logged: how much of it, and of that at the levels that an operator sees. */
struct lines {
    uint32_t all, shown;
    char first[512]; /* of those that are shown */
};

static void take_line(void *context, enum log_level level, const char *line) {
    struct lines *lines = context;
    lines->all++;
    if (level <= LEVEL_INFO && lines->shown++ == 0)
        strncpy(lines->first, line, sizeof lines->first - 1);
}

/* A client whose broker refuses connections: nothing listens on the port 1. */
static void open_client(const struct logger *logger, struct client *ret_client) {
    static const struct kafka_property items[] = {
        {"bootstrap.servers", "127.0.0.1:1"}, {"reconnect.backoff.ms", "1"}, {"reconnect.backoff.max.ms", "1"}};
    static const struct kafka_properties properties = {items, sizeof items / sizeof items[0]}, none = {NULL, 0};
    struct error error;
    rd_kafka_conf_t *conf;
    assert_int_equal(client_configure(&properties, &none, 0, &conf, &error), RESULT_OK);
    assert_int_equal(client_open(conf, logger, ret_client, &error), RESULT_OK);
    rd_kafka_conf_destroy(conf);
}

static void await_troubles(struct client *client, uint64_t count) {
    int64_t deadline_ms = client_now_ms() + 60000;
    while (client->troubles < count && client_left_ms(deadline_ms) > 0)
        client_poll(client, 100);
    assert_true(client->troubles >= count);
}

static void brokers_that_refuse_are_told_once_and_counted_always(void **state) {
    (void)state;
    struct lines lines = {0};
    const struct logger logger = {&lines, take_line};
    struct client client;
    open_client(&logger, &client);
    await_troubles(&client, 2); /* the connection, and that there is no other */
    assert_int_equal(lines.shown, 1);
    assert_true(lines.all > 2);
    assert_non_null(strstr(lines.first, "Connection refused"));
    assert_non_null(strstr(client.trouble.text, "Connection refused"));
    client_close(&client);
}

static void trouble_is_told_again_after_a_delivery(void **state) {
    (void)state;
    struct lines lines = {0};
    const struct logger logger = {&lines, take_line};
    struct client client;
    open_client(&logger, &client);
    await_troubles(&client, 2);
    client.told_disconnected = false; /* as a delivery report leaves it */
    await_troubles(&client, client.troubles + 1);
    assert_int_equal(lines.shown, 2);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brokers_that_refuse_are_told_once_and_counted_always),
        cmocka_unit_test(trouble_is_told_again_after_a_delivery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
