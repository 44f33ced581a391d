#include "engine/core/engine.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "engine/core/account/event_ids.h"
#include "engine/core/account/facts.h"
#include "engine/core/account/former.h"
#include "engine/core/aggregates.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"
#include "engine/core/horizon.h"
#include "engine/core/plan.h"
#include "engine/core/scores.h"

#define SPARE_BYTES         4096
#define SECTION_BYTES_MAX   64 /* of a section without its text */
#define ACCOUNT_BYTES_LIMIT (SECTION_SIZE_MAX)
#define NUMBER_BYTES        16 /* of a number or an instant, with what tells it from others */

/* The longest value that the dimension may come to. */
static uint32_t value_bytes_max(const struct dimension *dimension) {
    uint32_t largest = 0;
    for (uint32_t i = 0; i < dimension->cases_count; i++)
        if (dimension->cases[i].value_of != REGISTER_NONE)
            return DIMENSION_VALUE_MAX;
    for (uint32_t number = 1; number <= dimension_values(dimension); number++) {
        uint32_t size = dimension_value(dimension, number).size;
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* The most that decisions may add to a state. */
static uint32_t overhead_of(const struct program *program) {
    uint64_t bytes = SPARE_BYTES + (uint64_t)program_slots(program) * SECTION_BYTES_MAX;
    for (uint32_t i = 0; i < program->dimensions_count; i++)
        bytes += value_bytes_max(&program->dimensions[i]);
    return (uint32_t)bytes;
}

static uint32_t text_fields_of(const struct stream_schema *schema) {
    uint32_t fields = 0;
    for (uint32_t i = 0; i < schema->fields_count; i++)
        fields |= (uint32_t)(schema->fields[i].type == FIELD_STRING) << i;
    return fields;
}

/* The most that an event of the stream without any text, and what is decided then, may add to a state. */
static uint64_t growth_without_text(const struct engine *engine, enum stream stream) {
    return engine->overhead + stream_schemas[stream].fields_count * NUMBER_BYTES +
           engine->program->aggregates_of_count[stream] * (NUMBER_BYTES + SECTION_BYTES_MAX);
}

/* What differs by an event's stream. */
static bool prepare_streams(struct engine *engine) {
    bool done = true;
    for (enum stream stream = 0; stream < STREAMS && done; stream++) {
        engine->text_fields[stream] = text_fields_of(&stream_schemas[stream]);
        engine->growth_without_text[stream] = growth_without_text(engine, stream);
        done = uptake_make(engine->program, stream, &engine->arena, &engine->uptakes[stream]);
    }
    return done;
}

/* Takes `count` items of `size` bytes; remembers where memory was out. */
static void *take(struct engine *engine, size_t count, size_t size, bool *failed) {
    void *memory = arena_alloc(&engine->arena, (count + 1) * size);
    *failed = *failed || memory == NULL;
    return memory;
}

/* The same, untouched, so that the system gives none of it before it is used: few accounts ever leave much behind. */
static void *take_untouched(struct engine *engine, size_t count, size_t size, bool *failed) {
    void *memory = arena_take(&engine->arena, count * size);
    *failed = *failed || memory == NULL;
    return memory;
}

static bool allocate(struct engine *engine) {
    const struct program *program = engine->program;
    struct evaluation *evaluation = &engine->evaluation;
    bool failed = false;
    uint32_t decisions = program->dimensions_count + program->segments_count;
    engine->spare_capacity = ACCOUNT_BYTES_LIMIT + 2 * engine->overhead; /* The limit may have been higher before. */
    engine->state.program = program;
    engine->state.spare = take(engine, engine->spare_capacity, 1, &failed);
    engine->state.spare_capacity = engine->spare_capacity;
    engine->state.slots = program_slots(program);
    engine->state.offsets = take(engine, engine->state.slots, sizeof(uint32_t), &failed);
    evaluation->filter_registers = take(engine, program->registers_count, sizeof(union value), &failed);
    engine->outlooks = take(engine, program->registers_count, sizeof(struct outlook), &failed);
    engine->marks = take(engine, program->registers_count, 1, &failed);
    engine->changes_max = decisions + FORMER_MAX;
    engine->changes = take_untouched(engine, engine->changes_max, sizeof(struct change), &failed);
    engine->values = take(engine, program->dimensions_count, DIMENSION_VALUE_MAX, &failed);
    engine->former = take_untouched(engine, FORMER_BYTES_MAX, 1, &failed);
    engine->seen = take(engine, program->aggregates_count, 1, &failed);
    engine->segments = take(engine, program->segments_count, sizeof(struct text), &failed);
    engine->score_status = take(engine, program->scores_count, sizeof(struct score_status), &failed);
    engine->dimension_status = take(engine, program->dimensions_count, sizeof(struct dimension_status), &failed);
    engine->segment_status = take(engine, program->segments_count, sizeof(struct segment_status), &failed);
    engine->entries = take(engine, FACTS_ENTRIES_MAX, sizeof(struct map_entry), &failed);
    engine->layout = layout_of(program, &engine->arena);
    if (failed || engine->layout == NULL || !dependence_make(program, &engine->arena, &engine->dependence) ||
        !prepare_streams(engine))
        return false;
    memcpy(evaluation->filter_registers, program->constants, program->constants_count * sizeof(union value));
    engine->bounded_streams = plan_bounded_streams(program);
    engine->first = take(engine, engine->dependence.words, sizeof(uint64_t), &failed);
    evaluation->dependence = &engine->dependence;
    evaluation->pending = take(engine, engine->dependence.words, sizeof(uint64_t), &failed);
    evaluation->changed = take(engine, program->aggregates_count, sizeof(uint16_t), &failed);
    if (failed)
        return false;
    horizon_begin(program, engine->outlooks, engine->marks);
    return shapes_make(program, &engine->arena, &engine->shapes) &&
           desks_make(program, engine->dependence.words, &engine->desks);
}

enum result engine_create(const struct program *program, const struct engine_options *options,
                          struct engine **ret_engine, struct error *error) {
    if (options->account_bytes_max > ACCOUNT_BYTES_LIMIT)
        return error_set(error, RESULT_FATAL, "an account may have at most %u bytes, not %u", ACCOUNT_BYTES_LIMIT,
                         options->account_bytes_max);
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    engine->program = program;
    engine->options = *options;
    engine->overhead = overhead_of(program);
    engine->evaluation.program = program;
    engine->evaluation.state = &engine->state;
    if (!allocate(engine)) {
        engine_free(engine);
        return error_set(error, RESULT_FATAL, "out of memory");
    }
    *ret_engine = engine;
    return RESULT_OK;
}

void engine_free(struct engine *engine) {
    if (engine == NULL)
        return;
    desks_free(&engine->desks);
    arena_free(&engine->arena);
    free(engine);
}

const struct program *engine_program(const struct engine *engine) {
    return engine->program;
}

const struct layout *engine_layout(const struct engine *engine) {
    return engine->layout;
}

static const struct state_header *header_of(struct state_bytes state) {
    return (const struct state_header *)(const void *)state.data;
}

int64_t state_due_ms(struct state_bytes state) {
    return header_of(state)->due_ms;
}

uint32_t state_waits_for(struct state_bytes state) {
    return header_of(state)->waits_for;
}

struct text state_account_id(struct state_bytes state) {
    return (struct text){(const char *)state.data + sizeof(struct state_header), header_of(state)->id_size};
}

uint64_t state_sequence(struct state_bytes state) {
    return header_of(state)->sequence;
}

bool state_is_erased(struct state_bytes state) {
    return (header_of(state)->flags & STATE_ERASED) != 0;
}

static struct state_bytes bytes_of(const struct state *state) {
    return (struct state_bytes){state->data, state->size, state->capacity};
}

uint64_t event_id_hash(const struct event *event) {
    return event->stream == STREAM_ACCOUNT ? 0 : hash_text(event->event_id);
}

bool state_remembers(struct state_bytes state, const struct event *event, uint64_t id_hash) {
    if (state.size == 0 || text_is_missing(event->event_id) || state_is_erased(state))
        return false;
    return event_ids_has(state.data, state.size, event->stream, id_hash);
}

static void step_done(struct engine *engine, struct step *step) {
    step->outcome = STEP_APPLIED;
    step->state = bytes_of(&engine->state);
    step->changes = engine->changes;
    step->changes_count = engine->changes_count;
    if (engine->changes_count > 0 || state_is_erased(step->state))
        step->status = &engine->status;
}

/* An account's instant when a record of it comes: the ticks since it began have passed over it. */
static void catch_up(struct state_header *header, const struct clocks *clocks, int64_t time_ms) {
    if ((header->flags & STATE_BORN_LATE) == 0)
        header->now_ms = later(header->now_ms, clocks->ticked_ms);
    header->now_ms = later(header->now_ms, time_ms);
}

static void mark_if_born_late(struct state_header *header, const struct clocks *clocks) {
    if (header->now_ms < clocks->ticked_ms)
        header->flags |= STATE_BORN_LATE;
}

/* The most that the event, and what is decided then, may add to the state: as if each aggregate took all of its texts.
 */
static uint64_t growth_of(const struct engine *engine, const struct event *event) {
    uint64_t texts = 0;
    for (uint32_t left = event->present & engine->text_fields[event->stream]; left != 0; left &= left - 1)
        texts += event->fields[__builtin_ctz(left)].text.size;
    for (uint32_t i = 0; i < event->entries_count; i++)
        texts += event->entries[i].key.size + (uint64_t)event->entries[i].value.size + NUMBER_BYTES;
    return texts * (1 + engine->uptakes[event->stream].takers_count) + engine->growth_without_text[event->stream];
}

/* An event whose effect may not fit is worked on in the engine's own buffer, so that it can be refused. */
static void protect(struct engine *engine, const struct event *event) {
    if (engine->state.size + growth_of(engine, event) > engine->options.account_bytes_max)
        state_detach(&engine->state);
}

/* Whether the account is too large for what it keeps; what left the rules is still there, and about to be left. */
static bool is_too_large(const struct engine *engine) {
    uint32_t former, size = engine->state.size;
    if (size <= engine->options.account_bytes_max)
        return false;
    state_peek(engine->state.data, size, SLOT_FORMER, &former);
    return size - former > engine->options.account_bytes_max;
}

/* Step 2 for an event: false where the account has no room for it. Its id comes last, when nothing else has to be found
 * in the state any more, unless it is evaluated. */
static bool take_event(struct engine *engine, const struct event *event, uint64_t id_hash, const struct clocks *clocks,
                       struct effect *ret_effect) {
    struct state_header *header = state_header(&engine->state);
    if (header->first_event_ms == INSTANT_NONE || event->time_ms < header->first_event_ms)
        header->first_event_ms = event->time_ms;
    evaluation_begin_stream(engine, event->stream, clocks);
    if (aggregates_add(&engine->evaluation, &engine->uptakes[event->stream], event, ret_effect) != AGGREGATES_DONE)
        return false;
    return event_ids_add(&engine->state, event->stream, id_hash, engine->program->duplicate_ids);
}

/* Evaluates the account after a record: false where it has no room for what comes out. */
static bool evaluate_record(struct engine *engine, const struct event *event, const struct clocks *clocks,
                            int64_t former_ms) {
    struct cause cause = {CAUSE_EVENT, event->stream, event->event_id, event->place};
    state_bind_rest(&engine->state);
    evaluation_sit_down(engine);
    if (event->stream == STREAM_ACCOUNT)
        engine->desk->stamp = 0; /* Texts in the registers are those of the former facts. */
    evaluate(engine, clocks, &cause);
    if (is_too_large(engine))
        return false;
    plan_after_record(engine, clocks, event->stream, former_ms);
    return true;
}

/* Applies a record to the living account that the engine is bound to, and evaluates it, unless it surely changes no
 * outcome. */
static bool apply_and_evaluate(struct engine *engine, const struct event *event, uint64_t id_hash,
                               const struct clocks *clocks, struct step *step) {
    struct effect effect = {0};
    bool is_facts = event->stream == STREAM_ACCOUNT;
    int64_t former_ms = state_header(&engine->state)->now_ms;
    engine->evaluation.changed_count = 0;
    catch_up(state_header(&engine->state), clocks, event->time_ms);
    if (is_facts ? !facts_set(&engine->state, event) : !take_event(engine, event, id_hash, clocks, &effect))
        return false;
    if (is_too_large(engine))
        return false;
    step->slices_expired = effect.expired;
    if (!is_facts && plan_lets_pass(engine, event, &effect, former_ms)) {
        engine->changes_count = 0;
        step->has_passed = true;
        return true;
    }
    return evaluate_record(engine, event, clocks, former_ms);
}

static void erase(struct engine *engine, const struct event *event, const struct clocks *clocks, struct step *step) {
    struct cause cause = {.kind = CAUSE_ACCOUNT_DELETED, .place = event->place};
    state_bind_rest(&engine->state);
    catch_up(state_header(&engine->state), clocks, event->time_ms);
    evaluation_begin(engine, clocks);
    engine->changes_count = 0;
    outcome_erase(engine, &cause);
    struct state_header *header = state_header(&engine->state);
    *header = (struct state_header){.now_ms = header->now_ms,
                                    .due_ms = INSTANT_NEVER,
                                    .sequence = header->sequence,
                                    .ruleset_hash = engine->program->hash,
                                    .first_event_ms = INSTANT_NONE,
                                    .id_size = header->id_size,
                                    .flags = STATE_ERASED,
                                    .quiet_horizon = HORIZON_FIRST_QUIET};
    engine->state.size = (uint32_t)sizeof *header + header->id_size;
    step_done(engine, step);
}

/* Views the account as one that lives: begins it, or takes up again one that was erased. What it remembers of decisions
 * is left for an evaluation to view. */
static void bring_to_life(struct engine *engine, struct state_bytes state, const struct event *event,
                          const struct clocks *clocks) {
    if (state.size == 0)
        state_begin(&engine->state, event->account_id);
    else
        state_bind_first(&engine->state, state.data, state.size, state.capacity, engine->uptakes[event->stream].slots);
    struct state_header *header = state_header(&engine->state);
    if (state.size > 0 && (header->flags & STATE_ERASED) == 0)
        return;
    state_detach(&engine->state);
    header = state_header(&engine->state);
    header->flags = 0;
    header->horizon = HORIZON_FIRST;
    header->quiet_horizon = HORIZON_FIRST_QUIET;
    header->ruleset_hash = engine->program->hash;
    header->now_ms = later(header->now_ms, event->time_ms);
    mark_if_born_late(header, clocks);
}

void engine_apply(struct engine *engine, struct state_bytes state, const struct event *event, uint64_t id_hash,
                  struct clocks *clocks, struct step *ret_step) {
    *ret_step = (struct step){.state = state};
    bool lives = state.size > 0 && !state_is_erased(state);
    if (event->tombstone && !lives) {
        ret_step->outcome = STEP_NOTHING_TO_ERASE;
        return;
    }
    int64_t newest_ms = clocks->newest_ms[event->stream];
    clocks->newest_ms[event->stream] = later(newest_ms, event->time_ms);
    if (!lives && state.size > 0 && event->stream != STREAM_ACCOUNT) {
        ret_step->outcome = STEP_ERASED;
        return;
    }
    bring_to_life(engine, state, event, clocks);
    if (event->tombstone) {
        erase(engine, event, clocks, ret_step);
        return;
    }
    protect(engine, event);
    if (!apply_and_evaluate(engine, event, id_hash, clocks, ret_step)) {
        clocks->newest_ms[event->stream] = newest_ms;
        ret_step->outcome = STEP_ACCOUNT_TOO_LARGE;
        return;
    }
    clocks->evaluated_ms = later(clocks->evaluated_ms, engine->evaluation.now_ms);
    step_done(engine, ret_step);
}

void engine_tick(struct engine *engine, struct state_bytes state, int64_t tick_ms, const struct clocks *clocks,
                 struct step *ret_step) {
    struct cause cause = {.kind = CAUSE_TICK};
    *ret_step = (struct step){.outcome = STEP_APPLIED, .state = state};
    assert(state.size > 0 && !state_is_erased(state));
    state_bind(&engine->state, state.data, state.size, state.capacity);
    struct state_header *header = state_header(&engine->state);
    if (header->now_ms >= tick_ms) { /* ahead of the watermark: whatever made it due counts at its own next tick */
        engine->evaluation.now_ms = header->now_ms;
        plan_at(engine, clocks, tick_ms);
        return;
    }
    header->now_ms = tick_ms;
    header->flags &= (uint8_t)~STATE_BORN_LATE;
    engine->evaluation.changed_count = 0;
    evaluation_sit_down(engine);
    evaluate(engine, clocks, &cause);
    plan_after_tick(engine, clocks);
    step_done(engine, ret_step);
}

void engine_status(struct engine *engine, struct state_bytes state, const struct clocks *clocks,
                   struct status *ret_status) {
    state_bind(&engine->state, state.data, state.size, state.capacity);
    evaluation_sit_down(engine);
    engine->desk->stamp = 0; /* Only a part of the steps is taken. */
    evaluation_begin(engine, clocks);
    for (uint32_t i = 0; i < engine->program->scores_count; i++)
        score_decide(&engine->evaluation, i);
    outcome_status(engine);
    *ret_status = engine->status;
}
