/* Which process' code runs, and when its memory is out. The ports of a process are the world's: what they allocate is
 * not the process', and what they call is nobody's business. One thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sim_worker;

/* The code of this process runs from here on, until sim_leave. */
void sim_enter(struct sim_worker *worker);
void sim_leave(void);
/* The process whose code runs now; NULL: it is the world's. */
struct sim_worker *sim_running(void);

struct sim_outside {
    struct sim_worker *worker;
};
struct sim_outside sim_go_outside(void);
void sim_come_back(struct sim_outside *outside);

/* At the head of a port's function: all that follows in it is the world's. */
#define SIM_OUTSIDE \
    __attribute__((cleanup(sim_come_back), unused)) struct sim_outside sim_outside_until_return = sim_go_outside()

/* The process' allocation after so many more fails, and all that follow it `failures` - 1 times; 0: none does. */
void sim_memory_fail(uint64_t after, uint32_t failures);
/* Whether an allocation of the process has to fail now. */
int sim_memory_is_out(void);

/* `items`, perhaps moved, with room for one more than `count` of `size` bytes. The simulator's own memory is never out.
 */
void *sim_grown(void *items, uint32_t count, uint32_t *capacity, size_t size);
