/* Looks on while the pipeline runs: the linker (--wrap) gives its calls of these functions to this file, which notes
 * what a shard took and how its watermark moved, and makes the process' memory run out when it is to. */
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "engine/pipeline_internal.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_process.h"

static struct sim_processes *watched;

void sim_watch(struct sim_processes *processes) {
    watched = processes;
}

/* ---- memory */

void *libc_malloc(size_t size) __asm__("__real_malloc");
void *libc_calloc(size_t count, size_t size) __asm__("__real_calloc");
void *libc_realloc(void *memory, size_t size) __asm__("__real_realloc");
void *watched_malloc(size_t size) __asm__("__wrap_malloc");
void *watched_calloc(size_t count, size_t size) __asm__("__wrap_calloc");
void *watched_realloc(void *memory, size_t size) __asm__("__wrap_realloc");

void *watched_malloc(size_t size) {
    return sim_memory_is_out() ? NULL : libc_malloc(size);
}

void *watched_calloc(size_t count, size_t size) {
    return sim_memory_is_out() ? NULL : libc_calloc(count, size);
}

void *watched_realloc(void *memory, size_t size) {
    return sim_memory_is_out() ? NULL : libc_realloc(memory, size);
}

/* ---- shards */

static struct sim_process *running_process(void) {
    const struct sim_worker *worker = sim_running();
    return watched == NULL || worker == NULL ? NULL : &watched->all[worker->process];
}

static struct sim_ops *ops_of(struct sim_process *process, const struct shard *shard) {
    const struct pipeline *pipeline = process->pipeline;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (pipeline->held[i].shard == shard) {
            process->shard = pipeline->held[i].number;
            return &process->ops[process->shard];
        }
    assert(!"a shard that the process does not hold");
    return NULL;
}

enum result pipeline_shard_create(struct engine *engine, struct slab *slab, const struct shard_options *options,
                                  const struct shard_output *output, struct counters *counters,
                                  struct shard **ret_shard, struct error *error) __asm__("__real_shard_create");
enum result watched_shard_create(struct engine *engine, struct slab *slab, const struct shard_options *options,
                                 const struct shard_output *output, struct counters *counters, struct shard **ret_shard,
                                 struct error *error) __asm__("__wrap_shard_create");

enum result watched_shard_create(struct engine *engine, struct slab *slab, const struct shard_options *options,
                                 const struct shard_output *output, struct counters *counters, struct shard **ret_shard,
                                 struct error *error) {
    struct sim_process *process = running_process();
    if (process != NULL)
        process->program = engine_program(engine);
    return pipeline_shard_create(engine, slab, options, output, counters, ret_shard, error);
}

void pipeline_shard_restore(struct shard *shard, const struct clocks *clocks,
                            bool rules_changed) __asm__("__real_shard_restore");
void watched_shard_restore(struct shard *shard, const struct clocks *clocks,
                           bool rules_changed) __asm__("__wrap_shard_restore");

void watched_shard_restore(struct shard *shard, const struct clocks *clocks, bool rules_changed) {
    pipeline_shard_restore(shard, clocks, rules_changed);
    struct sim_process *process = running_process();
    if (process == NULL)
        return;
    SIM_OUTSIDE;
    struct sim_op op = {.kind = SIM_OP_RULES,
                        .program = process->program,
                        .watermark_ms = clocks->watermark_ms,
                        .ticked_ms = clocks->ticked_ms};
    sim_ops_add(ops_of(process, shard), &op);
}

static bool is_same_advance(const struct sim_op *one, const struct sim_op *other) {
    return one->kind == SIM_OP_ADVANCE && one->watermark_ms == other->watermark_ms && one->stream == other->stream &&
           one->offset == other->offset;
}

static void note_advance(struct sim_ops *ops, const struct sim_op *op) {
    uint32_t last = ops->count;
    while (last > ops->sealed && ops->items[last - 1].kind == SIM_OP_TICK)
        last--;
    if (last == ops->sealed || !is_same_advance(&ops->items[last - 1], op))
        sim_ops_add(ops, op);
}

