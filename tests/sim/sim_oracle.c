#include "tests/sim/sim_oracle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "engine/changelog_record.h"
#include "engine/core/account/state.h"
#include "engine/rulesets.h"
#include "engine/validate.h"
#include "producer/change_json.h"
#include "tests/sim/sim_violation.h"

#define STATE_BYTES_MAX (1 << 16)

/* ---- lists of what was done */

void sim_ops_add(struct sim_ops *ops, const struct sim_op *op) {
    if (ops->count == ops->capacity) {
        ops->capacity = ops->capacity * 2 + 16;
        ops->items = realloc(ops->items, ops->capacity * sizeof *ops->items);
        assert(ops->items != NULL);
    }
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

/* ---- what is expected, what was found */

struct output_record {
    enum output output;
    struct text account; /* of a dead letter: empty */
    struct text value;   /* missing: a tombstone */
};

struct output_records {
    struct output_record *items;
    uint32_t count, capacity;
};

/* The newest blob of an account that was committed. */
struct committed_blob {
    struct text account;
    struct text blob;
    int64_t offset;
};

struct committed_blobs {
    struct committed_blob *items;
    uint32_t count, capacity;
};

struct oracle_shard {
    struct sim_oracle *oracle;
    int32_t number;
    struct engine *engine;
    struct slab slab;
    struct shard *shard;
    struct arena arena;         /* of `record` */
    struct shard_record record; /* the rulesets */
    struct ruleset_known known[RULESETS_MAX];
    int64_t next[STREAMS];
    bool has_record;
    int64_t recorded[STREAMS]; /* of the newest committed shard record */
    struct sim_ops ops;        /* committed, and not replayed yet */
    uint32_t rules_place;      /* of these, the last that changed the rules */
    struct output_records expected, found;
    struct committed_blobs bound; /* accounts as they were when the rules changed: good until they are evaluated */
    struct committed_blobs blobs;
    struct text *touched; /* accounts of commits that were not looked at yet */
    uint32_t touched_count, touched_capacity;
    uint64_t commits;
};

struct sim_oracle {
    struct sim_kafka *kafka;
    const struct pipeline_options *options;
    struct sim_redis nowhere;
    struct sim_worker reader; /* decodes */
    struct arena arena;       /* of texts */
    struct buffer scratch, wanted, found;
    struct oracle_shard shards[SIM_PARTITIONS_MAX];
    uint64_t changes;
};

static void add_record(struct output_records *records, enum output output, struct text account, struct text value) {
    if (records->count == records->capacity) {
        records->capacity = records->capacity * 2 + 16;
        records->items = realloc(records->items, records->capacity * sizeof *records->items);
        assert(records->items != NULL);
    }
    records->items[records->count++] = (struct output_record){output, account, value};
}

static struct text keep(struct sim_oracle *oracle, struct text text) {
    return text_is_missing(text) ? text : arena_text(&oracle->arena, text);
}

static enum result expect(void *context, const struct change *changes, uint32_t count, const struct status *status,
                          struct error *error) {
    struct oracle_shard *shard = context;
    struct sim_oracle *oracle = shard->oracle;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        buffer_clear(&oracle->scratch);
        change_write_json(&changes[i], NULL, &oracle->scratch);
        add_record(&shard->expected, OUTPUT_CHANGES, keep(oracle, changes[i].account_id),
                   keep(oracle, buffer_text(&oracle->scratch)));
    }
    if (status == NULL)
        return RESULT_OK;
    buffer_clear(&oracle->scratch);
    if (!status->erased)
        status_write_json(status, &oracle->scratch);
    add_record(&shard->expected, OUTPUT_STATUSES, keep(oracle, status->account_id),
               status->erased ? TEXT_MISSING : keep(oracle, buffer_text(&oracle->scratch)));
    return RESULT_OK;
}

