#include "engine/changelog_record.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"

#define BARRIER_VERSION      1
#define SHARD_RECORD_VERSION 2

static const struct text keys[] = {
    [CHANGELOG_ID] = TEXT("i"),
    [CHANGELOG_BARRIER] = TEXT("b"),
    [CHANGELOG_SHARD] = TEXT("s"),
};

#define ACCOUNT_PREFIX 'a'
#define LAYOUT_PREFIX  'l'

struct text changelog_account_of(struct text key) {
    assert(key.size > 1);
    return (struct text){key.data + 1, key.size - 1};
}

enum changelog_kind changelog_kind_of(struct text key, struct text *ret_account_id) {
    if (key.size == 0)
        return CHANGELOG_OTHER;
    if (key.data[0] == ACCOUNT_PREFIX) {
        if (key.size == 1)
            return CHANGELOG_OTHER;
        *ret_account_id = changelog_account_of(key);
        return CHANGELOG_ACCOUNT;
    }
    if (key.data[0] == LAYOUT_PREFIX && key.size == LAYOUT_KEY_SIZE)
        return CHANGELOG_LAYOUT;
    for (int i = CHANGELOG_ID; i <= CHANGELOG_SHARD; i++)
        if (text_equal(key, keys[i]))
            return (enum changelog_kind)i;
    return CHANGELOG_OTHER;
}

struct text changelog_key(enum changelog_kind kind) {
    assert(kind <= CHANGELOG_SHARD);
    return keys[kind];
}

void changelog_write_layout_key(uint64_t hash, uint8_t ret_key[LAYOUT_KEY_SIZE]) {
    *ret_key = LAYOUT_PREFIX;
    hash = htole64(hash);
    memcpy(ret_key + 1, &hash, sizeof hash);
}

uint8_t *changelog_write_account_key(struct text account_id, uint8_t *to) {
    *to++ = ACCOUNT_PREFIX;
    return write_bytes(to, account_id.data, account_id.size);
}

void changelog_encode_id(const uint8_t id[CHANGELOG_ID_SIZE], struct text group, struct buffer *out) {
    buffer_put(out, id, CHANGELOG_ID_SIZE);
    buffer_put_text(out, group);
}

enum result changelog_decode_id(struct text value, uint8_t ret_id[CHANGELOG_ID_SIZE], struct text *ret_group,
                                struct error *error) {
    if (value.size < CHANGELOG_ID_SIZE)
        return error_set(error, RESULT_REJECT, "The changelog's id has %u bytes instead of %d and a group's name.",
                         value.size, CHANGELOG_ID_SIZE);
    memcpy(ret_id, value.data, CHANGELOG_ID_SIZE);
    *ret_group = (struct text){value.data + CHANGELOG_ID_SIZE, value.size - CHANGELOG_ID_SIZE};
    return RESULT_OK;
}

/* ---- barriers */

void barrier_encode(const struct barrier *barrier, struct buffer *out) {
    buffer_put_u8(out, BARRIER_VERSION);
    buffer_put(out, barrier->nonce, NONCE_SIZE);
    buffer_put_u32(out, (uint32_t)barrier->partitions);
}

static enum result check_version(struct cursor *cursor, uint8_t version, const char *what, struct error *error) {
    uint8_t found = cursor_u8(cursor);
    if (found == version)
        return RESULT_OK;
    return error_set(error, RESULT_REJECT, "A %s of the changelog is of version %u; this program knows version %u.",
                     what, found, version);
}

enum result barrier_decode(struct text value, struct barrier *ret_barrier, struct error *error) {
    struct cursor cursor = cursor_of(value.data, value.size);
    struct barrier barrier;
    enum result result = check_version(&cursor, BARRIER_VERSION, "barrier", error);
    if (result != RESULT_OK)
        return result;
    const uint8_t *nonce = cursor_take(&cursor, NONCE_SIZE);
    barrier.partitions = (int32_t)cursor_u32(&cursor);
    if (!cursor_ok(&cursor))
        return error_set(error, RESULT_REJECT, "A barrier of the changelog is cut off.");
    memcpy(barrier.nonce, nonce, NONCE_SIZE);
    *ret_barrier = barrier;
    return RESULT_OK;
}

/* ---- shard records */

static void encode_clocks(const struct clocks *clocks, struct buffer *out) {
    buffer_put_zigzag(out, clocks->watermark_ms);
    buffer_put_zigzag(out, clocks->ticked_ms);
    buffer_put_zigzag(out, clocks->evaluated_ms);
    for (int i = 0; i < STREAMS; i++)
        buffer_put_zigzag(out, clocks->newest_ms[i]);
}

