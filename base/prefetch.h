/* Asks for memory that is needed soon: the waits for it overlap then. A hint, of which nothing but time depends. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PREFETCH_LINE      64   /* bytes that come at once, on all processors of today but few */
#define PREFETCH_BYTES_MAX 1024 /* of one call: more would drive out what was asked for before */

static inline void prefetch_bytes(const void *memory, size_t size) {
    const char *bytes = memory, *end = bytes + (size < PREFETCH_BYTES_MAX ? size : PREFETCH_BYTES_MAX);
    bytes -= (uintptr_t)bytes % PREFETCH_LINE;
    for (; end - bytes > 3 * PREFETCH_LINE; bytes += 4 * PREFETCH_LINE) {
        __builtin_prefetch(bytes);
        __builtin_prefetch(bytes + PREFETCH_LINE);
        __builtin_prefetch(bytes + 2 * PREFETCH_LINE);
        __builtin_prefetch(bytes + 3 * PREFETCH_LINE);
    }
    for (; bytes < end; bytes += PREFETCH_LINE)
        __builtin_prefetch(bytes);
}
