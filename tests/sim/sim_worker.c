#include "tests/sim/sim_worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producer/change_json.h"

/* An effect on the world; false: the process is dead, nothing arrives. */
static bool effect(struct sim_worker *worker) {
    worker->effects++;
    if (worker->faults.dead_after > 0 && --worker->faults.dead_after == 0)
        worker->dead = true;
    return !worker->dead;
}

static enum answer dead(struct error *error) {
    error_set(error, RESULT_FATAL, "The process was killed.");
    return ANSWER_FATAL;
}

/* ---- source */

static void complete_rebalance(struct sim_kafka *kafka) {
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
        member->to_assign = true;
        next++;
    }
}

static void tell_assigned(struct sim_worker *worker, struct sim_member *member, struct source_event *event) {
    member->to_assign = false;
    member->holds = true;
    event->kind = SOURCE_ASSIGNED;
    event->inputs = worker->inputs;
    for (int32_t p = 0; p < worker->kafka->partitions; p++)
        for (int i = 0; i < STREAMS && member->assigned[p]; i++)
            if (worker->kafka->streams >> i & 1)
                worker->inputs[event->inputs_count++] = (struct input){(enum stream)i, p};
    event->membership = malloc(sizeof *event->membership);
    assert(event->membership != NULL);
    *event->membership = (struct membership){member->generation, worker->number};
}

static void source_poll(void *context, int timeout_ms, struct source_event *ret_event) {
    struct sim_worker *worker = context;
    struct sim_member *member = &worker->kafka->members[worker->number];
    *ret_event = (struct source_event){.kind = SOURCE_NOTHING};
    if (worker->dead || worker->fatal.text[0] != 0) {
        ret_event->kind = SOURCE_FATAL;
        if (worker->dead)
            (void)dead(&worker->fatal);
        ret_event->error = worker->fatal;
        return;
    }
    if (timeout_ms > 0)
        sim_kafka_pass(worker->kafka, timeout_ms);
    if (member->kicked && member->polls > 0) {
        member->polls--;
        return; /* Heartbeats are far between. */
    }
    if (member->kicked && !member->holds)
        sim_group_join(worker->kafka, worker->number); /* The library sees to that by itself. */
    if (member->kicked && !member->told) {
        ret_event->kind = SOURCE_LOST;
        member->told = true;
    } else if (worker->kafka->rebalancing && member->holds && !member->told && member->joined) {
        ret_event->kind = SOURCE_REVOKED;
        member->told = true;
    } else {
        if (worker->kafka->rebalancing)
            complete_rebalance(worker->kafka);
        if (member->to_assign && !worker->kafka->rebalancing)
            tell_assigned(worker, member, ret_event);
    }
}

