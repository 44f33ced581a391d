/* Processes that are stopped or killed in the middle, an emptied Redis, a state larger than memory, changed rules: what
 * is published in the end is what an undisturbed run would have published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "tests/harness/change_lines.h"
#include "tests/harness/fixture.h"

#define DEFAULT_RULES BELLWETHER_SOURCE_DIR "/config/rules/default.yaml"
#define FROM_MS       INT64_C(1717200000000) /* 2024-06-01 */

enum { PARTITIONS = 3, AWAIT_MS = 60000 };

static const char two_segments[] = "ruleset: first\n"
                                   "clock: { tick: 1h, lateness: 0s }\n"
                                   "segments:\n"
                                   "  busy: { when: 'count(login, 7d) >= 3' }\n"
                                   "  silent: { when: 'since(login) > 3d' }\n";
static const char one_other[] = "ruleset: second\n"
                                "clock: { tick: 1h, lateness: 0s }\n"
                                "segments:\n"
                                "  busy: { when: 'count(login, 7d) >= 2' }\n"
                                "  seen: { when: 'since(usage) < 30d' }\n";

static void make_up(uint64_t seed, size_t events, int accounts, struct event_lines *ret_lines) {
    struct made_up_options options = {
        .seed = seed, .events = events, .accounts = accounts, .from_ms = FROM_MS, .to_ms = FROM_MS + 60 * DAY};
    event_lines_make_up(&options, ret_lines);
}

static struct deployment *deploy_default(struct fixture *fixture, const char *name) {
    char *rules = file_read(DEFAULT_RULES, NULL);
    struct deployment *deployment = fixture_deploy(fixture, name, PARTITIONS, rules);
    free(rules);
    return deployment;
}

static void assert_equals_replay(struct deployment *deployment, const struct event_lines *lines) {
    char *actual = deployment_changes(deployment), *expected = deployment_expected(deployment, lines);
    assert_true(count_lines(actual) > 0);
    assert_same_changes(actual, expected);
    free(actual);
    free(expected);
}

/* ---- in the middle */

static int64_t published(const struct deployment *deployment) {
    char topic[128];
    int64_t count = 0;
    deployment_topic(deployment, "segment-changes", topic);
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        count += kafka_end_offset(deployment->kafka, topic, partition);
    return count;
}

struct progress {
    const struct deployment *deployment;
    int64_t target;
};

static bool is_published(void *context) {
    const struct progress *progress = context;
    return published(progress->deployment) >= progress->target;
}

/* Starts the process and sends it `signal` once some more has been published; the last start goes on to the end. */
static void disturb(struct deployment *deployment, int signal, int64_t more) {
    struct process *process = deployment_start(deployment, 0, "--until-end");
    struct progress progress = {deployment, published(deployment) + more};
    process_await(process, is_published, &progress, "more changes", deadline_after(AWAIT_MS));
    process_signal(process, signal);
    assert_true(process_await_end(process, deadline_after(AWAIT_MS)));
    assert_int_equal(process->exit_status, signal == SIGKILL ? 128 + SIGKILL : 0);
}

static void commit_every(struct deployment *deployment, const char *interval) {
    deployment_set(deployment, "COMMIT_INTERVAL", interval);
    deployment_set(deployment, "COMMIT_INTERVAL_MAX", interval);
}

/* Of batches of one record each, one of a partition is fetched at a time: a log lasts for some seconds, so that it is
 * left in its middle. */
static void fetch_slowly(struct deployment *deployment, bool slowly) {
    deployment_set(deployment, "KAFKA_PROPERTIES_FETCH_MESSAGE_MAX_BYTES", slowly ? "1" : "1048576");
}

static void produce_one_by_one(struct deployment *deployment, const struct event_lines *lines) {
    deployment_set(deployment, "KAFKA_PROPERTIES_BATCH_NUM_MESSAGES", "1");
    deployment_produce(deployment, lines, 0, lines->count);
    deployment_set(deployment, "KAFKA_PROPERTIES_BATCH_NUM_MESSAGES", "10000");
}

static void finish(struct deployment *deployment) {
    commit_every(deployment, "1s");
    fetch_slowly(deployment, false);
    deployment_run_until_end(deployment);
}

static struct deployment *deploy_slow(struct fixture *fixture, const char *name, struct event_lines *ret_lines) {
    make_up(3, 5000, 90, ret_lines);
    struct deployment *deployment = deploy_default(fixture, name);
    commit_every(deployment, "10ms");
    produce_one_by_one(deployment, ret_lines);
    fetch_slowly(deployment, true);
    /* The first start makes the outputs, so that their ends can be asked for. */
    struct process *process = deployment_start(deployment, 0, "--until-end");
    process_await_line(process, "shards run", NULL, deadline_after(AWAIT_MS));
    process_kill(process);
    return deployment;
}

