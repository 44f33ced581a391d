/* Whether a process keeps to its memory, looked at after each of its turns. */
#pragma once

#include "tests/sim/sim_process.h"

/* A violation where states have taken more than their bound for long although some of them could leave. */
void sim_bounds_check(struct sim_process *process, int64_t now_ms);
