#include "engine/accounts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/planted.h"
#include "base/prefetch.h"
#include "engine/deadlines.h"
#include "engine/huge_pages.h"

#define ENTRIES_MIN 64
#define TABLE_MIN   64

#define GROWTH_ROOM 64 /* bytes: some events' worth; of large states a GROWTH_PART */
#define GROWTH_PART 16

/* What was used survives one look of eviction; what was loaded and not used yet survives all looks of one call. */
#define CHANCES_USED   1
#define CHANCES_LOADED 3
#define LOOKS_PER_CALL 2

/* One of a million: kept small. Where there is no state, `bytes` hold the account's id. */
struct account {
    uint8_t *bytes;
    uint32_t size, capacity;
    uint32_t
        commit; /* low half of the number of the newest commit that holds the state; of a free entry: the next one */
    uint8_t phase;
    uint8_t waits_for; /* streams */
    bool has_state : 1;
    bool deadline_is_stored : 1; /* what the store has of these two: */
    uint8_t stored_waits : STREAMS;
    uint8_t chances; /* looks of eviction that it will survive */
    int64_t stored_due_ms;
};

/* Of the hash table; with the hash beside the index, whoever looks for an account touches no other's entry. */
struct table_slot {
    uint32_t entry; /* index + 1; 0: empty */
    uint32_t hash;
};

struct accounts {
    struct slab *slab;
    struct account *entries;
    uint32_t capacity; /* of the arrays that are addressed by index */
    uint32_t dirty_capacity;
    uint32_t indices; /* handed out so far, the free ones included */
    uint32_t free;    /* first free entry, or ACCOUNT_NONE */
    uint32_t count;
    struct table_slot *table; /* open addressing, linear probing */
    uint32_t table_size;
    struct deadlines deadlines;
    uint32_t waiting[STREAMS]; /* how many accounts wait for the stream */
    uint32_t *dirty;           /* has room for every index */
    uint32_t dirty_count;
    size_t dirty_bytes;
    uint32_t hand;
};

static struct account *entry(const struct accounts *accounts, uint32_t account) {
    assert(account < accounts->indices);
    return &accounts->entries[account];
}

static struct state_bytes state_of(const struct account *account) {
    return account->has_state ? (struct state_bytes){account->bytes, account->size, account->capacity}
                              : (struct state_bytes){NULL, 0, 0};
}

static struct text id_of(const struct account *account) {
    return account->has_state ? state_account_id(state_of(account))
                              : (struct text){(const char *)account->bytes, account->size};
}

enum result accounts_create(struct slab *slab, struct accounts **ret_accounts, struct error *error) {
    struct accounts *accounts = calloc(1, sizeof *accounts);
    struct table_slot *table = huge_array_make(TABLE_MIN * sizeof *table);
    if (accounts == NULL || table == NULL) {
        free(accounts);
        huge_array_free(table, TABLE_MIN * sizeof *table);
        return error_set(error, RESULT_FATAL, "Memory is out: no table of accounts could be made.");
    }
    accounts->slab = slab;
    accounts->free = ACCOUNT_NONE;
    accounts->table = table;
    accounts->table_size = TABLE_MIN;
    *ret_accounts = accounts;
    return RESULT_OK;
}

void accounts_free(struct accounts *accounts) {
    if (accounts == NULL)
        return;
    for (uint32_t i = 0; i < accounts->indices; i++)
        if (entry(accounts, i)->phase != ACCOUNT_FREE)
            slab_release(accounts->slab, entry(accounts, i)->bytes, entry(accounts, i)->capacity);
    huge_array_free(accounts->entries, accounts->capacity * sizeof *accounts->entries);
    huge_array_free(accounts->table, accounts->table_size * sizeof *accounts->table);
    huge_array_free(accounts->dirty, accounts->dirty_capacity * sizeof *accounts->dirty);
    deadlines_free(&accounts->deadlines);
    free(accounts);
}

