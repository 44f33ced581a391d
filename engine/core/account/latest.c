#include "engine/core/account/latest.h"

#include <math.h>

static bool write_time(struct state *state, uint32_t slot, int64_t time_ms) {
    uint32_t size;
    if (!state_resize(state, slot, 0, packed_size(time_ms)))
        return false;
    write_packed(state_section(state, slot, &size), time_ms);
    return true;
}

bool newest_add(struct state *state, uint32_t slot, int64_t time_ms) {
    int64_t former_ms = extreme_time(state, slot);
    return (former_ms != INSTANT_NONE && former_ms >= time_ms) || write_time(state, slot, time_ms);
}

bool oldest_add(struct state *state, uint32_t slot, int64_t time_ms) {
    return oldest_stays(state, slot, time_ms) || write_time(state, slot, time_ms);
}

static bool last_add(struct state *state, uint32_t slot, int64_t time_ms, const void *value, uint32_t value_size) {
    int64_t former_ms = extreme_time(state, slot);
    if (former_ms != INSTANT_NONE && former_ms > time_ms)
        return true;
    uint32_t size;
    if (!state_resize(state, slot, 0, packed_size(time_ms) + value_size))
        return false;
    uint8_t *behind = write_packed(state_section(state, slot, &size), time_ms);
    if (value_size > 0)
        memcpy(behind, value, value_size);
    return true;
}

bool last_add_number(struct state *state, uint32_t slot, int64_t time_ms, double value) {
    return last_add(state, slot, time_ms, &value, sizeof value);
}

bool last_add_text(struct state *state, uint32_t slot, int64_t time_ms, struct text value) {
    return last_add(state, slot, time_ms, value.data, value.size);
}

/* What stands behind the instant; missing where there is none. */
static struct text value_of(const struct state *state, uint32_t slot) {
    uint32_t size;
    int64_t time_ms;
    const uint8_t *section = state_section(state, slot, &size);
    if (section == NULL)
        return TEXT_MISSING;
    const uint8_t *value = read_packed(section, &time_ms);
    return (struct text){(const char *)value, size - (uint32_t)(value - section)};
}

double last_number(const struct state *state, uint32_t slot) {
    struct text value = value_of(state, slot);
    return text_is_missing(value) ? NAN : read_f64((const uint8_t *)value.data);
}

struct text last_text(const struct state *state, uint32_t slot) {
    return value_of(state, slot);
}
