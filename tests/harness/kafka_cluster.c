#include "tests/harness/kafka_cluster.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/kafka_client.h"
#include "tests/harness/ports.h"

enum { PORTS_PER_NODE = 3, PROPERTIES_MAX = 24, PROPERTY_BYTES = 256, METADATA_MS = 1000, TOGETHER_MS = 60000 };

// The properties of one node, as kafka_server.h takes them.
struct properties {
    char lines[PROPERTIES_MAX][PROPERTY_BYTES];
    const char *list[PROPERTIES_MAX + 1];
    int count;
};

__attribute__((format(printf, 2, 3))) static void add(struct properties *properties, const char *format, ...) {
    assert(properties->count < PROPERTIES_MAX);
    char *line = properties->lines[properties->count];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, PROPERTY_BYTES, format, arguments);
    va_end(arguments);
    assert(length < PROPERTY_BYTES);
    properties->list[properties->count++] = line;
}

struct node_ports {
    int direct, behind_proxy, controller;
};

static void add_voters(struct properties *properties, const struct node_ports *ports, int count) {
    char voters[PROPERTY_BYTES / 2] = "";
    for (int i = 0; i < count; i++) {
        size_t length = strlen(voters);
        snprintf(voters + length, sizeof(voters) - length, "%s%d@127.0.0.1:%d", i ? "," : "", i + 1,
                 ports[i].controller);
    }
    add(properties, "controller.quorum.voters=%s", voters);
}

// A broker that is gone is noticed within seconds; what it led is led by another then.
static void add_copies(struct properties *properties) {
    add(properties, "default.replication.factor=3");
    add(properties, "min.insync.replicas=2");
    add(properties, "offsets.topic.replication.factor=3");
    add(properties, "transaction.state.log.replication.factor=3");
    add(properties, "transaction.state.log.min.isr=2");
    add(properties, "broker.session.timeout.ms=4000");
    add(properties, "broker.heartbeat.interval.ms=500");
    add(properties, "replica.lag.time.max.ms=5000");
}

static void prepare_node(struct kafka_cluster *cluster, int i, const struct node_ports *ports,
                         const char *const *extra_properties) {
    struct properties properties = {.count = 0};
    int direct = ports[i].direct, behind = ports[i].behind_proxy;
    add(&properties, "node.id=%d", i + 1);
    add_voters(&properties, ports, cluster->count);
    add(&properties, "listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", direct,
        behind, ports[i].controller);
    add(&properties, "advertised.listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d", direct,
        tcp_proxy_port(cluster->proxies[i]));
    add(&properties, "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT");
    add(&properties, "inter.broker.listener.name=PLAINTEXT");
    if (cluster->count == KAFKA_NODES_MAX) {
        add_copies(&properties);
    }
    for (size_t j = 0; extra_properties && extra_properties[j]; j++) {
        add(&properties, "%s", extra_properties[j]);
    }
    kafka_server_prepare(direct, ports[i].controller, properties.list, &cluster->nodes[i]);
}

static void list_address(char *list, size_t size, int port) {
    size_t length = strlen(list);
    snprintf(list + length, size - length, "%s127.0.0.1:%d", length ? "," : "", port);
}

static bool is_complete(void *context) {
    const struct kafka_cluster *cluster = context;
    rd_kafka_t *client = kafka_client_new(&cluster->all, RD_KAFKA_PRODUCER, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    bool complete = rd_kafka_metadata(client, 0, NULL, &metadata, METADATA_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                    metadata->broker_cnt == cluster->count;
    if (metadata) {
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_destroy(client);
    return complete;
}

void kafka_cluster_await(struct kafka_cluster *cluster) {
    for (int i = 0; i < cluster->count; i++) {
        kafka_server_await(&cluster->nodes[i]);
    }
    process_await(&cluster->nodes[0].process, is_complete, cluster, "all brokers", deadline_after(TOGETHER_MS));
}

void kafka_cluster_start(int count, const char *const *extra_properties, struct kafka_cluster *ret_cluster) {
    assert(count >= 1 && count <= KAFKA_NODES_MAX);
    struct kafka_cluster *cluster = ret_cluster;
    *cluster = (struct kafka_cluster){.count = count};
    int found[PORTS_PER_NODE * KAFKA_NODES_MAX];
    struct node_ports ports[KAFKA_NODES_MAX];
    ports_find((size_t)(PORTS_PER_NODE * count), found);
    for (int i = 0; i < count; i++) {
        const int *own = &found[PORTS_PER_NODE * i];
        ports[i] = (struct node_ports){.direct = own[0], .behind_proxy = own[1], .controller = own[2]};
        cluster->proxies[i] = tcp_proxy_start(0, own[1]);
        list_address(cluster->all.address, sizeof(cluster->all.address), own[0]);
        list_address(cluster->proxied_addresses, sizeof(cluster->proxied_addresses),
                     tcp_proxy_port(cluster->proxies[i]));
    }
    for (int i = 0; i < count; i++) {
        prepare_node(cluster, i, ports, extra_properties);
    }
    for (int i = 0; i < count; i++) {
        kafka_server_launch(&cluster->nodes[i]);
    }
    kafka_cluster_await(cluster);
}

void kafka_cluster_close(struct kafka_cluster *cluster) {
    for (int i = 0; i < cluster->count; i++) {
        tcp_proxy_stop(cluster->proxies[i]);
        kafka_server_close(&cluster->nodes[i]);
    }
    *cluster = (struct kafka_cluster){0};
}
