/* What is wrong with a configuration, all of it at once: each finding says where it is and the way out. Used by the
 * configuration's reader and by `check`. The texts live in the arena; past FINDINGS_MAX they are only counted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define FINDINGS_MAX 100

enum severity {
    SEVERITY_ERROR,   /* it cannot be run like this */
    SEVERITY_WARNING, /* it can, and will probably disappoint */
};

struct finding {
    enum severity severity;
    struct text where; /* `bellwether.yaml:3:7`, `BELLWETHER_REDIS_URL`, `topic logins`; never missing */
    struct text what;
};

struct findings {
    struct arena *arena; /* set by the owner before the first is added */
    struct finding items[FINDINGS_MAX];
    uint32_t count;  /* of items */
    uint32_t errors; /* all that were added, also those beyond FINDINGS_MAX */
    uint32_t warnings;
};

void finding_add(struct findings *findings, enum severity severity, struct text where, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* `file:line:column`, in the arena. */
struct text place_text(struct arena *arena, struct text file, uint32_t line, uint32_t column);
