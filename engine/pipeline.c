#include "engine/pipeline.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/planted.h"
#include "engine/pipeline_internal.h"
#include "engine/rulesets.h"

#define IDLE_WAIT_MS  20
#define STORE_WAIT_MS 5
#define LOG_LINE_MAX  (ERROR_TEXT_MAX + 256)

void pipeline_log(struct pipeline *pipeline, enum log_level level, const char *format, ...) {
    char line[LOG_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    pipeline->ports.logger->write(pipeline->ports.logger->context, level, line);
}

bool pipeline_logs_again(const struct pipeline *pipeline, int64_t *logged_ms) {
    int64_t now_ms = monotonic_ms(pipeline);
    if (*logged_ms != 0 && now_ms - *logged_ms < LOG_AGAIN_MS)
        return false;
    *logged_ms = now_ms;
    return true;
}

/* ---- life */

enum result pipeline_make_engine(const struct pipeline *pipeline, const struct program *program,
                                 struct engine **ret_engine, struct error *error) {
    struct engine_options options = {.account_bytes_max = pipeline->options.account_bytes_max,
                                     .live_from_ms = pipeline->options.live_from_ms};
    return engine_create(program, &options, ret_engine, error);
}

enum result pipeline_bind_shard(struct pipeline *pipeline, struct held_shard *held, struct engine *engine,
                                const struct program *program, const struct clocks *clocks, bool changed,
                                struct error *error) {
    struct shard *shard;
    struct clocks kept = *clocks;
    struct shard_options options = {
        .stored = true,
        .lateness_ms = program->lateness_given ? program->lateness_ms : pipeline->options.lateness_ms,
        .evaluations_max = EVALUATIONS_PER_TURN_MAX,
    };
    enum result result = rulesets_activate(&held->record, program, &held->arena, error);
    if (result == RESULT_OK)
        result = shard_create(engine, &pipeline->slab, &options, intake_output(pipeline), pipeline->counters, &shard,
                              error);
    if (result != RESULT_OK)
        return result;
    shard_free(held->shard);
    held->shard = shard;
    shard_restore(shard, &kept, changed);
    return RESULT_OK;
}

enum result pipeline_create(const struct pipeline_options *options, const struct pipeline_ports *ports,
                            const struct program *program, struct counters *counters, struct shard_board *board,
                            struct pipeline **ret_pipeline, struct error *error) {
    assert(options->partitions > 0 && options->streams != 0);
    if (options->partitions > SHARDS_MAX)
        return error_set(error, RESULT_FATAL, "The inputs have %d partitions; at most %d are supported.",
                         options->partitions, SHARDS_MAX);
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL)
        return error_set(error, RESULT_FATAL, "Memory is out: no pipeline could be made.");
    pipeline->options = *options;
    pipeline->ports = *ports;
    pipeline->program = program;
    pipeline->counters = counters;
    pipeline->board = board;
    pipeline->commit_bytes_allowed = options->commit_bytes_max;
    struct transaction_options transaction = {options->transaction_timeout_ms, options->end_slow_ms};
    transaction_init(&pipeline->transaction, pipeline->ports.sink, pipeline->ports.clock, &transaction);
    pipeline->fetched = calloc(FETCH_MAX, sizeof *pipeline->fetched);
    enum result result = pipeline->fetched == NULL
                             ? error_set(error, RESULT_FATAL, "Memory is out: no pipeline could be made.")
                             : pipeline_make_engine(pipeline, program, &pipeline->engine, error);
    if (result != RESULT_OK) {
        pipeline_free(pipeline);
        return result;
    }
    *ret_pipeline = pipeline;
    return RESULT_OK;
}

/* The number stays. */
static void empty_shard(struct pipeline *pipeline, struct held_shard *held) {
    pipeline->ports.store->release(pipeline->ports.store->context, held->number);
    takeover_drop(pipeline, held);
    if (held->merge != NULL)
        intake_drop(pipeline, held);
    merge_free(held->merge);
    write_behind_free(&held->behind);
    shard_free(held->shard);
    batch_free(&held->changelog);
    free(held->committed);
    arena_free(&held->arena);
    *held = (struct held_shard){.number = held->number};
}

