/* The engine's ports: what the pipeline asks of the world. Plain structs of functions that carry batches; each side is
 * made by another room (consumer/, producer/, store/), or by the simulator, and knows nothing of the others.
 *
 * Threads. A worker's ports are called from the worker's own thread only, and no port calls back. What a library
 * reports (a rebalance, a delivery, an answer) is kept until the next call and is returned by it.
 *
 * Time. Every call returns within about its `timeout_ms` (0: at once); where none is given, at once. Only `poll` of
 * source and store is there to wait in. A port reads no clock but to keep to its timeouts.
 *
 * Answers. A step of the protocol returns an `enum answer`; PENDING means that the very same call is to be made again.
 * `error` is filled for every answer but OK and PENDING, and is what an operator is shown.
 *
 * The protocol itself (what is done when, and after which answer) is the pipeline's, see docs/exactly-once.md: a port
 * repeats nothing on its own, except what its library does below it, and decides nothing. */
#pragma once

#include "base/log_level.h"
#include "base/result.h"
#include "engine/batch.h"
#include "engine/core/change.h"
#include "engine/rejection.h"

enum answer {
    ANSWER_OK,
    ANSWER_PENDING, /* still on its way, or not to be had yet: the same call again */
    ANSWER_FAILED,  /* this call failed; what that means for the transaction is the pipeline's table */
    ANSWER_ZOMBIE,  /* the membership is over: illegal generation, unknown member */
    ANSWER_FATAL,   /* nothing will make it good (no permission, fenced by a twin of the same name): stop */
};

/* An input is one partition of a stream's topic. All inputs of one partition number are a shard. */
struct input {
    enum stream stream;
    int32_t partition;
};

struct input_offset {
    struct input input;
    int64_t offset; /* of the next record; OFFSET_NONE: none */
};

/* ---- source: the group's consumer -------------------------------------------------------------------------------- */

/* Which member of which generation we are: the group's metadata, copied when the assignment came. Opaque, owned by the
 * source, valid until release_membership. Only ever made from checked metadata: generation >= 0, member id not empty.
 */
struct membership;

struct message {
    enum stream stream;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* the record's; OFFSET_NONE where it has none */
    struct text key;      /* missing: null */
    struct text value;    /* missing: a tombstone */
    void *handle;         /* the source's */
};

enum source_event_kind {
    SOURCE_NOTHING,  /* the time is over, or something can be fetched */
    SOURCE_ASSIGNED, /* to be answered by assign, at once (with an empty list where a takeover comes first) */
    SOURCE_REVOKED,  /* to be answered by unassign, once the open commit has ended; poll goes on meanwhile */
    SOURCE_LOST,     /* the membership is over already; to be answered by unassign */
    SOURCE_TROUBLE,  /* a transient error, to be logged */
    SOURCE_FATAL,    /* fenced by another process with this instance id, not authorised, a topic that is gone: stop */
};

struct source_event {
    enum source_event_kind kind;
    const struct input *inputs; /* ASSIGNED: all that are held now; borrowed until the next poll */
    uint32_t inputs_count;
    struct membership *membership; /* ASSIGNED: the receiver's, until release_membership */
    struct error error;            /* TROUBLE, FATAL */
};

struct fetched {
    uint32_t count;   /* messages, in the order of their offsets */
    int64_t position; /* where the source stands behind them: the last record's offset + 1, or the offset of a later
                         end-of-partition event; OFFSET_NONE while nothing is known since assign */
};

/* What a partition holds. `stable`: the last stable offset, what a read_committed consumer can reach. */
struct bounds {
    int64_t low, stable;
};

