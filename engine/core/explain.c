#include "engine/core/explain.h"

#include <math.h>

#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"
#include "engine/core/scores.h"

/* The registers that a dimension or a segment sets, as it is remembered and not as it would be decided. */
static void recall_dimension(struct engine *engine, uint32_t index) {
    const struct dimension *dimension = &engine->program->dimensions[index];
    struct evaluation *evaluation = &engine->evaluation;
    evaluation_run(evaluation, dimension->code_end);
    struct dimension_memory memory = dimension_recall(&engine->state, dimension_slot(engine->program, index));
    set_text_in_register(evaluation->registers, dimension->result, memory.known ? memory.value : TEXT_MISSING);
    if (dimension->time_in != REGISTER_NONE)
        evaluation->registers[dimension->time_in].number = memory.known ? (double)(evaluation->now_ms - memory.since_ms)
                                                                        : NAN;
}

static void recall_segment(struct engine *engine, uint32_t index) {
    const struct segment *segment = &engine->program->segments[index];
    evaluation_run(&engine->evaluation, segment->code_end);
    struct segment_memory memory = segment_recall(&engine->state, segment_slot(engine->program, index));
    outcome_segment_registers(&engine->evaluation, segment, memory.since_ms);
}

void engine_explain(struct engine *engine, struct state_bytes state, const struct clocks *clocks,
                    struct status *ret_status) {
    engine_status(engine, state, clocks, ret_status);
    for (uint32_t i = 0; i < engine->program->dimensions_count; i++)
        recall_dimension(engine, i);
    for (uint32_t i = 0; i < engine->program->segments_count; i++)
        recall_segment(engine, i);
}

uint32_t engine_conditions(const struct engine *engine, const struct expression *expression,
                           struct because ret_conditions[CONDITIONS_MAX]) {
    return outcome_conditions(&engine->evaluation, expression, ret_conditions);
}

bool engine_holds(const struct engine *engine, const struct expression *expression) {
    return expression->result != REGISTER_NONE && evaluation_true(&engine->evaluation, expression->result);
}

struct signal_status engine_signal(const struct engine *engine, uint32_t score, uint32_t signal) {
    const struct signal_value *value = &engine->evaluation.scores[score].signals[signal];
    bool present = value->counts && value->present;
    return (struct signal_status){value->counts, value->counts ? value->value : NAN,
                                  present ? score_contribution(&engine->evaluation, score, signal) : NAN};
}
