/* The blob: an account's state as it is stored.
 *
 *     version, flags, streams that it waits for, horizon, which instants       a byte each
 *     the ruleset's hash, the layout's                                         8 bytes each
 *     sequence                                                                 varint
 *     the account's own instant, due_ms and the first event's                  as far as they are there
 *     the account's id                                                         a text
 *     which slots are there, and their sections                                as in the state (account/state.h)
 *
 * A text stands behind its size as a varint, an instant as write_packed writes it, and in that form only. What the
 * slots are, and what numbers in the sections stand for, the layout tells (layout.h), which lies beside the blobs.
 *
 * Binding finds each slot's place in the present program; what has none is dropped, or, of dimensions and segments,
 * kept for the next evaluation to leave. From the first release on a version is read for ever once it was written. */
#pragma once

#include "engine/core/account/state.h"

#define BLOB_VERSION   3
#define LAYOUT_HASH_AT 13 /* in the blob's bytes */

/* Which instants the header has beside the account's own. */
enum {
    BLOB_IS_DUE = 1,       /* at an instant that follows, */
    BLOB_IS_DUE_NEVER = 2, /* or INSTANT_NEVER; with neither INSTANT_NONE */
    BLOB_HAS_EVENTS = 4,   /* the first event's instant follows */
};
