/* The servers of the demo: a Kafka inside this process (librdkafka's mock cluster), and a Redis of its own on a free
 * port of the loopback interface, with its data in a temporary folder. Both end, and leave nothing behind, with
 * demo_servers_stop; the Redis also when this process dies without it. */
#pragma once

#include <sys/types.h>

/* clang-format off: the second wants the first before it. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/result.h"

#define DEMO_PATH_MAX 256

struct demo_servers {
    rd_kafka_t *mock_handle;
    rd_kafka_mock_cluster_t *mock;
    pid_t redis;
    char folder[DEMO_PATH_MAX];
    char brokers[DEMO_PATH_MAX];
    char redis_url[DEMO_PATH_MAX];
};

/* RESULT_REJECT: there is no redis-server on this machine. */
MUST_USE enum result demo_servers_start(struct demo_servers *servers, struct error *error);
MUST_USE enum result demo_servers_create_topic(struct demo_servers *servers, const char *topic, int partitions,
                                               struct error *error);
/* Zeroed or not started: nothing. */
void demo_servers_stop(struct demo_servers *servers);