static void an_orderly_stop_in_the_middle_changes_nothing(void **state) {
    struct event_lines lines;
    struct deployment *deployment = deploy_slow(*state, "stopped", &lines);
    for (int i = 0; i < 2; i++)
        disturb(deployment, SIGTERM, 100);
    finish(deployment);
    assert_equals_replay(deployment, &lines);
    event_lines_free(&lines);
}

static void a_kill_in_the_middle_changes_nothing(void **state) {
    struct event_lines lines;
    struct deployment *deployment = deploy_slow(*state, "killed", &lines);
    for (int i = 0; i < 4; i++)
        disturb(deployment, SIGKILL, 30 + 70 * i);
    finish(deployment);
    assert_equals_replay(deployment, &lines);
    event_lines_free(&lines);
}

/* ---- Redis is a copy */

static void empty_redis(const struct deployment *deployment) {
    freeReplyObject(redis_server_command(deployment->redis, "FLUSHALL"));
}

static void an_emptied_redis_is_restored_from_the_changelog(void **state) {
    struct event_lines lines;
    struct deployment *deployment = deploy_slow(*state, "emptied", &lines);
    disturb(deployment, SIGTERM, 100);
    empty_redis(deployment);
    disturb(deployment, SIGKILL, 300);
    empty_redis(deployment);
    finish(deployment);
    assert_equals_replay(deployment, &lines);
    event_lines_free(&lines);
}

static void a_redis_emptied_under_a_running_process_changes_nothing(void **state) {
    struct event_lines lines;
    struct deployment *deployment = deploy_slow(*state, "emptied-while-running", &lines);
    commit_every(deployment, "100ms");
    struct process *process = deployment_start(deployment, 0, "--until-end");
    struct progress progress = {deployment, published(deployment) + 200};
    process_await(process, is_published, &progress, "more changes", deadline_after(AWAIT_MS));
    empty_redis(deployment);
    assert_true(process_await_end(process, deadline_after(AWAIT_MS)));
    assert_int_equal(process->exit_status, 0);
    assert_equals_replay(deployment, &lines);
    event_lines_free(&lines);
}

/* ---- memory */

/* Facts of 4 kB for each of 5,000 accounts, and events that come back to all of them again and again. */
static void make_up_large(const char *path) {
    enum { ACCOUNTS = 5000, ROUNDS = 3, NOTE_BYTES = 4000 };
    char note[NOTE_BYTES + 1];
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    memset(note, 'x', NOTE_BYTES);
    note[NOTE_BYTES] = '\0';
    for (int i = 0; i < ACCOUNTS; i++)
        fprintf(file,
                "{\"stream\":\"account\",\"account_id\":\"acme-%d\",\"updated_at\":%lld,\"attributes\":{\"note\":\"%"
                "s\"}}\n",
                i, (long long)(FROM_MS + i), note);
    for (int i = 0; i < ROUNDS * ACCOUNTS; i++)
        fprintf(file,
                "{\"stream\":\"login\",\"account_id\":\"acme-%d\",\"event_id\":\"%d\",\"user_id\":\"u\",\"occurred_"
                "at\":%lld}\n",
                (int)((int64_t)i * 7919 % ACCOUNTS), i, (long long)(FROM_MS + DAY + (int64_t)i * MINUTE));
    fclose(file);
}

static int64_t redis_bytes(const struct deployment *deployment) {
    redisReply *reply = redis_server_command(deployment->redis, "INFO memory");
    const char *used = strstr(reply->str, "used_memory:");
    int64_t bytes = used == NULL ? 0 : strtoll(used + strlen("used_memory:"), NULL, 10);
    freeReplyObject(reply);
    return bytes;
}

/* 16 MiB is the least that can be configured. */
static void a_state_larger_than_memory_changes_nothing(void **state) {
    struct deployment *deployment = fixture_deploy(*state, "larger", PARTITIONS, two_segments);
    struct event_lines lines;
    char path[PATH_MAX];
    temporary_path(&deployment->folder, "large.jsonl", path);
    make_up_large(path);
    event_lines_read(path, &lines);
    deployment_set(deployment, "LIMITS_MEMORY", "16MiB");
    deployment_set(deployment, "COMMIT_BYTES_MAX", "4MiB");
    deployment_produce(deployment, &lines, 0, lines.count);
    deployment_run_until_end(deployment);
    assert_true(redis_bytes(deployment) > 20000000);
    assert_equals_replay(deployment, &lines);
    event_lines_free(&lines);
}

/* ---- changed rules */

/* The same accounts before and after. */
static void split_halves(const struct event_lines *lines, size_t *ret_middle) {
    *ret_middle = lines->count / 2;
}

