/* Standard output, or another descriptor, through one large buffer. One thread. A reader that has gone (`| head`) is no
 * error: whoever writes looks at `closed` now and then, and ends. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

#define PRINTER_BUFFER_BYTES (1 << 18)

struct printer {
    int descriptor;
    bool live;            /* what is written is to be seen at once: on a terminal */
    bool closed;          /* nobody reads it any more */
    int failed;           /* errno of a write that failed otherwise; 0 */
    struct buffer buffer; /* to be written; writers append here, then call printer_end_line */
};

void printer_open(struct printer *printer, int descriptor);
/* Writes when enough has gathered, or the output is live. */
void printer_end_line(struct printer *printer);
void printer_flush(struct printer *printer);
/* Flushes. RESULT_FATAL where something could not be written (a full disk); not where the reader has gone. */
MUST_USE enum result printer_close(struct printer *printer, struct error *error);

/* Whether colours may be used on it: a terminal, and NO_COLOR is not set. */
bool printer_has_colour(int descriptor, const char *const *environment);
/* How wide the terminal is; 0 where it is none. */
uint32_t printer_columns(int descriptor);
