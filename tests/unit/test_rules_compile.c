/* What checked rules become: registers, aggregates, conditions, hashes. Each test compiles a small file and looks at
 * the program; the messages of wrong files are test_rules_errors.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "config/yaml.h"
#include "engine/core/change.h"
#include "engine/core/rules/rules.h"

/* --- Memory that runs out: the linker (--wrap=malloc) gives every call of malloc in the house to malloc_that_fails ---
 */

void *malloc_of_libc(size_t size) __asm__("__real_malloc");
void *malloc_that_fails(size_t size) __asm__("__wrap_malloc");

static int allocations_left = -1; /* negative: no end of them */

void *malloc_that_fails(size_t size) {
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left > 0;
    return malloc_of_libc(size);
}

/* --- Compiling --- */

static struct arena arena;

static int start(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct document parse(struct text source) {
    struct document document;
    struct error error;
    if (yaml_read_text(source, TEXT("rules.yaml"), &arena, &document, &error) != RESULT_OK)
        fail_msg("%s", error.text);
    return document;
}

static const struct program *compile_text(struct text source) {
    struct document document = parse(source);
    const struct program *program = NULL;
    struct problems problems;
    if (rules_compile(&document, &arena, &program, &problems) != RESULT_OK)
        fail_msg("%u:%u: %.*s", problems.items[0].position.line, problems.items[0].position.column,
                 TEXT_ARGUMENTS(problems.items[0].message));
    return program;
}

static const struct program *compile(const char *source) {
    return compile_text(text_of(source));
}

/* The only problem of rules that are wrong. */
static const char *problem_of(struct text source) {
    struct document document = parse(source);
    const struct program *program = NULL;
    struct problems problems;
    assert_int_equal(rules_compile(&document, &arena, &program, &problems), RESULT_REJECT);
    assert_null(program);
    assert_int_equal(problems.count, 1);
    return problems.items[0].message.data;
}

/* A file of segments s0, s1, ... with these expressions as their `when`. */
static const struct program *segments_of(const char *const *expressions, size_t count) {
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

static const struct expression *when_of(const struct program *program, uint32_t segment) {
    return &program->segments[segment].when;
}

/* --- Registers --- */

static bool same_register(const char *left, const char *right) {
    const struct program *program = SEGMENTS(left, right);
    return when_of(program, 0)->result == when_of(program, 1)->result;
}

static void equal_expressions_share_a_register(void **state) {
    (void)state;
    assert_true(same_register("count(login, 7d) > 3", "( count( login,7d )>(3) )"));
    assert_true(same_register("count(login, 7d) > 3", "count(login, 168h) > 3.0"));
    assert_true(same_register("account.plan == \"a\"", "account.plan == 'a'"));
    assert_true(same_register("account.plan in ['a', 'b']", "account.plan in [\"a\",\"b\"]"));
    assert_true(same_register("age(account.created_at) > 24h", "age(account.created_at) > 1d"));
    assert_true(same_register("account.seats > -3", "account.seats > 2 - 5"));
    assert_false(same_register("count(login, 7d) > 3", "count(login, 8d) > 3"));
    assert_false(same_register("account.seats > 3", "account.seats >= 3"));
    assert_false(same_register("account.plan in ['a', 'b']", "account.plan in ['a']"));
    assert_false(same_register("account.attributes['a'] == 'x'", "account.attributes['b'] == 'x'"));
}

static void a_metric_is_only_a_name(void **state) {
    (void)state;
    const struct program *named = compile("ruleset: x\n"
                                          "metrics:\n"
                                          "  unused: count(usage, 90d) * 2\n"
                                          "  logins: count(login, 7d)\n"
                                          "  busy: logins > 3\n"
                                          "segments:\n"
                                          "  a: { when: busy }\n"
                                          "  b: { when: 'count(login, 7d) > 3' }\n");
    const struct program *plain = SEGMENTS("count(login, 7d) > 3", "count(login, 7d) > 3");
    assert_int_equal(named->segments[0].when.result, named->segments[1].when.result);
    assert_int_equal(named->code.count, plain->code.count);
    assert_int_equal(named->aggregates_count, 1);
}

/* The only instruction of the evaluation that does `operation`. */
static const struct instruction *find_instruction(const struct program *program, enum operation operation) {
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

static void a_comparison_keeps_its_sign_inside_of_a_chain(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("account.seats > 1 and account.seats < 9 and not account.arr <= 5");
    find_instruction(program, OP_GREATER);
    find_instruction(program, OP_LESS);
    find_instruction(program, OP_LESS_EQUAL);
}

static void literals_are_computed_beforehand(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("account.renews_at > instant('2026-11-01') + 2 * 1d",
                                             "account.seats == number('x')");
    assert_int_equal(program->code.count, 4); /* two facts, two comparisons */
    double instant_ms = program->constants[find_instruction(program, OP_GREATER)->right].number;
    assert_true(instant_ms == (double)(INT64_C(1793491200000) + 2 * DAY));
    double missing = program->constants[find_instruction(program, OP_EQUAL)->right].number;
    assert_true(missing != missing);
}

static void fields_are_read_as_what_they_are(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("account.status == 'ACTIVE'", "account.plan == 'a'", "account.seats == 1",
                                             "account.attributes['k'] == 'v'", "last(login.method) == 'SSO'",
                                             "last(usage.feature) == 'f'", "last(usage.properties['k']) == 'v'",
                                             "last(login.succeeded)", "last(nps.occurred_at) > account.created_at");
    assert_int_equal(program->code.instructions[0].operation, OP_FACT_ENUM);
    assert_int_equal(find_instruction(program, OP_FACT_ENTRY)->left, stream_field(STREAM_ACCOUNT, TEXT("attributes")));
    uint32_t texts = 0, numbers = 0;
    for (uint32_t i = 0; i < program->code.count; i++) {
        texts += program->code.instructions[i].operation == OP_LAST_TEXT;
        numbers += program->code.instructions[i].operation == OP_LAST_NUMBER;
    }
    find_instruction(program, OP_LAST_ENUM);
    assert_int_equal(texts, 2);
    assert_int_equal(numbers, 2);
}

/* --- A program's soundness: what is read was written before, and is written once --- */

struct writes {
    bool written[REGISTERS_MAX];
};

static void write_once(struct writes *writes, uint16_t at) {
    if (at == REGISTER_NONE)
        return;
    assert_false(writes->written[at]);
    writes->written[at] = true;
}

static void assert_written(const struct writes *writes, uint16_t at) {
    assert_true(at == REGISTER_NONE || writes->written[at]);
}

static bool reads_registers(uint16_t operation) {
    return operation < OP_EVENT_NUMBER || operation >= OP_AGE;
}

static bool has_right_operand(uint16_t operation) {
    return operation <= OP_NOT_EQUAL_TEXT ? operation != OP_NEGATE && operation != OP_ABS
                                          : operation == OP_AND || operation == OP_OR;
}

static void run(const struct program *program, struct code code, uint32_t from, uint32_t to, struct writes *writes) {
    assert_true(from <= to && to <= code.count);
    for (uint32_t i = from; i < to; i++) {
        const struct instruction *instruction = &code.instructions[i];
        if (reads_registers(instruction->operation))
            assert_written(writes, instruction->left);
        if (has_right_operand(instruction->operation))
            assert_written(writes, instruction->right);
        if (instruction->operation == OP_IN || instruction->operation == OP_IN_TEXT)
            assert_true(instruction->right + instruction->extra <= program->constants_count);
        write_once(writes, instruction->target);
    }
}

static void assert_expression(const struct writes *writes, const struct expression *expression) {
    assert_written(writes, expression->result);
    for (uint32_t i = 0; i < expression->conditions_count; i++) {
        assert_written(writes, expression->conditions[i].left);
        assert_written(writes, expression->conditions[i].right);
        assert_written(writes, expression->conditions[i].holds);
    }
}

static void assert_scores(const struct program *program, struct writes *writes, uint32_t *at) {
    for (uint32_t i = 0; i < program->scores_count; i++) {
        const struct score *score = &program->scores[i];
        run(program, program->code, *at, score->code_end, writes);
        *at = score->code_end;
        for (uint32_t j = 0; j < score->signals_count; j++) {
            assert_written(writes, score->signals[j].value);
            assert_written(writes, score->signals[j].when);
        }
        write_once(writes, score->result);
    }
}

static void assert_dimensions(const struct program *program, struct writes *writes, uint32_t *at) {
    for (uint32_t i = 0; i < program->dimensions_count; i++) {
        const struct dimension *dimension = &program->dimensions[i];
        run(program, program->code, *at, dimension->code_end, writes);
        *at = dimension->code_end;
        for (uint32_t j = 0; j < dimension->cases_count; j++) {
            assert_expression(writes, &dimension->cases[j].when);
            assert_written(writes, dimension->cases[j].value_of);
        }
        write_once(writes, dimension->result);
        write_once(writes, dimension->time_in);
    }
}

static void assert_segments(const struct program *program, struct writes *writes, uint32_t *at) {
    for (uint32_t i = 0; i < program->segments_count; i++) {
        const struct segment *segment = &program->segments[i];
        run(program, program->code, *at, segment->code_end, writes);
        *at = segment->code_end;
        assert_expression(writes, &segment->when);
        assert_expression(writes, &segment->until);
        write_once(writes, segment->inside);
        write_once(writes, segment->time_in);
    }
}

static void assert_sound(const struct program *program) {
    static struct writes writes;
    writes = (struct writes){0};
    assert_true(program->registers_count <= REGISTERS_MAX);
    for (uint32_t i = 0; i < program->constants_count; i++)
        writes.written[i] = true;
    for (enum stream stream = 0; stream < STREAMS; stream++)
        run(program, program->filters[stream], 0, program->filters[stream].count, &writes);
    for (uint32_t i = 0; i < program->aggregates_count; i++)
        assert_written(&writes, program->aggregates[i].filter);
    uint32_t at = 0;
    assert_scores(program, &writes, &at);
    assert_dimensions(program, &writes, &at);
    assert_segments(program, &writes, &at);
    assert_int_equal(at, program->code.count);
    for (uint32_t i = 0; i < program->registers_count; i++)
        assert_true(writes.written[i]);
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

static void whatever_is_read_was_written_before_and_once(void **state) {
    (void)state;
    assert_sound(compile(everything));
    assert_sound(compile("ruleset: x\n"));
    assert_sound(SEGMENTS("true", "true or false", "not missing(account.plan)"));
}

static void the_shipped_rules_compile(void **state) {
    (void)state;
    static const char *const paths[] = {BELLWETHER_SOURCE_DIR "/config/rules/default.yaml",
                                        BELLWETHER_SOURCE_DIR "/config/rules/starter.yaml"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct document document;
        struct error error;
        struct problems problems;
        const struct program *program;
        assert_int_equal(yaml_read_file(paths[i], &arena, &document, &error), RESULT_OK);
        assert_int_equal(rules_compile(&document, &arena, &program, &problems), RESULT_OK);
        assert_sound(program);
    }
}

/* --- Aggregates --- */

static void the_longest_window_wins(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("count(login, 7d) > count(login, 30d)", "count(login, 14d) > 3");
    assert_int_equal(program->aggregates_count, 1);
    assert_int_equal(program->aggregates[0].kind, AGGREGATE_COUNT);
    assert_int_equal(program->aggregates[0].stream, STREAM_LOGIN);
    assert_int_equal(program->aggregates[0].window_slices, 30);
    assert_int_equal(program->aggregates[0].slice_ms, DAY);
    assert_int_equal(program->aggregates[0].filter, REGISTER_NONE);
    assert_int_equal(program->aggregates[0].field, FIELDS_MAX);
}

static void hours_and_days_are_different_aggregates(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("count(login, 48h) > count(login, 3d)");
    assert_int_equal(program->aggregates_count, 2);
    assert_int_equal(program->aggregates[0].slice_ms, HOUR);
    assert_int_equal(program->aggregates[0].window_slices, 48);
    assert_int_equal(program->aggregates[1].slice_ms, DAY);
    assert_int_equal(program->aggregates[1].window_slices, 3);
}

static void a_trend_looks_at_a_count_of_both_windows(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("trend(usage, 1d, 3d) > 1", "count(usage, 3d) > 3",
                                             "trend(usage, 6h, 2h) > 1");
    assert_int_equal(program->aggregates_count, 2);
    assert_int_equal(program->aggregates[0].kind, AGGREGATE_COUNT);
    assert_int_equal(program->aggregates[0].window_slices, 4);
    assert_int_equal(program->aggregates[1].slice_ms, HOUR);
    assert_int_equal(program->aggregates[1].window_slices, 8);
    const struct instruction *trend = &program->code.instructions[0];
    assert_int_equal(trend->operation, OP_TREND);
    assert_int_equal(trend->right, 1);
    assert_int_equal(trend->extra, 3);
}

static void an_average_is_a_sum_by_the_events_that_have_the_field(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("avg(custom.value, 7d) > 1", "sum(custom.value, 7d) > 1",
                                             "count(custom, 7d) > 1");
    uint32_t value = stream_field(STREAM_CUSTOM, TEXT("value"));
    assert_int_equal(program->aggregates_count, 3);
    assert_int_equal(program->aggregates[0].kind, AGGREGATE_SUM);
    assert_int_equal(program->aggregates[0].field, value);
    assert_int_equal(program->aggregates[1].kind, AGGREGATE_COUNT);
    assert_int_equal(program->aggregates[1].field, value);
    assert_int_equal(program->aggregates[2].field, FIELDS_MAX);
    const struct instruction *division = find_instruction(program, OP_DIVIDE);
    assert_int_equal(division->left, find_instruction(program, OP_SUM)->target);
}

static void equal_filters_run_once(void **state) {
    (void)state;
    const struct program *program = SEGMENTS(
        "count(usage where feature == 'a', 7d) > 1", "since(usage where (feature=='a')) > 1d",
        "count(usage where feature == 'b', 7d) > 1", "count(custom where name == 'a', 7d) > 1");
    assert_int_equal(program->aggregates_count, 4);
    assert_int_equal(program->aggregates[0].filter, program->aggregates[1].filter);
    assert_int_not_equal(program->aggregates[0].filter, program->aggregates[2].filter);
    assert_int_equal(program->filters[STREAM_USAGE].count, 3);
    assert_int_equal(program->filters[STREAM_CUSTOM].count, 2);
    assert_int_equal(program->filters[STREAM_LOGIN].count, 0);
}

static void each_different_call_of_open_has_its_bit(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("open(ticket) > 1", "open(ticket where severity == 'URGENT') > 1",
                                             "open(ticket) > 2");
    assert_int_equal(program->aggregates_count, 2);
    assert_int_equal(program->aggregates[0].open_index, 0);
    assert_int_equal(program->aggregates[1].open_index, 1);
}

static uint64_t fingerprint_of(const char *expression) {
    const struct program *program = SEGMENTS(expression);
    assert_int_equal(program->aggregates_count, 1);
    return program->aggregates[0].fingerprint;
}

static void a_fingerprint_is_of_the_definition_without_the_window(void **state) {
    (void)state;
    uint64_t fingerprint = fingerprint_of("count(usage where feature == 'a' and quantity > 1, 7d) > 1");
    assert_true(fingerprint == fingerprint_of("count(usage where ((feature==\"a\") and quantity > 1), 90d) < 5"));
    assert_true(fingerprint == fingerprint_of("trend(usage where feature == 'a' and quantity > 1, 7d, 7d) < 5"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a' and quantity > 1, 7h) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a' and quantity >= 1, 7d) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a' or quantity > 1, 7d) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage where feature == 'a', 7d) > 1"));
    assert_false(fingerprint == fingerprint_of("count(usage, 7d) > 1"));
    assert_false(fingerprint_of("count(usage, 7d) > 1") == fingerprint_of("count(login, 7d) > 1"));
    assert_false(fingerprint_of("sum(usage.quantity, 7d) > 1") == fingerprint_of("max(usage.quantity, 7d) > 1"));
    assert_false(fingerprint_of("last(usage.properties['a']) == 'x'") ==
                 fingerprint_of("last(usage.properties['b']) == 'x'"));
}

/* These are in the state of every account that runs: a change here loses their history. */
static void fingerprints_stay_what_they_are(void **state) {
    (void)state;
    static const struct {
        const char *expression;
        uint64_t fingerprint;
    } rows[] = {
        {"count(login, 7d) > 1", 0x32c27479337aaa9eu},
        {"count(usage where feature == 'a' and not quantity in [1, 2], 24h) > 1", 0xf4ba9365e592e5dau},
        {"distinct(usage.properties['k'], 30d) > 1", 0x33f8997e26ecc353u},
        {"since(ticket where coalesce(satisfaction, 3) - 1 < 2) > 1d", 0x6fe69c909514d523u},
        {"open(ticket where severity == 'URGENT') > 1", 0xf15e67353da9413fu},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(fingerprint_of(rows[i].expression), rows[i].fingerprint);
}

/* --- Hashes --- */

/* `everything`, with the first `from` in it replaced. */
static const struct program *changed(const char *from, const char *to) {
    const char *at = strstr(everything, from);
    assert_non_null(at);
    struct buffer source = {0};
    buffer_put(&source, everything, (size_t)(at - everything));
    buffer_put_string(&source, to);
    buffer_put_string(&source, at + strlen(from));
    const struct program *program = compile_text(buffer_text(&source));
    buffer_free(&source);
    return program;
}

static void what_cannot_matter_to_an_outcome_is_not_in_the_hash(void **state) {
    (void)state;
    uint64_t hash = compile(everything)->hash;
    assert_true(hash == changed("'2026-11-01'", "another label # and a comment")->hash);
    assert_true(hash == changed("    method: weighted", "    title: Risk\n    about: x\n    method: weighted")->hash);
    assert_true(hash == changed("since(login) > 7d,", "\"( since( login )>168h)\",")->hash);
    assert_true(hash == changed("unused: max(nps.score, 90d)", "other: count(nps, 90d)")->hash);
    assert_true(hash == changed("tick: 30m", "tick: 1800s")->hash);
}

static void what_can_matter_is(void **state) {
    (void)state;
    static const char *const changes[][2] = {
        {"tick: 30m", "tick: 1h"},
        {"lateness: 10m, ", ""},
        {"duplicate_ids: 8", "duplicate_ids: 9"},
        {"stall_after: 6h", "stall_after: 7h"},
        {"[7d, 0.5]", "[7d, 0.6]"},
        {"weight: 20", "weight: 21"},
        {"bias: -1", "bias: -2"},
        {"default: 0.5", "default: 0.4"},
        {"medium: 40", "medium: 41"},
        {"medium: 40", "middle: 40"},
        {"hysteresis: 5", "hysteresis: 4"},
        {"high: rescue", "high: other"},
        {", urgent: true", ""},
        {"value: gone", "value: left"},
        {"count(login where succeeded", "count(login where not succeeded"},
        {"for: 1h", "for: 2h"},
        {"playbook: call", "playbook: mail"},
        {"  silent: {", "  quiet: { when: 'true' }\n  silent: {"},
    };
    uint64_t hash = compile(everything)->hash;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (hash == changed(changes[i][0], changes[i][1])->hash)
            fail_msg("%s as %s has the same hash", changes[i][0], changes[i][1]);
}

static void a_count_goes_on_where_when_until_and_cooldown_are_the_same(void **state) {
    (void)state;
    uint64_t hash = compile(everything)->segments[0].count_hash;
    assert_true(hash == changed("for: 1h", "for: 2h")->segments[0].count_hash);
    assert_true(hash == changed("min_dwell: 1d", "min_dwell: 3d")->segments[0].count_hash);
    assert_false(hash == changed("since(login) > 7d", "since(login) > 8d")->segments[0].count_hash);
    assert_false(hash == changed("since(login) < 1d", "since(login) < 2d")->segments[0].count_hash);
    assert_false(hash == changed("cooldown: 2d", "cooldown: 3d")->segments[0].count_hash);
}

/* --- Conditions --- */

static void assert_conditions(const char *expression, const char *expected) {
    char texts[600] = "";
    size_t size = 0;
    const struct expression *when = when_of(SEGMENTS(expression), 0);
    for (uint32_t i = 0; i < when->conditions_count; i++)
        size += (size_t)snprintf(texts + size, sizeof texts - size, "%s%.*s", i == 0 ? "" : " | ",
                                 TEXT_ARGUMENTS(when->conditions[i].text));
    assert_string_equal(texts, expected);
}

static void conditions_are_what_and_or_and_not_join(void **state) {
    (void)state;
    assert_conditions("since(login) > 7d", "since(login) > 7d");
    assert_conditions("(((since(login)  >7d)))", "since(login)  >7d");
    assert_conditions("not (missing( account.plan ) or account.seats > 1) and last(login.succeeded)",
                      "missing( account.plan ) | account.seats > 1 | last(login.succeeded)");
    assert_conditions("(account.seats + 1) * 2 > (3) or true", "(account.seats + 1) * 2 > (3) | true");
    assert_conditions("account.plan in [ 'a', 'b' ] and (missing(account.plan)) == (false)",
                      "account.plan in [ 'a', 'b' ] | (missing(account.plan)) == (false)");
    assert_conditions("coalesce(account.seats > 1 and account.seats < 3, false)",
                      "coalesce(account.seats > 1 and account.seats < 3, false)");
    assert_conditions("count(usage where feature == 'a' and quantity > 1, 7d) > 1",
                      "count(usage where feature == 'a' and quantity > 1, 7d) > 1");
}

static void the_first_eight_conditions_are_kept(void **state) {
    (void)state;
    const struct program *program = SEGMENTS(
        "account.seats == 1 or account.seats == 2 or account.seats == 3 or account.seats == 4 or account.seats == 5 or "
        "account.seats == 6 or not (account.seats == 7 or account.seats == 8 or account.seats == 9) or true");
    assert_int_equal(when_of(program, 0)->conditions_count, CONDITIONS_MAX);
    assert_true(text_equals(when_of(program, 0)->conditions[7].text, "account.seats == 8"));
}

static void a_condition_knows_its_operands(void **state) {
    (void)state;
    const struct program *program = compile("ruleset: x\n"
                                            "metrics: { quiet: since(login) > 7d }\n"
                                            "segments:\n"
                                            "  a:\n"
                                            "    when: since(login) > 8d and account.plan in ['a'] and quiet\n");
    const struct condition *conditions = program->segments[0].when.conditions;
    assert_int_equal(conditions[0].left, find_instruction(program, OP_SINCE)->target);
    assert_int_equal(conditions[0].left_type, TYPE_DURATION);
    assert_true(program->constants[conditions[0].right].number == (double)(8 * DAY));
    assert_int_equal(conditions[1].left, find_instruction(program, OP_FACT_TEXT)->target);
    assert_int_equal(conditions[1].left_type, TYPE_STRING);
    assert_int_equal(conditions[1].right, REGISTER_NONE);
    assert_int_equal(conditions[1].holds, find_instruction(program, OP_IN_TEXT)->target);
    assert_true(text_equals(conditions[2].text, "quiet"));
    assert_int_equal(conditions[2].left, REGISTER_NONE);
    assert_int_equal(conditions[2].right, REGISTER_NONE);
}

static void text_of_a_condition_is_as_the_scalar_holds_it(void **state) {
    (void)state;
    const struct program *program = compile("ruleset: x\n"
                                            "segments:\n"
                                            "  a:\n"
                                            "    when: \"account.plan == \\\"a\\\"\"\n"
                                            "  b:\n"
                                            "    when: >-\n"
                                            "      account.seats\n"
                                            "      > 3\n");
    assert_true(text_equals(program->segments[0].when.conditions[0].text, "account.plan == \"a\""));
    assert_true(text_equals(program->segments[1].when.conditions[0].text, "account.seats > 3"));
}

/* --- Settings --- */

static void settings_have_defaults(void **state) {
    (void)state;
    const struct program *program = compile("ruleset: 007\n"
                                            "scores:\n"
                                            "  s: { method: weighted, signals: { a: { value: 1, weight: 2 } } }\n"
                                            "segments: { a: { when: 'true' } }\n");
    assert_true(text_equals(program->ruleset, "007"));
    assert_int_equal(program->tick_ms, HOUR);
    assert_false(program->lateness_given);
    assert_int_equal(program->duplicate_ids, 64);
    assert_int_equal(program->future_tolerance_ms, 5 * MINUTE);
    assert_int_equal(program->stall_after_ms[STREAM_LOGIN], 0);
    assert_true(program->scores[0].min_coverage == 0.5);
    assert_int_equal(program->scores[0].signals[0].when, REGISTER_NONE);
    assert_int_equal(program->segments[0].until.result, REGISTER_NONE);
    assert_int_equal(program->segments[0].inside, REGISTER_NONE);
    assert_true(text_is_missing(program->segments[0].playbook));
    assert_int_equal(program->churn_risk, REGISTER_NONE);
    assert_int_equal(program->lifecycle_stage, REGISTER_NONE);
}

static void settings_are_as_they_are_given(void **state) {
    (void)state;
    const struct program *program = compile(everything);
    assert_int_equal(program->tick_ms, 30 * MINUTE);
    assert_true(program->lateness_given);
    assert_int_equal(program->lateness_ms, 10 * MINUTE);
    assert_int_equal(program->duplicate_ids, 8);
    assert_int_equal(program->stall_after_ms[STREAM_LOGIN], 6 * HOUR);
    assert_int_equal(program->churn_risk, 0);
    assert_int_equal(program->lifecycle_stage, 1);
    assert_true(program->scores[0].signals[0].curve[1].x == (double)(7 * DAY));
    assert_int_equal(program->scores[0].signals[0].type, TYPE_DURATION);
    assert_int_equal(program->scores[0].signals[2].type, TYPE_BOOLEAN);
    assert_int_equal(program->dimensions[0].score, 0);
    assert_int_equal(program->dimensions[1].score, REGISTER_NONE);
    assert_true(program->dimensions[1].cases[0].urgent);
    assert_int_equal(program->dimensions[1].cases[2].when.result, REGISTER_NONE);
    assert_int_equal(program->segments[0].cooldown_ms, 2 * DAY);
    assert_int_not_equal(program->segments[0].inside, REGISTER_NONE);
    assert_int_equal(program->segments[1].inside, REGISTER_NONE);
}

/* --- Bounds --- */

static void a_long_chain_is_not_nesting(void **state) {
    (void)state;
    struct buffer source = {0};
    buffer_put_string(&source, "ruleset: x\nsegments:\n  a:\n    when: true");
    for (int i = 0; i < 5000; i++)
        buffer_printf(&source, " or account.seats == %d", i);
    const struct program *program = compile_text(buffer_text(&source));
    assert_sound(program);
    buffer_free(&source);
}

static void rules_that_are_too_large_are_refused(void **state) {
    (void)state;
    struct buffer source = {0};
    buffer_put_string(&source, "ruleset: x\nsegments:\n  a:\n    when: true");
    for (int i = 0; i < REGISTERS_MAX; i++)
        buffer_printf(&source, " or account.seats == %d", i);
    assert_string_equal(problem_of(buffer_text(&source)),
                        "these rules are too large: they need more than 16000 registers, one for each different value "
                        "or step");
    buffer_clear(&source);
    buffer_put_string(&source, "ruleset: x\nsegments:\n  a:\n    when: true");
    for (int i = 0; i < OPEN_FILTERS_MAX + 1; i++)
        buffer_printf(&source, " or open(ticket where satisfaction == %d) > 1", i);
    assert_string_equal(problem_of(buffer_text(&source)),
                        "these rules are too large: they hold more than 32 different calls of `open`");
    buffer_clear(&source);
    buffer_put_string(&source, "ruleset: x\nsegments:\n  a:\n    when: true");
    buffer_put_string(&source, " or 0");
    for (int i = 0; i < SLOTS_MAX / 2; i++) /* an average is two aggregates */
        buffer_printf(&source, " + avg(custom.value where value == %d, 7d)", i);
    buffer_put_string(&source, " > 1");
    assert_string_equal(problem_of(buffer_text(&source)),
                        "these rules are too large: they hold more than 4000 aggregates, dimensions and segments "
                        "together");
    buffer_free(&source);
}

/* --- Memory --- */

static enum result compile_with(int allocations, struct document *document) {
    struct arena memory = {0};
    const struct program *program = NULL;
    struct problems problems;
    allocations_left = allocations;
    enum result result = rules_compile(document, &memory, &program, &problems);
    allocations_left = -1;
    assert_int_equal(result == RESULT_OK, program != NULL);
    arena_free(&memory);
    return result;
}

static void whichever_allocation_fails_is_fatal_and_leaks_nothing(void **state) {
    (void)state;
    struct document document = parse(text_of(everything));
    int allocations = 0;
    while (compile_with(allocations, &document) != RESULT_OK) {
        assert_int_equal(compile_with(allocations, &document), RESULT_FATAL);
        allocations++;
        assert_true(allocations < 1000);
    }
    assert_true(allocations > 1);
}

static void memory_that_is_out_while_problems_are_told_is_fatal(void **state) {
    (void)state;
    struct document document = parse(TEXT("ruleset: x\nsegments: { a: { when: since(login) > 7 } }\n"));
    assert_int_equal(compile_with(0, &document), RESULT_FATAL);
    assert_int_equal(compile_with(-1, &document), RESULT_REJECT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(equal_expressions_share_a_register),
        TEST(a_metric_is_only_a_name),
        TEST(a_comparison_keeps_its_sign_inside_of_a_chain),
        TEST(literals_are_computed_beforehand),
        TEST(fields_are_read_as_what_they_are),
        TEST(whatever_is_read_was_written_before_and_once),
        TEST(the_shipped_rules_compile),
        TEST(the_longest_window_wins),
        TEST(hours_and_days_are_different_aggregates),
        TEST(a_trend_looks_at_a_count_of_both_windows),
        TEST(an_average_is_a_sum_by_the_events_that_have_the_field),
        TEST(equal_filters_run_once),
        TEST(each_different_call_of_open_has_its_bit),
        TEST(a_fingerprint_is_of_the_definition_without_the_window),
        TEST(fingerprints_stay_what_they_are),
        TEST(what_cannot_matter_to_an_outcome_is_not_in_the_hash),
        TEST(what_can_matter_is),
        TEST(a_count_goes_on_where_when_until_and_cooldown_are_the_same),
        TEST(conditions_are_what_and_or_and_not_join),
        TEST(the_first_eight_conditions_are_kept),
        TEST(a_condition_knows_its_operands),
        TEST(text_of_a_condition_is_as_the_scalar_holds_it),
        TEST(settings_have_defaults),
        TEST(settings_are_as_they_are_given),
        TEST(a_long_chain_is_not_nesting),
        TEST(rules_that_are_too_large_are_refused),
        TEST(whichever_allocation_fails_is_fatal_and_leaks_nothing),
        TEST(memory_that_is_out_while_problems_are_told_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
