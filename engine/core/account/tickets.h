/* An account's support tickets: of each the newest record's time, whether that left it open, and which of the rules'
 * `open` filters it matched.
 *
 * At least TICKETS_KEPT are known; beyond that the ones that were closed the longest ago are forgotten. Open tickets
 * are never forgotten: an account has as many as its state has room for. */
#pragma once

#include "engine/core/account/state.h"

#define TICKETS_KEPT 256

/* What a ticket's record says; bit i of the masks: the filter with open_index i. */
struct ticket {
    uint64_t id_hash;
    int64_t time_ms;
    bool open;
    uint32_t matches; /* the filters that it matches */
    uint32_t known;   /* the filters that were asked: a younger one knows nothing of an older record */
};

/* Takes a record in, if it is not older than what is known of its ticket. False: no room, nothing is changed. */
MUST_USE bool tickets_add(struct state *state, const struct ticket *ticket);

/* Open tickets that match the filter; NaN while an open ticket's newest record is older than the filter. */
double tickets_open(const struct state *state, uint32_t open_index);

#define TICKET_SIZE 25
uint32_t tickets_count(const struct state *state);
struct ticket tickets_get(const struct state *state, uint32_t index);
void ticket_write(uint8_t *entry, const struct ticket *ticket);
struct ticket ticket_read(const uint8_t *entry);