static enum answer source_assign(void *context, const struct input_offset *offsets, uint32_t count,
                                 struct error *error) {
    (void)error;
    struct sim_worker *worker = context;
    for (int i = 0; i < STREAMS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            worker->positions[i][j] = OFFSET_NONE;
    for (uint32_t i = 0; i < count; i++) {
        assert(offsets[i].offset >= 0);
        worker->positions[offsets[i].input.stream][offsets[i].input.partition] = offsets[i].offset;
    }
    return ANSWER_OK;
}

static enum answer source_unassign(void *context, struct error *error) {
    struct sim_worker *worker = context;
    struct sim_member *member = &worker->kafka->members[worker->number];
    source_assign(worker, NULL, 0, error);
    member->holds = false;
    if (member->kicked)
        sim_group_join(worker->kafka, worker->number);
    else
        member->ready = member->joined;
    return ANSWER_OK;
}

static enum answer source_committed(void *context, struct input_offset *offsets, uint32_t count, int timeout_ms,
                                    struct error *error) {
    struct sim_worker *worker = context;
    if (!effect(worker))
        return dead(error);
    for (uint32_t i = 0; i < count; i++)
        if (sim_offset_is_pending(worker->kafka, offsets[i].input.stream, offsets[i].input.partition)) {
            sim_kafka_pass(worker->kafka, timeout_ms);
            return ANSWER_PENDING;
        }
    for (uint32_t i = 0; i < count; i++)
        offsets[i].offset = worker->kafka->committed[offsets[i].input.stream][offsets[i].input.partition];
    return ANSWER_OK;
}

static enum answer source_starts(void *context, struct input_offset *offsets, uint32_t count, int timeout_ms,
                                 struct error *error) {
    (void)context;
    (void)timeout_ms;
    (void)error;
    for (uint32_t i = 0; i < count; i++)
        offsets[i].offset = 0;
    return ANSWER_OK;
}

static struct sim_log *input_log(const struct sim_worker *worker, struct input input) {
    return &worker->kafka->inputs[input.stream][input.partition];
}

static enum answer source_bounds(void *context, const struct input *inputs, uint32_t count, struct bounds *ret_bounds,
                                 int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    if (!effect(worker))
        return dead(error);
    for (uint32_t i = 0; i < count; i++)
        ret_bounds[i] = (struct bounds){0, sim_log_stable(worker->kafka, input_log(worker, inputs[i]))};
    return ANSWER_OK;
}

static enum answer source_timestamp(void *context, struct input input, int64_t offset, bool *ret_found,
                                    int64_t *ret_timestamp_ms, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    (void)error;
    const struct sim_record *record = sim_log_next(worker->kafka, input_log(worker, input), offset);
    *ret_found = record != NULL && record->offset == offset;
    if (*ret_found)
        *ret_timestamp_ms = record->timestamp_ms;
    return ANSWER_OK;
}

static void source_fetch(void *context, struct input input, struct message *ret_messages, uint32_t max,
                         struct fetched *ret_fetched) {
    struct sim_worker *worker = context;
    int64_t *position = &worker->positions[input.stream][input.partition];
    *ret_fetched = (struct fetched){.position = OFFSET_NONE};
    if (*position == OFFSET_NONE || worker->dead)
        return;
    const struct sim_log *log = input_log(worker, input);
    const struct sim_record *record = NULL;
    while (ret_fetched->count < max && (record = sim_log_next(worker->kafka, log, *position)) != NULL) {
        ret_messages[ret_fetched->count++] = (struct message){.stream = input.stream,
                                                              .partition = input.partition,
                                                              .offset = record->offset,
                                                              .timestamp_ms = record->timestamp_ms,
                                                              .key = record->key,
                                                              .value = record->value};
        *position = record->offset + 1;
        worker->borrowed++;
    }
    if (ret_fetched->count < max)
        *position = sim_log_stable(worker->kafka, log); /* the end of the partition */
    ret_fetched->position = *position;
}

static void source_release(void *context, const struct message *messages, uint32_t count) {
    struct sim_worker *worker = context;
    (void)messages;
    assert(worker->borrowed >= count);
    worker->borrowed -= count;
}

static uint32_t source_headers(void *context, const struct message *message, struct header *ret_headers, uint32_t max) {
    (void)context;
    (void)message;
    (void)ret_headers;
    (void)max;
    return 0;
}

static void source_release_membership(void *context, struct membership *membership) {
    (void)context;
    free(membership);
}

static void source_close(void *context, int timeout_ms) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    sim_group_leave(worker->kafka, worker->number);
}

/* ---- decoder and encoder */

static enum result decode(void *context, const struct message *message, struct event *ret_event,
                          struct rejection *ret_rejection, struct error *error) {
    struct sim_worker *worker = context;
    struct file_record record;
    ret_rejection->reason = REJECTION_UNDECODABLE;
    json_lines_clear(worker->lines);
    if (text_is_missing(message->value)) {
        *ret_event = (struct event){
            .stream = STREAM_ACCOUNT, .tombstone = true, .account_id = message->key, .time_ms = message->timestamp_ms};
    } else {
        enum result result = json_lines_read(worker->lines, message->value, message->stream, &record, error);
        if (result != RESULT_OK) {
            ret_rejection->detail = *error;
            return result;
        }
        *ret_event = record.event;
    }
    ret_event->place = (struct place){message->partition, message->offset, message->timestamp_ms};
    return RESULT_OK;
}

