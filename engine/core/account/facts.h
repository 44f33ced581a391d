/* An account's facts: the last account record as a whole.
 *
 * The section holds the mask of the fields that are there, then each in the schema's order: a number or instant as a
 * double, an enum or boolean as a byte, a text with its size before it; last the map's entries. */
#pragma once

#include "engine/core/account/state.h"

#define FACTS_ENTRIES_MAX 4096

/* False: no room (or more entries than FACTS_ENTRIES_MAX), nothing is changed. */
MUST_USE bool facts_set(struct state *state, const struct event *event);

/* Whether there are facts; fills the fields, and `entries` (room for FACTS_ENTRIES_MAX; NULL: the entries are left
 * out). Text is borrowed from the state. */
bool facts_get(const struct state *state, struct event *ret_facts, struct map_entry *entries);

/* The fields alone, and the size of the section up to the first entry. */
bool facts_get_fields(const struct state *state, struct event *ret_facts, uint32_t *ret_fields_size);

/* The map's value under `key`, or missing. `fields_size`: where the entries begin, as facts_get_fields says. */
struct text facts_entry(const struct state *state, uint32_t fields_size, struct text key);
