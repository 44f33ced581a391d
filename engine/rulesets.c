#include "engine/rulesets.h"

#include <string.h>

enum ruleset_standing rulesets_standing(const struct shard_record *record, uint64_t hash) {
    for (uint32_t i = record->rulesets_count; i > 0; i--)
        if (record->rulesets[i - 1].hash == hash)
            return i == record->rulesets_count ? RULESET_CURRENT : RULESET_FORMER;
    return RULESET_NEW;
}

struct text rulesets_newest(const struct shard_record *record) {
    return record->rulesets[record->rulesets_count - 1].label;
}

static bool describe(const struct program *program, struct arena *arena, struct ruleset_record *ret_ruleset) {
    uint64_t *fingerprints = arena_alloc(arena, program->aggregates_count * sizeof *fingerprints + 1);
    struct text label = arena_text(arena, program->ruleset);
    if (fingerprints == NULL || text_is_missing(label))
        return false;
    for (uint32_t i = 0; i < program->aggregates_count; i++)
        fingerprints[i] = program->aggregates[i].fingerprint;
    *ret_ruleset = (struct ruleset_record){.hash = program->hash,
                                           .label = label,
                                           .fingerprints = fingerprints,
                                           .fingerprints_count = program->aggregates_count};
    return true;
}

enum result rulesets_activate(struct shard_record *record, const struct program *program, struct arena *arena,
                              struct error *error) {
    struct ruleset_record *rulesets = arena_alloc(arena, RULESETS_MAX * sizeof *rulesets);
    struct ruleset_record current;
    if (rulesets == NULL || !describe(program, arena, &current))
        return error_set(error, RESULT_FATAL, "Memory is out: the rules could not be noted.");
    uint32_t count = 0;
    for (uint32_t i = 0; i < record->rulesets_count; i++)
        if (record->rulesets[i].hash != program->hash)
            rulesets[count++] = record->rulesets[i];
    if (count == RULESETS_MAX)
        memmove(rulesets, rulesets + 1, --count * sizeof *rulesets);
    rulesets[count++] = current;
    record->rulesets = rulesets;
    record->rulesets_count = count;
    return RESULT_OK;
}

uint32_t rulesets_known(const struct shard_record *record, struct ruleset_known ret_known[RULESETS_MAX]) {
    for (uint32_t i = 0; i < record->rulesets_count; i++)
        ret_known[i] = (struct ruleset_known){.hash = record->rulesets[i].hash,
                                              .fingerprints = record->rulesets[i].fingerprints,
                                              .fingerprints_count = record->rulesets[i].fingerprints_count};
    return record->rulesets_count;
}
