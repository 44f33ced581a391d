#include "engine/core/account/event_ids.h"

#include <assert.h>

#define TWO_IDS_SIZE (2u * EVENT_ID_SIZE)

/* Two ids, as what the processor compares at once. */
typedef uint32_t id_halves __attribute__((vector_size(TWO_IDS_SIZE)));

static id_halves read_two(const uint8_t *at) {
    id_halves two;
    memcpy(&two, at, sizeof two);
    return two;
}

/* Whether a half of any of the ids is that half of the one that is wanted. */
static bool has_half(const uint8_t *ids, uint32_t size, uint64_t id_hash) {
    const uint64_t twice[2] = {id_hash, id_hash};
    id_halves wanted = read_two((const uint8_t *)twice), met = {0};
    uint64_t words[2];
    for (; size >= 4 * TWO_IDS_SIZE; ids += 4 * TWO_IDS_SIZE, size -= 4 * TWO_IDS_SIZE)
        met |= (id_halves)((read_two(ids) == wanted) | (read_two(ids + TWO_IDS_SIZE) == wanted) |
                           (read_two(ids + 2 * TWO_IDS_SIZE) == wanted) | (read_two(ids + 3 * TWO_IDS_SIZE) == wanted));
    for (; size >= TWO_IDS_SIZE; ids += TWO_IDS_SIZE, size -= TWO_IDS_SIZE)
        met |= (id_halves)(read_two(ids) == wanted);
    memcpy(words, &met, sizeof words);
    return (words[0] | words[1]) != 0 || (size > 0 && read_u64(ids) == id_hash);
}

/* Most events are new: no id is theirs, and hardly ever a half of one, so that all are looked at without a question for
 * each. */
bool event_ids_has(const uint8_t *data, uint32_t data_size, enum stream stream, uint64_t id_hash) {
    uint32_t size;
    const uint8_t *ids = state_peek(data, data_size, (uint32_t)stream, &size);
    if (!has_half(ids, size, id_hash))
        return false;
    for (uint32_t at = 0; at < size; at += EVENT_ID_SIZE)
        if (read_u64(ids + at) == id_hash)
            return true;
    return false;
}

struct text event_ids_newest(struct text ids, uint32_t kept) {
    uint32_t most = kept * EVENT_ID_SIZE;
    return ids.size <= most ? ids : (struct text){ids.data + (ids.size - most), most};
}

bool event_ids_add(struct state *state, enum stream stream, uint64_t id_hash, uint32_t kept) {
    uint32_t slot = (uint32_t)stream, size;
    uint8_t *section = state_section(state, slot, &size);
    if (kept == 0)
        return true;
    assert(size <= kept * EVENT_ID_SIZE);
    if (size == kept * EVENT_ID_SIZE) {
        memmove(section, section + EVENT_ID_SIZE, size - EVENT_ID_SIZE);
    } else {
        state_unbind_behind(state, slot);
        if (!state_resize(state, slot, size, size + EVENT_ID_SIZE))
            return false;
        section = state_section(state, slot, &size);
    }
    memcpy(section + size - EVENT_ID_SIZE, &id_hash, EVENT_ID_SIZE);
    return true;
}
