#include "engine/core/desk.h"

#include <stdlib.h>

static size_t aligned(size_t size) {
    return (size + 15) & ~(size_t)15;
}

/* With one more, as the last one is looked at together with the one behind it (evaluation_run_pending). */
static size_t registers_size(const struct program *program) {
    return aligned((program->registers_count + 1) * sizeof(union value));
}

static uint32_t signals_of(const struct program *program) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->scores_count; i++)
        count += program->scores[i].signals_count;
    return count;
}

static void lay_out(struct desk *desk, const struct program *program, uint8_t *memory) {
    desk->registers = (union value *)(void *)memory;
    memory += registers_size(program);
    desk->scores = (struct score_value *)(void *)memory;
    memory += aligned(program->scores_count * sizeof *desk->scores);
    desk->signals = (struct signal_value *)(void *)memory;
    memory += aligned(signals_of(program) * sizeof *desk->signals);
    desk->restless = (uint64_t *)(void *)memory;
}

/* From the system, untouched: desks that are never used take no memory. */
bool desks_make(const struct program *program, uint32_t words, struct desks *ret_desks) {
    size_t size = registers_size(program) + aligned(program->scores_count * sizeof(struct score_value)) +
                  aligned(signals_of(program) * sizeof(struct signal_value)) + aligned(words * sizeof(uint64_t));
    struct desks desks = {.count = DESKS_MAX};
    while (desks.count > DESKS_CHOICE && desks.count * size > DESKS_BYTES_MAX)
        desks.count /= 2;
    desks.desks = calloc(desks.count, sizeof *desks.desks);
    desks.memory = calloc(desks.count, size);
    if (desks.desks == NULL || desks.memory == NULL) {
        desks_free(&desks);
        return false;
    }
    for (uint32_t i = 0; i < desks.count; i++)
        lay_out(&desks.desks[i], program, (uint8_t *)desks.memory + i * size);
    *ret_desks = desks;
    return true;
}

void desks_free(struct desks *desks) {
    free(desks->desks);
    free(desks->memory);
    *desks = (struct desks){0};
}

static struct desk *choose(struct desks *desks, uint64_t account_hash) {
    struct desk *first = &desks->desks[account_hash & (desks->count - DESKS_CHOICE)], *chosen = first;
    for (struct desk *desk = first; desk < first + DESKS_CHOICE; desk++) {
        if (desk->account_hash == account_hash)
            return desk;
        if (desk->taken < chosen->taken)
            chosen = desk;
    }
    return chosen;
}

struct desk *desks_of(struct desks *desks, const struct program *program, uint64_t account_hash) {
    struct desk *desk = choose(desks, account_hash);
    if (!desk->is_set_up)
        memcpy(desk->registers, program->constants, program->constants_count * sizeof *desk->registers);
    desk->is_set_up = true;
    desk->taken = ++desks->taken;
    return desk;
}

bool desk_is_of(const struct desk *desk, uint64_t account_hash, const struct state *state) {
    const struct state_header *header = state_header(state);
    return desk->stamp != 0 && desk->account_hash == account_hash && desk->stamp == state_stamp(header) &&
           desk->first_event_ms == header->first_event_ms;
}

void desk_keep(struct desk *desk, uint64_t account_hash, uint32_t stamp, const uint8_t *bytes,
               const struct evaluation *evaluation) {
    struct state_header *header = state_header(evaluation->state);
    desk->account_hash = account_hash;
    desk->stamp = stamp;
    desk->bytes = bytes == evaluation->state->data ? bytes : NULL;
    desk->now_ms = evaluation->now_ms;
    desk->first_event_ms = header->first_event_ms;
    memcpy(desk->look_ms, evaluation->look_ms, sizeof desk->look_ms);
    state_set_stamp(header, stamp);
}