static void expect_dead_letter(struct oracle_shard *shard, const struct message *message,
                               const struct rejection *rejection) {
    struct sim_oracle *oracle = shard->oracle;
    buffer_clear(&oracle->scratch);
    buffer_put_text(&oracle->scratch, rejection_definitions[rejection->reason].name);
    buffer_printf(&oracle->scratch, " %d %d %lld", (int)message->stream, message->partition,
                  (long long)message->offset);
    add_record(&shard->expected, OUTPUT_DEAD_LETTERS, TEXT(""), keep(oracle, buffer_text(&oracle->scratch)));
}

static const struct output_record *first_of(const struct output_records *records, const struct output_record *like,
                                            uint32_t *ret_place) {
    for (uint32_t i = 0; i < records->count; i++)
        if (records->items[i].output == like->output && text_equal(records->items[i].account, like->account)) {
            *ret_place = i;
            return &records->items[i];
        }
    return NULL;
}

static const char *const output_names[OUTPUTS] = {"change", "status", "dead letter", "changelog record"};

static void compare_outputs(struct oracle_shard *shard) {
    for (uint32_t i = 0; i < shard->found.count; i++) {
        const struct output_record *found = &shard->found.items[i];
        uint32_t place;
        const struct output_record *expected = first_of(&shard->expected, found, &place);
        if (expected == NULL)
            sim_violation("nothing is doubled", "A %s of account %.*s on shard %d is not expected:\n%.*s",
                          output_names[found->output], TEXT_ARGUMENTS(found->account), shard->number,
                          TEXT_ARGUMENTS(found->value));
        bool equal = text_is_missing(found->value) ? text_is_missing(expected->value)
                                                   : text_equal(found->value, expected->value);
        if (!equal)
            sim_violation("nothing is wrong", "A %s of account %.*s on shard %d:\nexpected %.*s\nfound    %.*s",
                          output_names[found->output], TEXT_ARGUMENTS(found->account), shard->number,
                          TEXT_ARGUMENTS(expected->value), TEXT_ARGUMENTS(found->value));
        shard->oracle->changes += found->output == OUTPUT_CHANGES;
        /* The order within an account and output has to stay. */
        for (uint32_t j = place + 1; j < shard->expected.count; j++)
            shard->expected.items[j - 1] = shard->expected.items[j];
        shard->expected.count--;
    }
    if (shard->expected.count > 0)
        sim_violation("nothing is lost", "A %s of account %.*s on shard %d did not come:\n%.*s",
                      output_names[shard->expected.items[0].output], TEXT_ARGUMENTS(shard->expected.items[0].account),
                      shard->number, TEXT_ARGUMENTS(shard->expected.items[0].value));
    shard->found.count = 0;
}

/* ---- states */

static const struct ruleset_known *find_known(const struct oracle_shard *shard, uint64_t hash) {
    for (uint32_t i = 0; i < shard->record.rulesets_count; i++)
        if (shard->known[i].hash == hash)
            return &shard->known[i];
    return NULL;
}

static struct committed_blob *find_blob(struct committed_blobs *blobs, struct text account) {
    for (uint32_t i = 0; i < blobs->count; i++)
        if (text_equal(blobs->items[i].account, account))
            return &blobs->items[i];
    return NULL;
}

/* `account` and `blob` stay where they are. */
static void set_blob(struct committed_blobs *blobs, struct text account, struct text blob, int64_t offset) {
    struct committed_blob *found = find_blob(blobs, account);
    if (found == NULL) {
        if (blobs->count == blobs->capacity) {
            blobs->capacity = blobs->capacity * 2 + 16;
            blobs->items = realloc(blobs->items, blobs->capacity * sizeof *blobs->items);
            assert(blobs->items != NULL);
        }
        found = &blobs->items[blobs->count++];
        found->account = account;
    }
    found->blob = blob;
    found->offset = offset;
}

