#include <assert.h>
#include <stdlib.h>

#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_redis_link.h"

void sim_redis_client_init(struct sim_redis_client *client, struct sim_redis *redis) {
    *client = (struct sim_redis_client){.redis = redis, .cut_after_sent = -1, .cut_after_received = -1};
}

static void close_client(void *context) {
    struct sim_redis_client *client = context;
    SIM_OUTSIDE;
    if (client->link == NULL)
        return;
    client->link->closed = true;
    sim_redis_link_drop_answers(client->link);
    client->link = NULL;
}

void sim_redis_client_free(struct sim_redis_client *client) {
    close_client(client);
}

void sim_redis_cut(struct sim_redis_client *client, bool done) {
    struct sim_redis_link *link = client->link;
    if (link == NULL)
        return;
    if (!done)
        sim_redis_link_drop_requests(link);
    close_client(client);
}

static bool is_dead(const struct sim_redis_client *client) {
    return client->is_dead != NULL && client->is_dead(client->context);
}

static enum result broken(struct error *error) {
    return error_set(error, RESULT_RETRY, "Connection reset by peer");
}

/* Whether the connection stands; one of a process of the server that has ended does not. */
static bool stands(struct sim_redis_client *client) {
    if (client->link != NULL && client->process != client->redis->process)
        sim_redis_cut(client, false);
    return client->link != NULL;
}

static enum result connect_client(void *context, const char *host, int port, struct error *error) {
    struct sim_redis_client *client = context;
    SIM_OUTSIDE;
    (void)host;
    (void)port;
    if (is_dead(client) || client->redis->condition == SIM_REDIS_IS_DOWN)
        return error_set(error, RESULT_RETRY, "Connection refused");
    client->link = sim_redis_link_open(client->redis);
    client->process = client->redis->process;
    return RESULT_OK;
}

/* How many of so many bytes get through before the connection breaks; counts them down. */
static size_t before_cut(int64_t *cut_after, size_t size) {
    if (*cut_after < 0)
        return size;
    if ((int64_t)size > *cut_after)
        size = (size_t)*cut_after;
    *cut_after -= (int64_t)size;
    return size;
}

static size_t at_once(const struct sim_redis_client *client, size_t size) {
    return client->bytes_per_call > 0 && size > client->bytes_per_call ? client->bytes_per_call : size;
}

static enum result send_bytes(void *context, const void *data, size_t size, size_t *ret_sent, struct error *error) {
    struct sim_redis_client *client = context;
    SIM_OUTSIDE;
    struct sim_redis_request request;
    if (!stands(client) || is_dead(client))
        return broken(error);
    size_t wanted = at_once(client, size), sent = before_cut(&client->cut_after_sent, wanted);
    buffer_put(&client->link->in, data, sent);
    assert(buffer_ok(&client->link->in));
    while (sim_redis_link_parse(client->link, &request)) {
        if (sim_redis_request_acts(&request) && client->sends != NULL && !client->sends(client->context)) {
            free(request.arguments);
            return broken(error);
        }
        request.answer_ms = client->answer_ms;
        sim_redis_link_send(client->redis, client->link, &request, *client->redis->now_ms + client->request_ms);
    }
    sim_redis_serve(client->redis);
    *ret_sent = wanted;
    if (sent < wanted) {
        client->cut_after_sent = -1;
        sim_redis_cut(client, true);
        return broken(error);
    }
    return RESULT_OK;
}

static enum result receive_bytes(void *context, void *data, size_t capacity, size_t *ret_received,
                                 struct error *error) {
    struct sim_redis_client *client = context;
    SIM_OUTSIDE;
    sim_redis_serve(client->redis);
    if (!stands(client) || is_dead(client))
        return broken(error);
    struct sim_redis_link *link = client->link;
    size_t ready = sim_redis_link_ready(link, *client->redis->now_ms);
    size_t wanted = at_once(client, ready < capacity ? ready : capacity);
    size_t received = before_cut(&client->cut_after_received, wanted);
    if (received < wanted) {
        client->cut_after_received = -1;
        sim_redis_cut(client, true);
        return broken(error);
    }
    if (received > 0)
        memcpy(data, link->out.data + link->taken, received);
    link->taken += received;
    if (link->taken == link->out.size)
        sim_redis_link_drop_answers(link);
    *ret_received = received;
    return RESULT_OK;
}

static bool has_come(struct sim_redis_client *client) {
    sim_redis_serve(client->redis);
    return !stands(client) || is_dead(client) || sim_redis_link_ready(client->link, *client->redis->now_ms) > 0;
}

/* When something may come about: an answer, or a request's arrival. */
static int64_t next_ms(const struct sim_redis_client *client) {
    int64_t next_ms = sim_redis_link_next_ms(client->link, *client->redis->now_ms);
    if (client->link->requests_count > 0 && client->link->requests[0].arrives_ms < next_ms &&
        client->link->requests[0].arrives_ms > *client->redis->now_ms)
        next_ms = client->link->requests[0].arrives_ms;
    return next_ms;
}

static bool wait_for_bytes(void *context, bool to_send, int timeout_ms) {
    struct sim_redis_client *client = context;
    SIM_OUTSIDE;
    int64_t until_ms = *client->redis->now_ms + timeout_ms;
    bool was_open = client->link != NULL;
    while (*client->redis->now_ms < until_ms && !(was_open && (to_send || has_come(client)))) {
        int64_t next = was_open ? next_ms(client) : until_ms;
        client->pass(client->context, (next < until_ms ? next : until_ms) - *client->redis->now_ms);
    }
    return was_open && (to_send || has_come(client));
}

struct redis_transport sim_redis_transport(struct sim_redis_client *client) {
    return (struct redis_transport){.context = client,
                                    .connect = connect_client,
                                    .send = send_bytes,
                                    .receive = receive_bytes,
                                    .wait = wait_for_bytes,
                                    .close = close_client};
}