struct source {
    void *context;
    /* Serves the group; must be called at least every second. Returns early when an event is there or when a partition
     * that was empty can be fetched from. */
    void (*poll)(void *context, int timeout_ms, struct source_event *ret_event);
    /* Replaces the whole list of what is fetched, each from its offset (never OFFSET_NONE); the list may be empty.
     * Messages that were fetched before stay valid; what lay in queues is dropped. */
    enum answer (*assign)(void *context, const struct input_offset *positions, uint32_t count, struct error *error);
    enum answer (*unassign)(void *context, struct error *error);
    /* The group's committed offsets, asked with require-stable: PENDING while a transaction of anybody hangs over one.
     * Sets each position's offset; OFFSET_NONE where none is committed. */
    enum answer (*committed)(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                             struct error *error);
    /* Where reading starts when nothing is committed, by the configuration (earliest, latest, an instant). */
    enum answer (*starts)(void *context, struct input_offset *positions, uint32_t count, int timeout_ms,
                          struct error *error);
    /* Asks the brokers, for all in one go. */
    enum answer (*bounds)(void *context, const struct input *inputs, uint32_t count, struct bounds *ret_bounds,
                          int timeout_ms, struct error *error);
    /* The record's timestamp, to see whether a topic is still the one that was read; ret_found is false where there is
     * no record at that offset any more (compacted, retention). */
    enum answer (*timestamp)(void *context, struct input input, int64_t offset, bool *ret_found,
                             int64_t *ret_timestamp_ms, int timeout_ms, struct error *error);
    /* Takes up to `max` messages of an assigned input that are here already; each is to be released. */
    void (*fetch)(void *context, struct input input, struct message *ret_messages, uint32_t max,
                  struct fetched *ret_fetched);
    void (*release)(void *context, const struct message *messages, uint32_t count);
    /* The message's headers, for a dead letter; borrowed until the message is released. Returns their number, `max` at
     * the most. */
    uint32_t (*headers)(void *context, const struct message *message, struct header *ret_headers, uint32_t max);
    void (*release_membership)(void *context, struct membership *membership);
    /* Leaves the group. Nothing but release and release_membership is called afterwards. */
    void (*close)(void *context, int timeout_ms);
};

/* ---- decoder ----------------------------------------------------------------------------------------------------- */

struct decoder {
    void *context;
    /* OK: an event that is valid by its schema and by docs/contract.md (ids of 1 to 512 bytes of UTF-8), its place
     * filled in; what it refers to is valid until the next call, and while the message is. A null value of the account
     * stream is a tombstone of the key's account at the record's timestamp; of another stream it is invalid.
     * REJECT: `ret_rejection` says why. RETRY: a schema cannot be had now (it is on its way, or the registry is away);
     * `error`. The same call goes on with it, and is made every few milliseconds: it is cheap, and hardly waits.
     * FATAL: memory is out; `error`. Future timestamps, partitions and sizes are looked at by the pipeline. */
    enum result (*decode)(void *context, const struct message *message, struct event *ret_event,
                          struct rejection *ret_rejection, struct error *error);
};

/* ---- encoder: outputs as bytes ----------------------------------------------------------------------------------- */

struct dead_letter {
    const struct message *message;
    const struct header *headers; /* as they came */
    uint32_t headers_count;
    const struct rejection *rejection;
};

/* Appends records to a batch; no I/O. RESULT_FATAL: memory is out. */
struct encoder {
    void *context;
    enum result (*change)(void *context, const struct change *change, int64_t decided_at_ms, struct batch *batch,
                          struct error *error);
    enum result (*status)(void *context, const struct status *status, struct batch *batch, struct error *error);
    enum result (*dead_letter)(void *context, const struct dead_letter *letter, struct batch *batch,
                               struct error *error);
};

/* ---- sink: the transactional producer ---------------------------------------------------------------------------- */

/* The order of calls is: renew; then begin, publish (of one or more batches), flush, send_offsets, commit; or abort
 * after begin. After FAILED, ZOMBIE or FATAL only abort or renew is called. */
