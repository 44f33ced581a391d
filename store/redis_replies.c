#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/planted.h"
#include "store/redis_internal.h"

static struct text text_in(const redisReply *reply) {
    return reply->type == REDIS_REPLY_STRING ? (struct text){reply->str, (uint32_t)reply->len} : TEXT_MISSING;
}

/* A number that is written as text, or -1. */
static int64_t number_in(const redisReply *reply) {
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    return reply->type == REDIS_REPLY_STRING && reply->len > 0 ? strtoll(reply->str, NULL, 10) : -1;
}

static const char *refusal_hint(const char *answer) {
    static const struct {
        const char *code, *hint;
    } hints[] = {
        {"READONLY", "it is a replica: redis.url must name the primary"},
        {"OOM", "its maxmemory is reached: give it more, and keep maxmemory-policy noeviction"},
        {"MISCONF", "it cannot save to its disk, and refuses writes until it can"},
        {"LOADING", "it is reading its data, and will serve when that is done"},
        {"NOSCRIPT", "it was restarted or failed over: the scripts are sent again"},
        {"NOPERM", "the user may not do that: see docs/operations.md for the rights that are needed"},
        {"NOAUTH", "it wants a password: redis.password_file"},
        {"MOVED", "it is a cluster: this version needs one Redis that holds all keys"},
        {"CLUSTERDOWN", "it is a cluster that is down"},
        {"WRONGTYPE", "another product's data lie under these keys: give Bellwether a database of its own"},
        {"BUSY", "a script of somebody blocks it"},
    };
    static const char of_transaction[] = "EXECABORT Transaction discarded because of: ";
    if (strncmp(answer, of_transaction, strlen(of_transaction)) == 0)
        answer += strlen(of_transaction);
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (strncmp(answer, hints[i].code, strlen(hints[i].code)) == 0)
            return hints[i].hint;
    return "it does not serve";
}

bool redis_become_unavailable(struct redis_store *store, const redisReply *error) {
    (void)error_set(&store->reason, RESULT_RETRY, "Redis at %s:%d refused (%s): %s", store->link.options.host,
                    store->link.options.port, error->str, refusal_hint(error->str));
    store->unavailable = true;
    return false;
}

bool redis_is_ours(const struct redis_store *store, const struct request *request, const redisReply *reply) {
    const struct owned_shard *owned = &store->shards[request->shard];
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
        return false;
    bool owner = number_in(reply->element[0]) == owned->epoch && number_in(reply->element[1]) == owned->nonce;
    bool write = number_in(reply->element[2]) == request->write;
    return (owner || PLANTED(owner_unchecked)) && (write || PLANTED(write_number_unchecked));
}

/* A shard's three numbers for a message; -1: there are none. */
struct numbers_text {
    char text[96];
};

static struct numbers_text numbers_text(int64_t epoch, int64_t claim, int64_t write) {
    struct numbers_text numbers;
    if (epoch < 0)
        snprintf(numbers.text, sizeof numbers.text, "nothing");
    else
        snprintf(numbers.text, sizeof numbers.text, "epoch %" PRId64 ", claim %" PRId64 ", write %" PRId64, epoch,
                 claim, write);
    return numbers;
}

bool redis_lose(struct redis_store *store, const struct request *request, const redisReply *reply,
                struct store_event *event) {
    struct owned_shard *owned = &store->shards[request->shard];
    bool whole = reply->type == REDIS_REPLY_ARRAY && reply->elements >= 3;
    struct numbers_text found = whole ? numbers_text(number_in(reply->element[0]), number_in(reply->element[1]),
                                                     number_in(reply->element[2]))
                                      : numbers_text(-1, -1, -1);
    owned->generation++;
    event->kind = STORE_LOST;
    (void)error_set(&event->error, RESULT_RETRY,
                    "Shard %d: Redis at %s:%d does not hold what was left there (%s; expected %s): it was rolled back, "
                    "flushed, or another process owns the shard.",
                    owned->shard, store->link.options.host, store->link.options.port, found.text,
                    numbers_text(owned->epoch, owned->nonce, request->write).text);
    return true;
}

static bool refuse(struct redis_store *store, const struct request *request, const redisReply *reply,
                   struct store_event *event) {
    const struct owned_shard *owned = &store->shards[request->shard];
    const char *verdict = reply->element[0]->str;
    event->kind = STORE_REFUSED;
    event->refusal = strcmp(verdict, "EPOCH") == 0    ? STORE_REFUSED_EPOCH
                     : strcmp(verdict, "OFFSET") == 0 ? STORE_REFUSED_OFFSET
                                                      : STORE_REFUSED_IDENTITY;
    if (event->refusal == STORE_REFUSED_EPOCH)
        (void)error_set(&event->error, RESULT_RETRY,
                        "Shard %d: Redis was claimed with epoch %" PRId64 ", after ours, %" PRId64 ".", owned->shard,
                        event->meta.epoch, request->claim.epoch);
    else if (event->refusal == STORE_REFUSED_OFFSET)
        (void)error_set(&event->error, RESULT_RETRY,
                        "Shard %d: Redis knows of changelog offset %" PRId64 ", the changelog ends at %" PRId64 ".",
                        owned->shard, event->meta.changelog_offset, request->claim.newest_known);
    else
        (void)error_set(
            &event->error, RESULT_RETRY,
            "Shard %d: the data in Redis under %s belong to cluster %.*s with %.*s partitions; this is cluster "
            "%.*s with %d, or the changelog was made anew. Give this group a database of its own, or empty it.",
            owned->shard, owned->prefix, TEXT_ARGUMENTS(text_in(reply->element[1])),
            TEXT_ARGUMENTS(text_in(reply->element[2])), TEXT_ARGUMENTS(request->claim.identity.cluster_id),
            request->claim.identity.partitions);
    return true;
}

