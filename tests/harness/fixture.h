// What the tests of one program share, as cmocka's state: a Kafka, a Redis, and the running test's deployment.
#pragma once

#include "tests/harness/deployment.h"

struct fixture {
    struct kafka_server kafka;
    struct redis_server redis;
    struct deployment deployment;
};

// The group's set-up and teardown.
int fixture_start(void **state);
int fixture_close(void **state);

// Each test's teardown: whatever it left behind ends here.
int fixture_close_deployment(void **state);

// deployment_open on the fixture's servers.
struct deployment *fixture_deploy(struct fixture *fixture, const char *name, int partitions, const char *rules);
