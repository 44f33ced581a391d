#include "tests/harness/kafka_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/deadline.h"
#include "tests/harness/fail.h"

enum {
    ANSWER_MS = 30000,     // For a request to a server that is up.
    STABLE_WAIT_MS = 5000, // For the markers of transactions that have ended.
    POLL_MS = 100,
    ERROR_BYTES = 512,
};

static void set(rd_kafka_conf_t *configuration, const char *name, const char *value) {
    char error[ERROR_BYTES];
    if (rd_kafka_conf_set(configuration, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK) {
        harness_fail("librdkafka refuses %s=%s: %s", name, value, error);
    }
}

typedef void delivery_callback(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque);

static rd_kafka_t *client_new(const struct kafka_server *server, rd_kafka_type_t type, const char *const *settings,
                              delivery_callback *delivered) {
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(configuration, NULL); // What matters comes as the result of a call.
    rd_kafka_conf_set_dr_msg_cb(configuration, delivered);
    set(configuration, "bootstrap.servers", server->address);
    set(configuration, "reconnect.backoff.ms", "20");
    set(configuration, "reconnect.backoff.max.ms", "200");
    for (size_t i = 0; settings && settings[i]; i += 2) {
        set(configuration, settings[i], settings[i + 1]);
    }
    char error[ERROR_BYTES];
    rd_kafka_t *client = rd_kafka_new(type, configuration, error, sizeof(error));
    if (!client) {
        harness_fail("cannot create a Kafka client: %s", error);
    }
    return client;
}

rd_kafka_t *kafka_client_new(const struct kafka_server *server, rd_kafka_type_t type, const char *const *settings) {
    return client_new(server, type, settings, NULL);
}

// Topics

// Awaits the answer to an admin request and fails the test unless each of its results is good.
static rd_kafka_event_t *await_answer(rd_kafka_queue_t *queue, const char *what) {
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, ANSWER_MS);
    if (!answer) {
        harness_fail("no answer to the request: %s", what);
    }
    if (rd_kafka_event_error(answer)) {
        harness_fail("%s: %s", what, rd_kafka_event_error_string(answer));
    }
    return answer;
}

static void check_topic_results(const rd_kafka_topic_result_t **results, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_topic_result_error(results[i])) {
            harness_fail("%s %s: %s", what, rd_kafka_topic_result_name(results[i]),
                         rd_kafka_topic_result_error_string(results[i]));
        }
    }
}

// The number of partitions of a topic that have a leader, 0 for one that does not exist.
static int led_partitions(rd_kafka_t *client, const char *topic) {
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    int led = 0;
    if (rd_kafka_metadata(client, 0, handle, &metadata, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < metadata->topics[0].partition_cnt; i++) {
            led += metadata->topics[0].partitions[i].leader >= 0;
        }
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    return led;
}

static void await_leaders(rd_kafka_t *client, const char *topic, int partitions) {
    struct deadline deadline = deadline_after(ANSWER_MS);
    while (led_partitions(client, topic) != partitions) {
        if (deadline_passed(deadline)) {
            harness_fail("the partitions of the topic %s have no leaders", topic);
        }
        deadline_rest(deadline);
    }
}

// A client for one request about the cluster's own things.
struct administration {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue; // where the answer comes
};

static struct administration administration_open(const struct kafka_server *server) {
    rd_kafka_t *client = kafka_client_new(server, RD_KAFKA_PRODUCER, NULL);
    return (struct administration){client, rd_kafka_queue_new(client)};
}

static void administration_close(const struct administration *administration) {
    rd_kafka_queue_destroy(administration->queue);
    rd_kafka_destroy(administration->client);
}

void kafka_create_topic(const struct kafka_server *server, const char *name, int partitions,
                        const char *const *settings) {
    char error[ERROR_BYTES];
    struct administration administration = administration_open(server);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, error, sizeof(error));
    if (!topic) {
        harness_fail("cannot create the topic %s: %s", name, error);
    }
    for (size_t i = 0; settings && settings[i]; i += 2) {
        rd_kafka_NewTopic_set_config(topic, settings[i], settings[i + 1]);
    }
    rd_kafka_CreateTopics(administration.client, &topic, 1, NULL, administration.queue);
    rd_kafka_event_t *answer = await_answer(administration.queue, "create a topic");
    size_t count;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(answer);
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(result, &count);
    check_topic_results(results, count, "create the topic");
    await_leaders(administration.client, name, partitions);
    rd_kafka_event_destroy(answer);
    rd_kafka_NewTopic_destroy(topic);
    administration_close(&administration);
}