uint32_t accounts_count(const struct accounts *accounts) {
    return accounts->count;
}

size_t accounts_bytes(const struct accounts *accounts) {
    return accounts->capacity * sizeof *accounts->entries + accounts->dirty_capacity * sizeof *accounts->dirty +
           deadlines_bytes(&accounts->deadlines) + accounts->table_size * sizeof *accounts->table;
}

/* ---- the hash table */

/* The place of the account in the table, or the empty one where it would go. */
static uint32_t table_place(const struct accounts *accounts, uint32_t hash, struct text account_id) {
    uint32_t mask = accounts->table_size - 1;
    uint32_t place = hash & mask;
    for (; accounts->table[place].entry != 0; place = (place + 1) & mask) {
        const struct table_slot *slot = &accounts->table[place];
        if (slot->hash == hash && text_equal(id_of(entry(accounts, slot->entry - 1)), account_id))
            break;
    }
    return place;
}

static uint32_t hash_of(struct text account_id) {
    return (uint32_t)hash_text(account_id);
}

static uint32_t place_of(const struct accounts *accounts, struct text account_id) {
    return table_place(accounts, hash_of(account_id), account_id);
}

static bool table_grow(struct accounts *accounts) {
    uint32_t size = accounts->table_size * 2;
    struct table_slot *table = huge_array_make(size * sizeof *table);
    if (table == NULL)
        return false;
    for (uint32_t i = 0; i < accounts->table_size; i++) {
        if (accounts->table[i].entry == 0)
            continue;
        uint32_t place = accounts->table[i].hash & (size - 1);
        while (table[place].entry != 0)
            place = (place + 1) & (size - 1);
        table[place] = accounts->table[i];
    }
    huge_array_free(accounts->table, accounts->table_size * sizeof *table);
    accounts->table = table;
    accounts->table_size = size;
    return true;
}

/* Closes the gap at `place`: accounts behind it that could stand there move forward, so that no probe ends too early.
 */
static void table_remove(struct accounts *accounts, uint32_t place) {
    uint32_t mask = accounts->table_size - 1;
    uint32_t gap = place;
    for (uint32_t next = (gap + 1) & mask; accounts->table[next].entry != 0; next = (next + 1) & mask) {
        uint32_t home = accounts->table[next].hash & mask;
        if (((next - home) & mask) >= ((next - gap) & mask)) {
            accounts->table[gap] = accounts->table[next];
            gap = next;
        }
    }
    accounts->table[gap] = (struct table_slot){0};
}

/* ---- entries */

/* Room for one more index, in everything that is addressed by index; entries may move. */
static bool entries_reserve(struct accounts *accounts) {
    if (accounts->free != ACCOUNT_NONE || accounts->indices < accounts->capacity)
        return true;
    uint32_t capacity = accounts->capacity < ENTRIES_MIN ? ENTRIES_MIN : accounts->capacity + accounts->capacity / 2;
    return deadlines_reserve(&accounts->deadlines, capacity) &&
           huge_array_reserve(&accounts->dirty, &accounts->dirty_capacity, capacity, sizeof *accounts->dirty) &&
           huge_array_reserve(&accounts->entries, &accounts->capacity, capacity, sizeof *accounts->entries);
}

static uint32_t entry_take(struct accounts *accounts) {
    uint32_t account = accounts->free;
    if (account == ACCOUNT_NONE)
        return accounts->indices++;
    accounts->free = entry(accounts, account)->commit;
    return account;
}

static enum result out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL,
                     "Memory is out: an account's state could not be kept. Give the process more, "
                     "or set limits.memory_bytes lower.");
}

