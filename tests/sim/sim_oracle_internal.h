/* What the oracle's files share:
 *
 *     sim_oracle.c            a committed transaction, the store, the end
 *     sim_oracle_outputs.c    changes, statuses and dead letters: what is expected, what was found
 *     sim_oracle_states.c     accounts as they should be, and as they are
 *     sim_oracle_replay.c     what the processes did, done again */
#pragma once

#include "engine/changelog_record.h"
#include "engine/core/account/state.h"
#include "tests/sim/sim_oracle.h"
#include "tests/sim/sim_violation.h"

struct output_record {
    enum output output;
    struct text account; /* of a dead letter: empty */
    struct text value;   /* missing: a tombstone */
};

struct output_records {
    struct output_record *items;
    uint32_t count, capacity;
};

/* The newest blob of an account that was committed. */
struct committed_blob {
    struct text account;
    struct text blob;
    int64_t offset;
};

struct committed_blobs {
    struct committed_blob *items;
    uint32_t count, capacity;
};

struct oracle_shard {
    struct sim_oracle *oracle;
    int32_t number;
    struct engine *engine;
    struct slab slab;
    struct shard *shard;
    struct arena arena;         /* of `record` and `layouts` */
    struct shard_record record; /* the rulesets */
    struct layouts layouts;     /* those of all the rules that it has had */
    int64_t next[STREAMS];
    bool has_record;
    int64_t recorded[STREAMS]; /* of the newest committed shard record */
    bool set_back[STREAMS];    /* since then somebody has set the group's offset back, or taken it away */
    struct sim_ops ops;        /* committed, and not replayed yet */
    uint32_t rules_place;      /* of these, the last that changed the rules */
    struct sim_op begun;       /* an ADVANCE by a record that was not taken yet; else another kind */
    struct sim_op advanced;    /* the same, over changes of rules too */
    struct sim_op inherited;   /* `advanced`, as it was when the owner began */
    struct output_records expected, found;
    struct committed_blobs bound; /* accounts as they were when the rules changed: good until they are evaluated */
    struct committed_blobs blobs;
    struct text *touched; /* accounts of commits that were not looked at yet */
    uint32_t touched_count, touched_capacity;
    uint64_t commits;
};

struct sim_oracle {
    struct sim_kafka *kafka;
    const struct pipeline_options *options;
    struct sim_redis nowhere;
    struct sim_worker reader; /* decodes */
    struct arena arena;       /* of texts */
    struct buffer scratch, wanted, found;
    struct oracle_shard shards[SIM_PARTITIONS_MAX];
    uint64_t changes;
};

/* A copy that lives as long as the oracle. */
struct text oracle_keep(struct sim_oracle *oracle, struct text text);

/* ---- outputs */

void oracle_add_record(struct output_records *records, enum output output, struct text account, struct text value);
/* A shard_output's function; the context is the shard. */
enum result oracle_expect(void *context, const struct change *changes, uint32_t count, const struct status *status,
                          struct error *error);
void oracle_expect_dead_letter(struct oracle_shard *shard, const struct message *message,
                               const struct rejection *rejection);
/* What was found is what is expected; both are empty then. */
void oracle_compare_outputs(struct oracle_shard *shard);

/* ---- states */

/* NULL: there is none. */
struct committed_blob *oracle_find_blob(struct committed_blobs *blobs, struct text account);
/* `account` and `blob` stay where they are. */
void oracle_set_blob(struct committed_blobs *blobs, struct text account, struct text blob, int64_t offset);
/* Of a blob, which must be one that can be read. */
struct blob_summary oracle_summary(struct text blob);
/* The account is to be compared; its id stays where it is. */
void oracle_touch(struct oracle_shard *shard, struct text account);
/* Keeps the account's blob before it is no longer dirty, or the rules no longer its own. */
void oracle_keep_bound(struct oracle_shard *shard, struct engine *engine, struct accounts *accounts, uint32_t account);
/* `found`: missing where there is none. */
void oracle_compare_state(struct oracle_shard *shard, struct text id, struct text found, const char *where);
/* All that were touched, and all that are dirty; none is any more then. */
void oracle_compare_states(struct oracle_shard *shard);

/* ---- replaying */

/* Does what is in `ops`, which is empty then. */
void oracle_replay(struct oracle_shard *shard);
