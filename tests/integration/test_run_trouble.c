/* What is wrong around the daemon is said in clear words; it waits where waiting helps, ends where it does not, and
 * loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "tests/harness/change_lines.h"
#include "tests/harness/fixture.h"

#define FROM_MS INT64_C(1717200000000) /* 2024-06-01 */

enum { PARTITIONS = 2, AWAIT_MS = 60000, EXIT_USAGE = 2 };

static const char rules[] = "ruleset: trouble\n"
                            "clock: { tick: 1h, lateness: 0s }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 2d' }\n"
                            "  busy: { when: 'count(usage, 7d) >= 3' }\n";

static struct deployment *deploy(struct fixture *fixture, const char *name, struct event_lines *ret_lines) {
    struct made_up_options options = {
        .seed = 9, .events = 3000, .accounts = 60, .from_ms = FROM_MS, .to_ms = FROM_MS + 30 * DAY};
    event_lines_make_up(&options, ret_lines);
    struct deployment *deployment = fixture_deploy(fixture, name, PARTITIONS, rules);
    deployment_produce(deployment, ret_lines, 0, ret_lines->count);
    return deployment;
}

/* Goes on to the end, once what was wrong is mended; nothing is lost, and nothing is there twice. */
static void assert_ends_well(struct deployment *deployment, struct event_lines *lines) {
    struct process *process = &deployment->daemons[0];
    if (!process_await_end(process, deadline_after(AWAIT_MS)))
        fail_msg("it does not end:\n%s", process_log_tail(process));
    if (process->exit_status != 0)
        fail_msg("it ended with %d:\n%s", process->exit_status, process_log_tail(process));
    char *actual = deployment_changes(deployment), *expected = deployment_expected(deployment, lines);
    assert_true(count_lines(expected) > 20);
    assert_same_changes(actual, expected);
    free(actual);
    free(expected);
    event_lines_free(lines);
}

/* What mends itself is no error, whatever librdkafka calls it. */
static void assert_no_error_was_logged(const struct deployment *deployment) {
    char *log = deployment_log(deployment, 0);
    if (strstr(log, "\"level\":\"error\"") != NULL)
        fail_msg("an error was logged:\n%s", log);
    free(log);
}

static void start_and_await(struct deployment *deployment, const char *words) {
    struct process *process = deployment_start(deployment, 0, "--until-end");
    process_await_line(process, words, NULL, deadline_after(AWAIT_MS));
}

/* ---- Kafka */

static void assert_refused(struct deployment *deployment, const char *const *words) {
    struct command_options options = {.environment = (const char *const *)deployment->environment};
    struct command_result result;
    bellwether_run((const char *[]){"run", "--until-end", NULL}, &options, &result);
    for (; *words != NULL; words++)
        if (strstr(result.error, *words) == NULL)
            fail_msg("it does not say `%s`:\n%s", *words, result.error);
    assert_int_equal(result.exit_status, EXIT_USAGE);
    command_result_free(&result);
}

static void topics_that_are_missing_are_all_named(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "missing", PARTITIONS, rules);
    const char *words[] = {"`missing-accounts` of the stream `account` does not exist",
                           "`missing-logins` of the stream `login` does not exist", "streams.nps: off", NULL};
    assert_refused(deployment, words);
}

static void unequal_counts_of_partitions_are_refused(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "unequal", PARTITIONS, rules);
    char topic[128];
    kafka_create_topic(deployment->kafka, deployment_topic(deployment, "logins", topic), 3, NULL);
    deployment_produce_text(deployment, "");
    assert_refused(deployment, (const char *[]){"`unequal-logins` has 3 partitions", "has 2", NULL});
}

static void a_changelog_that_forgets_is_refused(void **state) {
    static const char *const settings[] = {"cleanup.policy", "compact,delete", NULL};
    struct deployment *deployment = fixture_deploy(*state, "forgets", PARTITIONS, rules);
    char topic[128];
    deployment_produce_text(deployment, "");
    kafka_create_topic(deployment->kafka, deployment_topic(deployment, "bellwether-changelog", topic), PARTITIONS,
                       settings);
    assert_refused(deployment,
                   (const char *[]){"forgets-bellwether-changelog", "cleanup.policy `compact,delete`", NULL});
}

static void it_waits_for_a_broker_that_is_away_at_the_start(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "broker-away", &lines);
    kafka_server_stop(&fixture->kafka);
    start_and_await(deployment, "waiting for Kafka");
    kafka_server_restart(&fixture->kafka);
    assert_ends_well(deployment, &lines);
}

static void it_ends_at_once_while_it_waits_for_a_broker(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "nobody", PARTITIONS, rules);
    deployment_set(deployment, "KAFKA_BROKERS", "127.0.0.1:1");
    start_and_await(deployment, "waiting for Kafka");
    deployment_stop(deployment, 0);
}

static void a_broker_that_is_killed_in_the_middle_costs_nothing(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "broker-killed", &lines);
    deployment_set(deployment, "COMMIT_INTERVAL", "10ms");
    deployment_set(deployment, "COMMIT_INTERVAL_MAX", "10ms");
    start_and_await(deployment, "shards run");
    kafka_server_kill(&fixture->kafka);
    kafka_server_restart(&fixture->kafka);
    assert_ends_well(deployment, &lines);
    assert_no_error_was_logged(deployment);
}

