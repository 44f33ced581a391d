#include "engine/core/account/facts.h"

#define MASK_SIZE      4
#define NUMBER_SIZE    8
#define SMALL_SIZE     1
#define TEXT_SIZE_SIZE 4

static uint32_t field_size(const struct event *event, uint32_t field) {
    switch (stream_schemas[STREAM_ACCOUNT].fields[field].type) {
    case FIELD_STRING:
        return TEXT_SIZE_SIZE + event->fields[field].text.size;
    case FIELD_ENUM:
    case FIELD_BOOLEAN:
        return SMALL_SIZE;
    case FIELD_MAP:
        return 0;
    default:
        return NUMBER_SIZE;
    }
}

/* The id is the state's own; the map's entries are counted apart. */
static bool is_kept(const struct event *event, uint32_t field) {
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    return event_has(event, field) && field != schema->account_id && schema->fields[field].type != FIELD_MAP;
}

static uint32_t facts_size(const struct event *event) {
    uint64_t size = MASK_SIZE;
    for (uint32_t i = 0; i < stream_schemas[STREAM_ACCOUNT].fields_count; i++)
        if (is_kept(event, i))
            size += field_size(event, i);
    for (uint32_t i = 0; i < event->entries_count; i++)
        size += 2 * TEXT_SIZE_SIZE + (uint64_t)event->entries[i].key.size + event->entries[i].value.size;
    return size > SECTION_SIZE_MAX ? UINT32_MAX : (uint32_t)size;
}

static uint8_t *put_text(uint8_t *at, struct text text) {
    memcpy(at, &text.size, TEXT_SIZE_SIZE);
    if (text.size > 0)
        memcpy(at + TEXT_SIZE_SIZE, text.data, text.size);
    return at + TEXT_SIZE_SIZE + text.size;
}

static uint8_t *put_field(uint8_t *at, const struct event *event, uint32_t field) {
    const union field_value *value = &event->fields[field];
    switch (stream_schemas[STREAM_ACCOUNT].fields[field].type) {
    case FIELD_STRING:
        return put_text(at, value->text);
    case FIELD_ENUM:
    case FIELD_BOOLEAN:
        *at = (uint8_t)value->number;
        return at + SMALL_SIZE;
    default:
        memcpy(at, &value->number, NUMBER_SIZE);
        return at + NUMBER_SIZE;
    }
}

bool facts_set(struct state *state, const struct event *event) {
    uint32_t size = facts_size(event), mask = 0;
    if (event->entries_count > FACTS_ENTRIES_MAX || !state_resize(state, SLOT_FACTS, 0, size))
        return false;
    uint8_t *section = state_section(state, SLOT_FACTS, &size), *at = section + MASK_SIZE;
    for (uint32_t i = 0; i < stream_schemas[STREAM_ACCOUNT].fields_count; i++) {
        if (!is_kept(event, i))
            continue;
        mask |= UINT32_C(1) << i;
        at = put_field(at, event, i);
    }
    memcpy(section, &mask, MASK_SIZE);
    for (uint32_t i = 0; i < event->entries_count; i++)
        at = put_text(put_text(at, event->entries[i].key), event->entries[i].value);
    return true;
}

/* The text whose size stands at `at`. */
static struct text text_at(const uint8_t *at) {
    return (struct text){(const char *)at + TEXT_SIZE_SIZE, read_u32(at)};
}

/* Returns what lies behind the field. */
static const uint8_t *take_field(const uint8_t *at, enum field_type type, union field_value *ret_value) {
    switch (type) {
    case FIELD_STRING:
        ret_value->text = text_at(at);
        return at + TEXT_SIZE_SIZE + ret_value->text.size;
    case FIELD_ENUM:
    case FIELD_BOOLEAN:
        ret_value->number = *at;
        return at + SMALL_SIZE;
    default:
        ret_value->number = read_f64(at);
        return at + NUMBER_SIZE;
    }
}

bool facts_get(const struct state *state, struct event *ret_facts, uint32_t *ret_fields_size) {
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    uint32_t size;
    const uint8_t *section = state_section(state, SLOT_FACTS, &size);
    ret_facts->stream = STREAM_ACCOUNT;
    ret_facts->present = 0;
    *ret_fields_size = 0;
    if (section == NULL)
        return false;
    uint32_t mask = read_u32(section);
    const uint8_t *at = section + MASK_SIZE;
    for (uint32_t fields = mask; fields != 0; fields &= fields - 1) {
        uint32_t field = (uint32_t)__builtin_ctz(fields);
        at = take_field(at, schema->fields[field].type, &ret_facts->fields[field]);
    }
    ret_facts->account_id = state_id(state);
    ret_facts->fields[schema->account_id].text = ret_facts->account_id;
    ret_facts->present = mask | UINT32_C(1) << schema->account_id;
    ret_facts->time_ms = (int64_t)ret_facts->fields[schema->time].number;
    *ret_fields_size = (uint32_t)(at - section);
    return true;
}

/* The entry at `*at` of the section; `*at` is then behind it. */
static inline struct map_entry take_entry(const uint8_t *section, uint32_t *at) {
    struct map_entry entry = {.key = text_at(section + *at)};
    entry.value = text_at(section + *at + TEXT_SIZE_SIZE + entry.key.size);
    *at += 2 * TEXT_SIZE_SIZE + entry.key.size + entry.value.size;
    return entry;
}

uint32_t facts_entries(const struct state *state, uint32_t fields_size, struct map_entry *ret_entries) {
    uint32_t size, count = 0;
    const uint8_t *section = state_section(state, SLOT_FACTS, &size);
    for (uint32_t at = fields_size; at < size && count < FACTS_ENTRIES_MAX; count++)
        ret_entries[count] = take_entry(section, &at);
    return count;
}

struct text facts_entry(const struct state *state, uint32_t fields_size, struct text key) {
    struct text value = TEXT_MISSING;
    uint32_t size;
    const uint8_t *section = state_section(state, SLOT_FACTS, &size);
    for (uint32_t at = fields_size; at < size;) {
        struct map_entry entry = take_entry(section, &at);
        if (text_equal(entry.key, key))
            value = entry.value;
    }
    return value;
}
