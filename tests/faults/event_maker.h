// Made-up events as JSON lines, as `replay` reads them. The same dice make the same lines.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/core/streams.h"
#include "tests/harness/dice.h"

enum { EVENT_LINE_BYTES_MAX = 4096 };

struct event_wish {
    enum stream stream;
    const char *account_id;
    uint64_t number; // Makes its id.
    int64_t recorded_ms;
    int64_t late_ms; // It took place so long before it was recorded.
};

// Writes the line, without an end. Facts are at times an erasure; they are never late.
void event_make(const struct event_wish *wish, struct dice *dice, char ret_line[EVENT_LINE_BYTES_MAX]);
