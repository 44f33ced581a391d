#include "engine/core/account/facts.h"

#include "base/cursor.h"

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

static struct text take_text(struct cursor *cursor) {
    return cursor_text(cursor, cursor_u32(cursor));
}

static void take_field(struct cursor *cursor, uint32_t field, struct event *facts) {
    switch (stream_schemas[STREAM_ACCOUNT].fields[field].type) {
    case FIELD_STRING:
        facts->fields[field].text = take_text(cursor);
        return;
    case FIELD_ENUM:
    case FIELD_BOOLEAN:
        facts->fields[field].number = cursor_u8(cursor);
        return;
    default:
        facts->fields[field].number = cursor_f64(cursor);
    }
}

/* Reads the fields and leaves the cursor at the first entry. */
static struct cursor read_fields(const struct state *state, struct event *facts) {
    uint32_t size;
    const uint8_t *section = state_section(state, SLOT_FACTS, &size);
    struct cursor cursor = cursor_of(section, size);
    uint32_t mask = cursor_u32(&cursor);
    facts->stream = STREAM_ACCOUNT;
    facts->account_id = state_id(state);
    facts->present = mask | UINT32_C(1) << stream_schemas[STREAM_ACCOUNT].account_id;
    facts->fields[stream_schemas[STREAM_ACCOUNT].account_id].text = facts->account_id;
    for (uint32_t i = 0; i < stream_schemas[STREAM_ACCOUNT].fields_count; i++)
        if ((mask >> i & 1) != 0)
            take_field(&cursor, i, facts);
    facts->time_ms = (int64_t)facts->fields[stream_schemas[STREAM_ACCOUNT].time].number;
    return cursor;
}

bool facts_get(const struct state *state, struct event *ret_facts, struct map_entry *entries) {
    uint32_t count = 0;
    *ret_facts = (struct event){.stream = STREAM_ACCOUNT};
    if (state->offsets[SLOT_FACTS] == 0)
        return false;
    struct cursor cursor = read_fields(state, ret_facts);
    while (entries != NULL && cursor_left(&cursor) > 0 && count < FACTS_ENTRIES_MAX) {
        entries[count].key = take_text(&cursor);
        entries[count++].value = take_text(&cursor);
    }
    ret_facts->entries = entries;
    ret_facts->entries_count = count;
    return true;
}

bool facts_get_fields(const struct state *state, struct event *ret_facts, uint32_t *ret_fields_size) {
    uint32_t size;
    const uint8_t *section = state_section(state, SLOT_FACTS, &size);
    ret_facts->stream = STREAM_ACCOUNT;
    ret_facts->present = 0;
    *ret_fields_size = 0;
    if (section == NULL)
        return false;
    *ret_fields_size = (uint32_t)(read_fields(state, ret_facts).at - section);
    return true;
}

/* Whether the text that begins with its size at `at` is the key; most differ in their size already. */
static bool is_key(const uint8_t *at, struct text key) {
    return read_u32(at) == key.size && memcmp(at + TEXT_SIZE_SIZE, key.data, key.size) == 0;
}

struct text facts_entry(const struct state *state, uint32_t fields_size, struct text key) {
    struct text value = TEXT_MISSING;
    uint32_t size;
    const uint8_t *section = state_section(state, SLOT_FACTS, &size);
    for (uint32_t at = fields_size; at < size;) {
        const uint8_t *entry = section + at, *its_value = entry + TEXT_SIZE_SIZE + read_u32(entry);
        if (is_key(entry, key))
            value = (struct text){(const char *)its_value + TEXT_SIZE_SIZE, read_u32(its_value)};
        at += 2 * TEXT_SIZE_SIZE + read_u32(entry) + read_u32(its_value);
    }
    return value;
}
