#include "engine/core/rules/compile.h"

#include "engine/core/rules/compiler.h"
#include "engine/core/rules/digest.h"

/* --- What is used --- */

static void gather_all(struct compiler *compiler) {
    const struct checked_rules *rules = compiler->rules;
    for (uint32_t i = 0; i < rules->program.scores_count; i++) {
        const struct checked_score *score = &rules->scores[i];
        for (uint32_t j = 0; j < score->score.signals_count; j++) {
            compile_gather(compiler, score->signals[j].value.tree);
            compile_gather(compiler, score->signals[j].when.tree);
        }
    }
    for (uint32_t i = 0; i < rules->program.dimensions_count; i++) {
        const struct checked_dimension *dimension = &rules->dimensions[i];
        for (uint32_t j = 0; j < dimension->dimension.cases_count; j++) {
            compile_gather(compiler, dimension->cases[j].value_of.tree);
            compile_gather(compiler, dimension->cases[j].when.tree);
        }
    }
    for (uint32_t i = 0; i < rules->program.segments_count; i++) {
        compile_gather(compiler, rules->segments[i].when.tree);
        compile_gather(compiler, rules->segments[i].until.tree);
    }
    /* A metric only looks at those before it, so that backwards each is known to be used before it is come to. */
    for (uint32_t i = rules->metrics_count; i-- > 0;)
        if (compiler->metric_used[i])
            compile_gather(compiler, rules->metrics[i].value.tree);
}

/* --- Metrics, scores, dimensions, segments: each computes what it needs, then its code ends --- */

static uint32_t code_end(const struct compiler *compiler) {
    return compiler->emitter.counts[BLOCK_EVALUATION];
}

static void compile_metrics(struct compiler *compiler) {
    for (uint32_t i = 0; i < compiler->rules->metrics_count; i++)
        if (compiler->metric_used[i])
            compiler->metric_registers[i] = compile_tree(compiler, BLOCK_EVALUATION,
                                                         compiler->rules->metrics[i].value.tree);
}

static int8_t direction_of(const struct curve_point *curve, uint32_t count) {
    bool rises = true, falls = true;
    for (uint32_t i = 1; i < count; i++) {
        rises = rises && curve[i].y >= curve[i - 1].y;
        falls = falls && curve[i].y <= curve[i - 1].y;
    }
    return rises ? 1 : falls ? -1 : 0;
}

static void compile_score(struct compiler *compiler, const struct checked_score *checked, struct score *score) {
    struct signal *signals = report_alloc(compiler->report, score->signals_count * sizeof *signals);
    for (uint32_t i = 0; signals != NULL && i < score->signals_count; i++) {
        const struct checked_signal *signal = &checked->signals[i];
        signals[i] = signal->signal;
        signals[i].direction = direction_of(signals[i].curve, signals[i].curve_count);
        signals[i].value = compile_tree(compiler, BLOCK_EVALUATION, signal->value.tree);
        signals[i].when = signal->when.tree == NULL ? REGISTER_NONE
                                                    : compile_tree(compiler, BLOCK_EVALUATION, signal->when.tree);
    }
    score->signals = signals;
    score->code_end = code_end(compiler);
}

/* Of two cases with the same value the first one's number stands for both. */
static uint8_t number_of_value(const struct dimension_case *cases, uint32_t index) {
    for (uint32_t i = 0; i <= index && i < UINT8_MAX; i++)
        if (text_equal(cases[i].value, cases[index].value))
            return (uint8_t)(i + 1);
    return 0;
}

static void compile_dimension(struct compiler *compiler, const struct checked_dimension *checked,
                              struct dimension *dimension) {
    struct dimension_case *cases = report_alloc(compiler->report, dimension->cases_count * sizeof *cases);
    for (uint32_t i = 0; cases != NULL && i < dimension->cases_count; i++) {
        const struct checked_case *checked_case = &checked->cases[i];
        cases[i] = checked_case->dimension_case;
        cases[i].when = compile_expression(compiler, &checked_case->when);
        cases[i].value_of = checked_case->value_of.tree == NULL
                                ? REGISTER_NONE
                                : compile_tree(compiler, BLOCK_EVALUATION, checked_case->value_of.tree);
        cases[i].number = number_of_value(cases, i);
    }
    dimension->cases = cases;
    dimension->code_end = code_end(compiler);
    dimension->name_hash = hash_text(dimension->name);
}

static void compile_segment(struct compiler *compiler, const struct checked_segment *checked, struct segment *segment) {
    segment->when = compile_expression(compiler, &checked->when);
    segment->until = compile_expression(compiler, &checked->until);
    segment->code_end = code_end(compiler);
    segment->name_hash = hash_text(segment->name);
    uint64_t hash = digest_u64(digest_string(0, "count"), checked->when.tree->hash);
    hash = digest_u64(hash, checked->until.tree == NULL ? 0 : checked->until.tree->hash);
    segment->count_hash = digest_u64(hash, (uint64_t)segment->cooldown_ms);
}

