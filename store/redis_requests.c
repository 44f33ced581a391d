#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/number.h"
#include "store/redis_command.h"
#include "store/redis_internal.h"

#define SCAN_PAGE 256

uint32_t store_bucket(struct text account_id) {
    return (uint32_t)(hash_text(account_id) >> 32) % STORE_BUCKETS;
}

enum result redis_out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a request to Redis could not be made.");
}

/* The shard's entry; made where there is none yet. NULL: memory is out. */
static struct owned_shard *own(struct redis_store *store, int32_t shard) {
    for (uint32_t i = 0; i < store->shards_count; i++)
        if (store->shards[i].shard == shard)
            return &store->shards[i];
    struct owned_shard *shards = realloc(store->shards, (store->shards_count + 1) * sizeof *shards);
    if (shards == NULL)
        return NULL;
    store->shards = shards;
    struct owned_shard *added = &shards[store->shards_count++];
    *added = (struct owned_shard){.shard = shard};
    snprintf(added->prefix, sizeof added->prefix, "{bw:%s:%d}:", store->link.options.group, shard);
    return added;
}

void redis_request_free(struct request *request) {
    if (request == NULL)
        return;
    arena_free(&request->arena);
    buffer_free(&request->held_back);
    free(request);
}

enum result redis_begin(struct redis_store *store, enum request_kind kind, uint64_t ticket, int32_t shard,
                        struct request **ret_request, struct error *error) {
    struct error reason;
    *ret_request = NULL;
    struct owned_shard *owned = own(store, shard);
    struct request *request = owned == NULL ? NULL : calloc(1, sizeof *request);
    if (request == NULL)
        return redis_out_of_memory(error);
    if (store->unavailable || redis_link_open(&store->link, &reason) != RESULT_OK) {
        if (!store->unavailable && reason.text[0] != '\0')
            store->reason = reason;
        store->unavailable = true;
        free(request);
        return RESULT_OK;
    }
    request->kind = kind;
    request->ticket = ticket;
    request->shard = (uint32_t)(owned - store->shards);
    request->generation = owned->generation;
    *ret_request = request;
    return RESULT_OK;
}

/* EVALSHA with the shard's meta as its key, up to the script's own arguments. */
static void put_call(const struct redis_store *store, const struct request *request, struct buffer *out) {
    char meta[PREFIX_SIZE_MAX + 8];
    snprintf(meta, sizeof meta, "%smeta", store->shards[request->shard].prefix);
    redis_command_begin(out, 4 + request->arguments);
    redis_command_string(out, "EVALSHA");
    redis_command_string(out, store->link.hashes[request->script]);
    redis_command_string(out, "1");
    redis_command_string(out, meta);
}

void redis_send_on(struct redis_store *store) {
    if (!redis_link_is_introduced(&store->link))
        return;
    for (; store->unsent != NULL; store->unsent = store->unsent->next) {
        struct request *request = store->unsent;
        if (request->kind == REQUEST_WRITE) {
            redis_write_begin(store, request);
            return;
        }
        request->write = store->shards[request->shard].write_sent;
        put_call(store, request, &store->link.out);
        buffer_put(&store->link.out, request->held_back.data, request->held_back.size);
        buffer_free(&request->held_back);
    }
}

enum result redis_enqueue(struct redis_store *store, struct request *request, struct error *error) {
    if (!buffer_ok(&request->held_back)) {
        redis_request_free(request);
        return redis_out_of_memory(error);
    }
    if (store->last == NULL)
        store->first = request;
    else
        store->last->next = request;
    store->last = request;
    if (store->unsent == NULL) {
        store->unsent = request;
        redis_send_on(store);
    }
    return RESULT_OK;
}

/* The buffer for the script's arguments, of which there are so many. */
static struct buffer *call(struct request *request, enum script script, uint32_t arguments) {
    request->script = script;
    request->arguments = arguments;
    return &request->held_back;
}

static const char *prefix_of(const struct redis_store *store, const struct request *request) {
    return store->shards[request->shard].prefix;
}

