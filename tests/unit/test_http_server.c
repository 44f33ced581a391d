#include "ops/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ops/metrics.h"

static void respond_metrics(void *context, struct http_response *response) {
    response->content_type = METRICS_CONTENT_TYPE;
    metrics_family(&response->body, "answers_total", METRIC_COUNTER, "Answers.");
    metrics_sample(&response->body, "answers_total", NULL, 0, *(const double *)context);
}

static void respond_ready(void *context, struct http_response *response) {
    (void)context;
    response->status = 503;
    buffer_put_string(&response->body, "starting\n");
}

static const struct http_route routes[] = {{"/metrics", respond_metrics}, {"/health/ready", respond_ready}};

static struct http_server *start(uint16_t port, double *context) {
    struct http_server *server = NULL;
    struct error error;
    struct http_server_options options = {TEXT("127.0.0.1"), port, routes, 2, context};
    assert_int_equal(http_server_start(&options, &server, &error), RESULT_OK);
    return server;
}

/* The whole answer to one request. */
static const char *ask(const struct http_server *server, const char *request) {
    static char reply[4096];
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(http_server_port(server)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    size_t size = 0;
    ssize_t got = 0;
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(connection, request, strlen(request)), strlen(request));
    do {
        size += (size_t)got;
        got = read(connection, reply + size, sizeof reply - 1 - size);
    } while (got > 0);
    reply[size] = '\0';
    close(connection);
    return reply;
}

static void test_a_route_answers_with_its_type_and_body(void **state) {
    (void)state;
    double value = 42;
    struct http_server *server = start(0, &value);
    const char *reply = ask(server, "GET /metrics HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(reply, " 200 OK"));
    assert_non_null(strstr(reply, "Content-Type: " METRICS_CONTENT_TYPE));
    assert_non_null(strstr(reply, "# HELP answers_total Answers.\n# TYPE answers_total counter\nanswers_total 42\n"));
    http_server_stop(server);
}

static void test_other_paths_methods_and_states_have_their_status(void **state) {
    (void)state;
    double value = 0;
    struct http_server *server = start(0, &value);
    assert_non_null(strstr(ask(server, "GET /nowhere HTTP/1.0\r\n\r\n"), " 404 "));
    assert_non_null(strstr(ask(server, "POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), " 405 "));
    assert_non_null(strstr(ask(server, "GET /health/ready HTTP/1.0\r\n\r\n"), " 503 "));
    http_server_stop(server);
}

static void test_a_port_that_is_taken_is_named(void **state) {
    (void)state;
    double value = 0;
    struct http_server *server = start(0, &value), *second = NULL;
    struct error error;
    struct http_server_options options = {TEXT("127.0.0.1"), http_server_port(server), routes, 2, &value};
    char port[8];
    assert_int_equal(http_server_start(&options, &second, &error), RESULT_REJECT);
    snprintf(port, sizeof port, ":%u", http_server_port(server));
    assert_non_null(strstr(error.text, port));
    assert_non_null(strstr(error.text, "Address already in use"));
    http_server_stop(server);
}

/* Of a process with many connections and partitions, the server's own come last. */
static void test_it_answers_where_many_files_are_open(void **state) {
    (void)state;
    static int opened[FD_SETSIZE];
    double value = 42;
    struct rlimit before, enough;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    enough = before;
    if (enough.rlim_cur < 2 * FD_SETSIZE)
        enough.rlim_cur = 2 * FD_SETSIZE;
    if (setrlimit(RLIMIT_NOFILE, &enough) != 0)
        skip();
    for (int i = 0; i < FD_SETSIZE; i++)
        assert_true((opened[i] = dup(STDERR_FILENO)) >= 0);
    struct http_server *server = start(0, &value);
    assert_non_null(strstr(ask(server, "GET /metrics HTTP/1.0\r\n\r\n"), "answers_total 42\n"));
    http_server_stop(server);
    for (int i = 0; i < FD_SETSIZE; i++)
        close(opened[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_labels_are_escaped_and_buckets_added_up(void **state) {
    (void)state;
    struct buffer out = {0};
    struct metric_label label = {"topic", TEXT("a\"b\\c\nd")};
    uint64_t buckets[] = {1, 2, 3};
    int64_t bounds_ms[] = {5, 1000, INT64_MAX};
    metrics_sample(&out, "lag", &label, 1, 1.5);
    metrics_histogram(&out, "took_seconds", buckets, bounds_ms, 3, 4200);
    buffer_put_u8(&out, '\0');
    assert_string_equal((const char *)out.data, "lag{topic=\"a\\\"b\\\\c\\nd\"} 1.5\n"
                                                "took_seconds_bucket{le=\"0.005\"} 1\n"
                                                "took_seconds_bucket{le=\"1\"} 3\n"
                                                "took_seconds_bucket{le=\"+Inf\"} 6\n"
                                                "took_seconds_sum 4.2\n"
                                                "took_seconds_count 6\n");
    buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_route_answers_with_its_type_and_body),
        cmocka_unit_test(test_other_paths_methods_and_states_have_their_status),
        cmocka_unit_test(test_a_port_that_is_taken_is_named),
        cmocka_unit_test(test_it_answers_where_many_files_are_open),
        cmocka_unit_test(test_labels_are_escaped_and_buckets_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
