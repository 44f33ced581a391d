/* The engine without servers: replay of a log, a tick over many accounts. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

#include "base/instant.h"
#include "bench/bench.h"
#include "bench/fail.h"
#include "cli/rules_file.h"
#include "engine/replay.h"
#include "tests/harness/command.h"

#define TICK_ACCOUNTS 1000000
#define TICK_HOURS    100 /* over which the accounts' uses are spread: 1 % of them fall due together */
#define TICKS         9
#define REPLAY_MS     600000

static const char default_rules[] = BENCH_FOLDER "/../config/rules/default.yaml";

/* ---- replay */

static uint64_t count_lines_of(const char *path) {
    char block[65536];
    uint64_t lines = 0;
    gzFile file = gzopen(path, "rb");
    int got;
    if (file == NULL)
        bench_fail("the log %s cannot be read", path);
    while ((got = gzread(file, block, sizeof block)) > 0)
        for (int i = 0; i < got; i++)
            lines += block[i] == '\n';
    gzclose(file);
    return lines;
}

static double children_cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void measure_replay(struct bench *bench) {
    struct series microseconds = {0};
    if (bench->log_path == NULL) {
        fprintf(stderr, "  NOT MEASURED: no log is named; give --log FILE or set BELLWETHER_BENCH_LOG\n");
        return;
    }
    double lines = (double)count_lines_of(bench->log_path);
    const char *arguments[] = {bellwether_path(), "replay", "--rules", default_rules, bench->log_path, NULL};
    char log_path[PATH_MAX];
    temporary_path(&bench->folder, "replay.log", log_path);
    struct process_options options = {.arguments = arguments, .output_path = "/dev/null", .log_path = log_path};
    for (int i = 0; i < bench->pairs; i++) {
        struct process process;
        double before_s = children_cpu_s();
        process_start(&options, &process);
        if (!process_await_end(&process, deadline_after(REPLAY_MS)) ||
            (process.exit_status != 0 && process.exit_status != 3))
            bench_fail("replay failed:\n%s", process_log_tail(&process));
        series_add(&microseconds, (children_cpu_s() - before_s) * 1e6 / lines);
    }
    struct row row = {.name = "replay of a log with the default rules",
                      .unit = "us",
                      .value = series_median(&microseconds),
                      .limit = 1.5,
                      .stretch = 0.7,
                      .goal = GOAL_AT_MOST};
    snprintf(row.note, sizeof row.note, "CPU per record of %.0f records, the whole process; spread %.0f %%", lines,
             100 * series_spread(&microseconds));
    rows_add(&bench->rows, &row);
}

/* ---- a tick */

static enum result drop_changes(void *context, const struct change *changes, uint32_t count,
                                const struct status *status, struct error *error) {
    uint64_t *dropped = context;
    (void)changes, (void)status, (void)error;
    *dropped += count;
    return RESULT_OK;
}

/* Each account is used once; four weeks later, to the hour, it is silent. */
static void fill_replay(struct replay *replay, int64_t base_ms) {
    struct load load = {.kind = LOAD_STEADY, .accounts = TICK_ACCOUNTS, .base_ms = base_ms};
    struct event_maker maker = {.load = &load};
    for (uint32_t i = 0; i < TICK_ACCOUNTS; i++) {
        struct event event;
        struct rejection rejection;
        struct error error;
        int64_t time_ms = base_ms + (int64_t)i * (TICK_HOURS * HOUR / TICK_ACCOUNTS);
        load_use(&maker, i, i, time_ms, &event);
        must(replay_record(replay, &event, time_ms, &rejection, &error), &error);
    }
}

void measure_tick(struct bench *bench) {
    struct arena arena = {0};
    struct findings findings = {.arena = &arena};
    struct replay_options options = {.live_from_ms = INSTANT_NONE};
    struct series milliseconds = {0};
    struct replay *replay;
    struct error error;
    const struct program *program;
    uint64_t changes = 0, before;
    struct shard_output output = {&changes, drop_changes};
    int64_t base_ms = load_base_ms(LOAD_STEADY, bench->now_ms) - 4 * WEEK;
    if (rules_file_read(BENCH_FOLDER "/restless.yaml", &arena, &program, &findings) != RESULT_OK)
        bench_fail("the rules restless.yaml are not good");
    must(replay_create(program, &options, &output, NULL, &replay, &error), &error);
    fill_replay(replay, base_ms);
    int64_t now_ms = base_ms + 4 * WEEK + 2 * HOUR;
    must(replay_until(replay, now_ms, &error), &error);
    before = changes;
    for (int i = 1; i <= TICKS; i++) {
        int64_t begun_ns = meter_thread_cpu_ns();
        must(replay_until(replay, now_ms + i * HOUR, &error), &error);
        series_add(&milliseconds, (double)(meter_thread_cpu_ns() - begun_ns) / 1e6);
    }
    struct row row = {.name = "tick over 1M accounts of which 1 % are due",
                      .unit = "ms",
                      .value = series_median(&milliseconds),
                      .limit = 20,
                      .stretch = 5,
                      .goal = GOAL_AT_MOST};
    snprintf(row.note, sizeof row.note, "CPU, median of %d ticks; %.0f changes at each; six segments", TICKS,
             (double)(changes - before) / TICKS);
    rows_add(&bench->rows, &row);
    replay_free(replay);
    arena_free(&arena);
}
