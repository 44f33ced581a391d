/* What a shard's changelog partition holds: keys and values, as bytes.
 *
 *     key            value
 *     i              the changelog's id: random, the first record of the partition
 *     b              a barrier: nonce and partition count
 *     s              the shard record: what a commit leaves of the shard itself
 *     l<hash>        a layout (engine/core/layout.h), before or beside the first blob that is of it
 *     a<account id>  an account's blob (engine_encode)
 *
 * Barrier and shard record have keys of their own, or compaction would drop the one for the other. Nothing is ever
 * deleted. Values begin with a version; a later version is refused. Pure; what is decoded borrows from the bytes and
 * the arena. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "engine/core/engine.h"
#include "engine/ports.h"

#define NONCE_SIZE   16
#define RULESETS_MAX 64 /* activations that a shard remembers; the oldest is forgotten first */

enum changelog_kind {
    CHANGELOG_ID,
    CHANGELOG_BARRIER,
    CHANGELOG_SHARD,
    CHANGELOG_LAYOUT,
    CHANGELOG_ACCOUNT,
    CHANGELOG_OTHER,
};

/* The kind of the record with this key; of an account's also the id. */
enum changelog_kind changelog_kind_of(struct text key, struct text *ret_account_id);
/* The id, of a key that is known to be an account's: its bytes are not read. */
struct text changelog_account_of(struct text key);
/* The key of the kinds of which there is one record. */
struct text changelog_key(enum changelog_kind kind);
#define LAYOUT_KEY_SIZE (1 + sizeof(uint64_t))
void changelog_write_layout_key(uint64_t hash, uint8_t ret_key[LAYOUT_KEY_SIZE]);
/* The key of an account, written where there is room for one byte more than the id has; returns what lies behind it. */
uint8_t *changelog_write_account_key(struct text account_id, uint8_t *to);

/* The id's bytes, then the name of the group whose changelog it is. */
void changelog_encode_id(const uint8_t id[CHANGELOG_ID_SIZE], struct text group, struct buffer *out);
/* RESULT_REJECT: the value is no id. The group's name lies in the value. */
MUST_USE enum result changelog_decode_id(struct text value, uint8_t ret_id[CHANGELOG_ID_SIZE], struct text *ret_group,
                                         struct error *error);

struct barrier {
    uint8_t nonce[NONCE_SIZE];
    int32_t partitions;
};

void barrier_encode(const struct barrier *barrier, struct buffer *out);
MUST_USE enum result barrier_decode(struct text value, struct barrier *ret_barrier, struct error *error);

/* An input as far as it is consumed. */
struct input_record {
    int64_t next_offset; /* OFFSET_NONE: the stream was never an input of the shard */
    int64_t last_offset; /* of the last consumed record; OFFSET_NONE: none yet */
    int64_t last_timestamp_ms;
};

/* Rules that were activated on the shard. */
struct ruleset_record {
    uint64_t hash;
    struct text label;
};

struct shard_record {
    uint64_t commit; /* number; 0: the shard's first record, written with its first barrier */
    int32_t partitions;
    struct clocks clocks;
    bool rules_changed;    /* some accounts may not have been evaluated with the last of the rulesets yet */
    enum stream chosen;    /* the stream whose record had begun to be taken (its ticks were firing); STREAMS: none */
    int64_t chosen_offset; /* that record's */
    struct input_record inputs[STREAMS];
    const struct ruleset_record *rulesets; /* in the order of their activation */
    uint32_t rulesets_count;
};

void shard_record_encode(const struct shard_record *record, struct buffer *out);
/* RESULT_REJECT: malformed or of a later version. RESULT_FATAL: memory is out. */
MUST_USE enum result shard_record_decode(struct text value, struct arena *arena, struct shard_record *ret_record,
                                         struct error *error);
