/* `./run bench`: measures and judges. Servers are started as the tests start them; nothing else has to run. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "bench/bench.h"
#include "bench/fail.h"
#include "bench/report.h"
#include "cli/clock.h"

static const struct {
    const char *name, *about;
    void (*measure)(struct bench *bench);
} measurements[] = {
    {"machine", "what memory costs on this one", measure_machine},
    {"steady", "the pipeline's stages against the bare loop, and the cost of exactly-once", measure_steady},
    {"restless", "where nearly every record changes something", measure_restless},
    {"decoder", "beside avro-c", measure_decoder},
    {"replay", "of a log that --log names", measure_replay},
    {"tick", "over a million accounts", measure_tick},
    {"kills", "from kill -9 to the next change, by the same member and by another", measure_kills},
    {"restore", "all state from the changelog into an empty Redis", measure_restore},
    {"accounts", "10,000 against more, drawn by Zipf's law and uniformly, without servers", measure_accounts},
    {"curves", "the length of windows, the number of segments, without servers", measure_curves},
    {"workers", "1 against 2", measure_workers},
    {"partitions", "1 to 64", measure_partitions},
    {"latency", "from creation to committed change, at 50 % and 80 % of the load", measure_latency},
};

#define MEASUREMENTS (sizeof measurements / sizeof measurements[0])

static void print_usage(void) {
    puts("usage: bench [--quick] [--json FILE] [--only NAMES] [--log FILE] [--pairs N]\n\n"
         "  --quick      smaller and fewer, within ten minutes\n"
         "  --json FILE  the rows, as JSON\n"
         "  --docs PATH  a folder for benchmark.md and its plots\n"
         "  --log FILE   events for the row about replay (else BELLWETHER_BENCH_LOG)\n"
         "  --pairs N    how often each stage is run (5; 2 with --quick)\n"
         "  --only NAMES with commas between them, of:");
    for (size_t i = 0; i < MEASUREMENTS; i++)
        printf("      %-10s %s\n", measurements[i].name, measurements[i].about);
}

struct request {
    const char *json_path, *docs_path;
    int pairs;
};

static void read_arguments(struct bench *bench, struct request *request, int count, char **arguments) {
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(arguments[i], "--quick") == 0) {
            bench->quick = true;
            continue;
        }
        if (strcmp(arguments[i], "--help") == 0) {
            print_usage();
            exit(EXIT_SUCCESS);
        }
        if (value == NULL)
            bench_fail("%s is not known, or lacks its value; see --help", arguments[i]);
        else if (strcmp(arguments[i], "--json") == 0)
            request->json_path = value;
        else if (strcmp(arguments[i], "--docs") == 0)
            request->docs_path = value;
        else if (strcmp(arguments[i], "--only") == 0)
            bench->only = value;
        else if (strcmp(arguments[i], "--log") == 0)
            bench->log_path = value;
        else if (strcmp(arguments[i], "--pairs") == 0)
            request->pairs = atoi(value);
        else
            bench_fail("%s is not known; see --help", arguments[i]);
        i++;
    }
    bench->pairs = request->pairs > 0 ? request->pairs : bench->quick ? 2 : 5;
}

/* Whether the list, with commas, has the name. */
static bool is_wanted(const char *list, const char *name) {
    size_t size = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == 0 || at[size] == ','))
            return true;
    }
    return list == NULL;
}

/* After each measurement, so that a run that is broken off has written what it had. */
static void write_rows(const struct bench *bench, const struct request *request) {
    if (request->docs_path != NULL)
        report_write(bench, request->docs_path);
    if (request->json_path == NULL)
        return;
    FILE *json = fopen(request->json_path, "we");
    if (json == NULL)
        bench_fail("%s cannot be written", request->json_path);
    rows_print_json(&bench->rows, json);
    fclose(json);
}

static_assert(MEASUREMENTS <= MEASUREMENTS_MAX, "all may be missing");

static void note_missing(struct bench *bench) {
    for (size_t i = 0; i < MEASUREMENTS; i++)
        if (is_wanted(bench->only, measurements[i].name))
            bench->missing[bench->missing_count++] = measurements[i].name;
    if (bench->missing_count == 0)
        bench_fail("there is no measurement `%s`; see --help", bench->only);
}

static void note_measured(struct bench *bench, const char *name) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < bench->missing_count; i++)
        if (bench->missing[i] != name)
            bench->missing[left++] = bench->missing[i];
    bench->missing_count = left;
}

static void measure_all(struct bench *bench, const struct request *request) {
    int64_t all_ns = meter_wall_ns();
    note_missing(bench);
    for (size_t i = 0; i < MEASUREMENTS; i++) {
        if (!is_wanted(bench->only, measurements[i].name))
            continue;
        int64_t begun_ns = meter_wall_ns();
        uint32_t rows = bench->rows.count;
        fprintf(stderr, "\n%s: %s\n", measurements[i].name, measurements[i].about);
        measurements[i].measure(bench);
        fprintf(stderr, "%s took %.0f s\n", measurements[i].name, (double)(meter_wall_ns() - begun_ns) / 1e9);
        if (bench->rows.count > rows)
            note_measured(bench, measurements[i].name);
        write_rows(bench, request);
    }
    fprintf(stderr, "\nall took %.0f s\n", (double)(meter_wall_ns() - all_ns) / 1e9);
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "stage") == 0)
        return stage_main(count - 2, arguments + 2);
    static struct bench bench;
    struct request request = {0};
    bench.program = "/proc/self/exe";
    bench.log_path = getenv("BELLWETHER_BENCH_LOG");
    read_arguments(&bench, &request, count, arguments);
    bench.now_ms = clock_wall_ms();
    temporary_create("bench", &bench.folder);
    measure_all(&bench, &request);
    putchar('\n');
    rows_print(&bench.rows, stdout);
    if (bench.served) {
        redis_server_close(&bench.redis);
        kafka_server_close(&bench.kafka);
    }
    temporary_remove(&bench.folder);
    return EXIT_SUCCESS;
}