static void touch(struct oracle_shard *shard, struct text account) {
    if (shard->touched_count == shard->touched_capacity) {
        shard->touched_capacity = shard->touched_capacity * 2 + 16;
        shard->touched = realloc(shard->touched, shard->touched_capacity * sizeof *shard->touched);
        assert(shard->touched != NULL);
    }
    shard->touched[shard->touched_count++] = account;
}

static struct blob_summary summary_of(struct text blob) {
    struct blob_summary summary;
    struct error error;
    if (blob_summarise((const uint8_t *)blob.data, blob.size, &summary, &error) != RESULT_OK)
        sim_violation("blobs can be read", "%s", error.text);
    return summary;
}

/* Binds a blob to the oracle's rules; the state lies in `memory`. */
static struct state_bytes bind(struct oracle_shard *shard, struct text blob, uint8_t memory[STATE_BYTES_MAX]) {
    struct state_bytes state;
    struct error error;
    const struct ruleset_known *known = find_known(shard, summary_of(blob).ruleset_hash);
    if (engine_decode(shard->engine, (const uint8_t *)blob.data, blob.size, known,
                      shard_clocks(shard->shard)->ticked_ms, &state, &error) != RESULT_OK)
        sim_violation("blobs can be read", "%s", error.text);
    assert(state.size <= STATE_BYTES_MAX);
    memcpy(memory, state.data, state.size);
    return (struct state_bytes){memory, state.size, STATE_BYTES_MAX};
}

static int64_t now_of(struct state_bytes state) {
    return ((const struct state_header *)(const void *)state.data)->now_ms;
}

/* As the state would be after a tick at `at_ms`, without what only says how to get there in fewer evaluations: when the
 * account is looked at next, and how busy it is. */
static struct text normalise(struct oracle_shard *shard, struct state_bytes state, int64_t at_ms, struct buffer *out) {
    struct step step = {.state = state};
    if (!state_is_erased(state))
        engine_tick(shard->engine, state, at_ms, shard_clocks(shard->shard), &step);
    struct state_header *header = (struct state_header *)(void *)step.state.data;
    header->due_ms = INSTANT_NEVER;
    header->horizon = 0;
    header->flags &= STATE_ERASED;
    buffer_clear(out);
    engine_encode(shard->engine, step.state, out);
    return buffer_text(out);
}

static bool are_equal(struct oracle_shard *shard, struct text wanted, struct text found) {
    static _Alignas(16) uint8_t wanted_memory[STATE_BYTES_MAX], found_memory[STATE_BYTES_MAX];
    struct sim_oracle *oracle = shard->oracle;
    if (text_equal(wanted, found))
        return true;
    struct state_bytes wanted_state = bind(shard, wanted, wanted_memory),
                       found_state = bind(shard, found, found_memory);
    int64_t at_ms = now_of(wanted_state) > now_of(found_state) ? now_of(wanted_state) : now_of(found_state);
    if (shard_clocks(shard->shard)->ticked_ms > at_ms)
        at_ms = shard_clocks(shard->shard)->ticked_ms;
    at_ms += engine_program(shard->engine)->tick_ms;
    bool equal = text_equal(normalise(shard, wanted_state, at_ms, &oracle->wanted),
                            normalise(shard, found_state, at_ms, &oracle->found));
    return equal;
}

/* The account's blob as a process last made it: with other rules it is bound to them when it is needed, and becomes a
 * blob of theirs when it is looked at. */
static struct text blob_of(struct oracle_shard *shard, struct engine *engine, struct accounts *accounts,
                           uint32_t account) {
    struct buffer *scratch = &shard->oracle->scratch;
    struct state_bytes state = accounts_state(accounts, account);
    const struct state_header *header = (const struct state_header *)(const void *)state.data;
    if (header->ruleset_hash != engine_program(engine)->hash && accounts_phase(accounts, account) != ACCOUNT_DIRTY) {
        const struct committed_blob *bound = find_blob(&shard->bound, state_account_id(state));
        assert(bound != NULL);
        return bound->blob;
    }
    buffer_clear(scratch);
    engine_encode(engine, state, scratch);
    return buffer_text(scratch);
}

