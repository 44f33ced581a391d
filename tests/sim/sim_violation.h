/* The end of a seed that shows a mistake. */
#pragma once

#include "base/result.h"
#include "tests/sim/sim_story.h"

/* Which seed runs, and its story; for the report. */
void sim_violation_about(uint64_t seed, const struct sim_story *story);
/* Prints the seed, the invariant, what was seen and the last steps, and ends the process with 1. */
_Noreturn void sim_violation(const char *invariant, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same where the process ends by itself (an assertion): prints the seed and the last steps. */
void sim_violation_story(void);
/* From now on a process that ends by a signal of its own making tells so. */
void sim_violation_catch_signals(void);
