/* Transactions of a simulated Redis: what one connection watches (WATCH) and has queued (MULTI), until EXEC does all of
 * it in one, or nothing. */
#pragma once

#include "tests/sim/sim_redis_commands.h"

struct sim_redis;
struct sim_redis_link;
struct sim_redis_request;

struct sim_watched {
    int database;
    struct text key; /* owned */
    uint64_t version;
};

struct sim_queued {
    struct text *arguments; /* owned, in one allocation with their bytes */
    uint32_t count;
};

struct sim_transaction {
    struct sim_watched *watched;
    uint32_t watched_count, watched_capacity;
    struct sim_queued *queued;
    uint32_t queued_count, queued_capacity;
    bool is_open;
    bool is_spoiled; /* a command was refused while it was open */
};

void sim_transaction_clear(struct sim_transaction *transaction);
void sim_transaction_free(struct sim_transaction *transaction);

/* WATCH, UNWATCH, MULTI, EXEC, DISCARD, and whatever comes while a transaction is open; false: the request is none of
 * these. It may take the request's arguments over, which are NULL then. */
bool sim_transaction_answers(struct sim_redis *redis, struct sim_redis_link *link, struct sim_redis_request *request);

/* ---- sim_redis.c: whether the server takes a command */

/* What it has against it in its condition; NULL: nothing. */
const char *sim_redis_refusal(const struct sim_redis *redis, const struct sim_command *command);
/* What a full server says; NULL: it is not full. */
const char *sim_redis_refuses_growth(const struct sim_redis *redis);
/* False: there is no such command, or it is refused, also as one that is to be queued; and that has been answered. */
bool sim_redis_admits(const struct sim_redis *redis, const struct sim_command_call *call, bool queues);
