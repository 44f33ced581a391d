/* The engine over records in the order in which they come, with no servers: `replay`, `diff`, `test`, the golden tests.
 * The whole input is one shard, and all of it is kept in memory. One thread. */
#pragma once

#include "engine/shard.h"

struct replay;

struct replay_options {
    int64_t live_from_ms;       /* changes before it have origin BACKFILL; INSTANT_NONE: all are LIVE */
    uint32_t account_bytes_max; /* 0: no bound but the engine's own */
    bool visit_every_tick;      /* tests */
};

/* The program outlives the replay; `counters` may be NULL. */
MUST_USE enum result replay_create(const struct program *program, const struct replay_options *options,
                                   const struct shard_output *output, struct counters *counters,
                                   struct replay **ret_replay, struct error *error);
void replay_free(struct replay *replay);

/* Takes one record; what it decides is with the output port when this returns. `reference_ms`: the line's
 * `recorded_at`, or where it has none the wall clock. REJECT: the record's time is in the future, or it would make its
 * account too large; `ret_rejection` says so, and nothing has happened. */
MUST_USE enum result replay_record(struct replay *replay, const struct event *event, int64_t reference_ms,
                                   struct rejection *ret_rejection, struct error *error);
/* Moves the watermark on, for --until. */
MUST_USE enum result replay_until(struct replay *replay, int64_t watermark_ms, struct error *error);

struct engine *replay_engine(struct replay *replay);
/* Clocks and accounts, to be looked at. */
struct shard *replay_shard(struct replay *replay);
