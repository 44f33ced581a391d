/* Long texts cut short. A change repeats texts of the account and of the event (names, compared values), any of which
 * may be as long as a record may be, and JSON may take six bytes for one of them: together they could be more than the
 * brokers take. What cannot be cut (ids, names of scores, dimensions and segments) is bounded far below that by the
 * rules' language: so there is always a `bytes_max` with which a record is small enough. Pure. */
#pragma once

#include "engine/core/change.h"

#define CLIPPED_BYTES_MAX 8192 /* at first, */
#define CLIPPED_LESS      8    /* and a so many-th part of it where that is not enough */

/* `text`, or its beginning of up to `bytes_max` bytes that ends with a whole character. */
struct text clip_text(struct text text, uint32_t bytes_max);

/* A copy of the change in which all texts are clipped but ids and the names of what it is about. */
struct change clip_change(const struct change *change, uint32_t bytes_max);

/* A copy of the status whose facts and dimensions' values are clipped, and whose attributes are left out. `dimensions`:
 * room for as many as it has. */
struct status clip_status(const struct status *status, uint32_t bytes_max, struct dimension_status *dimensions);
