/* The newest states of a shard's accounts, gathered from its changelog on their way to the store: as often as an
 * account was committed, it goes there once, and beside those that lie there beside it.
 *
 * A page is filled, then ordered, then read until it is cleared. States lie in the worker's slab, in which nothing else
 * is while its shards are taken over; whoever fills it ends it where `bytes` are enough. One thread. */
#pragma once

#include "engine/ports.h"
#include "engine/slab.h"

struct page_account;
struct page_slot;

struct restore_page {
    struct slab *slab; /* set by whoever fills the page */
    struct page_account *accounts;
    uint32_t count, capacity;
    struct page_slot *slots; /* of a hash table: open addressing, linear probing */
    uint32_t slots_count;    /* a power of two, or 0 */
    size_t bytes;            /* of the slab */
};

/* The account's state of now is the one of this record, which is newer than all before it. RESULT_FATAL: memory is out.
 */
MUST_USE enum result restore_page_add(struct restore_page *page, const struct log_record *record,
                                      struct text account_id, struct error *error);
/* Puts the accounts into the order of their places in the store; nothing can be added any more. */
void restore_page_order(struct restore_page *page, const struct store *store);
/* What the store gets of the account at `place` (less than `count`), borrowed from the page. RESULT_RETRY and other
 * failures: the state cannot be read. */
MUST_USE enum result restore_page_blob(const struct restore_page *page, uint32_t place, struct stored_blob *ret_blob,
                                       struct error *error);
/* Empty again, with all memory given back. */
void restore_page_clear(struct restore_page *page);
