#include "tests/harness/deadline.h"

#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

enum { REST_MS = 20 };

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_after(int64_t wait_ms) {
    return (struct deadline){.at_ms = monotonic_ms() + wait_ms};
}

bool deadline_passed(struct deadline deadline) {
    return monotonic_ms() >= deadline.at_ms;
}

int deadline_left_ms(struct deadline deadline) {
    int64_t left_ms = deadline.at_ms - monotonic_ms();
    if (left_ms < 0) {
        return 0;
    }
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

void deadline_rest(struct deadline deadline) {
    int left_ms = deadline_left_ms(deadline);
    poll(NULL, 0, left_ms < REST_MS ? left_ms : REST_MS);
}
