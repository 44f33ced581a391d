#include "bench/stage.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "bench/fail.h"
#include "bench/meter.h"
#include "bench/stage_internal.h"
#include "cli/clock.h"
#include "cli/publishing.h"
#include "cli/rules_file.h"

#define BROKERS_MS        20000
#define RULES_BUILT_IN    "default"
#define PACK_OF_THE_RULES "default.yaml"

const char *const stage_names[STAGES] = {
    "bare", "consume", "decode",       "evaluate",       "publish",
    "all",  "plain",   "alone-decode", "alone-evaluate", "alone-encode",
};

/* ---- readings */

static void take_reading(struct bench_process *process, struct reading *ret_reading) {
    *ret_reading = (struct reading){
        .cpu_ns = meter_cpu_ns(getpid()),
        .wall_ns = meter_wall_ns(),
        .redis_cpu_ns = process->redis == 0 ? 0 : meter_cpu_ns(process->redis),
        .records = count_all(process, COUNTER_RECORDS, STREAMS),
        .changes = count_all(process, COUNTER_CHANGES, CHANGE_EXITED + 1),
        .ticks = count_all(process, COUNTER_EVALUATED_TICKS, 1),
        .commits = count_all(process, COUNTER_COMMITS, 1),
        .commit_bytes = count_all(process, COUNTER_COMMIT_BYTES, 1),
    };
}

/* Tells perf to begin or to end, see struct bench_process. */
static void tell_perf(const struct bench_process *process, const char *command) {
    FILE *control = process->perf_path == NULL ? NULL : fopen(process->perf_path, "we");
    if (control == NULL)
        return;
    fprintf(control, "%s\n", command);
    fclose(control);
}

void begin_measuring(struct bench_process *process) {
    if (atomic_exchange(&process->begun, true))
        return;
    tell_perf(process, "enable");
    take_reading(process, &process->first);
}

void end_measuring(struct bench_process *process) {
    take_reading(process, &process->last);
    tell_perf(process, "disable");
}

void end_measuring_records(struct bench_process *process, uint64_t records) {
    end_measuring(process);
    process->last.records = process->first.records + records;
}

static void print_readings(const struct bench_process *process) {
    const struct reading *first = &process->first, *last = &process->last;
    printf("cpu_ns %" PRId64 "\nwall_ns %" PRId64 "\nredis_cpu_ns %" PRId64 "\n", last->cpu_ns - first->cpu_ns,
           last->wall_ns - first->wall_ns, last->redis_cpu_ns - first->redis_cpu_ns);
    printf("records %" PRIu64 "\nchanges %" PRIu64 "\nticks %" PRIu64 "\n", last->records - first->records,
           last->changes - first->changes, last->ticks - first->ticks);
    printf("commits %" PRIu64 "\ncommit_bytes %" PRIu64 "\n", last->commits - first->commits,
           last->commit_bytes - first->commit_bytes);
    printf("resident_before %zu\nresident_settled %zu\naccounts_settled %" PRIu64 "\n", process->resident_before,
           process->resident_settled, process->accounts_settled);
    if (stage_is_alone(process->stage) && last->records > first->records)
        printf("cpu_ns_per_record %.1f\nchanges_per_record %.4f\nticks_per_record %.4f\n",
               (double)(last->cpu_ns - first->cpu_ns) / (double)(last->records - first->records),
               (double)(last->changes - first->changes) / (double)(last->records - first->records),
               (double)(last->ticks - first->ticks) / (double)(last->records - first->records));
}

/* ---- alone */