void kafka_delete_topic(const struct kafka_server *server, const char *name) {
    struct administration administration = administration_open(server);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(administration.client, &topic, 1, NULL, administration.queue);
    rd_kafka_event_t *answer = await_answer(administration.queue, "delete a topic");
    size_t count;
    const rd_kafka_DeleteTopics_result_t *result = rd_kafka_event_DeleteTopics_result(answer);
    const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(result, &count);
    check_topic_results(results, count, "delete the topic");
    await_leaders(administration.client, name, 0);
    rd_kafka_event_destroy(answer);
    rd_kafka_DeleteTopic_destroy(topic);
    administration_close(&administration);
}

static rd_kafka_topic_partition_list_t *list_of_one(const char *topic, int32_t partition, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    return list;
}

void kafka_delete_records(const struct kafka_server *server, const char *topic, int32_t partition, int64_t before) {
    struct administration administration = administration_open(server);
    rd_kafka_topic_partition_list_t *offsets = list_of_one(topic, partition, before);
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(offsets);
    rd_kafka_DeleteRecords(administration.client, &request, 1, NULL, administration.queue);
    rd_kafka_event_destroy(await_answer(administration.queue, "delete records"));
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(offsets);
    administration_close(&administration);
}

void kafka_delete_group_offset(const struct kafka_server *server, const char *group, const char *topic,
                               int32_t partition) {
    struct administration administration = administration_open(server);
    rd_kafka_topic_partition_list_t *list = list_of_one(topic, partition, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_DeleteConsumerGroupOffsets_t *request = rd_kafka_DeleteConsumerGroupOffsets_new(group, list);
    rd_kafka_DeleteConsumerGroupOffsets(administration.client, &request, 1, NULL, administration.queue);
    rd_kafka_event_destroy(await_answer(administration.queue, "delete a group's offset"));
    rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    administration_close(&administration);
}

// Producing

static void note_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client, (void)opaque;
    size_t *failed = message->_private;
    *failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* One request at a time: the leader of a new topic may refuse some of several, and those would come behind the others.
 */
static rd_kafka_t *producer_new(const struct kafka_server *server, const char *transactional_id) {
    const char *settings[] = {
        "max.in.flight.requests.per.connection",
        "1",
        "partitioner",
        "murmur2_random",
        "linger.ms",
        "0",
        transactional_id ? "transactional.id" : NULL,
        transactional_id,
        NULL,
    };
    return client_new(server, RD_KAFKA_PRODUCER, settings, note_delivery);
}

static rd_kafka_headers_t *headers_of(const struct kafka_record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct kafka_header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value, (ssize_t)header->value_size);
    }
    return headers;
}

static void enqueue(rd_kafka_t *producer, const struct kafka_record *record, size_t *failed) {
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_resp_err_t error;
    struct deadline deadline = deadline_after(ANSWER_MS);
    do {
        error = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(record->topic), RD_KAFKA_V_PARTITION(record->partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(record->key, record->key_size),
            RD_KAFKA_V_VALUE((void *)record->value, record->value_size), RD_KAFKA_V_TIMESTAMP(record->timestamp_ms),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(failed), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(producer, POLL_MS);
        }
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && !deadline_passed(deadline));
    if (error) { // Otherwise the headers are librdkafka's now.
        rd_kafka_headers_destroy(headers);
        harness_fail("cannot produce to %s: %s", record->topic, rd_kafka_err2str(error));
    }
}

