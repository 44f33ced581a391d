#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/fail.h"
#include "tests/harness/process.h"

#define RUN_MS          1800000
#define ENVIRONMENT_MAX 40
#define ENTRY_SIZE      256

void bench_serve(struct bench *bench) {
    /* As docs/operations.md advises: an account's state is written so often that the file doubles within seconds. */
    static const char *const redis_settings[] = {"--auto-aof-rewrite-percentage", "400", NULL};
    if (bench->served)
        return;
    bench->served = true;
    kafka_server_start_measured(&bench->kafka);
    redis_server_start(0, redis_settings, &bench->redis);
}

static void topic_name(const struct load *load, const char *stream, char ret_name[128]) {
    snprintf(ret_name, 128, "%s-%s", load->name, stream);
}

static uint32_t place_of(const struct bench *bench, const struct load *load) {
    uint32_t place = 0;
    while (place < bench->filled_count && strcmp(bench->filled[place], load->name) != 0)
        place++;
    return place;
}

void bench_load(struct bench *bench, const struct load *load) {
    char name[128];
    int64_t begun_ns = meter_wall_ns();
    bench_serve(bench);
    if (place_of(bench, load) < bench->filled_count)
        return;
    assert(bench->filled_count < LOADS_KEPT_MAX);
    bench->filled[bench->filled_count++] = load->name;
    topic_name(load, "accounts", name);
    kafka_create_topic(&bench->kafka, name, load->partitions, NULL);
    topic_name(load, "usage", name);
    kafka_create_topic(&bench->kafka, name, load->partitions, NULL);
    load_produce(load, bench->kafka.address);
    fprintf(stderr, "load %s: %u accounts, %llu uses, %d partitions, produced in %.1f s\n", load->name, load->accounts,
            (unsigned long long)load_uses(load), load->partitions, (double)(meter_wall_ns() - begun_ns) / 1e9);
}

struct load bench_default_load(const struct bench *bench, enum load_kind kind) {
    struct load load = load_default(kind);
    load.base_ms = load_base_ms(kind, bench->now_ms);
    return load;
}

void bench_deploy(struct bench *bench, const struct load *load, struct deployment *ret_deployment) {
    static const char *const off[] = {"STREAMS_LOGIN", "STREAMS_TICKET", "STREAMS_NPS", "STREAMS_CUSTOM"};
    char topic[128];
    bench_load(bench, load);
    char *rules = file_read(BENCH_FOLDER "/../config/rules/default.yaml", NULL);
    deployment_open(load->name, &bench->kafka, &bench->redis, 1, rules, ret_deployment);
    free(rules);
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
        deployment_set(ret_deployment, off[i], "off");
    topic_name(load, "usage", topic);
    deployment_set(ret_deployment, "TOPICS_USAGE", topic);
}

void bench_drop_load(struct bench *bench, const struct load *load) {
    char name[128];
    uint32_t place = place_of(bench, load);
    assert(place < bench->filled_count);
    bench->filled[place] = bench->filled[--bench->filled_count];
    topic_name(load, "accounts", name);
    kafka_delete_topic(&bench->kafka, name);
    topic_name(load, "usage", name);
    kafka_delete_topic(&bench->kafka, name);
}

/* ---- the environment of a run */

struct environment {
    char text[ENVIRONMENT_MAX][ENTRY_SIZE];
    const char *entries[ENVIRONMENT_MAX + 1];
    uint32_t count;
};

static void set(struct environment *environment, const char *option, const char *value) {
    assert(environment->count < ENVIRONMENT_MAX);
    char *text = environment->text[environment->count];
    snprintf(text, ENTRY_SIZE, "BELLWETHER_%s=%s", option, value);
    environment->entries[environment->count++] = text;
}

static const char *const outputs[][2] = {
    {"TOPICS_CHANGES", "changes"},
    {"TOPICS_STATUS", "status"},
    {"TOPICS_DEAD_LETTERS", "letters"},
    {"TOPICS_CHANGELOG", "changelog"},
};

