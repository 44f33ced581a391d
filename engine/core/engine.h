/* The core's front door: an account's state and a record in; the new state and the changes out.
 *
 * Pure: no I/O, no clock, no allocation after engine_create. One engine per thread (it owns the registers and the
 * buffer in which states are worked on); the program may be shared. What it returns is valid until its next call.
 *
 * A state is a run of bytes that only the engine of the same program reads (account/state.h); engine_encode and
 * engine_decode turn it into a blob and back, which any ruleset and any later version can read that has its layout. */
#pragma once

#include "base/buffer.h"
#include "engine/core/change.h"
#include "engine/core/clocks.h"
#include "engine/core/layout.h"
#include "engine/core/rules/program.h"

struct engine;

struct engine_options {
    uint32_t account_bytes_max; /* a larger state is refused, limits.account_bytes */
    int64_t live_from_ms;       /* changes before it have origin BACKFILL; INSTANT_NONE: all are LIVE */
    bool visit_every_tick;      /* tests: every account is due at every tick, and each evaluation does all anew */
};

/* A state in its owner's memory; no bytes: an account that was never seen. The engine works on it in place as long as
 * `capacity` has room, else in its own buffer: the owner looks at `step.state`, and where that is not its own memory
 * any more, takes a copy. A refused event leaves the bytes as they were. */
struct state_bytes {
    uint8_t *data;
    uint32_t size, capacity;
};

enum step_outcome {
    STEP_APPLIED,
    STEP_DUPLICATE,         /* an event id that is remembered: nothing happened */
    STEP_ERASED,            /* an event of an erased account: dropped, though clocks move */
    STEP_NOTHING_TO_ERASE,  /* a tombstone for an unknown or erased account: only the watermark moves */
    STEP_ACCOUNT_TOO_LARGE, /* the account stays as it was */
};

struct step {
    enum step_outcome outcome;
    struct state_bytes state; /* the new one; in the owner's memory, or in the engine's buffer */
    const struct change *changes;
    uint32_t changes_count;
    const struct status *status; /* where there are changes; else NULL */
    bool has_passed;             /* it was not evaluated: it is due when it was before */
    uint32_t slices_expired;     /* aggregates for which the event was too old to count */
};

MUST_USE enum result engine_create(const struct program *program, const struct engine_options *options,
                                   struct engine **ret_engine, struct error *error);
void engine_free(struct engine *engine);
const struct program *engine_program(const struct engine *engine);

/* What an event's id is remembered as; facts have none. */
uint64_t event_id_hash(const struct event *event);

/* Steps 2 and 3 of a record (docs/rules.md): applies it and evaluates its account. The ticks up to the watermark
 * have fired; the stream's newest time in `clocks` is moved. The caller has asked state_remembers of `id_hash`, which
 * is the event's. */
void engine_apply(struct engine *engine, struct state_bytes state, const struct event *event, uint64_t id_hash,
                  struct clocks *clocks, struct step *ret_step);

/* Evaluates the account at the tick `tick_ms`. */
void engine_tick(struct engine *engine, struct state_bytes state, int64_t tick_ms, const struct clocks *clocks,
                 struct step *ret_step);

/* The first tick at which the account must be evaluated; INSTANT_NEVER: none; an instant in the past (INSTANT_NONE
 * after changed rules): at the very next tick. */
#define INSTANT_NEVER INT64_MAX
int64_t state_due_ms(struct state_bytes state);
/* Streams (bit i: stream i) whose stall holds the account back: it is due at the next tick once one of them resumes. */
uint32_t state_waits_for(struct state_bytes state);
struct text state_account_id(struct state_bytes state);
uint64_t state_sequence(struct state_bytes state);
bool state_is_erased(struct state_bytes state);
/* Whether the event's id is remembered, and the event therefore a duplicate: to be asked before the watermark is moved
 * by it. */
bool state_remembers(struct state_bytes state, const struct event *event, uint64_t id_hash);

/* The account as it stands, without evaluating it. */
void engine_status(struct engine *engine, struct state_bytes state, const struct clocks *clocks,
                   struct status *ret_status);

/* Appends the state's blob. */
void engine_encode(struct engine *engine, struct state_bytes bytes, struct buffer *out);
/* The same, written where there is room for engine_blob_size_max bytes; returns what lies behind it. */
uint8_t *engine_write_blob(const struct engine *engine, struct state_bytes bytes, uint8_t *to);
/* More than the state's blob can take. */
size_t engine_blob_size_max(struct state_bytes bytes);
/* What the slots of its program's states are: to be stored beside their blobs. */
const struct layout *engine_layout(const struct engine *engine);

/* Binds a blob to this engine's program. `layouts`: those that blobs of other programs may be of; NULL: none.
 * `ticked_ms`: the shard's last tick; what the blob's rules did not count is counted from there, or from the account's
 * own instant where that is later. RESULT_REJECT: the blob is malformed, of a later version, or of an unknown layout.
 */
MUST_USE enum result engine_decode(struct engine *engine, const uint8_t *blob, size_t blob_size,
                                   const struct layouts *layouts, int64_t ticked_ms, struct state_bytes *ret_state,
                                   struct error *error);

/* Read from a blob without binding it. RESULT_REJECT where it is malformed. */
struct blob_summary {
    struct text account_id;
    uint64_t ruleset_hash, layout_hash;
    int64_t now_ms; /* the account's own instant, of its last evaluation */
    int64_t due_ms;
    uint32_t waits_for;
    bool erased;
};
MUST_USE enum result blob_summarise(const uint8_t *blob, size_t blob_size, struct blob_summary *ret_summary,
                                    struct error *error);
