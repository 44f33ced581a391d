/* What an evaluation decides becomes memory and changes. */
#include <assert.h>
#include <math.h>

#include "engine/core/account/facts.h"
#include "engine/core/account/former.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"
#include "engine/core/scores.h"

/* A change with what is its own still empty, and what all share not yet set: outcome_finish does that. */
static struct change *append(struct engine *engine, enum change_kind kind, struct text subject) {
    assert(engine->changes_count < engine->changes_max);
    struct change *change = &engine->changes[engine->changes_count++];
    change->kind = kind;
    change->subject = subject;
    change->from = change->to = change->reasons_of = change->playbook = TEXT_MISSING;
    change->reasons_count = change->because_count = 0;
    change->previous_since_ms = INSTANT_NONE;
    return change;
}

static struct operand operand_of(const struct evaluation *evaluation, uint16_t source, enum value_type type) {
    if (source == REGISTER_NONE)
        return (struct operand){.kind = OPERAND_NULL};
    if (type == TYPE_STRING) {
        struct text text = text_in_register(evaluation->registers, source);
        return text_is_missing(text) ? (struct operand){.kind = OPERAND_NULL}
                                     : (struct operand){.kind = OPERAND_TEXT, .text = text};
    }
    double number = evaluation->registers[source].number;
    if (isnan(number))
        return (struct operand){.kind = OPERAND_NULL};
    return (struct operand){.kind = type == TYPE_BOOLEAN ? OPERAND_BOOLEAN : OPERAND_NUMBER, .number = number};
}

uint32_t outcome_conditions(const struct evaluation *evaluation, const struct expression *expression,
                            struct because ret_conditions[CONDITIONS_MAX]) {
    uint32_t count = 0;
    for (; count < expression->conditions_count && count < CONDITIONS_MAX; count++) {
        const struct condition *condition = &expression->conditions[count];
        ret_conditions[count] = (struct because){
            .condition = condition->text,
            .left = operand_of(evaluation, condition->left, condition->left_type),
            .right = operand_of(evaluation, condition->right, condition->right_type),
            .holds = evaluation_true(evaluation, condition->holds)};
    }
    return count;
}

static void explain(const struct evaluation *evaluation, const struct expression *expression, struct change *change) {
    change->because_count = outcome_conditions(evaluation, expression, change->because);
}

static struct operand number_operand(double number) {
    return isnan(number) ? (struct operand){.kind = OPERAND_NULL}
                         : (struct operand){.kind = OPERAND_NUMBER, .number = number};
}

static void explain_band(const struct engine *engine, const struct dimension *dimension, uint32_t band,
                         struct change *change) {
    double score = engine->evaluation.scores[dimension->score].value;
    double lower = band < dimension->bands_count ? dimension->bands[band].lower : NAN;
    change->because[change->because_count++] = (struct because){
        .condition = engine->program->scores[dimension->score].name,
        .left = number_operand(score),
        .right = number_operand(lower),
        .holds = true};
}

/* The reasons speak of one score: a band dimension's own, else churn_risk. */
static void give_reasons(const struct engine *engine, uint16_t score, struct change *change) {
    if (score == REGISTER_NONE)
        return;
    change->reasons_of = engine->program->scores[score].name;
    change->reasons_count = score_reasons(&engine->evaluation, score, change->reasons);
}

static struct text playbook_for(const struct dimension *dimension, struct text value) {
    for (uint32_t i = 0; i < dimension->playbooks_count; i++)
        if (text_equal(dimension->playbooks[i].value, value))
            return dimension->playbooks[i].name;
    return TEXT_MISSING;
}

void outcome_leave_former(struct engine *engine) {
    struct former former;
    struct cursor copy = cursor_of(engine->former, former_take(&engine->state, engine->former));
    while (former_next(&copy, &former)) {
        struct change *change = append(engine, former.is_segment ? CHANGE_EXITED : CHANGE_MOVED, former.name);
        change->previous_since_ms = former.since_ms;
        if (!former.is_segment)
            change->from = former.value;
    }
}

/* The value before the evaluation, where later changes of the state do not reach it. */
static struct dimension_memory recall_safely(struct engine *engine, uint32_t index) {
    struct dimension_memory memory = dimension_recall(&engine->state, dimension_slot(engine->program, index));
    char *copy = engine->values + (size_t)index * DIMENSION_VALUE_MAX;
    if (!memory.known)
        return memory;
    memcpy(copy, memory.value.data, memory.value.size);
    memory.value.data = copy;
    return memory;
}

static void dimension_moved(struct engine *engine, uint32_t index, const struct dimension_decision *decision,
                            const struct dimension_memory *memory) {
    const struct dimension *dimension = &engine->program->dimensions[index];
    struct change *change = append(engine, CHANGE_MOVED, dimension->name);
    change->from = memory->known ? memory->value : TEXT_MISSING;
    change->to = decision->value;
    change->previous_since_ms = memory->since_ms;
    change->playbook = playbook_for(dimension, decision->value);
    if (dimension->score == REGISTER_NONE) {
        explain(&engine->evaluation, &decision->winner->when, change);
        return;
    }
    explain_band(engine, dimension, decision->band, change);
    give_reasons(engine, dimension->score, change);
}

