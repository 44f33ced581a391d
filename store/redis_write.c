/* A write: transactions of the server's, one after the other, each behind a look at the shard's meta. As scripts they
 * would take the server twice the time, since Lua copies what passes through it.
 *
 *     UNWATCH
 *     look           WATCH meta; EXISTS wait:0 ... wait:5; HMGET meta epoch claim write
 *     transaction    MULTI; HSET b:N ...; ZADD and ZREM due ...; SREM and SADD wait:S ...; HSET meta write W; EXEC
 *     look           ...
 *     transaction    MULTI; HSET meta write W offset O record R [layouts L]; EXEC
 *     last look      HMGET meta epoch claim write
 *
 * A transaction is sent once the look before it has shown the three numbers as the owner left them. The server does it
 * only if nobody has touched the meta since that look, which whoever changes anything of the shard does: a claim, a
 * write, a flush, and data that are exchanged for older ones. EXEC ends the watch, so that each transaction needs its
 * own look; it is sent right behind the one before.
 *
 * A command that fails within a transaction keeps the others from nothing. So the meta moves in a transaction of its
 * own, when the answers to all before it have been seen. */
#include <hiredis/hiredis.h>

#include "base/number.h"
#include "base/planted.h"
#include "base/prefetch.h"
#include "store/redis_command.h"
#include "store/redis_internal.h"

#define PART_ACCOUNTS_MAX 500 /* of one transaction: the server does nothing else meanwhile */
#define PART_BYTES_MAX    (512u << 10)

/* Blobs lie where they were encoded, long ago, and are taken in the order of their buckets: each is asked for so many
 * before its turn. */
#define PUT_SOON       4
#define LOOKED_AT_SOON 16

static void prefetch_text(struct text text) {
    prefetch_bytes(text.data, text.size);
}

/* ---- commands, of a shard's keys */

static void put_command(struct buffer *out, const char *name, uint32_t arguments) {
    redis_command_begin(out, 1 + arguments);
    redis_command_string(out, name);
}

static void put_key(struct buffer *out, const struct owned_shard *owned, const char *name) {
    redis_command_pieces(out, text_of(owned->prefix), text_of(name));
}

/* `b:17`, `wait:3`: there is one for each account or two, so that it is made without printf. */
static void put_numbered_key(struct buffer *out, const struct owned_shard *owned, const char *name, uint32_t number) {
    char key[32], room[INTEGER_TEXT_MAX];
    size_t size = strlen(name);
    struct text digits = decimal_format(number, room);
    memcpy(key, name, size);
    key[size] = ':';
    memcpy(key + size + 1, digits.data, digits.size);
    redis_command_pieces(out, text_of(owned->prefix), (struct text){key, (uint32_t)size + 1 + digits.size});
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

/* ---- parts: the accounts of one transaction */

/* What is said of an account beside its blob; nothing, where the store has it already. */
enum telling { TELL_NOTHING, TELL_DUE, TELL_NEVER_DUE };

static enum telling telling_of(const struct stored_blob *blob) {
    if (blob->deadline_is_stored)
        return TELL_NOTHING;
    return blob->due_ms == INSTANT_NEVER ? TELL_NEVER_DUE : TELL_DUE;
}

static bool tells_waiting(const struct stored_blob *blob, uint32_t stream) {
    return !blob->deadline_is_stored && (blob->waits_for >> stream & 1) != 0;
}

/* The accounts [from, to) in the order of their buckets, and what is to be said of how many. */
struct part {
    const struct owned_shard *owned;
    const struct store_write *write;
    const struct bucketed *order;
    uint32_t from, to;
    uint32_t due, never_due, waiting[STREAMS];
};

static const struct stored_blob *blob_at(const struct part *part, uint32_t place) {
    return &part->write->blobs[part->order[place].place];
}

static void count_tellings(struct part *part) {
    for (uint32_t i = part->from; i < part->to; i++) {
        const struct stored_blob *blob = blob_at(part, i);
        part->due += telling_of(blob) == TELL_DUE;
        part->never_due += telling_of(blob) == TELL_NEVER_DUE;
        for (uint32_t stream = 0; stream < STREAMS; stream++)
            part->waiting[stream] += tells_waiting(blob, stream);
    }
}

static void prefetch_blob(const struct part *part, uint32_t place) {
    if (place >= part->to)
        return;
    const struct stored_blob *blob = blob_at(part, place);
    prefetch_text(blob->account_id);
    prefetch_text(blob->blob);
}

static void put_blobs(struct buffer *out, const struct part *part) {
    for (uint32_t i = 0; i < PUT_SOON; i++)
        prefetch_blob(part, part->from + i);
    for (uint32_t from = part->from, size; from < part->to; from += size) {
        size = bucketed_group(part->order, from, part->to);
        put_command(out, "HSET", 1 + 2 * size);
        put_numbered_key(out, part->owned, "b", part->order[from].bucket);
        for (uint32_t i = from; i < from + size; i++) {
            prefetch_blob(part, i + PUT_SOON);
            put_blob(out, blob_at(part, i));
        }
    }
}

/* The members of those of whom so much is told; deadlines with their score. */
static void put_members(struct buffer *out, const struct part *part, enum telling telling, bool with_score) {
    for (uint32_t i = part->from; i < part->to; i++) {
        if (telling_of(blob_at(part, i)) != telling)
            continue;
        if (with_score)
            redis_command_integer(out, blob_at(part, i)->due_ms);
        put_member(out, &part->order[i], part->write);
    }
}

static void put_deadlines(struct buffer *out, const struct part *part) {
    if (part->due > 0) {
        put_command(out, "ZADD", 1 + 2 * part->due);
        put_key(out, part->owned, "due");
        put_members(out, part, TELL_DUE, true);
    }
    if (part->never_due > 0) {
        put_command(out, "ZREM", 1 + part->never_due);
        put_key(out, part->owned, "due");
        put_members(out, part, TELL_NEVER_DUE, false);
    }
}

/* Whoever waited does not any more, but for those that are told to. */
static void put_waits(struct buffer *out, const struct part *part, bool anyone_waits) {
    for (uint32_t stream = 0; stream < STREAMS && anyone_waits && part->due + part->never_due > 0; stream++) {
        put_command(out, "SREM", 1 + part->due + part->never_due);
        put_numbered_key(out, part->owned, "wait", stream);
        put_members(out, part, TELL_DUE, false);
        put_members(out, part, TELL_NEVER_DUE, false);
    }
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        if (part->waiting[stream] == 0)
            continue;
        put_command(out, "SADD", 1 + part->waiting[stream]);
        put_numbered_key(out, part->owned, "wait", stream);
        for (uint32_t i = part->from; i < part->to; i++)
            if (tells_waiting(blob_at(part, i), stream))
                put_member(out, &part->order[i], part->write);
    }
}