/* An account without state, and with no bytes yet: the caller sets them, its phase too. */
static enum result entry_add(struct accounts *accounts, struct text account_id, const void *bytes, uint32_t size,
                             uint32_t *ret_account, struct error *error) {
    if (accounts->count >= accounts->table_size / 4 * 3 && !table_grow(accounts))
        return out_of_memory(error);
    uint8_t *copy = entries_reserve(accounts) ? slab_alloc(accounts->slab, size) : NULL;
    if (copy == NULL)
        return out_of_memory(error);
    memcpy(copy, bytes, size);
    uint32_t hash = hash_of(account_id);
    uint32_t place = table_place(accounts, hash, account_id);
    assert(accounts->table[place].entry == 0);
    uint32_t account = entry_take(accounts);
    *entry(accounts, account) = (struct account){
        .bytes = copy, .size = size, .capacity = (uint32_t)slab_block_bytes(size), .chances = CHANCES_USED};
    accounts->table[place] = (struct table_slot){account + 1, hash};
    accounts->count++;
    *ret_account = account;
    return RESULT_OK;
}

static void set_waits(struct accounts *accounts, struct account *account, uint32_t waits_for) {
    uint32_t changed = account->waits_for ^ waits_for;
    for (int i = 0; changed != 0 && i < STREAMS; i++)
        if (changed >> i & 1)
            accounts->waiting[i] += (waits_for >> i & 1) ? 1 : UINT32_MAX;
    account->waits_for = (uint8_t)waits_for;
}

/* When it is due, and the streams that it waits for. */
static void set_deadline(struct accounts *accounts, uint32_t account, int64_t due_ms, uint32_t waits_for) {
    deadlines_set(&accounts->deadlines, account, due_ms);
    set_waits(accounts, entry(accounts, account), waits_for);
}

/* Whether a state of so many bytes does not fit into what the account has, or one of half its size would do. Mostly
 * neither. */
static bool needs_other_block(const struct account *account, uint32_t size) {
    return size > account->capacity ||
           ((size_t)size * 2 < account->capacity && slab_block_bytes(size) * 2 < account->capacity);
}

/* A state that outgrows its block goes on growing for a while, and moves less often where it has room. The first one,
 * and one that the store had, may be all there will be. */
static size_t block_bytes_for(const struct account *account, uint32_t size) {
    bool grows = account->has_state && size > account->capacity;
    size_t room = size / GROWTH_PART > GROWTH_ROOM ? size / GROWTH_PART : GROWTH_ROOM;
    return slab_block_bytes(grows ? size + room : size);
}

/* Gives the account a state in the place of what it has: an id, an older state, or (the engine works in place) the very
 * bytes of the new one. */
static enum result entry_set_state(struct accounts *accounts, struct account *account, struct state_bytes state,
                                   struct error *error) {
    bool in_place = state.data == account->bytes;
    if (needs_other_block(account, state.size)) {
        assert(!in_place || state.size <= account->capacity);
        size_t block_bytes = block_bytes_for(account, state.size);
        uint8_t *bytes = slab_alloc(accounts->slab, block_bytes);
        if (bytes == NULL)
            return out_of_memory(error);
        memcpy(bytes, state.data, state.size);
        slab_release(accounts->slab, account->bytes, account->capacity);
        account->bytes = bytes;
        account->capacity = (uint32_t)block_bytes;
    } else if (!in_place) {
        memcpy(account->bytes, state.data, state.size);
    }
    account->size = state.size;
    account->has_state = true;
    return RESULT_OK;
}

uint32_t accounts_find(struct accounts *accounts, struct text account_id) {
    uint32_t place = place_of(accounts, account_id);
    if (accounts->table[place].entry == 0)
        return ACCOUNT_NONE;
    uint32_t account = accounts->table[place].entry - 1;
    entry(accounts, account)->chances = CHANCES_USED;
    return account;
}

uint32_t accounts_find_guessed(struct accounts *accounts, uint32_t guess, struct text account_id) {
    if (guess >= accounts->indices || !text_equal(id_of(entry(accounts, guess)), account_id))
        return accounts_find(accounts, account_id);
    entry(accounts, guess)->chances = CHANCES_USED;
    return guess;
}

