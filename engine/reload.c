/* Other rules are taken on while running: between two commits, with every state in the store, so that what is needed
 * comes back bound to them. */
#include "engine/pipeline_internal.h"
#include "engine/rulesets.h"

static bool may_activate(struct pipeline *pipeline, const struct program *program) {
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (rulesets_standing(&pipeline->held[i].record, program->hash) == RULESET_FORMER &&
            !pipeline->options.reactivate_rules)
            return false;
    return true;
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

enum result reload_rules(struct pipeline *pipeline, struct error *error) {
    const struct program *program = pipeline->next_program;
    pipeline->next_program = NULL;
    if (!may_activate(pipeline, program)) {
        pipeline_log(
            pipeline, LEVEL_ERROR,
            "The rules %.*s were not taken on: other rules have followed them already. To go back to them, start this "
            "process again with `rules.reactivate: on`.",
            TEXT_ARGUMENTS(program->ruleset));
        return RESULT_OK;
    }
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
