#include "tests/sim/sim_kafka.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/sim_memory.h"

void sim_kafka_init(struct sim_kafka *kafka, int32_t partitions, uint32_t streams, int64_t wall_ms) {
    assert(partitions <= SIM_PARTITIONS_MAX);
    *kafka = (struct sim_kafka){.partitions = partitions,
                                .streams = streams,
                                .wall_ms = wall_ms,
                                .monotonic_ms = 1,
                                .transaction_timeout_ms = SIM_TRANSACTION_TIMEOUT_MS};
    for (int i = 0; i < STREAMS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            kafka->committed[i][j] = OFFSET_NONE;
    for (int i = 0; i < OUTPUTS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            kafka->outputs[i][j].place = (uint8_t)(i * SIM_PARTITIONS_MAX + j);
}

void sim_kafka_free(struct sim_kafka *kafka) {
    for (int j = 0; j < SIM_PARTITIONS_MAX; j++) {
        for (int i = 0; i < STREAMS; i++)
            free(kafka->inputs[i][j].records);
        for (int i = 0; i < OUTPUTS; i++)
            free(kafka->outputs[i][j].records);
    }
    for (uint32_t i = 0; i < kafka->transactions_count; i++)
        if (kafka->transactions[i].note != NULL)
            kafka->observer.forget(kafka->observer.context, kafka->transactions[i].note);
    free(kafka->transactions);
    arena_free(&kafka->arena);
}

/* ---- logs */

static struct text keep(struct sim_kafka *kafka, struct text text) {
    if (text_is_missing(text))
        return text;
    struct text copy = arena_text(&kafka->arena, text);
    assert(!text_is_missing(copy));
    return copy;
}

static struct sim_record *append(const struct sim_kafka *kafka, struct sim_log *log) {
    log->records = sim_grown(log->records, log->count, &log->capacity, sizeof *log->records);
    struct sim_record *record = &log->records[log->count];
    *record = (struct sim_record){.offset = log->count++, .produced_ms = kafka->monotonic_ms};
    return record;
}

void sim_kafka_produce(struct sim_kafka *kafka, enum stream stream, int32_t partition, int64_t timestamp_ms,
                       struct text key, struct text value) {
    struct sim_log *log = &kafka->inputs[stream][partition];
    struct sim_record *record = append(kafka, log);
    record->timestamp_ms = timestamp_ms;
    record->key = keep(kafka, key);
    record->value = keep(kafka, value);
    log->stable = log->count;
}

void sim_kafka_produce_marker(struct sim_kafka *kafka, enum stream stream, int32_t partition) {
    struct sim_log *log = &kafka->inputs[stream][partition];
    append(kafka, log)->marker = true;
    log->stable = log->count;
}

/* As a reader of this log sees it. */
static enum sim_end end_of(const struct sim_kafka *kafka, const struct sim_log *log, const struct sim_record *record) {
    if (record->transaction == 0)
        return SIM_COMMITTED;
    const struct sim_transaction *transaction = &kafka->transactions[record->transaction - 1];
    return transaction->marked >> log->place & 1 ? transaction->end : SIM_OPEN;
}

int64_t sim_log_end(const struct sim_log *log) {
    return log->count;
}

static uint32_t find_stable(const struct sim_kafka *kafka, const struct sim_log *log) {
    uint32_t stable = log->stable;
    while (stable < log->count && end_of(kafka, log, &log->records[stable]) != SIM_OPEN)
        stable++;
    return stable;
}

int64_t sim_log_stable(const struct sim_kafka *kafka, const struct sim_log *log) {
    return find_stable(kafka, log);
}

const struct sim_record *sim_log_next(const struct sim_kafka *kafka, const struct sim_log *log, int64_t offset) {
    int64_t stable = find_stable(kafka, log);
    for (int64_t i = offset; i < stable; i++) {
        const struct sim_record *record = &log->records[i];
        if (!record->marker && !record->compacted && end_of(kafka, log, record) == SIM_COMMITTED)
            return record;
    }
    return NULL;
}

static void compact(const struct sim_kafka *kafka, struct sim_record *record) {
    record->compacted = true;
    record->compacted_ms = kafka->monotonic_ms;
}

static bool is_superseded(const struct sim_kafka *kafka, const struct sim_log *log, int64_t offset, int64_t stable) {
    struct text key = log->records[offset].key;
    for (int64_t i = offset + 1; i < stable && !text_is_missing(key); i++)
        if (!log->records[i].marker && end_of(kafka, log, &log->records[i]) == SIM_COMMITTED &&
            text_equal(key, log->records[i].key))
            return true;
    return false;
}

void sim_log_compact(struct sim_kafka *kafka, struct sim_log *log) {
    int64_t stable = find_stable(kafka, log);
    for (int64_t i = 0; i < stable; i++)
        if (!log->records[i].compacted && is_superseded(kafka, log, i, stable))
            compact(kafka, &log->records[i]);
}

void sim_log_drop_tombstones(struct sim_kafka *kafka, struct sim_log *log) {
    int64_t stable = find_stable(kafka, log);
    for (int64_t i = 0; i < stable; i++) {
        struct sim_record *record = &log->records[i];
        if (!record->marker && !record->compacted && text_is_missing(record->value))
            compact(kafka, record);
    }
}

/* ---- the group */

static void begin_rebalance(struct sim_kafka *kafka) {
    kafka->rebalancing = true;
    for (int i = 0; i < SIM_WORKERS_MAX; i++)
        kafka->members[i].ready = false;
}

/* A process that takes the place of one of the same name gets that one's part, in the same generation. */
uint32_t sim_group_join(struct sim_kafka *kafka, int member) {
    struct sim_member *joining = &kafka->members[member];
    bool replaces = joining->joined;
    joining->joined = true;
    joining->polls = 0;
    joining->id = ++kafka->member_ids;
    joining->heard_ms = kafka->monotonic_ms;
    if (!replaces)
        begin_rebalance(kafka);
    return joining->id;
}

void sim_group_leave(struct sim_kafka *kafka, int member) {
    kafka->members[member] = (struct sim_member){0};
    begin_rebalance(kafka);
}

void sim_group_expire(struct sim_kafka *kafka, int member, uint32_t polls) {
    kafka->members[member] = (struct sim_member){.polls = polls};
    begin_rebalance(kafka);
}

void sim_group_complete(struct sim_kafka *kafka) {
    int members = 0, next = 0;
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        if (kafka->members[i].joined && !kafka->members[i].ready)
            return;
        members += kafka->members[i].joined;
    }
    kafka->rebalancing = false;
    kafka->generation++;
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        struct sim_member *member = &kafka->members[i];
        if (!member->joined)
            continue;
        for (int32_t p = 0; p < kafka->partitions; p++)
            member->assigned[p] = p * members / kafka->partitions == next;
        member->generation = kafka->generation;
        member->ready = false;
        next++;
    }
}

