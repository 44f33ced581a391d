/* Reading a blob (blob.h): binding its sections to the slots of the present program. */
#include "engine/core/account/event_ids.h"
#include "engine/core/account/former.h"
#include "engine/core/account/tickets.h"
#include "engine/core/aggregates.h"
#include "engine/core/blob.h"
#include "engine/core/blob_check.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"
#include "engine/core/horizon.h"

/* A blob while it is bound; the first thing that is wrong with it ends it. */
struct binding {
    struct engine *engine;
    struct cursor cursor;
    const char *wrong; /* NULL: nothing so far */
    const struct layout *layout;
    /* Sections come in the program's order, mostly: where the next slot is looked for first. */
    uint32_t next_aggregate, next_dimension, next_segment;
    uint8_t *seen;   /* of each aggregate: bits */
    uint32_t former; /* dimensions and segments that left the rules */
};

enum { SEEN_SECTION = 1, SEEN_COUNTING = 2 };

static void wrong(struct binding *binding, const char *what) {
    if (binding->wrong == NULL)
        binding->wrong = what;
}

/* Whether the slot is empty still, as it must be. */
static bool is_vacant(struct binding *binding, uint32_t slot) {
    if (binding->engine->state.offsets[slot] != 0)
        wrong(binding, "a section stands twice");
    return binding->engine->state.offsets[slot] == 0;
}

static bool must_fit(struct binding *binding, bool fits) {
    if (!fits)
        wrong(binding, "it is larger than limits.account_bytes");
    return fits;
}

static bool make_section(struct binding *binding, uint32_t slot, uint32_t size) {
    return is_vacant(binding, slot) && must_fit(binding, state_resize(&binding->engine->state, slot, 0, size));
}

static void put_payload(struct binding *binding, uint32_t slot, struct text payload) {
    uint32_t size;
    if (payload.size > 0 && make_section(binding, slot, payload.size))
        memcpy(state_section(&binding->engine->state, slot, &size), payload.data, payload.size);
}

static void bind_facts(struct binding *binding, struct text payload) {
    if (!facts_are_whole(payload))
        wrong(binding, "its facts are malformed");
    else
        put_payload(binding, SLOT_FACTS, payload);
}

static void bind_ids(struct binding *binding, uint32_t slot, struct text payload) {
    if (payload.size % EVENT_ID_SIZE != 0)
        wrong(binding, "its event ids are malformed");
    else
        put_payload(binding, slot, event_ids_newest(payload, binding->engine->program->duplicate_ids));
}

/* Whether the program's aggregate, dimension or segment of that index is the one that the layout names. */
typedef bool is_named(const struct program *program, uint32_t index, const void *name);

static inline bool aggregate_is(const struct program *program, uint32_t index, const void *fingerprint) {
    return program->aggregates[index].fingerprint == *(const uint64_t *)fingerprint;
}

static inline bool dimension_is(const struct program *program, uint32_t index, const void *name) {
    return text_equal(program->dimensions[index].name, *(const struct text *)name);
}

static inline bool segment_is(const struct program *program, uint32_t index, const void *name) {
    return text_equal(program->segments[index].name, *(const struct text *)name);
}

/* The index of the one among `count` that is named so, looked for from `*next` on; `count`: there is none such. */
static inline uint32_t find(const struct program *program, is_named *is, uint32_t count, const void *name,
                            uint32_t *next) {
    uint32_t index = *next;
    for (uint32_t i = 0; i < count; i++, index++) {
        index = index < count ? index : 0;
        if (!is(program, index, name))
            continue;
        *next = index + 1;
        return index;
    }
    return count;
}

static uint32_t find_aggregate(struct binding *binding, uint64_t fingerprint) {
    const struct program *program = binding->engine->program;
    return find(program, aggregate_is, program->aggregates_count, &fingerprint, &binding->next_aggregate);
}

static uint32_t find_dimension(struct binding *binding, struct text name) {
    const struct program *program = binding->engine->program;
    return find(program, dimension_is, program->dimensions_count, &name, &binding->next_dimension);
}

static uint32_t find_segment(struct binding *binding, struct text name) {
    const struct program *program = binding->engine->program;
    return find(program, segment_is, program->segments_count, &name, &binding->next_segment);
}

