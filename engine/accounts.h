/* The accounts of one shard: the one table that owns an account's life. Nothing else knows where a state is.
 *
 *     absent    not in the table: never seen, or only in the store
 *     LOADING   asked of the store; only the id is here
 *     CLEAN     the state is the store's (or empty: the store does not know the account); may be evicted
 *     DIRTY     changed in the batch that is being computed
 *     SEALED    in the batch that is being committed, and not changed since
 *     WRITTEN   in a commit that the store has not acknowledged yet
 *
 *     absent -> LOADING -> CLEAN -> DIRTY -> SEALED -> WRITTEN -> CLEAN -> absent (evicted)
 *               absent -----------> DIRTY <-- SEALED, WRITTEN (changed again)
 *
 * Beside the states: the deadlines, by (due tick, order of first appearance), the accounts that wait for a
 * stalled stream, and the accounts that are dirty.
 *
 * One thread. An account is named by its index, good until it is evicted; indices grow in the order of first appearance
 * as long as nothing is evicted. A state is borrowed until the next change of the same account. */
#pragma once

#include "engine/core/engine.h"
#include "engine/slab.h"

#define ACCOUNT_NONE UINT32_MAX

enum account_phase { ACCOUNT_FREE, ACCOUNT_LOADING, ACCOUNT_CLEAN, ACCOUNT_DIRTY, ACCOUNT_SEALED, ACCOUNT_WRITTEN };

struct accounts;

/* The slab is shared with other tables of the thread, and outlives this one. */
MUST_USE enum result accounts_create(struct slab *slab, struct accounts **ret_accounts, struct error *error);
void accounts_free(struct accounts *accounts);

uint32_t accounts_count(const struct accounts *accounts);
/* What the table itself takes, beside the states in the slab. */
size_t accounts_bytes(const struct accounts *accounts);

/* ACCOUNT_NONE: absent. Marks the account as used, so that it is not among the next to be evicted. */
uint32_t accounts_find(struct accounts *accounts, struct text account_id);
/* The same, where it is probably the account `guess`: any number will do, it is held against the id. */
uint32_t accounts_find_guessed(struct accounts *accounts, uint32_t guess, struct text account_id);
/* Which accounts these are, as far as their hashes tell, marking them as used; ACCOUNT_NONE: absent for certain. */
#define ACCOUNTS_GUESS_MAX 32
void accounts_guess(struct accounts *accounts, const struct text *account_ids, uint32_t count, uint32_t *ret_guesses);
/* Brings what is known of an account near the processor: `later` before it is `soon`, and that before it is needed.
 * Either may be ACCOUNT_NONE, or the index of an account that has been evicted. */
void accounts_prefetch(const struct accounts *accounts, uint32_t later, uint32_t soon);
/* The same for what changes with its deadline. */
void accounts_prefetch_deadline(const struct accounts *accounts, uint32_t account);
/* The same for those that are due after the one that accounts_first_due gave. */
void accounts_prefetch_due(const struct accounts *accounts, uint32_t account);
enum account_phase accounts_phase(const struct accounts *accounts, uint32_t account);
struct text accounts_id(const struct accounts *accounts, uint32_t account);
/* No bytes: LOADING, or never seen. */
struct state_bytes accounts_state(const struct accounts *accounts, uint32_t account);
/* INSTANT_NEVER: none. */
int64_t accounts_due(const struct accounts *accounts, uint32_t account);

/* Adds an absent account as LOADING. */
MUST_USE enum result accounts_expect(struct accounts *accounts, struct text account_id, uint32_t *ret_account,
                                     struct error *error);
/* Adds an account, or completes one that is LOADING, as CLEAN; no bytes: the store does not know it. */
MUST_USE enum result accounts_loaded(struct accounts *accounts, struct text account_id, struct state_bytes state,
                                     int64_t due_ms, uint32_t waits_for, struct error *error);
