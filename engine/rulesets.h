/* The rulesets that a shard has followed, in the order of their activation: so that two processes with different rules
 * do not take turns on it. Pure; memory comes from the arena. */
#pragma once

#include "engine/changelog_record.h"

enum ruleset_standing {
    RULESET_CURRENT, /* the last that was activated */
    RULESET_NEW,     /* never activated */
    RULESET_FORMER,  /* others followed it */
};

enum ruleset_standing rulesets_standing(const struct shard_record *record, uint64_t hash);
/* The label of those that were activated last; there are some. */
struct text rulesets_newest(const struct shard_record *record);

/* Makes the program's rules the current ones; where they are that already, only the label is brought up to date. The
 * oldest rulesets are forgotten beyond RULESETS_MAX. RESULT_FATAL: memory is out. */
MUST_USE enum result rulesets_activate(struct shard_record *record, const struct program *program, struct arena *arena,
                                       struct error *error);
