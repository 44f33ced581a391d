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
    int64_t write_acknowledged;   /* as the newest answer to a write said */
    char prefix[PREFIX_SIZE_MAX]; /* `{bw:GROUP:7}:` */
};

enum request_kind { REQUEST_CLAIM, REQUEST_LOAD, REQUEST_DUE, REQUEST_SCAN, REQUEST_WRITE, REQUEST_VERIFY };

/* Accounts in the order of their buckets. */
struct bucketed {
    uint32_t bucket, place;
};

/* How far a write has come (redis_write.c). */
struct write_course {
    struct store_write write; /* its bytes are borrowed, as long as the shard's generation is the request's */
    struct bucketed *order;
    uint32_t from;     /* accounts before it, in that order, have been sent */
    bool meta_is_sent; /* or there is none */
    bool executes;     /* the next answer that is an array or nil is EXEC's */
    bool is_refused;   /* by EXEC: the meta was touched */
    bool anyone_waits; /* there are sets of waiting accounts */
    bool is_done;
};

/* A request that is not answered; its texts lie in its arena. */
struct request {
    struct request *next;
    enum request_kind kind;
    uint64_t ticket;
    uint32_t shard; /* index in the store's shards */
    uint64_t generation;
    struct arena arena;
    enum script script;         /* all but REQUEST_WRITE: the call of it, */
    uint32_t arguments;         /* with so many arguments of its own, */
    struct buffer held_back;    /* until it goes out: while the link is introduced, and a write before it is sent */
    int64_t write;              /* the write number that the (next) answer must show */
    struct write_course course; /* REQUEST_WRITE */
    struct store_claim claim;   /* REQUEST_CLAIM */
    struct text *account_ids;   /* REQUEST_LOAD, in the order that was asked */
    uint32_t *places;           /* REQUEST_LOAD: place in `account_ids` of each value of the answer */
    uint32_t count;
    struct due_query query; /* REQUEST_DUE */
};

struct redis_store {
    struct redis_link link;
    struct owned_shard *shards;
    uint32_t shards_count;
    struct request *first, *last; /* in the order of their answers */
    struct request *unsent;       /* the first that is not wholly sent: a write; NULL: none */
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
/* The accounts, whose buckets those are, in the order of these, and within one in their own. */
void bucketed_sort(const uint32_t *buckets, uint32_t count, struct bucketed *ret_order);
/* How many from `from` on are of one bucket. */
uint32_t bucketed_group(const struct bucketed *order, uint32_t from, uint32_t to);

/* redis_requests.c: the functions of the port that ask. */
enum result redis_claim(void *context, uint64_t ticket, int32_t shard, const struct store_claim *claim,
                        struct error *error);
enum result redis_load(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids, uint32_t count,
                       struct error *error);
enum result redis_load_due(void *context, uint64_t ticket, int32_t shard, const struct due_query *query,
                           struct error *error);
enum result redis_scan(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error);
uint32_t redis_place(void *context, struct text account_id);
enum result redis_verify(void *context, uint64_t ticket, int32_t shard, struct error *error);

/* Begins a request, where the server can be reached; NULL in `ret_request`: it cannot, the next poll says so. */
enum result redis_begin(struct redis_store *store, enum request_kind kind, uint64_t ticket, int32_t shard,
                        struct request **ret_request, struct error *error);
/* Takes the request over, and sends it in its turn. */
enum result redis_enqueue(struct redis_store *store, struct request *request, struct error *error);
/* Sends from the first request on that is not sent, up to the beginning of a write: what is behind that waits until all
 * of it is sent, so that requests take effect in their order. Nothing before the link is introduced. */
void redis_send_on(struct redis_store *store);
void redis_request_free(struct request *request);
enum result redis_out_of_memory(struct error *error);

/* redis_write.c: a write of a commit, in several transactions. */
enum result redis_write(void *context, uint64_t ticket, int32_t shard, const struct store_write *write,
                        struct error *error);
void redis_write_begin(struct redis_store *store, struct request *request);
/* Takes one of its answers, and sends what follows from it. */
bool redis_understand_write(struct redis_store *store, struct request *request, const struct redisReply *reply,
                            struct store_event *ret_event);

/* Cursors: which set, and where in it. */
#define DUE_PHASE_SHIFT   56
#define SCAN_BUCKET_SHIFT 48

/* redis_replies.c: what an answer means. False: nothing that is to be told. */
bool redis_understand(struct redis_store *store, struct request *request, const struct redisReply *reply,
                      struct store_event *ret_event);
/* Whether the three numbers are those that the owner left; where not, the shard is lost. */
bool redis_is_ours(const struct redis_store *store, const struct request *request, const struct redisReply *reply);
bool redis_lose(struct redis_store *store, const struct request *request, const struct redisReply *reply,
                struct store_event *ret_event);
bool redis_become_unavailable(struct redis_store *store, const struct redisReply *error);
