#include "tests/sim/sim_memory.h"

#include <assert.h>
#include <stdlib.h>

static struct sim_worker *running;
static uint64_t allocations_left; /* 0: no end of them */
static uint32_t failures_left;

void sim_enter(struct sim_worker *worker) {
    running = worker;
}

void sim_leave(void) {
    running = NULL;
}

struct sim_worker *sim_running(void) {
    return running;
}

struct sim_outside sim_go_outside(void) {
    struct sim_outside outside = {running};
    running = NULL;
    return outside;
}

void sim_come_back(struct sim_outside *outside) {
    running = outside->worker;
}

void sim_memory_fail(uint64_t after, uint32_t failures) {
    allocations_left = after;
    failures_left = after > 0 ? failures : 0;
}

int sim_memory_is_out(void) {
    if (running == NULL || failures_left == 0)
        return 0;
    if (allocations_left > 1) {
        allocations_left--;
        return 0;
    }
    failures_left--;
    return 1;
}

void *sim_grown(void *items, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity)
        return items;
    *capacity = *capacity * 2 + 16;
    items = realloc(items, *capacity * size);
    assert(items != NULL);
    return items;
}
