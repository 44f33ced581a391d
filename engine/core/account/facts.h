/* An account's facts: the last account record as a whole.
 *
 * The section holds the mask of the fields that are there, then each in the schema's order: a number or instant as a
 * double, an enum or boolean as a byte, a text with its size before it; last the map's entries. */
#pragma once

#include "engine/core/account/state.h"

#define FACTS_ENTRIES_MAX 4096

/* False: no room (or more entries than FACTS_ENTRIES_MAX), nothing is changed. */
MUST_USE bool facts_set(struct state *state, const struct event *event);

/* Whether there are facts; fills their fields alone, and says where in the section the entries begin. Text is borrowed
 * from the state, and as no other section stands before this one, it keeps its place there until other facts come. */
bool facts_get(const struct state *state, struct event *ret_facts, uint32_t *ret_fields_size);

/* The map's entries, of which there are no more than FACTS_ENTRIES_MAX; returns how many. `fields_size`: where they
 * begin, as facts_get says. */
uint32_t facts_entries(const struct state *state, uint32_t fields_size, struct map_entry *ret_entries);

/* The map's value under `key`, or missing. */
struct text facts_entry(const struct state *state, uint32_t fields_size, struct text key);