/* What the shard's three numbers were before a claim. */
struct former {
    int64_t epoch, nonce, write;
};

/* Whether a new connection finds the shard as the old one may have left it: by the owner's last claim, and no later one
 * that was done without an answer. */
static bool is_continued(const struct owned_shard *owned, const struct former *former) {
    return former->epoch == owned->epoch && former->nonce == owned->nonce &&
           former->write >= owned->write_acknowledged && former->write <= owned->write_sent;
}

static bool lose_claim(struct redis_store *store, struct owned_shard *owned, const struct former *former,
                       struct store_event *event) {
    owned->generation++;
    event->kind = STORE_LOST;
    (void)error_set(&event->error, RESULT_RETRY,
                    "Shard %d: Redis at %s:%d holds %s, and was left at %s or up to write %" PRId64
                    ": it was rolled back or flushed, or a claim was done without an answer.",
                    owned->shard, store->link.options.host, store->link.options.port,
                    numbers_text(former->epoch, former->nonce, former->write).text,
                    numbers_text(owned->epoch, owned->nonce, owned->write_acknowledged).text, owned->write_sent);
    return true;
}

static bool understand_claim(struct redis_store *store, struct request *request, const redisReply *reply,
                             struct store_event *event) {
    struct owned_shard *owned = &store->shards[request->shard];
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 9 || reply->element[0]->type != REDIS_REPLY_STRING)
        return redis_lose(store, request, reply, event);
    struct former former = {number_in(reply->element[3]), number_in(reply->element[4]), number_in(reply->element[5])};
    struct text offset = text_in(reply->element[6]);
    /* A former owner may have claimed the shard and then have ended before it wrote anything. */
    event->meta = (struct store_meta){.exists = offset.size > 0,
                                      .epoch = former.epoch,
                                      .changelog_offset = offset.size == 0 ? OFFSET_NONE : number_in(reply->element[6]),
                                      .shard_record = text_in(reply->element[7]),
                                      .layouts = text_in(reply->element[8])};
    if (strcmp(reply->element[0]->str, "OK") != 0)
        return refuse(store, request, reply, event);
    if (request->claim.again && !PLANTED(claim_unchecked) && !is_continued(owned, &former))
        return lose_claim(store, owned, &former, event);
    event->kind = STORE_CLAIMED;
    owned->epoch = request->claim.epoch;
    owned->nonce = request->claim.nonce;
    owned->write_sent = owned->write_acknowledged = former.write < 0 ? 0 : former.write;
    return true;
}

static bool reserve_blobs(struct redis_store *store, size_t count) {
    if (count <= store->blobs_capacity)
        return true;
    struct stored_blob *blobs = realloc(store->blobs, count * sizeof *blobs);
    if (blobs == NULL)
        return false;
    store->blobs = blobs;
    store->blobs_capacity = (uint32_t)count;
    return true;
}

/* A value that is none of ours. To take its account for one that was never seen would be a guess. */
static bool refuse_damage(struct redis_store *store, const struct request *request, struct text account_id,
                          struct text value, struct store_event *event) {
    struct owned_shard *owned = &store->shards[request->shard];
    owned->generation++;
    event->kind = STORE_REFUSED;
    event->refusal = STORE_REFUSED_DAMAGE;
    (void)error_set(&event->error, RESULT_RETRY,
                    "Shard %d: the state of account %.*s in Redis, in %sb:%u, has %u bytes: it is damaged, or somebody "
                    "removed it. Delete all keys that begin with %s, and start again: the changelog restores them.",
                    owned->shard, TEXT_ARGUMENTS(account_id), owned->prefix, store_bucket(account_id), value.size,
                    owned->prefix);
    return true;
}

static bool is_whole(struct text value) {
    return !text_is_missing(value) && value.size >= VALUE_HEAD_SIZE;
}

/* What a value says that is whole; an absent one is no blob. */
static struct stored_blob blob_of(struct text account_id, struct text value) {
    struct stored_blob blob = {
        .account_id = account_id, .blob = TEXT_MISSING, .changelog_offset = OFFSET_NONE, .due_ms = INSTANT_NEVER};
    if (text_is_missing(value))
        return blob;
    struct cursor cursor = cursor_of(value.data, value.size);
    blob.changelog_offset = (int64_t)cursor_u64(&cursor);
    blob.due_ms = (int64_t)cursor_u64(&cursor);
    blob.waits_for = cursor_u8(&cursor);
    blob.blob = cursor_text(&cursor, cursor_left(&cursor));
    return blob;
}