/* --- The program --- */

/* The structures that expressions refer to, with the registers that the engine sets. */
static void lay_out(struct compiler *compiler) {
    const struct checked_rules *rules = compiler->rules;
    for (uint32_t i = 0; i < rules->program.scores_count; i++) {
        compiler->scores[i] = rules->scores[i].score;
        compiler->scores[i].result = emit_register(&compiler->emitter, false);
    }
    for (uint32_t i = 0; i < rules->program.dimensions_count; i++) {
        compiler->dimensions[i] = rules->dimensions[i].dimension;
        compiler->dimensions[i].result = emit_register(&compiler->emitter, true);
        compiler->dimensions[i].time_in = REGISTER_NONE;
    }
    for (uint32_t i = 0; i < rules->program.segments_count; i++) {
        compiler->segments[i] = rules->segments[i].segment;
        compiler->segments[i].inside = compiler->segments[i].time_in = REGISTER_NONE;
    }
}

static void compile_all(struct compiler *compiler) {
    const struct checked_rules *rules = compiler->rules;
    compile_metrics(compiler);
    for (uint32_t i = 0; i < rules->program.scores_count; i++)
        compile_score(compiler, &rules->scores[i], &compiler->scores[i]);
    for (uint32_t i = 0; i < rules->program.dimensions_count; i++)
        compile_dimension(compiler, &rules->dimensions[i], &compiler->dimensions[i]);
    for (uint32_t i = 0; i < rules->program.segments_count; i++)
        compile_segment(compiler, &rules->segments[i], &compiler->segments[i]);
}

static uint16_t index_of(const struct checked_rules *rules, enum meaning meaning, struct text name) {
    for (uint32_t i = 0; i < rules->declarations_count; i++)
        if (rules->declarations[i].meaning == meaning && text_equal(rules->declarations[i].name, name))
            return (uint16_t)rules->declarations[i].index;
    return REGISTER_NONE;
}

static void list_aggregates(struct compiler *compiler, struct program *program, enum stream stream) {
    uint32_t count = 0;
    uint16_t *list = report_alloc(compiler->report, compiler->aggregates_count * sizeof *list);
    for (uint32_t i = 0; list != NULL && i < compiler->aggregates_count; i++)
        if (compiler->aggregates[i].stream == stream)
            list[count++] = (uint16_t)i;
    program->aggregates_of[stream] = list;
    program->aggregates_of_count[stream] = count;
}

static void finish(struct compiler *compiler, struct program *program) {
    const struct checked_rules *rules = compiler->rules;
    struct emitter *emitter = &compiler->emitter;
    *program = rules->program;
    program->hash = rules_hash(rules);
    program->constants = emitter->constants;
    program->constants_count = emitter->constants_count;
    program->registers_count = emitter->registers_count;
    program->code = emit_code(emitter, BLOCK_EVALUATION);
    for (enum stream stream = 0; stream < STREAMS; stream++)
        program->filters[stream] = emit_code(emitter, stream);
    program->aggregates = compiler->aggregates;
    program->aggregates_count = compiler->aggregates_count;
    for (enum stream stream = 0; stream < STREAMS; stream++)
        list_aggregates(compiler, program, stream);
    program->scores = compiler->scores;
    program->dimensions = compiler->dimensions;
    program->segments = compiler->segments;
    program->churn_risk = index_of(rules, MEANING_SCORE, TEXT("churn_risk"));
    program->lifecycle_stage = index_of(rules, MEANING_DIMENSION, TEXT("lifecycle_stage"));
}

static bool compiler_init(struct compiler *compiler, struct report *report, const struct checked_rules *rules) {
    const struct program *program = &rules->program;
    *compiler = (struct compiler){.report = report, .rules = rules};
    compiler->metric_used = report_alloc(report, rules->metrics_count * sizeof *compiler->metric_used);
    compiler->metric_registers = report_alloc(report, rules->metrics_count * sizeof *compiler->metric_registers);
    compiler->scores = report_alloc(report, program->scores_count * sizeof *compiler->scores);
    compiler->dimensions = report_alloc(report, program->dimensions_count * sizeof *compiler->dimensions);
    compiler->segments = report_alloc(report, program->segments_count * sizeof *compiler->segments);
    compiler->aggregates = report_alloc(report, SLOTS_MAX * sizeof *compiler->aggregates);
    return emitter_init(&compiler->emitter, report, rules->position);
}

struct program *compile_rules(struct report *report, struct checked_rules *rules) {
    struct compiler compiler;
    struct program *program = report_alloc(report, sizeof *program);
    if (!compiler_init(&compiler, report, rules))
        return NULL;
    gather_all(&compiler);
    emit_begin(&compiler.emitter);
    lay_out(&compiler);
    compile_all(&compiler);
    if (compiler.emitter.full || report->memory_out)
        return NULL;
    finish(&compiler, program);
    return report->memory_out ? NULL : program;
}