/* The record waits until its ticks have fired, unless it still waits for its account. */
static void note_begin(struct sim_ops *ops, const struct shard *shard, const struct event *event) {
    bool has_begun = shard_need(shard)->kind != NEED_ACCOUNT;
    struct sim_op op = {.kind = SIM_OP_ADVANCE,
                        .watermark_ms = shard_clocks(shard)->watermark_ms,
                        .stream = has_begun ? event->stream : STREAMS,
                        .offset = has_begun ? event->place.offset : OFFSET_NONE};
    note_advance(ops, &op);
}

static void note_take(struct sim_process *process, struct sim_ops *ops, enum stream stream, int32_t shard,
                      int64_t offset) {
    struct sim_op op = {.kind = SIM_OP_TAKE,
                        .stream = stream,
                        .offset = offset,
                        .wall_ms = process->worker.kafka->wall_ms,
                        .at_ms = process->worker.kafka->monotonic_ms,
                        .ends_ms = process->worker.ends_ms[shard]};
    sim_ops_add(ops, &op);
}

enum result pipeline_shard_take(struct shard *shard, uint32_t guess, const struct event *event,
                                enum step_outcome *ret_outcome, struct error *error) __asm__("__real_shard_take");
enum result watched_shard_take(struct shard *shard, uint32_t guess, const struct event *event,
                               enum step_outcome *ret_outcome, struct error *error) __asm__("__wrap_shard_take");

enum result watched_shard_take(struct shard *shard, uint32_t guess, const struct event *event,
                               enum step_outcome *ret_outcome, struct error *error) {
    struct sim_process *process = running_process();
    struct sim_ops *ops = process == NULL ? NULL : ops_of(process, shard);
    enum result result = pipeline_shard_take(shard, guess, event, ret_outcome, error);
    if (process == NULL)
        return result;
    SIM_OUTSIDE;
    if (result == RESULT_OK)
        note_take(process, ops, event->stream, process->shard, event->place.offset);
    else if (result == RESULT_RETRY)
        note_begin(ops, shard, event);
    return result;
}

enum result pipeline_shard_advance(struct shard *shard, int64_t watermark_ms,
                                   struct error *error) __asm__("__real_shard_advance");
enum result watched_shard_advance(struct shard *shard, int64_t watermark_ms,
                                  struct error *error) __asm__("__wrap_shard_advance");

enum result watched_shard_advance(struct shard *shard, int64_t watermark_ms, struct error *error) {
    struct sim_process *process = running_process();
    struct sim_ops *ops = process == NULL ? NULL : ops_of(process, shard);
    enum result result = pipeline_shard_advance(shard, watermark_ms, error);
    if (process == NULL)
        return result;
    SIM_OUTSIDE;
    struct sim_op op = {.kind = SIM_OP_ADVANCE,
                        .watermark_ms = shard_clocks(shard)->watermark_ms,
                        .stream = STREAMS,
                        .offset = OFFSET_NONE};
    note_advance(ops, &op);
    return result;
}

enum result pipeline_shard_resume(struct shard *shard, struct error *error) __asm__("__real_shard_resume");
enum result watched_shard_resume(struct shard *shard, struct error *error) __asm__("__wrap_shard_resume");

enum result watched_shard_resume(struct shard *shard, struct error *error) {
    struct sim_process *process = running_process();
    if (process != NULL)
        (void)ops_of(process, shard);
    return pipeline_shard_resume(shard, error);
}

void pipeline_engine_tick(struct engine *engine, struct state_bytes state, int64_t tick_ms, const struct clocks *clocks,
                          struct step *ret_step) __asm__("__real_engine_tick");
void watched_engine_tick(struct engine *engine, struct state_bytes state, int64_t tick_ms, const struct clocks *clocks,
                         struct step *ret_step) __asm__("__wrap_engine_tick");

