/* Writing a blob (blob.h). What is no section of the state is nearly all the same for every account, and copied from
 * what was written with the engine. */
#include <assert.h>

#include "engine/core/account/sections.h"
#include "engine/core/aggregates.h"
#include "engine/core/blob.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"

/* Short runs of bytes are copied as one block, so that nobody has to ask how short they are. */
#define BLOCK_SIZE 32u

/* The header's bytes up to the sequence, and at most beside the id's. */
#define FIXED_SIZE      13u
#define HEADER_SIZE_MAX (FIXED_SIZE + 2 * VARINT_SIZE_MAX + 3 * PACKED_LONG)

struct prefix {
    uint32_t at, size;
};

/* What becomes of a slot's section. */
enum slot_form { SLOT_IS_COPIED, SLOT_IS_COUNTING, SLOT_IS_DIMENSION, SLOT_IS_SEGMENT };

struct slot_encoding {
    enum slot_form form;
    uint32_t first; /* of its prefixes: a dimension has one for each number of a value, a segment two, others one */
    struct prefix prefix; /* that one */
};

struct encoding {
    const struct slot_encoding *slots;
    const struct prefix *prefixes;
    const uint8_t *bytes; /* of the prefixes; behind the last there is a block more */
    uint64_t overhead;    /* bytes that a blob may have beyond its state's, and a block to write into */
};

/* ---- prefixes */

struct encoding_maker {
    struct buffer bytes;
    struct slot_encoding *slots;
    struct prefix *prefixes;
    uint32_t slots_count, prefixes_count;
    uint64_t overhead, slot_overhead; /* of the slots so far; of the last one, what its longest prefix takes */
};

static void put_sized(struct buffer *out, struct text text) {
    buffer_put_varint(out, text.size);
    buffer_put_text(out, text);
}

static void begin_slot(struct encoding_maker *maker, enum slot_form form) {
    maker->slots[maker->slots_count++] = (struct slot_encoding){.form = form, .first = maker->prefixes_count};
    maker->overhead += maker->slot_overhead;
    maker->slot_overhead = 0;
}

static void begin_prefix(struct encoding_maker *maker, enum part_tag tag) {
    maker->prefixes[maker->prefixes_count].at = (uint32_t)maker->bytes.size;
    buffer_put_u8(&maker->bytes, (uint8_t)tag);
}

/* Behind which at most `more` bytes come that are not in the state. */
static void end_prefix(struct encoding_maker *maker, uint32_t more) {
    struct prefix *prefix = &maker->prefixes[maker->prefixes_count++];
    prefix->size = (uint32_t)maker->bytes.size - prefix->at;
    uint64_t size = (uint64_t)prefix->size + more;
    maker->slot_overhead = size > maker->slot_overhead ? size : maker->slot_overhead;
}

static void put_filters(struct buffer *out, const struct program *program) {
    uint64_t fingerprints[OPEN_FILTERS_MAX] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        const struct aggregate *aggregate = &program->aggregates[i];
        if (aggregate->kind != AGGREGATE_OPEN)
            continue;
        fingerprints[aggregate->open_index] = aggregate->fingerprint;
        count = count > aggregate->open_index ? count : aggregate->open_index + 1u;
    }
    buffer_put_varint(out, count);
    for (uint32_t i = 0; i < count; i++)
        buffer_put_u64(out, fingerprints[i]);
}

static void make_first_slots(struct encoding_maker *maker, const struct program *program) {
    static const enum part_tag tags[SLOT_AGGREGATES] = {[SLOT_FACTS] = PART_FACTS,
                                                        [SLOT_TICKETS] = PART_TICKETS,
                                                        [SLOT_COUNTING] = PART_COUNTING,
                                                        [SLOT_FORMER] = PART_FORMER};
    for (uint32_t slot = 0; slot < SLOT_AGGREGATES; slot++) {
        bool has_ids = slot > SLOT_FACTS && slot < SLOT_TICKETS, counts = slot == SLOT_COUNTING;
        begin_slot(maker, counts ? SLOT_IS_COUNTING : SLOT_IS_COPIED);
        begin_prefix(maker, has_ids ? PART_IDS : tags[slot]);
        if (has_ids)
            buffer_put_u8(&maker->bytes, (uint8_t)slot);
        if (slot == SLOT_TICKETS)
            put_filters(&maker->bytes, program);
        end_prefix(maker, counts ? VARINT_SIZE_MAX + program->aggregates_count * BLOB_COUNTING_SIZE : 0);
    }
}

static void make_dimension(struct encoding_maker *maker, const struct dimension *dimension) {
    begin_slot(maker, SLOT_IS_DIMENSION);
    for (uint32_t number = VALUE_WRITTEN; number < dimension_numbers(dimension); number++) {
        begin_prefix(maker, PART_DIMENSION);
        put_sized(&maker->bytes, dimension->name);
        if (number != VALUE_WRITTEN)
            put_sized(&maker->bytes, dimension_value(dimension, number));
        end_prefix(maker, number != VALUE_WRITTEN ? 0 : VARINT_SIZE_MAX);
    }
}

