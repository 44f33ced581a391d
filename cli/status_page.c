#include "cli/status_page.h"

#include <inttypes.h>
#include <stdio.h>

#include "bellwether_version.h"
#include "ops/metrics.h"

/* While workers are started somebody may ask already, and they are gone again where one of them cannot be. */
uint64_t status_counter(const struct status_view *view, uint32_t counter) {
    uint32_t count = view->begun ? view->counters_count : 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += counters_get(view->counters[i], counter);
    return sum;
}

/* ---- /metrics */

static void put_histogram(const struct status_view *view, const struct counter_family *family, struct buffer *out) {
    uint64_t buckets[DURATION_BUCKETS];
    for (uint32_t i = 0; i < DURATION_BUCKETS; i++)
        buckets[i] = status_counter(view, family->first + i);
    metrics_histogram(out, family->name, buckets, duration_bucket_ms, DURATION_BUCKETS,
                      status_counter(view, family->first + DURATION_BUCKETS));
}

static void put_family(const struct status_view *view, const struct counter_family *family, struct buffer *out) {
    static const enum metric_type types[] = {
        [COUNTER_MONOTONIC] = METRIC_COUNTER, [COUNTER_GAUGE] = METRIC_GAUGE, [COUNTER_HISTOGRAM] = METRIC_HISTOGRAM};
    metrics_family(out, family->name, types[family->kind], family->help);
    if (family->kind == COUNTER_HISTOGRAM) {
        put_histogram(view, family, out);
        return;
    }
    for (uint32_t i = 0; i < family->values; i++) {
        struct metric_label label = {family->label, family->label == NULL ? TEXT_MISSING : family->label_value(i)};
        metrics_sample(out, family->name, &label, family->label == NULL ? 0 : 1,
                       (double)status_counter(view, family->first + i));
    }
}

/* What one number of each shard is; NAN where there is nothing to say. */
struct shard_metric {
    const char *name, *help;
    double (*value)(const struct shard_entry *entry, int64_t now_ms);
};

static double lag_records(const struct shard_entry *entry, int64_t now_ms) {
    (void)now_ms;
    return (double)entry->lag_records;
}

static double lag_seconds(const struct shard_entry *entry, int64_t now_ms) {
    int64_t record_ms = entry->record_ms;
    if (entry->lag_records <= 0 || record_ms == INSTANT_NONE || now_ms < record_ms)
        return 0;
    return (double)(now_ms - record_ms) / 1000;
}

static double watermark_seconds(const struct shard_entry *entry, int64_t now_ms) {
    (void)now_ms;
    int64_t watermark_ms = entry->watermark_ms;
    return watermark_ms == INSTANT_NONE ? 0 : (double)watermark_ms / 1000;
}

static double is_stalled(const struct shard_entry *entry, int64_t now_ms) {
    (void)now_ms;
    return entry->state == SHARD_STALLED;
}

static double is_running(const struct shard_entry *entry, int64_t now_ms) {
    (void)now_ms;
    return entry->state == SHARD_RUNNING || entry->state == SHARD_STALLED;
}

static const struct shard_metric shard_metrics[] = {
    {"bellwether_lag_records", "Records of a shard's inputs that have not been taken yet.", lag_records},
    {"bellwether_lag_seconds", "How old the last record taken is, while there are more to take.", lag_seconds},
    {"bellwether_watermark_timestamp_seconds", "The instant up to which a shard's time has come; 0: none yet.",
     watermark_seconds},
    {"bellwether_shard_running", "Whether a shard that is held works: 0 while it is being taken over, or held back.",
     is_running},
    {"bellwether_shard_stalled", "Whether a shard waits for an input that is known to hold more and yields nothing.",
     is_stalled},
};

static void put_shards(const struct status_view *view, const struct shard_metric *metric, struct buffer *out) {
    int64_t now_ms = view->wall_ms();
    metrics_family(out, metric->name, METRIC_GAUGE, metric->help);
    for (int32_t shard = 0; shard < view->board->count; shard++) {
        const struct shard_entry *entry = &view->board->entries[shard];
        char number[16];
        struct metric_label label = {"shard", {number, (uint32_t)snprintf(number, sizeof number, "%" PRId32, shard)}};
        if (entry->state != SHARD_ELSEWHERE)
            metrics_sample(out, metric->name, &label, 1, metric->value(entry, now_ms));
    }
}

static void respond_metrics(void *context, struct http_response *response) {
    const struct status_view *view = context;
    const struct metric_label build[] = {{"version", TEXT(BELLWETHER_VERSION)},
                                         {"revision", TEXT(BELLWETHER_REVISION)}};
    struct buffer *out = &response->body;
    response->content_type = METRICS_CONTENT_TYPE;
    metrics_family(out, "bellwether_build_info", METRIC_GAUGE, "The version that runs.");
    metrics_sample(out, "bellwether_build_info", build, 2, 1);
    metrics_family(out, "process_start_time_seconds", METRIC_GAUGE, "When the process started.");
    metrics_sample(out, "process_start_time_seconds", NULL, 0, (double)view->started_ms / 1000);
    for (uint32_t i = 0; i < counter_families_count; i++)
        put_family(view, &counter_families[i], out);
    for (size_t i = 0; view->begun && i < sizeof shard_metrics / sizeof shard_metrics[0]; i++)
        put_shards(view, &shard_metrics[i], out);
}

/* ---- /health */

static void respond_live(void *context, struct http_response *response) {
    (void)context;
    buffer_put_string(&response->body, "alive\n");
}

static uint32_t shards_in(const struct shard_board *board, enum shard_state state) {
    uint32_t count = 0;
    for (int32_t shard = 0; shard < board->count; shard++)
        count += board->entries[shard].state == (int)state;
    return count;
}

/* Ready is who does the work that has been given to it, also where the group has said that this is none. Whoever has
 * not heard of the brokers for a session's length has lost its shards, and is no member until they answer. */
static void respond_ready(void *context, struct http_response *response) {
    const struct status_view *view = context;
    struct buffer *out = &response->body;
    response->status = 503;
    if (!view->begun) {
        buffer_put_string(out, "starting: Kafka has not been reached yet\n");
        return;
    }
    uint32_t takeover = shards_in(view->board, SHARD_TAKEOVER), held_back = shards_in(view->board, SHARD_HELD_BACK);
    uint32_t stalled = shards_in(view->board, SHARD_STALLED), running = shards_in(view->board, SHARD_RUNNING) + stalled;
    if (takeover > 0) {
        buffer_printf(out, "taking over %" PRIu32 " shards\n", takeover);
    } else if (held_back > 0) {
        buffer_printf(out, "%" PRIu32 " shards are held back: newer rules than this process has are in force\n",
                      held_back);
    } else if (running == 0 && status_counter(view, GAUGE_MEMBERS) < view->counters_count) {
        buffer_put_string(out, "waiting for partitions: the group is sharing them out, or Kafka does not answer\n");
    } else if (running == 0) {
        response->status = 200;
        buffer_put_string(out, "ready: no shards, as other processes have them all\n");
    } else {
        response->status = 200;
        buffer_printf(out, "ready: %" PRIu32 " shards, %" PRIu32 " of them stalled\n", running, stalled);
    }
}

const struct http_route status_routes[] = {
    {"/metrics", respond_metrics},
    {"/health/live", respond_live},
    {"/health/ready", respond_ready},
};
const uint32_t status_routes_count = sizeof status_routes / sizeof status_routes[0];
