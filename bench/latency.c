/* From an event's creation to the change that it causes, as a read_committed reader sees it, in an open loop: events
 * are created by the clock, whether the former ones are done or not, and a late sender does not make them younger. */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/fail.h"
#include "bench/histogram.h"
#include "cli/clock.h"
#include "tests/harness/deployment.h"

#define KNOWN_ACCOUNTS 100000
#define SAMPLE_EVERY   100 /* events: one of new facts, which change something */
#define COMMIT_EVERY   "100ms"
#define SETTLE_MS      5000 /* of the load, before samples count */
#define DRAIN_MS       5000
#define PRELUDE_MS     300000

struct flow {
    struct bench *bench;
    struct load load;
    struct deployment deployment;
    struct event_producer *producer;
    rd_kafka_t *reader;
    int64_t created_ns[KNOWN_ACCOUNTS]; /* of the sample of each account; INT64_MIN: there is none, or its change was
                                           seen */
    uint32_t samples;
    int64_t counts_from_ns;
    struct histogram histogram;
};

static void open_flow(struct bench *bench, const char *name, struct flow *flow) {
    static const char *const off[] = {"STREAMS_LOGIN", "STREAMS_TICKET", "STREAMS_NPS", "STREAMS_CUSTOM"};
    char topic[128];
    *flow = (struct flow){.bench = bench};
    for (uint32_t i = 0; i < KNOWN_ACCOUNTS; i++)
        flow->created_ns[i] = INT64_MIN;
    flow->load = (struct load){.kind = LOAD_STEADY,
                               .name = name,
                               .accounts = KNOWN_ACCOUNTS,
                               .prelude = 1,
                               .partitions = 1,
                               .base_ms = load_base_before_now_ms(clock_wall_ms())};
    bench_load(bench, &flow->load);
    char *rules = file_read(BENCH_FOLDER "/../config/rules/default.yaml", NULL);
    deployment_open(name, &bench->kafka, &bench->redis, 1, rules, &flow->deployment);
    free(rules);
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
        deployment_set(&flow->deployment, off[i], "off");
    snprintf(topic, sizeof topic, "%s-usage", name);
    deployment_set(&flow->deployment, "TOPICS_USAGE", topic);
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
    rd_kafka_topic_partition_list_add(list, deployment_topic(&flow->deployment, "segment-changes", topic), 0)->offset =
        RD_KAFKA_OFFSET_END;
    if (rd_kafka_assign(flow->reader, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("the changes cannot be read");
    rd_kafka_topic_partition_list_destroy(list);
}

/* The first change of a sample's account after it is that of its event. */
static void note_change(struct flow *flow, const rd_kafka_message_t *message) {
    char key[32] = "";
    unsigned account = 0;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->key_len >= sizeof key)
        return;
    memcpy(key, message->key, message->key_len);
    if (sscanf(key, "account-%u", &account) != 1 || account >= KNOWN_ACCOUNTS)
        return;
    int64_t *created_ns = &flow->created_ns[account];
    if (*created_ns >= flow->counts_from_ns)
        histogram_add(&flow->histogram, (uint64_t)(meter_wall_ns() - *created_ns));
    *created_ns = INT64_MIN;
}

static void read_changes(struct flow *flow, int timeout_ms) {
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consumer_poll(flow->reader, timeout_ms)) != NULL) {
        note_change(flow, message);
        rd_kafka_message_destroy(message);
        timeout_ms = 0;
    }
}

static void create_event(struct flow *flow, uint64_t number, int64_t created_ns, int64_t created_ms) {
    struct event_maker maker = {.load = &flow->load};
    struct event event;
    struct error error;
    if (number % SAMPLE_EVERY == 0 && flow->samples < KNOWN_ACCOUNTS) {
        flow->created_ns[flow->samples] = created_ns;
        load_plan_change(&maker, flow->samples++, created_ms, &event);
    } else {
        load_use(&maker, load_records(&flow->load) + number, (uint32_t)(number * 7919 % KNOWN_ACCOUNTS), created_ms,
                 &event);
    }
    must(produce_event(flow->producer, &event, &error), &error);
}

