#include "engine/core/account/windows.h"

#include <assert.h>
#include <math.h>

#include "base/number.h"

static uint32_t entry_size_of(enum aggregate_kind kind) {
    return kind == AGGREGATE_COUNT ? WINDOW_COUNT_ENTRY_SIZE : WINDOW_NUMBER_ENTRY_SIZE;
}

/* Event times are bounded by the sources to years that fit; a stray one is held at the edge instead of wrapping. */
static int64_t bounded(int64_t index) {
    return index < INT32_MIN ? INT32_MIN : index > INT32_MAX ? INT32_MAX : index;
}

static void entry_write(uint8_t *entry, enum aggregate_kind kind, uint32_t distance, double value) {
    uint16_t short_distance = (uint16_t)distance;
    uint32_t one = 1;
    memcpy(entry, &short_distance, sizeof short_distance);
    if (kind == AGGREGATE_COUNT)
        memcpy(entry + WINDOW_DISTANCE_SIZE, &one, sizeof one);
    else
        memcpy(entry + WINDOW_DISTANCE_SIZE, &value, sizeof value);
}

static void entry_merge(uint8_t *entry, enum aggregate_kind kind, double value) {
    if (kind == AGGREGATE_COUNT) {
        window_count_up(entry);
        return;
    }
    double former = read_f64(entry + WINDOW_DISTANCE_SIZE);
    double merged = kind == AGGREGATE_SUM   ? former + value
                    : kind == AGGREGATE_MIN ? number_least(former, value)
                                            : number_greatest(former, value);
    memcpy(entry + WINDOW_DISTANCE_SIZE, &merged, sizeof merged);
}

/* Adds `change` to every distance and takes it from the base. */
static void rebase(uint8_t *section, uint32_t size, uint32_t entry_size, int64_t change) {
    int32_t base = (int32_t)(window_base(section) - change);
    memcpy(section, &base, sizeof base);
    for (uint32_t at = WINDOW_BASE_SIZE; at < size; at += entry_size) {
        uint16_t distance = (uint16_t)(window_distance(section + at) + change);
        memcpy(section + at, &distance, sizeof distance);
    }
}

/* Drops the slices before `oldest`; returns what is left, as state_section does. */
static uint8_t *drop_expired(struct state *state, uint32_t slot, uint32_t entry_size, int64_t oldest,
                             uint32_t *ret_size) {
    uint8_t *section = state_section(state, slot, ret_size);
    uint32_t size = *ret_size, expired = 0;
    while (section != NULL && WINDOW_BASE_SIZE + expired < size &&
           window_base(section) + window_distance(section + WINDOW_BASE_SIZE + expired) < oldest)
        expired += entry_size;
    if (expired == 0)
        return section;
    bool nothing_left = WINDOW_BASE_SIZE + expired == size;
    bool dropped = state_resize(state, slot, WINDOW_BASE_SIZE, nothing_left ? 0 : size - expired);
    assert(dropped);
    return state_section(state, slot, ret_size);
}

static bool window_begin(struct state *state, uint32_t slot, enum aggregate_kind kind, int64_t index, double value) {
    if (!state_resize(state, slot, 0, WINDOW_BASE_SIZE + entry_size_of(kind)))
        return false;
    uint32_t size;
    uint8_t *section = state_section(state, slot, &size);
    int32_t base = (int32_t)index;
    memcpy(section, &base, sizeof base);
    entry_write(section + WINDOW_BASE_SIZE, kind, 0, value);
    return true;
}

/* The newest slices are the ones that events fall in, so the search starts at the end. */
static uint32_t entry_place(const uint8_t *section, uint32_t size, uint32_t entry_size, int64_t distance,
                            bool *ret_found) {
    uint32_t at = size;
    while (at > WINDOW_BASE_SIZE && window_distance(section + at - entry_size) >= distance)
        at -= entry_size;
    *ret_found = at < size && window_distance(section + at) == distance;
    return at;
}

/* Brings the base so that `index` has a distance of 16 bits from it. All that is left lies within WINDOW_SLICES_MAX of
 * the newest, so there always is such a base. */
static void make_reachable(uint8_t *section, uint32_t size, uint32_t entry_size, int64_t index) {
    int64_t first = window_base(section) + window_distance(section + WINDOW_BASE_SIZE);
    if (index < window_base(section))
        rebase(section, size, entry_size, window_base(section) - index);
    else if (index - window_base(section) > UINT16_MAX)
        rebase(section, size, entry_size, window_base(section) - first);
}

