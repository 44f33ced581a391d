// A Bellwether of one test's own on servers that tests share: topics, group and files bear the test's name, all options
// are given by the environment, time-outs are small. Its daemons end with deployment_close, which belongs in the test's
// teardown: that runs also when the test has failed. Main thread only.
#pragma once

#include "tests/harness/command.h"
#include "tests/harness/event_lines.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/redis_server.h"
#include "tests/harness/temporary.h"

enum { DEPLOYMENT_OPTIONS_MAX = 48, DEPLOYMENT_DAEMONS_MAX = 4 };

struct deployment {
    const struct kafka_server *kafka;
    const struct redis_server *redis;
    char name[64];
    int partitions;
    struct temporary folder;
    char rules_path[PATH_MAX];
    char *environment[DEPLOYMENT_OPTIONS_MAX + 1]; // "NAME=value"
    struct process daemons[DEPLOYMENT_DAEMONS_MAX];
};

// Creates no topic yet. `rules`: the text of the rules file.
void deployment_open(const char *name, const struct kafka_server *kafka, const struct redis_server *redis,
                     int partitions, const char *rules, struct deployment *ret_deployment);

// Does nothing on a zeroed one.
void deployment_close(struct deployment *deployment);

// An option by the name of its variable without BELLWETHER_, as in "LIMITS_MEMORY"; in force for what is started later.
void deployment_set(struct deployment *deployment, const char *option, const char *value);
void deployment_write_rules(struct deployment *deployment, const char *rules);

// The topic that has this name by default, as in "logins".
const char *deployment_topic(const struct deployment *deployment, const char *topic, char ret_name[128]);

// Each topic is created with the first events. Lines from `first` up to `end`, not included.
void deployment_produce(struct deployment *deployment, const struct event_lines *lines, size_t first, size_t end);
void deployment_produce_text(struct deployment *deployment, const char *lines);

// A command with the deployment's options; its exit status must be `exit_status`. The result is its standard output,
// which the caller frees.
char *deployment_command(struct deployment *deployment, const char *const *arguments, int exit_status);

// `run --until-end`, which must end well; then all changes that there are, as `tail` prints them. The caller frees
// them.
void deployment_run_until_end(struct deployment *deployment);
char *deployment_changes(struct deployment *deployment);

// What `replay` makes of the lines, partition by partition: what each shard must make of them. The caller frees it.
char *deployment_expected(struct deployment *deployment, const struct event_lines *lines);

// Starts `run`, as the process with this number (0 to DEPLOYMENT_DAEMONS_MAX - 1), each with a log and a name in the
// group of its own; `flag`, such as --until-end, may be NULL.
struct process *deployment_start(struct deployment *deployment, int number, const char *flag);

// SIGTERM; it must end with the status 0.
void deployment_stop(struct deployment *deployment, int number);

// All that the process with this number has logged so far, over all its starts; the caller frees it.
char *deployment_log(const struct deployment *deployment, int number);

// Awaits that the group has committed the end of all inputs' records: nothing is left to do but waiting.
void deployment_await_idle(struct deployment *deployment, int number);

// Awaits that this many changes are committed in all; returns them as `tail` prints them. The caller frees them.
char *deployment_await_changes(struct deployment *deployment, int number, size_t count);
