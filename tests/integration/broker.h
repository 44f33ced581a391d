/* Real brokers that are asked through the library alone, for what the protocol (docs/exactly-once.md) and the simulated
 * brokers (tests/sim/) take for granted: no code of ours is between. One or two of them serve all tests of a program;
 * each test has topics, a group and a transactional id of its own. Main thread only. */
#pragma once

#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_cluster.h"

enum { PARTITIONS = 2 /* of each topic */, WAIT_MS = 60000, SHORT_MS = 300, POLL_MS = 20 };

struct broker {
    struct kafka_cluster *cluster;
    const struct kafka_server *server; /* past the proxies: tests ask there */
    struct kafka_server proxied;       /* an address only: who begins there meets the brokers through proxies alone */
    char group[32], id[32], input[32], output[32];
};

/* The group's set-up and teardown; the state is a struct kafka_cluster. Of two brokers, each talks to the other, and to
 * itself where it coordinates, through the proxies; each leads one partition of each topic. */
int broker_start(void **state);
int broker_start_two(void **state);
int broker_close(void **state);

/* The names of a test's own; its topics are created. */
struct broker broker_open(struct kafka_cluster *cluster);

/* The end of a partition of the output: what a reader may reach who sees what is committed, or all. */
int64_t broker_stable_end(const struct broker *broker, int32_t partition);
int64_t broker_end(const struct broker *broker, int32_t partition);
void broker_await_stable_end(const struct broker *broker, int32_t partition, int64_t end);
/* How many records of the output a read_committed reader sees. */
size_t broker_count_visible(const struct broker *broker);

/* The index of the node that leads the partition of the output. */
int broker_leader(const struct broker *broker, int32_t partition);

struct group_description {
    int coordinator; /* the index of the node */
    size_t members;
    bool stable; /* no rebalance is under way */
};
struct group_description broker_describe_group(const struct broker *broker);
