/* A commit of all dirty accounts that is known at once, for tests that have no pipeline. */
#pragma once

#include <assert.h>
#include <stdlib.h>

#include "engine/accounts.h"

static inline void commit_accounts(struct accounts *accounts, uint64_t commit) {
    uint32_t count = accounts_dirty_count(accounts);
    uint32_t *dirty = calloc(count + 1, sizeof *dirty);
    assert(dirty != NULL);
    for (uint32_t i = 0; i < count; i++)
        dirty[i] = accounts_dirty(accounts, i);
    accounts_seal(accounts);
    for (uint32_t i = 0; i < count; i++)
        accounts_written(accounts, dirty[i], commit);
    free(dirty);
}
