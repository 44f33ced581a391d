#include "tests/sim/sim_connection.h"

#include <assert.h>

#define TIMEOUT_MS    2000
#define PAGE          2
#define CUT_BYTES_MAX 2000 /* a request or an answer is seldom larger */

void sim_connection_init(struct sim_connection *connection, struct sim_redis *redis, const struct clock *clock) {
    struct error error;
    *connection = (struct sim_connection){.due_per_query_max = PAGE};
    sim_redis_client_init(&connection->client, redis);
    connection->transport = sim_redis_transport(&connection->client);
    struct redis_options options = {.host = "sim",
                                    .port = 6379,
                                    .group = "sim",
                                    .timeout_ms = TIMEOUT_MS,
                                    .scan_page = PAGE,
                                    .transport = &connection->transport};
    enum result result = redis_store_create(&options, clock, &connection->store, &error);
    assert(result == RESULT_OK);
    connection->real = redis_store_port(connection->store);
}

void sim_connection_free(struct sim_connection *connection) {
    redis_store_free(connection->store);
    sim_redis_client_free(&connection->client);
}

void sim_connection_cut(struct sim_connection *connection) {
    sim_redis_cut(&connection->client, true);
}

/* What the network does to this request, and to those after it. */
static void ask(struct sim_connection *connection, const char *what, int32_t shard) {
    struct sim_redis_client *client = &connection->client;
    struct sim_chance *chance = connection->chance;
    client->answer_ms = connection->delay_ms;
    client->request_ms = 0;
    if (chance == NULL) {
        client->cut_after_sent = client->cut_after_received = -1;
    } else {
        client->request_ms = sim_below(chance, (uint32_t)connection->delay_ms + 1);
        client->answer_ms = connection->delay_ms - client->request_ms;
        if (sim_one_in(chance, connection->cut_before))
            client->cut_after_sent = sim_below(chance, CUT_BYTES_MAX);
        if (sim_one_in(chance, connection->cut_after))
            client->cut_after_received = sim_below(chance, CUT_BYTES_MAX);
    }
    if (connection->asked != NULL)
        connection->asked(connection->context, what, shard);
}

static enum result claim(void *context, uint64_t ticket, int32_t shard, const struct store_claim *claim_wanted,
                         struct error *error) {
    struct sim_connection *connection = context;
    ask(connection, "claims in the store", shard);
    return connection->real.claim(connection->real.context, ticket, shard, claim_wanted, error);
}

static enum result load(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids, uint32_t count,
                        struct error *error) {
    struct sim_connection *connection = context;
    ask(connection, "loads", shard);
    return connection->real.load(connection->real.context, ticket, shard, account_ids, count, error);
}

static enum result load_due(void *context, uint64_t ticket, int32_t shard, const struct due_query *query,
                            struct error *error) {
    struct sim_connection *connection = context;
    struct due_query few = *query;
    if (few.max > connection->due_per_query_max)
        few.max = connection->due_per_query_max;
    ask(connection, "loads due accounts", shard);
    return connection->real.load_due(connection->real.context, ticket, shard, &few, error);
}

static enum result scan(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error) {
    struct sim_connection *connection = context;
    ask(connection, "scans", shard);
    return connection->real.scan(connection->real.context, ticket, shard, cursor, error);
}

static enum result write(void *context, uint64_t ticket, int32_t shard, const struct store_write *wanted,
                         struct error *error) {
    struct sim_connection *connection = context;
    ask(connection, "writes to the store", shard);
    return connection->real.write(connection->real.context, ticket, shard, wanted, error);
}

static uint32_t place(void *context, struct text account_id) {
    struct sim_connection *connection = context;
    return connection->real.place(connection->real.context, account_id);
}

static enum result verify(void *context, uint64_t ticket, int32_t shard, struct error *error) {
    struct sim_connection *connection = context;
    ask(connection, "verifies", shard);
    return connection->real.verify(connection->real.context, ticket, shard, error);
}

static void release(void *context, int32_t shard) {
    struct sim_connection *connection = context;
    connection->real.release(connection->real.context, shard);
}

static void poll(void *context, int timeout_ms, struct store_event *ret_event) {
    struct sim_connection *connection = context;
    connection->real.poll(connection->real.context, timeout_ms, ret_event);
}

struct store sim_connection_port(struct sim_connection *connection) {
    return (struct store){connection, claim, load, load_due, scan, write, place, verify, release, poll};
}
