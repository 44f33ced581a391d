#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "engine/rulesets.h"
#include "engine/validate.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_oracle_internal.h"

/* ---- lists of what was done */

void sim_ops_add(struct sim_ops *ops, const struct sim_op *op) {
    ops->items = sim_grown(ops->items, ops->count, &ops->capacity, sizeof *ops->items);
    ops->items[ops->count++] = *op;
}

void sim_ops_append(struct sim_ops *ops, const struct sim_ops *more) {
    for (uint32_t i = 0; i < more->count; i++)
        sim_ops_add(ops, &more->items[i]);
}

void sim_ops_drop(struct sim_ops *ops, uint32_t count) {
    assert(count <= ops->count);
    for (uint32_t i = count; i < ops->count; i++)
        ops->items[i - count] = ops->items[i];
    ops->count -= count;
}

void sim_ops_free(struct sim_ops *ops) {
    free(ops->items);
    *ops = (struct sim_ops){0};
}

/* ---- replaying */

static void begin(struct oracle_shard *shard, const struct program *program) {
    struct error error;
    struct engine_options options = {.account_bytes_max = shard->oracle->options->account_bytes_max,
                                     .live_from_ms = shard->oracle->options->live_from_ms};
    struct shard_options shard_options = {.lateness_ms = program->lateness_given ? program->lateness_ms
                                                                                 : shard->oracle->options->lateness_ms};
    struct shard_output output = {shard, oracle_expect};
    enum result result = engine_create(program, &options, &shard->engine, &error);
    if (result == RESULT_OK)
        result = shard_create(shard->engine, &shard->slab, &shard_options, &output, NULL, &shard->shard, &error);
    if (result == RESULT_OK)
        result = rulesets_activate(&shard->record, program, &shard->arena, &error);
    assert(result == RESULT_OK);
    rulesets_known(&shard->record, shard->known);
}

/* Whoever takes a shard over goes on with its ticks by himself. */
static void resume(struct oracle_shard *shard) {
    struct error error;
    enum result result = shard->shard == NULL ? RESULT_OK : shard_resume(shard->shard, &error);
    assert(result == RESULT_OK);
}

/* Ticks beyond the last that had fired for all, for accounts that the old rules still evaluated. */
static void fire_some(struct oracle_shard *shard, const struct sim_op *rules) {
    struct accounts *accounts = shard_accounts(shard->shard);
    for (uint32_t i = shard->rules_place; &shard->ops.items[i] < rules; i++) {
        const struct sim_op *op = &shard->ops.items[i];
        if (op->kind != SIM_OP_TICK || op->ticked_ms <= rules->ticked_ms)
            continue;
        for (uint32_t j = 0; j < accounts_count(accounts); j++) {
            if (hash_text(accounts_id(accounts, j)) != op->account)
                continue;
            struct step step;
            struct error error;
            engine_tick(shard->engine, accounts_state(accounts, j), op->ticked_ms, shard_clocks(shard->shard), &step);
            if (step.changes_count > 0 || step.status != NULL)
                (void)oracle_expect(shard, step.changes, step.changes_count, step.status, &error);
            enum result result = accounts_change(accounts, accounts_id(accounts, j), step.state, INSTANT_NONE, 0,
                                                 &error);
            assert(result == RESULT_OK);
        }
    }
}

static void rebind(struct oracle_shard *shard, struct engine *old, struct accounts *accounts) {
    for (uint32_t i = 0; i < accounts_count(accounts); i++) {
        if (accounts_state(accounts, i).size == 0)
            continue;
        struct error error;
        oracle_keep_bound(shard, old, accounts, i);
        const struct committed_blob *bound = oracle_find_blob(&shard->bound, accounts_id(accounts, i));
        struct stored_blob stored = {.account_id = bound->account, .blob = bound->blob};
        enum result result = shard_load(shard->shard, &stored, shard->known, shard->record.rulesets_count, &error);
        assert(result == RESULT_OK);
    }
}

/* How far ticks may fire until the next change of rules, which may have come in the middle of a tick. Even a record may
 * have been taken in between: one that the clock, set back, made one of the future. */
static int64_t watermark_max(const struct oracle_shard *shard, uint32_t place) {
    const struct program *program = engine_program(shard->engine);
    for (uint32_t i = place; i < shard->ops.count; i++) {
        const struct sim_op *op = &shard->ops.items[i];
        if (op->kind == SIM_OP_RULES && op->program->hash != program->hash)
            return op->ticked_ms == INSTANT_NONE ? INSTANT_NONE : op->ticked_ms + program->tick_ms - 1;
    }
    return INT64_MAX;
}

