/* The store port on Redis: a copy of the changelog, written behind it, fenced by three numbers that every script and
 * every transaction looks at (docs/exactly-once.md).
 *
 * Keys of a shard, all with one hash tag, so in one slot, on one node, in one order of writes:
 *
 *     {bw:GROUP:7}:meta      hash: cluster, changelog, partitions, epoch, claim, write, offset, record
 *     {bw:GROUP:7}:b:N       hash: account id -> changelog offset (8), due tick (8), waits (1), blob
 *     {bw:GROUP:7}:due       sorted set: BUCKET:ID by due tick
 *     {bw:GROUP:7}:wait:S    set: BUCKET:ID of the accounts that wait for stream S
 *
 * Accounts lie in STORE_BUCKETS hashes a shard: about 500 each where a shard has a quarter of a million. One worker's
 * thread; one connection, on which requests are pipelined. */
#pragma once

#include "engine/ports.h"
#include "store/redis_transport.h"

#define STORE_BUCKETS 512

struct redis_options {
    const char *host;
    int port;
    const char *user, *password; /* NULL: none */
    int database;
    const char *group;                       /* the consumer group: part of every key */
    int64_t timeout_ms;                      /* of connecting, and of an answer */
    uint32_t scan_page;                      /* about how many accounts a scan gives at once; 0: as many as is good */
    const struct redis_transport *transport; /* what carries the bytes; NULL: a socket */
};

struct redis_store;

/* Begins to connect at the first request; options are copied. The clock outlives the store. */
MUST_USE enum result redis_store_create(const struct redis_options *options, const struct clock *clock,
                                        struct redis_store **ret_store, struct error *error);
void redis_store_free(struct redis_store *store);
struct store redis_store_port(struct redis_store *store);
