/* What happened in the demo, as its changes tell: kept while it runs, summed up at its end. One thread. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "cli/simulation.h"
#include "engine/core/change.h"

struct story;

MUST_USE enum result story_create(struct story **ret_story, struct error *error);
void story_free(struct story *story);

/* RESULT_FATAL: memory is out. */
MUST_USE enum result story_add(struct story *story, const struct change *change, struct error *error);

/* Whether a change is worth a line while it happens: not the values that a new account begins with, not what becomes
 * known or unknown, and not what only repeats what its facts say. */
bool story_is_news(const struct change *change);
uint64_t story_changes(const struct story *story);

/* Movement between lifecycle stages, segments with their sizes, one account's story. `columns` of the terminal, to
 * which its lines are cut; 0: they are not. */
void story_write_summary(const struct story *story, const struct simulation *simulation, bool colour, uint32_t columns,
                         struct buffer *out);
