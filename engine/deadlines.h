/* Deadlines of accounts, the earliest first; of equal ones the account with the smaller index. An account has one
 * deadline or none. Many share one, as deadlines are ticks: each instant has a list of its accounts. To set one takes
 * longer the more instants there are, not the more accounts: where each account has an instant of its own, much longer.
 * The first instant's list is put in order when it is asked for. One thread; memory only grows in deadlines_reserve. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "engine/due_heap.h"
#include "engine/index_set.h"

struct deadline;
struct due_slot;

struct deadlines {
    struct deadline *of_account;
    uint32_t capacity;
    struct due_slot *slots; /* an instant at which accounts are due has one */
    uint32_t slots_capacity;
    uint32_t slots_used;      /* handed out so far, the free ones included */
    uint32_t slots_free;      /* the first free one + 1; 0 */
    uint32_t buckets;         /* a power of two, of slots by their instant's hash */
    struct due_heap instants; /* by slot */
    struct index_set ordered; /* the accounts of `ordered_slot` */
    uint32_t ordered_slot;    /* + 1; 0: none */
};

/* Makes room for accounts 0 to `accounts` - 1; false: memory is out, and the deadlines are as they were. */
MUST_USE bool deadlines_reserve(struct deadlines *deadlines, uint32_t accounts);
/* Room for instants that was never used is not counted. */
size_t deadlines_bytes(const struct deadlines *deadlines);
void deadlines_free(struct deadlines *deadlines);

/* INSTANT_NEVER takes the deadline away. */
void deadlines_set(struct deadlines *deadlines, uint32_t account, int64_t due_ms);
/* INSTANT_NEVER: it has none. */
int64_t deadlines_get(const struct deadlines *deadlines, uint32_t account);
/* Has what is needed to set it come from memory: first the account's own, and when that is here its neighbours'. */
void deadlines_prefetch(const struct deadlines *deadlines, uint32_t account);
void deadlines_prefetch_neighbours(const struct deadlines *deadlines, uint32_t account);
/* The earliest; INSTANT_NEVER: there is none. */
int64_t deadlines_first_ms(const struct deadlines *deadlines);
/* The first account of those that are due first; INDEX_NONE: none is due until `until_ms`. Where another instant has
 * become the first since, its accounts are put in order, and those of the former are no longer. */
uint32_t deadlines_first(struct deadlines *deadlines, int64_t until_ms);
/* The one that follows `account` of those that are due when the one is that deadlines_first gave last; INDEX_NONE. */
uint32_t deadlines_after(const struct deadlines *deadlines, uint32_t account);