/* Moves the bits of a former program's open filters to their places in this one. */
static uint32_t move_bits(uint32_t mask, const uint8_t *places, uint32_t count) {
    uint32_t moved = 0;
    for (uint32_t i = 0; i < count; i++)
        if (places[i] < OPEN_FILTERS_MAX && (mask >> i & 1) != 0)
            moved |= UINT32_C(1) << places[i];
    return moved;
}

static uint32_t every_ticket_bit(const struct program *program) {
    for (uint32_t i = 0; i < program->aggregates_count; i++)
        if (program->aggregates[i].kind == AGGREGATE_OPEN && program->aggregates[i].filter == REGISTER_NONE)
            return UINT32_C(1) << program->aggregates[i].open_index;
    return 0;
}

/* Tickets that no rule asks for are not brought up to date, and would be wrong for one that does so later. */
static bool has_open(const struct program *program) {
    uint32_t i = 0;
    while (i < program->aggregates_count && program->aggregates[i].kind != AGGREGATE_OPEN)
        i++;
    return i < program->aggregates_count;
}

static void bind_tickets(struct binding *binding, struct text payload) {
    const struct program *program = binding->engine->program;
    const struct layout *layout = binding->layout;
    uint8_t places[OPEN_FILTERS_MAX];
    if (payload.size % TICKET_SIZE != 0) {
        wrong(binding, "its tickets are malformed");
        return;
    }
    for (uint32_t i = 0; i < layout->filters_count; i++) {
        uint32_t index = find_aggregate(binding, layout->filters[i]);
        bool here = index < program->aggregates_count && program->aggregates[index].kind == AGGREGATE_OPEN;
        places[i] = here ? (uint8_t)program->aggregates[index].open_index : OPEN_FILTERS_MAX;
    }
    if (!has_open(program))
        return;
    put_payload(binding, SLOT_TICKETS, payload);
    uint32_t size, every = every_ticket_bit(program);
    uint8_t *section = state_section(&binding->engine->state, SLOT_TICKETS, &size);
    for (uint32_t at = 0; at < size; at += TICKET_SIZE) {
        struct ticket ticket = ticket_read(section + at);
        ticket.matches = move_bits(ticket.matches, places, layout->filters_count) | every;
        ticket.known = move_bits(ticket.known, places, layout->filters_count) | every;
        ticket_write(section + at, &ticket);
    }
}

static void count_since(struct binding *binding, uint32_t aggregate, int64_t since_ms) {
    struct state *state = &binding->engine->state;
    uint32_t size, whole;
    state_section(state, SLOT_COUNTING, &size);
    if (!state_resize(state, SLOT_COUNTING, size, size + COUNTING_ENTRY_SIZE)) {
        wrong(binding, "it is larger than limits.account_bytes");
        return;
    }
    uint8_t *entry = state_section(state, SLOT_COUNTING, &whole) + size;
    memcpy(entry, &aggregate, 4);
    write_i64(entry + 4, since_ms);
}

static void bind_counting(struct binding *binding, struct text payload) {
    const struct program *program = binding->engine->program;
    struct cursor cursor = cursor_of(payload.data, payload.size);
    while (cursor_left(&cursor) > 0 && binding->wrong == NULL) {
        uint32_t index = cursor_u32(&cursor);
        int64_t since_ms = (int64_t)cursor_u64(&cursor);
        if (!cursor_ok(&cursor) || index >= binding->layout->aggregates_count || !instant_is_whole(since_ms)) {
            wrong(binding, "what its aggregates count since is malformed");
            return;
        }
        index = find_aggregate(binding, binding->layout->fingerprints[index]);
        if (index == program->aggregates_count)
            continue;
        if ((binding->seen[index] & SEEN_COUNTING) != 0)
            wrong(binding, "what its aggregates count since is malformed");
        binding->seen[index] |= SEEN_COUNTING;
        count_since(binding, index, since_ms);
    }
}

static void bind_aggregate(struct binding *binding, uint64_t fingerprint, struct text payload) {
    const struct program *program = binding->engine->program;
    uint32_t index = find_aggregate(binding, fingerprint);
    if (index == program->aggregates_count)
        return;
    if (!aggregate_is_whole(&program->aggregates[index], payload)) {
        wrong(binding, "an aggregate is malformed");
        return;
    }
    binding->seen[index] |= SEEN_SECTION;
    put_payload(binding, aggregate_slot(index), payload);
}

