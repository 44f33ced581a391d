#include "tests/faults/redis_copy.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "engine/changelog_record.h"
#include "tests/harness/fail.h"

// As the store lays it out (docs/decisions/0004-redis-keys-and-scripts.md).
enum { BUCKETS = 512, VALUE_HEAD_BYTES = 17, TOLD_MAX = 3 };

struct comparison {
    redisContext *connection;
    const char *group;
    int32_t shard;
    const struct newest *changelog;
    struct story *story;
    struct arena arena;         // Of the layouts.
    struct layouts layouts;     // Of the shard, as Redis has them.
    size_t differences;         // Of the shard.
    size_t accounts, deadlines; // Of the shard, in the changelog's blobs that were found.
};

static redisReply *ask(struct comparison *comparison, const char *command, const char *key, const char *tail) {
    char text[256];
    snprintf(text, sizeof(text), "%s {bw:%s:%d}:%s%s", command, comparison->group, comparison->shard, key, tail);
    redisReply *reply = redisCommand(comparison->connection, text);
    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        harness_fail("Redis refuses %s: %s", text, reply ? reply->str : comparison->connection->errstr);
    }
    return reply;
}

__attribute__((format(printf, 2, 3))) static void differ(struct comparison *comparison, const char *format, ...) {
    char how[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(how, sizeof(how), format, arguments);
    va_end(arguments);
    if (++comparison->differences <= TOLD_MAX && comparison->story) {
        story_violation(comparison->story, "Redis, shard %d: %s", comparison->shard, how);
    }
}

// The deadline of an account, as the member BUCKET:ID of its set; INSTANT_NEVER: it has none.
static int64_t find_deadline(struct comparison *comparison, const char *member, size_t size) {
    char key[128];
    snprintf(key, sizeof(key), "{bw:%s:%d}:due", comparison->group, comparison->shard);
    redisReply *reply = redisCommand(comparison->connection, "ZSCORE %s %b", key, member, size);
    assert(reply);
    int64_t due_ms = reply->type == REDIS_REPLY_STRING ? (int64_t)strtod(reply->str, NULL) : INSTANT_NEVER;
    freeReplyObject(reply);
    return due_ms;
}

static void compare_account(struct comparison *comparison, int bucket, const redisReply *id, const redisReply *value) {
    char key[ID_SIZE_MAX + 1], member[ID_SIZE_MAX + 16];
    int name_size = (int)id->len;
    key[0] = 'a';
    memcpy(key + 1, id->str, id->len);
    const struct kafka_record *record = newest_find(comparison->changelog, key, id->len + 1, comparison->shard);
    if (!record) {
        differ(comparison, "the account %.*s is not in the changelog", name_size, id->str);
        return;
    }
    comparison->accounts++;
    if (value->len != VALUE_HEAD_BYTES + record->value_size ||
        memcmp(value->str + VALUE_HEAD_BYTES, record->value, record->value_size) != 0) {
        differ(comparison, "the account %.*s has another state than in the changelog", name_size, id->str);
        return;
    }
    struct blob_summary summary;
    struct error error;
    if (blob_summarise(record->value, record->value_size, &summary, &error) != RESULT_OK) {
        differ(comparison, "the state of the account %.*s cannot be read: %s", name_size, id->str, error.text);
        return;
    }
    if (!summary.erased && !layouts_find(&comparison->layouts, summary.layout_hash)) {
        differ(comparison, "the layout of the account %.*s is not there", name_size, id->str);
    }
    int member_size = snprintf(member, sizeof(member), "%d:%.*s", bucket, name_size, id->str);
    int64_t due_ms = find_deadline(comparison, member, (size_t)member_size);
    comparison->deadlines += due_ms != INSTANT_NEVER;
    if (due_ms != summary.due_ms) {
        differ(comparison, "the account %.*s is due at %" PRId64 ", by its state at %" PRId64, name_size, id->str,
               due_ms, summary.due_ms);
    }
}

static void read_layouts(struct comparison *comparison) {
    struct error error;
    redisReply *reply = ask(comparison, "HGET", "meta", " layouts");
    struct text all = {reply->str, reply->type == REDIS_REPLY_STRING ? (uint32_t)reply->len : 0};
    comparison->layouts = (struct layouts){0};
    if (layouts_add_all(&comparison->layouts, all, &comparison->arena, &error) != RESULT_OK) {
        differ(comparison, "%s", error.text);
    }
    freeReplyObject(reply);
}

static void compare_accounts(struct comparison *comparison) {
    char number[16];
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        snprintf(number, sizeof(number), "%d", bucket);
        redisReply *reply = ask(comparison, "HGETALL", "b:", number);
        for (size_t i = 0; i + 1 < reply->elements; i += 2) {
            compare_account(comparison, bucket, reply->element[i], reply->element[i + 1]);
        }
        freeReplyObject(reply);
    }
}

// What was looked up one by one must be all that there is.
static void compare_counts(struct comparison *comparison) {
    size_t accounts = 0;
    for (size_t i = 0; i < comparison->changelog->count; i++) {
        const struct kafka_record *record = comparison->changelog->items[i];
        accounts += record->partition == comparison->shard && ((const char *)record->key)[0] == 'a';
    }
    if (comparison->accounts != accounts) {
        differ(comparison, "%zu accounts of the changelog's %zu are there", comparison->accounts, accounts);
    }
    redisReply *reply = ask(comparison, "ZCARD", "due", "");
    if ((size_t)reply->integer != comparison->deadlines) {
        differ(comparison, "%lld deadlines, of which %zu belong to accounts", reply->integer, comparison->deadlines);
    }
    freeReplyObject(reply);
}

static void compare_shard_record(struct comparison *comparison) {
    const struct kafka_record *record = newest_find(comparison->changelog, "s", 1, comparison->shard);
    redisReply *reply = ask(comparison, "HGET", "meta", " record");
    bool same = record && reply->type == REDIS_REPLY_STRING && reply->len == record->value_size &&
                memcmp(reply->str, record->value, reply->len) == 0;
    if (!same) {
        differ(comparison, "its record is not the newest of the changelog");
    }
    freeReplyObject(reply);
}

size_t redis_copy_compare(const struct redis_server *server, const char *group, int partitions,
                          const struct newest *changelog, struct story *story) {
    size_t differences = 0;
    struct comparison comparison = {.group = group, .changelog = changelog, .story = story};
    comparison.connection = redis_server_connect(server);
    for (int32_t shard = 0; shard < partitions; shard++) {
        comparison.shard = shard;
        comparison.accounts = comparison.deadlines = 0;
        comparison.differences = 0;
        read_layouts(&comparison);
        compare_accounts(&comparison);
        compare_counts(&comparison);
        compare_shard_record(&comparison);
        if (comparison.differences > TOLD_MAX && story) {
            story_violation(story, "Redis, shard %d: %zu differences in all", shard, comparison.differences);
        }
        differences += comparison.differences;
    }
    redisFree(comparison.connection);
    arena_free(&comparison.arena);
    return differences;
}
