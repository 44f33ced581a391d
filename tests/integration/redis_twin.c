#include "tests/integration/redis_twin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#define PAIRS_MAX 128

static enum result connect_both(void *context, const char *host, int port, struct error *error) {
    struct twin *twin = context;
    if (twin->real.connect(twin->real.context, host, port, error) != RESULT_OK)
        return RESULT_RETRY;
    return twin->simulated.connect(twin->simulated.context, host, port, error);
}

static enum result send_both(void *context, const void *data, size_t size, size_t *ret_sent, struct error *error) {
    struct twin *twin = context;
    size_t taken;
    if (twin->real.send(twin->real.context, data, size, ret_sent, error) != RESULT_OK)
        return RESULT_RETRY;
    assert_int_equal(twin->simulated.send(twin->simulated.context, data, *ret_sent, &taken, error), RESULT_OK);
    assert_int_equal(taken, *ret_sent);
    return RESULT_OK;
}

/* The size of the whole answer that the bytes begin with; 0: there is none. */
static size_t answer_size(const char *data, size_t size) {
    const char *line = size == 0 ? NULL : memchr(data, '\n', size);
    if (line == NULL)
        return 0;
    size_t head = (size_t)(line - data) + 1;
    long number = strtol(data + 1, NULL, 10);
    if (*data == '$' && number >= 0)
        return size < head + (size_t)number + 2 ? 0 : head + (size_t)number + 2;
    for (long i = 0; *data == '*' && i < number; i++) {
        size_t element = answer_size(data + head, size - head);
        if (element == 0)
            return 0;
        head += element;
    }
    return head;
}

/* ids and blobs behind the six numbers of a page, in an order of their own. */
struct pair {
    struct text id, blob;
};

static int by_id(const void *left, const void *right) {
    return text_compare(((const struct pair *)left)->id, ((const struct pair *)right)->id);
}

static uint32_t pairs_of(const struct redisReply *reply, struct pair *ret_pairs) {
    uint32_t count = 0;
    for (size_t i = 6; i + 1 < reply->elements; i += 2)
        ret_pairs[count++] = (struct pair){
            {reply->element[i]->str, (uint32_t)reply->element[i]->len},
            reply->element[i + 1]->str == NULL
                ? TEXT_MISSING
                : (struct text){reply->element[i + 1]->str, (uint32_t)reply->element[i + 1]->len}};
    qsort(ret_pairs, count, sizeof *ret_pairs, by_id);
    return count;
}

static redisReply *parsed(const void *data, size_t size) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, data, size), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    return reply;
}

static bool same_pairs(const void *real, size_t real_size, const void *simulated, size_t simulated_size) {
    static struct pair ours[PAIRS_MAX], theirs[PAIRS_MAX];
    redisReply *left = parsed(real, real_size), *right = parsed(simulated, simulated_size);
    uint32_t count = pairs_of(left, ours);
    bool same = real_size == simulated_size && count == pairs_of(right, theirs);
    for (uint32_t i = 0; same && i < count; i++)
        same = text_equal(ours[i].id, theirs[i].id) &&
               (text_equal(ours[i].blob, theirs[i].blob) || (ours[i].blob.data == NULL && theirs[i].blob.data == NULL));
    freeReplyObject(left);
    freeReplyObject(right);
    return same;
}

/* INFO is full of figures of the one server; the store looks for the policy. */
static bool says_policy(const void *answer, size_t size) {
    return memmem(answer, size, "# Memory\r\n", 10) != NULL &&
           memmem(answer, size, "maxmemory_policy:noeviction", 27) != NULL;
}

static void drop_front(struct buffer *buffer, size_t size) {
    buffer->size -= size;
    memmove(buffer->data, buffer->data + size, buffer->size);
}

static void compare_answers(struct twin *twin) {
    size_t real, simulated;
    while ((real = answer_size((const char *)twin->from_real.data, twin->from_real.size)) > 0 &&
           (simulated = answer_size((const char *)twin->from_simulated.data, twin->from_simulated.size)) > 0) {
        bool same = real == simulated && memcmp(twin->from_real.data, twin->from_simulated.data, real) == 0;
        if (!same && twin->is_unordered)
            same = same_pairs(twin->from_real.data, real, twin->from_simulated.data, simulated);
        if (!same)
            same = says_policy(twin->from_real.data, real) && says_policy(twin->from_simulated.data, simulated);
        if (!same)
            fail_msg("Redis answers\n%.*s\nand the simulated one\n%.*s", (int)real, (char *)twin->from_real.data,
                     (int)simulated, (char *)twin->from_simulated.data);
        buffer_put(&twin->agreed, twin->from_real.data, real);
        drop_front(&twin->from_real, real);
        drop_front(&twin->from_simulated, simulated);
        twin->answers++;
    }
}

static enum result receive_some(const struct redis_transport *from, struct buffer *into, struct error *error) {
    static char data[1 << 16];
    size_t received = sizeof data;
    while (received == sizeof data) {
        if (from->receive(from->context, data, sizeof data, &received, error) != RESULT_OK)
            return RESULT_RETRY;
        buffer_put(into, data, received);
    }
    return RESULT_OK;
}

static enum result receive_both(void *context, void *data, size_t capacity, size_t *ret_received, struct error *error) {
    struct twin *twin = context;
    if (receive_some(&twin->real, &twin->from_real, error) != RESULT_OK ||
        receive_some(&twin->simulated, &twin->from_simulated, error) != RESULT_OK)
        return RESULT_RETRY;
    compare_answers(twin);
    size_t left = twin->agreed.size - twin->given;
    *ret_received = left < capacity ? left : capacity;
    if (*ret_received > 0)
        memcpy(data, twin->agreed.data + twin->given, *ret_received);
    twin->given += *ret_received;
    return RESULT_OK;
}

static bool wait_for_both(void *context, bool to_send, int timeout_ms) {
    struct twin *twin = context;
    return twin->given < twin->agreed.size || twin->real.wait(twin->real.context, to_send, timeout_ms);
}

static void close_both(void *context) {
    struct twin *twin = context;
    twin->real.close(twin->real.context);
    twin->simulated.close(twin->simulated.context);
    buffer_clear(&twin->from_real);
    buffer_clear(&twin->from_simulated);
    buffer_clear(&twin->agreed);
    twin->given = 0;
}

static void pass(void *context, int64_t duration_ms) {
    *(int64_t *)context += duration_ms;
}

void twin_init(struct twin *twin, struct sim_redis *simulated, int64_t *now_ms) {
    *twin = (struct twin){.answers = 0};
    sim_redis_client_init(&twin->client, simulated);
    twin->client.context = now_ms;
    twin->client.pass = pass;
    twin->real = redis_socket_transport(&twin->socket);
    twin->simulated = sim_redis_transport(&twin->client);
    twin->both = (struct redis_transport){twin, connect_both, send_both, receive_both, wait_for_both, close_both};
}

void twin_free(struct twin *twin) {
    sim_redis_client_free(&twin->client);
    buffer_free(&twin->from_real);
    buffer_free(&twin->from_simulated);
    buffer_free(&twin->agreed);
}
