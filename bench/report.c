#include "bench/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/instant.h"
#include "bench/fail.h"
#include "cli/clock.h"

/* ---- a plot: bars that lie, each with its limit as a mark */

#define PLOT_WIDTH  760
#define LABEL_WIDTH 300
#define BAR_HEIGHT  22

static FILE *create(const char *folder, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        bench_fail("%s cannot be written", path);
    return file;
}

static double longest(const struct rows *rows, const char *unit) {
    double most = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (strcmp(row->unit, unit) != 0)
            continue;
        most = row->value > most ? row->value : most;
        most = row->limit > most ? row->limit : most;
    }
    return most;
}

static void plot_row(FILE *out, const struct row *row, double scale, int y) {
    int length = (int)(row->value * scale), limit = LABEL_WIDTH + (int)(row->limit * scale);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", LABEL_WIDTH - 8, y + 15, row->name);
    fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", LABEL_WIDTH, y + 2, length,
            BAR_HEIGHT - 4,
            row->goal == GOAL_NONE ? "#9aa5b1"
            : row_holds(row)       ? "#3b8f5a"
                                   : "#c8553d");
    fprintf(out, "<text x=\"%d\" y=\"%d\">%.3g</text>\n", LABEL_WIDTH + length + 6, y + 15, row->value);
    if (row->goal != GOAL_NONE)
        fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"black\" stroke-width=\"2\"/>\n", limit,
                limit, y, y + BAR_HEIGHT);
}

/* All rows of one unit. False where there are none. */
static bool plot(const struct rows *rows, const char *unit, const char *title, const char *folder, const char *name) {
    double most = longest(rows, unit);
    int y = 30;
    uint32_t bars = 0;
    for (uint32_t i = 0; i < rows->count; i++)
        bars += strcmp(rows->items[i].unit, unit) == 0;
    if (bars == 0 || most <= 0)
        return false;
    FILE *out = create(folder, name);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" font-family=\"sans-serif\" "
            "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
            "<text x=\"%d\" y=\"18\" font-weight=\"bold\">%s</text>\n",
            PLOT_WIDTH, 40 + bars * BAR_HEIGHT, LABEL_WIDTH, title);
    for (uint32_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->items[i].unit, unit) != 0)
            continue;
        plot_row(out, &rows->items[i], (PLOT_WIDTH - LABEL_WIDTH - 60) / most, y);
        y += BAR_HEIGHT;
    }
    fputs("</svg>\n", out);
    fclose(out);
    return true;
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

static void print_method(const struct bench *bench, FILE *out) {
    fprintf(out,
            "# Benchmark\n\n"
            "Written by `./run bench%s`; do not edit. Each figure is measured by this command on one machine, against "
            "a Kafka and "
            "a Redis that it starts itself.\n\n"
            "## Method\n\n"
            "- **B** is the CPU per record of a bare `rd_kafka_consume_batch_queue` loop with librdkafka's defaults on "
            "the same "
            "topic. What the stages cost is told as a multiple of B, since that travels better from machine to machine "
            "than "
            "nanoseconds do.\n"
            "- Every run is a process of its own, pinned to one processor; its time is the kernel's CPU clock of the "
            "process, all "
            "threads, librdkafka's too. Redis' is read from its own clock. Stages take turns (A B A B, %d times); the "
            "value is the "
            "median, the spread half the distance of the quartiles.\n"
            "- *Steady*: facts of all accounts, one use of each, then an hour of uses by a Zipf law of exponent 1, of "
            "which 1 %% "
            "are of accounts that are new. Only that hour is measured; all before is committed and stored.\n"
            "- *Restless*: five uses per account in 60 days, six segments, hourly ticks, measured from the first "
            "record on.\n"
            "- *Evaluate* leaves out the encoding of outputs and all commits; *encode + transaction* has them, and a "
            "store that "
            "holds nothing; *all* is the program as it is shipped. What exactly-once costs is told against *plain*: "
            "the same, but "
            "for a producer without transactions and no changelog.\n\n"
            "## Machine\n\n",
            bench->quick ? " --quick" : "", bench->pairs);
    print_machine(out);
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
    rows_print_markdown(&bench->rows, out);
    fputc('\n', out);
    if (plot(&bench->rows, "B", "CPU per record, as multiples of a bare consumer (mark: limit)", folder,
             "benchmark-stages.svg"))
        fputs("![CPU per record by stage](benchmark-stages.svg)\n\n", out);
    if (plot(&bench->rows, "x", "CPU per record, against the smaller setting (mark: limit)", folder,
             "benchmark-growth.svg"))
        fputs("![How cost grows](benchmark-growth.svg)\n\n", out);
    if (plot(&bench->rows, "s", "Seconds (mark: limit)", folder, "benchmark-recovery.svg"))
        fputs("![Recovery](benchmark-recovery.svg)\n", out);
    fclose(out);
}