static void end_sessions(struct sim_kafka *kafka) {
    for (int i = 0; i < SIM_WORKERS_MAX && kafka->session_timeout_ms > 0; i++)
        if (kafka->members[i].joined && kafka->monotonic_ms - kafka->members[i].heard_ms > kafka->session_timeout_ms)
            sim_group_expire(kafka, i, 0);
}

/* ---- transactions */

static struct sim_transaction *open_of(struct sim_kafka *kafka, int producer) {
    uint32_t open = kafka->producer_transactions[producer];
    return open == 0 ? NULL : &kafka->transactions[open - 1];
}

static int64_t marker_delay(struct sim_kafka *kafka) {
    if (kafka->chance == NULL || kafka->marker_delay_max_ms == 0)
        return 0;
    return sim_below(kafka->chance, (uint32_t)kafka->marker_delay_max_ms + 1);
}

/* The coordinator writes a marker to one partition after the other, in an order of its own. */
static void write_marker(struct sim_kafka *kafka, struct sim_transaction *transaction) {
    uint32_t left = transaction->touched & ~transaction->marked;
    bool offsets_first = transaction->has_offsets && !transaction->offsets_marked &&
                         (left == 0 || (kafka->chance != NULL && sim_one_in(kafka->chance, 3)));
    if (offsets_first) {
        transaction->offsets_marked = true;
        for (int i = 0; i < STREAMS && transaction->end == SIM_COMMITTED; i++)
            for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
                if (transaction->offsets[i][j] != OFFSET_NONE)
                    kafka->committed[i][j] = transaction->offsets[i][j];
        return;
    }
    int place = kafka->chance != NULL ? (int)sim_below(kafka->chance, 32) : 0;
    while ((left >> place & 1) == 0)
        place = (place + 1) % 32;
    struct sim_log *log = &kafka->outputs[place / SIM_PARTITIONS_MAX][place % SIM_PARTITIONS_MAX];
    append(kafka, log)->marker = true;
    transaction->marked |= 1u << place;
    log->stable = find_stable(kafka, log);
}

static void write_markers(struct sim_kafka *kafka, int producer) {
    struct sim_transaction *transaction = open_of(kafka, producer);
    while (transaction != NULL && transaction->end != SIM_OPEN && transaction->marker_ms <= kafka->monotonic_ms) {
        if (transaction->touched == transaction->marked && transaction->has_offsets == transaction->offsets_marked) {
            kafka->producer_transactions[producer] = 0;
            return;
        }
        write_marker(kafka, transaction);
        transaction->marker_ms += marker_delay(kafka);
    }
}

static void decide(struct sim_kafka *kafka, int producer, bool commit) {
    uint32_t number = kafka->producer_transactions[producer];
    struct sim_transaction *transaction = &kafka->transactions[number - 1];
    transaction->end = commit ? SIM_COMMITTED : SIM_ABORTED;
    transaction->marker_ms = kafka->monotonic_ms + marker_delay(kafka);
    if (commit && kafka->observer.committed != NULL)
        kafka->observer.committed(kafka->observer.context, number);
    write_markers(kafka, producer);
}

