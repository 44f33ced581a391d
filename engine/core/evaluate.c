/* Evaluates an account: all steps one after the other, or only those that something has changed for. */
#include "base/hash.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"
#include "engine/core/scores.h"

static void begin_now(struct engine *engine) {
    engine->evaluation.now_ms = state_header(&engine->state)->now_ms;
    engine->evaluation.facts_read = false;
}

static void set_look(struct engine *engine, enum stream stream, const struct clocks *clocks) {
    struct evaluation *evaluation = &engine->evaluation;
    evaluation->look_ms[stream] = look_instant(engine->program, clocks, stream, evaluation->now_ms);
}

void evaluation_begin_stream(struct engine *engine, enum stream stream, const struct clocks *clocks) {
    begin_now(engine);
    set_look(engine, stream, clocks);
}

void evaluation_begin(struct engine *engine, const struct clocks *clocks) {
    struct evaluation *evaluation = &engine->evaluation;
    evaluation->code_done = 0;
    begin_now(engine);
    evaluation->now_hour = slice_index(evaluation->now_ms, HOUR);
    evaluation->now_day = slice_index(evaluation->now_ms, DAY);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        set_look(engine, stream, clocks);
}

void evaluation_sit_down(struct engine *engine) {
    struct evaluation *evaluation = &engine->evaluation;
    engine->account_hash = hash_text(state_id(&engine->state));
    engine->desk = desks_of(&engine->desks, engine->program, engine->account_hash);
    evaluation->registers = engine->desk->registers;
    evaluation->scores = engine->desk->scores;
    evaluation->signals = engine->desk->signals;
}

static void keep_restless(struct engine *engine, uint32_t step, bool restless) {
    uint64_t bit = UINT64_C(1) << step % 64, *word = &engine->desk->restless[step / 64];
    *word = restless ? *word | bit : *word & ~bit;
}

/* Each decision runs the code up to where it stands. */
static void evaluate_all(struct engine *engine) {
    const struct program *program = engine->program;
    const uint32_t *decisions = engine->dependence.decisions;
    for (uint32_t i = 0; i < program->scores_count; i++)
        score_decide(&engine->evaluation, i);
    decisions += program->scores_count;
    for (uint32_t i = 0; i < program->dimensions_count; i++)
        keep_restless(engine, decisions[i], outcome_dimension(engine, i));
    decisions += program->dimensions_count;
    for (uint32_t i = 0; i < program->segments_count; i++)
        keep_restless(engine, decisions[i], outcome_segment(engine, i));
}

static void add_if_restless(struct engine *engine, uint32_t step, bool restless) {
    if (restless)
        set_add(engine->desk->restless, step);
}

/* Runs the code that remains before a decision, which then finds none left to run. */
static void run_rest(struct engine *engine, const struct shape *shape, uint32_t decision) {
    uint32_t from = decision == 0 ? 0 : shape->ends[decision - 1], to = shape->ends[decision];
    if (from < to)
        evaluation_run_code(&engine->evaluation, shape->instructions + from, shape->instructions + to);
}

/* Whether the dimension is remembered to have the value that is known for accounts of the shape. */
static bool is_as_known(const struct engine *engine, const struct shape *shape, uint32_t index) {
    uint32_t size;
    const uint8_t *payload = state_section(&engine->state, dimension_slot(engine->program, index), &size);
    return shape->numbers[index] != VALUE_WRITTEN && payload != NULL && *payload == shape->numbers[index];
}

static void evaluate_by_shape(struct engine *engine, const struct shape *shape) {
    const struct program *program = engine->program;
    const uint32_t *steps = engine->dependence.decisions;
    uint32_t decision = 0, constants = program->constants_count;
    memcpy(engine->evaluation.registers + constants, shape->registers + constants,
           (program->registers_count - constants) * sizeof *shape->registers);
    memset(engine->desk->restless, 0, engine->dependence.words * sizeof *engine->desk->restless);
    engine->evaluation.code_done = program->code.count;
    for (uint32_t i = 0; i < program->scores_count; i++) {
        run_rest(engine, shape, decision++);
        score_decide(&engine->evaluation, i);
    }
    for (uint32_t i = 0; i < program->dimensions_count; i++) {
        run_rest(engine, shape, decision);
        if (!is_as_known(engine, shape, i))
            add_if_restless(engine, steps[decision], outcome_dimension(engine, i));
        decision++;
    }
    for (uint32_t i = 0; i < program->segments_count; i++) {
        run_rest(engine, shape, decision);
        if (!shape->unwanted[i] || engine->state.offsets[segment_slot(program, i)] != 0)
            add_if_restless(engine, steps[decision], outcome_segment(engine, i));
        decision++;
    }
}

static void evaluate_in_full(struct engine *engine) {
    struct shape *shape = engine->options.visit_every_tick ? NULL : shapes_of(&engine->shapes, &engine->evaluation);
    if (shape != NULL && shape->is_learned) {
        evaluate_by_shape(engine, shape);
        return;
    }
    evaluate_all(engine);
    if (shape != NULL)
        shape_learn(&engine->shapes, shape, &engine->evaluation);
}

/* What the record changed. */
static void add_changed(struct evaluation *evaluation) {
    const struct dependence *dependence = evaluation->dependence;
    for (uint32_t i = 0; i < evaluation->changed_count; i++)
        set_add_readers(evaluation->pending, dependence, dependence->first_aggregate + evaluation->changed[i]);
}

