/* Reading a blob (blob.h): binding its parts to the slots of the present program. */
#include <math.h>

#include "base/cursor.h"
#include "engine/core/account/distinct.h"
#include "engine/core/account/former.h"
#include "engine/core/account/latest.h"
#include "engine/core/account/tickets.h"
#include "engine/core/aggregates.h"
#include "engine/core/blob.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"

#define INSTANT_LIMIT_MS (INT64_C(1) << 61)

/* A blob while it is bound; the first thing that is wrong with it ends it. */
struct binding {
    struct engine *engine;
    struct cursor cursor;
    const char *wrong; /* NULL: nothing so far */
    const struct ruleset_known *known;
    bool rules_changed;
    uint32_t hint; /* aggregates come in the program's order, mostly */
    uint8_t *seen; /* one for each aggregate */
};

static void wrong(struct binding *binding, const char *what) {
    if (binding->wrong == NULL)
        binding->wrong = what;
}

static struct text take_sized(struct cursor *cursor) {
    uint64_t size = cursor_varint(cursor);
    if (size > cursor_left(cursor)) {
        cursor->failed = true;
        return (struct text){"", 0};
    }
    return cursor_text(cursor, (size_t)size);
}

/* Whether the slot is empty still, as it must be. */
static bool is_vacant(struct binding *binding, uint32_t slot) {
    if (binding->engine->state.offsets[slot] != 0)
        wrong(binding, "a part stands twice");
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

/* As put_payload, of one that begins with an instant. */
static void put_payload_dated(struct binding *binding, uint32_t slot, struct text payload) {
    struct state *state = &binding->engine->state;
    uint32_t size;
    if (payload.size == 0)
        return;
    int64_t instant_ms = read_i64((const uint8_t *)payload.data);
    uint32_t rest_size = payload.size - (uint32_t)sizeof instant_ms;
    if (make_section(binding, slot, packed_size(instant_ms) + rest_size))
        memcpy(write_packed(state_section(state, slot, &size), instant_ms), payload.data + sizeof instant_ms,
               rest_size);
}

/* Far from where a difference of two instants would wrap. */
static bool instant_is_whole(int64_t instant_ms) {
    return instant_ms > -INSTANT_LIMIT_MS && instant_ms < INSTANT_LIMIT_MS;
}

static bool instant_begins(struct text payload) {
    return !text_is_missing(payload) && payload.size >= 8 && instant_is_whole(read_i64((const uint8_t *)payload.data));
}

/* Numbers are finite, and instants are 64-bit integers. */
static bool number_is_whole(enum field_type type, double number) {
    return isfinite(number) && (type != FIELD_INSTANT || fabs(number) < (double)INSTANT_LIMIT_MS);
}

static bool facts_are_whole(struct text payload) {
    struct cursor cursor = cursor_of(payload.data, payload.size);
    uint32_t mask = cursor_u32(&cursor), fields = stream_schemas[STREAM_ACCOUNT].fields_count;
    for (uint32_t i = 0; i < fields; i++) {
        const struct field *field = &stream_schemas[STREAM_ACCOUNT].fields[i];
        if ((mask >> i & 1) == 0)
            continue;
        if (field->type == FIELD_STRING)
            cursor_take(&cursor, cursor_u32(&cursor));
        else if (field->type == FIELD_ENUM || field->type == FIELD_BOOLEAN)
            cursor.failed |= cursor_u8(&cursor) >= (field->type == FIELD_ENUM ? field->symbols_count : 2);
        else
            cursor.failed |= !number_is_whole(field->type, cursor_f64(&cursor));
    }
    while (cursor_ok(&cursor) && cursor_left(&cursor) > 0)
        cursor_take(&cursor, cursor_u32(&cursor));
    return cursor_ok(&cursor) && mask >> fields == 0;
}

static bool distances_ascend(struct text payload, uint32_t entry_size) {
    int64_t former = -1;
    for (uint32_t at = 4; at < payload.size; at += entry_size) {
        uint16_t distance;
        memcpy(&distance, payload.data + at, sizeof distance);
        if (distance <= former)
            return false;
        former = distance;
    }
    return true;
}

static bool last_is_whole(const struct aggregate *aggregate, struct text payload) {
    const struct field *field = &stream_schemas[aggregate->stream].fields[aggregate->field];
    if (field->type == FIELD_STRING || field->type == FIELD_MAP)
        return payload.size >= 8;
    if (payload.size != 16)
        return false;
    double value = read_f64((const uint8_t *)payload.data + 8);
    return field->type != FIELD_ENUM || (value >= 0 && value < field->symbols_count);
}

static bool aggregate_is_whole(const struct aggregate *aggregate, struct text payload) {
    switch (aggregate->kind) {
    case AGGREGATE_COUNT:
        return payload.size > 4 && (payload.size - 4) % 6 == 0 && distances_ascend(payload, 6);
    case AGGREGATE_SUM:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return payload.size > 4 && (payload.size - 4) % 10 == 0 && distances_ascend(payload, 10);
    case AGGREGATE_DISTINCT:
        return payload.size > 1 && (payload.size - 1) % 12 == 0 && (uint8_t)payload.data[0] < 64;
    case AGGREGATE_LAST:
        return instant_begins(payload) && last_is_whole(aggregate, payload);
    case AGGREGATE_NEWEST:
    case AGGREGATE_OLDEST:
        return payload.size == 8 && instant_begins(payload);
    case AGGREGATE_OPEN:
        return false;
    }
    return false;
}

static void bind_facts(struct binding *binding) {
    struct text payload = take_sized(&binding->cursor);
    if (!facts_are_whole(payload))
        wrong(binding, "its facts are malformed");
    else
        put_payload(binding, SLOT_FACTS, payload);
}

static void bind_ids(struct binding *binding) {
    uint8_t stream = cursor_u8(&binding->cursor);
    struct text payload = take_sized(&binding->cursor);
    if (stream == STREAM_ACCOUNT || stream >= STREAMS || payload.size % 8 != 0)
        wrong(binding, "its event ids are malformed");
    else
        put_payload(binding, stream, payload);
}

/* Index of the aggregate; aggregates_count: the program has none such. */
static uint32_t find_aggregate(struct binding *binding, uint64_t fingerprint) {
    const struct program *program = binding->engine->program;
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        uint32_t index = (binding->hint + i) % program->aggregates_count;
        if (program->aggregates[index].fingerprint != fingerprint)
            continue;
        binding->hint = index + 1;
        return index;
    }
    return program->aggregates_count;
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

static void bind_tickets(struct binding *binding) {
    const struct program *program = binding->engine->program;
    uint8_t places[OPEN_FILTERS_MAX];
    uint64_t count = cursor_varint(&binding->cursor);
    if (count > OPEN_FILTERS_MAX) {
        wrong(binding, "its tickets are malformed");
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint32_t index = find_aggregate(binding, cursor_u64(&binding->cursor));
        bool here = index < program->aggregates_count && program->aggregates[index].kind == AGGREGATE_OPEN;
        places[i] = here ? (uint8_t)program->aggregates[index].open_index : OPEN_FILTERS_MAX;
    }
    struct text payload = take_sized(&binding->cursor);
    if (payload.size % TICKET_SIZE != 0) {
        wrong(binding, "its tickets are malformed");
        return;
    }
    put_payload(binding, SLOT_TICKETS, payload);
    uint32_t size, every = every_ticket_bit(program);
    uint8_t *section = state_section(&binding->engine->state, SLOT_TICKETS, &size);
    for (uint32_t at = 0; at < size; at += TICKET_SIZE) {
        struct ticket ticket = ticket_read(section + at);
        ticket.matches = move_bits(ticket.matches, places, (uint32_t)count) | every;
        ticket.known = move_bits(ticket.known, places, (uint32_t)count) | every;
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

static void bind_aggregate(struct binding *binding) {
    uint64_t fingerprint = cursor_u64(&binding->cursor);
    int64_t since_ms = cursor_zigzag(&binding->cursor);
    struct text payload = take_sized(&binding->cursor);
    uint32_t index = find_aggregate(binding, fingerprint);
    const struct program *program = binding->engine->program;
    if (index == program->aggregates_count)
        return;
    bool since_is_whole = since_ms == INSTANT_NONE || instant_is_whole(since_ms);
    if (!since_is_whole || (payload.size > 0 && !aggregate_is_whole(&program->aggregates[index], payload))) {
        wrong(binding, "an aggregate is malformed");
        return;
    }
    binding->seen[index] = 1;
    if (aggregate_is_dated(program->aggregates[index].kind))
        put_payload_dated(binding, aggregate_slot(index), payload);
    else
        put_payload(binding, aggregate_slot(index), payload);
    if (since_ms != INSTANT_NONE)
        count_since(binding, index, since_ms);
}

static void keep_former(struct binding *binding, const struct former *former) {
    if (!former_add(&binding->engine->state, former))
        wrong(binding, "it has too many dimensions and segments that left the rules");
}

static void bind_dimension(struct binding *binding) {
    const struct program *program = binding->engine->program;
    struct text name = take_sized(&binding->cursor), payload = take_sized(&binding->cursor);
    if (!instant_begins(payload) || payload.size > 8 + DIMENSION_VALUE_MAX) {
        wrong(binding, "a dimension is malformed");
        return;
    }
    uint32_t index = 0;
    while (index < program->dimensions_count && !text_equal(program->dimensions[index].name, name))
        index++;
    struct former former = {.since_ms = read_i64((const uint8_t *)payload.data),
                            .name = name,
                            .value = {payload.data + 8, payload.size - 8}};
    if (index == program->dimensions_count) {
        keep_former(binding, &former);
        return;
    }
    uint32_t slot = dimension_slot(program, index);
    if (is_vacant(binding, slot))
        must_fit(binding, dimension_remember(&binding->engine->state, slot, former.since_ms, former.value));
}

static bool segment_is_whole(struct text payload) {
    if (text_is_missing(payload) || payload.size == 0)
        return false;
    uint8_t flags = (uint8_t)payload.data[0];
    bool whole = flags > 0 && flags < 8 && payload.size == 1 + 8u * (unsigned)__builtin_popcount(flags);
    for (uint32_t at = 1; whole && at < payload.size; at += 8)
        whole = instant_is_whole(read_i64((const uint8_t *)payload.data + at));
    return whole;
}

/* Of a payload that is whole. */
static struct segment_memory segment_of(struct text payload) {
    struct segment_memory memory = {INSTANT_NONE, INSTANT_NONE, INSTANT_NONE};
    int64_t *const fields[] = {&memory.since_ms, &memory.exited_ms, &memory.qualifying_ms};
    const uint8_t *at = (const uint8_t *)payload.data + 1;
    for (uint32_t i = 0; i < 3; i++) {
        if ((payload.data[0] >> i & 1) == 0)
            continue;
        *fields[i] = read_i64(at);
        at += sizeof *fields[i];
    }
    return memory;
}

static void bind_segment(struct binding *binding) {
    const struct program *program = binding->engine->program;
    struct state *state = &binding->engine->state;
    struct text name = take_sized(&binding->cursor);
    uint64_t count_hash = cursor_u64(&binding->cursor);
    struct text payload = take_sized(&binding->cursor);
    if (!segment_is_whole(payload)) {
        wrong(binding, "a segment is malformed");
        return;
    }
    uint32_t index = 0;
    while (index < program->segments_count && !text_equal(program->segments[index].name, name))
        index++;
    struct segment_memory memory = segment_of(payload);
    if (index == program->segments_count) {
        if (memory.since_ms != INSTANT_NONE)
            keep_former(binding, &(struct former){.is_segment = true, .name = name, .since_ms = memory.since_ms});
        return;
    }
    uint32_t slot = segment_slot(program, index);
    if (program->segments[index].count_hash != count_hash)
        memory.qualifying_ms = INSTANT_NONE;
    if (is_vacant(binding, slot))
        must_fit(binding, segment_remember(state, slot, &memory));
}

static void bind_former(struct binding *binding) {
    struct text payload = take_sized(&binding->cursor);
    struct cursor cursor = cursor_of(payload.data, payload.size);
    struct former former;
    while (cursor_ok(&cursor) && cursor_left(&cursor) > 0) {
        former.is_segment = cursor_u8(&cursor) != 0;
        former.since_ms = (int64_t)cursor_u64(&cursor);
        uint16_t name_size = cursor_u16(&cursor), value_size = cursor_u16(&cursor);
        former.name = cursor_text(&cursor, name_size);
        former.value = cursor_text(&cursor, value_size);
        cursor.failed |= !instant_is_whole(former.since_ms);
        if (cursor_ok(&cursor))
            keep_former(binding, &former);
    }
    if (!cursor_ok(&cursor))
        wrong(binding, "what left the rules is malformed");
}

static void bind_part(struct binding *binding) {
    switch (cursor_u8(&binding->cursor)) {
    case PART_FACTS:
        bind_facts(binding);
        break;
    case PART_IDS:
        bind_ids(binding);
        break;
    case PART_TICKETS:
        bind_tickets(binding);
        break;
    case PART_AGGREGATE:
        bind_aggregate(binding);
        break;
    case PART_DIMENSION:
        bind_dimension(binding);
        break;
    case PART_SEGMENT:
        bind_segment(binding);
        break;
    case PART_FORMER:
        bind_former(binding);
        break;
    default:
        wrong(binding, "it has a part of an unknown kind");
    }
}

struct blob_header {
    struct state_header state;
    struct text account_id;
};

static bool read_header(struct cursor *cursor, struct blob_header *ret_header, struct error *error) {
    struct blob_header header = {0};
    uint8_t version = cursor_u8(cursor);
    header.state.flags = cursor_u8(cursor);
    header.state.waits_for = cursor_u8(cursor);
    header.state.horizon = cursor_u8(cursor);
    header.account_id = take_sized(cursor);
    header.state.ruleset_hash = cursor_u64(cursor);
    header.state.sequence = cursor_varint(cursor);
    header.state.now_ms = cursor_zigzag(cursor);
    header.state.due_ms = cursor_zigzag(cursor);
    header.state.first_event_ms = cursor_zigzag(cursor);
    header.state.id_size = (uint16_t)header.account_id.size;
    header.state.quiet_horizon = HORIZON_FIRST_QUIET;
    if (cursor_ok(cursor) && version != BLOB_VERSION) {
        (void)error_set(error, RESULT_REJECT,
                        "an account's state is of version %u, this program reads version %u: run the version that "
                        "wrote it, or a later one",
                        version, BLOB_VERSION);
        return false;
    }
    bool first_is_whole = header.state.first_event_ms == INSTANT_NONE || instant_is_whole(header.state.first_event_ms);
    cursor->failed |= !first_is_whole || !instant_is_whole(header.state.now_ms);
    if (!cursor_ok(cursor) || header.account_id.size == 0 || header.account_id.size > ID_SIZE_MAX) {
        (void)error_set(error, RESULT_REJECT, "an account's state is malformed: its header is cut off or bent");
        return false;
    }
    *ret_header = header;
    return true;
}

static bool was_known(const struct binding *binding, uint64_t fingerprint) {
    if (!binding->rules_changed)
        return true;
    for (uint32_t i = 0; binding->known != NULL && i < binding->known->fingerprints_count; i++)
        if (binding->known->fingerprints[i] == fingerprint)
            return true;
    return false;
}

/* An aggregate that came with changed rules counts from here on, for this account. When the account was last evaluated
 * says nothing: nobody promises at which of the ticks that change nothing it is. */
static void begin_counting(struct binding *binding, int64_t now_ms) {
    const struct program *program = binding->engine->program;
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        enum aggregate_kind kind = program->aggregates[i].kind;
        bool needs = kind <= AGGREGATE_DISTINCT || kind == AGGREGATE_OLDEST;
        if (needs && binding->seen[i] == 0 && !was_known(binding, program->aggregates[i].fingerprint))
            count_since(binding, i, now_ms);
    }
}

enum result engine_decode(struct engine *engine, const uint8_t *blob, size_t blob_size,
                          const struct ruleset_known *known, int64_t ticked_ms, struct state_bytes *ret_state,
                          struct error *error) {
    struct binding binding = {.engine = engine, .cursor = cursor_of(blob, blob_size), .known = known};
    struct blob_header header;
    if (!read_header(&binding.cursor, &header, error))
        return RESULT_REJECT;
    binding.rules_changed = header.state.ruleset_hash != engine->program->hash;
    binding.seen = engine->seen;
    memset(binding.seen, 0, engine->program->aggregates_count);
    state_begin(&engine->state, header.account_id);
    *state_header(&engine->state) = header.state;
    while (binding.wrong == NULL && cursor_ok(&binding.cursor) && cursor_left(&binding.cursor) > 0)
        bind_part(&binding);
    bool lives = (header.state.flags & STATE_ERASED) == 0;
    if (binding.wrong == NULL && binding.rules_changed && lives) {
        state_header(&engine->state)->due_ms = INSTANT_NONE;
        begin_counting(&binding, header.state.now_ms > ticked_ms ? header.state.now_ms : ticked_ms);
    }
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
    if (!read_header(&cursor, &header, error))
        return RESULT_REJECT;
    *ret_summary = (struct blob_summary){.account_id = header.account_id,
                                         .ruleset_hash = header.state.ruleset_hash,
                                         .now_ms = header.state.now_ms,
                                         .due_ms = header.state.due_ms,
                                         .waits_for = header.state.waits_for,
                                         .erased = (header.state.flags & STATE_ERASED) != 0};
    return RESULT_OK;
}
