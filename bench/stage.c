#include "bench/stage.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/fail.h"
#include "bench/meter.h"
#include "bench/substitute.h"
#include "cli/clock.h"
#include "cli/composition.h"
#include "cli/publishing.h"
#include "cli/rules_file.h"
#include "engine/limits.h"
#include "producer/topics.h"

#define WORKERS_MAX       4
#define BROKERS_MS        20000
#define BATCH_MAX         512
#define QUIET_MS          1200 /* without a commit, before all that was committed counts as settled */
#define NEVER_COMMITTED   INT64_C(3600000)
#define UNBOUNDED         ((size_t)1 << 40)
#define REMIND_RECORDS    20000 /* see consumer/kafka_source.c: older versions of the library stall without it */
#define RULES_BUILT_IN    "default"
#define PACK_OF_THE_RULES "default.yaml"

const char *const stage_names[STAGES] = {"bare", "consume", "decode", "evaluate", "publish", "all", "plain"};

/* What is read at the beginning and at the end of what is measured. */
struct reading {
    int64_t cpu_ns, wall_ns, redis_cpu_ns;
    uint64_t records, changes, ticks, commits, commit_bytes;
};

struct bench_worker;

/* The process. Workers share `begun`, `ended` and their readings, which the first and the last of them take. */
struct bench_process {
    enum stage stage;
    uint64_t gate;    /* uses that are let through before measuring begins; 0: it begins with the first record */
    uint64_t records; /* in all topics, of which those before the gate are not measured */
    pid_t redis;
    uint32_t workers_count;
    const char *rules;

    struct log *log;
    struct setup setup;
    struct schemas schemas;
    struct arena arena;
    const struct program *program;
    struct composition composition;
    struct topics_report topics;
    struct bench_worker *workers;
    atomic_bool begun;
    struct reading first, last;
    size_t resident_before;
    size_t resident_settled;
    uint64_t accounts_settled;
};

/* A worker, with the ports that it really uses: those of the composition, wrapped or replaced. */
struct bench_worker {
    struct bench_process *process;
    uint32_t number;
    pthread_t thread;
    struct worker_ports ports;
    struct pipeline *pipeline;
    struct counters counters;
    struct source source;
    struct sink sink;
    struct store store;
    struct encoder encoder;
    struct changelog changelog;
    struct plain_sink plain;
    struct short_log log;
    struct null_store *null_store;
    uint64_t passed; /* uses that the gate has let through */
    bool open;
    void (*release)(void *context, int32_t shard); /* the store's own */
    uint64_t commits, records;                     /* as they were counted last, and since when they are so */
    int64_t quiet_since_ms;
};

/* Whose thread this is: a wrapper replaces one function of a port and is given the port's context, not the worker. */
static _Thread_local struct bench_worker *self;

/* ---- readings */

static uint64_t count_all(const struct bench_process *process, uint32_t first, uint32_t values) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < process->workers_count; i++)
        for (uint32_t j = 0; j < values; j++)
            sum += counters_get(&process->workers[i].counters, first + j);
    return sum;
}

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

static void begin_measuring(struct bench_process *process) {
    if (!atomic_exchange(&process->begun, true))
        take_reading(process, &process->first);
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
}

/* ---- the wrappers */

static void gated_fetch(void *context, struct input input, struct message *ret_messages, uint32_t max,
                        struct fetched *ret_fetched) {
    uint64_t left = self->process->gate - self->passed;
    bool held = !self->open && input.stream == STREAM_USAGE;
    *ret_fetched = (struct fetched){0, OFFSET_NONE};
    if (held && left == 0)
        return;
    self->ports.source.fetch(context, input, ret_messages, held && left < max ? (uint32_t)left : max, ret_fetched);
    if (held)
        self->passed += ret_fetched->count;
    if (ret_fetched->count > 0 && self->open)
        begin_measuring(self->process);
}

/* A shard is released when all of it is committed and stored, as the worker leaves. */
static void watched_release(void *context, int32_t shard) {
    struct bench_process *process = self->process;
    if (process->stage != STAGE_EVALUATE && atomic_load(&process->begun))
        take_reading(process, &process->last);
    self->release(context, shard);
}

/* ---- the pipeline */

/* Whether what is before the gate has been done; for stages that commit, and is committed and stored. The gate's last
 * record waits in the merge: nobody knows yet that no other comes before it. */
static bool is_settled(struct bench_worker *worker) {
    const struct bench_process *process = worker->process;
    uint64_t commits = counters_get(&worker->counters, COUNTER_COMMITS);
    int64_t now_ms = clock_monotonic_ms();
    if (worker->passed < process->gate || commits != worker->commits || worker->quiet_since_ms == 0 ||
        count_all(process, COUNTER_RECORDS, STREAMS) != worker->records) {
        worker->commits = commits;
        worker->records = count_all(process, COUNTER_RECORDS, STREAMS);
        worker->quiet_since_ms = now_ms;
        return false;
    }
    return now_ms - worker->quiet_since_ms >= QUIET_MS && counters_get(&worker->counters, GAUGE_STORE_LAG_COMMITS) == 0;
}