static void change_rules(struct oracle_shard *shard, uint32_t place) {
    const struct sim_op *op = &shard->ops.items[place];
    if (shard->engine == NULL) {
        begin(shard, op->program);
        return;
    }
    if (engine_program(shard->engine)->hash == op->program->hash)
        return;
    shard->begun = *op; /* Other rules have other ticks. */
    resume(shard);
    fire_some(shard, op);
    shard->rules_place = place;
    struct clocks clocks = *shard_clocks(shard->shard);
    struct shard *old = shard->shard;
    struct accounts *accounts = shard_accounts(old);
    for (uint32_t i = 0; i < accounts_dirty_count(accounts); i++)
        oracle_touch(shard, oracle_keep(shard->oracle, accounts_id(accounts, accounts_dirty(accounts, i))));
    struct engine *old_engine = shard->engine;
    begin(shard, op->program);
    int64_t max_ms = watermark_max(shard, place + 1);
    clocks.watermark_ms = op->watermark_ms < max_ms ? op->watermark_ms : max_ms;
    clocks.ticked_ms = op->ticked_ms;
    shard_restore(shard->shard, &clocks, false);
    rebind(shard, old_engine, accounts);
    shard_free(old);
    engine_free(old_engine);
}

static void advance(struct oracle_shard *shard, uint32_t place) {
    struct error error;
    if (shard->ops.items[place].stream != STREAMS)
        shard->begun = shard->ops.items[place];
    int64_t max_ms = watermark_max(shard, place), watermark_ms = shard->ops.items[place].watermark_ms;
    enum result result = shard_advance(shard->shard, watermark_ms < max_ms ? watermark_ms : max_ms, &error);
    assert(result == RESULT_OK);
}

/* Nothing that was there when the shard was taken over, and is older, is left behind. */
static void check_order(const struct oracle_shard *shard, const struct sim_op *op, const struct sim_record *taken) {
    const struct sim_kafka *kafka = shard->oracle->kafka;
    for (int i = 0; i < STREAMS && !op->may_be_chosen; i++) {
        if (i == (int)op->stream)
            continue;
        const struct sim_log *log = &kafka->inputs[i][shard->number];
        const struct sim_record *other = sim_log_next(kafka, log, shard->next[i]);
        if (other == NULL || other->produced_ms >= op->ends_ms || other->timestamp_ms > taken->timestamp_ms ||
            (other->timestamp_ms == taken->timestamp_ms && i > (int)op->stream))
            continue;
        sim_violation("records come in the order of the merge",
                      "On shard %d, stream %d@%lld was taken before stream %d@%lld, which is older and was there.",
                      shard->number, (int)op->stream, (long long)op->offset, i, (long long)other->offset);
    }
}

/* The time at which ticks fire is that of the record that brought them about: once they are committed it is the next,
 * even for the owner after. */
static void check_begun(struct oracle_shard *shard, const struct sim_op *op) {
    const struct sim_op *begun = &shard->begun;
    if (begun->kind == SIM_OP_ADVANCE && (begun->stream != op->stream || begun->offset != op->offset))
        sim_violation("a record whose ticks have fired is the next that is taken",
                      "On shard %d, stream %d@%lld was taken; the ticks before it were those of stream %d@%lld.",
                      shard->number, (int)op->stream, (long long)op->offset, (int)begun->stream,
                      (long long)begun->offset);
    shard->begun = *op;
}

static void take(struct oracle_shard *shard, const struct sim_op *op) {
    struct sim_oracle *oracle = shard->oracle;
    const struct sim_log *log = &oracle->kafka->inputs[op->stream][shard->number];
    const struct sim_record *record = sim_log_next(oracle->kafka, log, shard->next[op->stream]);
    if (record == NULL || record->offset != op->offset)
        sim_violation("every record is taken once", "Stream %d of shard %d: %lld was taken where %lld came next.",
                      (int)op->stream, shard->number, (long long)op->offset,
                      record == NULL ? -1LL : (long long)record->offset);
    check_begun(shard, op);
    check_order(shard, op, record);
    shard->next[op->stream] = op->offset + 1;
    struct message message = {op->stream,    shard->number, record->offset, record->timestamp_ms, record->key,
                              record->value, NULL};
    struct event event;
    struct rejection rejection;
    struct error error;
    enum step_outcome outcome = STEP_APPLIED;
    int64_t reference_ms = record->timestamp_ms < op->wall_ms ? record->timestamp_ms : op->wall_ms;
    enum result result = oracle->reader.decoder.decode(oracle->reader.decoder.context, &message, &event, &rejection,
                                                       &error);
    bool good = result == RESULT_OK &&
                validate_partition(oracle->options->partitioner, oracle->options->partitions, &event, &rejection) &&
                validate_time(engine_program(shard->engine), &event, reference_ms, &rejection);
    if (good) {
        result = shard_take(shard->shard, ACCOUNT_NONE, &event, &outcome, &error);
        assert(result == RESULT_OK);
        if (outcome == STEP_ACCOUNT_TOO_LARGE)
            reject_too_large(&event, &rejection);
    }
    if (!good || outcome == STEP_ACCOUNT_TOO_LARGE)
        oracle_expect_dead_letter(shard, &message, &rejection);
}

void oracle_replay(struct oracle_shard *shard) {
    shard->rules_place = 0;
    for (uint32_t i = 0; i < shard->ops.count; i++) {
        const struct sim_op *op = &shard->ops.items[i];
        if (op->kind == SIM_OP_RULES)
            change_rules(shard, i);
        else if (op->kind == SIM_OP_ADVANCE)
            advance(shard, i);
        else if (op->kind == SIM_OP_TAKE)
            take(shard, op);
    }
    resume(shard);
    shard->ops.count = 0;
}
