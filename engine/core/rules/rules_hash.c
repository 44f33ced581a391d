#include "engine/core/rules/compile.h"
#include "engine/core/rules/digest.h"

static uint64_t of_expression(uint64_t digest, const struct checked_expression *expression) {
    return digest_u64(digest, expression->tree == NULL ? 0 : expression->tree->hash);
}

static uint64_t of_settings(uint64_t digest, const struct program *program) {
    digest = digest_u64(digest, (uint64_t)program->tick_ms);
    digest = digest_u64(digest, program->lateness_given ? (uint64_t)program->lateness_ms : UINT64_MAX);
    digest = digest_u64(digest, program->duplicate_ids);
    digest = digest_u64(digest, (uint64_t)program->future_tolerance_ms);
    for (enum stream stream = 0; stream < STREAMS; stream++) {
        digest = digest_text(digest, stream_schemas[stream].name);
        digest = digest_u64(digest, (uint64_t)program->stall_after_ms[stream]);
    }
    return digest;
}

static uint64_t of_signal(uint64_t digest, const struct checked_signal *checked) {
    const struct signal *signal = &checked->signal;
    digest = digest_text(digest, signal->name);
    digest = of_expression(of_expression(digest, &checked->value), &checked->when);
    digest = digest_u64(digest, signal->curve_count);
    for (uint32_t i = 0; i < signal->curve_count; i++)
        digest = digest_number(digest_number(digest, signal->curve[i].x), signal->curve[i].y);
    return digest_number(digest_number(digest, signal->weight), signal->default_value);
}

static uint64_t of_score(uint64_t digest, const struct checked_score *checked) {
    const struct score *score = &checked->score;
    digest = digest_text(digest_string(digest, "score"), score->name);
    digest = digest_string(digest, score->method == SCORE_WEIGHTED ? "weighted" : "logistic");
    digest = digest_number(digest_number(digest, score->bias), score->min_coverage);
    digest = digest_u64(digest, score->signals_count);
    for (uint32_t i = 0; i < score->signals_count; i++)
        digest = of_signal(digest, &checked->signals[i]);
    return digest;
}

static uint64_t of_cases(uint64_t digest, const struct checked_dimension *checked) {
    digest = digest_u64(digest, checked->dimension.cases_count);
    for (uint32_t i = 0; i < checked->dimension.cases_count; i++) {
        const struct checked_case *checked_case = &checked->cases[i];
        digest = digest_text(digest, checked_case->dimension_case.value);
        digest = of_expression(of_expression(digest, &checked_case->value_of), &checked_case->when);
        digest = digest_u64(digest, checked_case->dimension_case.urgent);
    }
    return digest;
}

static uint64_t of_dimension(uint64_t digest, const struct checked_rules *rules,
                             const struct checked_dimension *checked) {
    const struct dimension *dimension = &checked->dimension;
    digest = digest_text(digest_string(digest, "dimension"), dimension->name);
    digest = of_cases(digest, checked);
    digest = digest_text(digest,
                         dimension->score == REGISTER_NONE ? TEXT_MISSING : rules->scores[dimension->score].score.name);
    digest = digest_u64(digest, dimension->bands_count);
    for (uint32_t i = 0; i < dimension->bands_count; i++)
        digest = digest_number(digest_text(digest, dimension->bands[i].name), dimension->bands[i].lower);
    digest = digest_number(digest, dimension->hysteresis);
    digest = digest_u64(digest, (uint64_t)dimension->min_dwell_ms);
    digest = digest_u64(digest, dimension->playbooks_count);
    for (uint32_t i = 0; i < dimension->playbooks_count; i++)
        digest = digest_text(digest_text(digest, dimension->playbooks[i].value), dimension->playbooks[i].name);
    return digest;
}

static uint64_t of_segment(uint64_t digest, const struct checked_segment *checked) {
    const struct segment *segment = &checked->segment;
    digest = digest_text(digest_string(digest, "segment"), segment->name);
    digest = of_expression(of_expression(digest, &checked->when), &checked->until);
    digest = digest_u64(digest, (uint64_t)segment->for_ms);
    digest = digest_u64(digest, (uint64_t)segment->min_dwell_ms);
    digest = digest_u64(digest, (uint64_t)segment->cooldown_ms);
    return digest_text(digest, segment->playbook);
}

uint64_t rules_hash(const struct checked_rules *rules) {
    uint64_t digest = of_settings(digest_string(0, "rules"), &rules->program);
    for (uint32_t i = 0; i < rules->program.scores_count; i++)
        digest = of_score(digest, &rules->scores[i]);
    for (uint32_t i = 0; i < rules->program.dimensions_count; i++)
        digest = of_dimension(digest, rules, &rules->dimensions[i]);
    for (uint32_t i = 0; i < rules->program.segments_count; i++)
        digest = of_segment(digest, &rules->segments[i]);
    return digest;
}
