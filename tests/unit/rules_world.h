/* A ruleset and accounts under it, for the tests of the engine: rules as YAML text, records as JSON lines, changes as
 * JSON lines. Everything is checked with cmocka's asserts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/yaml.h"
#include "consumer/json_lines.h"
#include "engine/core/rules/rules.h"
#include "engine/replay.h"
#include "producer/change_json.h"

struct world {
    struct arena arena;
    const struct program *program;
    struct replay *replay;
    struct json_lines *reader;
    struct buffer changes; /* what was decided so far, a line each */
};

static inline enum result world_decided(void *context, const struct change *changes, uint32_t count,
                                        const struct status *status, struct error *error) {
    struct world *world = context;
    (void)status;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        change_write_json(&changes[i], NULL, &world->changes);
        buffer_put_u8(&world->changes, '\n');
    }
    return RESULT_OK;
}

static inline void world_begin_document(struct world *world, const struct document *document,
                                        struct replay_options options) {
    struct problems problems = {.count = 0};
    struct error error;
    enum result result = rules_compile(document, &world->arena, &world->program, &problems);
    if (result != RESULT_OK)
        fail_msg("%u:%u: %.*s", problems.items[0].position.line, problems.items[0].position.column,
                 TEXT_ARGUMENTS(problems.items[0].message));
    struct shard_output output = {world, world_decided};
    assert_int_equal(replay_create(world->program, &options, &output, NULL, &world->replay, &error), RESULT_OK);
    assert_int_equal(json_lines_create(&world->reader, &error), RESULT_OK);
}

/* `visit_every_tick`: without looking ahead, to compare with. */
static inline void world_begin_visiting(struct world *world, const char *rules, bool visit_every_tick) {
    struct document document;
    struct error error;
    *world = (struct world){.program = NULL};
    enum result result = yaml_read_text(text_of(rules), TEXT("rules.yaml"), &world->arena, &document, &error);
    if (result != RESULT_OK)
        fail_msg("%s", error.text);
    world_begin_document(world, &document,
                         (struct replay_options){.live_from_ms = INSTANT_NONE, .visit_every_tick = visit_every_tick});
}

static inline void world_begin(struct world *world, const char *rules) {
    world_begin_visiting(world, rules, false);
}

static inline void world_end(struct world *world) {
    replay_free(world->replay);
    json_lines_free(world->reader);
    buffer_free(&world->changes);
    arena_free(&world->arena);
}

/* Takes a line; one that is invalid is left out, as `replay` does. */
static inline void world_take(struct world *world, struct text line) {
    struct file_record record;
    struct rejection rejection;
    struct error error;
    if (json_line_is_blank(line) || json_lines_read(world->reader, line, STREAMS, &record, &error) != RESULT_OK)
        return;
    int64_t reference_ms = record.has_recorded_at ? record.event.place.timestamp_ms : record.event.time_ms;
    enum result result = replay_record(world->replay, &record.event, reference_ms, &rejection, &error);
    assert_true(result == RESULT_OK || result == RESULT_REJECT);
    json_lines_clear(world->reader);
}

static inline void world_take_string(struct world *world, const char *line) {
    world_take(world, text_of(line));
}

/* Moves the watermark to the instant. */
static inline void world_until(struct world *world, const char *instant) {
    int64_t until_ms;
    struct error error;
    assert_true(instant_parse(text_of(instant), &until_ms));
    assert_int_equal(replay_until(world->replay, until_ms, &error), RESULT_OK);
}

/* The state of the account, or no bytes. */
static inline struct state_bytes world_state(struct world *world, const char *account_id) {
    struct accounts *accounts = shard_accounts(replay_shard(world->replay));
    uint32_t account = accounts_find(accounts, text_of(account_id));
    return account == ACCOUNT_NONE ? (struct state_bytes){NULL, 0, 0} : accounts_state(accounts, account);
}

/* Whether one of the lines decided so far holds all of the texts; the list ends with NULL. */
static inline bool world_decided_one(const struct world *world, const char *const *texts) {
    const char *line = (const char *)world->changes.data, *end = line + world->changes.size;
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        bool all = true;
        for (uint32_t i = 0; texts[i] != NULL; i++)
            all = all && memmem(line, (size_t)(stop - line), texts[i], strlen(texts[i])) != NULL;
        if (all)
            return true;
        line = stop + 1;
    }
    return false;
}
#define DECIDED(world, ...) world_decided_one((world), (const char *const[]){__VA_ARGS__, NULL})
