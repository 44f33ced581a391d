#include "tests/integration/broker_producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/deadline.h"

/* ---- the client */

/* A thread of the library's: it tells a producer's identity nowhere but in its log. */
static void note_identity(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    struct producer *producer = rd_kafka_opaque(client);
    const char *found = strstr(text, "Acquired") == NULL ? NULL : strstr(text, "PID{Id:");
    (void)level;
    (void)facility;
    if (found == NULL)
        return;
    char *end;
    producer->id = strtoll(found + strlen("PID{Id:"), &end, 10);
    producer->epoch = (int)strtol(strchr(end, ':') + 1, NULL, 10);
}

static void note_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    (void)client;
    (void)code;
    (void)reason;
    ((struct producer *)opaque)->errors++;
}

static void note_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    struct producer *producer = opaque;
    (void)client;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    producer->deliveries++;
    producer->delivered_offset = message->offset;
}

static rd_kafka_conf_t *configuration_of(const struct broker *broker, struct producer_options options) {
    const char *timeout_ms = options.transaction_timeout_ms == NULL ? "60000" : options.transaction_timeout_ms;
    const char *settings[][2] = {
        {"bootstrap.servers", options.proxied ? broker->proxied.address : broker->server->address},
        {"transactional.id", broker->id},
        {"transaction.timeout.ms", timeout_ms},
        {"reconnect.backoff.ms", "20"},
        {"reconnect.backoff.max.ms", "200"},
        {"debug", "eos"},
    };
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    char error[256];
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(configuration, settings[i][0], settings[i][1], error, sizeof error) != RD_KAFKA_CONF_OK)
            fail_msg("%s", error);
    rd_kafka_conf_set_log_cb(configuration, note_identity);
    rd_kafka_conf_set_error_cb(configuration, note_error);
    rd_kafka_conf_set_dr_msg_cb(configuration, note_delivery);
    return configuration;
}

struct producer *producer_new(const struct broker *broker, struct producer_options options) {
    struct producer *producer = calloc(1, sizeof *producer);
    char error[256];
    assert_non_null(producer);
    producer->broker = broker;
    producer->id = -1;
    producer->epoch = -1;
    rd_kafka_conf_t *configuration = configuration_of(broker, options);
    rd_kafka_conf_set_opaque(configuration, producer);
    producer->client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, error, sizeof error);
    assert_non_null(producer->client);
    return producer;
}

struct producer *producer_open(const struct broker *broker, struct producer_options options) {
    struct producer *producer = producer_new(broker, options);
    assert_int_equal(producer_init(producer, WAIT_MS), 0);
    return producer;
}

void producer_close(struct producer *producer) {
    rd_kafka_destroy(producer->client);
    free(producer);
}

/* ---- transactions */

/* The code of a call's error, which is freed. */
static rd_kafka_resp_err_t code_of(rd_kafka_error_t *error) {
    rd_kafka_resp_err_t code = error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
    if (error != NULL)
        rd_kafka_error_destroy(error);
    return code;
}

rd_kafka_resp_err_t producer_init(struct producer *producer, int timeout_ms) {
    return code_of(rd_kafka_init_transactions(producer->client, timeout_ms));
}

rd_kafka_resp_err_t producer_commit_within(struct producer *producer, int timeout_ms) {
    return code_of(rd_kafka_commit_transaction(producer->client, timeout_ms));
}

rd_kafka_resp_err_t producer_commit(struct producer *producer) {
    return producer_commit_within(producer, WAIT_MS);
}

rd_kafka_resp_err_t producer_abort(struct producer *producer) {
    return code_of(rd_kafka_abort_transaction(producer->client, WAIT_MS));
}

void producer_begin(struct producer *producer) {
    assert_int_equal(code_of(rd_kafka_begin_transaction(producer->client)), 0);
}

void producer_hand_over(struct producer *producer, int32_t partition, const char *value) {
    assert_int_equal(rd_kafka_producev(producer->client, RD_KAFKA_V_TOPIC(producer->broker->output),
                                       RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)value, strlen(value)), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

void producer_send_to(struct producer *producer, int32_t partition, const char *value) {
    producer_hand_over(producer, partition, value);
    assert_int_equal(rd_kafka_flush(producer->client, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void producer_send(struct producer *producer, const char *value) {
    producer_send_to(producer, 0, value);
}

rd_kafka_resp_err_t producer_send_offsets(struct producer *producer, const rd_kafka_consumer_group_metadata_t *metadata,
                                          int64_t offset) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(offsets, producer->broker->input, i)->offset = offset;
    rd_kafka_resp_err_t code = code_of(
        rd_kafka_send_offsets_to_transaction(producer->client, offsets, metadata, WAIT_MS));
    rd_kafka_topic_partition_list_destroy(offsets);
    return code;
}

rd_kafka_resp_err_t producer_begin_with_offsets(struct producer *producer,
                                                const rd_kafka_consumer_group_metadata_t *metadata, int64_t offset) {
    producer_begin(producer);
    return producer_send_offsets(producer, metadata, offset);
}

/* ---- a request in bytes */

struct request {
    unsigned char bytes[256];
    size_t size;
};

static void put_number(struct request *request, uint64_t number, size_t size) {
    for (size_t i = size; i-- > 0;)
        request->bytes[request->size++] = (unsigned char)(number >> (8 * i));
}

static void put_string(struct request *request, const char *string) {
    size_t size = strlen(string);
    put_number(request, size, 2);
    memcpy(request->bytes + request->size, string, size);
    request->size += size;
}

static int connect_to(const struct kafka_server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

/* Of two nodes the first is asked; it says NOT_COORDINATOR where it is the other's. */
static int16_t ask_to_end(const struct producer *producer, const struct kafka_server *node) {
    enum { END_TXN = 26, HEAD = 4, ANSWER = 4 + 4 + 4 + 2 /* size, correlation, throttle, error */ };
    struct request request = {.size = HEAD};
    unsigned char answer[ANSWER];
    put_number(&request, END_TXN, 2);
    put_number(&request, 0, 2); /* version */
    put_number(&request, 7, 4); /* correlation */
    put_string(&request, "test");
    put_string(&request, producer->broker->id);
    put_number(&request, (uint64_t)producer->id, 8);
    put_number(&request, (uint16_t)producer->epoch, 2);
    put_number(&request, 1, 1); /* commit */
    size_t size = request.size;
    request.size = 0;
    put_number(&request, size - HEAD, HEAD);
    int descriptor = connect_to(node);
    assert_int_equal(send(descriptor, request.bytes, size, 0), size);
    assert_int_equal(recv(descriptor, answer, sizeof answer, MSG_WAITALL), sizeof answer);
    close(descriptor);
    return (int16_t)(answer[ANSWER - 2] << 8 | answer[ANSWER - 1]);
}

int16_t producer_copy_of_end(const struct producer *producer) {
    enum { NOT_COORDINATOR = 16 };
    int16_t answer = NOT_COORDINATOR;
    for (int i = 0; i < producer->broker->cluster->count && answer == NOT_COORDINATOR; i++)
        answer = ask_to_end(producer, &producer->broker->cluster->nodes[i]);
    return answer;
}

int16_t producer_copy_of_end_afterwards(const struct producer *producer) {
    struct deadline deadline = deadline_after(WAIT_MS);
    int16_t answer;
    while ((answer = producer_copy_of_end(producer)) == ANSWER_CONCURRENT_TRANSACTIONS)
        assert_false(deadline_passed(deadline));
    return answer;
}
