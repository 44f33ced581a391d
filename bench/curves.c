/* How the whole pipeline's CPU per record moves with accounts, workers and partitions. */
#include "bench/bench.h"

static void add_against(struct bench *bench, const char *name, const struct repeated *more, const struct repeated *less,
                        double limit, double stretch) {
    double more_ns = series_median(&more->process), less_ns = series_median(&less->process);
    struct row row = {
        .unit = "x", .value = more_ns / less_ns, .limit = limit, .stretch = stretch, .goal = GOAL_AT_MOST};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.note, sizeof row.note, "%.0f ns of CPU per record against %.0f ns (spreads %.0f %% and %.0f %%)",
             more_ns, less_ns, 100 * series_spread(&more->process), 100 * series_spread(&less->process));
    rows_add(&bench->rows, &row);
}

static struct load steady_load(const struct bench *bench, const char *name, uint32_t accounts, int32_t partitions) {
    return (struct load){
        .kind = LOAD_STEADY,
        .name = name,
        .accounts = accounts,
        .prelude = 1,
        .events = bench->quick ? 200000 : 1000000,
        .partitions = partitions,
        .base_ms = bench->base_ms,
    };
}

void measure_accounts(struct bench *bench) {
    char name[96];
    struct load few = steady_load(bench, "few", 10000, 1);
    struct load many = steady_load(bench, "many", bench->quick ? 200000 : 1000000, 1);
    const struct run runs[] = {{.stage = STAGE_ALL, .load = &few}, {.stage = STAGE_ALL, .load = &many}};
    struct repeated found[2];
    bench_load(bench, &few);
    bench_load(bench, &many);
    bench_repeat(bench, runs, 2, found);
    snprintf(name, sizeof name, "%u accounts against 10,000, CPU per record", many.accounts);
    add_against(bench, name, &found[1], &found[0], 2.5, 1.5);
    bench_drop_load(bench, &few);
    bench_drop_load(bench, &many);
}

void measure_workers(struct bench *bench) {
    struct load load = steady_load(bench, "workers", 20000, 4);
    const struct run runs[] = {{.stage = STAGE_ALL, .load = &load, .from_cold = true, .workers = 1},
                               {.stage = STAGE_ALL, .load = &load, .from_cold = true, .workers = 2}};
    struct repeated found[2];
    bench_load(bench, &load);
    bench_repeat(bench, runs, 2, found);
    add_against(bench, "2 workers against 1, CPU per record", &found[1], &found[0], 1.15, 1.05);
    bench_drop_load(bench, &load);
}

void measure_partitions(struct bench *bench) {
    struct load one = steady_load(bench, "one", 20000, 1), many = steady_load(bench, "sixty-four", 20000, 64);
    const struct run runs[] = {{.stage = STAGE_ALL, .load = &one, .from_cold = true},
                               {.stage = STAGE_ALL, .load = &many, .from_cold = true}};
    struct repeated found[2];
    bench_load(bench, &one);
    bench_load(bench, &many);
    bench_repeat(bench, runs, 2, found);
    add_against(bench, "64 partitions against 1, CPU per record", &found[1], &found[0], 1.3, 1.1);
    bench_drop_load(bench, &one);
    bench_drop_load(bench, &many);
}
