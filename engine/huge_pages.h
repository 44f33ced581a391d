/* Large memory straight from the system, on huge pages where it has them: where millions of accounts are visited at
 * random, most of the time of a visit would go into finding out where its page is.
 *
 * Arrays that grow with the accounts are remapped, not copied, and what an allocator would keep of their former places
 * goes back to the system: only what has been touched takes memory. Used by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

/* A zeroed array of `size` bytes, more than none; NULL: memory is out. */
void *huge_array_make(size_t size);
/* Gives an array of `former` bytes `size` of them, at another place perhaps; what is new is zero. NULL: memory is out,
 * and the array is as it was. Only ever larger. */
void *huge_array_grow(void *array, size_t former, size_t size);
/* Gives the array of `*capacity` items that `*array` points to, a pointer of whatever kind, room for `count` of them,
 * unless it has that. False: memory is out, and both are as they were. */
MUST_USE bool huge_array_reserve(void *array, uint32_t *capacity, uint32_t count, size_t item_bytes);
/* `size` as it was asked for last; NULL is no array. */
void huge_array_free(void *array, size_t size);

/* A huge page's worth of zeros, aligned to HUGE_PAGE; NULL: memory is out. */
void *huge_region_make(void);
/* Has the region come as one page. The system need not follow it. Before it is touched. */
void huge_region_advise(void *region);
void huge_region_free(void *region);
