/* Standard output, or another descriptor, through one large buffer. One thread. A reader that has gone (`| head`) is no
 * error: whoever writes looks at `closed` now and then, and ends. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

#define WRITER_BUFFER_BYTES (1 << 18)

struct writer {
    int descriptor;
    bool live;            /* what is written is to be seen at once: on a terminal */
    bool closed;          /* nobody reads it any more */
    int failed;           /* errno of a write that failed otherwise; 0 */
    struct buffer buffer; /* to be written; writers append here, then call writer_end_line */
};

void writer_open(struct writer *writer, int descriptor);
/* Writes when enough has gathered, or the output is live. */
void writer_end_line(struct writer *writer);
void writer_flush(struct writer *writer);
/* Flushes. RESULT_FATAL where something could not be written (a full disk); not where the reader has gone. */
MUST_USE enum result writer_close(struct writer *writer, struct error *error);

/* Whether colours may be used on it: a terminal, and NO_COLOR is not set. */
bool writer_has_colour(int descriptor, const char *const *environment);
