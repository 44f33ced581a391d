/* Filters as tests: whatever they are made of, they say what the rules' program says. */
#include "engine/core/filters.h"

#include "tests/unit/account_state.h"
#include "tests/unit/compiled_rules.h"

/* --- An event and the two ways to filter it --- */

#define PICK(seed, array) (array)[test_random(seed, sizeof(array) / sizeof *(array))]

static const struct text texts[] = {
    TEXT(""),
    TEXT("a"),
    TEXT("search"),
    TEXT("report"),
    TEXT("help"),
    TEXT("core"),
    TEXT("true"),
    TEXT("false"),
    TEXT("0123456789abcdef"),
    TEXT("0123456789abcdeF"),
    TEXT("a-text-of-more-than-sixty-three-bytes-has-the-size-of-a-short-one"),
    TEXT("core2"),
};

static void set_entries(struct event *event, struct map_entry *entries, uint64_t *seed) {
    event->entries = entries;
    event->entries_count = test_random(seed, 4);
    for (uint32_t i = 0; i < event->entries_count; i++)
        entries[i] = (struct map_entry){PICK(seed, texts), PICK(seed, texts)};
}

/* Each field is there or not, required or not. */
static struct event random_event(enum stream stream, struct map_entry *entries, uint64_t *seed) {
    static const double numbers[] = {-1, -0.0, 0, 0.5, 1, 2, 3};
    const struct stream_schema *schema = &stream_schemas[stream];
    struct event event = {.stream = stream};
    set_entries(&event, entries, seed);
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        const struct field *field = &schema->fields[i];
        if (field->type == FIELD_MAP || test_random(seed, 5) == 0)
            continue;
        event.present |= 1u << i;
        if (field->type == FIELD_STRING)
            event.fields[i].text = PICK(seed, texts);
        else if (field->type == FIELD_ENUM)
            event.fields[i].number = test_random(seed, field->symbols_count);
        else if (field->type == FIELD_BOOLEAN)
            event.fields[i].number = test_random(seed, 2);
        else
            event.fields[i].number = PICK(seed, numbers);
    }
    return event;
}

static struct evaluation begin(const struct program *program) {
    struct evaluation evaluation = {.program = program,
                                    .filter_registers = arena_alloc(&arena, REGISTERS_MAX * sizeof(union value))};
    assert_non_null(evaluation.filter_registers);
    memcpy(evaluation.filter_registers, program->constants, program->constants_count * sizeof(union value));
    return evaluation;
}

/* Both ways for many events; `is_general`: whether the filter is more than tests can say. */
static void assert_same(const char *expression, bool is_general) {
    const struct program *program = SEGMENTS(expression);
    const struct aggregate *aggregate = &program->aggregates[0];
    struct evaluation evaluation = begin(program);
    struct filters *filters = arena_alloc(&arena, sizeof *filters);
    struct map_entry entries[4];
    uint64_t seed = 5, tests, passed = 0;
    assert_non_null(filters);
    assert_int_equal(filters_add(filters, program, aggregate->stream, aggregate->filter, &tests), !is_general);
    assert_int_equal(filters->is_general, is_general);
    for (int i = 0; i < 2000; i++) {
        struct event event = random_event(aggregate->stream, entries, &seed);
        uint64_t held = filters_run(filters, &evaluation, &event);
        evaluation_run_filters(&evaluation, &event);
        bool wanted = evaluation_true(&evaluation, aggregate->filter);
        passed += wanted;
        if (!is_general)
            assert_int_equal((tests & ~held) == 0, wanted);
    }
    assert_in_range(passed, 1, 1999);
}

/* --- Tests --- */

static void texts_are_compared_with_constants(void **state) {
    (void)state;
    assert_same("count(usage where feature == 'search', 7d) > 1", false);
    assert_same("count(usage where 'search' == feature, 7d) > 1", false);
    assert_same("count(usage where feature == '', 7d) > 1", false);
    assert_same("count(usage where feature != 'search', 7d) > 1", false);
    assert_same("count(usage where feature != '', 7d) > 1", false);
    assert_same("count(usage where feature in ['a', 'help', '0123456789abcdef'], 7d) > 1", false);
    assert_same("count(usage where properties['core'] == 'true', 7d) > 1", false);
    assert_same("count(usage where properties['core'] != 'true', 7d) > 1", false);
    assert_same("count(usage where properties['core'] in ['true', 'false', ''], 7d) > 1", false);
    assert_same("count(usage where properties[''] != '', 7d) > 1", false);
}

