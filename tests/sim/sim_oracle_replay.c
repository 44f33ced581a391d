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

static void append(struct sim_ops *ops, const struct sim_ops *more, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        sim_ops_add(ops, &more->items[i]);
}

void sim_ops_append(struct sim_ops *ops, const struct sim_ops *more) {
    append(ops, more, more->count);
}

void sim_ops_append_sealed(struct sim_ops *ops, const struct sim_ops *more) {
    append(ops, more, more->sealed);
}

void sim_ops_drop(struct sim_ops *ops, uint32_t count) {
    assert(count <= ops->count);
    for (uint32_t i = count; i < ops->count; i++)
        ops->items[i - count] = ops->items[i];
    ops->count -= count;
    ops->sealed -= count < ops->sealed ? count : ops->sealed;
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
    if (result == RESULT_OK)
        result = layouts_add(&shard->layouts, engine_layout(shard->engine)->bytes, &shard->arena, &error);
    assert(result == RESULT_OK);
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
        enum result result = shard_load(shard->shard, &stored, &shard->layouts, &error);
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
    shard->inherited = shard->advanced;
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
        shard->begun = shard->advanced = shard->ops.items[place];
    int64_t max_ms = watermark_max(shard, place), watermark_ms = shard->ops.items[place].watermark_ms;
    enum result result = shard_advance(shard->shard, watermark_ms < max_ms ? watermark_ms : max_ms, &error);
    assert(result == RESULT_OK);
}

static bool is_record_of(const struct sim_op *advance, const struct sim_op *take) {
    return advance->kind == SIM_OP_ADVANCE && advance->stream == take->stream && advance->offset == take->offset;
}

static bool was_compacted(const struct sim_record *record, int64_t by_ms) {
    return record->compacted && record->compacted_ms <= by_ms;
}

/* The next record of another stream, where it was there when the shard was taken over and is older; NULL. One that was
 * compacted since may have been that next one. */
static const struct sim_record *left_behind(const struct oracle_shard *shard, const struct sim_op *op,
                                            const struct sim_record *taken, enum stream stream) {
    const struct sim_log *log = &shard->oracle->kafka->inputs[stream][shard->number];
    for (int64_t i = shard->next[stream]; i < log->count; i++) {
        const struct sim_record *other = &log->records[i];
        if (other->marker || was_compacted(other, op->ends_ms - 1))
            continue;
        if (other->produced_ms >= op->ends_ms || other->timestamp_ms > taken->timestamp_ms ||
            (other->timestamp_ms == taken->timestamp_ms && stream > op->stream))
            return NULL;
        if (!other->compacted)
            return other;
    }
    return NULL;
}

/* But for the record that a former owner had begun with. */
static void check_order(struct oracle_shard *shard, const struct sim_op *op, const struct sim_record *taken) {
    bool is_inherited = is_record_of(&shard->inherited, op);
    shard->inherited = shard->advanced = *op;
    for (int i = 0; i < STREAMS && !is_inherited; i++) {
        const struct sim_record *other = i == (int)op->stream ? NULL : left_behind(shard, op, taken, (enum stream)i);
        if (other != NULL)
            sim_violation("records come in the order of the merge",
                          "On shard %d, stream %d@%lld was taken before stream %d@%lld, which is older and was there.",
                          shard->number, (int)op->stream, (long long)op->offset, i, (long long)other->offset);
    }
}

/* The time at which ticks fire is that of the record that brought them about: once they are committed it is the next,
 * even for the owner after, unless it is not there any more. */
static void check_begun(struct oracle_shard *shard, const struct sim_op *op) {
    const struct sim_op *begun = &shard->begun;
    const struct sim_kafka *kafka = shard->oracle->kafka;
    if (begun->kind == SIM_OP_ADVANCE && !is_record_of(begun, op) &&
        !was_compacted(&kafka->inputs[begun->stream][shard->number].records[begun->offset], op->at_ms))
        sim_violation("a record whose ticks have fired is the next that is taken",
                      "On shard %d, stream %d@%lld was taken; the ticks before it were those of stream %d@%lld.",
                      shard->number, (int)op->stream, (long long)op->offset, (int)begun->stream,
                      (long long)begun->offset);
    shard->begun = *op;
}

/* Of its input everything before it was taken, or compacted before somebody came to it. That it is gone itself by now
 * does not matter: it was read before. */
static const struct sim_record *find_taken(const struct oracle_shard *shard, const struct sim_op *op) {
    const struct sim_log *log = &shard->oracle->kafka->inputs[op->stream][shard->number];
    int64_t next = shard->next[op->stream];
    while (next < op->offset && (log->records[next].marker || was_compacted(&log->records[next], op->at_ms)))
        next++;
    if (next != op->offset)
        sim_violation("every record is taken once", "Stream %d of shard %d: %lld was taken where %lld came next.",
                      (int)op->stream, shard->number, (long long)op->offset, (long long)next);
    return &log->records[next];
}

static void take(struct oracle_shard *shard, const struct sim_op *op) {
    struct sim_oracle *oracle = shard->oracle;
    const struct sim_record *record = find_taken(shard, op);
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
