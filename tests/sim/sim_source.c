/* The process' ports that read: the group's consumer, the inputs, the changelog. */
#include <assert.h>
#include <stdlib.h>

#include "base/planted.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_worker.h"

/* ---- the group */

static struct sim_member *member_of(const struct sim_worker *worker) {
    return &worker->kafka->members[worker->number];
}

static void tell_assigned(struct sim_worker *worker, const struct sim_member *member, struct source_event *event) {
    worker->generation = member->generation;
    worker->holds = true;
    worker->told = false;
    event->kind = SOURCE_ASSIGNED;
    event->inputs = worker->inputs;
    for (int32_t p = 0; p < worker->kafka->partitions; p++)
        for (int i = 0; i < STREAMS && member->assigned[p]; i++)
            if (worker->kafka->streams >> i & 1)
                worker->inputs[event->inputs_count++] = (struct input){(enum stream)i, p};
    event->membership = malloc(sizeof *event->membership);
    assert(event->membership != NULL);
    *event->membership = (struct membership){member->generation, worker->number, worker->member_id};
}

/* The library sees to that by itself. */
static void join(struct sim_worker *worker) {
    worker->member_id = sim_group_join(worker->kafka, worker->number);
    worker->generation = -1;
    worker->told = false;
}

static void end_assignment(struct sim_worker *worker, enum source_event_kind kind, struct source_event *event) {
    if (worker->told)
        return; /* It was told, and has not answered. */
    worker->told = true;
    event->kind = kind;
}

/* What the next heartbeat's answer, or that to its wish to join, says. */
static void hear(struct sim_worker *worker, struct source_event *event) {
    struct sim_member *member = member_of(worker);
    if (worker->member_id == 0)
        join(worker);
    if (member->joined && member->id != worker->member_id) {
        error_set(&worker->fatal, RESULT_FATAL, "Another process bears this one's name.");
        event->kind = SOURCE_FATAL;
        event->error = worker->fatal;
        return;
    }
    if (!member->joined && worker->holds) {
        end_assignment(worker, SOURCE_LOST, event);
        return;
    }
    if (!member->joined)
        join(worker);
    member->heard_ms = worker->kafka->monotonic_ms;
    if (worker->kafka->rebalancing && worker->holds) {
        end_assignment(worker, SOURCE_REVOKED, event);
        return;
    }
    if (worker->kafka->rebalancing) {
        member->ready = true;
        sim_group_complete(worker->kafka);
    }
    if (!worker->kafka->rebalancing && worker->generation != member->generation)
        tell_assigned(worker, member, event);
}

static void source_poll(void *context, int timeout_ms, struct source_event *ret_event) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    *ret_event = (struct source_event){.kind = SOURCE_NOTHING};
    if (worker->dead || worker->fatal.text[0] != 0) {
        ret_event->kind = SOURCE_FATAL;
        if (worker->dead)
            error_set(&worker->fatal, RESULT_FATAL, "The process was killed.");
        ret_event->error = worker->fatal;
        return;
    }
    if (timeout_ms > 0)
        sim_kafka_pass(worker->kafka, timeout_ms);
    struct sim_member *member = member_of(worker);
    if (worker->trouble.chance != NULL && member->polls == 0 &&
        sim_one_in(worker->trouble.chance, worker->trouble.deaf))
        member->polls = 1 + sim_below(worker->trouble.chance, 60);
    if (member->polls > 0) {
        member->polls--; /* Heartbeats are far between; the session goes on, if there is one. */
        if (member->joined && member->id == worker->member_id)
            member->heard_ms = worker->kafka->monotonic_ms;
        return;
    }
    hear(worker, ret_event);
    if (ret_event->kind != SOURCE_NOTHING && worker->story != NULL)
        sim_story_add(worker->story, worker->kafka->monotonic_ms, worker->process, "group event", ret_event->kind,
                      worker->generation, NULL);
}

static void dropped(struct sim_worker *worker) {
    if (worker->spectator.dropped != NULL)
        worker->spectator.dropped(worker->spectator.context, worker->process);
}

