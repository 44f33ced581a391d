/* What the seed's files share:
 *
 *     sim_seed.c           what a seed decides, the run, and what holds in the end
 *     sim_seed_faults.c    what goes wrong, and how often */
#pragma once

#include "tests/sim/sim_events.h"
#include "tests/sim/sim_process.h"
#include "tests/sim/sim_rules.h"
#include "tests/sim/sim_seed.h"

#define SIM_WALL_MS (INT64_C(1767225600) * 1000) /* 2026-01-01 */

/* What happens to the world, each once in so many steps; 0: never. */
struct weather {
    uint32_t kill, start, sleep, expire, leave;
    uint32_t store_flush, store_back, store_promotion, store_down;
    uint32_t compaction, input_compaction, offsets_back, offsets_gone;
    uint32_t clock_jump, memory, reload, live_events, library_error;
};

struct world {
    struct sim_chance chance;
    struct sim_story story;
    struct sim_kafka kafka;
    struct sim_redis store;
    struct sim_processes processes;
    struct sim_events events;
    struct arena arena; /* of the rules */
    const struct sim_rule_set *set;
    const struct program *programs[SIM_RULES_OF_ONE];
    uint32_t newest_program;
    struct pipeline_options options;
    struct sim_trouble trouble;
    struct weather weather;
    int64_t delay_max_ms; /* of the store's answers */
    struct {
        uint32_t history; /* how many writes of the shard were before; 0: it was not flushed */
        int64_t write;    /* the meta's write number */
    } flushed[SIM_PARTITIONS_MAX];
    uint32_t disorder_ms; /* how much older an event may be than one that came before it */
    uint32_t instances;
    uint64_t turns;
};

/* Notes a step of the story that is the world's own. */
void seed_tell(struct world *world, const char *what, int64_t one);

/* Draws the faults of calls, and what happens to the world. */
void seed_draw_faults(struct world *world);
/* Starts the process if it does not run; two of one name are rare. */
void seed_start(struct world *world, int number, const struct sim_trouble *trouble);
/* What goes wrong in one step. */
void seed_make_trouble(struct world *world);