void watched_engine_tick(struct engine *engine, struct state_bytes state, int64_t tick_ms, const struct clocks *clocks,
                         struct step *ret_step) {
    struct sim_process *process = running_process();
    if (process != NULL) {
        SIM_OUTSIDE;
        struct sim_op op = {.kind = SIM_OP_TICK, .ticked_ms = tick_ms, .account = hash_text(state_account_id(state))};
        sim_ops_add(&process->ops[process->shard], &op);
    }
    pipeline_engine_tick(engine, state, tick_ms, clocks, ret_step);
}

void pipeline_transaction_start(struct transaction *transaction, struct batch **batches, uint32_t batches_count,
                                const struct input_offset *offsets, uint32_t offsets_count,
                                const struct membership *membership) __asm__("__real_transaction_start");
void watched_transaction_start(struct transaction *transaction, struct batch **batches, uint32_t batches_count,
                               const struct input_offset *offsets, uint32_t offsets_count,
                               const struct membership *membership) __asm__("__wrap_transaction_start");

void watched_transaction_start(struct transaction *transaction, struct batch **batches, uint32_t batches_count,
                               const struct input_offset *offsets, uint32_t offsets_count,
                               const struct membership *membership) {
    struct sim_process *process = running_process();
    for (int i = 0; i < SIM_PARTITIONS_MAX && process != NULL; i++)
        process->ops[i].sealed = process->ops[i].count;
    pipeline_transaction_start(transaction, batches, batches_count, offsets, offsets_count, membership);
}

/* ---- what the ports and the broker tell */

/* Travels with a transaction: what its process had done when the batch was sealed. */
struct note {
    int process;
    uint32_t incarnation;
    struct sim_ops ops[SIM_PARTITIONS_MAX];
};

void sim_watch_dropped(void *context, int process) {
    struct sim_processes *processes = context;
    processes->all[process].incarnation++;
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++) {
        processes->all[process].ops[i].count = processes->all[process].ops[i].sealed = 0;
        processes->all[process].covered[i] = 0;
    }
}

void *sim_watch_begun(void *context, int process) {
    struct sim_processes *processes = context;
    struct note *note = calloc(1, sizeof *note);
    assert(note != NULL);
    note->process = process;
    note->incarnation = processes->all[process].incarnation;
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++)
        sim_ops_append_sealed(&note->ops[i], &processes->all[process].ops[i]);
    return note;
}

void sim_watch_known(void *context, int process) {
    struct sim_processes *processes = context;
    struct sim_process *it = &processes->all[process];
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++) {
        sim_ops_drop(&it->ops[i], it->covered[i]);
        it->covered[i] = 0;
    }
}

void sim_watch_rejected(void *context, int process, const struct message *message) {
    struct sim_processes *processes = context;
    struct sim_process *it = &processes->all[process];
    struct sim_ops *ops = &it->ops[message->partition];
    const struct sim_op *last = ops->count > 0 ? &ops->items[ops->count - 1] : NULL;
    bool is_noted = last != NULL && last->kind == SIM_OP_TAKE && last->stream == message->stream &&
                    last->offset == message->offset;
    if (!is_noted) /* It came as far as the shard, and was too large. */
        note_take(it, ops, message->stream, message->partition, message->offset);
}

void sim_watch_committed(void *context, uint32_t transaction) {
    struct sim_processes *processes = context;
    SIM_OUTSIDE;
    struct note *note = processes->kafka->transactions[transaction - 1].note;
    uint32_t covered;
    sim_story_add(processes->story, processes->kafka->monotonic_ms, note == NULL ? -1 : note->process,
                  "transaction is committed", transaction, -1, NULL);
    sim_oracle_committed(processes->oracle, transaction, note == NULL ? NULL : note->ops, &covered);
    if (note == NULL || processes->all[note->process].incarnation != note->incarnation)
        return;
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++)
        if (covered >> i & 1)
            processes->all[note->process].covered[i] = note->ops[i].count;
}

void sim_watch_forget(void *context, void *note_of_transaction) {
    struct note *note = note_of_transaction;
    (void)context;
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++)
        sim_ops_free(&note->ops[i]);
    free(note);
}
