#include <assert.h>

#include "tests/harness/commit_accounts.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_oracle_internal.h"

#define STATE_BYTES_MAX (1 << 16)

struct committed_blob *oracle_find_blob(struct committed_blobs *blobs, struct text account) {
    for (uint32_t i = 0; i < blobs->count; i++)
        if (text_equal(blobs->items[i].account, account))
            return &blobs->items[i];
    return NULL;
}

/* `account` and `blob` stay where they are. */
void oracle_set_blob(struct committed_blobs *blobs, struct text account, struct text blob, int64_t offset) {
    struct committed_blob *found = oracle_find_blob(blobs, account);
    if (found == NULL) {
        blobs->items = sim_grown(blobs->items, blobs->count, &blobs->capacity, sizeof *blobs->items);
        found = &blobs->items[blobs->count++];
        found->account = account;
    }
    found->blob = blob;
    found->offset = offset;
}

void oracle_touch(struct oracle_shard *shard, struct text account) {
    shard->touched = sim_grown(shard->touched, shard->touched_count, &shard->touched_capacity, sizeof *shard->touched);
    shard->touched[shard->touched_count++] = account;
}

struct blob_summary oracle_summary(struct text blob) {
    struct blob_summary summary;
    struct error error;
    if (blob_summarise((const uint8_t *)blob.data, blob.size, &summary, &error) != RESULT_OK)
        sim_violation("blobs can be read", "%s", error.text);
    return summary;
}

/* Binds a blob to the oracle's rules; the state lies in `memory`. */
static struct state_bytes bind(struct oracle_shard *shard, struct text blob, uint8_t memory[STATE_BYTES_MAX]) {
    struct state_bytes state;
    struct error error;
    if (engine_decode(shard->engine, (const uint8_t *)blob.data, blob.size, &shard->layouts,
                      shard_clocks(shard->shard)->ticked_ms, &state, &error) != RESULT_OK)
        sim_violation("blobs can be read", "%s", error.text);
    assert(state.size <= STATE_BYTES_MAX);
    memcpy(memory, state.data, state.size);
    return (struct state_bytes){memory, state.size, STATE_BYTES_MAX};
}

static int64_t now_of(struct state_bytes state) {
    return ((const struct state_header *)(const void *)state.data)->now_ms;
}

/* As the state would be after a tick at `at_ms`, without what only says how to get there in fewer evaluations: when the
 * account is looked at next, and how busy it is. */
static struct text normalise(struct oracle_shard *shard, struct state_bytes state, int64_t at_ms, struct buffer *out) {
    struct step step = {.state = state};
    if (!state_is_erased(state))
        engine_tick(shard->engine, state, at_ms, shard_clocks(shard->shard), &step);
    struct state_header *header = (struct state_header *)(void *)step.state.data;
    header->due_ms = INSTANT_NEVER;
    header->horizon = 0;
    header->flags &= STATE_ERASED;
    buffer_clear(out);
    engine_encode(shard->engine, step.state, out);
    return buffer_text(out);
}

static bool are_equal(struct oracle_shard *shard, struct text wanted, struct text found) {
    static _Alignas(16) uint8_t wanted_memory[STATE_BYTES_MAX], found_memory[STATE_BYTES_MAX];
    struct sim_oracle *oracle = shard->oracle;
    if (text_equal(wanted, found))
        return true;
    struct state_bytes wanted_state = bind(shard, wanted, wanted_memory),
                       found_state = bind(shard, found, found_memory);
    int64_t at_ms = now_of(wanted_state) > now_of(found_state) ? now_of(wanted_state) : now_of(found_state);
    if (shard_clocks(shard->shard)->ticked_ms > at_ms)
        at_ms = shard_clocks(shard->shard)->ticked_ms;
    at_ms += engine_program(shard->engine)->tick_ms;
    bool equal = text_equal(normalise(shard, wanted_state, at_ms, &oracle->wanted),
                            normalise(shard, found_state, at_ms, &oracle->found));
    return equal;
}

/* The account's blob as a process last made it: with other rules it is bound to them when it is needed, and becomes a
 * blob of theirs when it is looked at. */
static struct text blob_of(struct oracle_shard *shard, struct engine *engine, struct accounts *accounts,
                           uint32_t account) {
    struct buffer *scratch = &shard->oracle->scratch;
    struct state_bytes state = accounts_state(accounts, account);
    const struct state_header *header = (const struct state_header *)(const void *)state.data;
    if ((header->flags & STATE_CHANGED) != 0 && accounts_phase(accounts, account) != ACCOUNT_DIRTY) {
        const struct committed_blob *bound = oracle_find_blob(&shard->bound, state_account_id(state));
        assert(bound != NULL);
        return bound->blob;
    }
    buffer_clear(scratch);
    engine_encode(engine, state, scratch);
    return buffer_text(scratch);
}

/* Before its accounts are no longer dirty, or the rules no longer its own. */
void oracle_keep_bound(struct oracle_shard *shard, struct engine *engine, struct accounts *accounts, uint32_t account) {
    struct text id = oracle_keep(shard->oracle, accounts_id(accounts, account));
    oracle_set_blob(&shard->bound, id, oracle_keep(shard->oracle, blob_of(shard, engine, accounts, account)), 0);
}

void oracle_compare_state(struct oracle_shard *shard, struct text id, struct text found, const char *where) {
    struct accounts *accounts = shard_accounts(shard->shard);
    uint32_t account = accounts_find(accounts, id);
    if (account == ACCOUNT_NONE || accounts_state(accounts, account).size == 0)
        sim_violation("states are the oracle's", "Account %.*s of shard %d is in %s, and should never have been seen.",
                      TEXT_ARGUMENTS(id), shard->number, where);
    if (text_is_missing(found))
        sim_violation("states are the oracle's", "Account %.*s of shard %d is not in %s.", TEXT_ARGUMENTS(id),
                      shard->number, where);
    if (!are_equal(shard, blob_of(shard, shard->engine, accounts, account), found))
        sim_violation("states are the oracle's", "Account %.*s of shard %d has another state in %s.",
                      TEXT_ARGUMENTS(id), shard->number, where);
}

void oracle_compare_states(struct oracle_shard *shard) {
    struct accounts *accounts = shard_accounts(shard->shard);
    for (uint32_t i = 0; i < accounts_dirty_count(accounts); i++)
        oracle_touch(shard, accounts_id(accounts, accounts_dirty(accounts, i)));
    for (uint32_t i = 0; i < shard->touched_count; i++) {
        const struct committed_blob *blob = oracle_find_blob(&shard->blobs, shard->touched[i]);
        oracle_compare_state(shard, shard->touched[i], blob == NULL ? TEXT_MISSING : blob->blob, "the changelog");
    }
    shard->touched_count = 0;
    for (uint32_t i = 0; i < accounts_dirty_count(accounts) && shard->bound.count > 0; i++)
        oracle_keep_bound(shard, shard->engine, accounts, accounts_dirty(accounts, i));
    commit_accounts(accounts, ++shard->commits);
}