static void show(struct pipeline *pipeline, const struct held_shard *held, enum shard_state state) {
    if (pipeline->board != NULL)
        atomic_store_explicit(&pipeline->board->entries[held->number].state, (int)state, memory_order_relaxed);
}

void pipeline_empty_shards(struct pipeline *pipeline, enum shard_state state) {
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        empty_shard(pipeline, &pipeline->held[i]);
        show(pipeline, &pipeline->held[i], state);
    }
}

void pipeline_drop_shards(struct pipeline *pipeline) {
    assert(!transaction_is_running(&pipeline->transaction));
    counters_set(pipeline->counters, GAUGE_MEMBERS, 0);
    pipeline_empty_shards(pipeline, SHARD_ELSEWHERE);
    free(pipeline->held);
    free(pipeline->offsets);
    free(pipeline->inputs);
    free(pipeline->bounds);
    free(pipeline->batches);
    pipeline->held = NULL;
    pipeline->offsets = NULL;
    pipeline->inputs = NULL;
    pipeline->bounds = NULL;
    pipeline->batches = NULL;
    pipeline->held_count = 0;
    batch_clear(&pipeline->outputs);
    batch_clear(&pipeline->sealed);
    pipeline->stopping = pipeline->stop_ordered; /* What was the end is to be reached anew, perhaps by others. */
    if (pipeline->membership != NULL)
        pipeline->ports.source->release_membership(pipeline->ports.source->context, pipeline->membership);
    pipeline->membership = NULL;
    pipeline->mode = MODE_WAITING;
    pipeline->anew = false;
    counters_set(pipeline->counters, GAUGE_SHARDS, 0);
}

void pipeline_free(struct pipeline *pipeline) {
    if (pipeline == NULL)
        return;
    pipeline->ports.sink->close(pipeline->ports.sink->context, 0); /* It may still borrow batches. */
    pipeline->transaction.phase = PHASE_IDLE;
    pipeline_drop_shards(pipeline);
    takeover_forget_kept(pipeline);
    batch_free(&pipeline->outputs);
    batch_free(&pipeline->sealed);
    batch_free(&pipeline->takeover.batch);
    buffer_free(&pipeline->scratch);
    slab_free(&pipeline->slab);
    engine_free(pipeline->engine);
    free(pipeline->fetched);
    free(pipeline);
}

enum result pipeline_take_over_anew(struct pipeline *pipeline, const char *why, struct error *error) {
    const struct source *source = pipeline->ports.source;
    pipeline_log(pipeline, LEVEL_WARNING, "%s All shards of this worker are taken over anew.", why);
    pipeline_empty_shards(pipeline, SHARD_TAKEOVER);
    batch_clear(&pipeline->outputs);
    batch_clear(&pipeline->sealed);
    pipeline->stopping = pipeline->stop_ordered;
    pipeline->mode = MODE_TAKEOVER;
    pipeline->anew = false;
    takeover_start(pipeline);
    pipeline->takeover.not_before_ms = monotonic_ms(pipeline) + ATTEMPT_PAUSE_MS;
    if (source->assign(source->context, NULL, 0, error) != ANSWER_OK)
        return RESULT_FATAL;
    return RESULT_OK;
}

void pipeline_lose(struct pipeline *pipeline, const char *why) {
    if (!pipeline->anew)
        error_set(&pipeline->anew_why, RESULT_RETRY, "%s", why);
    pipeline->anew = true;
}

/* ---- the group's events */

struct held_shard *pipeline_find_shard(struct pipeline *pipeline, int32_t number) {
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (pipeline->held[i].number == number)
            return &pipeline->held[i];
    return NULL;
}

