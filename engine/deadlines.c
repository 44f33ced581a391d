#include "engine/deadlines.h"

#include <assert.h>

#include "base/hash.h"
#include "engine/core/engine.h"
#include "engine/huge_pages.h"

#define LIST_PART 32 /* a list longer than that part of all accounts is not walked to its end */

/* What names an account or a slot is one more than its number, so that zeroed memory names none. */

struct deadline {
    uint32_t slot;
    uint32_t next, prev; /* accounts of the slot */
};

/* Without a gap behind it: where many accounts have an instant of their own there are as many. */
struct __attribute__((packed, aligned(4))) due_slot {
    int64_t due_ms;  /* INSTANT_NEVER: it is free */
    uint32_t first;  /* account; of a free slot: the next free one */
    uint32_t chain;  /* the next slot of its bucket */
    uint32_t bucket; /* of the bucket with this slot's number, which has nothing to do with it: the first slot */
};

/* Each account may be due at an instant of its own. */
bool deadlines_reserve(struct deadlines *deadlines, uint32_t accounts) {
    if (!due_heap_reserve(&deadlines->instants, accounts) || !index_set_reserve(&deadlines->ordered, accounts) ||
        !huge_array_reserve(&deadlines->slots, &deadlines->slots_capacity, accounts, sizeof *deadlines->slots))
        return false;
    if (deadlines->buckets == 0)
        deadlines->buckets = 1;
    return huge_array_reserve(&deadlines->of_account, &deadlines->capacity, accounts, sizeof *deadlines->of_account);
}

size_t deadlines_bytes(const struct deadlines *deadlines) {
    return deadlines->capacity * sizeof *deadlines->of_account + index_set_bytes(&deadlines->ordered) +
           deadlines->slots_used * (sizeof *deadlines->slots + DUE_HEAP_SLOT_BYTES);
}

void deadlines_free(struct deadlines *deadlines) {
    huge_array_free(deadlines->of_account, deadlines->capacity * sizeof *deadlines->of_account);
    huge_array_free(deadlines->slots, deadlines->slots_capacity * sizeof *deadlines->slots);
    due_heap_free(&deadlines->instants);
    index_set_free(&deadlines->ordered);
    *deadlines = (struct deadlines){0};
}

static struct deadline *of(const struct deadlines *deadlines, uint32_t account) {
    return &deadlines->of_account[account - 1];
}

static struct due_slot *slot_at(const struct deadlines *deadlines, uint32_t slot) {
    return &deadlines->slots[slot - 1];
}

/* ---- slots by their instants */

static uint32_t *bucket_of(const struct deadlines *deadlines, int64_t due_ms) {
    return &deadlines->slots[hash_bytes(&due_ms, sizeof due_ms, 0) & (deadlines->buckets - 1)].bucket;
}

static void chain(struct deadlines *deadlines, uint32_t slot) {
    uint32_t *bucket = bucket_of(deadlines, slot_at(deadlines, slot)->due_ms);
    slot_at(deadlines, slot)->chain = *bucket;
    *bucket = slot;
}

/* As many as there are instants; half as many at least, where each account has one of its own. */
static void grow_buckets(struct deadlines *deadlines) {
    if (deadlines->instants.count <= deadlines->buckets || deadlines->buckets > deadlines->slots_capacity / 2)
        return;
    deadlines->buckets *= 2;
    for (uint32_t i = 0; i < deadlines->buckets; i++)
        deadlines->slots[i].bucket = 0;
    for (uint32_t slot = 1; slot <= deadlines->slots_used; slot++)
        if (slot_at(deadlines, slot)->due_ms != INSTANT_NEVER)
            chain(deadlines, slot);
}

static uint32_t slot_of(const struct deadlines *deadlines, int64_t due_ms) {
    uint32_t slot = *bucket_of(deadlines, due_ms);
    while (slot != 0 && slot_at(deadlines, slot)->due_ms != due_ms)
        slot = slot_at(deadlines, slot)->chain;
    return slot;
}

static uint32_t take_slot(struct deadlines *deadlines) {
    uint32_t slot = deadlines->slots_free;
    if (slot == 0)
        return ++deadlines->slots_used;
    deadlines->slots_free = slot_at(deadlines, slot)->first;
    return slot;
}

static uint32_t add_slot(struct deadlines *deadlines, int64_t due_ms) {
    uint32_t slot = take_slot(deadlines);
    due_heap_add(&deadlines->instants, slot - 1, due_ms);
    slot_at(deadlines, slot)->due_ms = due_ms;
    slot_at(deadlines, slot)->first = 0;
    chain(deadlines, slot);
    grow_buckets(deadlines);
    return slot;
}

