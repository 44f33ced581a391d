/* Large tables on huge pages: where millions of accounts are visited at random, most of the time of a visit would go
 * into finding out where its page is. Advice only: the system may not follow it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

/* For memory from malloc and its like, before it is touched. Less than a huge page is left alone. */
static inline void huge_pages_advise(void *memory, size_t size) {
    uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)memory + size) & ~(uintptr_t)(HUGE_PAGE - 1);
    if (memory != NULL && end > begin)
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}