static void produce_all(rd_kafka_t *producer, const struct kafka_record *records, size_t count) {
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        enqueue(producer, &records[i], &failed);
    }
    rd_kafka_resp_err_t error = rd_kafka_flush(producer, ANSWER_MS);
    if (error || failed > 0) {
        harness_fail("%zu of %zu records were not acknowledged (%s)", failed, count, rd_kafka_err2str(error));
    }
}

void kafka_produce(const struct kafka_server *server, const struct kafka_record *records, size_t count) {
    rd_kafka_t *producer = producer_new(server, NULL);
    produce_all(producer, records, count);
    rd_kafka_destroy(producer);
}

static void check_transaction(rd_kafka_error_t *error, const char *step) {
    if (error) {
        harness_fail("%s: %s", step, rd_kafka_error_string(error));
    }
}

// Reading

static void read_watermarks(rd_kafka_t *client, const char *topic, int32_t partition, int64_t *ret_end) {
    int64_t beginning;
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(client, topic, partition, &beginning, ret_end,
                                                                 ANSWER_MS);
    if (error) {
        harness_fail("cannot ask for the end of %s [%d]: %s", topic, (int)partition, rd_kafka_err2str(error));
    }
}

static rd_kafka_t *reader_new(const struct kafka_server *server, enum kafka_isolation isolation) {
    const char *settings[] = {
        "isolation.level",
        isolation == KAFKA_READ_COMMITTED ? "read_committed" : "read_uncommitted",
        "group.id",
        "bellwether-test-reader", // Asked for by `assign`; nothing is ever committed.
        "enable.auto.commit",
        "false",
        "enable.partition.eof",
        "true",
        "fetch.wait.max.ms",
        "10",
        "auto.offset.reset",
        "error",
        NULL,
    };
    return kafka_client_new(server, RD_KAFKA_CONSUMER, settings);
}

int64_t kafka_end_offset(const struct kafka_server *server, const char *topic, int32_t partition) {
    int64_t end;
    rd_kafka_t *client = reader_new(server, KAFKA_READ_UNCOMMITTED);
    read_watermarks(client, topic, partition, &end);
    rd_kafka_destroy(client);
    return end;
}

static int partition_count(rd_kafka_t *client, const char *topic) {
    int count = led_partitions(client, topic);
    if (count == 0) {
        harness_fail("the topic %s does not exist", topic);
    }
    return count;
}

// Waits, for some seconds at most, until what a committed reader may read reaches the end in every partition.
static void await_transactions_ended(const struct kafka_server *server, const char *topic) {
    struct deadline deadline = deadline_after(STABLE_WAIT_MS);
    rd_kafka_t *committed = reader_new(server, KAFKA_READ_COMMITTED);
    rd_kafka_t *uncommitted = reader_new(server, KAFKA_READ_UNCOMMITTED);
    int partitions = partition_count(committed, topic);
    for (int32_t partition = 0; partition < partitions; partition++) {
        int64_t stable, end;
        for (;;) {
            read_watermarks(uncommitted, topic, partition, &end);
            read_watermarks(committed, topic, partition, &stable);
            if (stable >= end || deadline_passed(deadline)) {
                break;
            }
            deadline_rest(deadline);
        }
    }
    rd_kafka_destroy(uncommitted);
    rd_kafka_destroy(committed);
}

void kafka_produce_transaction(const struct kafka_server *server, const char *transactional_id,
                               const struct kafka_record *records, size_t count, enum kafka_transaction_end end) {
    rd_kafka_t *producer = producer_new(server, transactional_id);
    check_transaction(rd_kafka_init_transactions(producer, ANSWER_MS), "init_transactions");
    check_transaction(rd_kafka_begin_transaction(producer), "begin_transaction");
    produce_all(producer, records, count);
    check_transaction(end == KAFKA_COMMIT ? rd_kafka_commit_transaction(producer, ANSWER_MS)
                                          : rd_kafka_abort_transaction(producer, ANSWER_MS),
                      end == KAFKA_COMMIT ? "commit_transaction" : "abort_transaction");
    rd_kafka_destroy(producer);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(records[i].topic, records[i - 1].topic) != 0) {
            await_transactions_ended(server, records[i].topic);
        }
    }
}

