/* From an event's creation to the change that it causes, as a read_committed reader sees it, in an open loop: events
 * are created by the clock, whether the former ones are done or not, and a late sender does not make them younger.
 *
 * One daemon for all, under the steady load, its events created now. It warms up, and so does the broker, while the
 * load is found that can be sustained. As much as is taken where the generator keeps a fixed number of events ahead of
 * the last change is a guess, and too high: batches are large then, and what broker and Redis do from time to time,
 * compacting the changelog and rewriting the append-only file, may not have been due. So it is tried in an open loop,
 * and lowered until it is kept up with. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/fail.h"
#include "bench/histogram.h"
#include "cli/clock.h"

#define COMMIT_EVERY   "100ms"
#define EVENTS_AHEAD   50000 /* of the last change that was seen, where what can be sustained is found: some seconds' */
#define EVENTS_AT_ONCE 1000  /* before changes are read again */
#define WARM_UP_MS     6000
#define SETTLE_MS      2000 /* of each load, before samples count */
#define DRAIN_MS       30000
#define PRELUDE_MS     300000
#define MS             INT64_C(1000000) /* nanoseconds */

#define LAG_MS_MAX     500 /* of the last change that was seen, at the end of a load that is kept up with */
#define LOWERED_TO     0.85
#define TRIES_MAX      12
#define TRIED_S(bench) ((bench)->quick ? 20 : 30) /* each load while what can be sustained is found */

/* What a sample's time goes into. */
enum span { SPAN_TAKEN, SPAN_BEGUN, SPAN_READ, SPAN_ALL, SPANS };

static const char *const span_names[SPAN_ALL] = {"taken", "its commit begins", "read"};

struct sample {
    uint64_t event;     /* its number */
    int64_t created_ns; /* INT64_MIN: there is none, or its change was seen */
    int64_t created_ms; /* by the wall clock */
};

struct flow {
    struct bench *bench;
    struct load load;
    struct deployment deployment;
    struct event_producer *producer;
    rd_kafka_t *reader;
    struct sample *samples; /* the last of each account */
    uint64_t events, seen;  /* created; the last sample created whose change was seen */
    uint64_t newest;        /* the last sample created */
    int64_t counts_from_ns;
    struct histogram spans[SPANS];
};

static void open_flow(struct bench *bench, const char *name, struct flow *flow) {
    *flow = (struct flow){.bench = bench};
    flow->load = load_default(LOAD_STEADY);
    flow->load.name = name;
    flow->load.events = 0;
    flow->load.base_ms = load_base_before_now_ms(clock_wall_ms());
    if (bench->quick)
        flow->load.accounts /= 10;
    assert(flow->load.accounts > 0);
    flow->samples = calloc(flow->load.accounts, sizeof *flow->samples);
    if (flow->samples == NULL)
        bench_fail("memory is out");
    for (uint32_t i = 0; i < flow->load.accounts; i++)
        flow->samples[i].created_ns = INT64_MIN;
    bench_deploy(bench, &flow->load, &flow->deployment);
    deployment_set(&flow->deployment, "COMMIT_INTERVAL", COMMIT_EVERY);
    deployment_set(&flow->deployment, "COMMIT_INTERVAL_MAX", COMMIT_EVERY);
    flow->producer = load_open(&flow->load, bench->kafka.address);
}

