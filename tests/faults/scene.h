// All that a fault test stands on: brokers behind proxies, a pair of Redis servers behind another, workers that reach
// both only through these, and a feed. Main thread only.
#pragma once

#include "tests/faults/event_feed.h"
#include "tests/faults/redis_pair.h"
#include "tests/harness/deployment.h"
#include "tests/harness/kafka_cluster.h"

enum { SCENE_PARTITIONS = 4, SCENE_WORKERS = 3, SESSION_TIMEOUT_MS = 4000, TRANSACTION_TIMEOUT_MS = 3000 };

struct scene_options {
    uint64_t seed;
    int brokers; // 1 or 3
    int accounts;
    int events_per_second;
    const char *source; // The root of the sources, where the rules are.
};

struct scene {
    struct scene_options options;
    struct kafka_cluster cluster;
    struct redis_pair redis;
    struct deployment workers;
    struct event_feed *feed;
    char topics[STREAMS][128];
};

// Starts all of it; the workers have begun, not more.
void scene_open(const struct scene_options *options, struct scene *ret_scene);

// Ends all of it at once. Does nothing on a zeroed one.
void scene_close(struct scene *scene);

// Starts the worker that does not run.
struct process *scene_start_worker(struct scene *scene, int number);