static void look(struct bench_worker *worker) {
    struct bench_process *process = worker->process;
    if (!worker->open && is_settled(worker)) {
        process->resident_settled = meter_resident_bytes(getpid());
        process->accounts_settled = counters_get(&worker->counters, GAUGE_ACCOUNTS);
        worker->open = true;
    }
    if (process->stage == STAGE_EVALUATE && process->last.cpu_ns == 0 &&
        count_all(process, COUNTER_RECORDS, STREAMS) == process->records)
        take_reading(process, &process->last);
}

static void *run_worker(void *context) {
    struct bench_worker *worker = context;
    struct error error;
    enum pipeline_progress progress;
    self = worker;
    worker->open = worker->process->gate == 0;
    do {
        progress = pipeline_turn(worker->pipeline, &error);
        look(worker);
    } while (progress == PIPELINE_RUNNING);
    if (progress == PIPELINE_FAILED)
        bench_fail("%s", error.text);
    return NULL;
}

/* What the stage leaves out is replaced; what is watched is wrapped. */
static void choose_ports(struct bench_worker *worker, struct pipeline_ports *ret_ports) {
    const struct bench_process *process = worker->process;
    enum stage stage = process->stage;
    struct error error;
    *ret_ports = worker->ports.all;
    worker->source = worker->ports.source;
    worker->store = worker->ports.store;
    worker->sink = worker->ports.sink;
    worker->encoder = worker->ports.encoder;
    worker->changelog = worker->ports.changelog;
    if (stage == STAGE_EVALUATE) {
        worker->encoder = null_encoder_port();
        worker->sink = null_sink_port(&worker->log);
        worker->changelog = short_log_port(&worker->log);
    }
    if (stage == STAGE_PLAIN) {
        worker->plain.log = &worker->log;
        memcpy(worker->plain.topics, process->setup.outputs, sizeof worker->plain.topics);
        must(plain_sink_open(&worker->plain, &process->setup.properties, &process->setup.logger, &error), &error);
        worker->sink = plain_sink_port(&worker->plain);
        worker->changelog = short_log_port(&worker->log);
    }
    if (stage == STAGE_EVALUATE || stage == STAGE_PUBLISH) {
        worker->null_store = calloc(1, sizeof *worker->null_store);
        assert(worker->null_store != NULL);
        worker->store = null_store_port(worker->null_store);
    }
    worker->release = worker->store.release;
    worker->store.release = watched_release;
    worker->source.fetch = gated_fetch;
    ret_ports->source = &worker->source;
    ret_ports->store = &worker->store;
    ret_ports->sink = &worker->sink;
    ret_ports->encoder = &worker->encoder;
    ret_ports->changelog = &worker->changelog;
}

static void open_worker(struct bench_worker *worker) {
    struct bench_process *process = worker->process;
    struct pipeline_options pipeline_options = composition_options(&process->composition);
    struct pipeline_ports ports;
    struct error error;
    if (process->stage == STAGE_EVALUATE) {
        pipeline_options.commit_interval_ms = pipeline_options.commit_interval_max_ms = NEVER_COMMITTED;
        pipeline_options.commit_bytes_max = UNBOUNDED;
    }
    must(composition_open(&process->composition, worker->number, &worker->ports, &error), &error);
    choose_ports(worker, &ports);
    must(pipeline_create(&pipeline_options, &ports, process->program, &worker->counters, NULL, &worker->pipeline,
                         &error),
         &error);
}

static void close_worker(struct bench_worker *worker) {
    pipeline_free(worker->pipeline);
    plain_sink_close(&worker->plain);
    composition_close(&worker->ports);
    short_log_free(&worker->log);
    if (worker->null_store != NULL)
        null_store_free(worker->null_store);
    free(worker->null_store);
}

static void run_pipeline(struct bench_process *process) {
    for (uint32_t i = 0; i < process->workers_count; i++) {
        process->workers[i] = (struct bench_worker){.process = process, .number = i};
        open_worker(&process->workers[i]);
    }
    process->resident_before = meter_resident_bytes(getpid());
    for (uint32_t i = 0; i < process->workers_count; i++)
        if (pthread_create(&process->workers[i].thread, NULL, run_worker, &process->workers[i]) != 0)
            bench_fail("a thread cannot be started");
    for (uint32_t i = 0; i < process->workers_count; i++)
        pthread_join(process->workers[i].thread, NULL);
    for (uint32_t i = 0; i < process->workers_count; i++)
        close_worker(&process->workers[i]);
}

/* ---- without pipeline: the uses alone */

static void note_records(struct bench_process *process, uint64_t records) {
    take_reading(process, &process->last);
    process->last.records = records;
}

