#include "tests/faults/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/fail.h"

// Brokers refuse records of the future; here all are. Small segments are soon closed, and so compacted.
static const char *const broker_properties[] = {
    "log.message.timestamp.after.max.ms=9223372036854775807",
    "log.segment.bytes=1048576",
    "log.cleaner.min.cleanable.ratio=0.1",
    NULL,
};

// The session must outlast a transaction and the coordinator's interval. Memory is the least that can be configured.
static const struct {
    const char *option, *value;
} settings[] = {
    {"KAFKA_SESSION_TIMEOUT", "4s"},
    {"KAFKA_TRANSACTION_TIMEOUT", "3s"},
    {"KAFKA_COORDINATOR_INTERVAL", "500ms"},
    {"REDIS_TIMEOUT", "1s"},
    {"COMMIT_INTERVAL", "50ms"},
    {"COMMIT_INTERVAL_MAX", "500ms"},
    {"LIMITS_MEMORY", "16MiB"},
    {"ENCODINGS_ACCOUNT", "plain"},
    {"ENCODINGS_USAGE", "plain"},
    {"ENCODINGS_LOGIN", "plain"},
    {"ENCODINGS_TICKET", "plain"},
    {"ENCODINGS_NPS", "plain"},
    {"ENCODINGS_CUSTOM", "plain"},
    {"LOG_LEVEL", "info"},
};

// The rules that are shipped, with another clock: ticks are the feed's pages, nothing is waited for, and the future is
// no reason to reject anything.
static char *read_rules(const char *source) {
    static const char clock[] = "clock: { tick: 1d, lateness: 0s, future_tolerance: 36500d }";
    char path[PATH_MAX], *rules;
    snprintf(path, sizeof(path), "%s/config/rules/default.yaml", source);
    char *text = file_read(path, NULL), *line = strstr(text, "\nclock:"), *end = line ? strchr(line + 1, '\n') : NULL;
    if (!end || asprintf(&rules, "%.*s\n%s%s", (int)(line - text), text, clock, end) < 0) {
        harness_fail("%s has no clock", path);
    }
    free(text);
    return rules;
}

static void open_workers(struct scene *scene) {
    char *rules = read_rules(scene->options.source);
    deployment_open("faults", &scene->cluster.all, &scene->redis.servers[0], SCENE_PARTITIONS, rules, &scene->workers);
    free(rules);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        deployment_set(&scene->workers, settings[i].option, settings[i].value);
    }
    // Direct, so far: the topics.
    deployment_produce_text(&scene->workers, "");
    deployment_set(&scene->workers, "KAFKA_BROKERS", scene->cluster.proxied_addresses);
    deployment_set(&scene->workers, "REDIS_URL", scene->redis.url);
    for (int i = 0; i < SCENE_WORKERS; i++) {
        scene_start_worker(scene, i);
    }
}

static void open_feed(struct scene *scene) {
    struct event_feed_options options = {
        .seed = scene->options.seed,
        .addresses = scene->cluster.all.address,
        .group = scene->workers.name,
        .partitions = SCENE_PARTITIONS,
        .accounts = scene->options.accounts,
        .events_per_second = scene->options.events_per_second,
        .folder = scene->workers.folder.path,
    };
    for (int i = 0; i < STREAMS; i++) {
        options.topics[i] = deployment_topic(&scene->workers, stream_schemas[i].topic.data, scene->topics[i]);
    }
    event_feed_start(&options, &scene->feed);
}

void scene_open(const struct scene_options *options, struct scene *ret_scene) {
    *ret_scene = (struct scene){.options = *options};
    kafka_cluster_start(options->brokers, broker_properties, &ret_scene->cluster);
    redis_pair_start(&ret_scene->redis);
    open_workers(ret_scene);
    open_feed(ret_scene);
}

void scene_close(struct scene *scene) {
    if (scene->cluster.count == 0) {
        return;
    }
    event_feed_free(scene->feed);
    deployment_close(&scene->workers);
    redis_pair_close(&scene->redis);
    kafka_cluster_close(&scene->cluster);
    *scene = (struct scene){0};
}

struct process *scene_start_worker(struct scene *scene, int number) {
    return deployment_start(&scene->workers, number, NULL);
}
