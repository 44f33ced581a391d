#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consumer/registry.h"
#include "tests/harness/test_clock.h"
#include "tests/unit/http_server.h"

enum { WAIT_MS = 10000 };

static struct http_test_server server;
static struct registry *registry;
static struct error error;
static int64_t clock_ahead_ms;

static int64_t later_ms(void *context) {
    return test_monotonic_ms(context) + clock_ahead_ms;
}

static const struct clock later_clock = {.monotonic_ms = later_ms};

static int open_registry(void **state) {
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    http_server_start(&server);
    struct registry_options options = {server.url, "user", "secret", 2000, &later_clock};
    return registry_create(&options, &registry, &error) == RESULT_OK ? 0 : -1;
}

static int close_registry(void **state) {
    (void)state;
    registry_free(registry);
    registry = NULL;
    http_server_stop(&server);
    return 0;
}

static enum result ask(uint32_t id, struct writer **ret_writer) {
    return registry_writer(registry, id, WAIT_MS, ret_writer, &error);
}

static void a_schema_is_fetched_once(void **state) {
    (void)state;
    struct writer *writer = NULL, *again = NULL;
    http_server_page(&server, 0, "/schemas/ids/7", 200, "{\"schema\":\"\\\"string\\\"\"}");
    assert_int_equal(ask(7, &writer), RESULT_OK);
    assert_int_equal(writer->schema->kind, SCHEMA_STRING);
    assert_true(http_server_saw(&server, "GET /schemas/ids/7 HTTP"));
    assert_true(http_server_saw(&server, "Authorization: Basic dXNlcjpzZWNyZXQ="));
    assert_int_equal(ask(7, &again), RESULT_OK);
    assert_ptr_equal(again, writer);
    assert_int_equal(http_server_requests(&server), 1);
}

static void nothing_is_waited_for_that_was_not_asked_for(void **state) {
    (void)state;
    struct writer *writer = NULL;
    http_server_page(&server, 0, "/schemas/ids/7", 200, "{\"schema\":\"\\\"string\\\"\"}");
    assert_int_equal(registry_writer(registry, 7, 0, &writer, &error), RESULT_RETRY);
    assert_string_equal(error.text, "schema 7 is on its way from the registry");
    assert_int_equal(ask(7, &writer), RESULT_OK);
    assert_int_equal(http_server_requests(&server), 1);
}

static void ids_that_are_asked_for_by_turns_do_not_end_each_others_requests(void **state) {
    (void)state;
    struct writer *seven = NULL, *eight = NULL;
    http_server_page(&server, 0, "/schemas/ids/7", 200, "{\"schema\":\"\\\"string\\\"\"}");
    http_server_page(&server, 1, "/schemas/ids/8", 200, "{\"schema\":\"\\\"int\\\"\"}");
    http_server_hold(&server, true);
    assert_false(registry_is_asking(registry));
    assert_int_equal(registry_writer(registry, 7, 0, &seven, &error), RESULT_RETRY);
    assert_int_equal(registry_writer(registry, 8, 0, &eight, &error), RESULT_RETRY);
    assert_string_equal(error.text, "schema 7 is on its way from the registry");
    assert_true(registry_is_asking(registry));
    http_server_hold(&server, false);
    assert_int_equal(ask(8, &eight), RESULT_OK);
    assert_int_equal(eight->schema->kind, SCHEMA_INT);
    assert_int_equal(ask(7, &seven), RESULT_OK);
    assert_int_equal(seven->schema->kind, SCHEMA_STRING);
    assert_int_equal(http_server_requests(&server), 2);
    assert_false(registry_is_asking(registry));
}

