#include "tests/harness/fixture.h"

#include <assert.h>
#include <stdlib.h>

int fixture_start(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert(fixture);
    *state = fixture;
    kafka_server_start(0, NULL, &fixture->kafka);
    redis_server_start(0, NULL, &fixture->redis);
    return 0;
}

int fixture_close(void **state) {
    struct fixture *fixture = *state;
    kafka_server_close(&fixture->kafka);
    redis_server_close(&fixture->redis);
    free(fixture);
    return 0;
}

int fixture_close_deployment(void **state) {
    struct fixture *fixture = *state;
    deployment_close(&fixture->deployment);
    return 0;
}

struct deployment *fixture_deploy(struct fixture *fixture, const char *name, int partitions, const char *rules) {
    deployment_open(name, &fixture->kafka, &fixture->redis, partitions, rules, &fixture->deployment);
    return &fixture->deployment;
}
