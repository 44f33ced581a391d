#include "cli/status_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1793527200000)

static int64_t now_ms;

static int64_t test_wall_ms(void) {
    return now_ms;
}

/* A process of two workers and three shards. */
struct fixture {
    struct counters counters[2];
    struct shard_board board;
    struct status_view view;
    struct http_response response;
};

static void set_up(struct fixture *fixture) {
    struct error error;
    memset(fixture, 0, sizeof *fixture);
    now_ms = NOW_MS;
    assert_int_equal(shard_board_init(&fixture->board, 3, &error), RESULT_OK);
    fixture->view.counters[0] = &fixture->counters[0];
    fixture->view.counters[1] = &fixture->counters[1];
    fixture->view.counters_count = 2;
    fixture->view.board = &fixture->board;
    fixture->view.begun = true;
    fixture->view.started_ms = NOW_MS;
    fixture->view.wall_ms = test_wall_ms;
}

static void tear_down(struct fixture *fixture) {
    buffer_free(&fixture->response.body);
    shard_board_free(&fixture->board);
}

static const char *page(struct fixture *fixture, const char *path) {
    buffer_clear(&fixture->response.body);
    fixture->response.status = 200;
    for (uint32_t i = 0; i < status_routes_count; i++)
        if (strcmp(status_routes[i].path, path) == 0)
            status_routes[i].respond(&fixture->view, &fixture->response);
    buffer_put_u8(&fixture->response.body, '\0');
    assert_true(buffer_ok(&fixture->response.body));
    return (const char *)fixture->response.body.data;
}

static void test_metrics_are_summed_over_the_workers(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    counters_add(&fixture.counters[0], COUNTER_RECORDS + STREAM_LOGIN, 5);
    counters_add(&fixture.counters[1], COUNTER_RECORDS + STREAM_LOGIN, 7);
    counters_add(&fixture.counters[1], COUNTER_REJECTED + REJECTION_WRONG_PARTITION, 2);
    counters_add_duration(&fixture.counters[0], COUNTER_COMMIT_DURATION, 30);
    const char *text = page(&fixture, "/metrics");
    assert_non_null(strstr(text, "\nbellwether_records_total{stream=\"login\"} 12\n"));
    assert_non_null(strstr(text, "\nbellwether_rejected_total{reason=\"wrong-partition\"} 2\n"));
    assert_non_null(strstr(text, "\nbellwether_commit_duration_seconds_bucket{le=\"0.05\"} 1\n"));
    assert_non_null(strstr(text, "\nbellwether_commit_duration_seconds_count 1\n"));
    tear_down(&fixture);
}

static void test_workers_are_not_looked_at_while_they_are_started(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    fixture.view.begun = false;
    fixture.view.board = NULL;
    fixture.view.counters[1] = NULL;
    counters_add(&fixture.counters[0], COUNTER_RECORDS + STREAM_LOGIN, 5);
    assert_non_null(strstr(page(&fixture, "/metrics"), "\nbellwether_records_total{stream=\"login\"} 0\n"));
    tear_down(&fixture);
}

static void test_only_shards_that_are_held_are_shown(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    fixture.board.entries[1].state = SHARD_STALLED;
    fixture.board.entries[1].lag_records = 9;
    fixture.board.entries[1].record_ms = NOW_MS - 1500;
    fixture.board.entries[1].watermark_ms = NOW_MS - 2000;
    const char *text = page(&fixture, "/metrics");
    assert_non_null(strstr(text, "\nbellwether_lag_records{shard=\"1\"} 9\n"));
    assert_non_null(strstr(text, "\nbellwether_lag_seconds{shard=\"1\"} 1.5\n"));
    assert_non_null(strstr(text, "\nbellwether_shard_stalled{shard=\"1\"} 1\n"));
    assert_null(strstr(text, "shard=\"0\""));
    tear_down(&fixture);
}

static void test_ready_is_who_does_the_work_that_it_was_given(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    fixture.view.begun = false;
    (void)page(&fixture, "/health/ready");
    assert_int_equal(fixture.response.status, 503);
    fixture.view.begun = true;
    assert_string_equal(page(&fixture, "/health/ready"),
                        "waiting for partitions: the group is sharing them out, or Kafka does not answer\n");
    assert_int_equal(fixture.response.status, 503);
    fixture.board.entries[0].state = SHARD_TAKEOVER;
    assert_string_equal(page(&fixture, "/health/ready"), "taking over 1 shards\n");
    fixture.board.entries[0].state = SHARD_RUNNING;
    assert_string_equal(page(&fixture, "/health/ready"), "ready: 1 shards, 0 of them stalled\n");
    assert_int_equal(fixture.response.status, 200);
    fixture.board.entries[2].state = SHARD_HELD_BACK;
    (void)page(&fixture, "/health/ready");
    assert_int_equal(fixture.response.status, 503);
    tear_down(&fixture);
}

static void test_members_that_the_group_gives_no_partitions_are_a_reserve_and_ready(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    now_ms = NOW_MS + 3600000;
    counters_set(&fixture.counters[0], GAUGE_MEMBERS, 1);
    assert_non_null(strstr(page(&fixture, "/health/ready"), "Kafka does not answer"));
    assert_int_equal(fixture.response.status, 503);
    counters_set(&fixture.counters[1], GAUGE_MEMBERS, 1);
    assert_string_equal(page(&fixture, "/health/ready"), "ready: no shards, as other processes have them all\n");
    assert_int_equal(fixture.response.status, 200);
    tear_down(&fixture);
}

static void test_every_metric_is_explained_in_the_documentation(void **state) {
    (void)state;
    static char documentation[65536];
    static const char begin[] = "# TYPE ";
    struct fixture fixture;
    set_up(&fixture);
    FILE *file = fopen(BELLWETHER_SOURCE_DIR "/docs/operations.md", "re");
    assert_non_null(file);
    size_t size = fread(documentation, 1, sizeof documentation - 1, file);
    fclose(file);
    assert_in_range(size, 1, sizeof documentation - 2);
    for (const char *line = page(&fixture, "/metrics"); (line = strstr(line, begin)) != NULL; line++) {
        char quoted[128];
        const char *name = line + strlen(begin);
        snprintf(quoted, sizeof quoted, "`%.*s`", (int)strcspn(name, " "), name);
        if (strstr(documentation, quoted) == NULL)
            fail_msg("docs/operations.md does not speak of %s", quoted);
    }
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_are_summed_over_the_workers),
        cmocka_unit_test(test_workers_are_not_looked_at_while_they_are_started),
        cmocka_unit_test(test_only_shards_that_are_held_are_shown),
        cmocka_unit_test(test_ready_is_who_does_the_work_that_it_was_given),
        cmocka_unit_test(test_members_that_the_group_gives_no_partitions_are_a_reserve_and_ready),
        cmocka_unit_test(test_every_metric_is_explained_in_the_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