/* How far the part goes that begins where the last one ended. */
static uint32_t part_end(const struct write_course *course) {
    uint32_t end = course->from, accounts_max = PLANTED(meta_before_blobs) ? 1 : PART_ACCOUNTS_MAX;
    size_t bytes = 0;
    while (end < course->write.count && end - course->from < accounts_max && bytes < PART_BYTES_MAX) {
        if (end + LOOKED_AT_SOON < course->write.count)
            prefetch_bytes(&course->write.blobs[course->order[end + LOOKED_AT_SOON].place],
                           sizeof *course->write.blobs);
        bytes += course->write.blobs[course->order[end++].place].blob.size;
    }
    return end;
}

/* ---- what is sent, step by step */

static void put_look(struct redis_store *store, struct request *request, bool watches) {
    struct buffer *out = &store->link.out;
    const struct owned_shard *owned = &store->shards[request->shard];
    if (watches) {
        put_command(out, "WATCH", 1);
        put_key(out, owned, PLANTED(watch_left_out) ? "nothing" : "meta");
        put_command(out, "EXISTS", STREAMS);
        for (uint32_t stream = 0; stream < STREAMS; stream++)
            put_numbered_key(out, owned, "wait", stream);
    }
    put_command(out, "HMGET", 4);
    put_key(out, owned, "meta");
    redis_command_string(out, "epoch");
    redis_command_string(out, "claim");
    redis_command_string(out, "write");
    request->write = owned->write_sent;
}

static void put_part(struct buffer *out, const struct owned_shard *owned, struct write_course *course) {
    struct part part = {
        .owned = owned, .write = &course->write, .order = course->order, .from = course->from, .to = part_end(course)};
    count_tellings(&part);
    put_blobs(out, &part);
    put_deadlines(out, &part);
    put_waits(out, &part, course->anyone_waits);
    course->from = part.to;
}

static void put_meta(struct buffer *out, const struct owned_shard *owned, const struct store_write *moves_to) {
    bool has_layouts = moves_to != NULL && moves_to->layouts.size > 0;
    put_command(out, "HSET", moves_to == NULL ? 3 : has_layouts ? 9 : 7);
    put_key(out, owned, "meta");
    redis_command_string(out, "write");
    redis_command_integer(out, owned->write_sent);
    if (moves_to == NULL)
        return;
    redis_command_string(out, "offset");
    redis_command_integer(out, moves_to->changelog_offset);
    redis_command_string(out, "record");
    redis_command_text(out, moves_to->shard_record);
    if (!has_layouts)
        return;
    redis_command_string(out, "layouts");
    redis_command_text(out, moves_to->layouts);
}