static int by_number(const void *left, const void *right) {
    const struct held_shard *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

/* The partition numbers of the assignment; each must be held for every stream, or records of one account would be taken
 * by two workers. */
static enum result collect_shards(struct pipeline *pipeline, const struct source_event *event, struct error *error) {
    uint32_t streams = (uint32_t)__builtin_popcount(pipeline->options.streams);
    uint32_t room = event->inputs_count / streams + 1;
    pipeline->held = calloc(room, sizeof *pipeline->held);
    pipeline->offsets = calloc((size_t)room * STREAMS, sizeof *pipeline->offsets);
    pipeline->inputs = calloc((size_t)room * STREAMS, sizeof *pipeline->inputs);
    pipeline->bounds = calloc((size_t)room * STREAMS, sizeof *pipeline->bounds);
    pipeline->batches = calloc(room + 1, sizeof *pipeline->batches);
    if (pipeline->held == NULL || pipeline->offsets == NULL || pipeline->inputs == NULL || pipeline->bounds == NULL ||
        pipeline->batches == NULL)
        return error_set(error, RESULT_FATAL, "Memory is out: the assigned partitions could not be noted.");
    for (uint32_t i = 0; i < event->inputs_count; i++) {
        int32_t number = event->inputs[i].partition;
        if (pipeline_find_shard(pipeline, number) != NULL)
            continue;
        uint32_t found = 0;
        for (uint32_t j = 0; j < event->inputs_count; j++)
            found += event->inputs[j].partition == number;
        if (found != streams || number >= pipeline->options.partitions)
            return error_set(
                error, RESULT_FATAL,
                "Partition %d was assigned for %u of %u streams. All input topics must have the same number "
                "of partitions (%d), and all members of the group the same streams and the assignor `range`.",
                number, found, streams, pipeline->options.partitions);
        pipeline->held[pipeline->held_count++].number = number;
    }
    qsort(pipeline->held, pipeline->held_count, sizeof *pipeline->held, by_number);
    return RESULT_OK;
}

static enum result assigned(struct pipeline *pipeline, struct source_event *event, struct error *error) {
    const struct source *source = pipeline->ports.source;
    if (transaction_is_running(&pipeline->transaction))
        return error_set(error, RESULT_FATAL, "Partitions were assigned while a transaction was open.");
    pipeline_drop_shards(pipeline);
    pipeline->membership = event->membership;
    enum result result = collect_shards(pipeline, event, error);
    if (result != RESULT_OK)
        return result;
    if (source->assign(source->context, NULL, 0, error) != ANSWER_OK)
        return RESULT_FATAL;
    pipeline_log(pipeline, LEVEL_INFO, "%u shards were assigned.", pipeline->held_count);
    counters_set(pipeline->counters, GAUGE_SHARDS, pipeline->held_count);
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        show(pipeline, &pipeline->held[i], SHARD_TAKEOVER);
    counters_set(pipeline->counters, GAUGE_MEMBERS, 1);
    if (pipeline->held_count > 0) {
        pipeline->mode = MODE_TAKEOVER;
        takeover_start(pipeline);
    }
    return RESULT_OK;
}

static enum result serve_group(struct pipeline *pipeline, int timeout_ms, struct error *error) {
    struct source_event event = {0};
    pipeline->ports.source->poll(pipeline->ports.source->context, timeout_ms, &event);
    switch (event.kind) {
    case SOURCE_NOTHING:
        break;
    case SOURCE_ASSIGNED:
        return assigned(pipeline, &event, error);
    case SOURCE_REVOKED:
        pipeline->revoked = true;
        pipeline->stop_before_ms = monotonic_ms(pipeline) + pipeline->options.transaction_timeout_ms;
        break;
    case SOURCE_LOST:
        pipeline->lost = true;
        break;
    case SOURCE_TROUBLE:
        pipeline_log(pipeline, LEVEL_WARNING, "%s", event.error.text);
        break;
    case SOURCE_FATAL:
        *error = event.error;
        return RESULT_FATAL;
    }
    return RESULT_OK;
}

/* A revocation waits for the open transaction, and for what is decided to be committed; a loss for nothing but that the
 * transaction is given up. */
static enum result answer_group(struct pipeline *pipeline, struct error *error) {
    const struct source *source = pipeline->ports.source;
    bool in_time = pipeline->revoked && monotonic_ms(pipeline) < pipeline->stop_before_ms;
    bool committing = pipeline->mode == MODE_RUNNING;
    if (pipeline->lost || !in_time || !committing)
        transaction_abandon(&pipeline->transaction);
    if (transaction_is_running(&pipeline->transaction))
        return committing && !pipeline->lost ? paging_serve(pipeline, error) : RESULT_OK;
    if (!pipeline->lost && in_time && committing && !commit_is_empty(pipeline))
        return commit_begin(pipeline, error);
    pipeline_log(pipeline, LEVEL_INFO, "%u shards were %s.", pipeline->held_count,
                 pipeline->lost ? "lost" : "given back");
    if (PLANTED(shard_kept))
        takeover_keep(pipeline);
    pipeline_drop_shards(pipeline);
    pipeline->revoked = pipeline->lost = false;
    return source->unassign(source->context, error) == ANSWER_OK ? RESULT_OK : RESULT_FATAL;
}

/* ---- the store's events, the transaction */

static enum result serve_store(struct pipeline *pipeline, int timeout_ms, struct error *error) {
    const struct store *store = pipeline->ports.store;
    for (int i = 0; i < STORE_EVENTS_PER_TURN_MAX; i++) {
        struct store_event event = {0};
        store->poll(store->context, i == 0 ? timeout_ms : 0, &event);
        if (event.kind == STORE_NOTHING)
            break;
        if (event.kind == STORE_UNAVAILABLE) {
            paging_unavailable(pipeline, &event.error);
            continue;
        }
        if (pipeline->unavailable_since_ms != 0)
            paging_available(pipeline);
        struct held_shard *held = pipeline_find_shard(pipeline, event.shard);
        if (held == NULL)
            continue;
        enum result result = pipeline->mode == MODE_TAKEOVER ? takeover_event(pipeline, held, &event, error)
                                                             : paging_event(pipeline, held, &event, error);
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

/* Whether records may be taken while a commit is under way: the next one's. */
static bool may_compute_ahead(const struct pipeline *pipeline) {
    return pipeline->mode == MODE_RUNNING && !pipeline_is_pausing(pipeline) && !pipeline->revoked && !pipeline->lost &&
           !pipeline->anew && !pipeline_memory_is_short(pipeline) && !commit_hangs(pipeline);
}

/* The same where there are, for all that the last intake found. */
static bool computes_ahead(const struct pipeline *pipeline) {
    return may_compute_ahead(pipeline) && !pipeline->dry;
}

/* How long the sink may wait: not at all while there are records to take, but for the commit itself, whose duration
 * tells whether a copy of its end may still be under way. */
static int transaction_wait_ms(const struct pipeline *pipeline) {
    return computes_ahead(pipeline) && pipeline->transaction.phase != PHASE_COMMIT ? 0 : TRANSACTION_WAIT_MS;
}

/* Makes steps as long as they lead somewhere: were it one a turn, a commit of many shards would last as long as what is
 * computed in as many turns. */
static enum transaction_outcome step_on(struct pipeline *pipeline, bool *ret_failed, struct error *error) {
    const struct transaction *transaction = &pipeline->transaction;
    for (;;) {
        enum transaction_phase phase = transaction->phase;
        uint32_t published = transaction->published;
        enum transaction_outcome outcome = transaction_step(&pipeline->transaction, transaction_wait_ms(pipeline),
                                                            ret_failed, error);
        bool moved = transaction->phase > phase || transaction->published > published;
        if (outcome != TRANSACTION_PENDING || *ret_failed || !moved || transaction->phase >= PHASE_COMMIT)
            return outcome;
    }
}

static enum result serve_transaction(struct pipeline *pipeline, struct error *error) {
    bool failed;
    struct error why = {0};
    enum transaction_outcome outcome = step_on(pipeline, &failed, &why);
    if (failed) {
        counters_add(pipeline->counters, COUNTER_COMMITS_ABORTED, 1);
        if (pipeline_logs_again(pipeline, &pipeline->failure_logged_ms))
            pipeline_log(pipeline, LEVEL_WARNING, "A transaction is tried again: %s", why.text);
    }
    if (outcome == TRANSACTION_PENDING)
        return RESULT_OK;
    *error = why;
    return commit_end(pipeline, outcome, error);
}

/* ---- the loop */

bool pipeline_is_settled(const struct pipeline *pipeline) {
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (held->behind.count > 0 || held->loads > 0 || held->paging)
            return false;
    }
    return true;
}

static bool is_finished(const struct pipeline *pipeline) {
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (held->running && (!merge_finished(held->merge) || shard_ticks_pending(held->shard)))
            return false;
    }
    return true;
}

static void begin_leaving(struct pipeline *pipeline) {
    if (pipeline->stopping)
        return;
    pipeline->stopping = true;
    pipeline->stop_before_ms = monotonic_ms(pipeline) + STOP_MS;
    pipeline_log(pipeline, LEVEL_INFO, "Finishing: what is decided is committed and stored, then the group is left.");
}

static void tell_hanging(struct pipeline *pipeline) {
    if (commit_hangs(pipeline) && pipeline_logs_again(pipeline, &pipeline->failure_logged_ms))
        pipeline_log(pipeline, LEVEL_WARNING,
                     "A commit has been under way for %lld s: nothing more is decided until Kafka lets it end.",
                     (long long)((monotonic_ms(pipeline) - pipeline->batch_begun_ms) / SECOND));
}

/* Runs the shards: one turn of computing, or of finishing what was computed. */
static enum result work(struct pipeline *pipeline, struct error *error) {
    enum result result = paging_serve(pipeline, error);
    bool committing = transaction_is_running(&pipeline->transaction);
    tell_hanging(pipeline);
    if (result != RESULT_OK || (committing && !may_compute_ahead(pipeline)))
        return result;
    bool pausing = pipeline_is_pausing(pipeline);
    if (!pausing) {
        result = intake(pipeline, error);
        if (result == RESULT_OK)
            result = intake_follow_clock(pipeline, error);
        if (result != RESULT_OK)
            return result;
        if (pipeline->options.until_end && is_finished(pipeline))
            begin_leaving(pipeline);
    }
    if (committing)
        return RESULT_OK;
    if (!commit_is_empty(pipeline) && (pausing || commit_is_due(pipeline)))
        return commit_begin(pipeline, error);
    return reload_serve(pipeline, error);
}

void pipeline_stop(struct pipeline *pipeline) {
    pipeline->stop_ordered = true;
    begin_leaving(pipeline);
}

/* Whether nothing holds the worker any more; a store that does not answer holds it only for so long: what is committed
 * can be restored. A commit holds it as long where it was told to stop, and for ever where it has come to the end. */
static bool may_leave(struct pipeline *pipeline) {
    bool in_time = monotonic_ms(pipeline) < pipeline->stop_before_ms;
    if (pipeline->mode == MODE_TAKEOVER || (!in_time && pipeline->stop_ordered))
        transaction_abandon(&pipeline->transaction);
    if (transaction_is_running(&pipeline->transaction))
        return false;
    if (pipeline->mode != MODE_RUNNING || !in_time)
        return true;
    return commit_is_empty(pipeline) && pipeline_is_settled(pipeline);
}

uint32_t pipeline_held_back(const struct pipeline *pipeline) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        count += pipeline->held[i].held_back;
    return count;
}