/* Nothing is asked of these servers; the configuration wants them named. */
static void prepare_alone(struct bench_process *process) {
    static const char *const settings[][2] = {
        {"BELLWETHER_KAFKA_BROKERS", "nowhere:9092"},
        {"BELLWETHER_REDIS_URL", "redis://nowhere:6379"},
        {"BELLWETHER_HTTP", "null"},
        {"BELLWETHER_LIMITS_MEMORY", "64GiB"},
        {"BELLWETHER_STREAMS_LOGIN", "off"},
        {"BELLWETHER_STREAMS_TICKET", "off"},
        {"BELLWETHER_STREAMS_NPS", "off"},
        {"BELLWETHER_STREAMS_CUSTOM", "off"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        (void)setenv(settings[i][0], settings[i][1], 1);
    struct load *load = &process->load;
    load->base_ms = load_base_ms(load->kind, clock_wall_ms());
    process->known = load_known_records(load);
    process->gate_ms = load_measured_ms(load);
    process->records = process->stage == STAGE_ALONE_DECODE ? load_uses(load) : load_records(load);
    memory_source_fill(&process->memory, load, process->stage != STAGE_ALONE_DECODE);
}

static void compose_alone(struct bench_process *process) {
    process->composition = (struct composition){
        .setup = &process->setup,
        .schemas = &process->schemas,
        .cluster_id = "alone",
        .partitions = 1,
        .until_end = true,
        .clock = clock_port(),
    };
}

/* Nobody else is there to be told apart from, and each run is to be like the other. */
static void fill_alike(void *context, void *data, size_t size) {
    (void)context;
    memset(data, 0x5A, size);
}

static void open_ports_alone(const struct bench_process *process, struct worker_ports *ports) {
    struct encoder_options encoder_options = {
        .group = process->setup.configuration.kafka.group,
        .changes = process->composition.changes,
        .statuses = process->composition.statuses,
        .value_bytes_max = client_value_bytes_max(process->setup.configuration.limits.account_bytes),
    };
    struct error error;
    for (int i = 0; i < STREAMS; i++)
        encoder_options.topics[i] = process->setup.configuration.streams.topics[i];
    must(value_decoder_create(&process->schemas.decoder, &ports->value_decoder, &error), &error);
    ports->decoder = value_decoder_port(ports->value_decoder);
    must(encoder_create(&encoder_options, &ports->encoder, &error), &error);
    ports->source = memory_source_port((struct memory_source *)&process->memory);
    ports->clock = process->composition.clock;
    ports->chance = (struct chance){NULL, fill_alike};
    ports->all = (struct pipeline_ports){
        .decoder = &ports->decoder,
        .clock = &ports->clock,
        .chance = &ports->chance,
        .logger = &process->setup.logger,
    };
}

void stage_open_ports(const struct bench_process *process, uint32_t number, struct worker_ports *ret_ports) {
    struct error error;
    *ret_ports = (struct worker_ports){0};
    if (stage_is_alone(process->stage))
        open_ports_alone(process, ret_ports);
    else
        must(composition_open(&process->composition, number, ret_ports, &error), &error);
}

/* ---- the process */

static void prepare(struct bench_process *process) {
    struct log_options log_options = {.level = LEVEL_WARNING, .descriptor = STDERR_FILENO, .wall_ms = clock_wall_ms};
    struct configuration_input input = {.environment = (const char *const *)environ};
    struct findings findings = {.arena = &process->arena};
    struct error error;
    must(log_create(&log_options, &process->log, &error), &error);
    enum result result = setup_read_input(&input, process->log, &process->setup);
    findings_log(&process->setup.findings, process->log);
    if (result != RESULT_OK)
        bench_fail("the configuration is not good");
    result = strcmp(process->rules, RULES_BUILT_IN) == 0
                 ? rules_pack_read(PACK_OF_THE_RULES, &process->arena, &process->program, &findings)
                 : rules_file_read(process->rules, &process->arena, &process->program, &findings);
    findings_log(&findings, process->log);
    if (result != RESULT_OK)
        bench_fail("the rules %s are not good", process->rules);
    must(schemas_open(&process->schemas, &process->setup, &error), &error);
}

static void prepare_topics(struct bench_process *process) {
    struct topics_plan plan = {
        .create_outputs = true,
        .value_bytes_max = client_value_bytes_max(process->setup.configuration.limits.account_bytes),
    };
    struct topics *topics;
    struct error error;
    memcpy(plan.inputs, process->setup.topics, sizeof plan.inputs);
    memcpy(plan.outputs, process->setup.outputs, sizeof plan.outputs);
    must(topics_open(&process->setup.properties, NULL, &topics, &error), &error);
    must(topics_prepare(topics, &plan, &process->topics, BROKERS_MS, &error), &error);
    topics_close(topics);
    process->composition = (struct composition){
        .setup = &process->setup,
        .schemas = &process->schemas,
        .cluster_id = process->topics.cluster_id,
        .partitions = process->topics.partitions,
        .until_end = true,
        .clock = clock_port(),
    };
}

static enum load_kind kind_of_load(const char *name) {
    if (strcmp(name, "steady") == 0)
        return LOAD_STEADY;
    if (strcmp(name, "restless") != 0)
        bench_fail("load=%s: there are steady and restless", name);
    return LOAD_RESTLESS;
}

static void take_argument(struct bench_process *process, const char *argument) {
    const char *value = strchr(argument, '=');
    if (value == NULL)
        bench_fail("%s is not KEY=VALUE", argument);
    uint64_t number = strtoull(++value, NULL, 10);
    if (strncmp(argument, "gate=", 5) == 0)
        process->gate_ms = (int64_t)number;
    else if (strncmp(argument, "known=", 6) == 0)
        process->known = number;
    else if (strncmp(argument, "records=", 8) == 0)
        process->records = number;
    else if (strncmp(argument, "redis=", 6) == 0)
        process->redis = (pid_t)number;
    else if (strncmp(argument, "workers=", 8) == 0)
        process->workers_count = number < WORKERS_MAX ? (uint32_t)number : WORKERS_MAX;
    else if (strncmp(argument, "pin=", 4) == 0)
        meter_pin((int)number);
    else if (strncmp(argument, "rules=", 6) == 0)
        process->rules = value;
    else if (strncmp(argument, "perf=", 5) == 0)
        process->perf_path = value;
    else if (strncmp(argument, "load=", 5) == 0)
        process->load = load_default(kind_of_load(value));
    else if (strncmp(argument, "accounts=", 9) == 0)
        process->load.accounts = (uint32_t)number;
    else if (strncmp(argument, "events=", 7) == 0)
        process->load.events = number;
    else if (strncmp(argument, "uniform=", 8) == 0)
        process->load.uniform = number != 0;
    else
        bench_fail("%s is not known", argument);
}

static enum stage find_stage(const char *name) {
    enum stage stage = 0;
    while (stage < STAGES && strcmp(stage_names[stage], name) != 0)
        stage++;
    return stage;
}

static void compose(struct bench_process *process) {
    struct error error;
    if (stage_is_alone(process->stage))
        compose_alone(process);
    else
        prepare_topics(process);
    must(publishing_output_framings(&process->setup, &process->schemas, &process->composition.changes,
                                    &process->composition.statuses, &error),
         &error);
}

static void run_stage(struct bench_process *process) {
    if (process->stage == STAGE_BARE)
        run_bare(process);
    else if (process->stage == STAGE_CONSUME || process->stage == STAGE_DECODE || process->stage == STAGE_ALONE_DECODE)
        run_source(process);
    else
        run_pipeline(process);
}

int stage_main(int count, char *const *arguments) {
    struct bench_process process = {.workers_count = 1, .load = load_default(LOAD_STEADY)};
    process.stage = count > 0 ? find_stage(arguments[0]) : STAGES;
    if (process.stage == STAGES)
        bench_fail("which stage?");
    for (int i = 1; i < count; i++)
        take_argument(&process, arguments[i]);
    if (process.rules == NULL)
        process.rules = process.load.kind == LOAD_RESTLESS ? BENCH_FOLDER "/restless.yaml" : RULES_BUILT_IN;
    if (stage_is_alone(process.stage))
        prepare_alone(&process);
    prepare(&process);
    compose(&process);
    run_stage(&process);
    print_readings(&process);
    memory_source_free(&process.memory);
    schemas_close(&process.schemas);
    setup_free(&process.setup);
    arena_free(&process.arena);
    log_free(process.log);
    return 0;
}
