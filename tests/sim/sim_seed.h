/* One seed of the simulator: a world that it alone decides, with its workers, its input and its faults; run until the
 * faults have stopped and everything is consumed, and held against the oracle all the while. One thread, one at a time.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct sim_seed_result {
    uint64_t story_hash;
    uint64_t steps;
    uint64_t changes;
    uint64_t turns;
    int64_t simulated_ms;
};

/* `aloud`: every step is written there; NULL. A violation ends the process. */
void sim_seed_run(uint64_t seed, FILE *aloud, struct sim_seed_result *ret_result);
