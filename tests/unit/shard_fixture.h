/* A shard of its own for each test: it takes records and ticks, and what it tells is kept as text. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/instant.h"
#include "config/yaml.h"
#include "engine/core/rules/rules.h"
#include "engine/shard.h"

static const char rules[] = "ruleset: one\n"
                            "clock: { tick: 1h }\n"
                            "streams: { login: { stall_after: 10h } }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 5h' }\n"
                            "  gone: { when: 'since(login) > 20h' }\n";

#define START (INT64_C(1767225600) * 1000) /* a tick */

struct fixture {
    struct arena arena;
    const struct program *program;
    struct engine *engine;
    struct slab slab;
    struct shard *shard;
    struct counters counters;
    struct buffer told; /* "account subject K hour:minute;" for each change, K its kind's letter */
};

static inline enum result tell(void *context, const struct change *changes, uint32_t count, const struct status *status,
                               struct error *error) {
    struct fixture *fixture = context;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        int64_t minutes = (changes[i].at_ms - START) / MINUTE;
        buffer_printf(&fixture->told, "%.*s %.*s %c %d:%02d;", TEXT_ARGUMENTS(changes[i].account_id),
                      TEXT_ARGUMENTS(changes[i].subject), "MEX"[changes[i].kind], (int)(minutes / 60),
                      (int)(minutes % 60));
    }
    if (count == 0 && status != NULL)
        buffer_printf(&fixture->told, "%.*s erased;", TEXT_ARGUMENTS(status->account_id));
    return RESULT_OK;
}

static inline const struct program *compile(struct arena *arena, const char *text) {
    struct document document;
    struct error error;
    struct problems problems = {0};
    const struct program *program;
    assert_int_equal(yaml_read_text(text_of(text), TEXT("rules.yaml"), arena, &document, &error), RESULT_OK);
    assert_int_equal(rules_compile(&document, arena, &program, &problems), RESULT_OK);
    return program;
}

static inline void make_shard(struct fixture *fixture, const struct shard_options *options) {
    struct error error;
    struct shard_output output = {fixture, tell};
    assert_int_equal(
        shard_create(fixture->engine, &fixture->slab, options, &output, &fixture->counters, &fixture->shard, &error),
        RESULT_OK);
}

static inline struct fixture *begin(struct shard_options options) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error;
    struct engine_options engine_options = {.account_bytes_max = 1 << 19, .live_from_ms = INSTANT_NONE};
    fixture->program = compile(&fixture->arena, rules);
    assert_int_equal(engine_create(fixture->program, &engine_options, &fixture->engine, &error), RESULT_OK);
    make_shard(fixture, &options);
    return fixture;
}

static inline void end(struct fixture *fixture) {
    shard_free(fixture->shard);
    slab_free(&fixture->slab);
    engine_free(fixture->engine);
    buffer_free(&fixture->told);
    arena_free(&fixture->arena);
    free(fixture);
}

static inline void told(struct fixture *fixture, const char *expected) {
    buffer_put_u8(&fixture->told, 0);
    assert_string_equal((const char *)fixture->told.data, expected);
    buffer_clear(&fixture->told);
}

static inline struct event event_of(enum stream stream, const char *account, const char *id, int64_t minutes) {
    return (struct event){.stream = stream,
                          .account_id = text_of(account),
                          .event_id = stream == STREAM_ACCOUNT ? TEXT_MISSING : text_of(id),
                          .time_ms = START + minutes * MINUTE};
}

static inline enum result take(struct fixture *fixture, enum stream stream, const char *account, const char *id,
                               int64_t minutes, enum step_outcome *ret_outcome) {
    struct error error;
    struct event event = event_of(stream, account, id, minutes);
    return shard_take(fixture->shard, ACCOUNT_NONE, &event, ret_outcome, &error);
}

static inline void taken(struct fixture *fixture, enum stream stream, const char *account, const char *id,
                         int64_t minutes) {
    enum step_outcome outcome;
    assert_int_equal(take(fixture, stream, account, id, minutes, &outcome), RESULT_OK);
    assert_int_equal(outcome, STEP_APPLIED);
}

static inline int64_t watermark(const struct fixture *fixture) {
    return (shard_clocks(fixture->shard)->watermark_ms - START) / MINUTE;
}

static inline void advance(struct fixture *fixture, int64_t minutes) {
    struct error error;
    assert_int_equal(shard_advance(fixture->shard, START + minutes * MINUTE, &error), RESULT_OK);
}
