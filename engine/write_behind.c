#include "engine/write_behind.h"

#include <assert.h>
#include <stdlib.h>

#include "base/planted.h"
#include "engine/changelog_record.h"
#include "engine/limits.h"

struct written_commit {
    struct written_commit *next;
    uint64_t number;
    struct batch changelog; /* what the blobs refer to */
    struct stored_blob *blobs;
    uint32_t count;
    int64_t changelog_offset;
    struct text shard_record;
};

static void commit_free(struct written_commit *commit) {
    if (commit == NULL)
        return;
    batch_free(&commit->changelog);
    free(commit->blobs);
    free(commit);
}

static enum result out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a commit could not be kept for the store.");
}

/* Reads a blob's place, deadline and waits out of its record. */
static enum result take_blob(const struct record *record, struct text account_id, int64_t changelog_offset,
                             struct stored_blob *ret_blob, struct error *error) {
    struct blob_summary summary;
    enum result result = blob_summarise((const uint8_t *)record->value.data, record->value.size, &summary, error);
    if (result != RESULT_OK)
        return RESULT_FATAL; /* It was encoded by this very process. */
    *ret_blob = (struct stored_blob){.account_id = account_id,
                                     .blob = record->value,
                                     .changelog_offset = changelog_offset,
                                     .due_ms = summary.due_ms,
                                     .waits_for = summary.waits_for};
    return RESULT_OK;
}

static enum result commit_fill(struct written_commit *commit, const struct known_commit *known, struct error *error) {
    for (uint32_t i = 0; i < commit->changelog.count; i++) {
        const struct record *record = &commit->changelog.records[i];
        int64_t offset = record->offset != OFFSET_NONE
                             ? record->offset
                             : known->newest_before + (PLANTED(lacking_offset_guessed) ? 1000 : 1);
        struct text account_id;
        switch (changelog_kind_of(record->key, &account_id)) {
        case CHANGELOG_ACCOUNT: {
            if (PLANTED(tombstone_for_erased) && text_is_missing(record->value))
                break;
            enum result result = take_blob(record, account_id, offset, &commit->blobs[commit->count++], error);
            if (result != RESULT_OK)
                return result;
            break;
        }
        case CHANGELOG_SHARD:
            commit->shard_record = record->value;
            commit->changelog_offset = offset;
            break;
        default:
            break;
        }
    }
    assert(!text_is_missing(commit->shard_record));
    return RESULT_OK;
}

enum result write_behind_add(struct write_behind *behind, const struct known_commit *known, int64_t *ret_newest,
                             struct error *error) {
    struct written_commit *commit = calloc(1, sizeof *commit);
    struct stored_blob *blobs = calloc(known->changelog->count + 1, sizeof *blobs);
    if (commit == NULL || blobs == NULL) {
        free(commit);
        free(blobs);
        return out_of_memory(error);
    }
    *commit = (struct written_commit){.number = known->number, .changelog = *known->changelog, .blobs = blobs};
    *known->changelog = (struct batch){0};
    enum result result = commit_fill(commit, known, error);
    if (result != RESULT_OK) {
        commit_free(commit);
        return result;
    }
    if (behind->last != NULL)
        behind->last->next = commit;
    else
        behind->first = commit;
    behind->last = commit;
    behind->count++;
    behind->bytes += commit->changelog.bytes;
    *ret_newest = commit->changelog_offset;
    return RESULT_OK;
}

bool write_behind_is_due(const struct write_behind *behind) {
    return behind->first != NULL && behind->sent == NULL;
}

/* The newest commit that goes into one request with all before it. */
static struct written_commit *last_of_request(const struct write_behind *behind, uint32_t *ret_blobs) {
    struct written_commit *last = behind->first;
    size_t bytes = last->changelog.bytes;
    *ret_blobs = last->count;
    while (last->next != NULL && bytes + last->next->changelog.bytes <= WRITE_BYTES_MAX) {
        last = last->next;
        bytes += last->changelog.bytes;
        *ret_blobs += last->count;
    }
    return last;
}

/* An account that was committed again later is written with the later commit; all that are waiting are known, so that
 * the changelog makes up for it where the meta has passed it by. */
static void merge(struct write_behind *behind, struct accounts *accounts, const struct written_commit *commit) {
    for (uint32_t i = 0; i < commit->count; i++) {
        struct stored_blob *blob = &behind->merged[behind->merged_count];
        uint32_t account = accounts_find(accounts, commit->blobs[i].account_id);
        assert(account != ACCOUNT_NONE); /* What is not acknowledged is not evicted. */
        if (accounts_commit(accounts, account) != (uint32_t)commit->number)
            continue;
        *blob = commit->blobs[i];
        blob->deadline_is_stored = accounts_send_deadline(accounts, account, blob->due_ms, blob->waits_for);
        behind->merged_count++;
    }
}

enum result write_behind_send(struct write_behind *behind, const struct store *store, uint64_t ticket, int32_t shard,
                              struct accounts *accounts, struct error *error) {
    assert(write_behind_is_due(behind));
    uint32_t blobs_max;
    struct written_commit *last = last_of_request(behind, &blobs_max);
    behind->merged = calloc(blobs_max + 1, sizeof *behind->merged);
    if (behind->merged == NULL)
        return out_of_memory(error);
    for (const struct written_commit *commit = behind->first; commit != last->next; commit = commit->next)
        merge(behind, accounts, commit);
    struct store_write write = {.blobs = behind->merged,
                                .count = behind->merged_count,
                                .has_meta = true,
                                .changelog_offset = last->changelog_offset,
                                .shard_record = last->shard_record};
    enum result result = store->write(store->context, ticket, shard, &write, error);
    if (result != RESULT_OK) {
        write_behind_void(behind);
        return result;
    }
    behind->sent = last;
    return RESULT_OK;
}

static void drop_first(struct write_behind *behind) {
    struct written_commit *commit = behind->first;
    behind->first = commit->next;
    if (behind->first == NULL)
        behind->last = NULL;
    behind->count--;
    behind->bytes -= commit->changelog.bytes;
    commit_free(commit);
}

void write_behind_acknowledge(struct write_behind *behind, struct accounts *accounts) {
    assert(behind->sent != NULL);
    for (uint32_t i = 0; i < behind->merged_count; i++) {
        const struct stored_blob *blob = &behind->merged[i];
        if (!blob->deadline_is_stored)
            accounts_deadline_stored(accounts, blob->account_id, blob->due_ms, blob->waits_for);
    }
    for (;;) {
        struct written_commit *commit = behind->first;
        for (uint32_t i = 0; i < commit->count; i++)
            accounts_acknowledged(accounts, commit->blobs[i].account_id, commit->number);
        bool was_last = commit == behind->sent;
        drop_first(behind);
        if (was_last)
            break;
    }
    write_behind_void(behind);
}

void write_behind_void(struct write_behind *behind) {
    free(behind->merged);
    behind->merged = NULL;
    behind->merged_count = 0;
    behind->sent = NULL;
}

void write_behind_free(struct write_behind *behind) {
    write_behind_void(behind);
    while (behind->first != NULL)
        drop_first(behind);
}
