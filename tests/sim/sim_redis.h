/* A Redis in memory that speaks the protocol on streams of bytes, runs the store's own scripts and does its
 * transactions, so that the real store stands on it as on a server. It answers as redis-server 7.0 does
 * (tests/integration/test_redis_alike.c and test_redis_transactions.c ask both the same); nothing happens by itself,
 * time is a number, and every fault is the caller's.
 *
 *     worker's store (store/) -> struct redis_transport -> struct sim_redis_client -> struct sim_redis
 *
 * Requests are on their way for a time, are done in the order in which they arrive, and answers are on their way for a
 * time. A client that dies or closes leaves what it sent on its way: it is done all the same.
 *
 * One thread. The server outlives its clients. */
#pragma once

#include "engine/ports.h"
#include "store/redis_transport.h"
#include "tests/sim/sim_redis_data.h"

struct sim_scripts;

/* Is told of each write of a script or a transaction: the accounts that it changed, and the meta if it moved it. */
struct sim_redis_watcher {
    void *context;
    void (*written)(void *context, int32_t shard, const struct store_write *write);
};

enum sim_redis_condition {
    SIM_REDIS_SERVES,
    SIM_REDIS_IS_DOWN,     /* connections break and are refused */
    SIM_REDIS_HANGS,       /* connections stand and are taken; what arrives is done when it serves again */
    SIM_REDIS_LOADS,       /* -LOADING */
    SIM_REDIS_IS_REPLICA,  /* -READONLY */
    SIM_REDIS_IS_FULL,     /* -OOM */
    SIM_REDIS_CANNOT_SAVE, /* -MISCONF */
    SIM_REDIS_CONDITIONS,
};

struct sim_redis {
    struct sim_data data;
    struct sim_scripts *scripts;
    enum sim_redis_condition condition; /* set by sim_redis_set_condition */
    const char *password;               /* NULL: none */
    bool evicts;                        /* says that it throws keys away when it is full */
    const int64_t *now_ms;
    struct sim_redis_link **links; /* the server's ends of connections */
    uint32_t links_count;
    uint64_t arrivals; /* requests so far */
    uint64_t done;     /* of them */
    uint32_t process;  /* grows with each restart */
    struct sim_redis_watcher watcher;
};

void sim_redis_init(struct sim_redis *redis, const int64_t *now_ms);
void sim_redis_free(struct sim_redis *redis);
/* Does what has arrived by now. Clients see to it whenever they are used. */
void sim_redis_serve(struct sim_redis *redis);

/* ---- faults of the server */

void sim_redis_set_condition(struct sim_redis *redis, enum sim_redis_condition condition);
/* The process ends and is started: connections break, what was on its way is lost, scripts are forgotten. The data stay
 * as they are: roll them back for what was not on disk. */
void sim_redis_restart(struct sim_redis *redis);
/* A replica takes over, to which the last `missing` writes, of all shards, had not come. */
void sim_redis_promote(struct sim_redis *redis, uint32_t missing);
/* Removes the shard's keys, as FLUSHALL does; a write like any other, that may be rolled back. */
void sim_redis_flush(struct sim_redis *redis, int32_t shard);
void sim_redis_flush_all(struct sim_redis *redis);
/* How many writes of the shard are in its history, and back to where there were so many. */
uint32_t sim_redis_writes(const struct sim_redis *redis, int32_t shard);
void sim_redis_roll_back(struct sim_redis *redis, int32_t shard, uint32_t writes);
/* A command of somebody else, done at once, such as `SET {bw:GROUP:7}:meta theirs`; true: its answer was no error. */
bool sim_redis_command(struct sim_redis *redis, const char *const *arguments, uint32_t count);

/* ---- what is in it */

/* NULL: nothing was ever written. */
struct sim_tag *sim_redis_tag(const struct sim_redis *redis, int32_t shard);

struct sim_redis_meta {
    bool claimed; /* else there is nothing */
    int64_t epoch, claim, write;
    int64_t changelog_offset; /* OFFSET_NONE: no commit yet */
    struct text shard_record;
    struct text layouts;
};

/* Borrowed until sim_redis_free. */
struct sim_redis_meta sim_redis_meta(const struct sim_redis *redis, int32_t shard);
/* False: it has no such account. The blob is borrowed until sim_redis_free. */
bool sim_redis_find(const struct sim_redis *redis, int32_t shard, struct text account_id, struct stored_blob *ret_blob);
/* Each account in turn; `place` begins at 0. False: that was the last. */
bool sim_redis_next(const struct sim_redis *redis, int32_t shard, uint64_t *place, struct stored_blob *ret_blob);
/* Calls for each account; returns how many there are. */
typedef void sim_redis_visitor(void *context, const struct stored_blob *blob);
uint32_t sim_redis_visit(const struct sim_redis *redis, int32_t shard, sim_redis_visitor *visitor, void *context);
/* Tells the watcher of the write that was done last, if it was one to a shard. */
void sim_redis_tell_write(const struct sim_redis *redis);
/* Whether the deadlines and the sets of waiting accounts say the same as the blobs; NULL: they do. */
const char *sim_redis_disorder(const struct sim_redis *redis, int32_t shard);

/* ---- a client */

struct sim_redis_client {
    struct sim_redis *redis;
    struct sim_redis_link *link; /* NULL: not connected */
    uint32_t process;            /* of the server, to which it is */
    void *context;               /* of the next three */
    /* A script or an EXEC is about to be sent; false: the process died before it did. */
    bool (*sends)(void *context);
    bool (*is_dead)(void *context);
    void (*pass)(void *context, int64_t duration_ms); /* lets time pass */

    /* Faults. A byte may be that of a request or an answer, the connection breaks before it. */
    int64_t request_ms, answer_ms; /* how long they are on their way */
    int64_t cut_after_sent;        /* bytes of requests that still get through; -1: no end */
    int64_t cut_after_received;    /* bytes of answers */
    uint32_t bytes_per_call;       /* no more are taken or given at once; 0: no bound */
};

void sim_redis_client_init(struct sim_redis_client *client, struct sim_redis *redis);
/* Closes. */
void sim_redis_client_free(struct sim_redis_client *client);
/* Breaks the connection: what was sent is still done, if `done`, and what was answered is lost. */
void sim_redis_cut(struct sim_redis_client *client, bool done);
struct redis_transport sim_redis_transport(struct sim_redis_client *client);
