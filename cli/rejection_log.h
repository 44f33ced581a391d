/* Tells the log of rejected records: the first at once, later ones together, at most every REJECTION_TELL_MS, so that a
 * producer that sends nothing else does not flood it. Used by one thread. */
#pragma once

#include "cli/status_page.h"
#include "engine/ports.h"

#define REJECTION_TELL_MS 60000

/* Zeroed: nothing has been told. */
struct rejection_log {
    uint64_t told[REJECTION_REASONS];
    int64_t told_ms; /* when the last line was written; 0: none was */
};

/* `now_ms` is monotonic. */
void rejection_log_look(struct rejection_log *rejections, const struct status_view *view, int64_t now_ms,
                        const struct logger *logger);
