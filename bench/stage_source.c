/* Records without the pipeline: the uses alone. */
#include <assert.h>
#include <string.h>

#include "bench/fail.h"
#include "bench/stage_internal.h"
#include "engine/limits.h"

#define BATCH_MAX      512
#define REMIND_RECORDS 20000 /* see consumer/kafka_handle.c: older versions of the library stall without it */

/* The library's own defaults: what anybody would write first. */
void run_bare(struct bench_process *process) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct kafka_properties *properties = &process->setup.properties;
    for (uint32_t i = 0; i < properties->count; i++)
        if (rd_kafka_conf_set(conf, properties->items[i].name, properties->items[i].value, reason, sizeof reason) !=
            RD_KAFKA_CONF_OK)
            bench_fail("%s", reason);
    (void)rd_kafka_conf_set(conf, "group.id", process->setup.configuration.kafka.group.data, NULL, 0);
    (void)rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", NULL, 0);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (client == NULL)
        bench_fail("%s", reason);
    const char *topic = process->setup.topics[STREAM_USAGE];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(process->topics.partitions);
    for (int32_t i = 0; i < process->topics.partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = 0;
    if (rd_kafka_assign(client, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("the topic %s could not be assigned", topic);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    uint64_t records = 0, reminded = 0;
    while (records < process->records) {
        rd_kafka_message_t *messages[BATCH_MAX];
        ssize_t count = rd_kafka_consume_batch_queue(queue, 100, messages, BATCH_MAX);
        if (count > 0)
            begin_measuring(process);
        for (ssize_t i = 0; i < count; i++) {
            records += messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            rd_kafka_message_destroy(messages[i]);
        }
        if (records - reminded >= REMIND_RECORDS) {
            int64_t low, high;
            (void)rd_kafka_query_watermark_offsets(client, topic, 0, &low, &high, 1);
            reminded = records;
        }
    }
    end_measuring_records(process, records);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* Joins the group and has all that it is given fetched from the beginning. */
static uint32_t assign_all(struct worker_ports *ports, struct input_offset *ret_positions, uint32_t max) {
    const struct source *source = &ports->source;
    struct source_event event = {0};
    struct error error;
    while (event.kind != SOURCE_ASSIGNED || event.inputs_count == 0) {
        source->poll(source->context, 100, &event);
        if (event.kind == SOURCE_FATAL)
            bench_fail("%s", event.error.text);
    }
    assert(event.inputs_count <= max);
    for (uint32_t i = 0; i < event.inputs_count; i++)
        ret_positions[i] = (struct input_offset){event.inputs[i], 0};
    uint32_t count = event.inputs_count;
    source->release_membership(source->context, event.membership);
    if (source->assign(source->context, ret_positions, count, &error) != ANSWER_OK)
        bench_fail("%s", error.text);
    return count;
}

static void decode_all(const struct worker_ports *ports, const struct message *messages, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct event event;
        struct rejection rejection;
        struct error error;
        if (ports->decoder.decode(ports->decoder.context, &messages[i], &event, &rejection, &error) != RESULT_OK)
            bench_fail("a record could not be decoded");
    }
}

void run_source(struct bench_process *process) {
    static struct input_offset positions[SHARDS_MAX];
    struct worker_ports ports;
    stage_open_ports(process, 0, &ports);
    uint32_t inputs = assign_all(&ports, positions, SHARDS_MAX);
    uint64_t records = 0;
    while (records < process->records) {
        uint32_t taken = 0;
        for (uint32_t i = 0; i < inputs; i++) {
            struct message messages[FETCH_MAX];
            struct fetched fetched;
            ports.source.fetch(ports.source.context, positions[i].input, messages, FETCH_MAX, &fetched);
            if (fetched.count > 0)
                begin_measuring(process);
            if (process->stage != STAGE_CONSUME)
                decode_all(&ports, messages, fetched.count);
            ports.source.release(ports.source.context, messages, fetched.count);
            taken += fetched.count;
        }
        records += taken;
        struct source_event event;
        ports.source.poll(ports.source.context, taken == 0 ? 20 : 0, &event);
    }
    end_measuring_records(process, records);
    ports.source.close(ports.source.context, 1000);
    composition_close(&ports);
}
