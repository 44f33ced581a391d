/* The store that holds nothing. */
#include <assert.h>
#include <stdlib.h>

#include "bench/substitute.h"
#include "engine/core/engine.h"

static uint32_t put(struct null_store *store, enum store_event_kind kind, uint64_t ticket, int32_t shard) {
    assert(store->count < NULL_STORE_EVENTS_MAX);
    uint32_t place = (store->first + store->count++) % NULL_STORE_EVENTS_MAX;
    store->events[place] = (struct store_event){.kind = kind, .ticket = ticket, .shard = shard};
    return place;
}

static enum result store_claim(void *context, uint64_t ticket, int32_t shard, const struct store_claim *claim,
                               struct error *error) {
    (void)claim, (void)error;
    put(context, STORE_CLAIMED, ticket, shard);
    return RESULT_OK;
}

static enum result store_load(void *context, uint64_t ticket, int32_t shard, const struct text *account_ids,
                              uint32_t count, struct error *error) {
    struct null_store *store = context;
    uint32_t place = put(store, STORE_LOADED, ticket, shard);
    store->blobs[place] = calloc(count + 1, sizeof *store->blobs[place]);
    assert(store->blobs[place] != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct record record = {.key = account_ids[i]};
        if (batch_add(&store->ids[place], &record, error) != RESULT_OK)
            return RESULT_FATAL;
        store->blobs[place][i] = (struct stored_blob){
            .account_id = store->ids[place].records[i].key, .changelog_offset = OFFSET_NONE, .due_ms = INSTANT_NEVER};
    }
    store->events[place].blobs = store->blobs[place];
    store->events[place].count = count;
    return RESULT_OK;
}

static enum result store_load_due(void *context, uint64_t ticket, int32_t shard, const struct due_query *query,
                                  struct error *error) {
    struct null_store *store = context;
    (void)query, (void)error;
    store->events[put(store, STORE_DUE, ticket, shard)].next_due_ms = INSTANT_NEVER;
    return RESULT_OK;
}

static enum result store_scan(void *context, uint64_t ticket, int32_t shard, uint64_t cursor, struct error *error) {
    (void)cursor, (void)error;
    put(context, STORE_SCANNED, ticket, shard);
    return RESULT_OK;
}

static enum result store_write(void *context, uint64_t ticket, int32_t shard, const struct store_write *write,
                               struct error *error) {
    (void)write, (void)error;
    put(context, STORE_WRITTEN, ticket, shard);
    return RESULT_OK;
}

static uint32_t store_place(void *context, struct text account_id) {
    (void)context, (void)account_id;
    return 0;
}

static enum result store_verify(void *context, uint64_t ticket, int32_t shard, struct error *error) {
    (void)error;
    put(context, STORE_VERIFIED, ticket, shard);
    return RESULT_OK;
}

/* Events of the shard that wait are of no harm: it is only released when its worker ends. */
static void store_release(void *context, int32_t shard) {
    (void)context, (void)shard;
}

/* What was answered is the caller's until it asks again; then it goes, or it would count as the accounts' memory. */
static void forget_answered(struct null_store *store) {
    uint32_t place = (store->first + NULL_STORE_EVENTS_MAX - 1) % NULL_STORE_EVENTS_MAX;
    batch_free(&store->ids[place]);
    free(store->blobs[place]);
    store->blobs[place] = NULL;
}

static void store_poll(void *context, int timeout_ms, struct store_event *ret_event) {
    struct null_store *store = context;
    (void)timeout_ms;
    forget_answered(store);
    *ret_event = (struct store_event){.kind = STORE_NOTHING};
    if (store->count == 0)
        return;
    *ret_event = store->events[store->first];
    store->first = (store->first + 1) % NULL_STORE_EVENTS_MAX;
    store->count--;
}

struct store null_store_port(struct null_store *store) {
    return (struct store){
        .context = store,
        .claim = store_claim,
        .load = store_load,
        .load_due = store_load_due,
        .scan = store_scan,
        .write = store_write,
        .place = store_place,
        .verify = store_verify,
        .release = store_release,
        .poll = store_poll,
    };
}

void null_store_free(struct null_store *store) {
    for (uint32_t i = 0; i < NULL_STORE_EVENTS_MAX; i++) {
        batch_free(&store->ids[i]);
        free(store->blobs[i]);
    }
}
