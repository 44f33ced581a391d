#include "tests/integration/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/deadline.h"

static int start(int count, const char *const *properties, void **state) {
    struct kafka_cluster *cluster = calloc(1, sizeof *cluster);
    assert_non_null(cluster);
    *state = cluster;
    kafka_cluster_start(count, properties, cluster);
    return 0;
}

int broker_start(void **state) {
    return start(1, NULL, state);
}

int broker_start_two(void **state) {
    static const char *const properties[] = {"inter.broker.listener.name=PROXIED", NULL};
    return start(2, properties, state);
}

int broker_close(void **state) {
    kafka_cluster_close(*state);
    free(*state);
    return 0;
}

struct broker broker_open(struct kafka_cluster *cluster) {
    static int number;
    struct broker broker = {.cluster = cluster, .server = &cluster->all};
    number++;
    snprintf(broker.proxied.address, sizeof broker.proxied.address, "%s", cluster->proxied_addresses);
    snprintf(broker.group, sizeof broker.group, "group-%d", number);
    snprintf(broker.id, sizeof broker.id, "worker-%d", number);
    snprintf(broker.input, sizeof broker.input, "input-%d", number);
    snprintf(broker.output, sizeof broker.output, "output-%d", number);
    kafka_create_topic(broker.server, broker.input, PARTITIONS, NULL);
    kafka_create_topic(broker.server, broker.output, PARTITIONS, NULL);
    return broker;
}

/* ---- logs */

static int64_t end_for(const struct broker *broker, int32_t partition, const char *isolation) {
    const char *settings[] = {"isolation.level", isolation, NULL};
    rd_kafka_t *consumer = kafka_client_new(broker->server, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *asked = rd_kafka_topic_partition_list_add(list, broker->output, partition);
    asked->offset = RD_KAFKA_OFFSET_END;
    assert_int_equal(rd_kafka_offsets_for_times(consumer, list, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t end = asked->offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(consumer);
    return end;
}

int64_t broker_stable_end(const struct broker *broker, int32_t partition) {
    return end_for(broker, partition, "read_committed");
}

int64_t broker_end(const struct broker *broker, int32_t partition) {
    return end_for(broker, partition, "read_uncommitted");
}

void broker_await_stable_end(const struct broker *broker, int32_t partition, int64_t end) {
    struct deadline deadline = deadline_after(WAIT_MS);
    while (broker_stable_end(broker, partition) != end)
        assert_false(deadline_passed(deadline));
}

size_t broker_count_visible(const struct broker *broker) {
    struct kafka_records records;
    kafka_consume_all(broker->server, broker->output, KAFKA_READ_COMMITTED, &records);
    size_t count = records.count;
    kafka_records_free(&records);
    return count;
}

/* ---- who is responsible */

int broker_leader(const struct broker *broker, int32_t partition) {
    rd_kafka_t *client = kafka_client_new(broker->server, RD_KAFKA_PRODUCER, NULL);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, broker->output, NULL);
    const struct rd_kafka_metadata *metadata;
    assert_int_equal(rd_kafka_metadata(client, 0, topic, &metadata, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    int leader = -1;
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
        if (metadata->topics[0].partitions[i].id == partition)
            leader = metadata->topics[0].partitions[i].leader - 1;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    assert_in_range(leader, 0, broker->cluster->count - 1);
    return leader;
}

struct group_description broker_describe_group(const struct broker *broker) {
    const char *group = broker->group;
    rd_kafka_t *client = kafka_client_new(broker->server, RD_KAFKA_PRODUCER, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DescribeConsumerGroups(client, &group, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    size_t count;
    const rd_kafka_ConsumerGroupDescription_t **descriptions = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event), &count);
    assert_int_equal(count, 1);
    assert_null(rd_kafka_ConsumerGroupDescription_error(descriptions[0]));
    struct group_description description = {
        .coordinator = rd_kafka_Node_id(rd_kafka_ConsumerGroupDescription_coordinator(descriptions[0])) - 1,
        .members = rd_kafka_ConsumerGroupDescription_member_count(descriptions[0]),
        .stable = rd_kafka_ConsumerGroupDescription_state(descriptions[0]) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE,
    };
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return description;
}
