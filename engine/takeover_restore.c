/* The step of a takeover that restores: from the changelog to the store. Pages are gathered, as large as the worker's
 * memory allows, of which the store gets each account once, some at a time. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/planted.h"
#include "engine/takeover_internal.h"

/* ---- the store's answers */

static void drop_write(struct takeover_shard *takeover) {
    free(takeover->writes[0]);
    for (uint32_t i = 1; i < RESTORE_WRITES_MAX; i++)
        takeover->writes[i - 1] = takeover->writes[i];
    takeover->writes[RESTORE_WRITES_MAX - 1] = NULL;
    takeover->writes_open--;
}

void takeover_clear_page(struct takeover_shard *takeover) {
    while (takeover->writes_open > 0)
        drop_write(takeover);
    restore_page_clear(&takeover->page);
    takeover->written = 0;
    takeover->writing = takeover->all_sent = false;
}

void takeover_page_written(struct held_shard *held) {
    struct takeover_shard *takeover = &held->takeover;
    drop_write(takeover);
    if (takeover->all_sent && takeover->writes_open == 0)
        takeover_clear_page(takeover);
}

/* ---- filling a page */

static bool check_partitions(const struct pipeline *pipeline, const struct held_shard *held, int32_t partitions,
                             struct error *error) {
    if (partitions == pipeline->options.partitions)
        return true;
    error_set(error, RESULT_FATAL,
              "Shard %d was written with %d partitions; the inputs have %d now. Their number is fixed for life, as "
              "accounts would lie on other shards than their state.",
              held->number, partitions, pipeline->options.partitions);
    return false;
}

static bool take_layout(struct held_shard *held, const struct log_record *record, struct error *error) {
    uint8_t key[LAYOUT_KEY_SIZE];
    changelog_write_layout_key(hash_text(record->value), key);
    if (!text_equal(record->key, (struct text){(const char *)key, sizeof key}))
        error_set(error, RESULT_FATAL, "a layout of states lies there that is not what its key says: it is damaged");
    else if (layouts_add(&held->layouts, record->value, &held->arena, error) == RESULT_OK)
        return true;
    error_prefix(error, "Shard %d, the changelog's offset %lld", held->number, (long long)record->offset);
    return false;
}

static bool take_record(struct pipeline *pipeline, struct held_shard *held, const struct log_record *record,
                        struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    struct text account_id;
    switch (changelog_kind_of(record->key, &account_id)) {
    case CHANGELOG_ACCOUNT:
        return text_is_missing(record->value) ||
               restore_page_add(&takeover->page, record, account_id, error) == RESULT_OK;
    case CHANGELOG_BARRIER:
        return barrier_decode(record->value, &takeover->found, error) == RESULT_OK &&
               check_partitions(pipeline, held, takeover->found.partitions, error);
    case CHANGELOG_SHARD:
        return takeover_keep_newest(held, record, error);
    case CHANGELOG_LAYOUT:
        return take_layout(held, record, error);
    default:
        return true;
    }
}

/* What is left of the shard's share of the worker's memory. The states that it will hold when it runs are in the store
 * only, so far. */
static size_t bytes_left(const struct pipeline *pipeline, const struct held_shard *held) {
    size_t share = pipeline->options.memory_bytes_max / pipeline->held_count;
    return share > held->takeover.page.bytes ? share - held->takeover.page.bytes : 0;
}

/* As many as fit into the page, however large they are; one always does. */
static uint32_t records_max(size_t left) {
    size_t fitting = left / ACCOUNT_BYTES_MAX;
    return fitting > RESTORE_RECORDS_MAX ? RESTORE_RECORDS_MAX : fitting < 1 ? 1 : (uint32_t)fitting;
}

/* Reads on, but not beyond one's own barrier: never to "the end". */
static enum progress fill_page(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct log_record records[RESTORE_RECORDS_MAX];
    uint32_t count = 0;
    int wait_ms = pipeline->held_count == 1 ? TAKEOVER_WAIT_MS : 1;
    enum progress progress = takeover_read_some(pipeline, held, records, records_max(bytes_left(pipeline, held)),
                                                wait_ms, &count, error);
    for (uint32_t i = 0; i < count && progress == PROGRESS_DONE; i++)
        if (records[i].offset <= held->epoch && !take_record(pipeline, held, &records[i], error))
            return PROGRESS_FATAL;
    return progress;
}

/* ---- writing it */

/* The larger a write, the less it costs the store; all shards' together are bounded. */
static size_t write_bytes_max(const struct pipeline *pipeline) {
    size_t share = RESTORE_BYTES_MAX / pipeline->held_count / RESTORE_WRITES_MAX;
    return share > RESTORE_WRITE_BYTES       ? RESTORE_WRITE_BYTES
           : share < RESTORE_WRITE_BYTES_MIN ? RESTORE_WRITE_BYTES_MIN
                                             : share;
}