static void make_segment(struct encoding_maker *maker, const struct segment *segment) {
    begin_slot(maker, SLOT_IS_SEGMENT);
    begin_prefix(maker, PART_SEGMENT);
    put_sized(&maker->bytes, segment->name);
    end_prefix(maker, 0);
    begin_prefix(maker, PART_CANDIDATE);
    put_sized(&maker->bytes, segment->name);
    buffer_put_u64(&maker->bytes, segment->count_hash);
    end_prefix(maker, 0);
}

static void make_slots(struct encoding_maker *maker, const struct program *program) {
    make_first_slots(maker, program);
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        begin_slot(maker, SLOT_IS_COPIED);
        begin_prefix(maker, PART_AGGREGATE);
        buffer_put_u64(&maker->bytes, program->aggregates[i].fingerprint);
        end_prefix(maker, 0);
    }
    for (uint32_t i = 0; i < program->dimensions_count; i++)
        make_dimension(maker, &program->dimensions[i]);
    for (uint32_t i = 0; i < program->segments_count; i++)
        make_segment(maker, &program->segments[i]);
    assert(maker->slots_count == program_slots(program));
}

static void copy_first_prefixes(struct encoding_maker *maker) {
    for (uint32_t i = 0; i < maker->slots_count; i++)
        maker->slots[i].prefix = maker->prefixes[maker->slots[i].first];
}

static uint32_t count_prefixes(const struct program *program) {
    uint32_t count = SLOT_AGGREGATES + program->aggregates_count + 2 * program->segments_count;
    for (uint32_t i = 0; i < program->dimensions_count; i++)
        count += dimension_numbers(&program->dimensions[i]);
    return count;
}

const struct encoding *encoding_make(const struct program *program, struct arena *arena) {
    struct encoding *encoding = arena_alloc(arena, sizeof *encoding);
    struct encoding_maker maker = {
        .slots = arena_alloc(arena, program_slots(program) * sizeof *maker.slots),
        .prefixes = arena_alloc(arena, count_prefixes(program) * sizeof *maker.prefixes),
        .overhead = HEADER_SIZE_MAX + BLOCK_SIZE,
    };
    if (encoding == NULL || maker.slots == NULL || maker.prefixes == NULL)
        return NULL;
    make_slots(&maker, program);
    copy_first_prefixes(&maker);
    struct text bytes = buffer_text(&maker.bytes);
    uint8_t *copy = buffer_ok(&maker.bytes) ? arena_alloc(arena, bytes.size + BLOCK_SIZE) : NULL;
    if (copy != NULL)
        memcpy(copy, bytes.data, bytes.size);
    buffer_free(&maker.bytes);
    *encoding = (struct encoding){maker.slots, maker.prefixes, copy, maker.overhead + maker.slot_overhead};
    return copy == NULL ? NULL : encoding;
}

/* ---- states */

/* All that follow write at `to`, where there is room, and return what lies behind it. */

static uint8_t *write_header(uint8_t *to, const struct state_header *header, struct text id) {
    bool never = header->due_ms == INSTANT_NEVER, is_due = !never && header->due_ms != INSTANT_NONE;
    bool has_events = header->first_event_ms != INSTANT_NONE;
    to[0] = BLOB_VERSION;
    to[1] = header->flags;
    to[2] = header->waits_for;
    to[3] = header->horizon;
    to[4] = (uint8_t)((is_due ? BLOB_IS_DUE : 0) | (never ? BLOB_IS_DUE_NEVER : 0) |
                      (has_events ? BLOB_HAS_EVENTS : 0));
    memcpy(to + 5, &header->ruleset_hash, sizeof header->ruleset_hash);
    to = write_varint(to + FIXED_SIZE, header->sequence);
    to = write_packed(to, header->now_ms);
    if (is_due)
        to = write_packed(to, header->due_ms);
    if (has_events)
        to = write_packed(to, header->first_event_ms);
    return write_bytes(write_varint(to, id.size), id.data, id.size);
}

static inline uint8_t *write_prefix(uint8_t *to, const struct encoding *encoding, struct prefix prefix) {
    const uint8_t *bytes = encoding->bytes + prefix.at;
    memcpy(to, bytes, BLOCK_SIZE);
    if (prefix.size > BLOCK_SIZE)
        memcpy(to + BLOCK_SIZE, bytes + BLOCK_SIZE, prefix.size - BLOCK_SIZE);
    return to + prefix.size;
}

/* A section, of so many bytes with what stands before its payload. `end`: of the state, beyond which nothing may be
 * read. */
static inline uint8_t *write_section(uint8_t *to, const uint8_t *section, uint32_t size, const uint8_t *end) {
    if (size <= BLOCK_SIZE && end - section >= (ptrdiff_t)BLOCK_SIZE)
        memcpy(to, section, BLOCK_SIZE);
    else
        memcpy(to, section, size);
    return to + size;
}

