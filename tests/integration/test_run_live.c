/* A daemon that runs on: what time alone decides, how soon a change is visible, what it tells of itself, and processes
 * that join and leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/instant.h"
#include "tests/harness/change_lines.h"
#include "tests/harness/fail.h"
#include "tests/harness/fixture.h"
#include "tests/harness/ports.h"

enum { PARTITIONS = 4, AWAIT_MS = 60000 };

static const char silence_rules[] = "ruleset: silence\n"
                                    "clock: { tick: 1s, lateness: 0s }\n"
                                    "segments:\n"
                                    "  silent: { when: 'since(login) > 2s' }\n";

static int64_t wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void produce_login(struct deployment *deployment, const char *account_id, int number, int64_t occurred_ms) {
    char line[256];
    snprintf(
        line, sizeof line,
        "{\"stream\":\"login\",\"account_id\":\"%s\",\"event_id\":\"%d\",\"user_id\":\"u\",\"occurred_at\":%lld}\n",
        account_id, number, (long long)occurred_ms);
    deployment_produce_text(deployment, line);
}

static struct process *start(struct deployment *deployment, int number) {
    struct process *process = deployment_start(deployment, number, NULL);
    process_await_line(process, "shards run", NULL, deadline_after(AWAIT_MS));
    return process;
}

/* ---- time */

static void silence_fires_a_timer_without_traffic(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "silence", PARTITIONS, silence_rules);
    deployment_produce_text(deployment, "");
    start(deployment, 0);
    produce_login(deployment, "acme", 1, wall_ms());
    char *changes = deployment_await_changes(deployment, 0, 1);
    assert_int_equal(count_lines(changes), 1);
    assert_int_equal(count_lines_with(changes, "\"kind\":\"ENTERED\",\"subject\":\"silent\""), 1);
    assert_int_equal(count_lines_with(changes, "\"cause\":{\"kind\":\"TICK\"}"), 1);
    free(changes);
    produce_login(deployment, "acme", 2, wall_ms());
    changes = deployment_await_changes(deployment, 0, 3); /* out, and silent again */
    assert_int_equal(count_lines_with(changes, "\"kind\":\"EXITED\""), 1);
    assert_int_equal(count_lines_with(changes, "\"event_id\":\"2\""), 1);
    assert_whole_sequences(changes);
    free(changes);
    deployment_stop(deployment, 0);
}

static void silence_during_a_stop_is_noticed_after_it(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "overslept", PARTITIONS, silence_rules);
    produce_login(deployment, "acme", 1, wall_ms());
    deployment_run_until_end(deployment);
    char *changes = deployment_changes(deployment);
    assert_int_equal(count_lines(changes), 0);
    free(changes);
    start(deployment, 0);
    changes = deployment_await_changes(deployment, 0, 1);
    assert_int_equal(count_lines_with(changes, "\"cause\":{\"kind\":\"TICK\"}"), 1);
    free(changes);
    deployment_stop(deployment, 0);
}

static const char login_rules[] = "ruleset: logins\n"
                                  "clock: { tick: 1h, lateness: 0s }\n"
                                  "segments:\n"
                                  "  here: { when: 'count(login, 90d) >= 1' }\n"
                                  "  often: { when: 'count(login, 90d) >= 3' }\n"
                                  "  seats: { when: 'distinct(login.user_id, 90d) >= 5' }\n"
                                  "  user: { when: 'count(usage, 90d) >= 20' }\n"
                                  "  detractor: { when: 'last(nps.score) <= 6' }\n";

static void a_live_change_is_visible_within_seconds(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "live", PARTITIONS, login_rules);
    deployment_produce_text(deployment, "");
    start(deployment, 0);
    struct deadline deadline = deadline_after(10000); /* much less than a second on a machine that is not busy */
    produce_login(deployment, "acme", 1, wall_ms());
    char *changes = deployment_await_changes(deployment, 0, 1);
    assert_false(deadline_passed(deadline));
    free(changes);
    deployment_stop(deployment, 0);
}

/* ---- several processes */

/* Events of the last weeks, over which time alone changes nothing: the clock on the wall may go on. */
static void make_up_recent(struct event_lines *ret_lines) {
    int64_t now_ms = wall_ms();
    struct made_up_options options = {
        .seed = 4, .events = 40000, .accounts = 300, .from_ms = now_ms - 20 * DAY, .to_ms = now_ms - MINUTE};
    event_lines_make_up(&options, ret_lines);
}

