/* How many different values an account's events had in a sliding window.
 *
 * A section holds each value's 64-bit hash with the newest slice in which it was seen, sorted by hash, so one set
 * serves windows of every length. Exact while no more than DISTINCT_VALUES_MAX values are held; beyond, the hashes
 * whose lowest `level` bits are zero are kept as a uniform sample, and what is counted among them stands for 2^level
 * times as many: a standard error of 1 / sqrt(kept), 2 to 3 % (P. Gibbons, "Distinct sampling", VLDB 2001). The level
 * goes back to 0 when nothing is held any more. */
#pragma once

#include "engine/core/account/windows.h"

#define DISTINCT_VALUES_MAX 2048

/* A section begins with the level; then come the entries: a hash, and 32 bits of the slice's index. */
#define DISTINCT_LEVEL_SIZE 1
#define DISTINCT_LEVELS     64
#define DISTINCT_ENTRY_SIZE 12

/* Remembers that the value was seen in the slice `index`; outcomes as of window_add. `shortest`: the first slice of the
 * shortest window that anybody looks at. */
MUST_USE enum window_outcome distinct_add(struct state *state, uint32_t slot, uint64_t value_hash, int64_t index,
                                          int64_t oldest, int64_t shortest);

double distinct_count(const struct state *state, uint32_t slot, struct window window);

/* Whether counting stays exact for `more` values. */
bool distinct_is_exact(const struct state *state, uint32_t slot, uint32_t more);
