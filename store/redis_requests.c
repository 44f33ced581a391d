#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/number.h"
#include "base/planted.h"
#include "store/redis_command.h"
#include "store/redis_internal.h"

#define SCRIPT_ACCOUNTS_MAX 500 /* of one write: the server does nothing else meanwhile */
#define SCRIPT_BYTES_MAX    (512u << 10)
#define SCAN_PAGE           256

uint32_t store_bucket(struct text account_id) {
    return (uint32_t)(hash_text(account_id) >> 32) % STORE_BUCKETS;
}

static enum result out_of_memory(struct error *error) {
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
    free(request);
}

/* Begins a request, where the server can be reached; NULL in `ret_request`: it cannot, the next poll says so. */
static enum result begin(struct redis_store *store, enum request_kind kind, uint64_t ticket, int32_t shard,
                         struct request **ret_request, struct error *error) {
    struct error reason;
    *ret_request = NULL;
    struct owned_shard *owned = own(store, shard);
    struct request *request = owned == NULL ? NULL : calloc(1, sizeof *request);
    if (request == NULL)
        return out_of_memory(error);
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
    request->write = owned->write_sent;
    *ret_request = request;
    return RESULT_OK;
}

static void enqueue(struct redis_store *store, struct request *request) {
    if (store->last == NULL)
        store->first = request;
    else
        store->last->next = request;
    store->last = request;
}

/* EVALSHA with the shard's meta as its key; `arguments` follow. */
static struct buffer *call(struct redis_store *store, const struct request *request, enum script script,
                           uint32_t arguments) {
    struct buffer *out = &store->link.out;
    char meta[PREFIX_SIZE_MAX + 8];
    snprintf(meta, sizeof meta, "%smeta", store->shards[request->shard].prefix);
    redis_command_begin(out, 4 + arguments);
    redis_command_string(out, "EVALSHA");
    redis_command_string(out, store->link.hashes[script]);
    redis_command_string(out, "1");
    redis_command_string(out, meta);
    return out;
}

static const char *prefix_of(const struct redis_store *store, const struct request *request) {
    return store->shards[request->shard].prefix;
}

