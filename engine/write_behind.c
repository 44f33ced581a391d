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
    struct committed_account *accounts;
    struct stored_blob *blobs; /* of each account */
    uint32_t count;
    int64_t changelog_offset;
    struct text shard_record;
    struct buffer layouts; /* empty: none is new */
};

void committed_prefetch(const struct accounts *accounts, const struct committed_account *committed, uint32_t count,
                        uint32_t place) {
    if (place + COMMITTED_SOON < count)
        accounts_prefetch(accounts, committed[place + COMMITTED_SOON].account, ACCOUNT_NONE);
}

static void commit_free(struct written_commit *commit) {
    if (commit == NULL)
        return;
    batch_free(&commit->changelog);
    buffer_free(&commit->layouts);
    free(commit->accounts);
    free(commit->blobs);
    free(commit);
}

static enum result out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a commit could not be kept for the store.");
}

static int64_t offset_of(const struct record *record, const struct known_commit *known) {
    if (record->offset != OFFSET_NONE)
        return record->offset;
    return known->newest_before + (PLANTED(lacking_offset_guessed) ? 1000 : 1);
}

static void commit_fill(struct written_commit *commit, const struct known_commit *known) {
    const struct record *last = &commit->changelog.records[commit->changelog.count - 1];
    const struct record *records = last - known->accounts_count;
    for (uint32_t i = 0; i < known->accounts_count; i++) {
        if (PLANTED(tombstone_for_erased) && text_is_missing(records[i].value))
            continue;
        struct committed_account account = commit->accounts[i];
        commit->accounts[commit->count] = account;
        commit->blobs[commit->count++] = (struct stored_blob){.account_id = changelog_account_of(records[i].key),
                                                              .blob = records[i].value,
                                                              .changelog_offset = offset_of(&records[i], known),
                                                              .due_ms = account.due_ms,
                                                              .waits_for = account.waits_for};
    }
    commit->shard_record = last->value;
    commit->changelog_offset = offset_of(last, known);
}

enum result write_behind_add(struct write_behind *behind, const struct known_commit *known, int64_t *ret_newest,
                             struct error *error) {
    assert(known->changelog->count > 0);
    struct written_commit *commit = calloc(1, sizeof *commit);
    struct stored_blob *blobs = calloc(known->changelog->count, sizeof *blobs);
    if (commit == NULL || blobs == NULL) {
        free(commit);
        free(blobs);
        if (known->layouts != NULL)
            buffer_free(known->layouts);
        return out_of_memory(error);
    }
    *commit = (struct written_commit){
        .number = known->number, .changelog = *known->changelog, .accounts = *known->accounts, .blobs = blobs};
    if (known->layouts != NULL) {
        commit->layouts = *known->layouts;
        *known->layouts = (struct buffer){0};
    }
    *known->changelog = (struct batch){0};
    *known->accounts = NULL;
    commit_fill(commit, known);
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
 * the changelog makes up for it where the meta has passed it by. Returns how many blobs are to be written. */
static uint32_t merge(const struct written_commit *commit, struct accounts *accounts, struct stored_blob *ret_blobs) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < commit->count; i++) {
        struct committed_account *written = &commit->accounts[i];
        struct stored_blob *blob = &ret_blobs[count];
        committed_prefetch(accounts, commit->accounts, commit->count, i);
        written->sends_deadline = false;
        if (accounts_commit(accounts, written->account) != (uint32_t)commit->number)
            continue;
        *blob = commit->blobs[i];
        blob->deadline_is_stored = accounts_send_deadline(accounts, written->account, blob->due_ms, blob->waits_for);
        written->sends_deadline = !blob->deadline_is_stored;
        count++;
    }
    return count;
}

enum result write_behind_send(struct write_behind *behind, const struct store *store, uint64_t ticket, int32_t shard,
                              struct accounts *accounts, struct error *error) {
    assert(write_behind_is_due(behind));
    uint32_t blobs_max, count = 0;
    struct written_commit *last = last_of_request(behind, &blobs_max);
    behind->merged = calloc(blobs_max + 1, sizeof *behind->merged);
    if (behind->merged == NULL)
        return out_of_memory(error);
    struct store_write write = {.has_meta = true,
                                .changelog_offset = last->changelog_offset,
                                .shard_record = last->shard_record,
                                .layouts = TEXT_MISSING};
    for (const struct written_commit *commit = behind->first; commit != last->next; commit = commit->next) {
        count += merge(commit, accounts, behind->merged + count);
        if (commit->layouts.size > 0)
            write.layouts = buffer_text(&commit->layouts); /* Whoever brings one more of them, brings all. */
    }
    write.blobs = behind->merged;
    write.count = count;
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

/* None of them can have been evicted: what is not acknowledged stays. */
static void acknowledge(struct accounts *accounts, const struct written_commit *commit) {
    for (uint32_t i = 0; i < commit->count; i++) {
        const struct committed_account *written = &commit->accounts[i];
        committed_prefetch(accounts, commit->accounts, commit->count, i);
        if (written->sends_deadline)
            accounts_deadline_stored(accounts, written->account, written->due_ms, written->waits_for);
        accounts_acknowledged(accounts, written->account, commit->number);
    }
}

void write_behind_acknowledge(struct write_behind *behind, struct accounts *accounts) {
    assert(behind->sent != NULL);
    for (;;) {
        bool is_last = behind->first == behind->sent;
        acknowledge(accounts, behind->first);
        drop_first(behind);
        if (is_last)
            break;
    }
    write_behind_void(behind);
}

void write_behind_void(struct write_behind *behind) {
    free(behind->merged);
    behind->merged = NULL;
    behind->sent = NULL;
}

void write_behind_free(struct write_behind *behind) {
    write_behind_void(behind);
    while (behind->first != NULL)
        drop_first(behind);
}