struct sink {
    void *context;
    /* A new producer with the same transactional id: purges and destroys what there is, asks for the metadata of every
     * output, then initialises, which ends a transaction that an older one left open. PENDING until that is done. */
    enum answer (*renew)(void *context, int timeout_ms, struct error *error);
    enum answer (*begin)(void *context, struct error *error);
    /* Hands the batch's records to the library, in their order; PENDING while it is to get no more of them yet. The
     * batch is borrowed, and must not be changed, until flush or abort is OK, or renew or close was called. */
    enum answer (*publish)(void *context, struct batch *batch, int timeout_ms, struct error *error);
    /* OK: every record was delivered, and its offset is set where the report has it. */
    enum answer (*flush)(void *context, int timeout_ms, struct error *error);
    /* Positions are real numbers, one at least. Refused (FAILED) by the port otherwise: the library would skip them,
     * and the fence with them. */
    enum answer (*send_offsets)(void *context, const struct input_offset *positions, uint32_t count,
                                const struct membership *membership, int timeout_ms, struct error *error);
    /* OK alone means committed. FAILED: nobody knows. */
    enum answer (*commit)(void *context, int timeout_ms, struct error *error);
    enum answer (*abort)(void *context, int timeout_ms, struct error *error);
    /* How many errors the library has reported by itself since renew (a broker down, a request timed out): a commit
     * during which it grew may have been sent twice. */
    uint64_t (*troubles)(void *context);
    /* Reads what the library has to say by itself; called every second, also while nothing is published. */
    void (*serve)(void *context);
    /* Gives up what is open, and borrows nothing any more. */
    void (*close)(void *context, int timeout_ms);
};

/* ---- changelog: reading a shard's log back ----------------------------------------------------------------------- */

struct log_record {
    int64_t offset;
    struct text key;
    struct text value; /* missing: a tombstone (none is ever written) */
};

struct log_bounds {
    int64_t low;
    int64_t high;   /* the high watermark, asked uncommitted */
    int64_t stable; /* the last stable offset */
};

/* read_committed. Several shards may be open; each is read from its own queue. */
struct changelog {
    void *context;
    enum answer (*bounds)(void *context, int32_t shard, struct log_bounds *ret_bounds, int timeout_ms,
                          struct error *error);
    enum answer (*open)(void *context, int32_t shard, int64_t from_offset, struct error *error);
    /* Up to `max` records; `ret_position` as in `struct fetched`: behind the last record, or where a later end of the
     * partition was reached. Records are borrowed until the next read or close of this shard. OK with a count of 0:
     * nothing within the timeout. FAILED: e.g. the offset is out of range. */
    enum answer (*read)(void *context, int32_t shard, struct log_record *ret_records, uint32_t max, int timeout_ms,
                        uint32_t *ret_count, int64_t *ret_position, struct error *error);
    void (*close)(void *context, int32_t shard);
    void (*serve)(void *context); /* as the sink's */
};

/* ---- store: the copy of the changelog ---------------------------------------------------------------------------- */

#define CHANGELOG_ID_SIZE 16

/* What a shard's data belongs to; a store refuses when what it holds belongs elsewhere. */
struct identity {
    struct text cluster_id;
    uint8_t changelog_id[CHANGELOG_ID_SIZE]; /* random, the first record of the changelog's partition */
    int32_t partitions;                      /* of every input and of the changelog */
};

struct store_claim {
    struct identity identity;
    int64_t epoch;        /* the offset of the shard's newest own barrier */
    int64_t newest_known; /* greatest changelog offset that the store may know of: at takeover the barrier's, on a new
                             connection that of the newest known commit */
    bool again;           /* the shard is ours already; this is a new connection */
    int64_t nonce;        /* random, not negative: no two claims share it */
};

/* A shard's meta as it was before the claim. */
struct store_meta {
    bool exists;
    int64_t epoch;
    int64_t changelog_offset; /* everything up to here, itself included, is in the store */
    struct text shard_record; /* that of changelog_offset's commit */
    struct text layouts;      /* those that the changelog has up to there, or more of them (layout.h) */
};

struct stored_blob {
    struct text account_id;
    struct text blob;         /* missing: the account was never seen */
    int64_t changelog_offset; /* of the blob's record, or a lower bound */
    int64_t due_ms;           /* INSTANT_NEVER: none */
    uint32_t waits_for;       /* streams (bit i: stream i) whose resumption makes the account due */
    bool deadline_is_stored;  /* written: due_ms and waits_for are what the store has of the account already */
};

struct store_write {
    const struct stored_blob *blobs; /* of an account one at the most; borrowed until WRITTEN, or until the shard is
                                        released, lost or UNAVAILABLE */
    uint32_t count;
    bool has_meta; /* the meta moves with the last blob or after it, never before */
    int64_t changelog_offset;
    struct text shard_record; /* borrowed like the blobs, and so are */
    struct text layouts;      /* all of the shard, with the meta; missing: those that were written before */
};