/* Before its accounts are no longer dirty, or the rules no longer its own. */
static void keep_bound(struct oracle_shard *shard, struct engine *engine, struct accounts *accounts, uint32_t account) {
    struct text id = keep(shard->oracle, accounts_id(accounts, account));
    set_blob(&shard->bound, id, keep(shard->oracle, blob_of(shard, engine, accounts, account)), 0);
}

static void compare_state(struct oracle_shard *shard, struct text id, struct text found, const char *where) {
    struct accounts *accounts = shard_accounts(shard->shard);
    uint32_t account = accounts_find(accounts, id);
    if (account == ACCOUNT_NONE || accounts_state(accounts, account).size == 0)
        sim_violation("states are the oracle's", "Account %.*s of shard %d is in %s, and should never have been seen.",
                      TEXT_ARGUMENTS(id), shard->number, where);
    if (text_is_missing(found))
        sim_violation("states are the oracle's", "Account %.*s of shard %d is not in %s.", TEXT_ARGUMENTS(id),
                      shard->number, where);
    if (!are_equal(shard, blob_of(shard, shard->engine, accounts, account), found))
        sim_violation("states are the oracle's", "Account %.*s of shard %d has another state in %s.",
                      TEXT_ARGUMENTS(id), shard->number, where);
}

static void compare_states(struct oracle_shard *shard) {
    struct accounts *accounts = shard_accounts(shard->shard);
    for (uint32_t i = 0; i < accounts_dirty_count(accounts); i++)
        touch(shard, accounts_id(accounts, accounts_dirty(accounts, i)));
    for (uint32_t i = 0; i < shard->touched_count; i++) {
        const struct committed_blob *blob = find_blob(&shard->blobs, shard->touched[i]);
        compare_state(shard, shard->touched[i], blob == NULL ? TEXT_MISSING : blob->blob, "the changelog");
    }
    shard->touched_count = 0;
    for (uint32_t i = 0; i < accounts_dirty_count(accounts) && shard->bound.count > 0; i++)
        keep_bound(shard, shard->engine, accounts, accounts_dirty(accounts, i));
    accounts_written(accounts, ++shard->commits);
}

/* ---- replaying */

static void begin(struct oracle_shard *shard, const struct program *program) {
    struct error error;
    struct engine_options options = {.account_bytes_max = shard->oracle->options->account_bytes_max,
                                     .live_from_ms = shard->oracle->options->live_from_ms};
    struct shard_options shard_options = {.lateness_ms = program->lateness_given ? program->lateness_ms
                                                                                 : shard->oracle->options->lateness_ms};
    struct shard_output output = {shard, expect};
    enum result result = engine_create(program, &options, &shard->engine, &error);
    if (result == RESULT_OK)
        result = shard_create(shard->engine, &shard->slab, &shard_options, &output, NULL, &shard->shard, &error);
    if (result == RESULT_OK)
        result = rulesets_activate(&shard->record, program, &shard->arena, &error);
    assert(result == RESULT_OK);
    rulesets_known(&shard->record, shard->known);
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
                (void)expect(shard, step.changes, step.changes_count, step.status, &error);
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
        keep_bound(shard, old, accounts, i);
        const struct committed_blob *bound = find_blob(&shard->bound, accounts_id(accounts, i));
        struct stored_blob stored = {.account_id = bound->account, .blob = bound->blob};
        enum result result = shard_load(shard->shard, &stored, shard->known, shard->record.rulesets_count, &error);
        assert(result == RESULT_OK);
    }
}

