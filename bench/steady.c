/* The pipeline's stages against the bare loop, on the steady and the restless load; the cost of exactly-once. */
#include <string.h>

#include "bench/bench.h"

#define QUICK_STEADY_ACCOUNTS   100000
#define QUICK_STEADY_EVENTS     500000 /* fewer end within one commit, which is none of catching up */
#define QUICK_RESTLESS_ACCOUNTS 40000

static double ratio(const struct repeated *repeated, const struct repeated *bare) {
    return series_median(&repeated->process) / series_median(&bare->process);
}

static void add(struct bench *bench, const char *name, double value, const char *unit, double limit, double stretch,
                const char *note) {
    struct row row = {
        .value = value, .limit = limit, .stretch = stretch, .goal = limit == 0 ? GOAL_NONE : GOAL_AT_MOST};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.unit, sizeof row.unit, "%s", unit);
    snprintf(row.note, sizeof row.note, "%s", note);
    rows_add(&bench->rows, &row);
}

static void add_ratio(struct bench *bench, const char *name, const struct repeated *repeated,
                      const struct repeated *bare, double limit, double stretch) {
    char note[ROW_TEXT_SIZE];
    snprintf(note, sizeof note, "%.0f ns of CPU per record (spread %.0f %%), B = %.0f ns; %.1f changes per 100 records",
             series_median(&repeated->process), 100 * series_spread(&repeated->process), series_median(&bare->process),
             100 * repeated->last.changes / repeated->last.records);
    add(bench, name, ratio(repeated, bare), "B", limit, stretch, note);
}

/* The worker's CPU and Redis' together. */
static void add_with_redis(struct bench *bench, const char *name, const struct repeated *repeated,
                           const struct repeated *bare, double limit, double stretch) {
    char note[ROW_TEXT_SIZE];
    double both = series_median(&repeated->process) + series_median(&repeated->redis);
    snprintf(note, sizeof note, "%.0f ns of CPU per record, of which %.0f are Redis'", both,
             series_median(&repeated->redis));
    add(bench, name, both / series_median(&bare->process), "B", limit, stretch, note);
}

/* What is left of the throughput of the pipeline without transactions and changelog. */
static void add_exactly_once(struct bench *bench, const char *load, const struct repeated *all,
                             const struct repeated *plain) {
    char note[ROW_TEXT_SIZE];
    struct row row = {.unit = "of plain", .limit = 0.8, .stretch = 0.9, .goal = GOAL_AT_LEAST};
    snprintf(row.name, sizeof row.name, "%s: exactly-once, throughput (CPU)", load);
    row.value = series_median(&plain->process) / series_median(&all->process);
    snprintf(row.note, sizeof row.note, "CPU per record %.0f ns against %.0f ns without transactions and changelog",
             series_median(&all->process), series_median(&plain->process));
    rows_add(&bench->rows, &row);
    snprintf(row.name, sizeof row.name, "%s: exactly-once, throughput (wall)", load);
    row.value = series_median(&plain->wall) / series_median(&all->wall);
    snprintf(note, sizeof note,
             "catching up at %.0f records/s against %.0f without; broker, Redis and worker share %d processors",
             1e9 / series_median(&all->wall), 1e9 / series_median(&plain->wall), meter_processors());
    memcpy(row.note, note, sizeof row.note);
    rows_add(&bench->rows, &row);
}

static void add_alone(struct bench *bench, const char *name, const struct repeated *repeated) {
    char note[ROW_TEXT_SIZE];
    snprintf(note, sizeof note,
             "without broker and Redis, the load in memory; spread %.0f %%; %.2f evaluations at ticks and "
             "%.2f changes per record",
             100 * series_spread(&repeated->process), repeated->last.ticks / repeated->last.records,
             repeated->last.changes / repeated->last.records);
    add(bench, name, series_median(&repeated->process), "ns", 0, 0, note);
}

