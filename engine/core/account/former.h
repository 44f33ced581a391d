/* Dimensions and segments that the account had under former rules and the present ones do not have. They stand in the
 * state from the moment the rules are taken on until the next evaluation, which leaves them. */
#pragma once

#include "base/cursor.h"
#include "engine/core/account/state.h"

#define FORMER_MAX       SLOTS_MAX /* of an account: no rules have more */
#define FORMER_BYTES_MAX SECTION_SIZE_MAX

struct former {
    bool is_segment;
    int64_t since_ms;
    struct text name, value; /* the value of a dimension; of a segment missing */
};

/* False: no room, nothing is changed. */
MUST_USE bool former_add(struct state *state, const struct former *former);

/* Moves what is there out of the state, into `copy` (FORMER_BYTES_MAX); returns its size. */
uint32_t former_take(struct state *state, uint8_t *copy);

/* One after the other, in the order they were added. False behind the last. Texts are borrowed from the copy. */
bool former_next(struct cursor *copy, struct former *ret_former);
