#include "tests/faults/states.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "config/yaml.h"
#include "engine/core/account/state.h"
#include "engine/core/engine.h"
#include "engine/core/rules/rules.h"
#include "tests/harness/fail.h"
#include "tests/harness/temporary.h"

enum { STATE_BYTES_MAX = 1 << 20 };

struct states {
    struct arena arena;
    char *rules;
    struct engine *engine;
    struct buffer blobs[2];
    _Alignas(16) uint8_t memory[2][STATE_BYTES_MAX];
};

void states_open(const char *rules_path, struct states **ret_states) {
    struct states *states = calloc(1, sizeof(*states));
    assert(states);
    *ret_states = states;
    states->rules = file_read(rules_path, NULL);
    struct engine_options options = {.account_bytes_max = STATE_BYTES_MAX / 2, .live_from_ms = INSTANT_NONE};
    struct document document;
    struct problems problems = {0};
    struct error error = {0};
    const struct program *program;
    if (yaml_read_text(text_of(states->rules), TEXT("rules.yaml"), &states->arena, &document, &error) != RESULT_OK ||
        rules_compile(&document, &states->arena, &program, &problems) != RESULT_OK ||
        engine_create(program, &options, &states->engine, &error) != RESULT_OK) {
        harness_fail("the rules in %s cannot be compiled: %s", rules_path, error.text);
    }
}

void states_close(struct states *states) {
    engine_free(states->engine);
    arena_free(&states->arena);
    buffer_free(&states->blobs[0]);
    buffer_free(&states->blobs[1]);
    free(states->rules);
    free(states);
}

// In the memory with this number, as the engine's own is used again.
static bool read_state(struct states *states, int number, const struct kafka_record *record,
                       struct state_bytes *ret_state) {
    struct state_bytes state;
    struct error error;
    if (engine_decode(states->engine, record->value, record->value_size, NULL, INSTANT_NONE, &state, &error) !=
            RESULT_OK ||
        state.size > STATE_BYTES_MAX) {
        return false;
    }
    memcpy(states->memory[number], state.data, state.size);
    *ret_state = (struct state_bytes){states->memory[number], state.size, STATE_BYTES_MAX};
    return true;
}

static struct state_header *header_of(struct state_bytes state) {
    return (struct state_header *)(void *)state.data;
}

// As the state is after a tick, without what only says how to get there in fewer evaluations.
static void write_after_tick(struct states *states, struct state_bytes state, int64_t tick_ms, struct buffer *out) {
    struct clocks clocks = CLOCKS_INITIAL;
    struct step step = {.state = state};
    clocks.watermark_ms = clocks.ticked_ms = clocks.evaluated_ms = tick_ms;
    if (!state_is_erased(state)) {
        engine_tick(states->engine, state, tick_ms, &clocks, &step);
    }
    struct state_header *header = header_of(step.state);
    header->due_ms = INSTANT_NEVER;
    header->horizon = 0;
    header->flags &= STATE_ERASED;
    buffer_clear(out);
    engine_encode(states->engine, step.state, out);
}

bool states_are_same(struct states *states, const struct kafka_record *a, const struct kafka_record *b) {
    struct state_bytes left, right;
    if (!read_state(states, 0, a, &left) || !read_state(states, 1, b, &right)) {
        return false;
    }
    int64_t now_ms = header_of(left)->now_ms > header_of(right)->now_ms ? header_of(left)->now_ms
                                                                        : header_of(right)->now_ms;
    int64_t tick_ms = (floor_divide(now_ms, DAY) + 2) * DAY;
    write_after_tick(states, left, tick_ms, &states->blobs[0]);
    write_after_tick(states, right, tick_ms, &states->blobs[1]);
    return text_equal(buffer_text(&states->blobs[0]), buffer_text(&states->blobs[1]));
}