/* Of an index and an instant each. */
static uint8_t *write_counting(uint8_t *to, const struct program *program, const uint8_t *entry, uint32_t size) {
    uint32_t count = size / COUNTING_ENTRY_SIZE;
    assert(count <= program->aggregates_count);
    to = write_varint(to, count);
    for (; count > 0; count--, entry += COUNTING_ENTRY_SIZE) {
        memcpy(to, &program->aggregates[read_u32(entry)].fingerprint, 8);
        memcpy(to + 8, entry + 4, 8);
        to += BLOB_COUNTING_SIZE;
    }
    return to;
}

/* An instant that need not be written again, and its bits in a state, where it is PACKED_SHORT there. */
struct same_instant {
    int64_t instant_ms;
    uint64_t packed; /* else what no packed instant is */
};

static struct same_instant same_instant(int64_t instant_ms) {
    const uint64_t mask = (UINT64_C(1) << 8 * PACKED_SHORT) - 1;
    bool is_short = packed_is_short(instant_ms);
    return (struct same_instant){instant_ms, is_short ? (uint64_t)(instant_ms - PACKED_MIDDLE_MS) & mask : UINT64_MAX};
}

static __attribute__((noinline)) uint8_t *write_any_dimension(uint8_t *to, const struct encoding *encoding,
                                                              const struct slot_encoding *slot, const uint8_t *payload,
                                                              uint32_t size, struct same_instant *same) {
    struct dimension_section dimension = dimension_section(payload, size);
    uint8_t *tag = to;
    to = write_prefix(to, encoding, encoding->prefixes[slot->first + dimension.number]);
    if (dimension.number == VALUE_WRITTEN) {
        to = write_varint(to, dimension.written.size);
        to = write_bytes(to, dimension.written.data, dimension.written.size);
    }
    if (dimension.since_ms == same->instant_ms) {
        *tag |= PART_SAME_INSTANT;
        return to;
    }
    *same = same_instant(dimension.since_ms);
    return write_packed(to, dimension.since_ms);
}

/* `same` becomes the dimension's own. Most have a value of the rules', and are what they are since the same instant. */
static inline uint8_t *write_dimension(uint8_t *to, const struct encoding *encoding, const struct slot_encoding *slot,
                                       const uint8_t *payload, uint32_t size, struct same_instant *same) {
    uint64_t packed = read_u32(payload + 1) | (uint64_t)payload[5] << 32;
    if (packed != same->packed || *payload == VALUE_WRITTEN)
        return write_any_dimension(to, encoding, slot, payload, size, same);
    uint8_t *end = write_prefix(to, encoding, encoding->prefixes[slot->first + *payload]);
    *to |= PART_SAME_INSTANT;
    return end;
}

/* The part of the section that stands at `*at`, which goes on to the one behind. */
static inline uint8_t *write_part(uint8_t *to, const struct engine *engine, const struct slot_encoding *slot,
                                  const uint8_t **at, const uint8_t *end, struct same_instant *same) {
    const struct encoding *encoding = engine->encoding;
    const uint8_t *section = *at, *payload = section + SECTION_SIZE_SHORT;
    uint32_t size = *section;
    if (size == SECTION_LONG) {
        payload = section + SECTION_SIZE_LONG;
        size = section_size(payload);
    }
    *at = payload + size;
    if (slot->form == SLOT_IS_DIMENSION)
        return write_dimension(to, encoding, slot, payload, size, same);
    struct prefix prefix = slot->prefix;
    if (slot->form == SLOT_IS_COUNTING)
        return write_counting(write_prefix(to, encoding, prefix), engine->program, payload, size);
    if (slot->form == SLOT_IS_SEGMENT && (*payload & SEGMENT_QUALIFYING) != 0)
        prefix = encoding->prefixes[slot->first + 1];
    return write_section(write_prefix(to, encoding, prefix), section, (uint32_t)(*at - section), end);
}

size_t engine_blob_size_max(const struct engine *engine, struct state_bytes bytes) {
    return bytes.size + engine->encoding->overhead;
}

uint8_t *engine_write_blob(const struct engine *engine, struct state_bytes bytes, uint8_t *to) {
    const struct state_header *header = (const struct state_header *)(const void *)bytes.data;
    const uint8_t *bits = bytes.data + sizeof *header + header->id_size, *end = bytes.data + bytes.size;
    struct same_instant same = same_instant(header->now_ms);
    to = write_header(to, header, state_account_id(bytes));
    if (bits == end)
        return to;
    uint32_t left = sections_bits_bytes(bits++, 0), taken;
    const struct slot_encoding *slots = engine->encoding->slots;
    for (const uint8_t *at = bits + left; left > 0; left -= taken, bits += taken, slots += 64) {
        taken = left < sizeof(uint64_t) ? left : (uint32_t)sizeof(uint64_t);
        for (uint64_t word = sections_bits_at(bits, left, end); word != 0; word &= word - 1)
            to = write_part(to, engine, &slots[__builtin_ctzll(word)], &at, end, &same);
        assert(at <= end);
    }
    return to;
}

void engine_encode(struct engine *engine, struct state_bytes bytes, struct buffer *out) {
    if (!buffer_has_room(out, engine_blob_size_max(engine, bytes)))
        return;
    uint8_t *to = out->data + out->size;
    out->size += (size_t)(engine_write_blob(engine, bytes, to) - to);
    assert(out->size <= out->capacity);
}
