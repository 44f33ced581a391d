/* A shard's clocks: its watermark, the last tick that fired, and the greatest time seen of each stream. Plain data,
 * part of what a commit stores. */
#pragma once

#include "engine/core/change.h"

struct clocks {
    int64_t watermark_ms;       /* INSTANT_NONE: none yet, nothing fires */
    int64_t ticked_ms;          /* the last tick boundary passed; INSTANT_NONE */
    int64_t newest_ms[STREAMS]; /* greatest event time seen; INSTANT_NONE */
    int64_t evaluated_ms;       /* the greatest instant at which an account was evaluated; INSTANT_NONE */
};

#define CLOCKS_INITIAL                                                                                     \
    ((struct clocks){INSTANT_NONE,                                                                         \
                     INSTANT_NONE,                                                                         \
                     {INSTANT_NONE, INSTANT_NONE, INSTANT_NONE, INSTANT_NONE, INSTANT_NONE, INSTANT_NONE}, \
                     INSTANT_NONE})
