/* What the takeover's files share. */
#pragma once

#include "engine/pipeline_internal.h"
#include "engine/rulesets.h"

enum progress {
    PROGRESS_PENDING, /* the step is to be called again */
    PROGRESS_DONE,
    PROGRESS_FATAL,
};

/* From the first step again, with all shards; PENDING. */
enum progress takeover_restart(struct pipeline *pipeline, const char *why);
/* What a port's answer means for the step: FAILED and ZOMBIE are tried again after a pause, as the group's next event
 * says what is to become of us. */
enum progress takeover_answer(struct pipeline *pipeline, enum answer answer, struct error *error);
/* The same of a question that has to be asked anew where its answer does not come within the takeover's wait_ms. */
enum progress takeover_answer_in_time(struct pipeline *pipeline, enum answer answer, struct error *error);
/* Something does not fit: either a later owner is at work, which its barrier shows, or the changelog has lost its end,
 * and `what` is the reason to stop. */
void takeover_suspect(struct pipeline *pipeline, const struct held_shard *held, const struct error *what);

/* ---- takeover_log.c: steps that read the changelog */

enum progress takeover_open_log(struct pipeline *pipeline, struct held_shard *held, int64_t from, struct error *error);
/* Reads on in the open log; the takeover's position is always a real offset, also while the log knows none yet. */
enum progress takeover_read_some(struct pipeline *pipeline, struct held_shard *held, struct log_record *ret_records,
                                 uint32_t max, int wait_ms, uint32_t *ret_count, struct error *error);
void takeover_close_log(struct pipeline *pipeline, struct held_shard *held);
/* The shard record that was met last is this one; false: memory is out. */
bool takeover_keep_newest(struct held_shard *held, const struct log_record *record, struct error *error);
enum progress takeover_note_end(struct pipeline *pipeline, struct held_shard *held, struct error *error);
enum progress takeover_read_id(struct pipeline *pipeline, struct held_shard *held, struct error *error);
enum progress takeover_read_history(struct pipeline *pipeline, struct held_shard *held, struct error *error);
enum progress takeover_find_epoch(struct pipeline *pipeline, struct held_shard *held, struct error *error);
enum progress takeover_look_for_later(struct pipeline *pipeline, struct held_shard *held, struct error *error);

/* ---- takeover_restore.c: the step that restores */

enum progress takeover_restore(struct pipeline *pipeline, struct error *error);
/* The store has answered the oldest of the shard's writes. */
void takeover_page_written(struct held_shard *held);
/* Gives up the page, and the writes of it that are on their way. */
void takeover_clear_page(struct takeover_shard *takeover);

/* ---- takeover_begin.c: steps that decide whether, and with what, the shard begins */

enum progress takeover_compare(struct pipeline *pipeline, struct held_shard *held, struct error *error);
enum progress takeover_check_inputs(struct pipeline *pipeline, struct held_shard *held, struct error *error);
enum progress takeover_begin(struct pipeline *pipeline, struct error *error);
