/* One stream of bytes to two servers, a real Redis and the simulator's. What they answer must be the same, byte for
 * byte; a test in which it is not fails. */
#pragma once

#include "base/buffer.h"
#include "store/redis_store.h"
#include "tests/sim/sim_redis.h"

struct twin {
    struct redis_socket socket;
    struct redis_transport real, simulated, both;
    struct sim_redis_client client;
    struct buffer from_real, from_simulated; /* answers that are not compared yet */
    struct buffer agreed;                    /* and those that are */
    size_t given;                            /* of them, to the store */
    uint64_t answers;
    bool is_unordered; /* the page of a set, whose order is the server's affair */
};

/* The clock is the simulation's. */
void twin_init(struct twin *twin, struct sim_redis *simulated, int64_t *now_ms);
void twin_free(struct twin *twin);
