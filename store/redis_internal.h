/* The insides of the Redis store, shared by its files only. */
#pragma once

#include "base/arena.h"
#include "engine/core/engine.h"
#include "store/redis_link.h"

#define PREFIX_SIZE_MAX 320

/* What the owner knows of a shard's three numbers. */
struct owned_shard {
    int32_t shard;
    uint64_t generation;          /* grows with each claim and release: answers to older requests are nobody's */
    int64_t epoch, nonce;         /* of the claim */
    int64_t write_sent;           /* the write number once all that was sent is done */
    int64_t write_acknowledged;   /* as the newest answer said */
    char prefix[PREFIX_SIZE_MAX]; /* `{bw:GROUP:7}:` */
};

enum request_kind { REQUEST_CLAIM, REQUEST_LOAD, REQUEST_DUE, REQUEST_SCAN, REQUEST_WRITE, REQUEST_VERIFY };

/* A request whose answer is awaited; its texts lie in its arena. */
struct request {
    struct request *next;
    enum request_kind kind;
    uint64_t ticket;
    uint32_t shard; /* index in the store's shards */
    uint64_t generation;
    struct arena arena;
    uint32_t scripts_left;    /* REQUEST_WRITE */
    int64_t write;            /* the write number that the (next) answer must show */
    struct store_claim claim; /* REQUEST_CLAIM */
    struct text *account_ids; /* REQUEST_LOAD, in the order that was asked */
    uint32_t *places;         /* REQUEST_LOAD: place in `account_ids` of each value of the answer */
    uint32_t count;
    struct due_query query; /* REQUEST_DUE */
};

struct redis_store {
    struct redis_link link;
    struct owned_shard *shards;
    uint32_t shards_count;
    struct request *first, *last; /* in the order of their answers */
    struct request *answered;     /* the one whose answer is lent out */
    struct redisReply *reply;     /* lent out */
    struct stored_blob *blobs;    /* lent out */
    uint32_t blobs_capacity;
    bool unavailable;    /* to be said at the next poll */
    struct error reason; /* of it */
};

/* Each value begins with this, little-endian: changelog offset, due tick, waits. */
#define VALUE_HEAD_SIZE 17

uint32_t store_bucket(struct text account_id);

/* redis_requests.c: the functions of the port that ask. */
enum result redis_claim(void *context, uint64_t ticket, int32_t shard, const struct store_claim *claim,
                        struct error *error);
enum result redis_load(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids, uint32_t count,
                       struct error *error);
enum result redis_load_due(void *context, uint64_t ticket, int32_t shard, const struct due_query *query,
                           struct error *error);
enum result redis_scan(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error);
enum result redis_write(void *context, uint64_t ticket, int32_t shard, const struct store_write *write,
                        struct error *error);
uint32_t redis_place(void *context, struct text account_id);
enum result redis_verify(void *context, uint64_t ticket, int32_t shard, struct error *error);

/* Cursors: which set, and where in it. */
#define DUE_PHASE_SHIFT   56
#define SCAN_BUCKET_SHIFT 48

/* redis_replies.c: what an answer means. False: nothing that is to be told. */
bool redis_understand(struct redis_store *store, struct request *request, const struct redisReply *reply,
                      struct store_event *ret_event);
void redis_request_free(struct request *request);
