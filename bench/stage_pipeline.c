/* The pipeline, with as much of the world around it as the stage has. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/fail.h"
#include "bench/meter.h"
#include "bench/stage_internal.h"
#include "cli/clock.h"
#include "engine/limits.h"

#define QUIET_MS        1200 /* without a commit, before all that was committed counts as settled */
#define NEVER_COMMITTED INT64_C(3600000)
#define UNBOUNDED       ((size_t)1 << 40)

/* What an input has beyond the gate: the first such record is let through, as nobody knows before it that no other
 * comes first; the others of the same fetch wait here. */
struct held_back {
    bool over;
    uint32_t first, count;
    struct message messages[FETCH_MAX];
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
    bool open;                                     /* the gate */
    struct held_back *held_back;                   /* of each partition and stream */
    void (*release)(void *context, int32_t shard); /* the store's own */
    uint64_t commits, records;                     /* as they were counted last, and since when they are so */
    int64_t quiet_since_ms;
};

/* Whose thread this is: a wrapper replaces one function of a port and is given the port's context, not the worker. */
static _Thread_local struct bench_worker *self;

uint64_t count_all(const struct bench_process *process, uint32_t first, uint32_t values) {
    uint64_t sum = 0;
    for (uint32_t i = 0; process->workers != NULL && i < process->workers_count; i++)
        for (uint32_t j = 0; j < values; j++)
            sum += counters_get(&process->workers[i].counters, first + j);
    return sum;
}

static bool never_commits(enum stage stage) {
    return stage == STAGE_EVALUATE || stage == STAGE_ALONE_EVALUATE;
}

/* ---- the wrappers */

static void hand_out_held_back(struct held_back *back, struct message *ret_messages, uint32_t max,
                               struct fetched *ret_fetched) {
    uint32_t count = back->count < max ? back->count : max;
    memcpy(ret_messages, back->messages + back->first, count * sizeof *ret_messages);
    back->first += count;
    back->count -= count;
    *ret_fetched = (struct fetched){count, ret_messages[count - 1].offset + 1};
}

static void hold_back(struct held_back *back, const struct message *messages, struct fetched *fetched) {
    uint32_t passed = 0;
    while (passed < fetched->count && !back->over)
        back->over = messages[passed++].timestamp_ms >= self->process->gate_ms;
    if (passed == fetched->count)
        return;
    back->first = 0;
    back->count = fetched->count - passed;
    memcpy(back->messages, messages + passed, back->count * sizeof *messages);
    *fetched = (struct fetched){passed, messages[passed].offset};
}

static void gated_fetch(void *context, struct input input, struct message *ret_messages, uint32_t max,
                        struct fetched *ret_fetched) {
    struct held_back *back = &self->held_back[(uint32_t)input.partition * STREAMS + input.stream];
    *ret_fetched = (struct fetched){0, OFFSET_NONE};
    if (back->over && !self->open)
        return;
    if (back->count > 0)
        hand_out_held_back(back, ret_messages, max, ret_fetched);
    else
        self->ports.source.fetch(context, input, ret_messages, max < FETCH_MAX ? max : FETCH_MAX, ret_fetched);
    if (!self->open)
        hold_back(back, ret_messages, ret_fetched);
    else if (ret_fetched->count > 0)
        begin_measuring(self->process);
}

/* Each input is fetched from where the pipeline says: what waits here comes again. */
static void drop_held_back(struct bench_worker *worker) {
    int32_t inputs = worker->process->composition.partitions * STREAMS;
    for (struct held_back *back = worker->held_back; back < worker->held_back + inputs; back++) {
        if (back->count > 0)
            worker->ports.source.release(worker->ports.source.context, back->messages + back->first, back->count);
        back->over = false;
        back->count = 0;
    }
}

static enum answer gated_assign(void *context, const struct input_offset *positions, uint32_t count,
                                struct error *error) {
    drop_held_back(self);
    return self->ports.source.assign(context, positions, count, error);
}

static enum answer gated_unassign(void *context, struct error *error) {
    drop_held_back(self);
    return self->ports.source.unassign(context, error);
}

/* Before the gate, states are committed and stored, and nothing is published of what changed: each account's birth is
 * fourteen changes, which with a million accounts would be minutes of a run that measures seconds. */
static enum result gated_change(void *context, const struct change *change, int64_t decided_at_ms, struct batch *batch,
                                struct error *error) {
    return self->open ? self->ports.encoder.change(context, change, decided_at_ms, batch, error) : RESULT_OK;
}

static enum result gated_status(void *context, const struct status *status, struct batch *batch, struct error *error) {
    return self->open ? self->ports.encoder.status(context, status, batch, error) : RESULT_OK;
}

/* A shard is released when all of it is committed and stored, as the worker leaves. */
static void watched_release(void *context, int32_t shard) {
    struct bench_process *process = self->process;
    if (!never_commits(process->stage) && atomic_load(&process->begun))
        end_measuring(process);
    self->release(context, shard);
}

/* ---- a worker */

/* Whether all before the gate has been done; for stages that commit, and is committed and stored. */
static bool is_settled(struct bench_worker *worker) {
    const struct bench_process *process = worker->process;
    uint64_t commits = counters_get(&worker->counters, COUNTER_COMMITS);
    int64_t now_ms = clock_monotonic_ms();
    if (count_all(process, COUNTER_RECORDS, STREAMS) < process->known || commits != worker->commits ||
        worker->quiet_since_ms == 0 || count_all(process, COUNTER_RECORDS, STREAMS) != worker->records) {
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
    bool all_taken = count_all(process, COUNTER_RECORDS, STREAMS) == process->records;
    if (all_taken && never_commits(process->stage) && process->last.cpu_ns == 0)
        end_measuring(process);
    if (all_taken && process->workers_count > 1)
        pipeline_stop(worker->pipeline);
}

static void *run_worker(void *context) {
    struct bench_worker *worker = context;
    struct error error;
    enum pipeline_progress progress;
    self = worker;
    worker->open = worker->process->known == 0;
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
    worker->encoder.change = gated_change;
    worker->encoder.status = gated_status;
    worker->changelog = worker->ports.changelog;
    if (never_commits(stage))
        worker->encoder = null_encoder_port();
    if (never_commits(stage) || stage_is_alone(stage)) {
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
    if (stage == STAGE_EVALUATE || stage == STAGE_PUBLISH || stage_is_alone(stage)) {
        worker->null_store = calloc(1, sizeof *worker->null_store);
        assert(worker->null_store != NULL);
        worker->store = null_store_port(worker->null_store);
    }
    worker->release = worker->store.release;
    worker->store.release = watched_release;
    worker->source.fetch = gated_fetch;
    worker->source.assign = gated_assign;
    worker->source.unassign = gated_unassign;
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
    worker->held_back = calloc((size_t)process->composition.partitions * STREAMS, sizeof *worker->held_back);
    assert(worker->held_back != NULL);
    if (never_commits(process->stage)) {
        pipeline_options.commit_interval_ms = pipeline_options.commit_interval_max_ms = NEVER_COMMITTED;
        pipeline_options.commit_bytes_max = UNBOUNDED;
    }
    if (process->workers_count > 1) { /* Who left before the others are done would leave them shards to take over. */
        pipeline_options.until_end = false;
        pipeline_options.records_only = true;
    }
    stage_open_ports(process, worker->number, &worker->ports);
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
    free(worker->held_back);
}

void run_pipeline(struct bench_process *process) {
    process->workers = calloc(process->workers_count, sizeof *process->workers);
    assert(process->workers != NULL);
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
    free(process->workers);
    process->workers = NULL;
}
