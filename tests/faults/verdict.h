// Whether the scene, once quiet, holds what was promised. Main thread only.
#pragma once

#include "tests/faults/scene.h"
#include "tests/faults/story.h"

struct verdict_counts {
    uint64_t changes, rejected;
};

// Everything is committed; the workers run. Awaits that Redis is a copy of the changelog, each account's state, its
// deadline and the shards' records, and tells how it differs where that does not come. Returns the number of accounts.
size_t verdict_await_copy(struct scene *scene, struct story *story);

// The workers have been stopped. Compares, and tells each violation:
//
//     segment-changes         account by account, byte by byte, with what `replay` makes of the same events
//     account-status          of each account the newest, byte by byte, with those of an undisturbed run of the same
//                             events, which is made now
//     state in the changelog  the same, by what it means
//     dead letters            the same records as of that run, each once, and as many as were poisoned
void verdict_give(struct scene *scene, struct story *story, struct verdict_counts *ret_counts);
