#include "engine/index_set.h"

#include <assert.h>

#include "engine/huge_pages.h"

#define BITS    64
#define WORDS   ((size_t)BITS * BITS) /* indices that a word of `filled` stands for */
#define NOWHERE UINT64_MAX

bool index_set_reserve(struct index_set *set, uint32_t indices) {
    uint32_t filled = (uint32_t)((indices + WORDS - 1) / WORDS);
    return huge_array_reserve(&set->words, &set->words_capacity, filled * BITS, sizeof *set->words) &&
           huge_array_reserve(&set->filled, &set->filled_capacity, filled, sizeof *set->filled);
}

size_t index_set_bytes(const struct index_set *set) {
    return set->words_capacity * sizeof *set->words + set->filled_capacity * sizeof *set->filled;
}

void index_set_free(struct index_set *set) {
    huge_array_free(set->words, set->words_capacity * sizeof *set->words);
    huge_array_free(set->filled, set->filled_capacity * sizeof *set->filled);
    *set = (struct index_set){0};
}

static bool has_room(const struct index_set *set, uint32_t index) {
    return index / WORDS < set->filled_capacity;
}

void index_set_add(struct index_set *set, uint32_t index) {
    assert(has_room(set, index));
    uint64_t *word = &set->words[index / BITS], bit = 1ull << index % BITS;
    set->count += (*word & bit) == 0;
    *word |= bit;
    set->filled[index / WORDS] |= 1ull << index / BITS % BITS;
    if (index < set->least)
        set->least = index;
}

void index_set_remove(struct index_set *set, uint32_t index) {
    assert(has_room(set, index));
    uint64_t *word = &set->words[index / BITS], bit = 1ull << index % BITS;
    set->count -= (*word & bit) != 0;
    *word &= ~bit;
    if (*word == 0)
        set->filled[index / WORDS] &= ~(1ull << index / BITS % BITS);
}

/* The first bit that is set at or behind `bit`, of an array of `size` words; NOWHERE. */
static uint64_t bit_from(const uint64_t *words, size_t size, uint64_t bit) {
    uint64_t rest = UINT64_MAX << bit % BITS;
    for (size_t i = bit / BITS; i < size; i++, rest = UINT64_MAX)
        if ((words[i] & rest) != 0)
            return i * BITS + (uint64_t)__builtin_ctzll(words[i] & rest);
    return NOWHERE;
}

/* The least member from `index` on, which may be one too many. */
static uint32_t from(const struct index_set *set, uint64_t index) {
    if (index / WORDS >= set->filled_capacity)
        return INDEX_NONE;
    uint64_t rest = set->words[index / BITS] & UINT64_MAX << index % BITS;
    if (rest != 0)
        return (uint32_t)(index / BITS * BITS) + (uint32_t)__builtin_ctzll(rest);
    uint64_t word = bit_from(set->filled, set->filled_capacity, index / BITS + 1);
    return word == NOWHERE ? INDEX_NONE : (uint32_t)(word * BITS) + (uint32_t)__builtin_ctzll(set->words[word]);
}

void index_set_clear(struct index_set *set) {
    while (set->count > 0) {
        uint32_t word = index_set_first(set) / BITS;
        set->count -= (uint32_t)__builtin_popcountll(set->words[word]);
        set->words[word] = 0;
        set->filled[word / BITS] &= ~(1ull << word % BITS);
    }
    set->least = INDEX_NONE;
}

uint32_t index_set_first(struct index_set *set) {
    if (set->count == 0)
        return INDEX_NONE;
    return set->least = from(set, set->least);
}

uint32_t index_set_after(const struct index_set *set, uint32_t index) {
    return set->count > 1 ? from(set, (uint64_t)index + 1) : INDEX_NONE;
}
