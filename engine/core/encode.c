#include "engine/core/account/latest.h"
#include "engine/core/aggregates.h"
#include "engine/core/blob.h"
#include "engine/core/decision.h"
#include "engine/core/engine_internal.h"

static void put_sized(struct buffer *out, const void *data, uint32_t size) {
    buffer_put_varint(out, size);
    buffer_put(out, data, size);
}

static void put_section(struct buffer *out, const struct state *state, uint32_t slot) {
    uint32_t size;
    const uint8_t *payload = state_section(state, slot, &size);
    put_sized(out, payload, size);
}

static void put_header(struct buffer *out, const struct state *state) {
    const struct state_header *header = state_header(state);
    buffer_put_u8(out, BLOB_VERSION);
    buffer_put_u8(out, header->flags);
    buffer_put_u8(out, header->waits_for);
    buffer_put_u8(out, header->horizon);
    put_sized(out, state_id(state).data, state_id(state).size);
    buffer_put_u64(out, header->ruleset_hash);
    buffer_put_varint(out, header->sequence);
    buffer_put_zigzag(out, header->now_ms);
    buffer_put_zigzag(out, header->due_ms);
    buffer_put_zigzag(out, header->first_event_ms);
}

/* What begins with an instant in the state: the instant whole, then the rest. */
static void put_dated(struct buffer *out, const struct state *state, uint32_t slot) {
    uint32_t size;
    int64_t instant_ms;
    const uint8_t *payload = state_section(state, slot, &size), *rest = read_packed(payload, &instant_ms);
    uint32_t rest_size = size - (uint32_t)(rest - payload);
    buffer_put_varint(out, sizeof instant_ms + rest_size);
    buffer_put_u64(out, (uint64_t)instant_ms);
    buffer_put(out, rest, rest_size);
}

static void put_tickets(struct buffer *out, const struct state *state, const struct program *program) {
    uint64_t fingerprints[OPEN_FILTERS_MAX] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->aggregates_count; i++) {
        const struct aggregate *aggregate = &program->aggregates[i];
        if (aggregate->kind != AGGREGATE_OPEN)
            continue;
        fingerprints[aggregate->open_index] = aggregate->fingerprint;
        count = count > aggregate->open_index ? count : aggregate->open_index + 1u;
    }
    buffer_put_u8(out, PART_TICKETS);
    buffer_put_varint(out, count);
    for (uint32_t i = 0; i < count; i++)
        buffer_put_u64(out, fingerprints[i]);
    put_section(out, state, SLOT_TICKETS);
}

static void put_aggregate(struct buffer *out, const struct state *state, const struct aggregate *aggregate,
                          uint32_t index) {
    int64_t since_ms = aggregate_counting_since(state, index);
    if (state->offsets[aggregate_slot(index)] == 0 && since_ms == INSTANT_NONE)
        return;
    buffer_put_u8(out, PART_AGGREGATE);
    buffer_put_u64(out, aggregate->fingerprint);
    buffer_put_zigzag(out, since_ms);
    if (aggregate_is_dated(aggregate->kind) && state->offsets[aggregate_slot(index)] != 0)
        put_dated(out, state, aggregate_slot(index));
    else
        put_section(out, state, aggregate_slot(index));
}

static void put_dimension(struct buffer *out, const struct state *state, const struct dimension *dimension,
                          uint32_t slot) {
    if (state->offsets[slot] == 0)
        return;
    buffer_put_u8(out, PART_DIMENSION);
    put_sized(out, dimension->name.data, dimension->name.size);
    struct dimension_memory memory = dimension_recall(state, slot);
    buffer_put_varint(out, sizeof memory.since_ms + memory.value.size);
    buffer_put_u64(out, (uint64_t)memory.since_ms);
    buffer_put(out, memory.value.data, memory.value.size);
}

static void put_segment(struct buffer *out, const struct state *state, const struct segment *segment, uint32_t slot) {
    if (state->offsets[slot] == 0)
        return;
    buffer_put_u8(out, PART_SEGMENT);
    put_sized(out, segment->name.data, segment->name.size);
    buffer_put_u64(out, segment->count_hash);
    struct segment_memory memory = segment_recall(state, slot);
    const int64_t instants[] = {memory.since_ms, memory.exited_ms, memory.qualifying_ms};
    uint32_t flags = 0;
    for (uint32_t i = 0; i < 3; i++)
        flags |= (uint32_t)(instants[i] != INSTANT_NONE) << i;
    buffer_put_varint(out, 1 + 8u * (unsigned)__builtin_popcount(flags));
    buffer_put_u8(out, (uint8_t)flags);
    for (uint32_t i = 0; i < 3; i++)
        if (instants[i] != INSTANT_NONE)
            buffer_put_u64(out, (uint64_t)instants[i]);
}

void engine_encode(struct engine *engine, struct state_bytes bytes, struct buffer *out) {
    const struct program *program = engine->program;
    struct state *state = &engine->state;
    state_bind(state, bytes.data, bytes.size, bytes.capacity);
    put_header(out, state);
    if (state->offsets[SLOT_FACTS] != 0) {
        buffer_put_u8(out, PART_FACTS);
        put_section(out, state, SLOT_FACTS);
    }
    for (enum stream stream = STREAM_ACCOUNT + 1; stream < STREAMS; stream++) {
        if (state->offsets[stream] == 0)
            continue;
        buffer_put_u8(out, PART_IDS);
        buffer_put_u8(out, (uint8_t)stream);
        put_section(out, state, (uint32_t)stream);
    }
    if (state->offsets[SLOT_TICKETS] != 0)
        put_tickets(out, state, program);
    for (uint32_t i = 0; i < program->aggregates_count; i++)
        put_aggregate(out, state, &program->aggregates[i], i);
    for (uint32_t i = 0; i < program->dimensions_count; i++)
        put_dimension(out, state, &program->dimensions[i], dimension_slot(program, i));
    for (uint32_t i = 0; i < program->segments_count; i++)
        put_segment(out, state, &program->segments[i], segment_slot(program, i));
    if (state->offsets[SLOT_FORMER] != 0) {
        buffer_put_u8(out, PART_FORMER);
        put_section(out, state, SLOT_FORMER);
    }
}