/* The first account of that hash, or ACCOUNT_NONE: 0 less 1. */
static uint32_t first_of_hash(const struct accounts *accounts, uint32_t hash) {
    uint32_t mask = accounts->table_size - 1;
    uint32_t place = hash & mask;
    while (accounts->table[place].entry != 0 && accounts->table[place].hash != hash)
        place = (place + 1) & mask;
    return accounts->table[place].entry - 1;
}

static void prefetch_entry(const struct accounts *accounts, uint32_t account) {
    __builtin_prefetch(entry(accounts, account), 1);
}

/* Each step touches what the step before has asked for, of all of them: the waits for memory overlap. */
void accounts_guess(struct accounts *accounts, const struct text *account_ids, uint32_t count, uint32_t *ret_guesses) {
    uint32_t hashes[ACCOUNTS_GUESS_MAX];
    assert(count <= ACCOUNTS_GUESS_MAX);
    for (uint32_t i = 0; i < count; i++)
        prefetch_bytes(account_ids[i].data, 1);
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = hash_of(account_ids[i]);
        __builtin_prefetch(&accounts->table[hashes[i] & (accounts->table_size - 1)]);
    }
    for (uint32_t i = 0; i < count; i++) {
        ret_guesses[i] = first_of_hash(accounts, hashes[i]);
        if (ret_guesses[i] != ACCOUNT_NONE)
            prefetch_entry(accounts, ret_guesses[i]);
    }
    for (uint32_t i = 0; i < count; i++)
        if (ret_guesses[i] != ACCOUNT_NONE)
            entry(accounts, ret_guesses[i])->chances = CHANCES_USED;
}

static void prefetch_state(const struct accounts *accounts, uint32_t account) {
    prefetch_bytes(entry(accounts, account)->bytes, entry(accounts, account)->size);
}

void accounts_prefetch(const struct accounts *accounts, uint32_t later, uint32_t soon) {
    if (later < accounts->indices)
        prefetch_entry(accounts, later);
    if (soon < accounts->indices)
        prefetch_state(accounts, soon);
}

void accounts_prefetch_deadline(const struct accounts *accounts, uint32_t account) {
    if (account < accounts->indices)
        deadlines_prefetch(&accounts->deadlines, account);
}

/* While one is evaluated the next one's state comes, and where the one behind it has its state. */
void accounts_prefetch_due(const struct accounts *accounts, uint32_t account) {
    uint32_t next = deadlines_after(&accounts->deadlines, account);
    if (next == INDEX_NONE)
        return;
    prefetch_state(accounts, next);
    deadlines_prefetch_neighbours(&accounts->deadlines, next);
    next = deadlines_after(&accounts->deadlines, next);
    if (next == INDEX_NONE)
        return;
    prefetch_entry(accounts, next);
    deadlines_prefetch(&accounts->deadlines, next);
}

enum account_phase accounts_phase(const struct accounts *accounts, uint32_t account) {
    return (enum account_phase)entry(accounts, account)->phase;
}

struct text accounts_id(const struct accounts *accounts, uint32_t account) {
    return id_of(entry(accounts, account));
}

struct state_bytes accounts_state(const struct accounts *accounts, uint32_t account) {
    return state_of(entry(accounts, account));
}

int64_t accounts_due(const struct accounts *accounts, uint32_t account) {
    return deadlines_get(&accounts->deadlines, account);
}

enum result accounts_expect(struct accounts *accounts, struct text account_id, uint32_t *ret_account,
                            struct error *error) {
    enum result result = entry_add(accounts, account_id, account_id.data, account_id.size, ret_account, error);
    if (result == RESULT_OK)
        entry(accounts, *ret_account)->phase = ACCOUNT_LOADING;
    return result;
}