static enum answer source_assign(void *context, const struct input_offset *offsets, uint32_t count,
                                 struct error *error) {
    (void)error;
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    for (int i = 0; i < STREAMS; i++)
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            worker->positions[i][j] = OFFSET_NONE;
    for (uint32_t i = 0; i < count; i++) {
        assert(offsets[i].offset >= 0);
        worker->positions[offsets[i].input.stream][offsets[i].input.partition] = offsets[i].offset;
    }
    if (count == 0)
        dropped(worker);
    return ANSWER_OK;
}

static enum answer source_unassign(void *context, struct error *error) {
    struct sim_worker *worker = context;
    (void)source_assign(worker, NULL, 0, error);
    worker->holds = false;
    return ANSWER_OK;
}

static enum answer source_committed(void *context, struct input_offset *offsets, uint32_t count, int timeout_ms,
                                    struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_ask(worker, "asks for committed offsets", count, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    bool may_be_unstable = PLANTED(offsets_unstable) || (PLANTED(barrier_first) && timeout_ms == 0);
    for (uint32_t i = 0; i < count; i++)
        if (!may_be_unstable &&
            sim_offset_is_pending(worker->kafka, offsets[i].input.stream, offsets[i].input.partition)) {
            sim_kafka_pass(worker->kafka, timeout_ms);
            return ANSWER_PENDING;
        }
    for (uint32_t i = 0; i < count && fate.after == ANSWER_OK; i++)
        offsets[i].offset = worker->kafka->committed[offsets[i].input.stream][offsets[i].input.partition];
    return sim_done(worker, fate, error);
}

static void source_release_membership(void *context, struct membership *membership) {
    (void)context;
    SIM_OUTSIDE;
    free(membership);
}

/* A static member does not say that it leaves; its session ends some time later. */
static void source_close(void *context, int timeout_ms) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    (void)timeout_ms;
    dropped(worker);
    if (worker->kafka->session_timeout_ms == 0)
        sim_group_leave(worker->kafka, worker->number);
}

/* ---- the inputs */

static struct sim_log *input_log(const struct sim_worker *worker, struct input input) {
    return &worker->kafka->inputs[input.stream][input.partition];
}