static void keep_former(struct binding *binding, const struct former *former) {
    if (former->name.size > NAME_SIZE_MAX || binding->former++ == FORMER_MAX)
        wrong(binding, "what left the rules is malformed");
    else
        must_fit(binding, former_add(&binding->engine->state, former));
}

/* Where the present rules do not have it, it is left at the next evaluation. */
static void place_dimension(struct binding *binding, const struct former *former) {
    const struct program *program = binding->engine->program;
    uint32_t index = find_dimension(binding, former->name);
    if (index == program->dimensions_count) {
        keep_former(binding, former);
        return;
    }
    uint32_t slot = dimension_slot(program, index);
    if (is_vacant(binding, slot))
        must_fit(binding, dimension_remember(&binding->engine->state, slot, former->since_ms, former->value));
}

static void place_segment(struct binding *binding, struct text name, uint32_t index,
                          const struct segment_memory *memory) {
    const struct program *program = binding->engine->program;
    if (index == program->segments_count) {
        if (memory->since_ms != INSTANT_NONE)
            keep_former(binding, &(struct former){.is_segment = true, .name = name, .since_ms = memory->since_ms});
        return;
    }
    uint32_t slot = segment_slot(program, index);
    if (is_vacant(binding, slot))
        must_fit(binding, segment_remember(&binding->engine->state, slot, memory));
}

static void bind_dimension(struct binding *binding, const struct layout_dimension *dimension, struct text payload) {
    struct cursor cursor = cursor_of(payload.data, payload.size);
    struct former former = {.name = dimension->name};
    uint32_t number = cursor_u8(&cursor);
    former.since_ms = cursor_packed(&cursor);
    if (number == VALUE_WRITTEN)
        former.value = cursor_text(&cursor, cursor_left(&cursor));
    else if (number <= dimension->values_count)
        former.value = dimension->values[number - 1];
    if (!cursor_ok(&cursor) || cursor_left(&cursor) > 0 || number > dimension->values_count ||
        !instant_is_whole(former.since_ms) || former.value.size > DIMENSION_VALUE_MAX) {
        wrong(binding, "a dimension is malformed");
        return;
    }
    place_dimension(binding, &former);
}

/* Of a payload that is whole. */
static struct segment_memory segment_of(struct text payload) {
    struct segment_memory memory = {INSTANT_NONE, INSTANT_NONE, INSTANT_NONE};
    int64_t *const fields[] = {&memory.since_ms, &memory.exited_ms, &memory.qualifying_ms};
    const uint8_t *at = (const uint8_t *)payload.data + 1;
    for (uint32_t i = 0; i < 3; i++)
        if ((payload.data[0] >> i & 1) != 0)
            at = read_packed(at, fields[i]);
    return memory;
}

static void bind_segment(struct binding *binding, const struct layout_segment *segment, struct text payload) {
    const struct program *program = binding->engine->program;
    if (!segment_is_whole(payload)) {
        wrong(binding, "a segment is malformed");
        return;
    }
    uint32_t index = find_segment(binding, segment->name);
    struct segment_memory memory = segment_of(payload);
    if (index < program->segments_count && program->segments[index].count_hash != segment->count_hash)
        memory.qualifying_ms = INSTANT_NONE;
    place_segment(binding, segment->name, index, &memory);
}

/* What left the rules before they changed once more: the account was not evaluated in between, and the present ones may
 * have it again. */
static void place_former(struct binding *binding, const struct former *former) {
    struct segment_memory memory = {former->since_ms, INSTANT_NONE, INSTANT_NONE};
    if (former->is_segment)
        place_segment(binding, former->name, find_segment(binding, former->name), &memory);
    else
        place_dimension(binding, former);
}

static void bind_former(struct binding *binding, struct text payload) {
    struct cursor cursor = cursor_of(payload.data, payload.size);
    struct former former;
    while (cursor_ok(&cursor) && cursor_left(&cursor) > 0) {
        former.is_segment = cursor_u8(&cursor) != 0;
        former.since_ms = (int64_t)cursor_u64(&cursor);
        uint16_t name_size = cursor_u16(&cursor), value_size = cursor_u16(&cursor);
        former.name = cursor_text(&cursor, name_size);
        former.value = cursor_text(&cursor, value_size);
        cursor.failed |= !instant_is_whole(former.since_ms) || former.value.size > DIMENSION_VALUE_MAX;
        if (cursor_ok(&cursor))
            place_former(binding, &former);
    }
    if (!cursor_ok(&cursor))
        wrong(binding, "what left the rules is malformed");
}