static void remove_slot(struct deadlines *deadlines, uint32_t slot) {
    struct due_slot *removed = slot_at(deadlines, slot);
    uint32_t *link = bucket_of(deadlines, removed->due_ms);
    while (*link != slot)
        link = &slot_at(deadlines, *link)->chain;
    *link = removed->chain;
    due_heap_remove(&deadlines->instants, slot - 1);
    removed->due_ms = INSTANT_NEVER;
    removed->first = deadlines->slots_free;
    deadlines->slots_free = slot;
    if (deadlines->ordered_slot == slot)
        deadlines->ordered_slot = 0;
}

/* ---- their accounts */

static void put(struct deadlines *deadlines, uint32_t account, uint32_t slot) {
    uint32_t first = slot_at(deadlines, slot)->first;
    *of(deadlines, account) = (struct deadline){.slot = slot, .next = first};
    if (first != 0)
        of(deadlines, first)->prev = account;
    slot_at(deadlines, slot)->first = account;
    if (slot == deadlines->ordered_slot)
        index_set_add(&deadlines->ordered, account - 1);
}

static void take_away(struct deadlines *deadlines, uint32_t account) {
    struct deadline taken = *of(deadlines, account);
    if (taken.slot == 0)
        return;
    *of(deadlines, account) = (struct deadline){0};
    if (taken.next != 0)
        of(deadlines, taken.next)->prev = taken.prev;
    if (taken.prev != 0)
        of(deadlines, taken.prev)->next = taken.next;
    else
        slot_at(deadlines, taken.slot)->first = taken.next;
    if (taken.slot == deadlines->ordered_slot)
        index_set_remove(&deadlines->ordered, account - 1);
    if (slot_at(deadlines, taken.slot)->first == 0)
        remove_slot(deadlines, taken.slot);
}

void deadlines_set(struct deadlines *deadlines, uint32_t account, int64_t due_ms) {
    assert(account < deadlines->capacity);
    if (deadlines_get(deadlines, account) == due_ms)
        return;
    take_away(deadlines, account + 1);
    if (due_ms == INSTANT_NEVER)
        return;
    uint32_t slot = slot_of(deadlines, due_ms);
    put(deadlines, account + 1, slot == 0 ? add_slot(deadlines, due_ms) : slot);
}

int64_t deadlines_get(const struct deadlines *deadlines, uint32_t account) {
    assert(account < deadlines->capacity);
    uint32_t slot = deadlines->of_account[account].slot;
    return slot == 0 ? INSTANT_NEVER : slot_at(deadlines, slot)->due_ms;
}

void deadlines_prefetch(const struct deadlines *deadlines, uint32_t account) {
    __builtin_prefetch(&deadlines->of_account[account], 1);
}

void deadlines_prefetch_neighbours(const struct deadlines *deadlines, uint32_t account) {
    const struct deadline *deadline = &deadlines->of_account[account];
    if (deadline->next != 0)
        __builtin_prefetch(of(deadlines, deadline->next), 1);
    if (deadline->prev != 0)
        __builtin_prefetch(of(deadlines, deadline->prev), 1);
}

int64_t deadlines_first_ms(const struct deadlines *deadlines) {
    uint32_t slot;
    int64_t due_ms;
    return due_heap_first(&deadlines->instants, &slot, &due_ms) ? due_ms : INSTANT_NEVER;
}

/* Another instant became the first. A list is walked in the order of memory's chance: one that a good part of all
 * accounts is in takes less time to be looked for among all of them, which lie side by side. */
static void order(struct deadlines *deadlines, uint32_t slot) {
    index_set_clear(&deadlines->ordered);
    uint32_t account = slot_at(deadlines, slot)->first;
    for (uint32_t left = deadlines->capacity / LIST_PART; account != 0 && left > 0; left--) {
        index_set_add(&deadlines->ordered, account - 1);
        account = of(deadlines, account)->next;
    }
    for (uint32_t i = 1; account != 0 && i <= deadlines->capacity; i++)
        if (of(deadlines, i)->slot == slot)
            index_set_add(&deadlines->ordered, i - 1);
    deadlines->ordered_slot = slot;
}

uint32_t deadlines_first(struct deadlines *deadlines, int64_t until_ms) {
    uint32_t slot;
    int64_t due_ms;
    if (!due_heap_first(&deadlines->instants, &slot, &due_ms) || due_ms > until_ms)
        return INDEX_NONE;
    if (deadlines->ordered_slot != slot + 1)
        order(deadlines, slot + 1);
    return index_set_first(&deadlines->ordered);
}

uint32_t deadlines_after(const struct deadlines *deadlines, uint32_t account) {
    return index_set_after(&deadlines->ordered, account);
}
