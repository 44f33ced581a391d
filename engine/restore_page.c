#include "engine/restore_page.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/planted.h"
#include "engine/core/engine.h"

#define SLOTS_MIN 64

struct page_account {
    char *bytes; /* id, then state */
    int64_t offset;
    uint32_t id_size, state_size;
    uint32_t place; /* in the store */
};

/* With the hash beside the index, whoever looks for an account touches no other's. */
struct page_slot {
    uint32_t account; /* index + 1; 0: empty */
    uint32_t hash;
};

static enum result out_of_memory(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a shard could not be restored.");
}

static struct text id_of(const struct page_account *account) {
    return (struct text){account->bytes, account->id_size};
}

/* Of a block: never 0, whatever a record may hold. */
static size_t size_of(size_t id_size, size_t state_size) {
    return id_size + state_size + 1;
}

static size_t bytes_of(const struct page_account *account) {
    return size_of(account->id_size, account->state_size);
}

/* ---- the tables */

/* The account's slot, or the empty one where it would go. */
static struct page_slot *slot_of(const struct restore_page *page, uint32_t hash, struct text account_id) {
    uint32_t mask = page->slots_count - 1, at = hash & mask;
    for (; page->slots[at].account != 0; at = (at + 1) & mask)
        if (page->slots[at].hash == hash && text_equal(id_of(&page->accounts[page->slots[at].account - 1]), account_id))
            break;
    return &page->slots[at];
}

static bool grow_slots(struct restore_page *page) {
    uint32_t count = page->slots_count == 0 ? SLOTS_MIN : page->slots_count * 2;
    struct page_slot *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < page->slots_count; i++) {
        if (page->slots[i].account == 0)
            continue;
        uint32_t at = page->slots[i].hash & (count - 1);
        while (slots[at].account != 0)
            at = (at + 1) & (count - 1);
        slots[at] = page->slots[i];
    }
    free(page->slots);
    page->slots = slots;
    page->slots_count = count;
    return true;
}

/* Room for one account more, in both tables. */
static bool reserve(struct restore_page *page) {
    if (page->count == page->capacity) {
        uint32_t capacity = page->capacity == 0 ? SLOTS_MIN / 2 : page->capacity * 2;
        struct page_account *accounts = realloc(page->accounts, capacity * sizeof *accounts);
        if (accounts == NULL)
            return false;
        page->accounts = accounts;
        page->capacity = capacity;
    }
    return page->count < page->slots_count / 2 || grow_slots(page);
}

/* ---- states */

static void *take_block(struct restore_page *page, size_t size) {
    void *block = slab_alloc(page->slab, size);
    page->bytes += block == NULL ? 0 : slab_block_bytes(size);
    return block;
}

static void give_block_back(struct restore_page *page, const struct page_account *account) {
    page->bytes -= slab_block_bytes(bytes_of(account));
    slab_release(page->slab, account->bytes, bytes_of(account));
}

/* A state mostly takes the block of the one before it. */
static bool set_state(struct restore_page *page, struct page_account *account, const struct log_record *record,
                      struct text account_id) {
    size_t size = size_of(account_id.size, record->value.size);
    char *bytes = account->bytes;
    if (bytes == NULL || slab_block_bytes(size) != slab_block_bytes(bytes_of(account))) {
        bytes = take_block(page, size);
        if (bytes == NULL)
            return false;
        if (account->bytes != NULL)
            give_block_back(page, account);
        memcpy(bytes, account_id.data, account_id.size);
    }
    memcpy(bytes + account_id.size, record->value.data, record->value.size);
    *account = (struct page_account){
        .bytes = bytes, .offset = record->offset, .id_size = account_id.size, .state_size = record->value.size};
    return true;
}

enum result restore_page_add(struct restore_page *page, const struct log_record *record, struct text account_id,
                             struct error *error) {
    uint32_t hash = (uint32_t)hash_text(account_id);
    if (!reserve(page))
        return out_of_memory(error);
    struct page_slot *slot = slot_of(page, hash, account_id);
    bool is_new = slot->account == 0;
    struct page_account *account = &page->accounts[is_new ? page->count : slot->account - 1];
    if (is_new)
        account->bytes = NULL;
    if (!set_state(page, account, record, account_id))
        return out_of_memory(error);
    if (is_new)
        *slot = (struct page_slot){++page->count, hash};
    return RESULT_OK;
}

/* ---- reading */

static int by_place(const void *left, const void *right) {
    const struct page_account *a = left, *b = right;
    return (a->place > b->place) - (a->place < b->place);
}

void restore_page_order(struct restore_page *page, const struct store *store) {
    free(page->slots);
    page->slots = NULL;
    page->slots_count = 0;
    for (uint32_t i = 0; i < page->count; i++)
        page->accounts[i].place = store->place(store->context, id_of(&page->accounts[i]));
    if (page->count > 0)
        qsort(page->accounts, page->count, sizeof *page->accounts, by_place);
}

enum result restore_page_blob(const struct restore_page *page, uint32_t place, struct stored_blob *ret_blob,
                              struct error *error) {
    const struct page_account *account = &page->accounts[place];
    struct text state = {account->bytes + account->id_size, account->state_size};
    struct blob_summary summary;
    enum result result = blob_summarise((const uint8_t *)state.data, state.size, &summary, error);
    if (result != RESULT_OK) {
        error_prefix(error, "Account %.*s in the changelog, offset %lld", TEXT_ARGUMENTS(id_of(account)),
                     (long long)account->offset);
        return result;
    }
    *ret_blob = (struct stored_blob){.account_id = id_of(account),
                                     .blob = state,
                                     .changelog_offset = account->offset,
                                     .due_ms = PLANTED(timer_lost) ? INSTANT_NEVER : summary.due_ms,
                                     .waits_for = summary.waits_for};
    return RESULT_OK;
}

void restore_page_clear(struct restore_page *page) {
    for (uint32_t i = 0; i < page->count; i++)
        give_block_back(page, &page->accounts[i]);
    free(page->accounts);
    free(page->slots);
    *page = (struct restore_page){.slab = page->slab};
}
