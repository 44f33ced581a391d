// The system's clock as the port that is given to what is tested (engine/ports.h). Any thread.
#pragma once

#include <time.h>

#include "engine/ports.h"

static inline int64_t test_monotonic_ms(void *context) {
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct clock test_clock = {NULL, test_monotonic_ms, test_monotonic_ms};
