/* Rules as text, compiled, for the tests of what they become: everything lies in one arena, of one test's own. Messages
 * are checked with cmocka's asserts. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "config/yaml.h"
#include "engine/core/rules/rules.h"

static struct arena arena;

static inline int start(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static inline int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static inline struct document parse(struct text source) {
    struct document document;
    struct error error;
    if (yaml_read_text(source, TEXT("rules.yaml"), &arena, &document, &error) != RESULT_OK)
        fail_msg("%s", error.text);
    return document;
}

static inline const struct program *compile_text(struct text source) {
    struct document document = parse(source);
    const struct program *program = NULL;
    struct problems problems;
    if (rules_compile(&document, &arena, &program, &problems) != RESULT_OK)
        fail_msg("%u:%u: %.*s", problems.items[0].position.line, problems.items[0].position.column,
                 TEXT_ARGUMENTS(problems.items[0].message));
    return program;
}

static inline const struct program *compile(const char *source) {
    return compile_text(text_of(source));
}

/* The only problem of rules that are wrong. */
static inline const char *problem_of(struct text source) {
    struct document document = parse(source);
    const struct program *program = NULL;
    struct problems problems;
    assert_int_equal(rules_compile(&document, &arena, &program, &problems), RESULT_REJECT);
    assert_null(program);
    assert_int_equal(problems.count, 1);
    return problems.items[0].message.data;
}

/* A file of segments s0, s1, ... with these expressions as their `when`. */
static inline const struct program *segments_of(const char *const *expressions, size_t count) {
    struct buffer source = {0};
    buffer_put_string(&source, "ruleset: x\nsegments:\n");
    for (size_t i = 0; i < count; i++)
        buffer_printf(&source, "  s%zu:\n    when: %s\n", i, expressions[i]);
    const struct program *program = compile_text(buffer_text(&source));
    buffer_free(&source);
    return program;
}

#define SEGMENTS(...) \
    segments_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static inline const struct expression *when_of(const struct program *program, uint32_t segment) {
    return &program->segments[segment].when;
}

/* The only instruction of the evaluation that does `operation`. */
static inline const struct instruction *find_instruction(const struct program *program, enum operation operation) {
    const struct instruction *found = NULL;
    for (uint32_t i = 0; i < program->code.count; i++) {
        if (program->code.instructions[i].operation != operation)
            continue;
        assert_null(found);
        found = &program->code.instructions[i];
    }
    assert_non_null(found);
    return found;
}

/* Holds one of everything that the language has. */
static const char everything[] =
    "ruleset: '2026-11-01'\n"
    "clock: { tick: 30m, lateness: 10m, duplicate_ids: 8, future_tolerance: 1m }\n"
    "streams: { login: { stall_after: 6h } }\n"
    "metrics:\n"
    "  logins: count(login where succeeded and method in ['SSO', 'TOKEN'], 7d)\n"
    "  mean: avg(usage.quantity where feature == 'search', 30d)\n"
    "  unused: max(nps.score, 90d)\n"
    "  due: instant(last(custom.properties['due'] where name == 'invoice'))\n"
    "scores:\n"
    "  churn_risk:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      silence: { value: since(login), curve: [[1d, 0], [7d, 0.5], [30d, 1]], weight: 20 }\n"
    "      decline: { value: '1 - trend(usage, 7d, 28d)', weight: 30, when: 'account.plan != \"free\"' }\n"
    "      tickets: { value: 'open(ticket where severity == \"URGENT\") > 0', weight: 10 }\n"
    "  health:\n"
    "    method: logistic\n"
    "    bias: -1\n"
    "    signals:\n"
    "      risk: { value: churn_risk / 100, weight: -2, default: 0.5 }\n"
    "      breadth: { value: 'distinct(usage.feature, 30d)', curve: [[0, 0], [9, 1]], weight: 1 }\n"
    "dimensions:\n"
    "  risk_band:\n"
    "    score: churn_risk\n"
    "    bands: { low: 0, medium: 40, high: 70 }\n"
    "    hysteresis: 5\n"
    "    playbooks: { high: rescue, unknown: ask }\n"
    "  lifecycle_stage:\n"
    "    cases:\n"
    "      - { value: gone, when: 'account.status == \"CANCELLED\"', urgent: true }\n"
    "      - { value: stuck, when: 'time_in(risk_band) > 30d and not risk_band == \"low\"' }\n"
    "      - { value_of: 'coalesce(account.plan, \"none\")' }\n"
    "segments:\n"
    "  silent: { when: since(login) > 7d, until: since(login) < 1d, for: 1h, min_dwell: 1d, cooldown: 2d }\n"
    "  lost:\n"
    "    when: in_segment(silent) and time_in(silent) > 30d and min2(logins, mean) < health\n"
    "    playbook: call\n"
    "  owing:\n"
    "    when: age(due) > 3d or until(account.renews_at) < 90d or since_first(usage) < 1d or abs(mean - 3) > max2(1, "
    "2)\n";

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