static void changed_rules_are_taken_on_once_by_each_account(void **state) {
    struct event_lines lines;
    size_t middle;
    make_up(5, 3000, 40, &lines);
    split_halves(&lines, &middle);
    struct deployment *deployment = fixture_deploy(*state, "changed-rules", PARTITIONS, two_segments);
    deployment_produce(deployment, &lines, 0, middle);
    deployment_run_until_end(deployment);
    char *before = deployment_changes(deployment);
    assert_int_equal(count_lines_with(before, "\"ruleset\":\"first\""), count_lines(before));
    deployment_write_rules(deployment, one_other);
    deployment_produce(deployment, &lines, middle, lines.count);
    deployment_run_until_end(deployment);
    char *after = deployment_changes(deployment);
    assert_whole_sequences(after);
    assert_int_equal(count_lines_with(after, "\"ruleset\":\"first\""), count_lines(before));
    assert_true(count_lines_with(after, "RULES_CHANGED") > 0);
    assert_true(count_lines_with(after, "\"kind\":\"ENTERED\",\"subject\":\"seen\"") > 0);
    assert_int_equal(count_lines_with(after, "\"kind\":\"ENTERED\",\"subject\":\"silent\""),
                     count_lines_with(after, "\"kind\":\"EXITED\",\"subject\":\"silent\""));
    free(before);
    free(after);
    event_lines_free(&lines);
}

static void a_new_label_alone_changes_nothing_but_the_label(void **state) {
    static const char relabelled[] = "# a comment\n"
                                     "ruleset: third\n"
                                     "clock: { lateness: 0s, tick: 1h }\n"
                                     "segments:\n"
                                     "  busy: { title: Busy, when: 'count(login, 7d) >= 3' }\n"
                                     "  silent: { when: 'since(login) > 3d' }\n";
    struct event_lines lines;
    size_t middle;
    make_up(6, 3000, 40, &lines);
    split_halves(&lines, &middle);
    struct deployment *deployment = fixture_deploy(*state, "relabelled", PARTITIONS, two_segments);
    deployment_produce(deployment, &lines, 0, middle);
    deployment_run_until_end(deployment);
    deployment_write_rules(deployment, relabelled);
    deployment_produce(deployment, &lines, middle, lines.count);
    deployment_run_until_end(deployment);
    char *actual = deployment_changes(deployment), *expected = deployment_expected(deployment, &lines);
    assert_true(count_lines_with(actual, "\"ruleset\":\"first\"") > 0);
    assert_true(count_lines_with(actual, "\"ruleset\":\"third\"") > 0);
    for (char *at = actual; (at = strstr(at, "\"ruleset\":\"first\"")) != NULL;)
        memcpy(at, "\"ruleset\":\"third\"", strlen("\"ruleset\":\"third\""));
    assert_same_changes(actual, expected);
    free(actual);
    free(expected);
    event_lines_free(&lines);
}

/* A process with old rules must not undo what the others have taken on. */
static void rules_that_were_replaced_come_back_only_on_purpose(void **state) {
    struct event_lines lines;
    make_up(8, 600, 20, &lines);
    struct deployment *deployment = fixture_deploy(*state, "reactivated", PARTITIONS, two_segments);
    deployment_produce(deployment, &lines, 0, 200);
    deployment_run_until_end(deployment);
    deployment_write_rules(deployment, one_other);
    deployment_produce(deployment, &lines, 200, 400);
    deployment_run_until_end(deployment);
    deployment_write_rules(deployment, two_segments);
    deployment_produce(deployment, &lines, 400, lines.count);
    struct process *process = deployment_start(deployment, 0, NULL);
    process_await_line(process, "reactivate", NULL, deadline_after(AWAIT_MS));
    deployment_stop(deployment, 0);
    deployment_set(deployment, "RULES_REACTIVATE", "on");
    deployment_run_until_end(deployment);
    char *changes = deployment_changes(deployment);
    assert_whole_sequences(changes);
    assert_true(count_lines_with(changes, "\"kind\":\"EXITED\",\"subject\":\"seen\"") > 0);
    free(changes);
    event_lines_free(&lines);
}

#define TEST(name) cmocka_unit_test_teardown(name, fixture_close_deployment)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_orderly_stop_in_the_middle_changes_nothing),
        TEST(a_kill_in_the_middle_changes_nothing),
        TEST(an_emptied_redis_is_restored_from_the_changelog),
        TEST(a_redis_emptied_under_a_running_process_changes_nothing),
        TEST(a_state_larger_than_memory_changes_nothing),
        TEST(changed_rules_are_taken_on_once_by_each_account),
        TEST(a_new_label_alone_changes_nothing_but_the_label),
        TEST(rules_that_were_replaced_come_back_only_on_purpose),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_close);
}
