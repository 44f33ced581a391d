#include "bench/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/instant.h"
#include "bench/fail.h"
#include "bench/plot.h"
#include "cli/clock.h"

static FILE *create(const char *folder, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        bench_fail("%s cannot be written", path);
    return file;
}

/* ---- the page */

static void print_machine(FILE *out) {
    struct utsname system;
    char line[256], model[200] = "unknown";
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "model name : %199[^\n]", model) == 1)
            break;
    if (file != NULL)
        fclose(file);
    uname(&system);
    double memory_gib = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
    fprintf(out, "%d processors of the kind `%s`, %.0f GiB of memory, Linux %s, librdkafka %s.\n", meter_processors(),
            model, memory_gib, system.release, rd_kafka_version_str());
}

/* What was done how. */
static const char *const method[] = {
    "**B** is the CPU per record of a bare `rd_kafka_consume_batch_queue` loop with librdkafka's defaults on "
    "the same topic. What the stages cost is told as a multiple of B, since that travels better from machine "
    "to machine than nanoseconds do.",
    "Every run is a process of its own, pinned to one processor; its time is the kernel's CPU clock of the "
    "process, all threads, librdkafka's too. Redis' is read from its own clock. The value is the median, the "
    "spread half the distance of the quartiles.",
    "*Steady*: facts of all accounts and one use of each; over the next day as many uses by a Zipf law of exponent 1; "
    "then an hour of uses by the same law, under the default rules. One record in a hundred is no use but new facts, "
    "of another plan: "
    "those change one thing each, and nothing else changes anything. Only that hour, which has no midnight in "
    "it, is measured; all before is committed and stored, but for the changes of the accounts' births, fourteen each, "
    "which are not published.",
    "*Restless*: five uses per account in 60 days, six segments (`bench/restless.yaml`), hourly ticks, "
    "measured from the first record on. Facts count as records.",
    "*Evaluate* leaves out the encoding of outputs and all commits; *encode + transaction* has them, and a "
    "store that holds nothing; *all* is the program as it is shipped. What exactly-once costs is told against "
    "*plain*: the same, but for a producer without transactions and no changelog.",
    "*Alone*: the same pipeline on a load in memory, with sink, changelog and store that do nothing: no "
    "broker, no librdkafka, no Redis. `bench stage alone-evaluate load=steady` is one such run, to be "
    "profiled.",
    "Latency is measured in an open loop, under the steady load: events are created by the clock, whether the former "
    "ones are done or not, and each is as old as it was due. The rate is a part of what can be sustained, which is "
    "found in open loops too: the rate at which records are taken while there are always more is lowered by 15 % "
    "until, at the end of half a minute (twenty seconds with --quick), the last change comes less than half a second "
    "late. Generator, broker, Redis, worker and reader are in it together. An event is *taken* when what it changes is "
    "decided, and *read* by a reader of committed records. The histogram has 64 buckets for each power of two.",
    "The broker runs with the Java options of Kafka's own start scripts, Redis with the settings that "
    "docs/operations.md advises.",
};

static void print_method(const struct bench *bench, FILE *out) {
    fprintf(
        out,
        "# Benchmark\n\n"
        "Written by `./run bench%s`; do not edit. Each figure is measured by this command on one machine, against a "
        "Kafka and a Redis that it starts itself. Stages take turns (A B A B, %d times; those that take a "
        "second or two, %d times).\n\n"
        "## Method\n\n",
        bench->quick ? " --quick" : "", bench->pairs, bench->pairs * SHORT_STAGE_TIMES);
    for (size_t k = 0; k < sizeof method / sizeof method[0]; k++)
        fprintf(out, "- %s\n", method[k]);
    fputs("\n## Machine\n\n", out);
    print_machine(out);
}

/* ---- its plots */

struct picture {
    const char *folder, *name;
};

static FILE *create_picture(void *context) {
    const struct picture *picture = context;
    return create(picture->folder, picture->name);
}

static void add_bars(const struct bench *bench, const char *folder, const char *unit, const char *title,
                     const char *name, FILE *page) {
    struct picture picture = {folder, name};
    if (plot_bars(&bench->rows, unit, title, create_picture, &picture))
        fprintf(page, "![%s](%s)\n\n", title, name);
}

static void add_curves(const struct bench *bench, const char *folder, FILE *page) {
    struct picture picture = {folder, "benchmark-curves.svg"};
    if (!plot_curves(&bench->rows, create_picture, &picture))
        return;
    fprintf(
        page,
        "## Curves\n\nUser and system CPU per record of the steady load, and latency. Accounts, windows and segments "
        "are of the engine alone, workers and partitions of the whole pipeline.\n\n![Curves](%s)\n",
        picture.name);
    rows_print_curves_markdown(&bench->rows, page);
}

/* Of a run that was broken off, or is under way still. */
static void print_missing(const struct bench *bench, FILE *out) {
    if (bench->missing_count == 0)
        return;
    fputs("**Not complete**: this run has no rows of", out);
    for (uint32_t i = 0; i < bench->missing_count; i++)
        fprintf(out, "%s `%s`", i > 0 ? "," : "", bench->missing[i]);
    fputs(".\n\n", out);
}

void report_write(const struct bench *bench, const char *folder) {
    char date[INSTANT_TEXT_MAX];
    double load[1] = {0};
    FILE *out = create(folder, "benchmark.md");
    instant_format(clock_wall_ms() / MINUTE * MINUTE, date);
    (void)getloadavg(load, 1);
    print_method(bench, out);
    fprintf(out, "Measured %.16sZ. The load average at the end was %.1f%s.\n\n## Results\n\n", date, load[0],
            load[0] > 2 * meter_processors() ? ": **the machine was busy with other work**, so that wall times are far "
                                               "too long, and CPU times too long, "
                                               "as caches are shared"
                                             : "");
    print_missing(bench, out);
    rows_print_markdown(&bench->rows, out);
    fputc('\n', out);
    add_bars(bench, folder, "B", "CPU per record, as multiples of a bare consumer (mark: limit)",
             "benchmark-stages.svg", out);
    add_bars(bench, folder, "x", "CPU per record, against the smaller setting (mark: limit)", "benchmark-growth.svg",
             out);
    add_bars(bench, folder, "s", "Seconds (mark: limit)", "benchmark-recovery.svg", out);
    add_curves(bench, folder, out);
    fclose(out);
}