static bool out_of_memory(struct redis_store *store) {
    (void)error_set(&store->reason, RESULT_RETRY, "Memory is out: an answer of Redis could not be taken.");
    store->unavailable = true;
    return false;
}

static bool understand_load(struct redis_store *store, struct request *request, const redisReply *reply,
                            struct store_event *event) {
    if (reply->elements != 3 + (size_t)request->count)
        return redis_lose(store, request, reply, event);
    if (!reserve_blobs(store, request->count))
        return out_of_memory(store);
    for (uint32_t i = 0; i < request->count; i++) {
        struct text *account_id = &request->account_ids[request->places[i]], value = text_in(reply->element[3 + i]);
        if (!text_is_missing(value) && !is_whole(value))
            return refuse_damage(store, request, *account_id, value, event);
        store->blobs[request->places[i]] = blob_of(*account_id, value);
    }
    event->kind = STORE_LOADED;
    event->blobs = store->blobs;
    event->count = request->count;
    return true;
}

/* Pairs of id and value from element `from` on. */
static bool take_pairs(struct redis_store *store, const struct request *request, const redisReply *reply, size_t from,
                       struct store_event *event) {
    size_t pairs = (reply->elements - from) / 2;
    if (!reserve_blobs(store, pairs))
        return out_of_memory(store);
    event->blobs = store->blobs;
    for (size_t i = 0; i < pairs; i++) {
        struct text account_id = text_in(reply->element[from + 2 * i]),
                    value = text_in(reply->element[from + 2 * i + 1]);
        if (!is_whole(value))
            return refuse_damage(store, request, account_id, value, event);
        store->blobs[event->count++] = blob_of(account_id, value);
    }
    return true;
}

/* The page after the last one of a set: the first of the next stream that is asked for, or 0. */
static uint64_t next_set(uint32_t waits_for, uint32_t phase) {
    for (uint32_t stream = phase; stream < STREAMS; stream++)
        if ((waits_for >> stream & 1) != 0)
            return (uint64_t)(stream + 1) << DUE_PHASE_SHIFT;
    return 0;
}

/* `waits`: streams that accounts wait for; the other sets are empty. */
static uint64_t next_due_cursor(const struct due_query *query, uint64_t answered, uint32_t waits) {
    uint32_t phase = (uint32_t)(query->cursor >> DUE_PHASE_SHIFT);
    uint64_t place = query->cursor & ((UINT64_C(1) << DUE_PHASE_SHIFT) - 1);
    if (phase == 0 && answered >= query->max)
        return place + answered;
    if (phase != 0 && answered != 0)
        return (uint64_t)phase << DUE_PHASE_SHIFT | answered;
    return next_set(query->waits_for & waits, phase);
}

static bool understand_due(struct redis_store *store, struct request *request, const redisReply *reply,
                           struct store_event *event) {
    if (reply->elements < 6)
        return redis_lose(store, request, reply, event);
    struct text following = text_in(reply->element[4]);
    uint32_t waits = (uint32_t)number_in(reply->element[5]);
    event->kind = STORE_DUE;
    event->next_cursor = next_due_cursor(&request->query, (uint64_t)number_in(reply->element[3]), waits);
    event->next_due_ms = following.size == 0 ? INSTANT_NEVER : (int64_t)strtod(following.data, NULL);
    event->waits_left = waits & ~request->query.waits_for;
    return take_pairs(store, request, reply, 6, event);
}

static bool understand_scan(struct redis_store *store, const struct request *request, const redisReply *reply,
                            struct store_event *event) {
    if (reply->elements < 5)
        return redis_lose(store, request, reply, event);
    uint64_t bucket = (uint64_t)number_in(reply->element[3]), within = (uint64_t)number_in(reply->element[4]);
    event->kind = STORE_SCANNED;
    event->next_cursor = bucket == STORE_BUCKETS ? 0 : bucket << SCAN_BUCKET_SHIFT | within;
    return take_pairs(store, request, reply, 5, event);
}

bool redis_understand(struct redis_store *store, struct request *request, const redisReply *reply,
                      struct store_event *ret_event) {
    const struct owned_shard *owned = &store->shards[request->shard];
    if (reply->type == REDIS_REPLY_ERROR)
        return redis_become_unavailable(store, reply);
    if (request->kind == REQUEST_WRITE)
        return redis_understand_write(store, request, reply, ret_event);
    if (request->generation != owned->generation)
        return false;
    *ret_event = (struct store_event){.ticket = request->ticket, .shard = owned->shard};
    if (request->kind == REQUEST_CLAIM)
        return understand_claim(store, request, reply, ret_event);
    if (!redis_is_ours(store, request, reply))
        return redis_lose(store, request, reply, ret_event);
    switch (request->kind) {
    case REQUEST_LOAD:
        return understand_load(store, request, reply, ret_event);
    case REQUEST_DUE:
        return understand_due(store, request, reply, ret_event);
    case REQUEST_SCAN:
        return understand_scan(store, request, reply, ret_event);
    default:
        ret_event->kind = STORE_VERIFIED;
        return true;
    }
}