static void set_all(const struct bench *bench, const struct run *run, struct environment *environment) {
    char name[128], group[32];
    bool alone = run->stage == STAGE_CONSUME || run->stage == STAGE_DECODE; /* the uses are */
    snprintf(group, sizeof group, "run-%u", bench->runs);
    set(environment, "KAFKA_BROKERS", bench->kafka.address);
    set(environment, "REDIS_URL", bench->redis.url);
    set(environment, "KAFKA_GROUP", group);
    set(environment, "KAFKA_INSTANCE_ID", group);
    set(environment, "HTTP", "null");
    set(environment, "LIMITS_MEMORY", "64GiB");
    if (run->commit_every != NULL) {
        set(environment, "COMMIT_INTERVAL", run->commit_every);
        set(environment, "COMMIT_INTERVAL_MAX", run->commit_every);
    }
    for (int i = 0; i < STREAMS; i++) {
        char option[64];
        bool on = i == STREAM_USAGE || (i == STREAM_ACCOUNT && !alone);
        snprintf(option, sizeof option, "STREAMS_%.*s", TEXT_ARGUMENTS(stream_schemas[i].name));
        for (char *at = option; *at != '\0'; at++)
            if (*at >= 'a' && *at <= 'z')
                *at = (char)(*at - 'a' + 'A');
        set(environment, option, on ? "on" : "off");
    }
    topic_name(run->load, "accounts", name);
    set(environment, "TOPICS_ACCOUNT", name);
    topic_name(run->load, "usage", name);
    set(environment, "TOPICS_USAGE", name);
    for (uint32_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        snprintf(name, sizeof name, "%s-%s", group, outputs[i][1]);
        set(environment, outputs[i][0], name);
    }
}

static void forget_run(const struct bench *bench) {
    for (uint32_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "run-%u-%s", bench->runs, outputs[i][1]);
        kafka_delete_topic(&bench->kafka, name);
    }
    freeReplyObject(redis_server_command(&bench->redis, "FLUSHALL"));
}

/* ---- its figures */