static void set_dimension_registers(struct evaluation *evaluation, const struct dimension *dimension, struct text value,
                                    int64_t since_ms) {
    set_text_in_register(evaluation->registers, dimension->result, value);
    if (dimension->time_in != REGISTER_NONE)
        evaluation->registers[dimension->time_in].number = (double)(evaluation->now_ms - since_ms);
}

bool outcome_dimension(struct engine *engine, uint32_t index) {
    struct evaluation *evaluation = &engine->evaluation;
    const struct dimension *dimension = &engine->program->dimensions[index];
    struct text value;
    int64_t since_ms;
    evaluation_run(evaluation, dimension->code_end);
    if (dimension_stays(evaluation, index, &value, &since_ms)) {
        set_dimension_registers(evaluation, dimension, value, since_ms);
        return false;
    }
    struct dimension_memory memory = recall_safely(engine, index);
    struct dimension_decision decision = dimension_decide(evaluation, index, &memory);
    if (decision.moves) {
        since_ms = evaluation->now_ms;
        dimension_moved(engine, index, &decision, &memory);
        bool remembered = dimension_remember(&engine->state, dimension_slot(engine->program, index), since_ms,
                                             decision.value);
        assert(remembered);
    }
    set_dimension_registers(evaluation, dimension, decision.value, since_ms);
    return decision.moves || decision.waits;
}

static void segment_changed(struct engine *engine, const struct segment *segment, bool entered, int64_t previous_ms) {
    struct change *change = append(engine, entered ? CHANGE_ENTERED : CHANGE_EXITED, segment->name);
    bool by_until = !entered && segment->until.result != REGISTER_NONE;
    change->previous_since_ms = previous_ms;
    change->playbook = segment->playbook;
    explain(&engine->evaluation, by_until ? &segment->until : &segment->when, change);
}

void outcome_segment_registers(struct evaluation *evaluation, const struct segment *segment, int64_t since_ms) {
    bool inside = since_ms != INSTANT_NONE;
    if (segment->inside != REGISTER_NONE)
        evaluation->registers[segment->inside].number = inside;
    if (segment->time_in != REGISTER_NONE)
        evaluation->registers[segment->time_in].number = inside ? (double)(evaluation->now_ms - since_ms) : NAN;
}

/* Whether only the time keeps it from entering or leaving. */
static bool segment_waits(const struct evaluation *evaluation, const struct segment *segment,
                          const struct segment_memory *memory) {
    if (memory->since_ms != INSTANT_NONE)
        return segment_until(evaluation, segment);
    return memory->qualifying_ms != INSTANT_NONE ||
           (memory->exited_ms != INSTANT_NONE && segment_wants_in(evaluation, segment));
}

bool outcome_segment(struct engine *engine, uint32_t index) {
    const struct segment *segment = &engine->program->segments[index];
    uint32_t slot = segment_slot(engine->program, index);
    evaluation_run(&engine->evaluation, segment->code_end);
    /* Of most segments nothing is remembered, and nothing begins. */
    if (engine->state.offsets[slot] == 0 && !segment_wants_in(&engine->evaluation, segment)) {
        outcome_segment_registers(&engine->evaluation, segment, INSTANT_NONE);
        return false;
    }
    struct segment_memory before = segment_recall(&engine->state, slot), memory = before;
    enum segment_decision decision = segment_decide(&engine->evaluation, index, &memory);
    if (decision == SEGMENT_ENTERS)
        segment_changed(engine, segment, true, before.exited_ms);
    else if (decision == SEGMENT_LEAVES)
        segment_changed(engine, segment, false, before.since_ms);
    bool changed = memcmp(&before, &memory, sizeof memory) != 0;
    if (changed) {
        bool remembered = segment_remember(&engine->state, slot, &memory);
        assert(remembered);
    }
    outcome_segment_registers(&engine->evaluation, segment, memory.since_ms);
    return changed || segment_waits(&engine->evaluation, segment, &memory);
}

static uint32_t segments_inside(struct engine *engine) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine->program->segments_count; i++) {
        const struct segment *segment = &engine->program->segments[i];
        int64_t since_ms = segment_since(&engine->state, segment_slot(engine->program, i));
        if (since_ms == INSTANT_NONE)
            continue;
        engine->segment_status[count] = (struct segment_status){segment->name, since_ms};
        engine->segments[count++] = segment->name;
    }
    return count;
}

static struct text fact_text(const struct event *facts, uint32_t field) {
    return event_has(facts, field) ? facts->fields[field].text : TEXT_MISSING;
}

static struct change_facts facts_for_change(struct engine *engine) {
    const struct event *facts = evaluation_facts(&engine->evaluation);
    return (struct change_facts){.known = facts->present != 0,
                                 .name = fact_text(facts, FACT_NAME),
                                 .owner = fact_text(facts, FACT_OWNER),
                                 .plan = fact_text(facts, FACT_PLAN),
                                 .currency = fact_text(facts, FACT_CURRENCY),
                                 .arr = event_has(facts, FACT_ARR) ? facts->fields[FACT_ARR].number : NAN};
}