static bool is_wholly_sent(const struct write_course *course) {
    return course->from == course->write.count && course->meta_is_sent;
}

/* The next transaction, and the look behind it. */
static void put_transaction(struct redis_store *store, struct request *request) {
    struct buffer *out = &store->link.out;
    struct owned_shard *owned = &store->shards[request->shard];
    struct write_course *course = &request->course;
    bool moves_meta = !course->meta_is_sent && (course->from == course->write.count || PLANTED(meta_before_blobs));
    owned->write_sent++;
    put_command(out, "MULTI", 0);
    if (!moves_meta)
        put_part(out, owned, course);
    put_meta(out, owned, moves_meta ? &course->write : NULL);
    put_command(out, "EXEC", 0);
    course->meta_is_sent |= moves_meta;
    course->executes = true;
    put_look(store, request, !is_wholly_sent(course) && !PLANTED(watch_not_renewed));
}

/* What comes behind the write need not wait any longer. */
static void let_pass(struct redis_store *store, const struct request *request) {
    if (store->unsent != request)
        return;
    store->unsent = request->next;
    redis_send_on(store);
}

void redis_write_begin(struct redis_store *store, struct request *request) {
    put_command(&store->link.out, "UNWATCH", 0); /* The watch of a write that was given up. */
    put_look(store, request, true);
}

enum result redis_write(void *context, uint64_t ticket, int32_t shard, const struct store_write *write,
                        struct error *error) {
    struct redis_store *store = context;
    struct request *request;
    enum result result = redis_begin(store, REQUEST_WRITE, ticket, shard, &request, error);
    if (request == NULL)
        return result;
    struct bucketed *order = arena_take(&request->arena, write->count * sizeof *order);
    uint32_t *buckets = arena_take(&request->arena, write->count * sizeof *buckets);
    if (order == NULL || buckets == NULL) {
        redis_request_free(request);
        return redis_out_of_memory(error);
    }
    for (uint32_t i = 0; i < write->count; i++) {
        if (i + LOOKED_AT_SOON < write->count)
            prefetch_text(write->blobs[i + LOOKED_AT_SOON].account_id);
        buckets[i] = store_bucket(write->blobs[i].account_id);
    }
    bucketed_sort(buckets, write->count, order);
    request->course = (struct write_course){.write = *write, .order = order, .meta_is_sent = !write->has_meta};
    return redis_enqueue(store, request, error);
}

/* ---- what is answered */

/* Of EXEC: nil, where it did nothing, or the answer to each command. */
static bool executed(struct redis_store *store, struct write_course *course, const redisReply *reply) {
    course->executes = false;
    course->is_refused = reply->type != REDIS_REPLY_ARRAY;
    for (size_t i = 0; !course->is_refused && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return redis_become_unavailable(store, reply->element[i]);
    return false;
}

static bool end(struct redis_store *store, struct request *request, bool tells) {
    request->course.is_done = true;
    let_pass(store, request);
    return tells;
}

/* Of a look. A shard that was released, or lost by another request, is written to no more, nor are its bytes there. */
static bool looked(struct redis_store *store, struct request *request, const redisReply *reply,
                   struct store_event *event) {
    struct owned_shard *owned = &store->shards[request->shard];
    if (request->generation != owned->generation)
        return end(store, request, false);
    *event = (struct store_event){.ticket = request->ticket, .shard = owned->shard};
    if (request->course.is_refused || !redis_is_ours(store, request, reply))
        return end(store, request, redis_lose(store, request, reply, event));
    owned->write_acknowledged = request->write;
    if (is_wholly_sent(&request->course)) {
        event->kind = STORE_WRITTEN;
        return end(store, request, true);
    }
    put_transaction(store, request);
    if (is_wholly_sent(&request->course))
        let_pass(store, request);
    return false;
}

bool redis_understand_write(struct redis_store *store, struct request *request, const redisReply *reply,
                            struct store_event *ret_event) {
    if (reply->type == REDIS_REPLY_STATUS) /* OK, QUEUED */
        return false;
    if (reply->type == REDIS_REPLY_INTEGER) { /* of EXISTS */
        request->course.anyone_waits = reply->integer > 0;
        return false;
    }
    if (request->course.executes)
        return executed(store, &request->course, reply);
    return looked(store, request, reply, ret_event);
}
