/* What the daemon shows of itself over HTTP: /metrics, /health/live and /health/ready. Reads what the workers write,
 * which is made to be read by any thread. */
#pragma once

#include "engine/counters.h"
#include "engine/shard_board.h"
#include "ops/http_server.h"

#define WORKERS_MAX 256

/* All that is shown; filled by the daemon before `begun` is true, which it never is where the start has failed; from
 * then on constant while the server runs, but for what is behind the pointers. */
struct status_view {
    const struct counters *counters[WORKERS_MAX]; /* of each worker */
    uint32_t counters_count;
    const struct shard_board *board; /* NULL until the partitions are known */
    _Atomic bool begun;              /* the workers run */
    int64_t started_ms;              /* wall clock */
    int64_t (*wall_ms)(void);
};

extern const struct http_route status_routes[];
extern const uint32_t status_routes_count;

/* The counter over all workers; 0 until they run. */
uint64_t status_counter(const struct status_view *view, uint32_t counter);