enum result accounts_loaded(struct accounts *accounts, struct text account_id, struct state_bytes state, int64_t due_ms,
                            uint32_t waits_for, struct error *error) {
    uint32_t account = accounts_find(accounts, account_id);
    if (account == ACCOUNT_NONE) {
        enum result result = accounts_expect(accounts, account_id, &account, error);
        if (result != RESULT_OK)
            return result;
    }
    struct account *loaded = entry(accounts, account);
    assert(loaded->phase == ACCOUNT_LOADING);
    if (state.size > 0) {
        enum result result = entry_set_state(accounts, loaded, state, error);
        if (result != RESULT_OK)
            return result;
    }
    loaded->phase = ACCOUNT_CLEAN;
    loaded->chances = CHANCES_LOADED;
    set_deadline(accounts, account, due_ms, waits_for);
    return RESULT_OK;
}

static void set_dirty(struct accounts *accounts, uint32_t account) {
    struct account *changed = entry(accounts, account);
    changed->has_state = true;
    changed->chances = CHANCES_USED;
    if (changed->phase != ACCOUNT_DIRTY) {
        accounts->dirty[accounts->dirty_count++] = account;
        accounts->dirty_bytes += changed->size;
    }
    changed->phase = ACCOUNT_DIRTY;
}

enum result accounts_touch_at(struct accounts *accounts, uint32_t account, struct state_bytes state,
                              struct error *error) {
    struct account *touched = entry(accounts, account);
    assert(state.size > 0 && touched->phase != ACCOUNT_LOADING);
    enum result result = entry_set_state(accounts, touched, state, error);
    if (result == RESULT_OK)
        set_dirty(accounts, account);
    return result;
}

enum result accounts_change_at(struct accounts *accounts, uint32_t account, struct state_bytes state, int64_t due_ms,
                               uint32_t waits_for, struct error *error) {
    enum result result = accounts_touch_at(accounts, account, state, error);
    if (result == RESULT_OK)
        set_deadline(accounts, account, due_ms, waits_for);
    return result;
}

enum result accounts_change(struct accounts *accounts, struct text account_id, struct state_bytes state, int64_t due_ms,
                            uint32_t waits_for, struct error *error) {
    assert(state.size > 0);
    uint32_t account = accounts_find(accounts, account_id);
    if (account != ACCOUNT_NONE)
        return accounts_change_at(accounts, account, state, due_ms, waits_for, error);
    enum result result = entry_add(accounts, account_id, state.data, state.size, &account, error);
    if (result != RESULT_OK)
        return result;
    set_dirty(accounts, account);
    set_deadline(accounts, account, due_ms, waits_for);
    return RESULT_OK;
}

int64_t accounts_first_due_ms(const struct accounts *accounts) {
    return deadlines_first_ms(&accounts->deadlines);
}

static_assert(INDEX_NONE == ACCOUNT_NONE, "no account is due");

uint32_t accounts_first_due(struct accounts *accounts, int64_t until_ms) {
    return deadlines_first(&accounts->deadlines, until_ms);
}

uint32_t accounts_waits(const struct accounts *accounts) {
    uint32_t waits_for = 0;
    for (int i = 0; i < STREAMS; i++)
        waits_for |= (uint32_t)(accounts->waiting[i] > 0) << i;
    return waits_for;
}

void accounts_wake(struct accounts *accounts, enum stream stream, int64_t due_ms) {
    for (uint32_t i = 0; accounts->waiting[stream] > 0 && i < accounts->indices; i++) {
        struct account *account = entry(accounts, i);
        if (account->phase == ACCOUNT_FREE || (account->waits_for >> stream & 1) == 0)
            continue;
        set_waits(accounts, account, account->waits_for & ~(1u << stream));
        if (deadlines_get(&accounts->deadlines, i) > due_ms)
            deadlines_set(&accounts->deadlines, i, due_ms);
    }
}

/* ---- commits */

uint32_t accounts_dirty_count(const struct accounts *accounts) {
    return accounts->dirty_count;
}

size_t accounts_dirty_bytes(const struct accounts *accounts) {
    return accounts->dirty_bytes;
}

uint32_t accounts_dirty(const struct accounts *accounts, uint32_t place) {
    assert(place < accounts->dirty_count);
    return accounts->dirty[place];
}