static enum answer source_starts(void *context, struct input_offset *offsets, uint32_t count, int timeout_ms,
                                 struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_ask(worker, "asks for start positions", count, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    for (uint32_t i = 0; i < count && fate.after == ANSWER_OK; i++)
        offsets[i].offset = 0;
    return sim_done(worker, fate, error);
}

static enum answer source_bounds(void *context, const struct input *inputs, uint32_t count, struct bounds *ret_bounds,
                                 int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_ask(worker, "asks for the inputs' ends", count, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    for (uint32_t i = 0; i < count; i++)
        if (worker->positions[inputs[i].stream][inputs[i].partition] == OFFSET_NONE)
            worker->ends_ms[inputs[i].partition] = worker->kafka->monotonic_ms;
    for (uint32_t i = 0; i < count && fate.after == ANSWER_OK; i++)
        ret_bounds[i] = (struct bounds){0, sim_log_stable(worker->kafka, input_log(worker, inputs[i]))};
    return sim_done(worker, fate, error);
}

static enum answer source_timestamp(void *context, struct input input, int64_t offset, bool *ret_found,
                                    int64_t *ret_timestamp_ms, int timeout_ms, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_call(worker, "looks up a timestamp", offset, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    const struct sim_record *record = sim_log_next(worker->kafka, input_log(worker, input), offset);
    *ret_found = record != NULL && record->offset == offset;
    if (*ret_found)
        *ret_timestamp_ms = record->timestamp_ms;
    return sim_done(worker, fate, error);
}

static void source_fetch(void *context, struct input input, struct message *ret_messages, uint32_t max,
                         struct fetched *ret_fetched) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    int64_t *position = &worker->positions[input.stream][input.partition];
    *ret_fetched = (struct fetched){.position = OFFSET_NONE};
    if (*position == OFFSET_NONE || worker->dead)
        return;
    if (worker->trouble.chance != NULL && sim_one_in(worker->trouble.chance, worker->trouble.hidden)) {
        uint32_t come = sim_below(worker->trouble.chance, 4);
        max = come < max ? come : max;
        if (max == 0)
            return;
    }
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

/* ---- the changelog */

static struct sim_log *changelog_of(const struct sim_worker *worker, int32_t shard) {
    return &worker->kafka->outputs[OUTPUT_CHANGELOG][shard];
}

static enum answer log_bounds(void *context, int32_t shard, struct log_bounds *ret_bounds, int timeout_ms,
                              struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_ask(worker, "asks for the changelog's end", shard, timeout_ms, error);
    if (fate.before != ANSWER_OK)
        return fate.before;
    const struct sim_log *log = changelog_of(worker, shard);
    *ret_bounds = (struct log_bounds){0, sim_log_end(log), sim_log_stable(worker->kafka, log)};
    return sim_done(worker, fate, error);
}

static enum answer log_open(void *context, int32_t shard, int64_t from_offset, struct error *error) {
    struct sim_worker *worker = context;
    (void)error;
    assert(worker->reading[shard] == OFFSET_NONE && from_offset >= 0);
    worker->reading[shard] = from_offset;
    return ANSWER_OK;
}

static const struct sim_record *next_in_changelog(const struct sim_worker *worker, const struct sim_log *log,
                                                  int64_t position) {
    if (!PLANTED(restore_uncommitted))
        return sim_log_next(worker->kafka, log, position);
    while (position < log->count && (log->records[position].marker || log->records[position].compacted))
        position++;
    return position < log->count ? &log->records[position] : NULL;
}

static enum answer log_read(void *context, int32_t shard, struct log_record *ret_records, uint32_t max, int timeout_ms,
                            uint32_t *ret_count, int64_t *ret_position, struct error *error) {
    struct sim_worker *worker = context;
    SIM_OUTSIDE;
    struct sim_fate fate = sim_call(worker, "reads the changelog", shard, timeout_ms, error);
    fate.after = fate.after == ANSWER_FAILED ? ANSWER_OK : fate.after;
    if (fate.before != ANSWER_OK)
        return fate.before;
    const struct sim_log *log = changelog_of(worker, shard);
    const struct sim_record *record = NULL;
    int64_t *position = &worker->reading[shard];
    uint32_t come = worker->trouble.chance != NULL ? 1 + sim_below(worker->trouble.chance, 64) : 3;
    *ret_count = 0;
    while (*ret_count < max && *ret_count < come && (record = next_in_changelog(worker, log, *position)) != NULL) {
        ret_records[(*ret_count)++] = (struct log_record){record->offset, record->key, record->value};
        *position = record->offset + 1;
    }
    if (*ret_count == 0) {
        *position = sim_log_stable(worker->kafka, log) > *position ? sim_log_stable(worker->kafka, log) : *position;
        sim_kafka_pass(worker->kafka, timeout_ms);
    }
    *ret_position = *position;
    return sim_done(worker, fate, error);
}

static void log_close(void *context, int32_t shard) {
    struct sim_worker *worker = context;
    worker->reading[shard] = OFFSET_NONE;
}

static void log_serve(void *context) {
    (void)context;
}

void sim_source_init(struct sim_worker *worker) {
    struct error error;
    worker->generation = -1;
    (void)source_assign(worker, NULL, 0, &error);
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++)
        worker->reading[i] = OFFSET_NONE;
    worker->source = (struct source){worker,           source_poll,    source_assign,  source_unassign,
                                     source_committed, source_starts,  source_bounds,  source_timestamp,
                                     source_fetch,     source_release, source_headers, source_release_membership,
                                     source_close};
    worker->changelog = (struct changelog){worker, log_bounds, log_open, log_read, log_close, log_serve};
}