/* FATAL: the end was to be reached, and there are shards that were not evaluated. */
static enum result judge_end(const struct pipeline *pipeline, struct error *error) {
    uint32_t held_back = pipeline->options.until_end && !pipeline->stop_ordered ? pipeline_held_back(pipeline) : 0;
    const struct held_shard *first = pipeline->held;
    if (held_back == 0)
        return RESULT_OK;
    while (!first->held_back)
        first++;
    return error_set(
        error, RESULT_FATAL,
        "%u shards were not evaluated up to the end: they follow the rules %.*s, which came after those of "
        "this process, %.*s. Start it with the newer rules, or with `rules.reactivate: on` to go back to "
        "these.",
        held_back, TEXT_ARGUMENTS(rulesets_newest(&first->record)), TEXT_ARGUMENTS(pipeline->program->ruleset));
}

static enum pipeline_progress leave(struct pipeline *pipeline, struct error *error) {
    const struct pipeline_ports *ports = &pipeline->ports;
    enum result end = judge_end(pipeline, error);
    if (pipeline->mode == MODE_RUNNING && !pipeline_is_settled(pipeline))
        pipeline_log(pipeline, LEVEL_WARNING,
                     "The store does not have what was committed last: it is restored from the changelog at the next "
                     "start, and nothing is lost.");
    pipeline_drop_shards(pipeline);
    ports->source->close(ports->source->context, CLOSE_MS);
    ports->sink->close(ports->sink->context, CLOSE_MS);
    return end == RESULT_OK ? PIPELINE_DONE : PIPELINE_FAILED;
}