enum result redis_claim(void *context, uint64_t ticket, int32_t shard, const struct store_claim *claim,
                        struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = redis_begin(store, REQUEST_CLAIM, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    const struct identity *identity = &claim->identity;
    request->claim = *claim;
    request->generation = ++store->shards[request->shard].generation;
    struct buffer *out = call(request, SCRIPT_CLAIM, 6);
    redis_command_text(out, identity->cluster_id);
    redis_command_text(out, (struct text){(const char *)identity->changelog_id, CHANGELOG_ID_SIZE});
    redis_command_integer(out, identity->partitions);
    redis_command_integer(out, claim->epoch);
    redis_command_integer(out, claim->newest_known);
    redis_command_integer(out, claim->nonce);
    return redis_enqueue(store, request, error);
}

void bucketed_sort(const uint32_t *buckets, uint32_t count, struct bucketed *ret_order) {
    uint32_t next[STORE_BUCKETS + 1] = {0}; /* where a bucket's next account goes; first, how many the one before has */
    for (uint32_t i = 0; i < count; i++)
        next[buckets[i] + 1]++;
    for (uint32_t bucket = 1; bucket < STORE_BUCKETS; bucket++)
        next[bucket] += next[bucket - 1];
    for (uint32_t i = 0; i < count; i++)
        ret_order[next[buckets[i]]++] = (struct bucketed){buckets[i], i};
}

uint32_t bucketed_group(const struct bucketed *order, uint32_t from, uint32_t to) {
    uint32_t end = from;
    while (end < to && order[end].bucket == order[from].bucket)
        end++;
    return end - from;
}

static uint32_t groups_in(const struct bucketed *order, uint32_t from, uint32_t to) {
    uint32_t groups = 0;
    for (; from < to; from += bucketed_group(order, from, to))
        groups++;
    return groups;
}

static bool copy_ids(struct request *request, const struct text *account_ids, uint32_t count,
                     struct bucketed **ret_order) {
    struct bucketed *order = arena_take(&request->arena, count * sizeof *order);
    uint32_t *buckets = arena_take(&request->arena, count * sizeof *buckets);
    request->account_ids = arena_alloc(&request->arena, count * sizeof *request->account_ids);
    request->places = arena_alloc(&request->arena, count * sizeof *request->places);
    if (order == NULL || buckets == NULL || request->account_ids == NULL || request->places == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        buckets[i] = store_bucket(account_ids[i]);
        request->account_ids[i] = arena_text(&request->arena, account_ids[i]);
        if (text_is_missing(request->account_ids[i]))
            return false;
    }
    bucketed_sort(buckets, count, order);
    request->count = count;
    *ret_order = order;
    return true;
}

enum result redis_load(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids, uint32_t count,
                       struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    struct bucketed *order;
    enum result result = redis_begin(store, REQUEST_LOAD, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    if (!copy_ids(request, account_ids, count, &order)) {
        redis_request_free(request);
        return redis_out_of_memory(error);
    }
    struct buffer *out = call(request, SCRIPT_LOAD, 1 + 2 * groups_in(order, 0, count) + count);
    redis_command_string(out, prefix_of(store, request));
    for (uint32_t from = 0, size; from < count; from += size) {
        size = bucketed_group(order, from, count);
        redis_command_integer(out, order[from].bucket);
        redis_command_integer(out, size);
        for (uint32_t i = from; i < from + size; i++) {
            redis_command_text(out, account_ids[order[i].place]);
            request->places[i] = order[i].place;
        }
    }
    return redis_enqueue(store, request, error);
}

/* The stream of a page of waiting accounts; STREAMS: it is a page of due ones. */
static uint32_t due_stream(uint64_t cursor) {
    uint32_t phase = (uint32_t)(cursor >> DUE_PHASE_SHIFT);
    return phase == 0 ? STREAMS : phase - 1;
}

enum result redis_load_due(void *context, uint64_t ticket, int32_t shard, const struct due_query *query,
                           struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = redis_begin(store, REQUEST_DUE, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    request->query = *query;
    struct buffer *out = call(request, SCRIPT_DUE, 5);
    redis_command_string(out, prefix_of(store, request));
    redis_command_integer(out, query->tick_ms);
    redis_command_integer(out, (int64_t)(query->cursor & ((UINT64_C(1) << DUE_PHASE_SHIFT) - 1)));
    redis_command_integer(out, query->max);
    if (due_stream(query->cursor) == STREAMS)
        redis_command_string(out, "");
    else
        redis_command_integer(out, due_stream(query->cursor));
    return redis_enqueue(store, request, error);
}

enum result redis_scan(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = redis_begin(store, REQUEST_SCAN, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    struct buffer *out = call(request, SCRIPT_SCAN, 5);
    redis_command_string(out, prefix_of(store, request));
    redis_command_integer(out, (int64_t)(cursor >> SCAN_BUCKET_SHIFT));
    redis_command_integer(out, (int64_t)(cursor & ((UINT64_C(1) << SCAN_BUCKET_SHIFT) - 1)));
    redis_command_integer(out, store->link.options.scan_page > 0 ? store->link.options.scan_page : SCAN_PAGE);
    redis_command_integer(out, STORE_BUCKETS);
    return redis_enqueue(store, request, error);
}

enum result redis_verify(void *context, uint64_t ticket, int32_t shard, struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = redis_begin(store, REQUEST_VERIFY, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    call(request, SCRIPT_VERIFY, 0);
    return redis_enqueue(store, request, error);
}

uint32_t redis_place(void *context, struct text account_id) {
    (void)context;
    return store_bucket(account_id);
}