static enum result add(struct sim_worker *worker, enum output output, struct text key, struct batch *batch,
                       struct error *error) {
    struct record record = {
        .output = output, .partition = PARTITION_BY_KEY, .key = key, .value = buffer_text(&worker->scratch)};
    return batch_add(batch, &record, error);
}

static enum result encode_change(void *context, const struct change *change, int64_t decided_at_ms, struct batch *batch,
                                 struct error *error) {
    struct sim_worker *worker = context;
    (void)decided_at_ms;
    buffer_clear(&worker->scratch);
    change_write_json(change, NULL, &worker->scratch);
    return add(worker, OUTPUT_CHANGES, change->account_id, batch, error);
}

static enum result encode_status(void *context, const struct status *status, struct batch *batch, struct error *error) {
    struct sim_worker *worker = context;
    struct record tombstone = {
        .output = OUTPUT_STATUSES, .partition = PARTITION_BY_KEY, .key = status->account_id, .value = TEXT_MISSING};
    if (status->erased)
        return batch_add(batch, &tombstone, error);
    buffer_clear(&worker->scratch);
    status_write_json(status, &worker->scratch);
    return add(worker, OUTPUT_STATUSES, status->account_id, batch, error);
}

static enum result encode_dead_letter(void *context, const struct dead_letter *letter, struct batch *batch,
                                      struct error *error) {
    struct sim_worker *worker = context;
    buffer_clear(&worker->scratch);
    buffer_put_text(&worker->scratch, rejection_definitions[letter->rejection->reason].name);
    return add(worker, OUTPUT_DEAD_LETTERS, letter->message->key, batch, error);
}

/* ---- sink */

static enum answer sink_failed(struct error *error, const char *why) {
    error_set(error, RESULT_RETRY, "%s", why);
    return ANSWER_FAILED;
}

static bool is_fenced(const struct sim_worker *worker) {
    return worker->kafka->producer_epochs[worker->number] != worker->epoch;
}

static enum answer sink_renew(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    if (!effect(worker))
        return dead(error);
    worker->epoch = sim_producer_init(worker->kafka, worker->number);
    worker->transaction = 0;
    return ANSWER_OK;
}

