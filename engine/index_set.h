/* A set of small numbers, taken out in their order: a bit for each, and a bit for each word that has any. One thread;
 * memory only grows in index_set_reserve. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

#define INDEX_NONE UINT32_MAX

struct index_set {
    uint64_t *words;
    uint64_t *filled; /* a bit for each of `words` that is not 0 */
    uint32_t words_capacity, filled_capacity;
    uint32_t count;
    uint32_t least; /* no member is below */
};

/* Makes room for 0 to `indices` - 1, and some; false: memory is out, and the set is as it was. */
MUST_USE bool index_set_reserve(struct index_set *set, uint32_t indices);
size_t index_set_bytes(const struct index_set *set);
void index_set_free(struct index_set *set);

void index_set_add(struct index_set *set, uint32_t index);
/* Nothing where it is no member. */
void index_set_remove(struct index_set *set, uint32_t index);
void index_set_clear(struct index_set *set);
/* The least member; INDEX_NONE. */
uint32_t index_set_first(struct index_set *set);
/* The least one above `index`, a member; INDEX_NONE. */
uint32_t index_set_after(const struct index_set *set, uint32_t index);
