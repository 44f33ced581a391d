#include "tests/sim/sim_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/engine.h"
#include "tests/sim/sim_memory.h"

/* ---- the server */

void sim_store_init(struct sim_store *store) {
    *store = (struct sim_store){0};
}

static char *copy_bytes(const char *bytes, uint32_t size) {
    char *copy = malloc(size + 1);
    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

void sim_shard_free(struct sim_shard *shard) {
    for (uint32_t i = 0; i < shard->count; i++) {
        free(shard->blobs[i].account_id);
        free(shard->blobs[i].blob);
    }
    free(shard->blobs);
    free(shard->record);
    *shard = (struct sim_shard){0};
}

struct sim_shard sim_shard_copy(const struct sim_shard *shard) {
    struct sim_shard copy = *shard;
    copy.record = shard->record == NULL ? NULL : copy_bytes(shard->record, shard->record_size);
    copy.blobs = calloc(shard->capacity + 1, sizeof *copy.blobs);
    assert(copy.blobs != NULL);
    for (uint32_t i = 0; i < shard->count; i++) {
        copy.blobs[i] = shard->blobs[i];
        copy.blobs[i].account_id = copy_bytes(shard->blobs[i].account_id, shard->blobs[i].id_size);
        copy.blobs[i].blob = copy_bytes(shard->blobs[i].blob, shard->blobs[i].blob_size);
    }
    return copy;
}

void sim_store_flush(struct sim_store *store, int32_t shard) {
    sim_shard_free(&store->shards[shard]);
}

void sim_store_free(struct sim_store *store) {
    for (int i = 0; i < SIM_PARTITIONS_MAX; i++) {
        sim_store_flush(store, i);
        for (uint32_t j = 0; j < store->copies_count[i]; j++)
            sim_shard_free(&store->copies[i][j]);
        store->copies_count[i] = 0;
    }
}

void sim_store_keep(struct sim_store *store, int32_t shard) {
    struct sim_shard *copies = store->copies[shard];
    if (store->copies_count[shard] == SIM_COPIES_MAX) {
        sim_shard_free(&copies[0]);
        memmove(copies, copies + 1, (SIM_COPIES_MAX - 1) * sizeof *copies);
        store->copies_count[shard]--;
    }
    copies[store->copies_count[shard]++] = sim_shard_copy(&store->shards[shard]);
}

void sim_store_roll_back(struct sim_store *store, int32_t shard, uint32_t ago) {
    if (ago >= store->copies_count[shard])
        return;
    sim_shard_free(&store->shards[shard]);
    store->shards[shard] = sim_shard_copy(&store->copies[shard][store->copies_count[shard] - 1 - ago]);
}

uint32_t sim_store_visit(const struct sim_store *store, int32_t shard, sim_store_visitor *visitor, void *context) {
    const struct sim_shard *found = &store->shards[shard];
    for (uint32_t i = 0; i < found->count; i++) {
        const struct sim_blob *blob = &found->blobs[i];
        struct stored_blob stored = {.account_id = {blob->account_id, blob->id_size},
                                     .blob = {blob->blob, blob->blob_size},
                                     .changelog_offset = blob->changelog_offset,
                                     .due_ms = blob->due_ms,
                                     .waits_for = blob->waits_for};
        visitor(context, &stored);
    }
    return found->count;
}

const struct sim_blob *sim_shard_find(const struct sim_shard *shard, struct text account_id) {
    for (uint32_t i = 0; i < shard->count; i++)
        if (text_equal((struct text){shard->blobs[i].account_id, shard->blobs[i].id_size}, account_id))
            return &shard->blobs[i];
    return NULL;
}

static void shard_put(struct sim_shard *shard, const struct stored_blob *stored, bool restoring) {
    struct sim_blob *blob = (struct sim_blob *)sim_shard_find(shard, stored->account_id);
    if (blob != NULL && restoring && blob->changelog_offset >= stored->changelog_offset)
        return;
    if (blob == NULL) {
        if (shard->count == shard->capacity) {
            shard->capacity = shard->capacity * 2 + 16;
            shard->blobs = realloc(shard->blobs, shard->capacity * sizeof *shard->blobs);
            assert(shard->blobs != NULL);
        }
        blob = &shard->blobs[shard->count++];
        *blob = (struct sim_blob){.account_id = copy_bytes(stored->account_id.data, stored->account_id.size),
                                  .id_size = stored->account_id.size};
    }
    free(blob->blob);
    blob->blob = copy_bytes(stored->blob.data, stored->blob.size);
    blob->blob_size = stored->blob.size;
    blob->changelog_offset = stored->changelog_offset;
    blob->due_ms = stored->due_ms;
    blob->waits_for = stored->waits_for;
}

static void shard_set_meta(struct sim_shard *shard, int64_t changelog_offset, struct text record) {
    shard->has_meta = true;
    shard->changelog_offset = changelog_offset;
    free(shard->record);
    shard->record = copy_bytes(record.data, record.size);
    shard->record_size = record.size;
}

/* ---- the connection */

void sim_connection_init(struct sim_connection *connection, struct sim_store *store) {
    *connection = (struct sim_connection){.store = store, .connection = ++store->connections};
}

static void drop_pending(struct sim_connection *connection) {
    for (uint32_t i = 0; i < connection->pending_count; i++)
        arena_free(&connection->pending[i].arena);
    connection->pending_count = 0;
}

void sim_connection_free(struct sim_connection *connection) {
    drop_pending(connection);
    arena_free(&connection->borrowed);
}

void sim_connection_cut(struct sim_connection *connection) {
    drop_pending(connection);
    connection->broken = true;
    connection->connection = ++connection->store->connections;
    memset(connection->claimed, 0, sizeof connection->claimed);
}

/* Whether the request reaches the server. */
static bool reaches(struct sim_connection *connection, const char *what, int32_t shard) {
    ++*connection->effects;
    if (*connection->dead)
        return false;
    if (connection->store->down ||
        (connection->chance != NULL && sim_one_in(connection->chance, connection->cut_before)))
        connection->broken = true;
    if (connection->watcher.asked != NULL)
        connection->watcher.asked(connection->watcher.context, connection->broken ? "cannot reach the store" : what,
                                  shard);
    return !connection->broken;
}

static struct sim_pending *answer(struct sim_connection *connection, enum store_event_kind kind, uint64_t ticket,
                                  int32_t shard) {
    assert(connection->pending_count < SIM_EVENTS_MAX);
    struct sim_pending *pending = &connection->pending[connection->pending_count++];
    if (connection->chance != NULL && sim_one_in(connection->chance, connection->cut_after))
        connection->broken = true; /* It is done, and nobody is told. */
    *pending = (struct sim_pending){.event = {.kind = kind, .ticket = ticket, .shard = shard},
                                    .ready_ms = *connection->now_ms + connection->delay_ms};
    return pending;
}

static struct text copy_text(struct sim_pending *pending, struct text text) {
    struct text copy = arena_text(&pending->arena, text);
    assert(text_is_missing(text) || !text_is_missing(copy));
    return copy;
}

static enum result lost(struct sim_connection *connection, uint64_t ticket, int32_t shard, const char *why) {
    struct sim_pending *pending = answer(connection, STORE_LOST, ticket, shard);
    error_set(&pending->event.error, RESULT_RETRY, "Shard %d in the store: %s.", shard, why);
    connection->claimed[shard] = false;
    return RESULT_OK;
}

/* The fence: what every request but a claim checks first. */
static bool is_owner(const struct sim_connection *connection, int32_t shard) {
    const struct sim_shard *found = &connection->store->shards[shard];
    return connection->claimed[shard] && found->exists && found->epoch == connection->epoch[shard] &&
           found->connection == connection->connection && found->write_number == connection->write_number[shard];
}

static const char *refusal_of(const struct sim_shard *found, const struct store_claim *claim,
                              enum store_refusal *ret_refusal) {
    *ret_refusal = STORE_REFUSED_IDENTITY;
    if (strncmp(found->cluster_id, claim->identity.cluster_id.data, claim->identity.cluster_id.size) != 0 ||
        memcmp(found->changelog_id, claim->identity.changelog_id, CHANGELOG_ID_SIZE) != 0 ||
        found->partitions != claim->identity.partitions)
        return "belongs to another cluster, changelog or partition count";
    *ret_refusal = STORE_REFUSED_EPOCH;
    if (found->epoch > claim->epoch)
        return "has a later owner";
    *ret_refusal = STORE_REFUSED_OFFSET;
    if (found->has_meta && found->changelog_offset > claim->newest_known)
        return "knows more than the changelog";
    return NULL;
}

static enum result claim(void *context, uint64_t ticket, int32_t shard, const struct store_claim *wanted,
                         struct error *error) {
    (void)error;
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    if (!reaches(connection, "claims in the store", shard))
        return RESULT_OK;
    struct sim_shard *found = &connection->store->shards[shard];
    enum store_refusal refusal;
    const char *why = found->exists ? refusal_of(found, wanted, &refusal) : NULL;
    if (why != NULL) {
        struct sim_pending *pending = answer(connection, STORE_REFUSED, ticket, shard);
        pending->event.refusal = refusal;
        error_set(&pending->event.error, RESULT_REJECT, "Shard %d in the store %s.", shard, why);
        return RESULT_OK;
    }
    bool unexpected = !found->exists || found->epoch != connection->epoch[shard] ||
                      found->write_number < connection->write_number[shard];
    if (wanted->again && unexpected)
        return lost(connection, ticket, shard, "it is not as it was left");
    struct sim_pending *pending = answer(connection, STORE_CLAIMED, ticket, shard);
    pending->event.meta = (struct store_meta){
        .exists = found->has_meta,
        .epoch = found->epoch,
        .changelog_offset = found->changelog_offset,
        .shard_record = copy_text(pending, (struct text){found->record, found->record_size})};
    found->exists = true;
    snprintf(found->cluster_id, sizeof found->cluster_id, "%.*s", TEXT_ARGUMENTS(wanted->identity.cluster_id));
    memcpy(found->changelog_id, wanted->identity.changelog_id, CHANGELOG_ID_SIZE);
    found->partitions = wanted->identity.partitions;
    found->epoch = wanted->epoch;
    found->connection = connection->connection;
    found->write_number++;
    connection->claimed[shard] = true;
    connection->epoch[shard] = wanted->epoch;
    connection->write_number[shard] = found->write_number;
    return RESULT_OK;
}

static void add_blob(struct sim_pending *pending, struct stored_blob *blobs, const struct sim_blob *blob) {
    blobs[pending->event.count++] = (struct stored_blob){
        .account_id = copy_text(pending, (struct text){blob->account_id, blob->id_size}),
        .blob = copy_text(pending, (struct text){blob->blob, blob->blob_size}),
        .changelog_offset = blob->changelog_offset,
        .due_ms = blob->due_ms,
        .waits_for = blob->waits_for};
}

static struct stored_blob *make_blobs(struct sim_pending *pending, uint32_t count) {
    struct stored_blob *blobs = arena_alloc(&pending->arena, (count + 1) * sizeof *blobs);
    assert(blobs != NULL);
    pending->event.blobs = blobs;
    return blobs;
}

static enum result load(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids, uint32_t count,
                        struct error *error) {
    (void)error;
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    if (!reaches(connection, "loads", shard))
        return RESULT_OK;
    if (!is_owner(connection, shard))
        return lost(connection, ticket, shard, "it has another owner, or went back");
    struct sim_pending *pending = answer(connection, STORE_LOADED, ticket, shard);
    struct stored_blob *blobs = make_blobs(pending, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_blob *found = sim_shard_find(&connection->store->shards[shard], account_ids[i]);
        if (found != NULL)
            add_blob(pending, blobs, found);
        else
            blobs[pending->event.count++] = (struct stored_blob){.account_id = copy_text(pending, account_ids[i]),
                                                                 .due_ms = INSTANT_NEVER};
    }
    return RESULT_OK;
}

static enum result load_due(void *context, uint64_t ticket, int32_t shard, const struct due_query *query,
                            struct error *error) {
    (void)error;
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    if (!reaches(connection, "loads due accounts", shard))
        return RESULT_OK;
    if (!is_owner(connection, shard))
        return lost(connection, ticket, shard, "it has another owner, or went back");
    const struct sim_shard *found = &connection->store->shards[shard];
    struct sim_pending *pending = answer(connection, STORE_DUE, ticket, shard);
    struct stored_blob *blobs = make_blobs(pending, found->count);
    pending->event.next_due_ms = INSTANT_NEVER;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct sim_blob *blob = &found->blobs[i];
        bool due = blob->due_ms <= query->tick_ms || (blob->waits_for & query->waits_for) != 0;
        if (!due && blob->due_ms < pending->event.next_due_ms)
            pending->event.next_due_ms = blob->due_ms;
        pending->event.waits_left |= due ? 0 : blob->waits_for;
        if (!due || i < query->cursor)
            continue;
        if (pending->event.count == 2 && pending->event.next_cursor == 0)
            pending->event.next_cursor = i; /* pages are small here, so that there are several */
        if (pending->event.next_cursor == 0)
            add_blob(pending, blobs, blob);
    }
    return RESULT_OK;
}