/* How long to wait for events: not at all while there is something to compute, or a call that waits by itself. */
static int idle_ms(const struct pipeline *pipeline) {
    int64_t now_ms = monotonic_ms(pipeline);
    if (transaction_is_running(&pipeline->transaction))
        return now_ms < pipeline->transaction.not_before_ms && !computes_ahead(pipeline) ? IDLE_WAIT_MS : 0;
    if (pipeline->mode == MODE_TAKEOVER)
        return now_ms < pipeline->takeover.not_before_ms ? IDLE_WAIT_MS : 0;
    if (pipeline->mode != MODE_RUNNING || pipeline_is_pausing(pipeline))
        return IDLE_WAIT_MS;
    if (!pipeline->dry)
        return 0;
    int64_t due_in_ms = commit_is_empty(pipeline) ? IDLE_WAIT_MS : commit_due_in_ms(pipeline);
    return due_in_ms < IDLE_WAIT_MS ? (int)due_in_ms : IDLE_WAIT_MS;
}

static bool waits_for_store(const struct pipeline *pipeline) {
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (held->loads > 0 || held->paging || held->takeover.asked || held->takeover.writing ||
            held->behind.sent != NULL)
            return true; /* A write too goes on with each answer. */
    }
    return false;
}

/* What they say by themselves is told when it is news, and does not pile up. */
static void serve_libraries(struct pipeline *pipeline) {
    const struct pipeline_ports *ports = &pipeline->ports;
    int64_t now_ms = monotonic_ms(pipeline);
    if (now_ms - pipeline->served_ms < SERVE_EVERY_MS)
        return;
    pipeline->served_ms = now_ms;
    ports->sink->serve(ports->sink->context);
    ports->changelog->serve(ports->changelog->context);
}

