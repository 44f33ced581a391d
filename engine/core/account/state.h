/* An account's state as the engine works on it: a run of bytes, compact and without pointers, so that a million of them
 * lie close together and a copy is a memcpy.
 *
 *     header | account id | which slots are there | section | section | ...
 *
 * Which slots are there: a byte that counts pairs of bytes, and those, a bit for each slot; it is absent as long as all
 * are empty. A section is its payload behind the payload's size: one byte, or, for SECTION_SHORT_MAX + 1 bytes and
 * more, five, of which the first and the last are SECTION_LONG, so that it can be read from either end. Sections stand
 * in the order of their slots. Slots 0 to 8 are fixed, then come the program's aggregates, dimensions and segments, so
 * the bytes have a meaning only together with their program (a blob binds them to another one, blob.h). Payloads are
 * not aligned.
 *
 * `struct state` is the working view: where each slot's payload begins. One per engine, rebound for each account. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/result.h"
#include "engine/core/change.h"
#include "engine/core/rules/program.h"

enum {
    SLOT_FACTS = 0, /* slots 1 to 5: the ids of the newest events of the stream of that number */
    SLOT_TICKETS = 6,
    SLOT_COUNTING = 7, /* aggregates that are younger than the account */
    SLOT_FORMER = 8,   /* dimensions and segments that left the rules, until the next evaluation */
    SLOT_AGGREGATES = 9,
};

#define SECTION_SIZE_MAX  ((1u << 20) - 1)
#define SECTION_SHORT_MAX 254
#define SECTION_LONG      255

enum {
    STATE_ERASED = 1,     /* only the header and the id are left */
    STATE_BORN_LATE = 2,  /* began behind the shard's last tick, which therefore is not its own */
    STATE_BUSY = 4,       /* its newest record came within a tick of the one before */
    STATE_BURSTS = 8,     /* its records come in bursts: to look ahead after the first of them would be in vain */
    STATE_SENSITIVE = 16, /* the last look found that the very next event may matter */
    STATE_QUIET = 32,     /* the last look found that events may pass; not stored */
    STATE_CHANGED = 64,   /* it was evaluated under other rules, and not yet under those that it is bound to */
};

struct state_header {
    int64_t now_ms;
    int64_t due_ms; /* the first tick at which it must be evaluated */
    uint64_t sequence;
    uint64_t ruleset_hash;  /* of the rules that it is bound to */
    int64_t first_event_ms; /* of any stream but the facts; INSTANT_NONE */
    uint16_t id_size;
    uint8_t flags;
    uint8_t waits_for; /* bit i: held back by the stall of stream i */
    uint8_t horizon;   /* how far ahead the last look succeeded: where the next one starts (horizon.h) */
    uint8_t stamp[3];  /* tells an engine which evaluation of its own was the last (desk.h); 0: none */
    /* Events that provably change nothing pass without an evaluation (plan.h). Not stored: after a load the first is
     * evaluated. */
    uint32_t quiet_margin_ms;  /* they may do so before due_ms - quiet_margin_ms */
    uint8_t quiet_events;      /* so many more of them */
    uint8_t quiet_horizon;     /* as `horizon`, of looks that reckon with events */
    uint16_t quiet_values : 4; /* so many more that bring a value which a window did not hold */
    uint16_t lively : 6;       /* bit i: of stream i, whose events are expected */
    uint16_t touched : 6;      /* bit i: events of stream i have passed since the last evaluation */
};

struct state {
    const struct program *program;
    uint8_t *data;
    uint32_t size, capacity;
    uint8_t *spare; /* the engine's own buffer, for a state that outgrows its owner's memory */
    uint32_t spare_capacity;
    uint32_t *offsets; /* of each slot's payload; 0: absent */
    uint32_t slots;
    uint32_t bound;    /* the slots from here on are not viewed yet: nobody may ask for them (state_bind_rest) */
    uint32_t bound_at; /* and their sections begin here */
};

static inline struct state_header *state_header(const struct state *state) {
    return (struct state_header *)(void *)state->data;
}

static inline struct text state_id(const struct state *state) {
    return (struct text){(const char *)state->data + sizeof(struct state_header), state_header(state)->id_size};
}

#define STATE_STAMP_MAX 0xffffff

static inline uint32_t state_stamp(const struct state_header *header) {
    return (uint32_t)header->stamp[0] | (uint32_t)header->stamp[1] << 8 | (uint32_t)header->stamp[2] << 16;
}

static inline void state_set_stamp(struct state_header *header, uint32_t stamp) {
    for (int i = 0; i < 3; i++)
        header->stamp[i] = (uint8_t)(stamp >> 8 * i);
}

