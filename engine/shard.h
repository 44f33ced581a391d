/* A shard: one partition number of every input (in `replay`: everything). It owns the accounts' clock: duplicates, the
 * watermark, the ticks in their order, then the record; docs/rules.md, "Time".
 *
 * A pure state machine over the accounts in memory. What it decides goes to the output port at once. Where it needs
 * something that is only in the store it says so (RESULT_RETRY and shard_need) in the middle of a call; when the need
 * is met the very same call is made again, and goes on where it stopped.
 *
 * One thread. The engine may be shared by the thread's shards. */
#pragma once

#include "engine/accounts.h"
#include "engine/counters.h"
#include "engine/ports.h"

struct shard;

/* Takes what an evaluation gave (an erasure: perhaps a status alone); borrowed until it returns. RESULT_FATAL: memory
 * is out. */
struct shard_output {
    void *context;
    enum result (*decided)(void *context, const struct change *changes, uint32_t count, const struct status *status,
                           struct error *error);
};

struct shard_options {
    bool stored;              /* accounts that are not in memory may be in a store */
    int64_t lateness_ms;      /* the rules', or the command's default where they give none */
    uint32_t evaluations_max; /* at ticks, in one call; 0: as many as there are */
};

enum need_kind {
    NEED_NOTHING, /* RETRY: evaluations_max was reached; the same call goes on */
    NEED_ACCOUNT, /* to be met by shard_load */
    NEED_DUE,     /* to be met by shard_load of a page of due accounts, then shard_due_loaded */
    NEED_SCAN,    /* to be met by shard_load of a page of all accounts, then shard_scan_loaded */
};

struct shard_need {
    enum need_kind kind;
    struct text account_id; /* NEED_ACCOUNT; borrowed from the event */
    int64_t tick_ms;        /* NEED_DUE */
    uint32_t waits_for;     /* NEED_DUE */
    uint64_t cursor;        /* NEED_DUE, NEED_SCAN */
};

/* `output` and `counters` (which may be NULL) outlive the shard, and so do engine and slab. */
MUST_USE enum result shard_create(struct engine *engine, struct slab *slab, const struct shard_options *options,
                                  const struct shard_output *output, struct counters *counters,
                                  struct shard **ret_shard, struct error *error);
void shard_free(struct shard *shard);

struct accounts *shard_accounts(struct shard *shard);
/* The clocks as they are to be committed: `ticked_ms` is the last tick that has fired for all accounts. */
const struct clocks *shard_clocks(const struct shard *shard);

/* Goes on with the clocks of an earlier owner; before anything else. `rules_changed`: accounts in the store may still
 * be of an older ruleset, so that all of them are due at the next tick. */
void shard_restore(struct shard *shard, const struct clocks *clocks, bool rules_changed);
/* Whether accounts in the store may be of an older ruleset. */
bool shard_rules_changed(const struct shard *shard);
/* Takes one record: steps 1 to 3. `guess`: its account, as shard_guess had it, or ACCOUNT_NONE. RETRY: shard_need. */
MUST_USE enum result shard_take(struct shard *shard, uint32_t guess, const struct event *event,
                                enum step_outcome *ret_outcome, struct error *error);
/* Moves the watermark to `watermark_ms`, unless it is there already, and fires the ticks up to it. RETRY: shard_need.
 */
MUST_USE enum result shard_advance(struct shard *shard, int64_t watermark_ms, struct error *error);
/* Fires the ticks up to the watermark that an earlier owner left unfinished. RETRY: shard_need. */
MUST_USE enum result shard_resume(struct shard *shard, struct error *error);
const struct shard_need *shard_need(const struct shard *shard);
/* Whether ticks up to the watermark have not fired yet. */
bool shard_ticks_pending(const struct shard *shard);
/* Whether the last call returned because of evaluations_max. */
bool shard_is_pausing(const struct shard *shard);
int64_t shard_lateness_ms(const struct shard *shard);

/* ---- with a store */

/* Records of these accounts, at most ACCOUNTS_GUESS_MAX, are on their way: see accounts_guess. */
void shard_guess(struct shard *shard, const struct text *account_ids, uint32_t count, uint32_t *ret_guesses);
/* Whether the account has to be loaded before a record of it can be taken. */
bool shard_wants(struct shard *shard, struct text account_id);
/* Marks an absent account as being loaded. */
MUST_USE enum result shard_expect(struct shard *shard, struct text account_id, uint32_t *ret_account,
                                  struct error *error);
/* What the store has of an account; ignored where the account is in memory already. `layouts`: those that
 * blobs may be of; NULL: none but the program's. RESULT_REJECT: the blob is malformed. */
MUST_USE enum result shard_load(struct shard *shard, const struct stored_blob *stored, const struct layouts *layouts,
                                struct error *error);
void shard_due_loaded(struct shard *shard, uint64_t next_cursor, int64_t next_due_ms, uint32_t waits_left);
void shard_scan_loaded(struct shard *shard, uint64_t next_cursor);
/* Accounts were written to the store: a page of due accounts begins anew. */
void shard_written(struct shard *shard);
/* What was asked for does not come, and the store may be another process by now, to which the last one's cursors say
 * nothing: all pages begin anew. */
void shard_disconnected(struct shard *shard);
/* Evicts what can be, see accounts_evict. Returns how many. */
uint32_t shard_evict(struct shard *shard, size_t bytes_used_max);