static void assert_equals_replay(struct deployment *deployment, const struct event_lines *lines) {
    char *actual = deployment_changes(deployment), *expected = deployment_expected(deployment, lines);
    assert_true(count_lines(actual) > 100);
    assert_same_changes(actual, expected);
    free(actual);
    free(expected);
}

/* All events are there before the first process starts: what is read live may be merged in another order. */
static void processes_that_join_and_leave_change_nothing(void **state) {
    struct event_lines lines;
    struct deployment *deployment = fixture_deploy(*state, "shared", PARTITIONS, login_rules);
    long position = 0;
    make_up_recent(&lines);
    deployment_set(deployment, "COMMIT_INTERVAL", "10ms");
    deployment_set(deployment, "COMMIT_INTERVAL_MAX", "10ms");
    deployment_produce(deployment, &lines, 0, lines.count);
    start(deployment, 0);
    start(deployment, 1); /* joins while the first works */
    process_await_line(&deployment->daemons[1], "2 shards run", NULL, deadline_after(AWAIT_MS));
    deployment_stop(deployment, 0); /* leaves in the middle */
    process_await_line(&deployment->daemons[1], "4 shards were assigned", &position, deadline_after(AWAIT_MS));
    start(deployment, 0);
    process_kill(&deployment->daemons[1]); /* leaves without a word; its session must time out */
    deployment_await_idle(deployment, 0);
    deployment_stop(deployment, 0);
    assert_equals_replay(deployment, &lines);
    event_lines_free(&lines);
}

static void a_second_process_of_the_same_name_ends_the_first(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "twins", PARTITIONS, login_rules);
    char *log;
    deployment_produce_text(deployment, "");
    start(deployment, 0);
    char name[] = "twins-0";
    char path[PATH_MAX];
    deployment_set(deployment, "KAFKA_INSTANCE_ID", name);
    temporary_path(&deployment->folder, "daemon-1.log", path);
    bellwether_start((const char *[]){"run", NULL}, (const char *const *)deployment->environment, path,
                     &deployment->daemons[1]);
    assert_true(process_await_end(&deployment->daemons[0], deadline_after(AWAIT_MS)));
    assert_int_equal(deployment->daemons[0].exit_status, 1);
    log = deployment_log(deployment, 0);
    assert_non_null(strstr(log, "give each process a kafka.instance_id of its own"));
    free(log);
    process_await_line(&deployment->daemons[1], "shards run", NULL, deadline_after(AWAIT_MS));
    deployment_stop(deployment, 1);
}

/* ---- what it tells of itself */

static int serve_http(struct deployment *deployment) {
    char address[32];
    int port;
    ports_find(1, &port);
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    deployment_set(deployment, "HTTP", address);
    return port;
}

/* The answer with its status behind it; the caller frees it. */
static char *get(int port, const char *path) {
    char url[128];
    struct command_result result;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    command_run((const char *[]){"curl", "--silent", "--noproxy", "*", "--write-out", " %{http_code}", url, NULL}, NULL,
                &result);
    char *answer = result.output;
    result.output = NULL;
    command_result_free(&result);
    return answer;
}

static void assert_answer(int port, const char *path, const char *text) {
    char *answer = get(port, path);
    if (strstr(answer, text) == NULL)
        fail_msg("%s does not say `%s`:\n%s", path, text, answer);
    free(answer);
}

struct readiness {
    int port;
    const char *words; /* of the answer, or its status */
};

static bool is_so_ready(void *context) {
    const struct readiness *readiness = context;
    char *answer = get(readiness->port, "/health/ready");
    bool ready = strstr(answer, readiness->words) != NULL;
    free(answer);
    return ready;
}

static void await_readiness(struct process *process, int port, const char *words) {
    struct readiness readiness = {port, words};
    process_await(process, is_so_ready, &readiness, words, deadline_after(AWAIT_MS));
}