/* The size of the payload that begins here. */
static inline uint32_t section_size(const uint8_t *payload) {
    uint32_t word;
    if (payload[-1] != SECTION_LONG)
        return payload[-1];
    memcpy(&word, payload - 4, sizeof word);
    return word & SECTION_SIZE_MAX;
}

/* The payload, or NULL with size 0. Valid until the next state_resize. */
static inline uint8_t *state_section(const struct state *state, uint32_t slot, uint32_t *ret_size) {
    uint32_t offset = state->offsets[slot];
    if (offset == 0) {
        *ret_size = 0;
        return NULL;
    }
    uint8_t *payload = state->data + offset;
    if (payload == NULL)
        __builtin_unreachable(); /* It is there: said for the analyser, and costs nothing. */
    *ret_size = section_size(payload);
    return payload;
}

/* Views the bytes: `data` must be aligned for a struct state_header. */
void state_bind(struct state *state, uint8_t *data, uint32_t size, uint32_t capacity);

/* Views the slots before `slots` only, which is all that most events need; and, later, the rest of them. */
void state_bind_first(struct state *state, uint8_t *data, uint32_t size, uint32_t capacity, uint32_t slots);
void state_bind_rest(struct state *state);

/* Gives up the view of all slots behind this one, which then grows at no cost for them (state_bind_rest). */
void state_unbind_behind(struct state *state, uint32_t slot);

/* The payload of one of the first slots, of bytes that are not bound. NULL with size 0: absent. */
#define STATE_PEEK_MAX 16 /* there are bits for so many where there are any */
const uint8_t *state_peek(const uint8_t *data, uint32_t size, uint32_t slot, uint32_t *ret_size);

/* Begins a state with nothing but a header and the id, in the spare buffer. */
void state_begin(struct state *state, struct text account_id);

/* Gives the slot's payload `size` bytes (0: it goes) by adding or dropping bytes at the place `at` of it; other bytes
 * keep their order. New bytes are not set. False, and nothing is changed, where there is no room. */
MUST_USE bool state_resize(struct state *state, uint32_t slot, uint32_t at, uint32_t size);

/* Moves the state into the spare buffer, so that its owner's bytes stay as they are. */
void state_detach(struct state *state);

/* An instant in PACKED_SHORT bytes if it is one of the years 2012 to 2047, else in PACKED_LONG. */
#define PACKED_SHORT 5u
#define PACKED_LONG  13u
/* 40 bits around the middle of these years; the least of them tells that all 64 follow. */
#define PACKED_MIDDLE_MS INT64_C(1893456000000)
#define PACKED_ESCAPE    (-(INT64_C(1) << 39))

static inline bool packed_is_short(int64_t instant_ms) {
    return instant_ms > PACKED_MIDDLE_MS + PACKED_ESCAPE && instant_ms < PACKED_MIDDLE_MS - PACKED_ESCAPE;
}

static inline uint32_t packed_size(int64_t instant_ms) {
    return packed_is_short(instant_ms) ? PACKED_SHORT : PACKED_LONG;
}

static inline void write_i64(uint8_t *to, int64_t value) {
    memcpy(to, &value, sizeof value);
}

static inline int64_t read_i64(const uint8_t *from) {
    int64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint32_t read_u32(const uint8_t *from) {
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* Returns what lies behind it. */
static inline uint8_t *write_packed(uint8_t *to, int64_t instant_ms) {
    bool is_short = packed_is_short(instant_ms);
    uint64_t bits = (uint64_t)(is_short ? instant_ms - PACKED_MIDDLE_MS : PACKED_ESCAPE);
    uint32_t low = (uint32_t)bits;
    memcpy(to, &low, sizeof low);
    to[4] = (uint8_t)(bits >> 32);
    if (is_short)
        return to + PACKED_SHORT;
    write_i64(to + PACKED_SHORT, instant_ms);
    return to + PACKED_LONG;
}

/* From PACKED_MIDDLE_MS. In two parts and not by a copy: to read eight bytes back of which five were just written holds
 * the processor up. */
static inline int64_t packed_distance(const uint8_t *from) {
    uint64_t bits = read_u32(from) | (uint64_t)from[4] << 32;
    return (int64_t)(bits << 24) >> 24;
}

static inline const uint8_t *read_packed(const uint8_t *from, int64_t *ret_instant_ms) {
    int64_t distance = packed_distance(from);
    if (distance == PACKED_ESCAPE) {
        *ret_instant_ms = read_i64(from + PACKED_SHORT);
        return from + PACKED_LONG;
    }
    *ret_instant_ms = PACKED_MIDDLE_MS + distance;
    return from + PACKED_SHORT;
}

static inline uint64_t read_u64(const uint8_t *from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline double read_f64(const uint8_t *from) {
    double value;
    memcpy(&value, from, sizeof value);
    return value;
}
