/* What the store has written into a simulated Redis; its keys are those of store/redis_store.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "engine/core/engine.h"
#include "store/redis_internal.h"
#include "tests/sim/sim_redis.h"

#define MEMBER_SIZE_MAX 600

struct sim_tag *sim_redis_tag(const struct sim_redis *redis, int32_t shard) {
    char end[16];
    uint32_t size = (uint32_t)snprintf(end, sizeof end, ":%d", shard);
    for (uint32_t i = 0; i < redis->data.tags_count; i++) {
        struct sim_tag *tag = redis->data.tags[i];
        if (tag->name.size > size && memcmp(tag->name.data + tag->name.size - size, end, size) == 0)
            return tag;
    }
    return NULL;
}

/* The value of a key of the shard; NULL: there is none. */
static const struct sim_value *value_at(const struct sim_redis *redis, const struct sim_tag *tag, const char *name) {
    char key[256];
    if (tag == NULL)
        return NULL;
    int size = snprintf(key, sizeof key, "{%.*s}:%s", TEXT_ARGUMENTS(tag->name), name);
    return sim_data_find(&redis->data, tag->database, (struct text){key, (uint32_t)size});
}

static const struct sim_value *value_numbered(const struct sim_redis *redis, const struct sim_tag *tag,
                                              const char *name, uint32_t number) {
    char full[32];
    snprintf(full, sizeof full, "%s:%u", name, number);
    return value_at(redis, tag, full);
}

/* ---- the meta */

static struct text field(const struct sim_value *value, const char *name) {
    const struct sim_entry *entry = value == NULL || value->kind != SIM_HASH ? NULL
                                                                             : sim_value_find(value, text_of(name));
    return entry == NULL ? TEXT_MISSING : entry->value;
}

static int64_t number(struct text text) {
    return text_is_missing(text) ? OFFSET_NONE : strtoll(text.data, NULL, 10);
}

struct sim_redis_meta sim_redis_meta(const struct sim_redis *redis, int32_t shard) {
    const struct sim_value *meta = value_at(redis, sim_redis_tag(redis, shard), "meta");
    return (struct sim_redis_meta){.claimed = !text_is_missing(field(meta, "epoch")),
                                   .epoch = number(field(meta, "epoch")),
                                   .claim = number(field(meta, "claim")),
                                   .write = number(field(meta, "write")),
                                   .changelog_offset = number(field(meta, "offset")),
                                   .shard_record = field(meta, "record"),
                                   .layouts = field(meta, "layouts")};
}

/* ---- accounts */

static struct stored_blob blob_in(const struct sim_entry *entry) {
    struct cursor cursor = cursor_of(entry->value.data, entry->value.size);
    struct stored_blob blob = {.account_id = entry->name};
    blob.changelog_offset = (int64_t)cursor_u64(&cursor);
    blob.due_ms = (int64_t)cursor_u64(&cursor);
    blob.waits_for = cursor_u8(&cursor);
    blob.blob = cursor_text(&cursor, cursor_left(&cursor));
    return blob;
}

bool sim_redis_next(const struct sim_redis *redis, int32_t shard, uint64_t *place, struct stored_blob *ret_blob) {
    const struct sim_tag *tag = sim_redis_tag(redis, shard);
    uint32_t bucket = (uint32_t)(*place >> 32), index = (uint32_t)*place;
    for (; tag != NULL && bucket < STORE_BUCKETS; bucket++, index = 0) {
        const struct sim_value *value = value_numbered(redis, tag, "b", bucket);
        if (value == NULL || index >= value->count)
            continue;
        *ret_blob = blob_in(&value->entries[index]);
        *place = (uint64_t)bucket << 32 | (index + 1);
        return true;
    }
    return false;
}

uint32_t sim_redis_visit(const struct sim_redis *redis, int32_t shard, sim_redis_visitor *visitor, void *context) {
    uint64_t place = 0;
    uint32_t count = 0;
    for (struct stored_blob blob; sim_redis_next(redis, shard, &place, &blob); count++)
        visitor(context, &blob);
    return count;
}

bool sim_redis_find(const struct sim_redis *redis, int32_t shard, struct text account_id,
                    struct stored_blob *ret_blob) {
    const struct sim_value *value = value_numbered(redis, sim_redis_tag(redis, shard), "b", store_bucket(account_id));
    const struct sim_entry *entry = value == NULL ? NULL : sim_value_find(value, account_id);
    if (entry == NULL)
        return false;
    *ret_blob = blob_in(entry);
    return true;
}

