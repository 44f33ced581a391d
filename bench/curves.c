/* How the CPU per record moves with what there is more of. Points are of the steady load; curves of the engine alone
 * are measured without broker and Redis (bench/memory_source.h), the others with the whole pipeline. */
#include <assert.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/fail.h"

#define POINTS_MAX            8
#define ENGINE_ACCOUNTS       50000
#define ENGINE_EVENTS         200000
#define QUICK_ENGINE_ACCOUNTS 20000
#define QUICK_ENGINE_EVENTS   100000
#define SERVED_EVENTS         500000 /* of the curves with the whole pipeline */
#define QUICK_SERVED_EVENTS   200000
#define WINDOW_SEGMENTS       10
#define MEMORY_KEPT_FREE      0.15 /* of what the machine can give */
#define BYTES_PER_ACCOUNT     1200 /* of an account's state, where it was not measured */
#define BYTES_MORE            64   /* for each account: its key, and tables that grow by doubling */
#define LEAST_ACCOUNTS        10000
#define MOST_ACCOUNTS         10000000
#define QUICK_MOST_ACCOUNTS   1000000

static void add_against(struct bench *bench, const char *name, const struct repeated *more, const struct repeated *less,
                        double limit, double stretch, const char *how) {
    double more_ns = series_median(&more->process), less_ns = series_median(&less->process);
    struct row row = {
        .unit = "x", .value = more_ns / less_ns, .limit = limit, .stretch = stretch, .goal = GOAL_AT_MOST};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.note, sizeof row.note, "%.0f ns of CPU per record against %.0f ns (spreads %.0f %% and %.0f %%)%s",
             more_ns, less_ns, 100 * series_spread(&more->process), 100 * series_spread(&less->process), how);
    rows_add(&bench->rows, &row);
}

static void add_point(struct bench *bench, const char *curve, double x, const struct repeated *found) {
    struct row row = {.unit = "ns", .value = series_median(&found->process), .curve = curve, .x = x};
    snprintf(row.name, sizeof row.name, "%s: %.10g", curve, x);
    snprintf(row.note, sizeof row.note, "spread %.0f %%; %.2f changes and %.2f evaluations at ticks per 100 records",
             100 * series_spread(&found->process), 100 * found->last.changes / found->last.records,
             100 * found->last.ticks / found->last.records);
    rows_add(&bench->rows, &row);
}

static void add_curve(struct bench *bench, const char *curve, const double *x, const struct repeated *found,
                      uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        add_point(bench, curve, x[i], &found[i]);
}

static struct load steady_load(const struct bench *bench, const char *name, uint32_t accounts, uint64_t events,
                               int32_t partitions) {
    struct load load = bench_default_load(bench, LOAD_STEADY);
    load.name = name;
    load.accounts = accounts;
    load.events = events;
    load.partitions = partitions;
    return load;
}

/* ---- accounts */

/* The most that fit into memory, with what the steady load's accounts took. */
static uint32_t accounts_that_fit(const struct bench *bench) {
    double each = BYTES_MORE + (bench->account_bytes > 0 ? bench->account_bytes : BYTES_PER_ACCOUNT);
    double fit = (double)meter_available_bytes() * (1 - MEMORY_KEPT_FREE) / each;
    return fit > MOST_ACCOUNTS ? MOST_ACCOUNTS : (uint32_t)(fit / LEAST_ACCOUNTS) * LEAST_ACCOUNTS;
}

static void measure_accounts_drawn(struct bench *bench, bool uniform, uint32_t most) {
    const char *curve = uniform ? "accounts, drawn uniformly" : "accounts, drawn by Zipf's law";
    char name[96], how[160] = "";
    double x[POINTS_MAX];
    struct load loads[POINTS_MAX] = {0};
    struct run runs[POINTS_MAX] = {0};
    struct repeated found[POINTS_MAX];
    uint32_t count = 0;
    for (uint64_t accounts = LEAST_ACCOUNTS; count < POINTS_MAX && accounts <= most; accounts *= 10, count++) {
        loads[count] = steady_load(bench, "accounts", (uint32_t)accounts, bench->quick ? 200000 : 1000000, 1);
        loads[count].uniform = uniform;
        runs[count] = (struct run){.stage = STAGE_ALONE_EVALUATE, .load = &loads[count]};
        x[count] = (double)accounts;
        if (accounts < most && accounts * 10 > most)
            accounts = most / 10;
    }
    assert(count > 0);
    bench_repeat(bench, runs, count, found);
    add_curve(bench, curve, x, found, count);
    if (uniform)
        return;
    if (most < MOST_ACCOUNTS)
        snprintf(how, sizeof how, "; %s",
                 bench->quick ? "10M only without --quick" : "more than that do not fit into this machine's memory");
    snprintf(name, sizeof name, "%.10g accounts against 10,000, CPU per record", x[count - 1]);
    add_against(bench, name, &found[count - 1], &found[0], 2.5, 1.5, how);
}

/* Once: each point begins with the first records of all its accounts, which takes far longer than what is measured. */
void measure_accounts(struct bench *bench) {
    uint32_t fit = accounts_that_fit(bench);
    uint32_t most = bench->quick && fit > QUICK_MOST_ACCOUNTS ? QUICK_MOST_ACCOUNTS : fit;
    int pairs = bench->pairs;
    bench->pairs = 1;
    measure_accounts_drawn(bench, false, most);
    measure_accounts_drawn(bench, true, most);
    bench->pairs = pairs;
}

/* ---- rules */