static void metrics_and_health_tell_the_state(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "metrics", PARTITIONS, login_rules);
    int port = serve_http(deployment);
    for (int i = 0; i < 3; i++)
        produce_login(deployment, "acme", i, wall_ms());
    produce_login(deployment, "acme", 2, wall_ms()); /* a duplicate */
    deployment_produce_text(deployment, "{\"stream\":\"login\",\"account_id\":\"acme\",\"event_id\":\"9\",\"user_id\":"
                                        "\"u\",\"occurred_at\":\"2099-01-01\"}\n");
    struct process *process = deployment_start(deployment, 0, NULL);
    await_readiness(process, port, " 200");
    free(deployment_await_changes(deployment, 0, 2));
    deployment_await_idle(deployment, 0);
    assert_answer(port, "/health/live", " 200");
    assert_answer(port, "/health/ready", "ready: 4 shards");
    assert_answer(port, "/nowhere", " 404");
    assert_answer(port, "/metrics", "bellwether_records_total{stream=\"login\"} 5\n");
    assert_answer(port, "/metrics", "bellwether_changes_total{kind=\"ENTERED\"} 2\n");
    assert_answer(port, "/metrics", "bellwether_rejected_total{reason=\"future-timestamp\"} 1\n");
    assert_answer(port, "/metrics", "bellwether_rejected_total{reason=\"undecodable\"} 0\n");
    assert_answer(port, "/metrics", "bellwether_duplicates_total 1\n");
    assert_answer(port, "/metrics", "bellwether_lag_records{shard=\"0\"} 0\n");
    assert_answer(port, "/metrics", "bellwether_shard_running{shard=\"3\"} 1\n");
    assert_answer(port, "/metrics", "bellwether_watermark_timestamp_seconds{shard=\"0\"} ");
    deployment_stop(deployment, 0);
}

/* A reserve: one process more than there are partitions. */
static void who_does_not_reach_kafka_for_a_session_is_not_ready(void **state) {
    struct fixture *fixture = *state;
    struct deployment *deployment = fixture_deploy(fixture, "unreached", 1, login_rules);
    deployment_produce_text(deployment, "");
    struct process *processes[2];
    int ports[2];
    for (int i = 0; i < 2; i++) {
        ports[i] = serve_http(deployment);
        processes[i] = deployment_start(deployment, i, NULL);
        await_readiness(processes[i], ports[i], " 200");
    }
    kafka_server_kill(&fixture->kafka);
    for (int i = 0; i < 2; i++)
        await_readiness(processes[i], ports[i], "Kafka does not answer\n 503");
    kafka_server_restart(&fixture->kafka);
    for (int i = 0; i < 2; i++)
        await_readiness(processes[i], ports[i], " 200");
    for (int i = 0; i < 2; i++)
        deployment_stop(deployment, i);
}

static int restart_kafka(void **state) {
    struct fixture *fixture = *state;
    fixture_close_deployment(state);
    if (!process_is_running(&fixture->kafka.process))
        kafka_server_restart(&fixture->kafka);
    return 0;
}

static void rules_are_read_again_at_sighup_if_they_are_good(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "reload", PARTITIONS, login_rules);
    struct process *process;
    deployment_produce_text(deployment, "");
    process = start(deployment, 0);
    produce_login(deployment, "acme", 1, wall_ms());
    free(deployment_await_changes(deployment, 0, 1));
    deployment_write_rules(deployment, "ruleset: wrong\nsegments:\n  here: { when: 'count(logim, 90d) >= 1' }\n");
    process_signal(process, SIGHUP);
    process_await_line(process, "did you mean `login`", NULL, deadline_after(AWAIT_MS));
    process_await_line(process, "those of ruleset logins stay in force", NULL, deadline_after(AWAIT_MS));
    deployment_write_rules(deployment, "ruleset: newer\nclock: { lateness: 0s }\n"
                                       "segments:\n  twice: { when: 'count(login, 90d) >= 2' }\n");
    process_signal(process, SIGHUP);
    process_await_line(process, "ruleset newer", NULL, deadline_after(AWAIT_MS));
    produce_login(deployment, "acme", 2, wall_ms());
    char *changes = deployment_await_changes(deployment, 0, 3);
    assert_int_equal(count_lines_with(changes, "\"kind\":\"EXITED\",\"subject\":\"here\""), 1);
    assert_int_equal(count_lines_with(changes, "\"kind\":\"ENTERED\",\"subject\":\"twice\""), 1);
    assert_int_equal(count_lines_with(changes, "RULES_CHANGED"), 2);
    free(changes);
    deployment_stop(deployment, 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, fixture_close_deployment)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(silence_fires_a_timer_without_traffic),
        TEST(silence_during_a_stop_is_noticed_after_it),
        TEST(a_live_change_is_visible_within_seconds),
        TEST(processes_that_join_and_leave_change_nothing),
        TEST(a_second_process_of_the_same_name_ends_the_first),
        TEST(metrics_and_health_tell_the_state),
        cmocka_unit_test_teardown(who_does_not_reach_kafka_for_a_session_is_not_ready, restart_kafka),
        TEST(rules_are_read_again_at_sighup_if_they_are_good),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_close);
}
