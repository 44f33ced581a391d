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

enum result rulesets_activate(struct shard_record *record, const struct program *program, struct arena *arena,
                              struct error *error) {
    struct ruleset_record *rulesets = arena_alloc(arena, RULESETS_MAX * sizeof *rulesets);
    struct ruleset_record current = {program->hash, arena_text(arena, program->ruleset)};
    if (rulesets == NULL || text_is_missing(current.label))
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