/* Sends at `rate` events a second for so long, reading meanwhile. */
static void let_flow(struct flow *flow, double rate, int64_t length_ms) {
    int64_t begun_ns = meter_wall_ns(), begun_ms = clock_wall_ms();
    uint64_t number = 0;
    flow->counts_from_ns = begun_ns + SETTLE_MS * INT64_C(1000000);
    for (;;) {
        int64_t age_ns = meter_wall_ns() - begun_ns;
        if (age_ns > (length_ms + SETTLE_MS) * INT64_C(1000000))
            break;
        for (; (double)number < rate * (double)age_ns / 1e9; number++) {
            int64_t due_ns = (int64_t)((double)number / rate * 1e9);
            create_event(flow, number, begun_ns + due_ns, begun_ms + due_ns / 1000000);
        }
        read_changes(flow, 1);
    }
    int64_t drained_ns = meter_wall_ns() + DRAIN_MS * INT64_C(1000000);
    while (meter_wall_ns() < drained_ns)
        read_changes(flow, 10);
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
    deployment_close(&flow->deployment);
    bench_drop_load(flow->bench, &flow->load);
    freeReplyObject(redis_server_command(&flow->bench->redis, "FLUSHALL"));
}

static double milliseconds_at(const struct flow *flow, double part) {
    return (double)histogram_quantile(&flow->histogram, part) / 1e6;
}

static void add_flow(const struct flow *flow, double part, double rate) {
    static const double parts[] = {0.5, 0.9, 0.99, 0.999};
    static const char *const curves[] = {"latency, at 50 % of the load", "latency, at 80 % of the load"};
    struct bench *bench = flow->bench;
    struct row row = {.unit = "ms", .value = milliseconds_at(flow, 0.99)};
    if (part <= 0.5) {
        row.goal = GOAL_AT_MOST;
        row.limit = 300;
        row.stretch = 150;
    }
    snprintf(row.name, sizeof row.name, "p99 from creation to committed change, %.0f %% load", part * 100);
    snprintf(row.note, sizeof row.note,
             "%.0f events/s of accounts drawn uniformly, commits every " COMMIT_EVERY
             "; p50 %.0f, p90 %.0f, p99.9 %.0f ms of %llu samples; generator, "
             "broker, Redis, worker and reader share %d processors",
             rate, milliseconds_at(flow, 0.5), milliseconds_at(flow, 0.9), milliseconds_at(flow, 0.999),
             (unsigned long long)flow->histogram.count, meter_processors());
    rows_add(&bench->rows, &row);
    for (uint32_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct row point = {
            .unit = "ms", .value = milliseconds_at(flow, parts[i]), .curve = curves[part > 0.5], .x = parts[i]};
        snprintf(point.name, sizeof point.name, "latency at %.0f %% load: p%.10g", part * 100, parts[i] * 100);
        rows_add(&bench->rows, &point);
    }
}

static void measure_flow(struct bench *bench, const char *name, double part, double sustained) {
    static struct flow flow;
    double rate = part * sustained;
    open_flow(bench, name, &flow);
    deployment_start(&flow.deployment, 0, NULL);
    process_await_line(&flow.deployment.daemons[0], "shards run.", NULL, deadline_after(60000));
    await_prelude(&flow);
    open_reader(&flow);
    let_flow(&flow, rate, bench->quick ? 10000 : 60000);
    add_flow(&flow, part, rate);
    close_flow(&flow);
}

/* The events that this machine catches up with in a second where it commits as often as in the flow. */
static double measure_sustained(struct bench *bench) {
    struct load load = bench_default_load(bench, LOAD_STEADY);
    load.name = "latency-rate";
    load.accounts = KNOWN_ACCOUNTS;
    load.events = bench->quick ? 200000 : 1000000;
    load.uniform = true;
    const struct run run = {.stage = STAGE_ALL, .load = &load, .commit_every = COMMIT_EVERY};
    struct repeated found;
    bench_load(bench, &load);
    bench_repeat(bench, &run, 1, &found);
    bench_drop_load(bench, &load);
    return 1e9 / series_median(&found.wall);
}

void measure_latency(struct bench *bench) {
    double sustained = measure_sustained(bench);
    measure_flow(bench, "latency-half", 0.5, sustained);
    measure_flow(bench, "latency-most", 0.8, sustained);
}