/* ---- Redis */

static void command(struct fixture *fixture, const char *text) {
    redisReply *reply = redis_server_command(&fixture->redis, text);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static void it_waits_for_a_redis_that_is_down_at_the_start(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "redis-down", &lines);
    redis_server_stop(&fixture->redis);
    start_and_await(deployment, "cannot be reached");
    redis_server_restart(&fixture->redis);
    process_await_line(&deployment->daemons[0], "Redis answers again", NULL, deadline_after(AWAIT_MS));
    assert_ends_well(deployment, &lines);
}

static void a_redis_that_goes_and_comes_back_costs_nothing(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "redis-killed", &lines);
    deployment_set(deployment, "COMMIT_INTERVAL", "10ms");
    deployment_set(deployment, "COMMIT_INTERVAL_MAX", "10ms");
    start_and_await(deployment, "shards run");
    redis_server_kill(&fixture->redis);
    process_await_line(&deployment->daemons[0], "Redis", NULL, deadline_after(AWAIT_MS));
    redis_server_restart(&fixture->redis);
    process_await_line(&deployment->daemons[0], "Redis answers again", NULL, deadline_after(AWAIT_MS));
    assert_ends_well(deployment, &lines);
}

static void a_replica_is_named_as_such_and_waited_for(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "replica", &lines);
    command(fixture, "REPLICAOF 127.0.0.1 1");
    start_and_await(deployment, "it is a replica: redis.url must name the primary");
    command(fixture, "REPLICAOF NO ONE");
    assert_ends_well(deployment, &lines);
}

static void a_full_redis_is_named_as_such_and_waited_for(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "full", &lines);
    redis_server_configure(&fixture->redis, "maxmemory", "1");
    start_and_await(deployment, "its maxmemory is reached");
    redis_server_configure(&fixture->redis, "maxmemory", "0");
    assert_ends_well(deployment, &lines);
}

/* The same keys with values of another kind. */
static void overwrite_keys(struct fixture *fixture, const char *group) {
    redisReply *keys = redis_server_command(&fixture->redis, "KEYS *%s*", group);
    assert_true(keys->elements > 0);
    for (size_t i = 0; i < keys->elements; i++)
        freeReplyObject(redis_server_command(&fixture->redis, "SET %s theirs", keys->element[i]->str));
    freeReplyObject(keys);
}

static void another_products_data_are_named_as_such_and_left_alone(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "foreign", &lines);
    deployment_run_until_end(deployment);
    overwrite_keys(fixture, "foreign");
    start_and_await(deployment, "another product's data");
    command(fixture, "FLUSHALL");
    assert_ends_well(deployment, &lines);
}

static void a_wrong_password_is_told_and_never_shown(void **state) {
    struct fixture *fixture = *state;
    struct event_lines lines;
    struct deployment *deployment = deploy(fixture, "password", &lines);
    char url[128];
    snprintf(url, sizeof url, "redis://:swordfish@127.0.0.1:%d", fixture->redis.port);
    deployment_set(deployment, "REDIS_URL", url);
    command(fixture, "ACL SETUSER default resetpass >right");
    start_and_await(deployment, "refused user or password");
    redisContext *connection = redis_server_connect(&fixture->redis);
    freeReplyObject(redisCommand(connection, "AUTH right"));
    freeReplyObject(redisCommand(connection, "ACL SETUSER default >swordfish"));
    assert_ends_well(deployment, &lines);
    freeReplyObject(redisCommand(connection, "ACL SETUSER default resetpass nopass"));
    redisFree(connection);
    char *log = deployment_log(deployment, 0);
    assert_null(strstr(log, "swordfish"));
    free(log);
}

/* A test that failed may have left its trouble behind. */
static int mend(void **state) {
    struct fixture *fixture = *state;
    fixture_close_deployment(state);
    kafka_server_resume(&fixture->kafka);
    if (!process_is_running(&fixture->kafka.process))
        kafka_server_restart(&fixture->kafka);
    redis_server_close(&fixture->redis);
    redis_server_start(0, NULL, &fixture->redis);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, mend)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(topics_that_are_missing_are_all_named),
        TEST(unequal_counts_of_partitions_are_refused),
        TEST(a_changelog_that_forgets_is_refused),
        TEST(it_waits_for_a_broker_that_is_away_at_the_start),
        TEST(it_ends_at_once_while_it_waits_for_a_broker),
        TEST(a_broker_that_is_killed_in_the_middle_costs_nothing),
        TEST(it_waits_for_a_redis_that_is_down_at_the_start),
        TEST(a_redis_that_goes_and_comes_back_costs_nothing),
        TEST(a_replica_is_named_as_such_and_waited_for),
        TEST(a_full_redis_is_named_as_such_and_waited_for),
        TEST(another_products_data_are_named_as_such_and_left_alone),
        TEST(a_wrong_password_is_told_and_never_shown),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_close);
}
