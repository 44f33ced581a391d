/* Long texts cut short. A change repeats texts of the account and of the event (names, compared values), any of which
 * may be as long as a record may be: together they could be more than the brokers take. Pure. */
#pragma once

#include "engine/core/change.h"

#define CLIPPED_BYTES_MAX 8192

/* `text`, or its beginning of up to CLIPPED_BYTES_MAX bytes that ends with a whole character. */
struct text clip_text(struct text text);

/* A copy of the change in which texts that people write, or that rules compare, are clipped; names of the rules and ids
 * are not. */
struct change clip_change(const struct change *change);

/* A copy of the status whose facts are clipped, and whose attributes are left out: they are what can be large. */
struct status clip_status(const struct status *status);
