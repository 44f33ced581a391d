/* What an evaluation decides becomes memory and changes. */
#include <assert.h>
#include <math.h>

#include "engine/core/account/facts.h"
#include "engine/core/account/former.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"
#include "engine/core/scores.h"

static struct change *append(struct engine *engine, enum change_kind kind, struct text subject) {
    assert(engine->changes_count < engine->changes_max);
    struct change *change = &engine->changes[engine->changes_count++];
    *change = (struct change){.kind = kind, .subject = subject, .previous_since_ms = INSTANT_NONE};
    return change;
}

static struct operand operand_of(const struct evaluation *evaluation, uint16_t source, enum value_type type) {
    if (source == REGISTER_NONE)
        return (struct operand){.kind = OPERAND_NULL};
    union value value = evaluation->registers[source];
    if (type == TYPE_STRING)
        return text_is_missing(value.text) ? (struct operand){.kind = OPERAND_NULL}
                                           : (struct operand){.kind = OPERAND_TEXT, .text = value.text};
    if (isnan(value.number))
        return (struct operand){.kind = OPERAND_NULL};
    return (struct operand){.kind = type == TYPE_BOOLEAN ? OPERAND_BOOLEAN : OPERAND_NUMBER, .number = value.number};
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
    for (uint32_t i = 0; i < FORMER_MAX && former_next(&copy, &former); i++) {
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

bool outcome_dimension(struct engine *engine, uint32_t index) {
    struct evaluation *evaluation = &engine->evaluation;
    const struct dimension *dimension = &engine->program->dimensions[index];
    evaluation_run(evaluation, dimension->code_end);
    struct dimension_memory memory = recall_safely(engine, index);
    struct dimension_decision decision = dimension_decide(evaluation, index, &memory);
    int64_t since_ms = decision.moves ? evaluation->now_ms : memory.since_ms;
    if (decision.moves) {
        dimension_moved(engine, index, &decision, &memory);
        bool remembered = dimension_remember(&engine->state, dimension_slot(engine->program, index), since_ms,
                                             decision.value);
        assert(remembered);
    }
    evaluation->registers[dimension->result].text = decision.value;
    if (dimension->time_in != REGISTER_NONE)
        evaluation->registers[dimension->time_in].number = (double)(evaluation->now_ms - since_ms);
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
        struct segment_memory memory = segment_recall(&engine->state, segment_slot(engine->program, i));
        if (memory.since_ms == INSTANT_NONE)
            continue;
        engine->segment_status[count] = (struct segment_status){segment->name, memory.since_ms};
        engine->segments[count++] = segment->name;
    }
    return count;
}

static struct text fact_text(const struct event *facts, uint32_t field) {
    return event_has(facts, field) ? facts->fields[field].text : TEXT_MISSING;
}

static struct change_facts facts_for_change(struct engine *engine) {
    struct event facts;
    if (!facts_get(&engine->state, &facts, NULL))
        return (struct change_facts){.known = false, .arr = NAN};
    return (struct change_facts){.known = true,
                                 .name = fact_text(&facts, FACT_NAME),
                                 .owner = fact_text(&facts, FACT_OWNER),
                                 .plan = fact_text(&facts, FACT_PLAN),
                                 .currency = fact_text(&facts, FACT_CURRENCY),
                                 .arr = event_has(&facts, FACT_ARR) ? facts.fields[FACT_ARR].number : NAN};
}

/* What every change of the evaluation says alike: the account as it stands after all of them. */
static struct change common_part(struct engine *engine, const struct cause *cause) {
    const struct program *program = engine->program;
    int64_t now_ms = engine->evaluation.now_ms;
    struct change common = {.account_id = state_id(&engine->state),
                            .at_ms = now_ms,
                            .churn_risk = NAN,
                            .coverage = NAN,
                            .facts = facts_for_change(engine),
                            .cause = *cause,
                            .ruleset = program->ruleset,
                            .segments = engine->segments,
                            .segments_count = segments_inside(engine),
                            .backfill = engine->options.live_from_ms != INSTANT_NONE &&
                                        now_ms < engine->options.live_from_ms};
    if (program->churn_risk != REGISTER_NONE) {
        common.churn_risk = engine->evaluation.scores[program->churn_risk].value;
        common.coverage = engine->evaluation.scores[program->churn_risk].coverage;
    }
    if (program->lifecycle_stage != REGISTER_NONE)
        common.lifecycle_stage =
            engine->evaluation.registers[program->dimensions[program->lifecycle_stage].result].text;
    return common;
}

static void complete(struct engine *engine, struct change *change, const struct change *common) {
    change->account_id = common->account_id;
    change->sequence = ++state_header(&engine->state)->sequence;
    change->at_ms = common->at_ms;
    change->churn_risk = common->churn_risk;
    change->coverage = common->coverage;
    change->lifecycle_stage = common->lifecycle_stage;
    change->segments = common->segments;
    change->segments_count = common->segments_count;
    change->facts = common->facts;
    change->cause = common->cause;
    change->ruleset = common->ruleset;
    change->backfill = common->backfill;
}

void outcome_finish(struct engine *engine, const struct cause *cause) {
    if (engine->changes_count == 0)
        return;
    struct change common = common_part(engine, cause);
    for (uint32_t i = 0; i < engine->changes_count; i++) {
        struct change *change = &engine->changes[i];
        complete(engine, change, &common);
        if (text_is_missing(change->reasons_of))
            give_reasons(engine, engine->program->churn_risk, change);
    }
    outcome_status(engine);
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
        struct segment_memory memory = segment_recall(&engine->state, segment_slot(engine->program, i));
        if (memory.since_ms == INSTANT_NONE)
            continue;
        struct change *change = append(engine, CHANGE_EXITED, segment->name);
        change->previous_since_ms = memory.since_ms;
        change->playbook = segment->playbook;
    }
}

void outcome_erase(struct engine *engine, const struct cause *cause) {
    int64_t now_ms = engine->evaluation.now_ms;
    struct change common = {.account_id = state_id(&engine->state),
                            .at_ms = now_ms,
                            .churn_risk = NAN,
                            .coverage = NAN,
                            .facts = {.known = false, .arr = NAN},
                            .cause = *cause,
                            .ruleset = engine->program->ruleset,
                            .backfill = engine->options.live_from_ms != INSTANT_NONE &&
                                        now_ms < engine->options.live_from_ms};
    exit_everything(engine);
    for (uint32_t i = 0; i < engine->changes_count; i++)
        complete(engine, &engine->changes[i], &common);
    engine->status = (struct status){.account_id = state_id(&engine->state),
                                     .erased = true,
                                     .sequence = state_header(&engine->state)->sequence,
                                     .at_ms = now_ms,
                                     .ruleset = engine->program->ruleset};
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
    engine->status = (struct status){.account_id = state_id(&engine->state),
                                     .sequence = state_header(&engine->state)->sequence,
                                     .at_ms = state_header(&engine->state)->now_ms,
                                     .ruleset = program->ruleset,
                                     .scores = engine->score_status,
                                     .scores_count = program->scores_count,
                                     .dimensions = engine->dimension_status,
                                     .dimensions_count = dimensions,
                                     .segments = engine->segment_status,
                                     .segments_count = segments_inside(engine)};
    engine->status.has_facts = facts_get(&engine->state, &engine->status.facts, engine->entries);
}
