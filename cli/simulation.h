/* Made-up customers of a made-up company, for the demo: each leads one of a few typical lives (lives.c) through the
 * days of the simulation, and leaves the events that such a customer would leave. The same seed gives the same events.
 *
 * Pure but for memory; one thread. */
#pragma once

#include "base/arena.h"
#include "engine/core/event.h"

#define SIMULATION_DAYS     120
#define SIMULATION_ACCOUNTS 60

struct simulation;

/* `start_ms` is the first day's midnight, UTC. */
MUST_USE enum result simulation_create(uint64_t seed, int64_t start_ms, struct simulation **ret_simulation,
                                       struct error *error);
void simulation_free(struct simulation *simulation);

/* The events of one day (0 to SIMULATION_DAYS - 1, each once, in their order), in the order of their times; before
 * those of day 0 come the facts of all who were customers before. Borrowed until the next call. RESULT_FATAL: memory is
 * out. */
MUST_USE enum result simulation_day(struct simulation *simulation, int day, const struct event **ret_events,
                                    uint32_t *ret_count, struct error *error);

/* What kind of life the account leads, for the summary: `declines and leaves`; NULL where there is no such account. */
const char *simulation_life(const struct simulation *simulation, struct text account_id);