struct due_query {
    int64_t tick_ms;    /* accounts that are due at it or before */
    uint32_t waits_for; /* and accounts that wait for one of these streams */
    uint64_t cursor;    /* 0: from the beginning; else next_cursor, where no write was sent since */
    uint32_t max;       /* about so many */
};

enum store_refusal {
    STORE_REFUSED_EPOCH,    /* a later owner was here */
    STORE_REFUSED_OFFSET,   /* the store knows of more than the changelog can hold */
    STORE_REFUSED_IDENTITY, /* another cluster, changelog or partition count */
    STORE_REFUSED_DAMAGE, /* of a request for accounts: a state is cut off, or gone; no more events of the shard come */
};

enum store_event_kind {
    STORE_NOTHING,
    STORE_CLAIMED,
    STORE_REFUSED,
    STORE_LOADED,
    STORE_DUE,
    STORE_SCANNED,
    STORE_WRITTEN,
    STORE_VERIFIED,
    STORE_LOST, /* the shard's data are not what its owner left (rolled back, flushed, another owner): take over anew.
                   No more events of the shard come until it is claimed */
    STORE_UNAVAILABLE, /* the server is away or does not serve (full, read-only, loading). Every request that was open,
                          of any shard, is void, perhaps done; each shard is to be claimed again */
};

struct store_event {
    enum store_event_kind kind;
    uint64_t ticket;            /* the request's; 0 in NOTHING, UNAVAILABLE */
    int32_t shard;              /* not in NOTHING, UNAVAILABLE */
    struct store_meta meta;     /* CLAIMED, REFUSED of a claim */
    enum store_refusal refusal; /* REFUSED */
    const struct stored_blob
        *blobs; /* LOADED (in the order that was asked), DUE, SCANNED; borrowed until the next poll */
    uint32_t count;
    uint64_t next_cursor; /* DUE, SCANNED; 0: that was the end */
    int64_t next_due_ms;  /* DUE, at the end: the first deadline beyond the tick; INSTANT_NEVER */
    uint32_t waits_left;  /* DUE, at the end: streams outside the query that accounts wait for */
    struct error error;   /* REFUSED, LOST, UNAVAILABLE */
};

/* Requests are pipelined on one connection, and take effect in the order in which they were made; each is answered by
 * one event with its ticket (above 0, chosen by the caller). For a shard at most STORE_REQUESTS_MAX are open
 * (limits.h). RESULT_FATAL of a request: memory is out. */
struct store {
    void *context;
    enum result (*claim)(void *context, uint64_t ticket, int32_t shard, const struct store_claim *claim,
                         struct error *error);
    enum result (*load)(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids, uint32_t count,
                        struct error *error);
    enum result (*load_due)(void *context, uint64_t ticket, int32_t shard, const struct due_query *query,
                            struct error *error);
    /* All accounts, some hundreds at a time; a cursor stays good over writes, and until the store is UNAVAILABLE. */
    enum result (*scan)(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error);
    enum result (*write)(void *context, uint64_t ticket, int32_t shard, const struct store_write *write,
                         struct error *error);
    /* Accounts of one place lie together: many that are written in the order of their places cost the store less. */
    uint32_t (*place)(void *context, struct text account_id);
    /* Looks whether epoch, claim and write number are the owner's: VERIFIED or LOST. */
    enum result (*verify)(void *context, uint64_t ticket, int32_t shard, struct error *error);
    /* Forgets the shard; its open requests give no event any more, and borrow nothing. What was sent may still be done.
     */
    void (*release)(void *context, int32_t shard);
    void (*poll)(void *context, int timeout_ms, struct store_event *ret_event);
};

/* ---- clock, chance, log ------------------------------------------------------------------------------------------ */

struct clock {
    void *context;
    int64_t (*wall_ms)(void *context);      /* since the epoch; may jump */
    int64_t (*monotonic_ms)(void *context); /* never goes back */
};

struct chance {
    void *context;
    void (*fill)(void *context, void *data, size_t size); /* random bytes: nonces, a new changelog's id */
};

struct logger {
    void *context;
    void (*write)(void *context, enum log_level level, const char *message);
};
