/* The one source of chance of a seed: splitmix64. Plain data; whoever draws from it does so in an order that the seed
 * alone decides. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sim_chance {
    uint64_t state;
};

static inline uint64_t sim_next(struct sim_chance *chance) {
    uint64_t mixed = chance->state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

/* From 0 to `below` - 1; 0 where that is none. */
static inline uint32_t sim_below(struct sim_chance *chance, uint32_t below) {
    return below == 0 ? 0 : (uint32_t)((sim_next(chance) >> 32) * below >> 32);
}

/* Once in so many; 0: never, and nothing is drawn. */
static inline bool sim_one_in(struct sim_chance *chance, uint32_t many) {
    return many != 0 && sim_below(chance, many) == 0;
}
