#include "tests/harness/deployment.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/change_lines.h"
#include "tests/harness/fail.h"

enum { AWAIT_MS = 60000, STOP_MS = 30000, RUN_MS = 120000 };

static const struct {
    const char *option, *topic;
} inputs[] = {
    {"TOPICS_ACCOUNT", "accounts"},
    {"TOPICS_USAGE", "product-usage"},
    {"TOPICS_LOGIN", "logins"},
    {"TOPICS_TICKET", "support-tickets"},
    {"TOPICS_NPS", "nps-responses"},
    {"TOPICS_CUSTOM", "customer-events"},
    {"TOPICS_CHANGES", "segment-changes"},
    {"TOPICS_STATUS", "account-status"},
    {"TOPICS_DEAD_LETTERS", "dead-letters"},
    {"TOPICS_CHANGELOG", "bellwether-changelog"},
};

enum { TOPIC_COUNT = sizeof(inputs) / sizeof(inputs[0]), INPUT_COUNT = 6 };

// The session must outlast a transaction and the coordinator's interval, which the harness' Kafka has small too.
static const struct {
    const char *option, *value;
} settings[] = {
    {"KAFKA_SESSION_TIMEOUT", "6s"},
    {"KAFKA_TRANSACTION_TIMEOUT", "4s"},
    {"KAFKA_COORDINATOR_INTERVAL", "1s"},
    {"REDIS_TIMEOUT", "2s"},
    {"HTTP", "null"},
    {"LOG_FORMAT", "human"},
};

void deployment_open(const char *name, const struct kafka_server *kafka, const struct redis_server *redis,
                     int partitions, const char *rules, struct deployment *ret_deployment) {
    char topic[128];
    *ret_deployment = (struct deployment){.kafka = kafka, .redis = redis, .partitions = partitions};
    snprintf(ret_deployment->name, sizeof(ret_deployment->name), "%s", name);
    temporary_create(name, &ret_deployment->folder);
    deployment_write_rules(ret_deployment, rules);
    deployment_set(ret_deployment, "RULES", ret_deployment->rules_path);
    deployment_set(ret_deployment, "KAFKA_BROKERS", kafka->address);
    deployment_set(ret_deployment, "KAFKA_GROUP", name);
    deployment_set(ret_deployment, "REDIS_URL", redis->url);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        deployment_set(ret_deployment, settings[i].option, settings[i].value);
    }
    for (int i = 0; i < TOPIC_COUNT; i++) {
        deployment_set(ret_deployment, inputs[i].option, deployment_topic(ret_deployment, inputs[i].topic, topic));
    }
}

void deployment_close(struct deployment *deployment) {
    for (int i = 0; i < DEPLOYMENT_DAEMONS_MAX; i++) {
        process_kill(&deployment->daemons[i]);
    }
    for (size_t i = 0; i < DEPLOYMENT_OPTIONS_MAX; i++) {
        free(deployment->environment[i]);
    }
    temporary_remove(&deployment->folder);
    *deployment = (struct deployment){0};
}

void deployment_set(struct deployment *deployment, const char *option, const char *value) {
    char *entry;
    int head = asprintf(&entry, "BELLWETHER_%s=%s", option, value);
    assert(head > 0);
    head -= (int)strlen(value);
    size_t i = 0;
    while (deployment->environment[i] && strncmp(deployment->environment[i], entry, (size_t)head) != 0) {
        i++;
    }
    assert(i < DEPLOYMENT_OPTIONS_MAX);
    free(deployment->environment[i]);
    deployment->environment[i] = entry;
}

void deployment_write_rules(struct deployment *deployment, const char *rules) {
    temporary_write(&deployment->folder, "rules.yaml", rules, deployment->rules_path);
}

const char *deployment_topic(const struct deployment *deployment, const char *topic, char ret_name[128]) {
    snprintf(ret_name, 128, "%s-%s", deployment->name, topic);
    return ret_name;
}

char *deployment_command(struct deployment *deployment, const char *const *arguments, int exit_status) {
    struct command_options options = {.environment = (const char *const *)deployment->environment, .wait_ms = RUN_MS};
    struct command_result result;
    bellwether_run(arguments, &options, &result);
    if (result.exit_status != exit_status) {
        harness_fail("bellwether %s ended with %d, not %d:\n%s", arguments[0], result.exit_status, exit_status,
                     result.error);
    }
    char *output = result.output;
    result.output = NULL;
    command_result_free(&result);
    return output;
}

