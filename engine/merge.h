/* Brings the records of a shard's inputs into one order: by record timestamp, at equal times by stream, within an input
 * by offset. A pure state machine: time and messages come in as values.
 *
 * Each input has a bounded queue of heads, and is in one of three states:
 *
 *     head       its next record is here
 *     at end     nothing is known behind its position: it holds up nobody
 *     awaited    more is known to be there than has come: all others wait for it, however long it takes
 *
 * `position` is where the source stands (behind the last record, or at a later end-of-partition event, as transaction
 * markers are no records); `end` is the greatest last stable offset that was asked or seen. An input is at its end
 * while position >= end; that is *confirmed* at the instant at which the end was asked.
 *
 * One thread. Messages are borrowed from the source, which has them back when merge_take or merge_clear gives them up.
 */
#pragma once

#include "engine/ports.h"

struct merge;

struct merge_options {
    uint32_t streams;       /* bit i: stream i has an input */
    int64_t wait_max_ms;    /* merge.wait_max: how long to wait until the shard counts as stalled */
    int64_t confirm_max_ms; /* how long a confirmed end stays confirmed */
};

enum merge_state {
    MERGE_HEAD,    /* a record is next */
    MERGE_AWAITED, /* an input is awaited; nothing can be taken */
    MERGE_END,     /* all inputs are at their end, as far as is known */
};

MUST_USE enum result merge_create(const struct merge_options *options, struct merge **ret_merge, struct error *error);
/* No messages are left in it. */
void merge_free(struct merge *merge);

/* Where the input's reading begins, and what is known of its end; before anything is put. */
void merge_begin(struct merge *merge, enum stream stream, int64_t offset);
/* Nothing at or behind `offset` is taken, and the input is at its end there (--until-end). */
void merge_limit(struct merge *merge, enum stream stream, int64_t offset);

/* How many messages the input can take; 0: its queue is full. */
uint32_t merge_room(const struct merge *merge, enum stream stream);
/* `count` messages, at most merge_room, in the order of their offsets. Those at or behind the limit must be released by
 * the caller: returns how many of the first were kept. */
MUST_USE uint32_t merge_put(struct merge *merge, enum stream stream, const struct message *messages, uint32_t count,
                            int64_t position);
/* The last stable offset, as it was asked at `asked_ms` (monotonic). */
void merge_confirm(struct merge *merge, enum stream stream, int64_t stable, int64_t asked_ms);

/* What comes next. The record of a MERGE_HEAD stays chosen until it is taken, whatever arrives meanwhile. */
enum merge_state merge_next(struct merge *merge, int64_t now_ms, enum stream *ret_stream);
/* The stream whose record has been chosen and not been taken; STREAMS: none, or one that can come no more. */
enum stream merge_chosen(const struct merge *merge);
int64_t merge_chosen_offset(const struct merge *merge);
/* Chooses the record that an earlier owner had begun with. It is waited for; where compaction has removed it meanwhile,
 * it is chosen no more as soon as the input has gone on behind it. */
void merge_choose(struct merge *merge, enum stream stream, int64_t offset);
/* The chosen stream's next message. */
const struct message *merge_head(const struct merge *merge);
/* Gives the head up: the caller releases it. It lies there until the next merge_put. */
const struct message *merge_take(struct merge *merge);

/* Whether every input's end was confirmed within the last confirm_max_ms, and nothing is waiting. */
bool merge_confirmed(const struct merge *merge, int64_t now_ms);
/* Whether the input is at its end or awaited: its end is worth asking for. */
bool merge_is_dry(const struct merge *merge, enum stream stream);
/* Streams that have been awaited for longer than wait_max_ms. */
uint32_t merge_stalled(const struct merge *merge, int64_t now_ms);
/* Whether every input has come to its limit. */
bool merge_finished(const struct merge *merge);
/* Records that are known to be there and have not been taken, markers included. */
int64_t merge_lag(const struct merge *merge);

/* The next waiting message that was not asked for before, or NULL: its account may be loaded ahead. What the caller
 * finds out about it he may leave as its note, until the next call of any other function. */
const struct message *merge_ahead(struct merge *merge, uint32_t **ret_note);
/* The note of the message of the stream that comes `distance` messages after the stream's next one; MERGE_NOTE_NONE:
 * there is no such message, or no note of it. */
#define MERGE_NOTE_NONE UINT32_MAX
uint32_t merge_note(const struct merge *merge, enum stream stream, uint32_t distance);
/* Asks for all of them again. */
void merge_ahead_again(struct merge *merge);

/* Gives up a waiting message, any; false: there is none. For release, when the shard is dropped. */
bool merge_clear(struct merge *merge, struct message *ret_message);
