#include "engine/core/account/latest.h"

#include <math.h>

#define TIME_SIZE 8

int64_t extreme_time(const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    return section == NULL ? INSTANT_NONE : read_i64(section);
}

static bool write_time(struct state *state, uint32_t slot, int64_t time_ms) {
    uint32_t size;
    if (!state_resize(state, slot, 0, TIME_SIZE))
        return false;
    write_i64(state_section(state, slot, &size), time_ms);
    return true;
}

bool newest_add(struct state *state, uint32_t slot, int64_t time_ms) {
    int64_t former_ms = extreme_time(state, slot);
    return (former_ms != INSTANT_NONE && former_ms >= time_ms) || write_time(state, slot, time_ms);
}

bool oldest_add(struct state *state, uint32_t slot, int64_t time_ms) {
    int64_t former_ms = extreme_time(state, slot);
    return (former_ms != INSTANT_NONE && former_ms <= time_ms) || write_time(state, slot, time_ms);
}

static bool last_add(struct state *state, uint32_t slot, int64_t time_ms, const void *value, uint32_t value_size) {
    int64_t former_ms = extreme_time(state, slot);
    if (former_ms != INSTANT_NONE && former_ms > time_ms)
        return true;
    uint32_t size;
    if (!state_resize(state, slot, former_ms == INSTANT_NONE ? 0 : TIME_SIZE, TIME_SIZE + value_size))
        return false;
    uint8_t *section = state_section(state, slot, &size);
    write_i64(section, time_ms);
    if (value_size > 0)
        memcpy(section + TIME_SIZE, value, value_size);
    return true;
}

bool last_add_number(struct state *state, uint32_t slot, int64_t time_ms, double value) {
    return last_add(state, slot, time_ms, &value, sizeof value);
}

bool last_add_text(struct state *state, uint32_t slot, int64_t time_ms, struct text value) {
    return last_add(state, slot, time_ms, value.data, value.size);
}

double last_number(const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    return section == NULL ? NAN : read_f64(section + TIME_SIZE);
}

struct text last_text(const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *section = state_section(state, slot, &size);
    return section == NULL ? TEXT_MISSING : (struct text){(const char *)section + TIME_SIZE, size - TIME_SIZE};
}