enum result redis_claim(void *context, uint64_t ticket, int32_t shard, const struct store_claim *claim,
                        struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = begin(store, REQUEST_CLAIM, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    const struct identity *identity = &claim->identity;
    request->claim = *claim;
    request->generation = ++store->shards[request->shard].generation;
    struct buffer *out = call(store, request, SCRIPT_CLAIM, 6);
    redis_command_text(out, identity->cluster_id);
    redis_command_text(out, (struct text){(const char *)identity->changelog_id, CHANGELOG_ID_SIZE});
    redis_command_integer(out, identity->partitions);
    redis_command_integer(out, claim->epoch);
    redis_command_integer(out, claim->newest_known);
    redis_command_integer(out, claim->nonce);
    enqueue(store, request);
    return RESULT_OK;
}

/* Accounts in the order of their buckets. */
struct bucketed {
    uint32_t bucket, place;
};

static int by_bucket(const void *left, const void *right) {
    const struct bucketed *a = left, *b = right;
    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

static uint32_t group_size(const struct bucketed *order, uint32_t from, uint32_t to) {
    uint32_t end = from;
    while (end < to && order[end].bucket == order[from].bucket)
        end++;
    return end - from;
}

static uint32_t groups_in(const struct bucketed *order, uint32_t from, uint32_t to) {
    uint32_t groups = 0;
    for (; from < to; from += group_size(order, from, to))
        groups++;
    return groups;
}

static bool copy_ids(struct request *request, const struct text *account_ids, uint32_t count,
                     struct bucketed **ret_order) {
    struct bucketed *order = arena_alloc(&request->arena, count * sizeof *order);
    request->account_ids = arena_alloc(&request->arena, count * sizeof *request->account_ids);
    request->places = arena_alloc(&request->arena, count * sizeof *request->places);
    if (order == NULL || request->account_ids == NULL || request->places == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = (struct bucketed){store_bucket(account_ids[i]), i};
        request->account_ids[i] = arena_text(&request->arena, account_ids[i]);
        if (text_is_missing(request->account_ids[i]))
            return false;
    }
    request->count = count;
    *ret_order = order;
    return true;
}

enum result redis_load(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids, uint32_t count,
                       struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    struct bucketed *order;
    enum result result = begin(store, REQUEST_LOAD, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    if (!copy_ids(request, account_ids, count, &order)) {
        redis_request_free(request);
        return out_of_memory(error);
    }
    qsort(order, count, sizeof *order, by_bucket);
    struct buffer *out = call(store, request, SCRIPT_LOAD, 1 + 2 * groups_in(order, 0, count) + count);
    redis_command_string(out, prefix_of(store, request));
    for (uint32_t from = 0, size; from < count; from += size) {
        size = group_size(order, from, count);
        redis_command_integer(out, order[from].bucket);
        redis_command_integer(out, size);
        for (uint32_t i = from; i < from + size; i++) {
            redis_command_text(out, account_ids[order[i].place]);
            request->places[i] = order[i].place;
        }
    }
    enqueue(store, request);
    return RESULT_OK;
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
    enum result result = begin(store, REQUEST_DUE, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    request->query = *query;
    struct buffer *out = call(store, request, SCRIPT_DUE, 5);
    redis_command_string(out, prefix_of(store, request));
    redis_command_integer(out, query->tick_ms);
    redis_command_integer(out, (int64_t)(query->cursor & ((UINT64_C(1) << DUE_PHASE_SHIFT) - 1)));
    redis_command_integer(out, query->max);
    if (due_stream(query->cursor) == STREAMS)
        redis_command_string(out, "");
    else
        redis_command_integer(out, due_stream(query->cursor));
    enqueue(store, request);
    return RESULT_OK;
}

enum result redis_scan(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = begin(store, REQUEST_SCAN, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    struct buffer *out = call(store, request, SCRIPT_SCAN, 5);
    redis_command_string(out, prefix_of(store, request));
    redis_command_integer(out, (int64_t)(cursor >> SCAN_BUCKET_SHIFT));
    redis_command_integer(out, (int64_t)(cursor & ((UINT64_C(1) << SCAN_BUCKET_SHIFT) - 1)));
    redis_command_integer(out, store->link.options.scan_page > 0 ? store->link.options.scan_page : SCAN_PAGE);
    redis_command_integer(out, STORE_BUCKETS);
    enqueue(store, request);
    return RESULT_OK;
}

enum result redis_verify(void *context, uint64_t ticket, int32_t shard, struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = begin(store, REQUEST_VERIFY, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    call(store, request, SCRIPT_VERIFY, 0);
    enqueue(store, request);
    return RESULT_OK;
}

/* Where deadlines and waits name an account: its bucket leads to its blob. */
static void put_member(struct buffer *out, const struct bucketed *at, const struct store_write *write) {
    char room[INTEGER_TEXT_MAX + 1];
    struct text bucket = decimal_format(at->bucket, room);
    room[INTEGER_TEXT_MAX] = ':';
    redis_command_pieces(out, (struct text){bucket.data, bucket.size + 1}, write->blobs[at->place].account_id);
}

static void put_blob(struct buffer *out, const struct stored_blob *blob) {
    uint8_t head[VALUE_HEAD_SIZE];
    memcpy(head, &blob->changelog_offset, 8);
    memcpy(head + 8, &blob->due_ms, 8);
    head[16] = (uint8_t)blob->waits_for;
    redis_command_text(out, blob->account_id);
    redis_command_pieces(out, (struct text){(const char *)head, sizeof head}, blob->blob);
}

/* What is said of an account beside its blob; nothing, where the store has it already. */
enum telling { TELL_NOTHING, TELL_DUE, TELL_NEVER_DUE };

static enum telling telling_of(const struct stored_blob *blob) {
    if (blob->deadline_is_stored)
        return TELL_NOTHING;
    return blob->due_ms == INSTANT_NEVER ? TELL_NEVER_DUE : TELL_DUE;
}

static bool tells_waits(const struct stored_blob *blob) {
    return !blob->deadline_is_stored && blob->waits_for != 0;
}

/* The accounts [from, to) of a write in the order of their buckets, and what is to be said of how many. */
struct part {
    const struct store_write *write;
    const struct bucketed *order;
    uint32_t from, to;
    uint32_t due, never_due, waits, groups;
};

static struct part part_of(const struct store_write *write, const struct bucketed *order, uint32_t from, uint32_t to) {
    struct part part = {.write = write, .order = order, .from = from, .to = to};
    for (uint32_t i = from; i < to; i++) {
        const struct stored_blob *blob = &write->blobs[order[i].place];
        part.due += telling_of(blob) == TELL_DUE;
        part.never_due += telling_of(blob) == TELL_NEVER_DUE;
        part.waits += tells_waits(blob);
    }
    part.groups = groups_in(order, from, to);
    return part;
}

static uint32_t part_arguments(const struct part *part) {
    uint32_t count = part->to - part->from;
    return 3 + 2 * part->due + part->never_due + 2 * part->waits + 2 * part->groups + 2 * count;
}

static void put_deadlines(struct buffer *out, const struct part *part) {
    redis_command_integer(out, part->due);
    for (uint32_t i = part->from; i < part->to; i++) {
        const struct stored_blob *blob = &part->write->blobs[part->order[i].place];
        if (telling_of(blob) != TELL_DUE)
            continue;
        redis_command_integer(out, blob->due_ms);
        put_member(out, &part->order[i], part->write);
    }
    redis_command_integer(out, part->never_due);
    for (uint32_t i = part->from; i < part->to; i++)
        if (telling_of(&part->write->blobs[part->order[i].place]) == TELL_NEVER_DUE)
            put_member(out, &part->order[i], part->write);
}

static void put_waits(struct buffer *out, const struct part *part) {
    redis_command_integer(out, part->waits);
    for (uint32_t i = part->from; i < part->to && part->waits > 0; i++) {
        const struct stored_blob *blob = &part->write->blobs[part->order[i].place];
        if (!tells_waits(blob))
            continue;
        put_member(out, &part->order[i], part->write);
        redis_command_integer(out, blob->waits_for);
    }
}

static void put_groups(struct buffer *out, const struct part *part) {
    for (uint32_t from = part->from, size; from < part->to; from += size) {
        size = group_size(part->order, from, part->to);
        redis_command_integer(out, part->order[from].bucket);
        redis_command_integer(out, size);
        for (uint32_t i = from; i < from + size; i++)
            put_blob(out, &part->write->blobs[part->order[i].place]);
    }
}

/* One script's part of a write; with the last one the meta. */
static void write_part(struct redis_store *store, const struct request *request, const struct part *part,
                       bool with_meta) {
    struct owned_shard *owned = &store->shards[request->shard];
    struct buffer *out = call(store, request, SCRIPT_WRITE, 6 + part_arguments(part));
    redis_command_string(out, owned->prefix);
    redis_command_integer(out, owned->epoch);
    redis_command_integer(out, owned->nonce);
    redis_command_integer(out, owned->write_sent);
    if (with_meta)
        redis_command_integer(out, part->write->changelog_offset);
    else
        redis_command_string(out, "");
    redis_command_text(out, with_meta ? part->write->shard_record : (struct text){"", 0});
    put_deadlines(out, part);
    put_waits(out, part);
    put_groups(out, part);
    owned->write_sent++;
}

/* How many accounts from `from` on fit into one script. */
static uint32_t script_end(const struct store_write *write, const struct bucketed *order, uint32_t from,
                           uint32_t count) {
    uint32_t end = from;
    size_t bytes = 0;
    while (end < count && end - from < (PLANTED(meta_before_blobs) ? 1 : SCRIPT_ACCOUNTS_MAX) &&
           bytes < SCRIPT_BYTES_MAX)
        bytes += write->blobs[order[end++].place].blob.size;
    return end;
}

uint32_t redis_place(void *context, struct text account_id) {
    (void)context;
    return store_bucket(account_id);
}

enum result redis_write(void *context, uint64_t ticket, int32_t shard, const struct store_write *write,
                        struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = begin(store, REQUEST_WRITE, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    struct bucketed *order = arena_alloc(&request->arena, write->count * sizeof *order);
    if (order == NULL) {
        redis_request_free(request);
        return out_of_memory(error);
    }
    uint32_t from = 0;
    for (uint32_t i = 0; i < write->count; i++)
        order[i] = (struct bucketed){store_bucket(write->blobs[i].account_id), i};
    qsort(order, write->count, sizeof *order, by_bucket);
    do {
        uint32_t to = script_end(write, order, from, write->count);
        struct part part = part_of(write, order, from, to);
        bool edge = PLANTED(meta_before_blobs) ? from == 0 : to == write->count;
        write_part(store, request, &part, write->has_meta && edge);
        request->scripts_left++;
        from = to;
    } while (from < write->count);
    enqueue(store, request);
    return RESULT_OK;
}
