/* The blob: an account's state as it is stored, which does not depend on the rules that it was made under.
 *
 *     version, flags, id, instants, sequence, ruleset's hash, then parts until the end
 *
 * A part is a tag, what names it (an aggregate's fingerprint, a dimension's name), and a payload: the state's own, but
 * with instants of 64 bits and a dimension's value in words. Binding finds each part's slot in the present program;
 * what has none is dropped, or, of dimensions and segments, kept for the next evaluation to leave. A version is read
 * for ever once it was written. */
#pragma once

#define BLOB_VERSION 1

enum part_tag { PART_FACTS = 1, PART_IDS, PART_TICKETS, PART_AGGREGATE, PART_DIMENSION, PART_SEGMENT, PART_FORMER };
