/* What `check` looks at in Redis: that it answers, may be written, never evicts, and holds nobody else's data. */
#pragma once

#include "config/configuration.h"

struct redis_report {
    char version[32];
    char memory[96]; /* `12.30M used, no limit` */
    int64_t keys;
};

/* Adds what is wrong to `findings`. RESULT_RETRY: it cannot be reached; that is a finding too. */
MUST_USE enum result check_redis(const struct configuration *configuration, struct findings *findings,
                                 struct redis_report *ret_report);
