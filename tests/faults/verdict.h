// Whether the scene, once quiet, holds what was promised. Main thread only.
#pragma once

#include "tests/faults/scene.h"
#include "tests/faults/story.h"

struct verdict_counts {
    uint64_t changes, accounts, rejected;
};

// The feed has finished and the workers have been stopped. Compares, and tells each violation:
//
//     segment-changes         account by account, byte by byte, with what `replay` makes of the same events
//     account-status, state   of each account the newest, byte by byte, with those of an undisturbed run of the same
//                             events, which is made now
//     dead letters            the same records as of that run, each once, and as many as were poisoned
//     Redis                   each account's state, its deadline and the shard's record with the newest of the
//     changelog
void verdict_give(struct scene *scene, struct story *story, struct verdict_counts *ret_counts);