static enum answer sink_begin(void *context, struct error *error) {
    struct sim_worker *worker = context;
    struct sim_kafka *kafka = worker->kafka;
    if (!effect(worker))
        return dead(error);
    if (is_fenced(worker))
        return sink_failed(error, "The producer was fenced.");
    assert(worker->transaction == 0);
    kafka->transactions = realloc(kafka->transactions, (kafka->transactions_count + 1) * sizeof *kafka->transactions);
    assert(kafka->transactions != NULL);
    struct sim_transaction *transaction = &kafka->transactions[kafka->transactions_count];
    *transaction = (struct sim_transaction){.end = SIM_OPEN, .begun_ms = kafka->monotonic_ms};
    for (int i = 0; i < STREAMS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            transaction->offsets[i][j] = OFFSET_NONE;
    worker->transaction = ++kafka->transactions_count;
    kafka->producer_transactions[worker->number] = worker->transaction;
    return ANSWER_OK;
}

static enum answer sink_publish(void *context, struct batch *batch, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    if (!effect(worker))
        return dead(error);
    if (is_fenced(worker))
        return sink_failed(error, "The producer was fenced.");
    for (uint32_t i = 0; i < batch->count; i++) {
        sim_transaction_append(worker->kafka, worker->transaction, &batch->records[i]);
        if (worker->faults.reports_lack_offsets)
            batch->records[i].offset = OFFSET_NONE;
    }
    return ANSWER_OK;
}

static enum answer sink_flush(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    if (!effect(worker))
        return dead(error);
    if (worker->faults.flush_fails) {
        worker->faults.flush_fails = false;
        return sink_failed(error, "A record was not delivered.");
    }
    return is_fenced(worker) ? sink_failed(error, "The producer was fenced.") : ANSWER_OK;
}

static enum answer sink_send_offsets(void *context, const struct input_offset *offsets, uint32_t count,
                                     const struct membership *membership, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    struct sim_kafka *kafka = worker->kafka;
    (void)timeout_ms;
    if (!effect(worker))
        return dead(error);
    if (is_fenced(worker))
        return sink_failed(error, "The producer was fenced.");
    const struct sim_member *member = &kafka->members[membership->member];
    if (!member->joined || membership->generation != kafka->generation) {
        error_set(error, RESULT_RETRY, "Illegal generation.");
        return ANSWER_ZOMBIE;
    }
    for (uint32_t i = 0; i < count; i++)
        kafka->transactions[worker->transaction - 1].offsets[offsets[i].input.stream][offsets[i].input.partition] =
            offsets[i].offset;
    return ANSWER_OK;
}

static enum answer sink_commit(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    struct sim_faults *faults = &worker->faults;
    if (faults->commit_pending > 0) {
        faults->commit_pending--;
        sim_kafka_pass(worker->kafka, timeout_ms);
        return ANSWER_PENDING;
    }
    if (!effect(worker))
        return dead(error);
    if (is_fenced(worker))
        return sink_failed(error, "The producer was fenced.");
    bool silent = faults->commit_unknown_done || faults->commit_unknown_undone;
    if (!faults->commit_unknown_undone)
        sim_transaction_end(worker->kafka, worker->number, true);
    worker->transaction = 0;
    faults->commit_unknown_done = faults->commit_unknown_undone = false;
    return silent ? sink_failed(error, "The commit's answer was lost.") : ANSWER_OK;
}

static enum answer sink_abort(void *context, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    if (!effect(worker))
        return dead(error);
    if (is_fenced(worker))
        return sink_failed(error, "The producer was fenced.");
    sim_transaction_end(worker->kafka, worker->number, false);
    worker->transaction = 0;
    return ANSWER_OK;
}

static uint64_t sink_troubles(void *context) {
    return ((struct sim_worker *)context)->troubles;
}

static void sink_close(void *context, int timeout_ms) {
    (void)context;
    (void)timeout_ms;
}

/* ---- changelog */

static struct sim_log *changelog_of(const struct sim_worker *worker, int32_t shard) {
    return &worker->kafka->outputs[OUTPUT_CHANGELOG][shard];
}

static enum answer log_bounds(void *context, int32_t shard, struct log_bounds *ret_bounds, int timeout_ms,
                              struct error *error) {
    struct sim_worker *worker = context;
    (void)timeout_ms;
    if (!effect(worker))
        return dead(error);
    const struct sim_log *log = changelog_of(worker, shard);
    *ret_bounds = (struct log_bounds){0, sim_log_end(log), sim_log_stable(worker->kafka, log)};
    return ANSWER_OK;
}

static enum answer log_open(void *context, int32_t shard, int64_t from_offset, struct error *error) {
    struct sim_worker *worker = context;
    (void)error;
    assert(worker->reading[shard] == OFFSET_NONE);
    worker->reading[shard] = from_offset;
    return ANSWER_OK;
}

static enum answer log_read(void *context, int32_t shard, struct log_record *ret_records, uint32_t max, int timeout_ms,
                            uint32_t *ret_count, int64_t *ret_position, struct error *error) {
    struct sim_worker *worker = context;
    if (!effect(worker))
        return dead(error);
    const struct sim_log *log = changelog_of(worker, shard);
    const struct sim_record *record = NULL;
    int64_t *position = &worker->reading[shard];
    *ret_count = 0;
    while (*ret_count < max && *ret_count < 3 && (record = sim_log_next(worker->kafka, log, *position)) != NULL) {
        ret_records[(*ret_count)++] = (struct log_record){record->offset, record->key, record->value};
        *position = record->offset + 1;
    }
    if (*ret_count == 0) {
        *position = sim_log_stable(worker->kafka, log) > *position ? sim_log_stable(worker->kafka, log) : *position;
        sim_kafka_pass(worker->kafka, timeout_ms);
    }
    *ret_position = *position;
    return ANSWER_OK;
}

static void log_close(void *context, int32_t shard) {
    struct sim_worker *worker = context;
    worker->reading[shard] = OFFSET_NONE;
}

/* ---- clock, chance, log */

static int64_t wall_ms(void *context) {
    return ((struct sim_worker *)context)->kafka->wall_ms;
}

static int64_t monotonic_ms(void *context) {
    return ((struct sim_worker *)context)->kafka->monotonic_ms;
}

static void fill(void *context, void *data, size_t size) {
    struct sim_worker *worker = context;
    for (size_t i = 0; i < size; i++) {
        worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)data)[i] = (uint8_t)(worker->random >> 56);
    }
}