/* Takes the page's next accounts into a write, as many as fit; false: they cannot be. */
static bool gather(const struct pipeline *pipeline, struct held_shard *held, struct store_write *ret_write,
                   struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    uint32_t left = takeover->page.count - takeover->written, count = 0;
    uint32_t max = left < RESTORE_WRITE_ACCOUNTS_MAX ? left : RESTORE_WRITE_ACCOUNTS_MAX;
    struct stored_blob *blobs = calloc(max + 1, sizeof *blobs);
    if (blobs == NULL) {
        error_set(error, RESULT_FATAL, "Memory is out: a shard could not be restored.");
        return false;
    }
    takeover->writes[takeover->writes_open++] = blobs;
    for (size_t bytes = 0; count < max && bytes < write_bytes_max(pipeline); count++) {
        if (restore_page_blob(&takeover->page, takeover->written + count, &blobs[count], error) != RESULT_OK) {
            error_prefix(error, "Shard %d", held->number);
            return false;
        }
        bytes += blobs[count].blob.size;
    }
    ret_write->blobs = blobs;
    ret_write->count = count;
    return true;
}

/* For the store; no write that was given them before is on its way any more. */
static bool encode_layouts(struct held_shard *held, struct error *error) {
    struct buffer *out = &held->takeover.layouts;
    buffer_clear(out);
    if (!PLANTED(layout_not_restored))
        layouts_encode(&held->layouts, out);
    if (!buffer_ok(out))
        error_set(error, RESULT_FATAL, "Memory is out: a shard's layouts could not be restored.");
    return buffer_ok(out);
}

/* Sends some of the page, where not too much is on its way already. The meta moves with the last of a page every few
 * seconds, and with the last page to the barrier. */
static enum progress write_on(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    const struct store *store = pipeline->ports.store;
    struct takeover_shard *takeover = &held->takeover;
    struct store_write write = {0};
    if (takeover->all_sent || takeover->writes_open == RESTORE_WRITES_MAX)
        return PROGRESS_PENDING;
    if (!gather(pipeline, held, &write, error))
        return PROGRESS_FATAL;
    takeover->written += write.count;
    takeover->all_sent = takeover->written == takeover->page.count;
    if (takeover->all_sent) {
        if (!encode_layouts(held, error))
            return PROGRESS_FATAL;
        int64_t now_ms = monotonic_ms(pipeline);
        write.has_meta = takeover->restored || now_ms - takeover->meta_moved_ms >= META_EVERY_MS;
        write.changelog_offset = takeover->restored ? held->epoch : takeover->position - 1;
        write.shard_record = buffer_text(&takeover->newest);
        write.layouts = buffer_text(&takeover->layouts);
        takeover->meta_moved_ms = write.has_meta ? now_ms : takeover->meta_moved_ms;
    }
    counters_add(pipeline->counters, COUNTER_RESTORED_BLOBS, write.count);
    return store->write(store->context, ++pipeline->ticket, held->number, &write, error) == RESULT_OK ? PROGRESS_PENDING
                                                                                                      : PROGRESS_FATAL;
}

/* ---- the step */

static enum progress open_shard(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    takeover_clear_page(&held->takeover);
    held->takeover.page.slab = &pipeline->slab;
    held->takeover.meta_moved_ms = monotonic_ms(pipeline);
    return takeover_open_log(pipeline, held, held->takeover.position, error) == PROGRESS_FATAL ? PROGRESS_FATAL
                                                                                               : PROGRESS_PENDING;
}

static enum progress restore_shard(struct pipeline *pipeline, struct held_shard *held, struct error *error) {
    struct takeover_shard *takeover = &held->takeover;
    if (takeover->writing)
        return write_on(pipeline, held, error);
    if (takeover->restored) {
        takeover_close_log(pipeline, held);
        return PROGRESS_DONE;
    }
    if (!takeover->open)
        return open_shard(pipeline, held, error);
    if (takeover->position <= held->epoch) {
        enum progress progress = fill_page(pipeline, held, error);
        if (progress != PROGRESS_DONE)
            return progress;
    }
    takeover->restored = takeover->position > held->epoch;
    bool is_full = takeover->page.count > 0 && bytes_left(pipeline, held) == 0;
    if (!takeover->restored && !is_full)
        return PROGRESS_PENDING;
    restore_page_order(&takeover->page, pipeline->ports.store);
    takeover->writing = true;
    return write_on(pipeline, held, error);
}

/* The shards take turns, so that one's reading is another's writing. */
enum progress takeover_restore(struct pipeline *pipeline, struct error *error) {
    struct takeover *takeover = &pipeline->takeover;
    bool all = true;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        all &= pipeline->held[i].takeover.restored && !pipeline->held[i].takeover.writing;
    if (all) {
        for (uint32_t i = 0; i < pipeline->held_count; i++)
            takeover_close_log(pipeline, &pipeline->held[i]);
        return PROGRESS_DONE;
    }
    struct held_shard *held = &pipeline->held[takeover->index++ % pipeline->held_count];
    return restore_shard(pipeline, held, error) == PROGRESS_FATAL ? PROGRESS_FATAL : PROGRESS_PENDING;
}