/* The library's own defaults: what anybody would write first. */
static void run_bare(struct bench_process *process) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct kafka_properties *properties = &process->setup.properties;
    for (uint32_t i = 0; i < properties->count; i++)
        if (rd_kafka_conf_set(conf, properties->items[i].name, properties->items[i].value, reason, sizeof reason) !=
            RD_KAFKA_CONF_OK)
            bench_fail("%s", reason);
    (void)rd_kafka_conf_set(conf, "group.id", process->setup.configuration.kafka.group.data, NULL, 0);
    (void)rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", NULL, 0);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (client == NULL)
        bench_fail("%s", reason);
    const char *topic = process->setup.topics[STREAM_USAGE];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(process->topics.partitions);
    for (int32_t i = 0; i < process->topics.partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = 0;
    if (rd_kafka_assign(client, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("the topic %s could not be assigned", topic);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    uint64_t records = 0, reminded = 0;
    while (records < process->records) {
        rd_kafka_message_t *messages[BATCH_MAX];
        ssize_t count = rd_kafka_consume_batch_queue(queue, 100, messages, BATCH_MAX);
        if (count > 0)
            begin_measuring(process);
        for (ssize_t i = 0; i < count; i++) {
            records += messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            rd_kafka_message_destroy(messages[i]);
        }
        if (records - reminded >= REMIND_RECORDS) {
            int64_t low, high;
            (void)rd_kafka_query_watermark_offsets(client, topic, 0, &low, &high, 1);
            reminded = records;
        }
    }
    note_records(process, records);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* Joins the group and has all that it is given fetched from the beginning. */
static uint32_t assign_all(struct worker_ports *ports, struct input_offset *ret_positions, uint32_t max) {
    const struct source *source = &ports->source;
    struct source_event event = {0};
    struct error error;
    while (event.kind != SOURCE_ASSIGNED || event.inputs_count == 0) {
        source->poll(source->context, 100, &event);
        if (event.kind == SOURCE_FATAL)
            bench_fail("%s", event.error.text);
    }
    assert(event.inputs_count <= max);
    for (uint32_t i = 0; i < event.inputs_count; i++)
        ret_positions[i] = (struct input_offset){event.inputs[i], 0};
    uint32_t count = event.inputs_count;
    source->release_membership(source->context, event.membership);
    if (source->assign(source->context, ret_positions, count, &error) != ANSWER_OK)
        bench_fail("%s", error.text);
    return count;
}

static void decode_all(const struct worker_ports *ports, const struct message *messages, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct event event;
        struct rejection rejection;
        struct error error;
        if (ports->decoder.decode(ports->decoder.context, &messages[i], &event, &rejection, &error) != RESULT_OK)
            bench_fail("a record could not be decoded");
    }
}

static void run_source(struct bench_process *process) {
    static struct input_offset positions[SHARDS_MAX];
    struct worker_ports ports;
    struct error error;
    must(composition_open(&process->composition, 0, &ports, &error), &error);
    uint32_t inputs = assign_all(&ports, positions, SHARDS_MAX);
    uint64_t records = 0;
    while (records < process->records) {
        uint32_t taken = 0;
        for (uint32_t i = 0; i < inputs; i++) {
            struct message messages[FETCH_MAX];
            struct fetched fetched;
            ports.source.fetch(ports.source.context, positions[i].input, messages, FETCH_MAX, &fetched);
            if (fetched.count > 0)
                begin_measuring(process);
            if (process->stage == STAGE_DECODE)
                decode_all(&ports, messages, fetched.count);
            ports.source.release(ports.source.context, messages, fetched.count);
            taken += fetched.count;
        }
        records += taken;
        struct source_event event;
        ports.source.poll(ports.source.context, taken == 0 ? 20 : 0, &event);
    }
    note_records(process, records);
    ports.source.close(ports.source.context, 1000);
    composition_close(&ports);
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
    must(publishing_output_framings(&process->setup, &process->schemas, &process->composition.changes,
                                    &process->composition.statuses, &error),
         &error);
}

static void take_argument(struct bench_process *process, const char *argument) {
    const char *value = strchr(argument, '=');
    if (value == NULL)
        bench_fail("%s is not KEY=VALUE", argument);
    uint64_t number = strtoull(++value, NULL, 10);
    if (strncmp(argument, "gate=", 5) == 0)
        process->gate = number;
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
    else
        bench_fail("%s is not known", argument);
}

static enum stage find_stage(const char *name) {
    enum stage stage = 0;
    while (stage < STAGES && strcmp(stage_names[stage], name) != 0)
        stage++;
    return stage;
}

int stage_main(int count, char *const *arguments) {
    struct bench_worker *workers = calloc(WORKERS_MAX, sizeof *workers);
    assert(workers != NULL);
    struct bench_process process = {.workers_count = 1, .rules = RULES_BUILT_IN, .workers = workers};
    process.stage = count > 0 ? find_stage(arguments[0]) : STAGES;
    if (process.stage == STAGES)
        bench_fail("which stage?");
    for (int i = 1; i < count; i++)
        take_argument(&process, arguments[i]);
    prepare(&process);
    prepare_topics(&process);
    if (process.stage == STAGE_BARE)
        run_bare(&process);
    else if (process.stage == STAGE_CONSUME || process.stage == STAGE_DECODE)
        run_source(&process);
    else
        run_pipeline(&process);
    print_readings(&process);
    schemas_close(&process.schemas);
    setup_free(&process.setup);
    arena_free(&process.arena);
    log_free(process.log);
    free(workers);
    return 0;
}
