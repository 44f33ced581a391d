#include "tests/sim/sim_kafka.h"

#include <assert.h>
#include <stdlib.h>

void sim_kafka_init(struct sim_kafka *kafka, int32_t partitions, uint32_t streams, int64_t wall_ms) {
    assert(partitions <= SIM_PARTITIONS_MAX);
    *kafka = (struct sim_kafka){.partitions = partitions, .streams = streams, .wall_ms = wall_ms, .monotonic_ms = 1};
    for (int i = 0; i < STREAMS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            kafka->committed[i][j] = OFFSET_NONE;
}

void sim_kafka_free(struct sim_kafka *kafka) {
    for (int j = 0; j < SIM_PARTITIONS_MAX; j++) {
        for (int i = 0; i < STREAMS; i++)
            free(kafka->inputs[i][j].records);
        for (int i = 0; i < OUTPUTS; i++)
            free(kafka->outputs[i][j].records);
    }
    free(kafka->transactions);
    arena_free(&kafka->arena);
}

void sim_kafka_pass(struct sim_kafka *kafka, int64_t duration_ms) {
    kafka->wall_ms += duration_ms;
    kafka->monotonic_ms += duration_ms;
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        uint32_t open = kafka->producer_transactions[i];
        if (open != 0 && kafka->monotonic_ms - kafka->transactions[open - 1].begun_ms > SIM_TRANSACTION_TIMEOUT_MS)
            sim_producer_init(kafka, i);
    }
}

/* ---- logs */

static struct text keep(struct sim_kafka *kafka, struct text text) {
    if (text_is_missing(text))
        return text;
    struct text copy = arena_text(&kafka->arena, text);
    assert(!text_is_missing(copy));
    return copy;
}

static struct sim_record *append(struct sim_log *log) {
    if (log->count == log->capacity) {
        log->capacity = log->capacity == 0 ? 64 : log->capacity * 2;
        log->records = realloc(log->records, log->capacity * sizeof *log->records);
        assert(log->records != NULL);
    }
    struct sim_record *record = &log->records[log->count];
    *record = (struct sim_record){.offset = log->count++};
    return record;
}

void sim_kafka_produce(struct sim_kafka *kafka, enum stream stream, int32_t partition, int64_t timestamp_ms,
                       struct text key, struct text value) {
    struct sim_record *record = append(&kafka->inputs[stream][partition]);
    record->timestamp_ms = timestamp_ms;
    record->key = keep(kafka, key);
    record->value = keep(kafka, value);
}

void sim_kafka_produce_marker(struct sim_kafka *kafka, enum stream stream, int32_t partition) {
    append(&kafka->inputs[stream][partition])->marker = true;
}

static enum sim_end end_of(const struct sim_kafka *kafka, const struct sim_record *record) {
    return record->transaction == 0 ? SIM_COMMITTED : kafka->transactions[record->transaction - 1].end;
}

int64_t sim_log_end(const struct sim_log *log) {
    return log->count;
}

int64_t sim_log_stable(const struct sim_kafka *kafka, const struct sim_log *log) {
    for (uint32_t i = 0; i < log->count; i++)
        if (end_of(kafka, &log->records[i]) == SIM_OPEN)
            return i;
    return log->count;
}

const struct sim_record *sim_log_next(const struct sim_kafka *kafka, const struct sim_log *log, int64_t offset) {
    int64_t stable = sim_log_stable(kafka, log);
    for (int64_t i = offset; i < stable; i++) {
        const struct sim_record *record = &log->records[i];
        if (!record->marker && !record->compacted && end_of(kafka, record) == SIM_COMMITTED)
            return record;
    }
    return NULL;
}

void sim_log_compact(struct sim_kafka *kafka, struct sim_log *log) {
    int64_t stable = sim_log_stable(kafka, log);
    for (int64_t i = 0; i < stable; i++)
        for (int64_t j = i + 1; j < stable && !log->records[i].compacted; j++)
            if (!log->records[j].marker && end_of(kafka, &log->records[j]) == SIM_COMMITTED &&
                text_equal(log->records[i].key, log->records[j].key))
                log->records[i].compacted = true;
}

/* ---- the group */

static void begin_rebalance(struct sim_kafka *kafka) {
    kafka->rebalancing = true;
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        kafka->members[i].told = false;
        if (kafka->members[i].to_assign) { /* It never saw the assignment that is void now. */
            kafka->members[i].to_assign = false;
            kafka->members[i].ready = true;
        }
    }
}

void sim_group_join(struct sim_kafka *kafka, int member) {
    kafka->members[member] = (struct sim_member){.joined = true, .ready = true};
    begin_rebalance(kafka);
}

void sim_group_leave(struct sim_kafka *kafka, int member) {
    kafka->members[member] = (struct sim_member){0};
    begin_rebalance(kafka);
}

void sim_group_expire(struct sim_kafka *kafka, int member, uint32_t polls) {
    kafka->members[member].joined = false;
    kafka->members[member].ready = false;
    kafka->members[member].kicked = true;
    kafka->members[member].polls = polls;
    begin_rebalance(kafka);
}

/* ---- transactions */

uint32_t sim_producer_init(struct sim_kafka *kafka, int producer) {
    if (kafka->producer_transactions[producer] != 0)
        sim_transaction_end(kafka, producer, false);
    return ++kafka->producer_epochs[producer];
}

void sim_transaction_append(struct sim_kafka *kafka, uint32_t transaction, struct record *record) {
    int32_t partition = record->output == OUTPUT_CHANGELOG ? record->partition : 0;
    struct sim_record *appended = append(&kafka->outputs[record->output][partition]);
    appended->timestamp_ms = kafka->wall_ms;
    appended->key = keep(kafka, record->key);
    appended->value = keep(kafka, record->value);
    appended->transaction = transaction;
    kafka->transactions[transaction - 1].touched[record->output][partition] = true;
    record->offset = appended->offset;
}

void sim_transaction_end(struct sim_kafka *kafka, int producer, bool commit) {
    struct sim_transaction *transaction = &kafka->transactions[kafka->producer_transactions[producer] - 1];
    transaction->end = commit ? SIM_COMMITTED : SIM_ABORTED;
    for (int i = 0; i < OUTPUTS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            if (transaction->touched[i][j])
                append(&kafka->outputs[i][j])->marker = true;
    for (int i = 0; i < STREAMS && commit; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            if (transaction->offsets[i][j] != OFFSET_NONE)
                kafka->committed[i][j] = transaction->offsets[i][j];
    kafka->producer_transactions[producer] = 0;
}

bool sim_offset_is_pending(const struct sim_kafka *kafka, enum stream stream, int32_t partition) {
    for (uint32_t i = 0; i < kafka->transactions_count; i++)
        if (kafka->transactions[i].end == SIM_OPEN && kafka->transactions[i].offsets[stream][partition] != OFFSET_NONE)
            return true;
    return false;
}
