/* A state of some slots in test memory, for the tests of what an account remembers. */
#pragma once

#include <stdlib.h>

#include "engine/core/account/state.h"

#define TEST_SLOTS       24
#define TEST_STATE_BYTES (256 * 1024)

static inline struct state test_state_begin(void) {
    struct state state = {.spare = malloc(TEST_STATE_BYTES),
                          .spare_capacity = TEST_STATE_BYTES,
                          .offsets = calloc(TEST_SLOTS, sizeof(uint32_t)),
                          .slots = TEST_SLOTS};
    state_begin(&state, TEXT("acme"));
    return state;
}

static inline void test_state_end(struct state *state) {
    free(state->spare);
    free(state->offsets);
}

/* A small generator of numbers below `limit`, the same in every run. */
static inline uint32_t test_random(uint64_t *seed, uint32_t limit) {
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*seed >> 33) % limit;
}