/* One of the slots before the aggregates'. */
static void bind_first(struct binding *binding, uint32_t slot, struct text payload) {
    if (slot == SLOT_FACTS)
        bind_facts(binding, payload);
    else if (slot == SLOT_TICKETS)
        bind_tickets(binding, payload);
    else if (slot == SLOT_COUNTING)
        bind_counting(binding, payload);
    else if (slot == SLOT_FORMER)
        bind_former(binding, payload);
    else
        bind_ids(binding, slot, payload);
}

/* The section of that slot of the layout, which is the cursor's next. */
static void bind_section(struct binding *binding, uint32_t slot) {
    const struct layout *layout = binding->layout;
    struct text payload = cursor_section(&binding->cursor);
    if (!cursor_ok(&binding->cursor))
        return;
    if (slot < SLOT_AGGREGATES) {
        bind_first(binding, slot, payload);
        return;
    }
    slot -= SLOT_AGGREGATES;
    if (slot < layout->aggregates_count) {
        bind_aggregate(binding, layout->fingerprints[slot], payload);
        return;
    }
    slot -= layout->aggregates_count;
    if (slot < layout->dimensions_count)
        bind_dimension(binding, &layout->dimensions[slot], payload);
    else
        bind_segment(binding, &layout->segments[slot - layout->dimensions_count], payload);
}

/* What follows the header: which slots are there, then their sections. */
static void bind_sections(struct binding *binding) {
    if (cursor_left(&binding->cursor) == 0)
        return;
    uint32_t slots = layout_slots(binding->layout), bytes = cursor_u8(&binding->cursor) * 2u;
    const uint8_t *bits = cursor_take(&binding->cursor, bytes);
    if (bits == NULL || bytes != (slots + 15) / 16 * 2) {
        wrong(binding, "it does not say which sections it has");
        return;
    }
    for (uint32_t slot = 0; slot < bytes * 8 && binding->wrong == NULL && cursor_ok(&binding->cursor); slot++) {
        if ((bits[slot / 8] >> slot % 8 & 1) == 0)
            continue;
        if (slot >= slots)
            wrong(binding, "it has sections beyond its layout's");
        else
            bind_section(binding, slot);
    }
    if (cursor_left(&binding->cursor) > 0)
        wrong(binding, "it is longer than its sections");
}

struct blob_header {
    struct state_header state;
    uint64_t layout_hash;
    struct text account_id;
};

/* Behind the version. What is wrong makes the cursor fail. */
static struct blob_header read_fields(struct cursor *cursor) {
    struct blob_header header = {
        .state = {.due_ms = INSTANT_NONE, .first_event_ms = INSTANT_NONE, .quiet_horizon = HORIZON_FIRST_QUIET}};
    header.state.flags = cursor_u8(cursor) & (uint8_t)~STATE_QUIET;
    header.state.waits_for = cursor_u8(cursor);
    header.state.horizon = cursor_u8(cursor);
    uint8_t instants = cursor_u8(cursor);
    header.state.ruleset_hash = cursor_u64(cursor);
    header.layout_hash = cursor_u64(cursor);
    header.state.sequence = cursor_varint(cursor);
    header.state.now_ms = cursor_packed(cursor);
    if ((instants & BLOB_IS_DUE_NEVER) != 0)
        header.state.due_ms = INSTANT_NEVER;
    else if ((instants & BLOB_IS_DUE) != 0)
        header.state.due_ms = cursor_packed(cursor);
    if ((instants & BLOB_HAS_EVENTS) != 0)
        header.state.first_event_ms = cursor_packed(cursor);
    header.account_id = cursor_sized(cursor);
    header.state.id_size = (uint16_t)header.account_id.size;
    bool is_clear = instants < 2 * BLOB_HAS_EVENTS && (instants & ~BLOB_HAS_EVENTS) <= BLOB_IS_DUE_NEVER;
    bool first_is_whole = header.state.first_event_ms == INSTANT_NONE || instant_is_whole(header.state.first_event_ms);
    cursor->failed |= !is_clear || !first_is_whole || !instant_is_whole(header.state.now_ms);
    cursor->failed |= header.account_id.size == 0 || header.account_id.size > ID_SIZE_MAX;
    return header;
}

