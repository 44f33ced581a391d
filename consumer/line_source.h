/* The lines of a byte source. One thread. */
#pragma once

#include "base/text.h"
#include "consumer/byte_source.h"

#define LINE_SIZE_MAX (16 * 1024 * 1024)

struct line_source {
    struct byte_source *bytes;
    uint64_t number; /* of the line that was given last, from 1 */
};

enum line_outcome {
    LINE_READ,
    LINE_TOO_LONG, /* it is skipped; its number counts */
    LINE_END,      /* there are no more lines */
    LINE_FAILED,   /* the file can not be read on */
};

/* The next line, without its end; borrowed until the next call. What stands behind the last line end is a line too. */
MUST_USE enum line_outcome line_source_next(struct line_source *source, struct text *ret_line, struct error *error);
