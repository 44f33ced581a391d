/* The steps of a takeover that read the shard's changelog to know it; restoring is in takeover_restore.c. */
#include <string.h>

#include "base/planted.h"
#include "engine/takeover_internal.h"

enum reading { READ_ON, READ_ENOUGH, READ_FATAL };

/* Looks at one record of the log. */
typedef enum reading record_reader(struct held_shard *held, const struct log_record *record, enum changelog_kind kind,
                                   struct error *error);

enum progress takeover_open_log(struct pipeline *pipeline, struct held_shard *held, int64_t from, struct error *error) {
    const struct changelog *changelog = pipeline->ports.changelog;
    held->takeover.position = from;
    enum progress progress = takeover_answer(pipeline, changelog->open(changelog->context, held->number, from, error),
                                             error);
    held->takeover.open = progress == PROGRESS_DONE;
    return progress;
}

enum progress takeover_read_some(struct pipeline *pipeline, struct held_shard *held, struct log_record *ret_records,
                                 uint32_t max, int wait_ms, uint32_t *ret_count, struct error *error) {
    const struct changelog *changelog = pipeline->ports.changelog;
    int64_t position = OFFSET_NONE;
    enum progress progress = takeover_answer(
        pipeline,
        changelog->read(changelog->context, held->number, ret_records, max, wait_ms, ret_count, &position, error),
        error);
    if (progress == PROGRESS_DONE && position != OFFSET_NONE)
        held->takeover.position = position;
    return progress;
}

/* Opens the log at `from`, or reads on; DONE and the log closed: the reader has enough, or `end` was reached. */
static enum progress read_log(struct pipeline *pipeline, struct held_shard *held, int64_t from, int64_t end,
                              record_reader *reader, struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    if (!takeover->open)
        return takeover_open_log(pipeline, held, from, error) == PROGRESS_FATAL ? PROGRESS_FATAL : PROGRESS_PENDING;
    struct log_record records[RESTORE_RECORDS_MAX];
    uint32_t count = 0;
    if (takeover->position < end) {
        enum progress progress = takeover_read_some(pipeline, held, records, RESTORE_RECORDS_MAX, TAKEOVER_WAIT_MS,
                                                    &count, error);
        if (progress != PROGRESS_DONE)
            return progress;
    }
    enum reading reading = READ_ON;
    for (uint32_t i = 0; i < count && reading == READ_ON && records[i].offset < end; i++) {
        struct text account_id;
        reading = reader(held, &records[i], changelog_kind_of(records[i].key, &account_id), error);
    }
    if (reading == READ_FATAL)
        return PROGRESS_FATAL;
    if (reading == READ_ON && takeover->position < end)
        return PROGRESS_PENDING;
    takeover_close_log(pipeline, held);
    return PROGRESS_DONE;
}

/* ---- before the barrier */

enum progress takeover_note_end(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct changelog *changelog = pipeline->ports.changelog;
    struct log_bounds bounds;
    enum progress progress = takeover_answer_in_time(
        pipeline, changelog->bounds(changelog->context, held->number, &bounds, pipeline->takeover.wait_ms, error),
        error);
    if (progress != PROGRESS_DONE)
        return progress;
    if (bounds.low > 0) {
        error_set(
            error, RESULT_FATAL,
            "Partition %d of the changelog begins at offset %lld: records were deleted from it. It must be compacted "
            "and nothing else (cleanup.policy=compact).",
            held->number, (long long)bounds.low);
        return PROGRESS_FATAL;
    }
    held->takeover.noted_end = bounds.high;
    return PROGRESS_DONE;
}

static enum reading take_id(struct held_shard *held, const struct log_record *record, enum changelog_kind kind,
                            struct error *error) {
    held->takeover.makes_id = false;
    struct text group;
    if (kind == CHANGELOG_ID) {
        if (changelog_decode_id(record->value, held->changelog_id, &group, error) != RESULT_OK)
            return READ_FATAL;
        held->takeover.group = arena_text(&held->arena, group);
        if (!text_is_missing(held->takeover.group))
            return READ_ENOUGH;
        error_set(error, RESULT_FATAL, "Memory is out: a changelog's id could not be kept.");
        return READ_FATAL;
    }
    error_set(
        error, RESULT_FATAL,
        "The first record of partition %d of the changelog, at offset %lld, is not a changelog's id: the topic is not "
        "Bellwether's.",
        held->number, (long long)record->offset);
    return READ_FATAL;
}

/* The id is the first record; where there is none up to the noted end, one is made and goes with the barrier. */
enum progress takeover_read_id(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct chance *chance = pipeline->ports.chance;
    if (!held->takeover.open)
        held->takeover.makes_id = true;
    enum progress progress = read_log(pipeline, held, 0, held->takeover.noted_end, take_id, error);
    if (progress != PROGRESS_DONE)
        return progress;
    if (held->takeover.makes_id) {
        chance->fill(chance->context, held->changelog_id, CHANGELOG_ID_SIZE);
    } else if (!text_equal(held->takeover.group, pipeline->options.group)) {
        error_set(error, RESULT_FATAL,
                  "The changelog is that of the group `%.*s`, and this is the group `%.*s`: each group needs its own. "
                  "Give this one another `topics.changelog`.",
                  TEXT_ARGUMENTS(held->takeover.group), TEXT_ARGUMENTS(pipeline->options.group));
        return PROGRESS_FATAL;
    }
    return PROGRESS_DONE;
}