static void an_unknown_id_is_rejected_and_asked_for_again_after_a_while(void **state) {
    (void)state;
    struct writer *writer = NULL;
    http_server_page(&server, 0, "/schemas/ids/8", 404, "{\"error_code\":40403,\"message\":\"Schema 8 not found\"}");
    assert_int_equal(ask(8, &writer), RESULT_REJECT);
    assert_string_equal(error.text, "the schema registry has no schema of id 8 (/schemas/ids/8)");
    assert_int_equal(ask(8, &writer), RESULT_REJECT);
    assert_int_equal(http_server_requests(&server), 1);
    http_server_page(&server, 0, "/schemas/ids/8", 200, "{\"schema\":\"\\\"int\\\"\"}");
    assert_int_equal(ask(8, &writer), RESULT_REJECT);
    clock_ahead_ms += REGISTRY_UNKNOWN_MS;
    assert_int_equal(ask(8, &writer), RESULT_OK);
    assert_int_equal(ask(UINT32_MAX, &writer), RESULT_REJECT); /* a registry is not even asked */
    assert_int_equal(http_server_requests(&server), 2);
}

static void a_registry_that_fails_is_left_alone_for_a_while(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body, *reason;
    } failures[] = {
        {500, "", "it answered with status 500"},
        {401, "{}", "it answered with status 401 (are registry.user and its password right?)"},
        {404, "<html>", "it answered with status 404 (is the path of registry.url right?)"},
        {200, "<html>", "its answer was not understood (is registry.url right?)"},
        {0, "", "Empty reply from server"},
    };
    struct writer *writer = NULL;
    for (int i = 0; i < 5; i++) {
        char expected[256];
        http_server_page(&server, 0, "/schemas/ids/9", failures[i].status, failures[i].body);
        assert_int_equal(ask(9, &writer), RESULT_RETRY);
        snprintf(expected, sizeof expected, "the schema registry could not be asked for /schemas/ids/9: %s",
                 failures[i].reason);
        assert_string_equal(error.text, expected);
        assert_int_equal(ask(9, &writer), RESULT_RETRY);
        assert_string_equal(error.text, expected);
        assert_int_equal(http_server_requests(&server), i + 1);
        clock_ahead_ms += REGISTRY_PAUSE_MAX_MS;
    }
    http_server_page(&server, 0, "/schemas/ids/9", 200, "{\"schema\":\"\\\"int\\\"\"}");
    assert_int_equal(ask(9, &writer), RESULT_OK);
}

static void what_is_no_avro_schema_is_rejected(void **state) {
    (void)state;
    struct writer *writer = NULL;
    http_server_page(&server, 0, "/schemas/ids/1", 200, "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}");
    http_server_page(&server, 1, "/schemas/ids/2", 200, "{\"schemaType\":\"AVRO\",\"schema\":\"{}\"}");
    assert_int_equal(ask(1, &writer), RESULT_REJECT);
    assert_string_equal(error.text, "schema 1 of the registry: it is of the type JSON, expected AVRO");
    assert_int_equal(ask(2, &writer), RESULT_REJECT);
    assert_string_equal(error.text, "schema 2 of the registry: a type has no \"type\"");
    assert_int_equal(ask(2, &writer), RESULT_REJECT);
    assert_int_equal(http_server_requests(&server), 2);
}

static void references_are_fetched_too(void **state) {
    (void)state;
    struct writer *writer = NULL;
    http_server_page(&server, 0, "/schemas/ids/1", 200,
                     "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"A\\\",\\\"fields\\\":[{\\\"name\\\":"
                     "\\\"b\\\",\\\"type\\\":\\\"x.B\\\"},{\\\"name\\\":\\\"c\\\",\\\"type\\\":\\\"x.C\\\"}]}\","
                     "\"references\":[{\"name\":\"x.C\",\"subject\":\"c/d\",\"version\":3},{\"name\":\"x.B\","
                     "\"subject\":\"b\",\"version\":1}]}");
    http_server_page(
        &server, 1, "/subjects/c%2Fd/versions/3", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"x.C\\\",\\\"fields\\\":[{\\\"name\\\":"
        "\\\"b\\\",\\\"type\\\":\\\"x.B\\\"}]}\",\"references\":[{\"name\":\"x.B\",\"subject\":\"b\","
        "\"version\":1}]}");
    http_server_page(&server, 2, "/subjects/b/versions/1", 200,
                     "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"name\\\":\\\"x.B\\\",\\\"size\\\":4}\"}");
    assert_int_equal(ask(1, &writer), RESULT_OK);
    assert_int_equal(http_server_requests(&server), 3);
    assert_ptr_equal(writer->schema->fields[0].type, writer->schema->fields[1].type->fields[0].type);
}

