/* A process' store in the simulator: the real one (store/), on a connection to the simulated Redis.
 *
 * Faults come from whoever drives it: a connection may break by chance before any byte of a request or of an answer,
 * and both may be late. Pages of accounts are small here, so that there are several. One thread. */
#pragma once

#include "store/redis_store.h"
#include "tests/sim/sim_chance.h"
#include "tests/sim/sim_redis.h"

struct sim_connection {
    struct sim_redis_client client;
    struct redis_transport transport;
    struct redis_store *store;
    struct store real; /* its port */

    struct sim_chance *chance; /* NULL: nothing happens by chance */
    uint32_t cut_before;       /* once in so many requests the connection breaks in one of the next, */
    uint32_t cut_after;        /* or in an answer */
    int64_t delay_ms;          /* of answers; by chance up to it, of requests too */
    uint32_t due_per_query_max;

    /* Is told of each request of the process. NULL: nobody. */
    void *context;
    void (*asked)(void *context, const char *what, int32_t shard);
};

/* The process' part of `client` is the caller's to set; the clock outlives the connection. */
void sim_connection_init(struct sim_connection *connection, struct sim_redis *redis, const struct clock *clock);
void sim_connection_free(struct sim_connection *connection);
/* Breaks the connection: what was sent is done, and nobody is told. */
void sim_connection_cut(struct sim_connection *connection);
struct store sim_connection_port(struct sim_connection *connection);
