/* The bytes of a file, of a gzip file or of standard input, from front to back, through a window that the caller makes
 * as large as it needs. That it is gzip is seen from its first bytes, not from its name. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct byte_source {
    const uint8_t *at, *end; /* what was read and not yet consumed; the owner moves `at` on */
    bool at_end;             /* nothing comes behind `end` */

    void *file; /* gzFile */
    uint8_t *buffer;
    size_t capacity;
    uint64_t size; /* of the file as it lies there; 0: not known */
};

/* `path` may be "-": standard input. RESULT_FATAL: it can not be read; the error does not name it. */
MUST_USE enum result byte_source_open(struct byte_source *source, const char *path, struct error *error);
void byte_source_close(struct byte_source *source);

/* Reads on, behind what is there. `at` and `end` move, with what lies between them; everything before is gone. Sets
 * at_end where there was no more. The window never holds more than `size_max` bytes: RESULT_REJECT where it is full. */
MUST_USE enum result byte_source_fill(struct byte_source *source, size_t size_max, struct error *error);

/* Reads on until `size` bytes are there or the end is; RESULT_FATAL where it can not be read. */
MUST_USE enum result byte_source_need(struct byte_source *source, size_t size, struct error *error);

static inline size_t byte_source_left(const struct byte_source *source) {
    return (size_t)(source->end - source->at);
}

/* How much of the file was read, both as it lies there (a gzip file: compressed). `ret_size` is 0 where it is not
 * known. */
void byte_source_progress(const struct byte_source *source, uint64_t *ret_read, uint64_t *ret_size);
