/* The commits of one shard that the store has not acknowledged: written behind the changelog, in order. Those that wait
 * are merged: of an account only the newest blob is written, and the meta moves once, to the newest commit.
 *
 * One thread. It owns the commits' bytes until they are acknowledged. */
#pragma once

#include "engine/accounts.h"
#include "engine/ports.h"

struct written_commit;

struct write_behind {
    struct written_commit *first, *last;
    struct written_commit *sent; /* the newest that the open request holds; NULL: none is open */
    uint32_t count;
    size_t bytes;
    struct stored_blob *merged; /* of the open request */
};

/* What the store is told of an account beside its blob, and which it is of the shard's accounts. */
struct committed_account {
    int64_t due_ms;
    uint32_t account;
    uint8_t waits_for;
    bool sends_deadline; /* the open request does */
};

/* What is known of such accounts is all over memory: called for each place in turn, has that of a later one brought
 * near the processor. */
void committed_prefetch(const struct accounts *accounts, const struct committed_account *committed, uint32_t count,
                        uint32_t place);

/* What a commit leaves for the store: at the end of `changelog` the blobs of `accounts`, in their order, and the shard
 * record. All that is pointed to is taken over (and empty afterwards). */
struct known_commit {
    uint64_t number;
    int64_t newest_before; /* the last known changelog offset before it: what a record without a report is behind of */
    struct batch *changelog;
    struct committed_account **accounts;
    uint32_t accounts_count;
    struct buffer *layouts; /* all of the shard, where there is a new one; NULL: there is none */
};

/* RESULT_FATAL: memory is out. `ret_newest`: the changelog offset of the commit's shard record, or a lower bound. */
MUST_USE enum result write_behind_add(struct write_behind *behind, const struct known_commit *commit,
                                      int64_t *ret_newest, struct error *error);

/* Whether there is something to send, and nothing is on its way. */
bool write_behind_is_due(const struct write_behind *behind);
/* Sends what waits as one request, up to WRITE_BYTES_MAX. */
MUST_USE enum result write_behind_send(struct write_behind *behind, const struct store *store, uint64_t ticket,
                                       int32_t shard, struct accounts *accounts, struct error *error);
/* The open request is done: its accounts are clean, where nothing newer was committed. */
void write_behind_acknowledge(struct write_behind *behind, struct accounts *accounts);
/* The open request is void: it is to be sent again. */
void write_behind_void(struct write_behind *behind);
void write_behind_free(struct write_behind *behind);
