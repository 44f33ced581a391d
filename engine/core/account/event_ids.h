/* The ids of the newest events of an account and stream, by arrival, so that a record which comes again has no effect.
 * Only 64-bit hashes are kept: among 64 ids, two different ones are taken for the same once in 10^17 events. */
#pragma once

#include "engine/core/account/state.h"

#define EVENT_ID_SIZE 8 /* in the state */

/* Of the ids as a state holds them those that are remembered where only `kept` are. */
struct text event_ids_newest(struct text ids, uint32_t kept);

/* Of a state that need not be bound. */
bool event_ids_has(const uint8_t *data, uint32_t data_size, enum stream stream, uint64_t id_hash);

/* Remembers the id as the newest; of `kept` that are there the oldest is forgotten. Behind the ids of the stream the
 * state may not be viewed any more. False: no room, nothing is changed. */
MUST_USE bool event_ids_add(struct state *state, enum stream stream, uint64_t id_hash, uint32_t kept);
