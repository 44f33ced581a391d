/* Other rules are taken on while running: between two commits, with every state in the store, so that what is needed
 * comes back bound to them. */
#include "engine/pipeline_internal.h"
#include "engine/rulesets.h"

/* ---- whether anything changes */

/* Of rules of one hash. */
static bool read_alike(const struct expression *left, const struct expression *right) {
    for (uint32_t i = 0; i < left->conditions_count && i < right->conditions_count; i++)
        if (!text_equal(left->conditions[i].text, right->conditions[i].text))
            return false;
    return left->conditions_count == right->conditions_count;
}

/* Whether the two decide the same, and say it in the same words. */
static bool are_alike(const struct program *left, const struct program *right) {
    if (left->hash != right->hash || !text_equal(left->ruleset, right->ruleset))
        return false;
    for (uint32_t i = 0; i < left->dimensions_count; i++)
        for (uint32_t j = 0; j < left->dimensions[i].cases_count; j++)
            if (!read_alike(&left->dimensions[i].cases[j].when, &right->dimensions[i].cases[j].when))
                return false;
    for (uint32_t i = 0; i < left->segments_count; i++)
        if (!read_alike(&left->segments[i].when, &right->segments[i].when) ||
            !read_alike(&left->segments[i].until, &right->segments[i].until))
            return false;
    return true;
}

void pipeline_reload(struct pipeline *pipeline, const struct program *program) {
    bool changes = !are_alike(program, pipeline->program) || pipeline_held_back(pipeline) > 0;
    pipeline->next_program = changes ? program : NULL;
    pipeline->reload_waits = false;
    if (!changes)
        pipeline_log(pipeline, LEVEL_INFO, "The rules %.*s are those in force: nothing changes.",
                     TEXT_ARGUMENTS(program->ruleset));
}

/* ---- when */

static bool store_serves(const struct pipeline *pipeline) {
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (pipeline->held[i].running && !pipeline->held[i].claimed)
            return false;
    return true;
}

bool pipeline_is_pausing(const struct pipeline *pipeline) {
    return pipeline->stopping || (pipeline->next_program != NULL && store_serves(pipeline));
}

static void tell_waiting(struct pipeline *pipeline) {
    if (!pipeline->reload_waits)
        pipeline_log(pipeline, LEVEL_WARNING,
                     "The rules %.*s are taken on once Redis answers again; until then those of now decide.",
                     TEXT_ARGUMENTS(pipeline->next_program->ruleset));
    pipeline->reload_waits = true;
}

/* ---- the change */

/* The rules that have followed the program's on one of the shards; missing: they may be taken on. */
static struct text followers(const struct pipeline *pipeline, const struct program *program) {
    for (uint32_t i = 0; i < pipeline->held_count && !pipeline->options.reactivate_rules; i++)
        if (rulesets_standing(&pipeline->held[i].record, program->hash) == RULESET_FORMER)
            return rulesets_newest(&pipeline->held[i].record);
    return TEXT_MISSING;
}

/* The states in memory are all in the store: they come back bound to the new rules. */
static enum result swap_shard(struct pipeline *pipeline, struct held_shard *held, struct engine *engine,
                              const struct program *program, struct error *error) {
    bool changed = held->record.rules_changed || shard_rules_changed(held->shard) ||
                   rulesets_standing(&held->record, program->hash) != RULESET_CURRENT;
    enum result result = pipeline_bind_shard(pipeline, held, engine, program, shard_clocks(held->shard), changed,
                                             error);
    if (result != RESULT_OK)
        return result;
    merge_ahead_again(held->merge);
    held->moved = true; /* The activation is to be committed. */
    return RESULT_OK;
}

/* Shards that followed newer rules than ours begin now, with all others: a takeover is for all that the worker has. */
static void release_held_back(struct pipeline *pipeline) {
    if (pipeline_held_back(pipeline) > 0)
        pipeline_lose(pipeline, "The rules have changed, and there are shards that were not evaluated here.");
}

static enum result take_on(struct pipeline *pipeline, const struct program *program, struct error *error) {
    struct engine *engine;
    enum result result = pipeline_make_engine(pipeline, program, &engine, error);
    if (result != RESULT_OK)
        return result;
    for (uint32_t i = 0; i < pipeline->held_count && result == RESULT_OK; i++)
        if (pipeline->held[i].running)
            result = swap_shard(pipeline, &pipeline->held[i], engine, program, error);
    takeover_forget_kept(pipeline);
    /* After a failure nothing is evaluated any more: which engine stays does not matter, both must go. */
    engine_free(pipeline->engine);
    pipeline->engine = engine;
    pipeline->program = program;
    if (result == RESULT_OK)
        release_held_back(pipeline);
    pipeline_log(pipeline, LEVEL_INFO, "The rules are %.*s now.", TEXT_ARGUMENTS(program->ruleset));
    return result;
}

enum result reload_serve(struct pipeline *pipeline, struct error *error) {
    const struct program *program = pipeline->next_program;
    if (program == NULL)
        return RESULT_OK;
    if (!store_serves(pipeline)) {
        tell_waiting(pipeline);
        return RESULT_OK;
    }
    if (!commit_is_empty(pipeline) || !pipeline_is_settled(pipeline))
        return RESULT_OK;
    pipeline->next_program = NULL;
    struct text newer = followers(pipeline, program);
    if (text_is_missing(newer))
        return take_on(pipeline, program, error);
    pipeline_log(pipeline, LEVEL_ERROR,
                 "The rules %.*s were not taken on: the rules %.*s have followed them already. To go back to them, "
                 "start this process again with `rules.reactivate: on`.",
                 TEXT_ARGUMENTS(program->ruleset), TEXT_ARGUMENTS(newer));
    return RESULT_OK;
}
