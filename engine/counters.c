#include "engine/counters.h"

const int64_t duration_bucket_ms[DURATION_BUCKETS] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, INT64_MAX};

static struct text stream_name(uint32_t index) {
    return stream_schemas[index].name;
}

static struct text reason_name(uint32_t index) {
    return rejection_definitions[index].name;
}

static struct text change_name(uint32_t index) {
    static const struct text names[] = {TEXT("MOVED"), TEXT("ENTERED"), TEXT("EXITED")};
    return names[index];
}

#define ONE(counter, name, help) \
    { counter, 1, COUNTER_MONOTONIC, name, help, NULL, NULL }
#define GAUGE(counter, name, help) \
    { counter, 1, COUNTER_GAUGE, name, help, NULL, NULL }

const struct counter_family counter_families[] = {
    {COUNTER_RECORDS, STREAMS, COUNTER_MONOTONIC, "bellwether_records_total",
     "Records taken from the inputs, whatever became of them.", "stream", stream_name},
    {COUNTER_REJECTED, REJECTION_REASONS, COUNTER_MONOTONIC, "bellwether_rejected_total",
     "Records sent to the dead letters.", "reason", reason_name},
    {COUNTER_CHANGES, CHANGE_EXITED + 1, COUNTER_MONOTONIC, "bellwether_changes_total", "Changes decided.", "kind",
     change_name},
    ONE(COUNTER_DUPLICATES, "bellwether_duplicates_total", "Events whose id was remembered: without effect."),
    ONE(COUNTER_EVENTS_ERASED, "bellwether_events_erased_total", "Events of erased accounts: dropped."),
    ONE(COUNTER_EVENTS_EXPIRED, "bellwether_events_expired_total",
        "Times that an event was too old to count in an aggregate."),
    ONE(COUNTER_EVALUATED_TICKS, "bellwether_tick_evaluations_total", "Evaluations of an account at a tick."),
    ONE(COUNTER_ACCOUNTS_LOADED, "bellwether_accounts_loaded_total", "Accounts loaded from the store."),
    ONE(COUNTER_ACCOUNTS_EVICTED, "bellwether_accounts_evicted_total", "Accounts that left memory for the store."),
    ONE(COUNTER_COMMITS, "bellwether_commits_total", "Commits that are known to be done."),
    ONE(COUNTER_COMMITS_ABORTED, "bellwether_commits_aborted_total", "Commits that failed and were published again."),
    ONE(COUNTER_COMMITS_UNKNOWN, "bellwether_commits_unknown_total",
        "Commits whose outcome is not known: the shards were taken over anew."),
    ONE(COUNTER_COMMIT_BYTES, "bellwether_commit_bytes_total", "Bytes published in commits."),
    {COUNTER_COMMIT_DURATION, DURATION_BUCKETS + 1, COUNTER_HISTOGRAM, "bellwether_commit_duration_seconds",
     "From a commit's begin to its being known.", NULL, NULL},
    ONE(COUNTER_TAKEOVERS, "bellwether_takeovers_total", "Shards taken over."),
    ONE(COUNTER_TAKEOVERS_RESTARTED, "bellwether_takeovers_restarted_total",
        "Times that a takeover had to start from its first step again."),
    ONE(COUNTER_OFFSETS_BEHIND, "bellwether_offsets_behind_total",
        "Inputs whose committed offset was behind the shard record's, which won."),
    ONE(COUNTER_RESTORED_BLOBS, "bellwether_restored_accounts_total", "Accounts read from the changelog at takeover."),
    ONE(COUNTER_STORE_LOST, "bellwether_store_lost_total",
        "Times that a shard's data in the store were not what was left there."),
    ONE(COUNTER_STORE_UNAVAILABLE, "bellwether_store_unavailable_total", "Times that the store did not serve."),
    ONE(COUNTER_PRODUCERS_RENEWED, "bellwether_producers_renewed_total", "Transactional producers made."),
    GAUGE(GAUGE_MEMBERS, "bellwether_members", "Workers that are members of the group, as far as they know."),
    GAUGE(GAUGE_SHARDS, "bellwether_shards", "Shards held."),
    GAUGE(GAUGE_ACCOUNTS, "bellwether_accounts_in_memory", "Accounts in memory."),
    GAUGE(GAUGE_STATE_BYTES, "bellwether_state_bytes", "Bytes of account states in memory."),
    GAUGE(GAUGE_STORE_LAG_COMMITS, "bellwether_store_lag_commits", "Commits that the store has not acknowledged."),
    GAUGE(GAUGE_STORE_LAG_BYTES, "bellwether_store_lag_bytes", "Their size."),
};

const uint32_t counter_families_count = sizeof counter_families / sizeof *counter_families;

void counters_add_duration(struct counters *counters, enum counter first, int64_t duration_ms) {
    uint32_t bucket = 0;
    while (duration_ms > duration_bucket_ms[bucket])
        bucket++;
    counters_add(counters, first + bucket, 1);
    counters_add(counters, first + DURATION_BUCKETS, duration_ms < 0 ? 0 : (uint64_t)duration_ms);
}