static void a_schema_that_refers_to_itself_is_rejected(void **state) {
    (void)state;
    struct writer *writer = NULL;
    const char *circle = "{\"schema\":\"\\\"x.B\\\"\",\"references\":[{\"subject\":\"b\",\"version\":1}]}";
    http_server_page(&server, 0, "/schemas/ids/1", 200, circle);
    http_server_page(&server, 1, "/subjects/b/versions/1", 200, circle);
    assert_int_equal(ask(1, &writer), RESULT_REJECT);
    assert_string_equal(error.text, "schema 1 of the registry: the type x.B is not defined");
}

static void a_schema_is_registered_under_a_subject(void **state) {
    (void)state;
    uint32_t id = 0;
    http_server_page(&server, 0, "/subjects/segment-changes-value/versions", 200, "{\"id\":12}");
    assert_int_equal(registry_register(registry, "segment-changes-value", TEXT("\"int\""), WAIT_MS, &id, &error),
                     RESULT_OK);
    assert_int_equal(id, 12);
    assert_true(http_server_saw(&server, "{\"schema\":\"\\\"int\\\"\"}"));
    http_server_page(&server, 0, "/subjects/segment-changes-value/versions", 409,
                     "{\"error_code\":409,\"message\":\"incompatible\"}");
    assert_int_equal(registry_register(registry, "segment-changes-value", TEXT("\"int\""), WAIT_MS, &id, &error),
                     RESULT_REJECT);
    assert_string_equal(error.text,
                        "the schema of segment-changes-value could not be registered: the registry refuses it: "
                        "incompatible");
    http_server_page(&server, 0, "/subjects/segment-changes-value/versions", 503, "");
    assert_int_equal(registry_register(registry, "segment-changes-value", TEXT("\"int\""), WAIT_MS, &id, &error),
                     RESULT_RETRY);
}

static void no_message_holds_the_password(void **state) {
    (void)state;
    struct writer *writer = NULL;
    http_server_page(&server, 0, "/schemas/ids/1", 403, "secret");
    assert_int_equal(ask(1, &writer), RESULT_RETRY);
    assert_null(strstr(error.text, "secret"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_schema_is_fetched_once, open_registry, close_registry),
        cmocka_unit_test_setup_teardown(nothing_is_waited_for_that_was_not_asked_for, open_registry, close_registry),
        cmocka_unit_test_setup_teardown(ids_that_are_asked_for_by_turns_do_not_end_each_others_requests, open_registry,
                                        close_registry),
        cmocka_unit_test_setup_teardown(an_unknown_id_is_rejected_and_asked_for_again_after_a_while, open_registry,
                                        close_registry),
        cmocka_unit_test_setup_teardown(a_registry_that_fails_is_left_alone_for_a_while, open_registry, close_registry),
        cmocka_unit_test_setup_teardown(what_is_no_avro_schema_is_rejected, open_registry, close_registry),
        cmocka_unit_test_setup_teardown(references_are_fetched_too, open_registry, close_registry),
        cmocka_unit_test_setup_teardown(a_schema_that_refers_to_itself_is_rejected, open_registry, close_registry),
        cmocka_unit_test_setup_teardown(a_schema_is_registered_under_a_subject, open_registry, close_registry),
        cmocka_unit_test_setup_teardown(no_message_holds_the_password, open_registry, close_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