static void encode_ruleset(const struct ruleset_record *ruleset, struct buffer *out) {
    buffer_put_u64(out, ruleset->hash);
    buffer_put_varint(out, ruleset->label.size);
    buffer_put_text(out, ruleset->label);
}

void shard_record_encode(const struct shard_record *record, struct buffer *out) {
    assert(record->rulesets_count <= RULESETS_MAX);
    buffer_put_u8(out, SHARD_RECORD_VERSION);
    buffer_put_varint(out, record->commit);
    buffer_put_varint(out, (uint64_t)record->partitions);
    buffer_put_u8(out, record->rules_changed);
    buffer_put_u8(out, (uint8_t)record->chosen);
    if (record->chosen != STREAMS)
        buffer_put_zigzag(out, record->chosen_offset);
    buffer_put_u8(out, STREAMS);
    encode_clocks(&record->clocks, out);
    for (int i = 0; i < STREAMS; i++) {
        buffer_put_zigzag(out, record->inputs[i].next_offset);
        buffer_put_zigzag(out, record->inputs[i].last_offset);
        buffer_put_zigzag(out, record->inputs[i].last_timestamp_ms);
    }
    buffer_put_varint(out, record->rulesets_count);
    for (uint32_t i = 0; i < record->rulesets_count; i++)
        encode_ruleset(&record->rulesets[i], out);
}

static void decode_clocks(struct cursor *cursor, struct clocks *clocks) {
    clocks->watermark_ms = cursor_zigzag(cursor);
    clocks->ticked_ms = cursor_zigzag(cursor);
    clocks->evaluated_ms = cursor_zigzag(cursor);
    for (int i = 0; i < STREAMS; i++)
        clocks->newest_ms[i] = cursor_zigzag(cursor);
}

/* False: memory is out. */
static bool decode_ruleset(struct cursor *cursor, struct arena *arena, struct ruleset_record *ruleset) {
    ruleset->hash = cursor_u64(cursor);
    struct text label = cursor_text(cursor, cursor_varint(cursor));
    if (!cursor_ok(cursor))
        return true;
    ruleset->label = arena_text(arena, label);
    return !text_is_missing(ruleset->label);
}

static bool decode_rulesets(struct cursor *cursor, struct arena *arena, struct shard_record *record) {
    uint64_t count = cursor_varint(cursor);
    if (count > RULESETS_MAX)
        cursor->failed = true;
    if (!cursor_ok(cursor))
        return true;
    struct ruleset_record *rulesets = arena_alloc(arena, count * sizeof *rulesets + 1);
    if (rulesets == NULL)
        return false;
    for (uint64_t i = 0; i < count && cursor_ok(cursor); i++)
        if (!decode_ruleset(cursor, arena, &rulesets[i]))
            return false;
    record->rulesets = rulesets;
    record->rulesets_count = (uint32_t)count;
    return true;
}

enum result shard_record_decode(struct text value, struct arena *arena, struct shard_record *ret_record,
                                struct error *error) {
    struct cursor cursor = cursor_of(value.data, value.size);
    struct shard_record record = {0};
    enum result result = check_version(&cursor, SHARD_RECORD_VERSION, "shard record", error);
    if (result != RESULT_OK)
        return result;
    record.commit = cursor_varint(&cursor);
    uint64_t partitions = cursor_varint(&cursor);
    record.rules_changed = cursor_u8(&cursor) != 0;
    uint8_t chosen = cursor_u8(&cursor);
    record.chosen_offset = chosen == STREAMS ? OFFSET_NONE : cursor_zigzag(&cursor);
    if (cursor_u8(&cursor) != STREAMS || chosen > STREAMS || partitions > INT32_MAX)
        cursor.failed = true;
    record.partitions = (int32_t)partitions;
    record.chosen = (enum stream)chosen;
    decode_clocks(&cursor, &record.clocks);
    for (int i = 0; i < STREAMS; i++) {
        record.inputs[i].next_offset = cursor_zigzag(&cursor);
        record.inputs[i].last_offset = cursor_zigzag(&cursor);
        record.inputs[i].last_timestamp_ms = cursor_zigzag(&cursor);
    }
    if (!decode_rulesets(&cursor, arena, &record))
        return error_set(error, RESULT_FATAL, "Memory is out: a shard record could not be read.");
    if (!cursor_ok(&cursor) || cursor_left(&cursor) != 0)
        return error_set(error, RESULT_REJECT, "A shard record of the changelog is malformed.");
    *ret_record = record;
    return RESULT_OK;
}