// Invalid lines, which some files have, are skipped by replay and produce alike.
static char *command_on_file(struct deployment *deployment, const char *const *arguments) {
    struct command_options options = {.environment = (const char *const *)deployment->environment, .wait_ms = RUN_MS};
    struct command_result result;
    bellwether_run(arguments, &options, &result);
    if (result.exit_status != 0 && result.exit_status != 3) {
        harness_fail("bellwether %s ended with %d:\n%s", arguments[0], result.exit_status, result.error);
    }
    char *output = result.output;
    result.output = NULL;
    command_result_free(&result);
    return output;
}

static void produce_file(struct deployment *deployment, const char *path) {
    char partitions[16];
    snprintf(partitions, sizeof(partitions), "%d", deployment->partitions);
    free(command_on_file(deployment, (const char *[]){"produce", "--create-topics", partitions, path, NULL}));
}

void deployment_produce(struct deployment *deployment, const struct event_lines *lines, size_t first, size_t end) {
    char path[PATH_MAX];
    temporary_path(&deployment->folder, "produced.jsonl", path);
    event_lines_write(lines, first, end, 1, -1, path);
    produce_file(deployment, path);
}

void deployment_produce_text(struct deployment *deployment, const char *lines) {
    char path[PATH_MAX];
    temporary_write(&deployment->folder, "produced.jsonl", lines, path);
    produce_file(deployment, path);
}

void deployment_run_until_end(struct deployment *deployment) {
    free(deployment_command(deployment, (const char *[]){"run", "--until-end", NULL}, 0));
}

char *deployment_changes(struct deployment *deployment) {
    const char *arguments[] = {"tail", "--from-beginning", "--exit", "-o", "json", NULL};
    return deployment_command(deployment, arguments, 0);
}

char *deployment_expected(struct deployment *deployment, const struct event_lines *lines) {
    char path[PATH_MAX], *all = strdup("");
    temporary_path(&deployment->folder, "replayed.jsonl", path);
    for (int partition = 0; partition < deployment->partitions; partition++) {
        event_lines_write(lines, 0, lines->count, deployment->partitions, partition, path);
        char *part = command_on_file(deployment,
                                     (const char *[]){"replay", "--rules", deployment->rules_path, path, NULL});
        all = realloc(all, strlen(all) + strlen(part) + 1);
        assert(all);
        strcat(all, part);
        free(part);
    }
    return all;
}

static void log_path(const struct deployment *deployment, int number, char *ret_path) {
    char name[32];
    snprintf(name, sizeof(name), "daemon-%d.log", number);
    temporary_path(&deployment->folder, name, ret_path);
}

struct process *deployment_start(struct deployment *deployment, int number, const char *flag) {
    char path[PATH_MAX], instance[80];
    const char *arguments[] = {"run", flag, NULL};
    log_path(deployment, number, path);
    snprintf(instance, sizeof(instance), "%s-%d", deployment->name, number);
    deployment_set(deployment, "KAFKA_INSTANCE_ID", instance);
    bellwether_start(arguments, (const char *const *)deployment->environment, path, &deployment->daemons[number]);
    return &deployment->daemons[number];
}

void deployment_stop(struct deployment *deployment, int number) {
    struct process *process = &deployment->daemons[number];
    int exit_status = process_stop(process, STOP_MS);
    if (exit_status != 0) {
        harness_fail("run ended with %d after SIGTERM:\n%s", exit_status, process_log_tail(process));
    }
}

char *deployment_log(const struct deployment *deployment, int number) {
    char path[PATH_MAX];
    log_path(deployment, number, path);
    return file_read(path, NULL);
}

static bool is_idle(void *context) {
    const struct deployment *deployment = context;
    char topic[128];
    for (int i = 0; i < INPUT_COUNT; i++) {
        deployment_topic(deployment, inputs[i].topic, topic);
        for (int partition = 0; partition < deployment->partitions; partition++) {
            int64_t end = kafka_end_offset(deployment->kafka, topic, partition);
            if (kafka_committed_offset(deployment->kafka, deployment->name, topic, partition) < end) {
                return false;
            }
        }
    }
    return true;
}

void deployment_await_idle(struct deployment *deployment, int number) {
    process_await(&deployment->daemons[number], is_idle, deployment, "the commit of all inputs' ends",
                  deadline_after(AWAIT_MS));
}

struct awaited_changes {
    struct deployment *deployment;
    size_t count;
    char *changes;
};

static bool has_changes(void *context) {
    struct awaited_changes *awaited = context;
    free(awaited->changes);
    awaited->changes = deployment_changes(awaited->deployment);
    return count_lines(awaited->changes) >= awaited->count;
}

char *deployment_await_changes(struct deployment *deployment, int number, size_t count) {
    struct awaited_changes awaited = {deployment, count, NULL};
    process_await(&deployment->daemons[number], has_changes, &awaited, "changes", deadline_after(AWAIT_MS));
    return awaited.changes;
}
