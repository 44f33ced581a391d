/* A change back from the form in which it was published, as any version of the program wrote it. Pure. */
#pragma once

#include <jansson.h>

#include "engine/core/change.h"
#include "producer/change_json.h"

#define CHANGE_SEGMENTS_MAX 1024

struct published_change {
    struct change change;
    struct change_origin origin;
    struct text segments[CHANGE_SEGMENTS_MAX];
};

/* From the JSON tree of a SegmentChange; texts are borrowed from it. RESULT_REJECT: what makes a change is missing (an
 * account, a kind, a subject). Keys that are not known are ignored. */
MUST_USE enum result change_read(const json_t *tree, struct published_change *ret_change, struct error *error);