/* ---- the last write */

static bool is_named(const struct sim_value *value, const char *beginning) {
    const char *close = memchr(value->key.data, '}', value->key.size);
    size_t size = strlen(beginning);
    return close != NULL && (size_t)(value->key.data + value->key.size - close) >= size + 2 &&
           memcmp(close + 2, beginning, size) == 0;
}

static void tell_write(const struct sim_redis *redis, const struct sim_tag *tag, int32_t shard) {
    uint32_t begin = tag->writes[tag->writes_count - 1].undo_begin;
    struct stored_blob *blobs = calloc(tag->undo_count - begin, sizeof *blobs);
    struct store_write write = {.blobs = blobs};
    assert(blobs != NULL);
    for (uint32_t i = begin; i < tag->undo_count; i++) {
        const struct sim_undo *undo = &tag->undo[i];
        if (undo->what == UNDO_REMOVE || undo->value->kind != SIM_HASH)
            continue;
        const struct sim_entry *entry = &undo->value->entries[undo->place]; /* Hashes only grow. */
        if (is_named(undo->value, "b:"))
            blobs[write.count++] = blob_in(entry);
        else if (text_equals(entry->name, "offset"))
            write.has_meta = true;
    }
    struct sim_redis_meta meta = sim_redis_meta(redis, shard);
    write.changelog_offset = meta.changelog_offset;
    write.shard_record = meta.shard_record;
    write.layouts = meta.layouts;
    if (write.count > 0 || write.has_meta)
        redis->watcher.written(redis->watcher.context, shard, &write);
    free(blobs);
}

void sim_redis_tell_write(const struct sim_redis *redis) {
    for (uint32_t i = 0; redis->watcher.written != NULL && i < redis->data.tags_count; i++) {
        const struct sim_tag *tag = redis->data.tags[i];
        const char *colon = memrchr(tag->name.data, ':', tag->name.size);
        if (colon != NULL && tag->writes_count > 0 && tag->writes[tag->writes_count - 1].serial == redis->data.serial)
            tell_write(redis, tag, (int32_t)strtol(colon + 1, NULL, 10));
    }
}

/* ---- deadlines and waiting accounts */

static const struct sim_entry *member(const struct sim_value *set, uint32_t bucket, struct text account_id) {
    char name[MEMBER_SIZE_MAX];
    int size = snprintf(name, sizeof name, "%u:%.*s", bucket, TEXT_ARGUMENTS(account_id));
    return set == NULL ? NULL : sim_value_find(set, (struct text){name, (uint32_t)size});
}

const char *sim_redis_disorder(const struct sim_redis *redis, int32_t shard) {
    const struct sim_tag *tag = sim_redis_tag(redis, shard);
    const struct sim_value *due = value_at(redis, tag, "due"), *waiting[STREAMS];
    uint32_t due_left = due == NULL ? 0 : due->count, waiting_left = 0;
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        waiting[stream] = value_numbered(redis, tag, "wait", stream);
        waiting_left += waiting[stream] == NULL ? 0 : waiting[stream]->count;
    }
    struct stored_blob blob;
    for (uint64_t place = 0; sim_redis_next(redis, shard, &place, &blob);) {
        uint32_t bucket = (uint32_t)(place >> 32);
        const struct sim_entry *deadline = member(due, bucket, blob.account_id);
        if ((blob.due_ms == INSTANT_NEVER) != (deadline == NULL))
            return "an account is among the deadlines and has none, or the other way round";
        if (deadline != NULL && deadline->score != (double)blob.due_ms)
            return "an account's deadline is not the one that is kept beside it";
        due_left -= deadline != NULL;
        for (uint32_t stream = 0; stream < STREAMS; stream++) {
            bool waits = (blob.waits_for >> stream & 1) != 0;
            if (waits != (member(waiting[stream], bucket, blob.account_id) != NULL))
                return "an account is among those that wait for a stream and does not, or the other way round";
            waiting_left -= waits;
        }
    }
    return due_left == 0 && waiting_left == 0 ? NULL : "deadlines or waiting are accounts that are not there";
}