static void open_reader(struct flow *flow) {
    static const char *const settings[] = {
        "isolation.level", "read_committed", "group.id", "bench-latency", "fetch.wait.max.ms", "5", NULL};
    char topic[128];
    flow->reader = kafka_client_new(&flow->bench->kafka, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    deployment_topic(&flow->deployment, "segment-changes", topic);
    /* The end of now: RD_KAFKA_OFFSET_END is looked up when the first changes may be there already. */
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = kafka_end_offset(&flow->bench->kafka, topic, 0);
    if (rd_kafka_assign(flow->reader, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("the changes cannot be read");
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- changes */

/* The wall clock of the decision, `decided_at`: the last field, a zigzag number. Before it is an enumeration's, one
 * byte without the mark that another follows. */
static int64_t decided_at_ms(const rd_kafka_message_t *message) {
    const uint8_t *bytes = message->payload;
    size_t first = message->len;
    uint64_t number = 0;
    if (first > 0)
        first--;
    while (first > 0 && (bytes[first - 1] & 0x80) != 0)
        first--;
    for (size_t i = message->len; i > first; i--)
        number = number << 7 | (bytes[i - 1] & 0x7f);
    return (int64_t)(number >> 1);
}

static void add_span(struct flow *flow, enum span span, int64_t length_ns) {
    histogram_add(&flow->spans[span], length_ns > 0 ? (uint64_t)length_ns : 0);
}

static void add_sample(struct flow *flow, const struct sample *sample, const rd_kafka_message_t *message) {
    rd_kafka_timestamp_type_t type;
    int64_t taken_ms = decided_at_ms(message), begun_ms = rd_kafka_message_timestamp(message, &type);
    int64_t all_ns = meter_wall_ns() - sample->created_ns;
    add_span(flow, SPAN_TAKEN, (taken_ms - sample->created_ms) * MS);
    add_span(flow, SPAN_BEGUN, (begun_ms - taken_ms) * MS);
    add_span(flow, SPAN_READ, all_ns - (begun_ms - sample->created_ms) * MS);
    add_span(flow, SPAN_ALL, all_ns);
}

/* The first change of a sample's account after it is that of its event. */
static void note_change(struct flow *flow, const rd_kafka_message_t *message) {
    char key[32] = "";
    unsigned account = 0;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->key_len >= sizeof key)
        return;
    memcpy(key, message->key, message->key_len);
    if (sscanf(key, "account-%u", &account) != 1 || account >= flow->load.accounts)
        return;
    struct sample *sample = &flow->samples[account];
    if (sample->created_ns == INT64_MIN)
        return;
    if (sample->created_ns >= flow->counts_from_ns)
        add_sample(flow, sample, message);
    sample->created_ns = INT64_MIN;
    flow->seen = sample->event;
}

static void read_changes(struct flow *flow, int timeout_ms) {
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consumer_poll(flow->reader, timeout_ms)) != NULL) {
        note_change(flow, message);
        rd_kafka_message_destroy(message);
        timeout_ms = 0;
    }
}

static double milliseconds_at(const struct flow *flow, enum span span, double part) {
    return (double)histogram_quantile(&flow->spans[span], part) / 1e6;
}

/* ---- events */

static void create_event(struct flow *flow, int64_t created_ns, int64_t created_ms) {
    struct event_maker maker = {.load = &flow->load};
    struct event event;
    struct error error;
    uint32_t account;
    uint64_t number = flow->events++;
    if (load_steady_event(&maker, number, created_ms, &event, &account)) {
        flow->samples[account] = (struct sample){number, created_ns, created_ms};
        flow->newest = number;
    }
    must(produce_event(flow->producer, &event, &error), &error);
}

/* Reads until all changes are there. */
static void drain(struct flow *flow) {
    struct deadline deadline = deadline_after(DRAIN_MS);
    while (flow->seen < flow->newest)
        if (deadline_passed(deadline))
            bench_fail("changes did not come");
        else
            read_changes(flow, 10);
}

/* Keeps EVENTS_AHEAD events ahead of what was seen for so long. */
static void keep_ahead(struct flow *flow, int64_t length_ms) {
    int64_t end_ns = meter_wall_ns() + length_ms * MS;
    while (meter_wall_ns() < end_ns) {
        for (int i = 0; i < EVENTS_AT_ONCE && flow->events < flow->seen + EVENTS_AHEAD; i++)
            create_event(flow, meter_wall_ns(), clock_wall_ms());
        read_changes(flow, flow->events < flow->seen + EVENTS_AHEAD ? 0 : 1);
    }
}

/* Events a second that are taken where there are always more. */
static double guess_sustained(struct flow *flow, int64_t length_ms) {
    flow->counts_from_ns = INT64_MAX;
    keep_ahead(flow, WARM_UP_MS);
    uint64_t before = flow->seen;
    int64_t begun_ns = meter_wall_ns();
    keep_ahead(flow, length_ms);
    double guess = (double)(flow->seen - before) * 1e9 / (double)(meter_wall_ns() - begun_ns);
    drain(flow);
    return guess;
}

/* Sends at `rate` events a second for so long, reading meanwhile. Returns how late the last change was that was seen
 * when the last event was sent, in ms. */
static double let_flow(struct flow *flow, double rate, int64_t length_ms) {
    int64_t begun_ns = meter_wall_ns(), begun_ms = clock_wall_ms();
    uint64_t first = flow->events;
    memset(flow->spans, 0, sizeof flow->spans);
    flow->counts_from_ns = begun_ns + SETTLE_MS * MS;
    for (;;) {
        int64_t age_ns = meter_wall_ns() - begun_ns;
        if (age_ns > (length_ms + SETTLE_MS) * MS)
            break;
        while ((double)(flow->events - first) < rate * (double)age_ns / 1e9) {
            int64_t due_ns = (int64_t)((double)(flow->events - first) / rate * 1e9);
            create_event(flow, begun_ns + due_ns, begun_ms + due_ns / MS);
        }
        read_changes(flow, 1);
    }
    double lag_ms = (double)(flow->events - flow->seen) / rate * 1e3;
    drain(flow);
    return lag_ms;
}

/* The events a second that are kept up with. */
static double find_sustained(struct flow *flow, int64_t length_ms) {
    double rate = guess_sustained(flow, length_ms);
    fprintf(stderr, "  %.0f events/s are taken, with %d always ahead\n", rate, EVENTS_AHEAD);
    for (int i = 0; i < TRIES_MAX; i++) {
        double lag_ms = let_flow(flow, rate, length_ms);
        fprintf(stderr, "  %.0f events/s for %.0f s: the last change is %.0f ms late, p99 %.0f ms\n", rate,
                (double)(length_ms + SETTLE_MS) / 1e3, lag_ms, milliseconds_at(flow, SPAN_ALL, 0.99));
        if (lag_ms <= LAG_MS_MAX)
            return rate;
        rate *= LOWERED_TO;
    }
    bench_fail("no load was kept up with: the last one was %.0f events/s", rate);
}

/* The group has committed all that was there before. */
static void await_prelude(const struct flow *flow) {
    struct deadline deadline = deadline_after(PRELUDE_MS);
    const struct kafka_server *kafka = &flow->bench->kafka;
    char topic[128];
    snprintf(topic, sizeof topic, "%s-usage", flow->load.name);
    int64_t end = kafka_end_offset(kafka, topic, 0);
    while (kafka_committed_offset(kafka, flow->deployment.name, topic, 0) < end)
        if (deadline_passed(deadline))
            bench_fail("what was there before was not done in time");
        else
            meter_rest(100);
}

static void close_flow(struct flow *flow) {
    rd_kafka_consumer_close(flow->reader);
    rd_kafka_destroy(flow->reader);
    load_close(flow->producer);
    free(flow->samples);
    deployment_close(&flow->deployment);
    bench_drop_load(flow->bench, &flow->load);
    freeReplyObject(redis_server_command(&flow->bench->redis, "FLUSHALL"));
}

/* ---- the rows */

/* Where the time goes: the spans' own medians and 99th percentiles, which do not add up to the whole's. */
static void describe_spans(const struct flow *flow, char *ret_text, size_t size) {
    size_t length = 0;
    for (enum span span = 0; span < SPAN_ALL; span++) {
        int wrote = snprintf(ret_text + length, size - length, "%s until %s %.0f (%.0f)", span == 0 ? "" : ", then",
                             span_names[span], milliseconds_at(flow, span, 0.5), milliseconds_at(flow, span, 0.99));
        length += wrote > 0 && (size_t)wrote < size - length ? (size_t)wrote : 0;
    }
}

static void add_flow(const struct flow *flow, double part, double sustained) {
    static const double parts[] = {0.5, 0.9, 0.99, 0.999};
    static const char *const curves[] = {"latency, at 50 % of the load", "latency, at 80 % of the load"};
    struct bench *bench = flow->bench;
    struct row row = {.unit = "ms", .value = milliseconds_at(flow, SPAN_ALL, 0.99)};
    char spans[160];
    if (part <= 0.5) {
        row.goal = GOAL_AT_MOST;
        row.limit = 300;
        row.stretch = 150;
    }
    describe_spans(flow, spans, sizeof spans);
    snprintf(row.name, sizeof row.name, "p99 from creation to committed change, %.0f %% load", part * 100);
    snprintf(row.note, sizeof row.note,
             "%.0f events/s of the steady load, of %.0f that are kept up with for %d s, commits every " COMMIT_EVERY
             "; p50 %.0f, p90 %.0f, p99.9 %.0f ms of %llu samples; median (p99) in ms%s; generator, "
             "broker, Redis, worker and reader share %d processors",
             part * sustained, sustained, TRIED_S(bench), milliseconds_at(flow, SPAN_ALL, 0.5),
             milliseconds_at(flow, SPAN_ALL, 0.9), milliseconds_at(flow, SPAN_ALL, 0.999),
             (unsigned long long)flow->spans[SPAN_ALL].count, spans, meter_processors());
    rows_add(&bench->rows, &row);
    for (uint32_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct row point = {.unit = "ms",
                            .value = milliseconds_at(flow, SPAN_ALL, parts[i]),
                            .curve = curves[part > 0.5],
                            .x = parts[i]};
        snprintf(point.name, sizeof point.name, "latency at %.0f %% load: p%.10g", part * 100, parts[i] * 100);
        rows_add(&bench->rows, &point);
    }
}

void measure_latency(struct bench *bench) {
    static const double parts[] = {0.5, 0.8};
    static struct flow flow;
    int64_t length_ms = bench->quick ? 10000 : 60000;
    open_flow(bench, "latency", &flow);
    deployment_start(&flow.deployment, 0, NULL);
    process_await_line(&flow.deployment.daemons[0], "shards run.", NULL, deadline_after(60000));
    await_prelude(&flow);
    open_reader(&flow);
    double sustained = find_sustained(&flow, TRIED_S(bench) * INT64_C(1000));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        (void)let_flow(&flow, parts[i] * sustained, length_ms);
        add_flow(&flow, parts[i], sustained);
    }
    close_flow(&flow);
}
