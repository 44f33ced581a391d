/* The only place of the program where the time is read. Any thread. */
#pragma once

#include <stdint.h>

#include "engine/ports.h"

int64_t clock_wall_ms(void);      /* since the epoch; may jump */
int64_t clock_monotonic_ms(void); /* never goes back */

/* The same as the engine's port. */
struct clock clock_port(void);
