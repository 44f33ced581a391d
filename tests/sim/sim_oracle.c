#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/validate.h"
#include "tests/sim/sim_oracle_internal.h"

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
            oracle_add_record(&shard->found, (enum output)i, i == OUTPUT_DEAD_LETTERS ? TEXT("") : record->key,
                              record->value);
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
        shard->set_back[i] = false;
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
            oracle_set_blob(&shard->blobs, account, record->value, record->offset);
            oracle_touch(shard, account);
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

/* Offsets that go with no shard record are those of the last one. Only a barrier may repeat lower ones, and only such
 * as somebody has set back: an owner whose barrier takes the group back by itself has read offsets over which a
 * transaction hung. */
static void check_lone_offsets(const struct oracle_shard *shard, const struct sim_transaction *transaction,
                               bool barrier) {
    for (int i = 0; i < STREAMS && shard->has_record; i++) {
        int64_t offset = transaction->offsets[i][shard->number];
        if (offset == OFFSET_NONE || offset == shard->recorded[i] ||
            (barrier && shard->set_back[i] && offset < shard->recorded[i]))
            continue;
        sim_violation("offsets are never ahead of effects, nor behind",
                      "Stream %d of shard %d: the group's offset is %lld, the last shard record's %lld.", i,
                      shard->number, (long long)offset, (long long)shard->recorded[i]);
    }
}

static void settle(struct oracle_shard *shard, const struct shard_record *record) {
    oracle_replay(shard);
    oracle_compare_outputs(shard);
    if (shard->shard == NULL)
        return; /* The first record of all. */
    check_clocks(shard, record);
    oracle_compare_states(shard);
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

void sim_oracle_set_back(struct sim_oracle *oracle, enum stream stream, int32_t number) {
    oracle->shards[number].set_back[stream] = true;
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

/* Of an erased account nothing is left that would need one. */
static void check_layouts(const struct oracle_shard *shard, const struct store_write *write) {
    struct arena arena = {0};
    struct layouts layouts = {0};
    struct error error;
    if (layouts_add_all(&layouts, write->layouts, &arena, &error) != RESULT_OK)
        sim_violation("layouts can be read", "%s", error.text);
    for (uint32_t i = 0; i < shard->blobs.count; i++) {
        const struct committed_blob *blob = &shard->blobs.items[i];
        struct blob_summary summary = oracle_summary(blob->blob);
        if (blob->offset <= write->changelog_offset && !summary.erased &&
            layouts_find(&layouts, summary.layout_hash) == NULL)
            sim_violation("whoever has a blob has its layout",
                          "Shard %d claims all up to offset %lld, without the layout of account %.*s, offset %lld.",
                          shard->number, (long long)write->changelog_offset, TEXT_ARGUMENTS(blob->account),
                          (long long)blob->offset);
    }
    arena_free(&arena);
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
    if (write->has_meta)
        check_layouts(shard, write);
}

/* ---- the end */

void sim_oracle_finish(struct sim_oracle *oracle, int32_t number, const struct sim_ops *ops) {
    struct oracle_shard *shard = &oracle->shards[number];
    sim_ops_append(&shard->ops, ops);
    oracle_replay(shard);
    oracle_compare_outputs(shard);
    if (shard->shard != NULL && accounts_dirty_count(shard_accounts(shard->shard)) > 0)
        oracle_compare_states(shard);
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
    oracle_compare_state(context, blob->account_id, blob->blob, "the store");
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