/* The engine without servers; its memory is told from this, as no library's buffers are in it. */
static void measure_steady_alone(struct bench *bench, const struct load *load) {
    const struct run runs[] = {{.stage = STAGE_ALONE_DECODE, .load = load},
                               {.stage = STAGE_ALONE_EVALUATE, .load = load},
                               {.stage = STAGE_ALONE_ENCODE, .load = load}};
    struct repeated found[3];
    bench_repeat(bench, runs, 3, found);
    add_alone(bench, "steady, alone: decode", &found[0]);
    add_alone(bench, "steady, alone: + update + evaluate", &found[1]);
    add_alone(bench, "steady, alone: + encode", &found[2]);
    const struct figures *last = &found[1].last;
    struct row row = {.unit = "bytes", .limit = 700, .stretch = 350, .goal = GOAL_AT_MOST};
    bench->account_bytes = (last->resident_settled - last->resident_before) / last->accounts_settled;
    snprintf(row.name, sizeof row.name, "resident memory per account");
    row.value = bench->account_bytes;
    snprintf(row.note, sizeof row.note, "of %.0f accounts with facts and uses, under the default rules",
             last->accounts_settled);
    rows_add(&bench->rows, &row);
}

void measure_steady(struct bench *bench) {
    struct load load = bench_default_load(bench, LOAD_STEADY);
    if (bench->quick) {
        load.accounts = QUICK_STEADY_ACCOUNTS;
        load.events = QUICK_STEADY_EVENTS;
    }
    const struct run runs[] = {
        {.stage = STAGE_BARE, .load = &load, .times = SHORT_STAGE_TIMES},
        {.stage = STAGE_CONSUME, .load = &load, .times = SHORT_STAGE_TIMES},
        {.stage = STAGE_DECODE, .load = &load, .times = SHORT_STAGE_TIMES},
        {.stage = STAGE_EVALUATE, .load = &load},
        {.stage = STAGE_PUBLISH, .load = &load},
        {.stage = STAGE_ALL, .load = &load},
        {.stage = STAGE_PLAIN, .load = &load},
    };
    struct repeated found[STAGE_PLAIN + 1];
    bench_load(bench, &load);
    bench_repeat(bench, runs, STAGE_PLAIN + 1, found);
    bench_drop_load(bench, &load);
    const struct repeated *bare = &found[STAGE_BARE];
    add_ratio(bench, "steady: consume", &found[STAGE_CONSUME], bare, 0, 0);
    add_ratio(bench, "steady: consume + decode", &found[STAGE_DECODE], bare, 1.25, 1.1);
    add_ratio(bench, "steady: + update + evaluate", &found[STAGE_EVALUATE], bare, 2.0, 1.5);
    add_ratio(bench, "steady: + encode + transaction", &found[STAGE_PUBLISH], bare, 0, 0);
    add_ratio(bench, "steady: all, process only", &found[STAGE_ALL], bare, 3.2, 2.3);
    add_with_redis(bench, "steady: all, with Redis", &found[STAGE_ALL], bare, 4.2, 3.0);
    add_exactly_once(bench, "steady", &found[STAGE_ALL], &found[STAGE_PLAIN]);
    measure_steady_alone(bench, &load);
}

void measure_restless(struct bench *bench) {
    struct load load = bench_default_load(bench, LOAD_RESTLESS);
    if (bench->quick)
        load.accounts = QUICK_RESTLESS_ACCOUNTS;
    const char *rules = BENCH_FOLDER "/restless.yaml";
    const struct run runs[] = {
        {.stage = STAGE_BARE, .load = &load, .times = SHORT_STAGE_TIMES},
        {.stage = STAGE_ALL, .load = &load, .rules = rules},
        {.stage = STAGE_PLAIN, .load = &load, .rules = rules},
        {.stage = STAGE_ALONE_EVALUATE, .load = &load},
        {.stage = STAGE_ALONE_ENCODE, .load = &load},
    };
    struct repeated found[5];
    bench_load(bench, &load);
    bench_repeat(bench, runs, 5, found);
    bench_drop_load(bench, &load);
    add_ratio(bench, "restless: all, process only", &found[1], &found[0], 8, 4);
    add_with_redis(bench, "restless: all, with Redis", &found[1], &found[0], 0, 0);
    add_exactly_once(bench, "restless", &found[1], &found[2]);
    add_alone(bench, "restless, alone: decode + update + evaluate", &found[3]);
    add_alone(bench, "restless, alone: + encode", &found[4]);
}