static const struct {
    const char *name;
    size_t place;
} figures[] = {
#define FIGURE(name) \
    { #name, offsetof(struct figures, name) }
    FIGURE(cpu_ns),           FIGURE(wall_ns),          FIGURE(redis_cpu_ns),
    FIGURE(records),          FIGURE(changes),          FIGURE(ticks),
    FIGURE(commits),          FIGURE(commit_bytes),     FIGURE(resident_before),
    FIGURE(resident_settled), FIGURE(accounts_settled),
};

static void read_figures(const char *path, struct figures *ret_figures) {
    char name[64];
    double value;
    FILE *file = fopen(path, "re");
    *ret_figures = (struct figures){0};
    while (file != NULL && fscanf(file, "%63s %lf", name, &value) == 2)
        for (uint32_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
            if (strcmp(name, figures[i].name) == 0)
                memcpy((char *)ret_figures + figures[i].place, &value, sizeof value);
    if (file != NULL)
        fclose(file);
    if (ret_figures->records < 1 || ret_figures->cpu_ns < 1)
        bench_fail("a stage measured nothing: see %s", path);
}

/* ---- its arguments */

#define ARGUMENTS_MAX 16

struct arguments {
    char text[ARGUMENTS_MAX][PATH_MAX + 16];
    const char *entries[ARGUMENTS_MAX + 1];
    uint32_t count;
};

static void add_argument(struct arguments *arguments, const char *format, ...) PRINTF_LIKE(2, 3);

static void add_argument(struct arguments *arguments, const char *format, ...) {
    assert(arguments->count < ARGUMENTS_MAX);
    char *text = arguments->text[arguments->count];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof arguments->text[0], format, values);
    va_end(values);
    arguments->entries[arguments->count++] = text;
}

static void add_load_in_memory(const struct load *load, struct arguments *arguments) {
    add_argument(arguments, "load=%s", load->kind == LOAD_STEADY ? "steady" : "restless");
    add_argument(arguments, "accounts=%u", load->accounts);
    add_argument(arguments, "events=%llu", (unsigned long long)load->events);
    add_argument(arguments, "uniform=%d", load->uniform);
}

static void add_load_of_topics(const struct bench *bench, const struct run *run, struct arguments *arguments) {
    const struct load *load = run->load;
    bool with_pipeline = run->stage >= STAGE_EVALUATE;
    add_argument(arguments, "records=%llu", (unsigned long long)(with_pipeline ? load_records(load) : load_uses(load)));
    add_argument(arguments, "known=%llu", (unsigned long long)load_known_records(load));
    add_argument(arguments, "gate=%lld", (long long)load_measured_ms(load));
    add_argument(arguments, "redis=%d", (int)bench->redis.process.id);
}

static void make_arguments(const struct bench *bench, const struct run *run, struct arguments *arguments) {
    add_argument(arguments, "%s", bench->program);
    add_argument(arguments, "stage");
    add_argument(arguments, "%s", stage_names[run->stage]);
    if (stage_is_alone(run->stage))
        add_load_in_memory(run->load, arguments);
    else
        add_load_of_topics(bench, run, arguments);
    add_argument(arguments, "workers=%u", run->workers == 0 ? 1 : run->workers);
    if (run->rules != NULL)
        add_argument(arguments, "rules=%s", run->rules);
    if (run->workers == 0)
        add_argument(arguments, "pin=%d", meter_processors() - 1);
}

static void start_stage(const struct bench *bench, const struct run *run, const char *output_path,
                        struct process *ret_process) {
    static struct arguments arguments;
    struct environment environment = {0};
    char log_path[PATH_MAX];
    arguments = (struct arguments){0};
    make_arguments(bench, run, &arguments);
    if (!stage_is_alone(run->stage))
        set_all(bench, run, &environment);
    temporary_path(&bench->folder, "stage.log", log_path);
    struct process_options process_options = {
        .name = stage_names[run->stage],
        .arguments = arguments.entries,
        .environment = environment.entries,
        .output_path = output_path,
        .log_path = log_path,
    };
    process_start(&process_options, ret_process);
}

void bench_run(struct bench *bench, const struct run *run, struct figures *ret_figures) {
    struct process process;
    char output_path[PATH_MAX];
    bench->runs++;
    temporary_path(&bench->folder, "figures", output_path);
    start_stage(bench, run, output_path, &process);
    if (!process_await_end(&process, deadline_after(RUN_MS)) || process.exit_status != 0)
        bench_fail("the stage %s failed:\n%s", stage_names[run->stage], process_log_tail(&process));
    read_figures(output_path, ret_figures);
    if (!stage_is_alone(run->stage))
        forget_run(bench);
    fprintf(stderr,
            "  %-14s %8.0f records, %6.0f ns CPU, %6.0f ns Redis, %6.0f ns wall per record; %.0f changes, %.0f ticks, "
            "%.0f commits, %.0f MB\n",
            stage_names[run->stage], ret_figures->records, ret_figures->cpu_ns / ret_figures->records,
            ret_figures->redis_cpu_ns / ret_figures->records, ret_figures->wall_ns / ret_figures->records,
            ret_figures->changes, ret_figures->ticks, ret_figures->commits, ret_figures->commit_bytes / 1e6);
}

static void repeat_once(struct bench *bench, const struct run *run, struct repeated *repeated) {
    bench_run(bench, run, &repeated->last);
    series_add(&repeated->process, repeated->last.cpu_ns / repeated->last.records);
    series_add(&repeated->redis, repeated->last.redis_cpu_ns / repeated->last.records);
    series_add(&repeated->wall, repeated->last.wall_ns / repeated->last.records);
}

static int turns_of(const struct run *runs, uint32_t count) {
    int turns = 1;
    for (uint32_t i = 0; i < count; i++)
        turns = runs[i].times > turns ? runs[i].times : turns;
    return turns;
}

void bench_repeat(struct bench *bench, const struct run *runs, uint32_t count, struct repeated *ret_repeated) {
    int turns = turns_of(runs, count);
    memset(ret_repeated, 0, count * sizeof *ret_repeated);
    for (int turn = 0; turn < bench->pairs * turns; turn++)
        for (uint32_t i = 0; i < count; i++)
            if (turn % turns == 0 || turn % turns < runs[i].times)
                repeat_once(bench, &runs[i], &ret_repeated[i]);
}
