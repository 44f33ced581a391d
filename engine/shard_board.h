/* What each shard is doing, for `status`, /metrics and /health/ready: written by the worker that holds the shard, read
 * by any thread. Values are atomics of their own, not consistent with one another. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

enum shard_state {
    SHARD_ELSEWHERE, /* not held by this process */
    SHARD_TAKEOVER,
    SHARD_RUNNING,
    SHARD_STALLED,   /* the merge waits for an input that yields nothing */
    SHARD_HELD_BACK, /* other rules have followed those of this process */
};

struct shard_entry {
    _Atomic int state;
    _Atomic int64_t watermark_ms; /* INSTANT_NONE */
    _Atomic int64_t lag_records;
    _Atomic int64_t record_ms; /* the timestamp of the last record taken; INSTANT_NONE */
    _Atomic uint32_t stalled;  /* streams */
    _Atomic uint64_t commit;
    _Atomic int64_t epoch;
};

struct shard_board {
    int32_t count;
    struct shard_entry *entries;
};

struct text shard_state_name(enum shard_state state);
MUST_USE enum result shard_board_init(struct shard_board *board, int32_t count, struct error *error);
void shard_board_free(struct shard_board *board);
