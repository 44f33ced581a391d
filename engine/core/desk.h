/* Where an account's evaluation lies spread out: its registers and what its scores came to. The accounts that were
 * evaluated last each keep their desk, so that their next evaluation only does again what has changed (dependence.h).
 *
 * Owned by one engine. How many there are is bounded by DESKS_MAX and DESKS_BYTES_MAX; its id's hash gives an
 * account a choice of a few, and it takes the one that was left alone the longest. Nothing depends on what is found
 * there but the time that is spent. */
#pragma once

#include "engine/core/dependence.h"
#include "engine/core/evaluation.h"

#define DESKS_MAX       512u
#define DESKS_BYTES_MAX (32u * 1024 * 1024)
#define DESKS_CHOICE    4u /* desks that an account may take */

struct desk {
    uint64_t account_hash;
    uint64_t taken; /* when, counted in evaluations */
    uint32_t stamp; /* as in the state's header; 0: nothing lies here that could be used again */
    bool is_set_up; /* the constants stand in their registers */
    int64_t now_ms, first_event_ms;
    int64_t look_ms[STREAMS];
    const uint8_t
        *bytes; /* where the state lay all the while: texts in the registers point there; NULL: it was moved */
    union value *registers;
    struct score_value *scores;
    struct signal_value *signals;
    uint64_t *restless; /* set of the decisions to be taken again though nothing that they look at has changed */
};

struct desks {
    struct desk *desks;
    uint32_t count; /* a power of two */
    void *memory;
    uint64_t taken; /* evaluations so far */
};

/* False: memory is out. */
MUST_USE bool desks_make(const struct program *program, uint32_t words, struct desks *ret_desks);
void desks_free(struct desks *desks);

/* The account's desk; whatever lies on it. */
struct desk *desks_of(struct desks *desks, const struct program *program, uint64_t account_hash);

/* Whether the account's evaluation before lies here, and nothing has come since that would change all of it. */
bool desk_is_of(const struct desk *desk, uint64_t account_hash, const struct state *state);

/* Takes note of an evaluation that is done, in the state's header too. `bytes`: where the state lay at its beginning.
 */
void desk_keep(struct desk *desk, uint64_t account_hash, uint32_t stamp, const uint8_t *bytes,
               const struct evaluation *evaluation);