enum window_outcome window_add(struct state *state, uint32_t slot, enum aggregate_kind kind, int64_t index,
                               int64_t oldest, double value) {
    uint32_t size, entry_size = entry_size_of(kind);
    index = bounded(index);
    oldest = bounded(oldest);
    uint8_t *section = drop_expired(state, slot, entry_size, oldest, &size);
    if (index < oldest)
        return WINDOW_EXPIRED;
    if (section == NULL)
        return window_begin(state, slot, kind, index, value) ? WINDOW_COUNTED : WINDOW_NO_ROOM;
    make_reachable(section, size, entry_size, index);
    int64_t distance = index - window_base(section);
    assert(distance >= 0 && distance <= UINT16_MAX);
    bool found;
    uint32_t at = entry_place(section, size, entry_size, distance, &found);
    if (found) {
        entry_merge(section + at, kind, value);
        return WINDOW_COUNTED;
    }
    if (!state_resize(state, slot, at, size + entry_size))
        return WINDOW_NO_ROOM;
    entry_write(state_section(state, slot, &size) + at, kind, (uint32_t)distance, value);
    return WINDOW_COUNTED;
}

struct window_cursor window_cursor(const struct state *state, uint32_t slot, enum aggregate_kind kind) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    if (section == NULL)
        return (struct window_cursor){0};
    return (struct window_cursor){section + WINDOW_BASE_SIZE, section + size, window_base(section),
                                  entry_size_of(kind)};
}

/* The entries of the window as a run of bytes: from the first slice in it to the last. */
static struct window_cursor entries_in(const struct state *state, uint32_t slot, enum aggregate_kind kind,
                                       struct window window) {
    struct window_cursor entries = window_cursor(state, slot, kind);
    while (entries.at < entries.end && entries.base + window_distance(entries.at) < window.first)
        entries.at += entries.entry_size;
    while (entries.end > entries.at && entries.base + window_distance(entries.end - entries.entry_size) > window.last)
        entries.end -= entries.entry_size;
    return entries;
}

/* The first entry of a count whose distance is not below `distance`, which most often is the first of all. */
static const uint8_t *first_count(const uint8_t *entries, const uint8_t *end, int64_t distance) {
    uint32_t low = 0, high = (uint32_t)(end - entries) / WINDOW_COUNT_ENTRY_SIZE;
    if (window_distance(entries) >= distance)
        return entries;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (window_distance(entries + middle * WINDOW_COUNT_ENTRY_SIZE) < distance)
            low = middle + 1;
        else
            high = middle;
    }
    return entries + low * WINDOW_COUNT_ENTRY_SIZE;
}

/* Slices are sought, and not looked through: those of the longest window are held, and most are shorter. */
double window_count(const struct state *state, uint32_t slot, struct window window) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    if (section == NULL)
        return 0;
    int64_t first = window.first - window_base(section), last = window.last - window_base(section);
    const uint8_t *end = section + size, *entry = first_count(section + WINDOW_BASE_SIZE, end, first);
    uint64_t count = 0;
    if (window_distance(end - WINDOW_COUNT_ENTRY_SIZE) <= last)
        last = INT64_MAX;
    for (; entry < end && (last == INT64_MAX || window_distance(entry) <= last); entry += WINDOW_COUNT_ENTRY_SIZE)
        count += read_u32(entry + WINDOW_DISTANCE_SIZE);
    return (double)count;
}

double window_sum(const struct state *state, uint32_t slot, struct window window) {
    struct window_cursor entries = entries_in(state, slot, AGGREGATE_SUM, window);
    double sum = 0;
    for (; entries.at < entries.end; entries.at += WINDOW_NUMBER_ENTRY_SIZE)
        sum += read_f64(entries.at + WINDOW_DISTANCE_SIZE);
    return sum;
}

double window_least(const struct state *state, uint32_t slot, struct window window) {
    struct window_cursor entries = entries_in(state, slot, AGGREGATE_MIN, window);
    double least = NAN;
    for (; entries.at < entries.end; entries.at += WINDOW_NUMBER_ENTRY_SIZE)
        least = number_least(least, read_f64(entries.at + WINDOW_DISTANCE_SIZE));
    return least;
}

double window_greatest(const struct state *state, uint32_t slot, struct window window) {
    struct window_cursor entries = entries_in(state, slot, AGGREGATE_MAX, window);
    double greatest = NAN;
    for (; entries.at < entries.end; entries.at += WINDOW_NUMBER_ENTRY_SIZE)
        greatest = number_greatest(greatest, read_f64(entries.at + WINDOW_DISTANCE_SIZE));
    return greatest;
}
