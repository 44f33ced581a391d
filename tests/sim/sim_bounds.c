#include "tests/sim/sim_bounds.h"

#include "base/planted.h"
#include "engine/pipeline_internal.h"
#include "tests/sim/sim_violation.h"

/* What comes while memory is short was asked for before, and leaves when the store has told something more: an idle
 * owner asks it something every VERIFY_EVERY_MS, and answers take a while. */
#define OVER_MAX_MS (2 * VERIFY_EVERY_MS)

#define STATE_BYTES_MAX 2048 /* of any account of the simulation */

struct sum {
    const struct accounts *accounts;
    size_t bytes;
};

static void add_clean(void *context, uint32_t account, struct state_bytes state) {
    struct sum *sum = context;
    if (accounts_phase(sum->accounts, account) == ACCOUNT_CLEAN)
        sum->bytes += state.capacity;
}

/* The states that could leave: the store has them, and answers, and no tick is under way for which they have to stay.
 */
static size_t bytes_free(const struct pipeline *pipeline) {
    struct sum sum = {0};
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (!held->running || !held->claimed || shard_ticks_pending(held->shard))
            continue;
        sum.accounts = shard_accounts(held->shard);
        accounts_visit(sum.accounts, add_clean, &sum);
    }
    return sum.bytes;
}

/* What is gathered of the changelog while shards are taken over takes no more than states may; one record of each shard
 * comes on top, as a page always takes one. */
static void check_pages(const struct pipeline *pipeline) {
    size_t max = pipeline->options.memory_bytes_max + pipeline->held_count * STATE_BYTES_MAX;
    if (pipeline->slab.bytes_used > max)
        sim_violation("memory is bounded", "A restore takes %zu bytes of states; %zu are allowed.",
                      pipeline->slab.bytes_used, max);
}

void sim_bounds_check(struct sim_process *process, int64_t now_ms) {
    const struct pipeline *pipeline = process->pipeline;
    if (pipeline->mode == MODE_TAKEOVER && !PLANTED(shard_kept))
        check_pages(pipeline);
    size_t free = pipeline->mode == MODE_RUNNING && pipeline_memory_is_short(pipeline) ? bytes_free(pipeline) : 0;
    if (free == 0 || process->over_since_ms == 0)
        process->over_since_ms = free == 0 ? 0 : now_ms;
    if (free > 0 && now_ms - process->over_since_ms > OVER_MAX_MS)
        sim_violation("memory is bounded",
                      "States have taken more than %zu bytes since %lld ms, %zu now; %zu of them could leave.",
                      pipeline->options.memory_bytes_max, (long long)process->over_since_ms, pipeline->slab.bytes_used,
                      free);
}