enum sim_answer sim_producer_init(struct sim_kafka *kafka, int producer, uint32_t *ret_epoch) {
    struct sim_transaction *open = open_of(kafka, producer);
    if (open != NULL && open->end == SIM_OPEN) {
        kafka->producer_epochs[producer]++;
        decide(kafka, producer, false);
    }
    if (open_of(kafka, producer) != NULL)
        return SIM_CONCURRENT;
    *ret_epoch = ++kafka->producer_epochs[producer];
    return SIM_DONE;
}

static void begin(struct sim_kafka *kafka, int producer, uint32_t epoch) {
    kafka->transactions = sim_grown(kafka->transactions, kafka->transactions_count, &kafka->transactions_capacity,
                                    sizeof *kafka->transactions);
    struct sim_transaction *transaction = &kafka->transactions[kafka->transactions_count++];
    *transaction = (struct sim_transaction){
        .end = SIM_OPEN, .producer = producer, .epoch = epoch, .begun_ms = kafka->monotonic_ms};
    /* The coordinator looks only now and then. */
    transaction->timeout_ms = kafka->transaction_timeout_ms;
    if (kafka->chance != NULL)
        transaction->timeout_ms += sim_below(kafka->chance, (uint32_t)kafka->transaction_timeout_ms * 2 / 3 + 1);
    for (int i = 0; i < STREAMS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            transaction->offsets[i][j] = OFFSET_NONE;
    kafka->producer_transactions[producer] = kafka->transactions_count;
}

enum sim_answer sim_transaction_enter(struct sim_kafka *kafka, int producer, uint32_t epoch, bool added,
                                      uint32_t *ret_transaction, bool *ret_begun) {
    *ret_begun = false;
    if (kafka->producer_epochs[producer] != epoch)
        return SIM_FENCED;
    struct sim_transaction *open = open_of(kafka, producer);
    if (open != NULL && open->end != SIM_OPEN)
        return SIM_CONCURRENT;
    if (open == NULL) {
        if (added)
            return SIM_INVALID;
        begin(kafka, producer, epoch);
        *ret_begun = true;
    }
    *ret_transaction = kafka->producer_transactions[producer];
    return SIM_DONE;
}

void sim_transaction_append(struct sim_kafka *kafka, uint32_t transaction, struct record *record) {
    int32_t partition = record->output == OUTPUT_CHANGELOG ? record->partition : 0;
    struct sim_log *log = &kafka->outputs[record->output][partition];
    struct sim_record *appended = append(kafka, log);
    appended->timestamp_ms = kafka->wall_ms;
    appended->key = keep(kafka, record->key);
    appended->value = keep(kafka, record->value);
    appended->transaction = transaction;
    kafka->transactions[transaction - 1].touched |= 1u << log->place;
    record->offset = appended->offset;
}

enum sim_answer sim_transaction_end(struct sim_kafka *kafka, int producer, uint32_t epoch, bool commit) {
    if (kafka->producer_epochs[producer] != epoch)
        return SIM_FENCED;
    struct sim_transaction *open = open_of(kafka, producer);
    if (open != NULL && open->end == SIM_OPEN) {
        decide(kafka, producer, commit);
        return SIM_DONE;
    }
    /* It has ended so already, or there was nothing in it; or it has ended otherwise. */
    if (open != NULL && (open->end == SIM_COMMITTED) != commit)
        return SIM_INVALID;
    return SIM_DONE;
}

bool sim_transaction_end_later(struct sim_kafka *kafka, const struct sim_late_end *end) {
    if (kafka->late_ends_count == SIM_LATE_ENDS_MAX)
        return false;
    kafka->late_ends[kafka->late_ends_count++] = *end;
    return true;
}

bool sim_offset_is_pending(const struct sim_kafka *kafka, enum stream stream, int32_t partition) {
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        uint32_t open = kafka->producer_transactions[i];
        if (open == 0)
            continue;
        const struct sim_transaction *transaction = &kafka->transactions[open - 1];
        if (!transaction->offsets_marked && transaction->offsets[stream][partition] != OFFSET_NONE)
            return true;
    }
    return false;
}

/* ---- time */

static void deliver_late_ends(struct sim_kafka *kafka) {
    for (uint32_t i = 0; i < kafka->late_ends_count;) {
        struct sim_late_end end = kafka->late_ends[i];
        if (end.due_ms > kafka->monotonic_ms) {
            i++;
            continue;
        }
        kafka->late_ends[i] = kafka->late_ends[--kafka->late_ends_count];
        (void)sim_transaction_end(kafka, end.producer, end.epoch, end.commit);
    }
}

void sim_kafka_pass(struct sim_kafka *kafka, int64_t duration_ms) {
    kafka->wall_ms += duration_ms;
    kafka->monotonic_ms += duration_ms;
    deliver_late_ends(kafka);
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        const struct sim_transaction *open = open_of(kafka, i);
        if (open == NULL)
            continue;
        if (open->end == SIM_OPEN && kafka->monotonic_ms - open->begun_ms > open->timeout_ms) {
            kafka->producer_epochs[i]++;
            decide(kafka, i, false);
        }
        write_markers(kafka, i);
    }
    end_sessions(kafka);
}
