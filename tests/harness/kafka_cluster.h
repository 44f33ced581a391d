// One, two or three real brokers, each of which can also be reached through a proxy: clients that begin at
// `proxied_addresses` are told the proxies' addresses only, and never find a way round them. With three, every topic
// has three copies, of which two must have what is acknowledged; with two, one. Start it from the main thread.
#pragma once

#include "tests/harness/kafka_server.h"
#include "tests/harness/tcp_proxy.h"

enum { KAFKA_NODES_MAX = 3 };

struct kafka_cluster {
    int count;
    struct kafka_server nodes[KAFKA_NODES_MAX];
    struct tcp_proxy *proxies[KAFKA_NODES_MAX];
    struct kafka_server all; // Has an address only, of all nodes: what kafka_client.h asks of.
    char proxied_addresses[96];
};

// `extra_properties` as of kafka_server_start. Returns once all answer.
void kafka_cluster_start(int count, const char *const *extra_properties, struct kafka_cluster *ret_cluster);

// Awaits that all answer and know of one another.
void kafka_cluster_await(struct kafka_cluster *cluster);

// Ends all at once and removes their folders. Does nothing on a zeroed one.
void kafka_cluster_close(struct kafka_cluster *cluster);