static void write_log(void *context, enum log_level level, const char *message) {
    struct sim_worker *worker = context;
    if (level <= LEVEL_WARNING)
        snprintf(worker->last_log, sizeof worker->last_log, "%s", message);
    if (worker->verbose)
        fprintf(stderr, "[%d %8lld] %s\n", worker->number, (long long)worker->kafka->monotonic_ms, message);
}

void sim_worker_init(struct sim_worker *worker, struct sim_kafka *kafka, struct sim_store *store, int number) {
    struct error error;
    *worker = (struct sim_worker){.kafka = kafka, .server = store, .number = number};
    worker->random = (uint64_t)number * 7919 + kafka->transactions_count + 1;
    worker->verbose = getenv("SIM_VERBOSE") != NULL;
    enum result result = json_lines_create(&worker->lines, &error);
    assert(result == RESULT_OK);
    source_assign(worker, NULL, 0, &error);
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++)
        worker->reading[i] = OFFSET_NONE;
    worker->source = (struct source){worker,           source_poll,    source_assign,  source_unassign,
                                     source_committed, source_starts,  source_bounds,  source_timestamp,
                                     source_fetch,     source_release, source_headers, source_release_membership,
                                     source_close};
    worker->decoder = (struct decoder){worker, decode};
    worker->encoder = (struct encoder){worker, encode_change, encode_status, encode_dead_letter};
    worker->sink = (struct sink){worker,      sink_renew, sink_begin,    sink_publish, sink_flush, sink_send_offsets,
                                 sink_commit, sink_abort, sink_troubles, sink_close};
    worker->changelog = (struct changelog){worker, log_bounds, log_open, log_read, log_close};
    sim_connection_init(&worker->connection, store);
    worker->connection.effects = &worker->effects;
    worker->connection.now_ms = &kafka->monotonic_ms;
    worker->connection.dead = &worker->dead;
    worker->store = sim_connection_port(&worker->connection);
    worker->clock = (struct clock){worker, wall_ms, monotonic_ms};
    worker->chance = (struct chance){worker, fill};
    worker->logger = (struct logger){worker, write_log};
    worker->ports = (struct pipeline_ports){&worker->source, &worker->decoder,   &worker->encoder,
                                            &worker->sink,   &worker->changelog, &worker->store,
                                            &worker->clock,  &worker->chance,    &worker->logger};
}

void sim_worker_free(struct sim_worker *worker) {
    sim_connection_free(&worker->connection);
    json_lines_free(worker->lines);
    buffer_free(&worker->scratch);
}