static enum result read_header(struct cursor *cursor, struct blob_header *ret_header, struct error *error) {
    uint8_t version = cursor_u8(cursor);
    if (cursor_ok(cursor) && version != BLOB_VERSION)
        return error_set(error, RESULT_REJECT,
                         "an account's state is of version %u, this program reads version %u: run the version that "
                         "wrote it, or a later one",
                         version, BLOB_VERSION);
    struct blob_header header = read_fields(cursor);
    if (!cursor_ok(cursor))
        return error_set(error, RESULT_REJECT, "an account's state is malformed: its header is cut off or bent");
    *ret_header = header;
    return RESULT_OK;
}

/* An aggregate that came with changed rules counts from here on, for this account. When the account was last evaluated
 * says nothing: nobody promises at which of the ticks that change nothing it is. */
static void begin_counting(struct binding *binding, int64_t now_ms) {
    const struct program *program = binding->engine->program;
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        enum aggregate_kind kind = program->aggregates[i].kind;
        bool needs = kind <= AGGREGATE_DISTINCT || kind == AGGREGATE_OLDEST;
        if (needs && binding->seen[i] == 0 &&
            !layout_has_aggregate(binding->layout, program->aggregates[i].fingerprint))
            count_since(binding, i, now_ms);
    }
}

/* NULL: it is not known. An erased account has no sections, and needs none. */
static const struct layout *find_layout(const struct engine *engine, const struct layouts *layouts,
                                        const struct blob_header *header) {
    if (header->layout_hash == engine->layout->hash || (header->state.flags & STATE_ERASED) != 0)
        return engine->layout;
    return layouts == NULL ? NULL : layouts_find(layouts, header->layout_hash);
}

enum result engine_decode(struct engine *engine, const uint8_t *blob, size_t blob_size, const struct layouts *layouts,
                          int64_t ticked_ms, struct state_bytes *ret_state, struct error *error) {
    struct binding binding = {.engine = engine, .cursor = cursor_of(blob, blob_size), .seen = engine->seen};
    struct blob_header header;
    enum result result = read_header(&binding.cursor, &header, error);
    if (result != RESULT_OK)
        return result;
    binding.layout = find_layout(engine, layouts, &header);
    if (binding.layout == NULL)
        return error_set(error, RESULT_REJECT,
                         "the state of account '%.*s' cannot be read: its layout, %016llx, is not known",
                         TEXT_ARGUMENTS(header.account_id), (unsigned long long)header.layout_hash);
    bool rules_changed = header.state.ruleset_hash != engine->program->hash;
    memset(binding.seen, 0, engine->program->aggregates_count);
    state_begin(&engine->state, header.account_id);
    *state_header(&engine->state) = header.state;
    bind_sections(&binding);
    bool lives = (header.state.flags & STATE_ERASED) == 0;
    if (binding.wrong == NULL && rules_changed && lives) {
        struct state_header *changed = state_header(&engine->state);
        changed->due_ms = INSTANT_NONE;
        changed->ruleset_hash = engine->program->hash;
        changed->flags |= STATE_CHANGED;
    }
    if (binding.wrong == NULL && binding.layout != engine->layout && lives)
        begin_counting(&binding, later(header.state.now_ms, ticked_ms));
    if (binding.wrong != NULL || !cursor_ok(&binding.cursor))
        return error_set(error, RESULT_REJECT, "the state of account '%.*s' cannot be read: %s",
                         TEXT_ARGUMENTS(header.account_id), binding.wrong == NULL ? "it is cut off" : binding.wrong);
    *ret_state = (struct state_bytes){engine->state.data, engine->state.size, engine->state.capacity};
    return RESULT_OK;
}

enum result blob_summarise(const uint8_t *blob, size_t blob_size, struct blob_summary *ret_summary,
                           struct error *error) {
    struct cursor cursor = cursor_of(blob, blob_size);
    struct blob_header header;
    enum result result = read_header(&cursor, &header, error);
    if (result != RESULT_OK)
        return result;
    *ret_summary = (struct blob_summary){.account_id = header.account_id,
                                         .ruleset_hash = header.state.ruleset_hash,
                                         .layout_hash = header.layout_hash,
                                         .now_ms = header.state.now_ms,
                                         .due_ms = header.state.due_ms,
                                         .waits_for = header.state.waits_for,
                                         .erased = (header.state.flags & STATE_ERASED) != 0};
    return RESULT_OK;
}
