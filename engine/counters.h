/* What is counted and measured: the one table from which /metrics, `status` and the docs are made.
 *
 * A worker writes its own counters, any thread may read them: each value is an atomic of its own, and values are not
 * consistent with one another. Plain data; zeroed is good. */
#pragma once

#include <stdatomic.h>

#include "engine/core/change.h"
#include "engine/rejection.h"

#define DURATION_BUCKETS 12 /* see duration_bucket_ms; the last has no upper bound */

/* Families with a label take one value for each of the label's values. */
enum counter {
    COUNTER_RECORDS,
    COUNTER_REJECTED = COUNTER_RECORDS + STREAMS,
    COUNTER_CHANGES = COUNTER_REJECTED + REJECTION_REASONS,
    COUNTER_DUPLICATES = COUNTER_CHANGES + CHANGE_EXITED + 1,
    COUNTER_EVENTS_ERASED,
    COUNTER_EVENTS_EXPIRED,
    COUNTER_EVALUATED_TICKS,
    COUNTER_ACCOUNTS_LOADED,
    COUNTER_ACCOUNTS_EVICTED,
    COUNTER_COMMITS,
    COUNTER_COMMITS_ABORTED,
    COUNTER_COMMITS_UNKNOWN,
    COUNTER_COMMIT_BYTES,
    COUNTER_COMMIT_DURATION, /* a bucket each, then the sum of milliseconds */
    COUNTER_TAKEOVERS = COUNTER_COMMIT_DURATION + DURATION_BUCKETS + 1,
    COUNTER_TAKEOVERS_RESTARTED,
    COUNTER_OFFSETS_BEHIND,
    COUNTER_RESTORED_BLOBS,
    COUNTER_STORE_LOST,
    COUNTER_STORE_UNAVAILABLE,
    COUNTER_PRODUCERS_RENEWED,
    GAUGE_MEMBERS,
    GAUGE_SHARDS,
    GAUGE_ACCOUNTS,
    GAUGE_STATE_BYTES,
    GAUGE_STORE_LAG_COMMITS,
    GAUGE_STORE_LAG_BYTES,
    COUNTERS,
};

enum counter_kind { COUNTER_MONOTONIC, COUNTER_GAUGE, COUNTER_HISTOGRAM };

struct counter_family {
    enum counter first;
    uint32_t values;
    enum counter_kind kind;
    const char *name; /* Prometheus' name */
    const char *help;
    const char *label; /* NULL: none */
    struct text (*label_value)(uint32_t index);
};

extern const struct counter_family counter_families[];
extern const uint32_t counter_families_count;
/* Upper bounds of the buckets, in milliseconds; the last is INT64_MAX. */
extern const int64_t duration_bucket_ms[DURATION_BUCKETS];

struct counters {
    _Atomic uint64_t values[COUNTERS];
};

/* Only the owner writes, so that a plain addition will do; NULL counts nothing. */
static inline void counters_add(struct counters *counters, uint32_t counter, uint64_t count) {
    if (counters != NULL && count > 0)
        atomic_store_explicit(&counters->values[counter],
                              atomic_load_explicit(&counters->values[counter], memory_order_relaxed) + count,
                              memory_order_relaxed);
}

static inline void counters_set(struct counters *counters, uint32_t counter, uint64_t value) {
    if (counters != NULL)
        atomic_store_explicit(&counters->values[counter], value, memory_order_relaxed);
}

static inline uint64_t counters_get(const struct counters *counters, uint32_t counter) {
    return atomic_load_explicit(&counters->values[counter], memory_order_relaxed);
}

void counters_add_duration(struct counters *counters, enum counter first, int64_t duration_ms);