bool takeover_keep_newest(struct held_shard *held, const struct log_record *record, struct error *error) {
    buffer_clear(&held->takeover.newest);
    buffer_put_text(&held->takeover.newest, record->value);
    held->takeover.newest_place = record->offset;
    if (!buffer_ok(&held->takeover.newest))
        error_set(error, RESULT_FATAL, "Memory is out: a shard record could not be kept.");
    return buffer_ok(&held->takeover.newest);
}

static enum reading keep_newest(struct held_shard *held, const struct log_record *record, enum changelog_kind kind,
                                struct error *error) {
    return kind != CHANGELOG_SHARD || takeover_keep_newest(held, record, error) ? READ_ON : READ_FATAL;
}

static bool lacks_offsets(const struct pipeline *pipeline, const struct held_shard *held) {
    for (int i = 0; i < STREAMS; i++)
        if (has_stream(pipeline, i) && held->takeover.committed[i] == OFFSET_NONE)
            return true;
    return false;
}

/* Offsets that the group does not have are the newest shard record's: they expired, were reset, or are of a stream that
 * came later. */
enum progress takeover_read_history(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    if (!lacks_offsets(pipeline, held))
        return PROGRESS_DONE;
    enum progress progress = read_log(pipeline, held, 0, takeover->noted_end, keep_newest, error);
    if (progress != PROGRESS_DONE)
        return progress;
    bool any_committed = false;
    for (int i = 0; i < STREAMS; i++)
        any_committed |= takeover->committed[i] != OFFSET_NONE;
    if (takeover->newest_place == OFFSET_NONE) {
        takeover->is_new = !any_committed;
        return PROGRESS_DONE;
    }
    struct shard_record record;
    if (shard_record_decode(buffer_text(&takeover->newest), &held->arena, &record, error) != RESULT_OK)
        return PROGRESS_FATAL;
    for (int i = 0; i < STREAMS; i++)
        if (has_stream(pipeline, i) && takeover->starts[i] == OFFSET_NONE)
            takeover->starts[i] = record.inputs[i].next_offset;
    return PROGRESS_DONE;
}

/* ---- after the barrier */

static enum reading find_barrier(struct held_shard *held, const struct log_record *record, enum changelog_kind kind,
                                 struct error *error) {
    if (kind != CHANGELOG_BARRIER)
        return READ_ON;
    if (barrier_decode(record->value, &held->takeover.found, error) != RESULT_OK)
        return READ_FATAL;
    if (memcmp(held->takeover.found.nonce, held->takeover.barrier.nonce, NONCE_SIZE) != 0)
        return READ_ON;
    held->epoch = record->offset;
    return READ_ENOUGH;
}

/* Notes the log's end of now as the place up to which is read; then does nothing any more. */
static enum progress note_new_end(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    if (pipeline->takeover.entered)
        return PROGRESS_DONE;
    int64_t noted_end = held->takeover.noted_end;
    enum progress progress = takeover_note_end(pipeline, held, error);
    if (progress != PROGRESS_DONE)
        return progress;
    pipeline->takeover.entered = true;
    held->takeover.position = noted_end; /* where reading begins */
    return PROGRESS_DONE;
}

/* The barrier's delivery report may lack its offset: it lies behind the end that was noted before it. */
enum progress takeover_find_epoch(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    if (held->epoch != OFFSET_NONE)
        return PROGRESS_DONE;
    enum progress progress = note_new_end(pipeline, held, error);
    if (progress == PROGRESS_DONE)
        progress = read_log(pipeline, held, held->takeover.position, held->takeover.noted_end, find_barrier, error);
    if (progress == PROGRESS_DONE && held->epoch == OFFSET_NONE)
        return takeover_restart(pipeline, "another owner's barrier has followed ours.");
    return progress;
}

static enum reading find_later(struct held_shard *held, const struct log_record *record, enum changelog_kind kind,
                               struct error *error) {
    (void)error;
    if (kind != CHANGELOG_BARRIER || record->offset <= held->epoch)
        return READ_ON;
    held->takeover.newest_place = record->offset;
    return READ_ENOUGH;
}

enum progress takeover_look_for_later(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    bool entered = pipeline->takeover.entered;
    if (!entered)
        takeover_close_log(pipeline, held);
    enum progress progress = note_new_end(pipeline, held, error);
    if (progress != PROGRESS_DONE)
        return progress;
    if (!entered)
        held->takeover.newest_place = OFFSET_NONE;
    progress = read_log(pipeline, held, held->epoch, held->takeover.noted_end, find_later, error);
    if (progress != PROGRESS_DONE)
        return progress;
    if (held->takeover.newest_place != OFFSET_NONE)
        return takeover_restart(pipeline, "a later owner of the shard has set its barrier.");
    *error = pipeline->takeover.suspicion;
    return PROGRESS_FATAL;
}
