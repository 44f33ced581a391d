/* The blob: an account's state as it is stored, which does not depend on the rules that it was made under.
 *
 *     version, flags, streams that it waits for, horizon, which instants       a byte each
 *     the ruleset's hash                                                       8 bytes
 *     sequence                                                                 varint
 *     the account's own instant, due_ms and the first event's                  as far as they are there
 *     the account's id                                                         a text
 *     parts, in the order of the state's slots, until the end
 *
 * A part is a byte that says what it is, what names it, and its content:
 *
 *     FACTS, FORMER                                    section
 *     IDS         the stream, a byte                   section
 *     TICKETS     count, fingerprints of the filters   section
 *     COUNTING    count                                so many fingerprints of aggregates, each with 64 bits of instant
 *     AGGREGATE   fingerprint                          section
 *     DIMENSION   name, a text                         its value, a text; instant, unless PART_SAME_INSTANT
 *     SEGMENT     name, a text                         section
 *     CANDIDATE   name, a text; count_hash, 8 bytes    section: of a segment that it qualifies for
 *
 * A section stands as in the state (account/state.h), its size before it, a text behind its size as a varint, an
 * instant as write_packed writes it, and in that form only. PART_SAME_INSTANT: the instant is that of the dimension
 * before, or of the first one the account's own; most dimensions of an account have been what they are since its first
 * event.
 *
 * Binding finds each part's slot in the present program; what has none is dropped, or, of dimensions and segments, kept
 * for the next evaluation to leave. From the first release on a version is read for ever once it was written. */
#pragma once

#include "base/arena.h"
#include "engine/core/account/state.h"

#define BLOB_VERSION 2

enum part_tag {
    PART_FACTS = 1,
    PART_IDS,
    PART_TICKETS,
    PART_COUNTING,
    PART_FORMER,
    PART_AGGREGATE,
    PART_DIMENSION,
    PART_SEGMENT,
    PART_CANDIDATE,
    PART_SAME_INSTANT = 0x80, /* a bit beside PART_DIMENSION */
};

/* Which instants the header has beside the account's own. */
enum {
    BLOB_IS_DUE = 1,       /* at an instant that follows, */
    BLOB_IS_DUE_NEVER = 2, /* or INSTANT_NEVER; with neither INSTANT_NONE */
    BLOB_HAS_EVENTS = 4,   /* the first event's instant follows */
};

#define BLOB_COUNTING_SIZE 16 /* fingerprint, instant */

/* What stands before the sections of a program's states in their blobs, written once, so that encoding copies it. */
struct encoding;

/* NULL: memory is out. */
const struct encoding *encoding_make(const struct program *program, struct arena *arena);