/* What time alone changes. */
static void add_timed(struct engine *engine) {
    const struct evaluation *evaluation = &engine->evaluation;
    const struct desk *desk = engine->desk;
    bool moved = evaluation->now_ms != desk->now_ms, sliced = false;
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        int64_t look_ms = evaluation->look_ms[stream], former_ms = desk->look_ms[stream];
        moved = moved || look_ms != former_ms;
        sliced = sliced || (look_ms != former_ms && slice_index(look_ms, HOUR) != slice_index(former_ms, HOUR));
    }
    if (moved)
        evaluation_add_timed(evaluation, sliced, evaluation->pending);
}

/* What has to be taken again though nothing that it looks at has changed. */
static void add_lasting(struct engine *engine) {
    const struct dependence *dependence = &engine->dependence;
    bool lies_elsewhere = engine->desk->bytes != engine->state.data;
    for (uint32_t i = 0; i < dependence->words; i++)
        engine->evaluation.pending[i] |= dependence->unsteady[i] | engine->desk->restless[i] |
                                         (lies_elsewhere ? dependence->borrowed[i] : 0);
}

/* Of a register that may be REGISTER_NONE: a number. */
static uint64_t number_in_register(const struct engine *engine, uint16_t target) {
    return target == REGISTER_NONE ? 0 : engine->evaluation.registers[target].bits;
}

static void add_readers_if_changed(struct engine *engine, uint16_t target, uint64_t before) {
    if (number_in_register(engine, target) != before)
        set_add_readers(engine->evaluation.pending, &engine->dependence, target);
}

static void decide_dimension(struct engine *engine, uint32_t step, uint32_t index) {
    const struct dimension *dimension = &engine->program->dimensions[index];
    const union value *registers = engine->evaluation.registers;
    struct text before = text_in_register(registers, dimension->result);
    uint64_t time_in = number_in_register(engine, dimension->time_in);
    bool restless = outcome_dimension(engine, index);
    struct text after = text_in_register(registers, dimension->result);
    keep_restless(engine, step, restless);
    if (restless || after.data != before.data || after.size != before.size) /* It may be another in the same place. */
        set_add_readers(engine->evaluation.pending, &engine->dependence, dimension->result);
    add_readers_if_changed(engine, dimension->time_in, time_in);
}

static void decide_segment(struct engine *engine, uint32_t step, uint32_t index) {
    const struct segment *segment = &engine->program->segments[index];
    uint64_t inside = number_in_register(engine, segment->inside);
    uint64_t time_in = number_in_register(engine, segment->time_in);
    keep_restless(engine, step, outcome_segment(engine, index));
    add_readers_if_changed(engine, segment->inside, inside);
    add_readers_if_changed(engine, segment->time_in, time_in);
}

static void decide_score(struct engine *engine, uint32_t index) {
    uint16_t score = engine->program->scores[index].result;
    uint64_t before = number_in_register(engine, score);
    score_decide(&engine->evaluation, index);
    add_readers_if_changed(engine, score, before);
}

static void decide_again(struct engine *engine, uint32_t at) {
    const struct evaluation_step *step = &engine->dependence.steps[at];
    if (step->kind == STEP_SCORE)
        decide_score(engine, step->index);
    else if (step->kind == STEP_DIMENSION)
        decide_dimension(engine, at, step->index);
    else
        decide_segment(engine, at, step->index);
}

/* A step only ever adds steps behind itself, so one pass through the set is enough. */
static void evaluate_again(struct engine *engine) {
    uint64_t *pending = engine->evaluation.pending;
    memset(pending, 0, engine->dependence.words * sizeof *pending);
    add_changed(&engine->evaluation);
    evaluation_add_streams(&engine->evaluation, state_header(&engine->state)->touched, pending);
    add_timed(engine);
    add_lasting(engine);
    engine->evaluation.code_done = engine->program->code.count;
    uint32_t at = evaluation_run_pending(&engine->evaluation, 0);
    for (; at != STEP_NONE; at = evaluation_run_pending(&engine->evaluation, at / 64))
        decide_again(engine, at);
}

static uint32_t next_stamp(struct engine *engine) {
    engine->stamp = engine->stamp == STATE_STAMP_MAX ? 1 : engine->stamp + 1;
    return engine->stamp;
}

void evaluate(struct engine *engine, const struct clocks *clocks, const struct cause *cause) {
    struct state_header *header = state_header(&engine->state);
    const uint8_t *bytes = engine->state.data;
    bool rules_changed = (header->flags & STATE_CHANGED) != 0;
    assert(header->ruleset_hash == engine->program->hash);
    header->flags &= (uint8_t)~STATE_CHANGED;
    evaluation_begin(engine, clocks);
    engine->changes_count = 0;
    if (engine->state.offsets[SLOT_FORMER] != 0)
        outcome_leave_former(engine);
    if (desk_is_of(engine->desk, engine->account_hash, &engine->state) && !engine->options.visit_every_tick)
        evaluate_again(engine);
    else
        evaluate_in_full(engine);
    desk_keep(engine->desk, engine->account_hash, next_stamp(engine), bytes, &engine->evaluation);
    struct cause changed = {.kind = CAUSE_RULES_CHANGED};
    outcome_finish(engine, rules_changed ? &changed : cause);
}