/* What every change of an evaluation says alike, without what it says of the account. */
static void set_origin(const struct engine *engine, const struct cause *cause, struct change *change) {
    change->account_id = state_id(&engine->state);
    change->at_ms = engine->evaluation.now_ms;
    change->cause = *cause;
    change->ruleset = engine->program->ruleset;
    change->backfill = engine->options.live_from_ms != INSTANT_NONE && change->at_ms < engine->options.live_from_ms;
}

/* The account as it stands after all changes of the evaluation: as its status says it. */
static void set_account(struct engine *engine, struct change *change) {
    const struct program *program = engine->program;
    bool has_score = program->churn_risk != REGISTER_NONE, has_stage = program->lifecycle_stage != REGISTER_NONE;
    change->churn_risk = has_score ? engine->evaluation.scores[program->churn_risk].value : NAN;
    change->coverage = has_score ? engine->evaluation.scores[program->churn_risk].coverage : NAN;
    change->lifecycle_stage = has_stage ? text_in_register(engine->evaluation.registers,
                                                           program->dimensions[program->lifecycle_stage].result)
                                        : TEXT_MISSING;
    change->segments = engine->segments;
    change->segments_count = engine->status.segments_count;
    change->facts = facts_for_change(engine);
}

void outcome_finish(struct engine *engine, const struct cause *cause) {
    if (engine->changes_count == 0)
        return;
    uint64_t *sequence = &state_header(&engine->state)->sequence;
    outcome_status(engine);
    for (uint32_t i = 0; i < engine->changes_count; i++) {
        struct change *change = &engine->changes[i];
        change->sequence = ++*sequence;
        set_origin(engine, cause, change);
        set_account(engine, change);
        if (text_is_missing(change->reasons_of))
            give_reasons(engine, engine->program->churn_risk, change);
    }
    engine->status.sequence = *sequence;
}

static void exit_everything(struct engine *engine) {
    engine->changes_count = 0;
    outcome_leave_former(engine);
    uint32_t segments = 0;
    for (uint32_t i = 0; i < engine->changes_count; i++) /* a dimension's end is no exit */
        if (engine->changes[i].kind == CHANGE_EXITED)
            engine->changes[segments++] = engine->changes[i];
    engine->changes_count = segments;
    for (uint32_t i = 0; i < engine->program->segments_count; i++) {
        const struct segment *segment = &engine->program->segments[i];
        int64_t since_ms = segment_since(&engine->state, segment_slot(engine->program, i));
        if (since_ms == INSTANT_NONE)
            continue;
        struct change *change = append(engine, CHANGE_EXITED, segment->name);
        change->previous_since_ms = since_ms;
        change->playbook = segment->playbook;
    }
}

void outcome_erase(struct engine *engine, const struct cause *cause) {
    uint64_t *sequence = &state_header(&engine->state)->sequence;
    exit_everything(engine);
    for (uint32_t i = 0; i < engine->changes_count; i++) {
        struct change *change = &engine->changes[i];
        change->sequence = ++*sequence;
        set_origin(engine, cause, change);
        change->churn_risk = change->coverage = NAN;
        change->lifecycle_stage = TEXT_MISSING;
        change->segments = NULL;
        change->segments_count = 0;
        change->facts = (struct change_facts){.known = false, .arr = NAN};
    }
    engine->status = (struct status){.account_id = state_id(&engine->state),
                                     .erased = true,
                                     .sequence = *sequence,
                                     .at_ms = engine->evaluation.now_ms,
                                     .ruleset = engine->program->ruleset};
}

static void set_status_facts(struct engine *engine) {
    struct status *status = &engine->status;
    status->facts = *evaluation_facts(&engine->evaluation);
    status->has_facts = status->facts.present != 0;
    status->facts.entries = engine->entries;
    status->facts.entries_count = facts_entries(&engine->state, engine->evaluation.facts_fields_size, engine->entries);
}

void outcome_status(struct engine *engine) {
    const struct program *program = engine->program;
    for (uint32_t i = 0; i < program->scores_count; i++)
        engine->score_status[i] = (struct score_status){program->scores[i].name, engine->evaluation.scores[i].value,
                                                        engine->evaluation.scores[i].coverage};
    uint32_t dimensions = 0;
    for (uint32_t i = 0; i < program->dimensions_count; i++) {
        struct dimension_memory memory = dimension_recall(&engine->state, dimension_slot(program, i));
        if (memory.known)
            engine->dimension_status[dimensions++] = (struct dimension_status){program->dimensions[i].name,
                                                                               memory.value, memory.since_ms};
    }
    struct status *status = &engine->status;
    status->account_id = state_id(&engine->state);
    status->erased = false;
    status->sequence = state_header(&engine->state)->sequence;
    status->at_ms = state_header(&engine->state)->now_ms;
    status->ruleset = program->ruleset;
    status->scores = engine->score_status;
    status->scores_count = program->scores_count;
    status->dimensions = engine->dimension_status;
    status->dimensions_count = dimensions;
    status->segments = engine->segment_status;
    status->segments_count = segments_inside(engine);
    set_status_facts(engine);
}
