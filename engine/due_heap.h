/* Deadlines of accounts, the earliest first; of equal ones the account with the smaller index. An account has one
 * deadline or none. One thread; memory only grows in due_heap_reserve. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct due_node;

struct due_heap {
    struct due_node *nodes;
    uint32_t *places; /* by account: its place among the nodes + 1; 0: it has no deadline */
    uint32_t count, capacity;
    uint32_t places_capacity;
};

/* Makes room for accounts 0 to `accounts` - 1; false: memory is out, and nothing has changed. */
MUST_USE bool due_heap_reserve(struct due_heap *heap, uint32_t accounts);
size_t due_heap_bytes(const struct due_heap *heap);
void due_heap_free(struct due_heap *heap);

/* INSTANT_NEVER takes the deadline away. */
void due_heap_set(struct due_heap *heap, uint32_t account, int64_t due_ms);
int64_t due_heap_get(const struct due_heap *heap, uint32_t account);
/* The first; false: there is none. */
bool due_heap_first(const struct due_heap *heap, uint32_t *ret_account, int64_t *ret_due_ms);
/* Those of which one follows the first, that one before all others; returns how many. */
#define DUE_HEAP_NEXT_MAX 4
uint32_t due_heap_next(const struct due_heap *heap, uint32_t ret_accounts[DUE_HEAP_NEXT_MAX]);
