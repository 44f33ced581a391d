#include "engine/core/account/tickets.h"

#include <assert.h>
#include <math.h>

void ticket_write(uint8_t *entry, const struct ticket *ticket) {
    memcpy(entry, &ticket->id_hash, 8);
    memcpy(entry + 8, &ticket->time_ms, 8);
    memcpy(entry + 16, &ticket->matches, 4);
    memcpy(entry + 20, &ticket->known, 4);
    entry[24] = ticket->open;
}

struct ticket ticket_read(const uint8_t *entry) {
    return (struct ticket){.id_hash = read_u64(entry),
                           .time_ms = read_i64(entry + 8),
                           .open = entry[24] != 0,
                           .matches = read_u32(entry + 16),
                           .known = read_u32(entry + 20)};
}

uint32_t tickets_count(const struct state *state) {
    uint32_t size;
    state_section(state, SLOT_TICKETS, &size);
    return size / TICKET_SIZE;
}

struct ticket tickets_get(const struct state *state, uint32_t index) {
    uint32_t size;
    return ticket_read(state_section(state, SLOT_TICKETS, &size) + index * TICKET_SIZE);
}

/* Forgets the ticket that was closed the longest ago, if there is one. */
static void forget_one(struct state *state) {
    uint32_t count = tickets_count(state), oldest = count;
    for (uint32_t i = 0; i < count; i++) {
        struct ticket ticket = tickets_get(state, i);
        if (!ticket.open && (oldest == count || ticket.time_ms < tickets_get(state, oldest).time_ms))
            oldest = i;
    }
    if (oldest == count)
        return;
    bool dropped = state_resize(state, SLOT_TICKETS, oldest * TICKET_SIZE, (count - 1) * TICKET_SIZE);
    assert(dropped);
}

bool tickets_add(struct state *state, const struct ticket *ticket) {
    uint32_t size, count = tickets_count(state);
    uint8_t *section = state_section(state, SLOT_TICKETS, &size);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *entry = section + i * TICKET_SIZE;
        if (read_u64(entry) != ticket->id_hash)
            continue;
        if (ticket->time_ms >= read_i64(entry + 8))
            ticket_write(entry, ticket);
        return true;
    }
    if (count >= TICKETS_KEPT)
        forget_one(state);
    count = tickets_count(state);
    if (!state_resize(state, SLOT_TICKETS, count * TICKET_SIZE, (count + 1) * TICKET_SIZE))
        return false;
    ticket_write(state_section(state, SLOT_TICKETS, &size) + count * TICKET_SIZE, ticket);
    return true;
}

double tickets_open(const struct state *state, uint32_t open_index) {
    uint32_t count = tickets_count(state), open = 0, bit = UINT32_C(1) << open_index;
    for (uint32_t i = 0; i < count; i++) {
        struct ticket ticket = tickets_get(state, i);
        if (ticket.open && (ticket.known & bit) == 0)
            return NAN;
        open += ticket.open && (ticket.matches & bit) != 0;
    }
    return open;
}
