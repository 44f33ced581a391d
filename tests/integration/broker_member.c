#include "tests/integration/broker_member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/harness/deadline.h"

/* "CGMDv2:", the generation (32 bits of the host), the group and a zero, the member id and a zero, the instance. */
static void note_membership(struct member *member) {
    enum { GENERATION_AT = sizeof "CGMDv2:" - 1 };
    void *data;
    size_t size;
    assert_null(rd_kafka_consumer_group_metadata_write(member->metadata, &data, &size));
    const char *group = (const char *)data + GENERATION_AT + sizeof member->generation;
    memcpy(&member->generation, (const char *)data + GENERATION_AT, sizeof member->generation);
    snprintf(member->id, sizeof member->id, "%s", group + strlen(group) + 1);
    rd_kafka_mem_free(NULL, data);
}

static void take_assignment(struct member *member, int count) {
    if (member->metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(member->metadata);
    member->metadata = rd_kafka_consumer_group_metadata(member->consumer);
    note_membership(member);
    member->assigned = count;
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(1);
    rd_kafka_assign(member->consumer, nothing);
    rd_kafka_topic_partition_list_destroy(nothing);
}

static void rebalanced(rd_kafka_t *consumer, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *partitions,
                       void *opaque) {
    struct member *member = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_assignment(member, partitions->cnt);
        return;
    }
    if (member->on_revoke != NULL)
        member->on_revoke(member);
    member->revocations++;
    member->lost = rd_kafka_assignment_lost(consumer);
    member->assigned = 0;
    rd_kafka_assign(consumer, NULL);
}

static void set(rd_kafka_conf_t *configuration, const char *name, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(configuration, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
        fail_msg("%s=%s: %s", name, value, error);
}

static rd_kafka_conf_t *configuration_of(const struct broker *broker, struct member_options options) {
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    char session_ms[16];
    snprintf(session_ms, sizeof session_ms, "%d", options.is_patient ? LONG_SESSION_MS : SESSION_MS);
    set(configuration, "bootstrap.servers", options.proxied ? broker->proxied.address : broker->server->address);
    set(configuration, "group.id", broker->group);
    set(configuration, "session.timeout.ms", session_ms);
    set(configuration, "heartbeat.interval.ms", "200");
    set(configuration, "max.poll.interval.ms", options.max_poll_ms == NULL ? "60000" : options.max_poll_ms);
    set(configuration, "partition.assignment.strategy", "range");
    set(configuration, "isolation.level", "read_committed");
    set(configuration, "enable.auto.commit", "false");
    set(configuration, "fetch.wait.max.ms", "50");
    set(configuration, "reconnect.backoff.max.ms", "200");
    if (options.instance_id != NULL)
        set(configuration, "group.instance.id", options.instance_id);
    rd_kafka_conf_set_log_cb(configuration, NULL);
    rd_kafka_conf_set_rebalance_cb(configuration, rebalanced);
    return configuration;
}

void member_join(const struct broker *broker, struct member_options options, struct member *member) {
    char error[256];
    *member = (struct member){.broker = broker};
    rd_kafka_conf_t *configuration = configuration_of(broker, options);
    rd_kafka_conf_set_opaque(configuration, member);
    member->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, error, sizeof error);
    assert_non_null(member->consumer);
    rd_kafka_poll_set_consumer(member->consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, broker->input, RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(member->consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
}

void member_poll(struct member *member) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(member->consumer, POLL_MS);
    if (message != NULL)
        rd_kafka_message_destroy(message);
}

void members_await(struct member *one, struct member *other) {
    struct deadline deadline = deadline_after(WAIT_MS);
    while (one->assigned == 0 || (other != NULL && other->assigned == 0) ||
           one->assigned + (other == NULL ? 0 : other->assigned) != PARTITIONS) {
        member_poll(one);
        if (other != NULL)
            member_poll(other);
        assert_false(deadline_passed(deadline));
    }
}

void member_close(struct member *member) {
    member->on_revoke = NULL;
    rd_kafka_consumer_close(member->consumer);
    if (member->metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(member->metadata);
    rd_kafka_destroy(member->consumer);
    member->metadata = NULL;
    member->consumer = NULL;
}

int64_t member_committed(const struct member *member, int timeout_ms) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *partition = rd_kafka_topic_partition_list_add(list, member->broker->input, 0);
    rd_kafka_resp_err_t code = rd_kafka_committed(member->consumer, list, timeout_ms);
    code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? partition->err : code;
    int64_t offset = partition->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
        return PENDING;
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    return offset;
}