static void texts_are_compared_with_texts(void **state) {
    (void)state;
    assert_same("count(usage where user_id == account_id, 7d) > 1", false);
    assert_same("count(ticket where user_id != account_id, 7d) > 1", false);
    assert_same("count(usage where properties['core'] == feature, 7d) > 1", false);
    assert_same("count(usage where properties['core'] != properties['help'], 7d) > 1", false);
}

static void symbols_are_a_set(void **state) {
    (void)state;
    assert_same("count(login where method == 'TOKEN', 7d) > 1", false);
    assert_same("count(login where method != 'TOKEN', 7d) > 1", false);
    assert_same("count(ticket where severity in ['HIGH', 'URGENT'], 7d) > 1", false);
}

static void numbers_are_compared(void **state) {
    (void)state;
    assert_same("count(login where succeeded, 7d) > 1", false);
    assert_same("count(usage where quantity == 0, 7d) > 1", false);
    assert_same("count(usage where quantity != 0, 7d) > 1", false);
    assert_same("count(usage where quantity < 1, 7d) > 1", false);
    assert_same("count(usage where quantity <= 1, 7d) > 1", false);
    assert_same("count(usage where quantity > 1, 7d) > 1", false);
    assert_same("count(custom where value >= 0.5, 7d) > 1", false);
}

static void conditions_may_be_joined_by_and(void **state) {
    (void)state;
    assert_same("count(login where succeeded and user_id != account_id, 7d) > 1", false);
    assert_same(
        "count(usage where feature == 'a' and quantity > 0 and user_id != 'a' and properties['a'] != 'b', 7d) > 1",
        false);
}

static void all_else_is_left_to_the_program(void **state) {
    (void)state;
    assert_same("count(login where not succeeded, 7d) > 1", true);
    assert_same("count(usage where feature == 'a' or quantity > 1, 7d) > 1", true);
    assert_same("count(usage where quantity in [1, 2], 7d) > 1", true);
    assert_same("count(usage where quantity + 1 > 1, 7d) > 1", true);
    assert_same("count(usage where 1 < quantity, 7d) > 1", true);
    assert_same("count(usage where coalesce(properties['a'], 'b') == 'b', 7d) > 1", true);
    assert_same("count(usage where missing(properties['core']), 7d) > 1", true);
    assert_same("count(usage where feature == 'a' and not missing(properties['core']), 7d) > 1", true);
}

static void filters_share_what_is_the_same(void **state) {
    (void)state;
    const struct program *program = SEGMENTS(
        "count(usage where properties['core'] == 'true', 7d) > 1",
        "count(usage where properties['core'] == 'true' and feature == 'a', 7d) > 1",
        "count(usage where properties['core'] in ['true', 'false'], 7d) > 1", "since(usage where feature == 'a') > 1d");
    struct filters *filters = arena_alloc(&arena, sizeof *filters);
    uint64_t tests[4];
    assert_non_null(filters);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(filters_add(filters, program, STREAM_USAGE, program->aggregates[i].filter, &tests[i]));
    assert_int_equal(filters->keys_count, 1);
    assert_int_equal(filters->tests_count, 3);
    assert_int_equal(tests[1], tests[0] | tests[3]);
}

/* Of a filter that has no room, nothing stays. */
static void more_than_there_are_bits_for_is_left_to_the_program(void **state) {
    (void)state;
    struct buffer expression = {0};
    buffer_put_string(&expression, "count(usage where properties['k0'] == 'a'");
    for (int i = 1; i <= TEST_KEYS_MAX; i++)
        buffer_printf(&expression, " and properties['k%d'] == 'a'", i);
    buffer_put_string(&expression, ", 7d) > 1");
    buffer_put_u8(&expression, 0);
    const struct program *program = SEGMENTS((const char *)expression.data);
    struct filters *filters = arena_alloc(&arena, sizeof *filters);
    uint64_t tests;
    assert_non_null(filters);
    assert_false(filters_add(filters, program, STREAM_USAGE, program->aggregates[0].filter, &tests));
    assert_int_equal(tests, 0);
    assert_int_equal(filters->tests_count, 0);
    assert_int_equal(filters->keys_count, 0);
    assert_true(filters->is_general);
    buffer_free(&expression);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(texts_are_compared_with_constants),
        TEST(texts_are_compared_with_texts),
        TEST(symbols_are_a_set),
        TEST(numbers_are_compared),
        TEST(conditions_may_be_joined_by_and),
        TEST(all_else_is_left_to_the_program),
        TEST(filters_share_what_is_the_same),
        TEST(more_than_there_are_bits_for_is_left_to_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