static FILE *create_rules(const struct bench *bench, const char *name, char ret_path[PATH_MAX]) {
    temporary_path(&bench->folder, name, ret_path);
    FILE *rules = fopen(ret_path, "we");
    if (rules == NULL)
        bench_fail("%s cannot be written", ret_path);
    fprintf(rules, "ruleset: \"%s\"\nclock: { tick: 1h, lateness: 5m }\nsegments:\n", name);
    /* What the load's one record in a hundred changes. */
    fprintf(rules, "  on_business: { when: 'account.plan == \"business\"' }\n");
    return rules;
}

/* Segments over six aggregates of one window. */
static void write_rules_of_window(const struct bench *bench, uint32_t days, char ret_path[PATH_MAX]) {
    static const struct {
        const char *before, *behind;
    } aggregates[] = {
        {"count(usage", ""},
        {"sum(usage.quantity", ""},
        {"distinct(usage.user_id", ""},
        {"max(usage.duration_ms", "000"},
        {"count(usage where feature == \"export\"", ""},
    };
    char name[64];
    snprintf(name, sizeof name, "window-%u.yaml", days);
    FILE *rules = create_rules(bench, name, ret_path);
    for (uint32_t i = 0; i < WINDOW_SEGMENTS; i++) {
        uint32_t which = i % (sizeof aggregates / sizeof aggregates[0]);
        fprintf(rules, "  segment_%u: { when: '%s, %ud) >= %u%s' }\n", i, aggregates[which].before, days, 1000000 + i,
                aggregates[which].behind);
    }
    fclose(rules);
}

/* Segments over the use in five windows, the silence, and the seats, most of which an account is not near to. */
static void write_rules_of_segments(const struct bench *bench, uint32_t segments, char ret_path[PATH_MAX]) {
    static const uint32_t days[] = {7, 14, 30, 60, 90};
    char name[64];
    snprintf(name, sizeof name, "segments-%u.yaml", segments);
    FILE *rules = create_rules(bench, name, ret_path);
    for (uint32_t i = 1; i < segments; i++)
        if (i % 2 == 0)
            fprintf(rules, "  segment_%u: { when: 'count(usage, %ud) >= %u and account.seats > %u' }\n", i,
                    days[i / 2 % 5], 100000 + i, i % 60);
        else
            fprintf(rules, "  segment_%u: { when: 'since(usage) > %ud and sum(usage.quantity, %ud) < %u' }\n", i,
                    20 + i % 60, days[i / 2 % 5], 5 + i);
    fclose(rules);
}

static void measure_rules(struct bench *bench, const char *curve, const double *x, uint32_t count,
                          void (*write_rules)(const struct bench *bench, uint32_t x, char ret_path[PATH_MAX])) {
    static char paths[POINTS_MAX][PATH_MAX];
    struct load load = bench->quick ? steady_load(bench, "rules", QUICK_ENGINE_ACCOUNTS, QUICK_ENGINE_EVENTS, 1)
                                    : steady_load(bench, "rules", ENGINE_ACCOUNTS, ENGINE_EVENTS, 1);
    struct run runs[POINTS_MAX] = {0};
    struct repeated found[POINTS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        write_rules(bench, (uint32_t)x[i], paths[i]);
        runs[i] = (struct run){.stage = STAGE_ALONE_EVALUATE, .load = &load, .rules = paths[i]};
    }
    bench_repeat(bench, runs, count, found);
    add_curve(bench, curve, x, found, count);
}

void measure_curves(struct bench *bench) {
    int pairs = bench->pairs;
    static const double windows[] = {1, 7, 30, 90, 365}, segments[] = {10, 30, 100, 300};
    bench->pairs = bench->quick ? 1 : 3;
    measure_rules(bench, "length of the window in days, of ten segments", windows, 5, write_rules_of_window);
    measure_rules(bench, "segments", segments, 4, write_rules_of_segments);
    bench->pairs = pairs;
}

/* ---- workers, partitions */

static struct load served_load(const struct bench *bench, const char *name, int32_t partitions) {
    return steady_load(bench, name, 20000, bench->quick ? QUICK_SERVED_EVENTS : SERVED_EVENTS, partitions);
}

void measure_workers(struct bench *bench) {
    static const double x[] = {1, 2};
    struct load load = served_load(bench, "four", 4);
    const struct run runs[] = {{.stage = STAGE_ALL, .load = &load, .workers = 1},
                               {.stage = STAGE_ALL, .load = &load, .workers = 2}};
    struct repeated found[2];
    bench_load(bench, &load);
    bench_repeat(bench, runs, 2, found);
    add_curve(bench, "workers", x, found, 2);
    add_against(bench, "2 workers against 1, CPU per record", &found[1], &found[0], 1.15, 1.05, "");
}

/* Quick: only the ends of the curve. */
void measure_partitions(struct bench *bench) {
    static const double all[] = {1, 4, 16, 64};
    static const char *const names[] = {"one", "four", "sixteen", "sixty-four"};
    uint32_t step = bench->quick ? 3 : 1, count = 0;
    double x[4];
    struct load loads[4];
    struct run runs[4];
    struct repeated found[4];
    for (uint32_t i = 0; i < 4; i += step, count++) {
        x[count] = all[i];
        loads[count] = served_load(bench, names[i], (int32_t)all[i]);
        runs[count] = (struct run){.stage = STAGE_ALL, .load = &loads[count]};
        bench_load(bench, &loads[count]);
    }
    bench_repeat(bench, runs, count, found);
    add_curve(bench, "partitions", x, found, count);
    add_against(bench, "64 partitions against 1, CPU per record", &found[count - 1], &found[0], 1.3, 1.1, "");
}