/* How far ticks may fire until the next change of rules, which may have come in the middle of a tick. */
static int64_t watermark_max(const struct oracle_shard *shard, uint32_t place) {
    const struct program *program = engine_program(shard->engine);
    for (uint32_t i = place; i < shard->ops.count; i++) {
        const struct sim_op *op = &shard->ops.items[i];
        if (op->kind == SIM_OP_TAKE)
            break;
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
    fire_some(shard, op);
    shard->rules_place = place;
    struct clocks clocks = *shard_clocks(shard->shard);
    struct shard *old = shard->shard;
    struct accounts *accounts = shard_accounts(old);
    for (uint32_t i = 0; i < accounts_dirty_count(accounts); i++)
        touch(shard, keep(shard->oracle, accounts_id(accounts, accounts_dirty(accounts, i))));
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

static void take(struct oracle_shard *shard, const struct sim_op *op) {
    struct sim_oracle *oracle = shard->oracle;
    const struct sim_log *log = &oracle->kafka->inputs[op->stream][shard->number];
    const struct sim_record *record = sim_log_next(oracle->kafka, log, shard->next[op->stream]);
    if (record == NULL || record->offset != op->offset)
        sim_violation("every record is taken once", "Stream %d of shard %d: %lld was taken where %lld came next.",
                      (int)op->stream, shard->number, (long long)op->offset,
                      record == NULL ? -1LL : (long long)record->offset);
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
        result = shard_take(shard->shard, &event, &outcome, &error);
        assert(result == RESULT_OK);
        if (outcome == STEP_ACCOUNT_TOO_LARGE)
            reject_too_large(&event, &rejection);
    }
    if (!good || outcome == STEP_ACCOUNT_TOO_LARGE)
        expect_dead_letter(shard, &message, &rejection);
}

static void replay(struct oracle_shard *shard) {
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
    /* Whoever takes a shard over goes on with its ticks by himself. */
    struct error error;
    enum result result = shard->shard == NULL ? RESULT_OK : shard_resume(shard->shard, &error);
    assert(result == RESULT_OK);
    shard->ops.count = 0;
}

/* ---- a committed transaction */

static struct oracle_shard *shard_of(struct sim_oracle *oracle, const struct sim_record *record, enum output output) {
    int stream, partition;
    if (output == OUTPUT_DEAD_LETTERS) {
        const char *numbers = memchr(record->value.data, ' ', record->value.size);
        if (numbers == NULL || sscanf(numbers, "%d %d", &stream, &partition) != 2)
            sim_violation("dead letters can be read", "%.*s", TEXT_ARGUMENTS(record->value));
        return &oracle->shards[partition];
    }
    return &oracle
                ->shards[partitioner_partition(oracle->options->partitioner, record->key, oracle->options->partitions)];
}

static void collect_outputs(struct sim_oracle *oracle, uint32_t transaction) {
    for (int i = 0; i < OUTPUT_CHANGELOG; i++) {
        const struct sim_log *log = &oracle->kafka->outputs[i][0];
        for (uint32_t j = log->stable; j < log->count; j++) {
            const struct sim_record *record = &log->records[j];
            if (record->transaction != transaction || record->marker)
                continue;
            struct oracle_shard *shard = shard_of(oracle, record, (enum output)i);
            add_record(&shard->found, (enum output)i, i == OUTPUT_DEAD_LETTERS ? TEXT("") : record->key, record->value);
        }
    }
}

static bool is_settled(const struct shard_record *record, int64_t tick_ms) {
    const struct clocks *clocks = &record->clocks;
    if (record->chosen != STREAMS)
        return false;
    return clocks->watermark_ms == INSTANT_NONE || clocks->ticked_ms > clocks->watermark_ms - tick_ms;
}

static void check_offsets(struct oracle_shard *shard, const struct sim_transaction *transaction,
                          const struct shard_record *record) {
    for (int i = 0; i < STREAMS; i++) {
        if ((shard->oracle->options->streams >> i & 1) == 0)
            continue;
        if (transaction->offsets[i][shard->number] != record->inputs[i].next_offset)
            sim_violation("offsets are never ahead of effects, nor behind",
                          "Stream %d of shard %d: the group's offset is %lld, the shard record's %lld.", i,
                          shard->number, (long long)transaction->offsets[i][shard->number],
                          (long long)record->inputs[i].next_offset);
        shard->recorded[i] = record->inputs[i].next_offset;
    }
    shard->has_record = true;
}

static void check_clocks(const struct oracle_shard *shard, const struct shard_record *record) {
    const struct clocks *wanted = shard_clocks(shard->shard), *found = &record->clocks;
    for (int i = 0; i < STREAMS; i++) {
        if (wanted->newest_ms[i] != found->newest_ms[i])
            sim_violation("clocks are the oracle's", "Stream %d of shard %d: its newest instant is %lld, not %lld.", i,
                          shard->number, (long long)found->newest_ms[i], (long long)wanted->newest_ms[i]);
        if ((shard->oracle->options->streams >> i & 1) != 0 && record->inputs[i].next_offset != shard->next[i])
            sim_violation("offsets are never ahead of effects, nor behind",
                          "Stream %d of shard %d: consumed up to %lld, and the record says %lld.", i, shard->number,
                          (long long)shard->next[i], (long long)record->inputs[i].next_offset);
    }
    if (wanted->watermark_ms != found->watermark_ms || wanted->ticked_ms != found->ticked_ms)
        sim_violation("clocks are the oracle's", "Shard %d: watermark %lld and tick %lld, not %lld and %lld.",
                      shard->number, (long long)found->watermark_ms, (long long)found->ticked_ms,
                      (long long)wanted->watermark_ms, (long long)wanted->ticked_ms);
}

/* The shard's part of the transaction; `ret_record` is that which it ends with. */
static bool collect_shard(struct oracle_shard *shard, uint32_t transaction, struct shard_record *ret_record,
                          bool *ret_barrier) {
    const struct sim_log *log = &shard->oracle->kafka->outputs[OUTPUT_CHANGELOG][shard->number];
    bool has_record = false;
    *ret_barrier = false;
    for (uint32_t j = log->stable; j < log->count; j++) {
        const struct sim_record *record = &log->records[j];
        struct text account;
        struct error error;
        if (record->transaction != transaction || record->marker)
            continue;
        switch (changelog_kind_of(record->key, &account)) {
        case CHANGELOG_ACCOUNT:
            if (text_is_missing(record->value))
                sim_violation("the changelog forgets nothing", "There is a tombstone for account %.*s.",
                              TEXT_ARGUMENTS(account));
            set_blob(&shard->blobs, account, record->value, record->offset);
            touch(shard, account);
            break;
        case CHANGELOG_SHARD:
            if (shard_record_decode(record->value, &shard->oracle->arena, ret_record, &error) != RESULT_OK)
                sim_violation("shard records can be read", "%s", error.text);
            has_record = true;
            break;
        case CHANGELOG_BARRIER:
            *ret_barrier = true;
            break;
        default:
            break;
        }
    }
    return has_record;
}

/* Offsets that go with no shard record are those of the last one; a barrier may repeat offsets that were set back. */
static void check_lone_offsets(const struct oracle_shard *shard, const struct sim_transaction *transaction,
                               bool barrier) {
    for (int i = 0; i < STREAMS && shard->has_record; i++) {
        int64_t offset = transaction->offsets[i][shard->number];
        if (offset == OFFSET_NONE || offset == shard->recorded[i] || (barrier && offset < shard->recorded[i]))
            continue;
        sim_violation("offsets are never ahead of effects, nor behind",
                      "Stream %d of shard %d: the group's offset is %lld, the last shard record's %lld.", i,
                      shard->number, (long long)offset, (long long)shard->recorded[i]);
    }
}

static void settle(struct oracle_shard *shard, const struct shard_record *record) {
    replay(shard);
    compare_outputs(shard);
    if (shard->shard == NULL)
        return; /* The first record of all. */
    check_clocks(shard, record);
    compare_states(shard);
}

static void commit_shard(struct oracle_shard *shard, uint32_t number, const struct sim_ops *ops,
                         uint32_t *ret_covered) {
    const struct sim_transaction *transaction = &shard->oracle->kafka->transactions[number - 1];
    struct shard_record record;
    bool barrier;
    if (!collect_shard(shard, number, &record, &barrier)) {
        check_lone_offsets(shard, transaction, barrier);
        return;
    }
    check_offsets(shard, transaction, &record);
    *ret_covered |= 1u << shard->number;
    if (record.commit == 0)
        return;
    if (ops != NULL)
        sim_ops_append(&shard->ops, ops);
    int64_t tick_ms = 0;
    for (uint32_t i = 0; i < shard->ops.count; i++)
        if (shard->ops.items[i].kind == SIM_OP_RULES)
            tick_ms = shard->ops.items[i].program->tick_ms;
    if (tick_ms == 0)
        tick_ms = engine_program(shard->engine)->tick_ms;
    if (is_settled(&record, tick_ms))
        settle(shard, &record);
}

void sim_oracle_committed(struct sim_oracle *oracle, uint32_t transaction, const struct sim_ops ops[SIM_PARTITIONS_MAX],
                          uint32_t *ret_covered) {
    *ret_covered = 0;
    collect_outputs(oracle, transaction);
    for (int32_t i = 0; i < oracle->options->partitions; i++)
        commit_shard(&oracle->shards[i], transaction, ops == NULL ? NULL : &ops[i], ret_covered);
}

/* ---- the store */

/* A commit's decision is enough: the process has learnt of it, or reads it in the changelog. */
static bool was_committed(const struct oracle_shard *shard, const struct stored_blob *blob) {
    const struct sim_kafka *kafka = shard->oracle->kafka;
    const struct sim_log *log = &kafka->outputs[OUTPUT_CHANGELOG][shard->number];
    for (uint32_t i = log->count; i > 0; i--) {
        const struct sim_record *record = &log->records[i - 1];
        struct text account;
        if (!record->marker && record->value.size == blob->blob.size && text_equal(record->value, blob->blob) &&
            kafka->transactions[record->transaction - 1].end == SIM_COMMITTED &&
            changelog_kind_of(record->key, &account) == CHANGELOG_ACCOUNT && text_equal(account, blob->account_id))
            return record->offset >= blob->changelog_offset;
    }
    return false;
}

void sim_oracle_stored(struct sim_oracle *oracle, int32_t number, const struct store_write *write,
                       const struct sim_redis *store) {
    const struct oracle_shard *shard = &oracle->shards[number];
    for (uint32_t i = 0; i < write->count; i++)
        if (!was_committed(shard, &write->blobs[i]))
            sim_violation("nothing is in the store before it is committed", "Account %.*s of shard %d, offset %lld.",
                          TEXT_ARGUMENTS(write->blobs[i].account_id), number,
                          (long long)write->blobs[i].changelog_offset);
    for (uint32_t i = 0; i < shard->blobs.count && write->has_meta; i++) {
        const struct committed_blob *blob = &shard->blobs.items[i];
        if (blob->offset > write->changelog_offset)
            continue;
        struct stored_blob found;
        bool is_there = sim_redis_find(store, number, blob->account, &found);
        if (!is_there || !text_equal(found.blob, blob->blob))
            sim_violation("the meta claims no more than is there",
                          "Shard %d claims all up to offset %lld; account %.*s of offset %lld is %s.", number,
                          (long long)write->changelog_offset, TEXT_ARGUMENTS(blob->account), (long long)blob->offset,
                          is_there ? "another" : "missing");
    }
}

/* ---- the end */

void sim_oracle_finish(struct sim_oracle *oracle, int32_t number, const struct sim_ops *ops) {
    struct oracle_shard *shard = &oracle->shards[number];
    sim_ops_append(&shard->ops, ops);
    replay(shard);
    compare_outputs(shard);
    if (shard->shard != NULL && accounts_dirty_count(shard_accounts(shard->shard)) > 0)
        compare_states(shard);
}

void sim_oracle_compare_offsets(struct sim_oracle *oracle) {
    const struct sim_kafka *kafka = oracle->kafka;
    for (int32_t i = 0; i < kafka->partitions; i++)
        for (int j = 0; j < STREAMS; j++) {
            if ((kafka->streams >> j & 1) == 0)
                continue;
            if (kafka->committed[j][i] != oracle->shards[i].next[j] ||
                sim_log_next(kafka, &kafka->inputs[j][i], oracle->shards[i].next[j]) != NULL)
                sim_violation("once faults stop, lag goes to zero",
                              "Stream %d of shard %d: %lld is committed, %lld was taken, the input ends at %lld.", j, i,
                              (long long)kafka->committed[j][i], (long long)oracle->shards[i].next[j],
                              (long long)sim_log_end(&kafka->inputs[j][i]));
        }
}

static void compare_blob(void *context, const struct stored_blob *blob) {
    compare_state(context, blob->account_id, blob->blob, "the store");
}

void sim_oracle_compare_store(struct sim_oracle *oracle, const struct sim_redis *store) {
    for (int32_t i = 0; i < oracle->kafka->partitions; i++) {
        struct oracle_shard *shard = &oracle->shards[i];
        const char *disorder = sim_redis_disorder(store, i);
        if (disorder != NULL)
            sim_violation("the store is in order", "Shard %d: %s.", i, disorder);
        uint32_t stored = sim_redis_visit(store, i, compare_blob, shard), wanted = 0;
        struct accounts *accounts = shard->shard == NULL ? NULL : shard_accounts(shard->shard);
        for (uint32_t j = 0; accounts != NULL && j < accounts_count(accounts); j++)
            wanted += accounts_state(accounts, j).size > 0;
        if (stored != wanted)
            sim_violation("the store's state is the oracle's", "Shard %d: the store has %u accounts, not %u.", i,
                          stored, wanted);
    }
}

int64_t sim_oracle_watermark(const struct sim_oracle *oracle, int32_t shard) {
    return oracle->shards[shard].shard == NULL ? INSTANT_NONE : shard_clocks(oracle->shards[shard].shard)->watermark_ms;
}

uint64_t sim_oracle_changes(const struct sim_oracle *oracle) {
    return oracle->changes;
}

/* ---- life */

struct sim_oracle *sim_oracle_create(struct sim_kafka *kafka, const struct pipeline_options *options) {
    struct sim_oracle *oracle = calloc(1, sizeof *oracle);
    assert(oracle != NULL);
    oracle->kafka = kafka;
    oracle->options = options;
    sim_worker_init(&oracle->reader, kafka, &oracle->nowhere, SIM_WORKERS_MAX - 1);
    for (int32_t i = 0; i < SIM_PARTITIONS_MAX; i++) {
        oracle->shards[i].oracle = oracle;
        oracle->shards[i].number = i;
    }
    return oracle;
}

void sim_oracle_free(struct sim_oracle *oracle) {
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++) {
        struct oracle_shard *shard = &oracle->shards[i];
        shard_free(shard->shard);
        engine_free(shard->engine);
        slab_free(&shard->slab);
        arena_free(&shard->arena);
        sim_ops_free(&shard->ops);
        free(shard->expected.items);
        free(shard->found.items);
        free(shard->blobs.items);
        free(shard->bound.items);
        free(shard->touched);
    }
    sim_worker_free(&oracle->reader);
    buffer_free(&oracle->scratch);
    buffer_free(&oracle->wanted);
    buffer_free(&oracle->found);
    arena_free(&oracle->arena);
    free(oracle);
}