/* What was asked of the store will not come: accounts that are LOADING are absent again. */
void accounts_forget_loading(struct accounts *accounts);
/* Sets the account's new state, which may be its own bytes, worked on in place; makes it DIRTY; adds the account where
 * it is absent. `account_id` may lie in `state`. */
MUST_USE enum result accounts_change(struct accounts *accounts, struct text account_id, struct state_bytes state,
                                     int64_t due_ms, uint32_t waits_for, struct error *error);

/* As accounts_change, of an account that is here. */
MUST_USE enum result accounts_change_at(struct accounts *accounts, uint32_t account, struct state_bytes state,
                                        int64_t due_ms, uint32_t waits_for, struct error *error);

/* As accounts_change_at, where it is due when it was before, and waits for what it did. */
MUST_USE enum result accounts_touch_at(struct accounts *accounts, uint32_t account, struct state_bytes state,
                                       struct error *error);

/* The earliest deadline; INSTANT_NEVER. */
int64_t accounts_first_due_ms(const struct accounts *accounts);
/* The account that has it, among those of equal deadline the one that appeared first; ACCOUNT_NONE: none is due until
 * `until_ms`. */
uint32_t accounts_first_due(struct accounts *accounts, int64_t until_ms);
/* The streams that any account waits for. */
uint32_t accounts_waits(const struct accounts *accounts);
/* Accounts that wait for `stream` become due at `due_ms` at the latest, and wait for it no longer. */
void accounts_wake(struct accounts *accounts, enum stream stream, int64_t due_ms);

/* The bytes of the dirty accounts' states, as they were when they last became dirty. */
size_t accounts_dirty_bytes(const struct accounts *accounts);
/* The dirty accounts, in the order in which they became so. */
uint32_t accounts_dirty_count(const struct accounts *accounts);
uint32_t accounts_dirty(const struct accounts *accounts, uint32_t place);
/* All dirty accounts are SEALED: a commit of them begins. None is dirty any more. */
void accounts_seal(struct accounts *accounts);
/* The commit of this number (ascending) is known, with this account in it, which was sealed then: it is WRITTEN, unless
 * it was changed since. */
void accounts_written(struct accounts *accounts, uint32_t account, uint64_t commit);
/* The low half of the number of the newest commit that holds the account's state; 0: none since it came here. */
uint32_t accounts_commit(const struct accounts *accounts, uint32_t account);
/* The store has the account's blob of the commit `commit`: it is CLEAN, unless it has a newer one. Until then it cannot
 * have been evicted. */
void accounts_acknowledged(struct accounts *accounts, uint32_t account, uint64_t commit);

/* Whether this deadline, and these waits, are for certain what the store has of the account: they need not be sent.
 * If not, they are taken to be on their way from here on, and what the store has is not known until it says so. */
bool accounts_send_deadline(struct accounts *accounts, uint32_t account, int64_t due_ms, uint32_t waits_for);
/* The store has acknowledged them; to be told before accounts_acknowledged, until which the account cannot leave. */
void accounts_deadline_stored(struct accounts *accounts, uint32_t account, int64_t due_ms, uint32_t waits_for);

/* What left memory, for whoever must know when it is due. */
struct evicted {
    uint32_t count;
    int64_t due_ms;     /* the earliest deadline among them; INSTANT_NEVER */
    uint32_t waits_for; /* streams that any of them waits for */
};
/* Evicts CLEAN accounts, those first that were not used for long, until the slab's bytes_used is at most
 * `bytes_used_max` or nothing more can go. An account that was loaded and not used yet stays this once, so that it is
 * there for its record; those that are due at `keep_due_ms` or before stay. Adds to `evicted`. */
void accounts_evict(struct accounts *accounts, size_t bytes_used_max, int64_t keep_due_ms, struct evicted *evicted);

/* Calls for every account that has a state, in the order of the indices; the visitor may not change the table. */
typedef void accounts_visitor(void *context, uint32_t account, struct state_bytes state);
void accounts_visit(const struct accounts *accounts, accounts_visitor *visitor, void *context);