static enum result turn(struct pipeline *pipeline, struct error *error) {
    int wait_ms = idle_ms(pipeline);
    serve_libraries(pipeline);
    bool for_store = wait_ms > 0 || pipeline->mode == MODE_TAKEOVER ? waits_for_store(pipeline) : false;
    enum result result = serve_group(pipeline, for_store ? 0 : wait_ms, error);
    if (result == RESULT_OK)
        result = serve_store(pipeline, for_store ? STORE_WAIT_MS : 0, error);
    if (result == RESULT_OK && transaction_is_running(&pipeline->transaction))
        result = serve_transaction(pipeline, error);
    if (result != RESULT_OK)
        return result;
    if (pipeline->revoked || pipeline->lost)
        return answer_group(pipeline, error);
    if (pipeline->anew && !transaction_is_running(&pipeline->transaction) && pipeline->held_count > 0)
        return pipeline_take_over_anew(pipeline, pipeline->anew_why.text, error);
    if (pipeline->mode == MODE_TAKEOVER && !pipeline->stopping)
        return takeover_turn(pipeline, error);
    if (pipeline->mode == MODE_RUNNING)
        return work(pipeline, error);
    return RESULT_OK;
}

enum pipeline_progress pipeline_turn(struct pipeline *pipeline, struct error *error) {
    if (turn(pipeline, error) != RESULT_OK)
        return PIPELINE_FAILED;
    bool nothing_left = pipeline->options.until_end && pipeline->membership != NULL && pipeline->held_count == 0;
    if ((pipeline->stopping && !pipeline->revoked && !pipeline->lost && may_leave(pipeline)) || nothing_left)
        return leave(pipeline, error);
    return PIPELINE_RUNNING;
}

enum result pipeline_run(struct pipeline *pipeline, struct pipeline_control *control, struct error *error) {
    for (;;) {
        if (atomic_load(&control->stop))
            pipeline_stop(pipeline);
        const struct program *program = atomic_exchange(&control->program, NULL);
        if (program != NULL)
            pipeline_reload(pipeline, program);
        switch (pipeline_turn(pipeline, error)) {
        case PIPELINE_RUNNING:
            break;
        case PIPELINE_DONE:
            return RESULT_OK;
        case PIPELINE_FAILED:
            return RESULT_FATAL;
        }
    }
}