// A copy with a zero behind it; NULL of NULL.
static void *copy_bytes(const void *bytes, size_t size) {
    if (!bytes) {
        return NULL;
    }
    char *copy = malloc(size + 1);
    assert(copy);
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

static void copy_headers(const rd_kafka_message_t *message, struct kafka_record *record) {
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    const char *name;
    const void *value;
    size_t size;
    while (record->header_count < KAFKA_HEADERS_MAX &&
           rd_kafka_header_get_all(headers, record->header_count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        record->headers[record->header_count++] = (struct kafka_header){
            .name = strdup(name), .value = copy_bytes(value, size), .value_size = size};
    }
}

static void append(struct kafka_records *records, const rd_kafka_message_t *message) {
    if (records->count == records->capacity) {
        records->capacity = records->capacity ? records->capacity * 2 : 64;
        records->items = realloc(records->items, records->capacity * sizeof(*records->items));
        assert(records->items);
    }
    struct kafka_record *record = &records->items[records->count++];
    *record = (struct kafka_record){
        .topic = strdup(rd_kafka_topic_name(message->rkt)),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .key = copy_bytes(message->key, message->key_len),
        .key_size = message->key_len,
        .value = copy_bytes(message->payload, message->len),
        .value_size = message->len,
    };
    copy_headers(message, record);
}

static void consume_partition(rd_kafka_t *client, const char *topic, int32_t partition, struct kafka_records *records) {
    rd_kafka_topic_partition_list_t *assignment = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(assignment, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(client, assignment);
    rd_kafka_topic_partition_list_destroy(assignment);
    struct deadline deadline = deadline_after(ANSWER_MS);
    for (bool at_end = false; !at_end;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);
        if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            append(records, message);
            deadline = deadline_after(ANSWER_MS); // As long as records come, it goes on.
        } else if (message && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            harness_fail("cannot read %s [%d]: %s", topic, (int)partition, rd_kafka_message_errstr(message));
        } else if (deadline_passed(deadline)) {
            harness_fail("the end of %s [%d] does not come", topic, (int)partition);
        }
        at_end = message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message) {
            rd_kafka_message_destroy(message);
        }
    }
}

void kafka_consume_all(const struct kafka_server *server, const char *topic, enum kafka_isolation isolation,
                       struct kafka_records *ret_records) {
    *ret_records = (struct kafka_records){0};
    if (isolation == KAFKA_READ_COMMITTED) {
        await_transactions_ended(server, topic);
    }
    rd_kafka_t *client = reader_new(server, isolation);
    int partitions = partition_count(client, topic);
    for (int32_t partition = 0; partition < partitions; partition++) {
        consume_partition(client, topic, partition, ret_records);
    }
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

void kafka_records_free(struct kafka_records *records) {
    for (size_t i = 0; i < records->count; i++) {
        struct kafka_record *record = &records->items[i];
        for (size_t j = 0; j < record->header_count; j++) {
            free((char *)record->headers[j].name);
            free((void *)record->headers[j].value);
        }
        free((char *)record->topic);
        free((void *)record->key);
        free((void *)record->value);
    }
    free(records->items);
    *records = (struct kafka_records){0};
}

const char *kafka_header_text(const struct kafka_record *record, const char *name) {
    for (size_t i = 0; i < record->header_count; i++) {
        if (strcmp(record->headers[i].name, name) == 0) {
            return record->headers[i].value;
        }
    }
    return NULL;
}

int64_t kafka_committed_offset(const struct kafka_server *server, const char *group, const char *topic,
                               int32_t partition) {
    const char *settings[] = {"group.id", group, NULL};
    rd_kafka_t *client = kafka_client_new(server, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t error = rd_kafka_committed(client, list, ANSWER_MS);
    if (error) {
        harness_fail("cannot ask for the committed offset of %s: %s", group, rd_kafka_err2str(error));
    }
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    return offset >= 0 ? offset : -1;
}
