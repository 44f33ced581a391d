// Instants on the monotonic clock until which something is awaited. The only place of the harness that reads a clock.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct deadline {
    int64_t at_ms;
};

struct deadline deadline_after(int64_t wait_ms);
bool deadline_passed(struct deadline deadline);

// The time that is left, never negative, as poll() and librdkafka take it.
int deadline_left_ms(struct deadline deadline);

// A short rest between two looks at something that offers no event to wait for; it ends with the deadline at the
// latest.
void deadline_rest(struct deadline deadline);
