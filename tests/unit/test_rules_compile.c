/* How rules become a program: registers, the order of what is read and written, bounds, memory. What of them is in it
 * is test_rules_program.c's; the messages of wrong files are test_rules_errors.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/unit/compiled_rules.h"

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

static uint32_t instructions_of(const struct program *program, enum operation operation) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->code.count; i++)
        count += program->code.instructions[i].operation == operation;
    return count;
}

static void fields_are_read_as_what_they_are(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("account.status == 'ACTIVE'", "account.plan == 'a'", "account.seats == 1",
                                             "account.attributes['k'] == 'v'", "last(login.method) == 'SSO'",
                                             "last(usage.feature) == 'f'", "last(usage.properties['k']) == 'v'",
                                             "last(login.succeeded)", "last(nps.occurred_at) > account.created_at");
    assert_int_equal(program->code.instructions[0].operation, OP_FACT_ENUM);
    assert_int_equal(find_instruction(program, OP_FACT_ENTRY)->left, stream_field(STREAM_ACCOUNT, TEXT("attributes")));
    find_instruction(program, OP_LAST_ENUM);
    assert_int_equal(instructions_of(program, OP_LAST_TEXT), 2);
    assert_int_equal(instructions_of(program, OP_LAST_NUMBER), 2);
}

static void truths_are_joined_by_threes(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("account.seats > 1 and account.seats < 9 and account.arr < 2 and "
                                             "account.arr > 3 and account.employees < 4",
                                             "account.seats > 1 or account.seats < 9 or account.arr < 2 or "
                                             "account.arr > 3");
    assert_int_equal(instructions_of(program, OP_AND3), 2);
    assert_int_equal(instructions_of(program, OP_AND), 0);
    const struct instruction *three = find_instruction(program, OP_OR3), *two = find_instruction(program, OP_OR);
    assert_int_equal(two->left, three->target);
    const struct condition *conditions = when_of(program, 1)->conditions;
    assert_int_equal(three->left, conditions[0].holds);
    assert_int_equal(three->right, conditions[1].holds);
    assert_int_equal(three->extra, conditions[2].holds);
    assert_int_equal(two->right, conditions[3].holds);
    program = SEGMENTS("account.seats + account.arr + account.employees > 1");
    assert_int_equal(instructions_of(program, OP_ADD), 2);
}

static void what_is_not_missing_is_present(void **state) {
    (void)state;
    const struct program *program = compile("ruleset: x\nmetrics:\n  known: not missing(account.plan)\n"
                                            "  seen: not missing(since(login))\n"
                                            "segments:\n  a: { when: known and seen }\n");
    assert_int_equal(find_instruction(program, OP_PRESENT_TEXT)->left, find_instruction(program, OP_FACT_TEXT)->target);
    assert_int_equal(find_instruction(program, OP_PRESENT)->left, find_instruction(program, OP_SINCE)->target);
    assert_int_equal(program->code.count, 5);
    /* `because` lists what is missing, not that it is not so. */
    program = SEGMENTS("not missing(account.plan)");
    assert_int_equal(when_of(program, 0)->conditions[0].holds, find_instruction(program, OP_MISSING_TEXT)->target);
    assert_int_equal(when_of(program, 0)->result, find_instruction(program, OP_PRESENT_TEXT)->target);
}

static void the_lesser_of_those_that_are_there_is_one_instruction(void **state) {
    (void)state;
    const struct program *program = SEGMENTS("coalesce(min2(account.seats, account.arr), coalesce(account.seats, "
                                             "account.arr)) > 1",
                                             "coalesce(max2(account.seats, account.arr), coalesce(account.seats, "
                                             "account.arr)) > 1");
    assert_int_equal(program->code.count, 6); /* two facts, two comparisons */
    assert_int_equal(find_instruction(program, OP_LEAST_PRESENT)->target, when_of(program, 0)->conditions[0].left);
    assert_int_equal(find_instruction(program, OP_GREATEST_PRESENT)->target, when_of(program, 1)->conditions[0].left);
    program = SEGMENTS("coalesce(min2(account.seats, account.arr), coalesce(account.arr, 1)) > 1",
                       "coalesce(min2(account.seats, account.arr), account.arr) > 1",
                       "coalesce(account.plan, coalesce(account.plan, account.country)) == 'a'");
    assert_int_equal(instructions_of(program, OP_LEAST_PRESENT), 0);
    assert_int_equal(instructions_of(program, OP_MIN2), 1);
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

/* A text takes two registers. */
static void write_value_once(struct writes *writes, uint16_t at, bool is_text) {
    write_once(writes, at);
    if (is_text)
        write_once(writes, at + 1);
}

static void assert_written(const struct writes *writes, uint16_t at) {
    assert_true(at == REGISTER_NONE || writes->written[at]);
}

static void run(const struct program *program, struct code code, uint32_t from, uint32_t to, struct writes *writes) {
    assert_true(from <= to && to <= code.count);
    for (uint32_t i = from; i < to; i++) {
        const struct instruction *instruction = &code.instructions[i];
        uint32_t operands = operands_of((enum operation)instruction->operation);
        if (operands > 0)
            assert_written(writes, instruction->left);
        if (operands > 1)
            assert_written(writes, instruction->right);
        if (operands > 2)
            assert_written(writes, instruction->extra);
        if (instruction->operation == OP_IN)
            assert_true(instruction->right + instruction->extra <= program->constants_count);
        if (instruction->operation == OP_IN_TEXT)
            assert_true(instruction->right + 2u * instruction->extra <= program->constants_count);
        write_value_once(writes, instruction->target, makes_text((enum operation)instruction->operation));
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
        write_value_once(writes, dimension->result, true);
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
                        "or step and two for each text");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(equal_expressions_share_a_register),
        TEST(a_metric_is_only_a_name),
        TEST(a_comparison_keeps_its_sign_inside_of_a_chain),
        TEST(literals_are_computed_beforehand),
        TEST(fields_are_read_as_what_they_are),
        TEST(truths_are_joined_by_threes),
        TEST(what_is_not_missing_is_present),
        TEST(the_lesser_of_those_that_are_there_is_one_instruction),
        TEST(whatever_is_read_was_written_before_and_once),
        TEST(the_shipped_rules_compile),
        TEST(a_long_chain_is_not_nesting),
        TEST(rules_that_are_too_large_are_refused),
        TEST(whichever_allocation_fails_is_fatal_and_leaks_nothing),
        TEST(memory_that_is_out_while_problems_are_told_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