static enum result scan(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error) {
    (void)error;
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    if (!reaches(connection, "scans", shard))
        return RESULT_OK;
    if (!is_owner(connection, shard))
        return lost(connection, ticket, shard, "it has another owner, or went back");
    const struct sim_shard *found = &connection->store->shards[shard];
    struct sim_pending *pending = answer(connection, STORE_SCANNED, ticket, shard);
    struct stored_blob *blobs = make_blobs(pending, 2);
    for (uint64_t i = cursor; i < found->count && pending->event.count < 2; i++)
        add_blob(pending, blobs, &found->blobs[i]);
    uint64_t next = cursor + pending->event.count;
    pending->event.next_cursor = next < found->count ? next : 0;
    return RESULT_OK;
}

static enum result write(void *context, uint64_t ticket, int32_t shard, const struct store_write *wanted,
                         struct error *error) {
    (void)error;
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    if (!reaches(connection, "writes to the store", shard))
        return RESULT_OK;
    if (!is_owner(connection, shard))
        return lost(connection, ticket, shard, "it has another owner, or went back");
    struct sim_shard *found = &connection->store->shards[shard];
    for (uint32_t i = 0; i < wanted->count; i++)
        shard_put(found, &wanted->blobs[i], wanted->restoring);
    if (wanted->has_meta)
        shard_set_meta(found, wanted->changelog_offset, wanted->shard_record);
    connection->write_number[shard] = ++found->write_number;
    if (connection->watcher.written != NULL)
        connection->watcher.written(connection->watcher.context, shard, wanted);
    answer(connection, STORE_WRITTEN, ticket, shard);
    return RESULT_OK;
}