void accounts_seal(struct accounts *accounts) {
    for (uint32_t i = 0; i < accounts->dirty_count; i++)
        entry(accounts, accounts->dirty[i])->phase = ACCOUNT_SEALED;
    accounts->dirty_count = 0;
    accounts->dirty_bytes = 0;
}

void accounts_written(struct accounts *accounts, uint32_t account, uint64_t commit) {
    struct account *written = entry(accounts, account);
    written->commit = (uint32_t)commit;
    if (written->phase == ACCOUNT_SEALED)
        written->phase = ACCOUNT_WRITTEN;
}

uint32_t accounts_commit(const struct accounts *accounts, uint32_t account) {
    return entry(accounts, account)->commit;
}

void accounts_acknowledged(struct accounts *accounts, uint32_t account, uint64_t commit) {
    struct account *written = entry(accounts, account);
    if (written->phase == ACCOUNT_WRITTEN && written->commit == (uint32_t)commit)
        written->phase = ACCOUNT_CLEAN;
}

bool accounts_send_deadline(struct accounts *accounts, uint32_t account, int64_t due_ms, uint32_t waits_for) {
    struct account *sent = entry(accounts, account);
    bool same = sent->stored_due_ms == due_ms && sent->stored_waits == waits_for;
    sent->deadline_is_stored = sent->deadline_is_stored && (same || PLANTED(deadline_kept));
    return sent->deadline_is_stored;
}

void accounts_deadline_stored(struct accounts *accounts, uint32_t account, int64_t due_ms, uint32_t waits_for) {
    struct account *stored = entry(accounts, account);
    stored->deadline_is_stored = true;
    stored->stored_due_ms = due_ms;
    stored->stored_waits = (uint8_t)waits_for;
}

/* ---- eviction */

static void entry_remove(struct accounts *accounts, uint32_t index) {
    struct account *account = entry(accounts, index);
    set_deadline(accounts, index, INSTANT_NEVER, 0);
    table_remove(accounts, place_of(accounts, id_of(account)));
    slab_release(accounts->slab, account->bytes, account->capacity);
    *account = (struct account){.phase = ACCOUNT_FREE, .commit = accounts->free};
    accounts->free = index;
    accounts->count--;
}

static void evict(struct accounts *accounts, uint32_t index, struct evicted *evicted) {
    int64_t due_ms = deadlines_get(&accounts->deadlines, index);
    if (due_ms < evicted->due_ms)
        evicted->due_ms = due_ms;
    evicted->waits_for |= entry(accounts, index)->waits_for;
    evicted->count++;
    entry_remove(accounts, index);
}

void accounts_evict(struct accounts *accounts, size_t bytes_used_max, int64_t keep_due_ms, struct evicted *evicted) {
    for (uint64_t looks = 0; looks < (uint64_t)LOOKS_PER_CALL * accounts->indices; looks++) {
        if (accounts->slab->bytes_used <= bytes_used_max)
            return;
        uint32_t index = accounts->hand++;
        if (accounts->hand >= accounts->indices)
            accounts->hand = 0;
        struct account *account = entry(accounts, index);
        if (account->chances > 0)
            account->chances--;
        else if ((account->phase == ACCOUNT_CLEAN ||
                  (account->phase == ACCOUNT_WRITTEN && PLANTED(evicted_unacknowledged))) &&
                 deadlines_get(&accounts->deadlines, index) > keep_due_ms)
            evict(accounts, index, evicted);
    }
}

void accounts_forget_loading(struct accounts *accounts) {
    for (uint32_t i = 0; i < accounts->indices; i++)
        if (entry(accounts, i)->phase == ACCOUNT_LOADING)
            entry_remove(accounts, i);
}

void accounts_visit(const struct accounts *accounts, accounts_visitor *visitor, void *context) {
    for (uint32_t i = 0; i < accounts->indices; i++)
        if (entry(accounts, i)->has_state)
            visitor(context, i, state_of(entry(accounts, i)));
}