static enum result verify(void *context, uint64_t ticket, int32_t shard, struct error *error) {
    (void)error;
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    if (!reaches(connection, "verifies", shard))
        return RESULT_OK;
    if (!is_owner(connection, shard))
        return lost(connection, ticket, shard, "it has another owner, or went back");
    answer(connection, STORE_VERIFIED, ticket, shard);
    return RESULT_OK;
}

static void release(void *context, int32_t shard) {
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < connection->pending_count; i++) {
        if (connection->pending[i].event.shard == shard)
            arena_free(&connection->pending[i].arena);
        else
            connection->pending[kept++] = connection->pending[i];
    }
    connection->pending_count = kept;
    connection->claimed[shard] = false;
}

static void poll(void *context, int timeout_ms, struct store_event *ret_event) {
    struct sim_connection *connection = context;
    SIM_OUTSIDE;
    (void)timeout_ms; /* The source's poll lets time pass. */
    arena_free(&connection->borrowed);
    *ret_event = (struct store_event){.kind = STORE_NOTHING};
    if (connection->broken) {
        drop_pending(connection);
        memset(connection->claimed, 0, sizeof connection->claimed);
        connection->connection = ++connection->store->connections;
        connection->broken = false;
        ret_event->kind = STORE_UNAVAILABLE;
        error_set(&ret_event->error, RESULT_RETRY, "The store is away.");
        return;
    }
    if (connection->pending_count == 0 || connection->pending[0].ready_ms > *connection->now_ms)
        return;
    *ret_event = connection->pending[0].event;
    connection->borrowed = connection->pending[0].arena;
    memmove(connection->pending, connection->pending + 1, --connection->pending_count * sizeof *connection->pending);
}

struct store sim_connection_port(struct sim_connection *connection) {
    return (struct store){connection, claim, load, load_due, scan, write, verify, release, poll};
}
