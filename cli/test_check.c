#include <math.h>

#include "base/instant.h"
#include "base/number.h"
#include "cli/test_reader.h"

static const char *const check_keys[] = {"at",      "between",     "account",    "known",    "segments",
                                         "in",      "not_in",      "scores",     "never_in", "never",
                                         "changes", "all_changes", "dimensions", NULL};

#define VALUES_MAX 256 /* of a dimension, for the nearest name */

/* ---- names of the rules ---- */

static int find_segment(struct test_reader *reader, const struct node *node) {
    const struct program *program = reader->program;
    struct text *names = test_array(reader, program->segments_count, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < program->segments_count; i++)
        names[i] = program->segments[i].name;
    return names == NULL ? -1 : test_name(reader, node, "segment", names, program->segments_count);
}

static int find_dimension(struct test_reader *reader, const struct node *node) {
    const struct program *program = reader->program;
    struct text *names = test_array(reader, program->dimensions_count, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < program->dimensions_count; i++)
        names[i] = program->dimensions[i].name;
    return names == NULL ? -1 : test_name(reader, node, "dimension", names, program->dimensions_count);
}

static int find_score(struct test_reader *reader, const struct node *node) {
    const struct program *program = reader->program;
    struct text *names = test_array(reader, program->scores_count, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < program->scores_count; i++)
        names[i] = program->scores[i].name;
    return names == NULL ? -1 : test_name(reader, node, "score", names, program->scores_count);
}

/* All values that the dimension can have; 0: any text may be one. */
static uint32_t values_of(const struct dimension *dimension, struct text names[VALUES_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < dimension->bands_count && count < VALUES_MAX - 1; i++)
        names[count++] = dimension->bands[i].name;
    if (dimension->bands_count > 0)
        names[count++] = TEXT("unknown");
    for (uint32_t i = 0; i < dimension->cases_count; i++) {
        if (text_is_missing(dimension->cases[i].value) || count == VALUES_MAX)
            return 0;
        names[count++] = dimension->cases[i].value;
    }
    return count;
}

static bool check_value(struct test_reader *reader, const struct dimension *dimension, const struct node *node) {
    struct text names[VALUES_MAX];
    uint32_t count = values_of(dimension, names);
    return test_is_scalar(reader, node, "a dimension's value") &&
           (count == 0 || test_name(reader, node, "value of the dimension", names, count) >= 0);
}

/* ---- expectations ---- */

/* The list of them, while it grows; there is room for every line of the check. */
struct builder {
    struct test_reader *reader;
    struct expectation *items;
    uint32_t count;
    bool good;
};

static struct expectation *add(struct builder *builder, enum expectation_kind kind, struct position position) {
    struct expectation *expectation = &builder->items[builder->count++];
    *expectation = (struct expectation){.kind = kind, .position = position};
    return expectation;
}

static uint32_t size_of(const struct node *node) {
    return node == NULL || node->kind == NODE_SCALAR ? 1 : node->count;
}

static uint32_t expectations_max(const struct node *check) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < check->count; i++)
        count += 1 + size_of(check->values[i]);
    return count;
}

/* `in`, `not_in`, `never_in`: one expectation for each segment. */
static void read_each_segment(struct builder *builder, const struct node *node, enum expectation_kind kind) {
    if (!test_is_sequence(builder->reader, node, "a list of segments")) {
        builder->good = false;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        int index = node->values[i]->kind == NODE_SCALAR ? find_segment(builder->reader, node->values[i]) : -1;
        if (index >= 0)
            add(builder, kind, node->values[i]->position)->index = (uint32_t)index;
        else
            builder->good = false;
    }
}

static void read_segments(struct builder *builder, const struct node *node) {
    struct expectation *expectation = add(builder, EXPECT_SEGMENTS, node->position);
    if (!test_is_sequence(builder->reader, node, "a list of segments") ||
        !test_texts(builder->reader, node, "a segment", &expectation->values, &expectation->values_count)) {
        builder->good = false;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++)
        builder->good = find_segment(builder->reader, node->values[i]) >= 0 && builder->good;
}

/* `dimensions` and `never`: name and value, or values. */
static void read_dimensions(struct builder *builder, const struct node *node, enum expectation_kind kind) {
    struct test_reader *reader = builder->reader;
    if (!test_is_mapping(reader, node, "a list of dimensions with their values")) {
        builder->good = false;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node *value = node->values[i];
        struct expectation *expectation = add(builder, kind, node->keys[i]->position);
        int index = find_dimension(reader, node->keys[i]);
        if (index < 0 ||
            !test_texts(reader, value, "a dimension's value", &expectation->values, &expectation->values_count)) {
            builder->good = false;
            continue;
        }
        expectation->index = (uint32_t)index;
        bool list = value->kind == NODE_SEQUENCE;
        for (uint32_t j = 0; j < expectation->values_count; j++)
            builder->good = check_value(reader, &reader->program->dimensions[index], list ? value->values[j] : value) &&
                            builder->good;
    }
}

static struct text part(struct text text, uint32_t from, uint32_t to) {
    while (from < to && text.data[from] == ' ')
        from++;
    while (to > from && text.data[to - 1] == ' ')
        to--;
    return (struct text){text.data + from, to - from};
}

/* `>= 60`, `> 60`, `<= 60`, `< 60` */
static bool comparison_parse(struct text text, struct score_range *range) {
    bool equal = text.size > 1 && text.data[1] == '=';
    double bound;
    if (text.size == 0 || (text.data[0] != '<' && text.data[0] != '>') ||
        !number_parse(part(text, equal ? 2 : 1, text.size), &bound))
        return false;
    bool above = text.data[0] == '>';
    *range = (struct score_range){.written = text,
                                  .low = above ? bound : -INFINITY,
                                  .high = above ? INFINITY : bound,
                                  .low_open = above && !equal,
                                  .high_open = !above && !equal};
    return true;
}

/* `40..60` */
static bool interval_parse(struct text text, struct score_range *range) {
    for (uint32_t i = 0; i + 1 < text.size; i++)
        if (text.data[i] == '.' && text.data[i + 1] == '.') {
            range->written = text;
            return number_parse(part(text, 0, i), &range->low) &&
                   number_parse(part(text, i + 2, text.size), &range->high) && range->low <= range->high;
        }
    return false;
}

static bool range_parse(struct text text, struct score_range *ret_range) {
    double number;
    *ret_range = (struct score_range){.written = text};
    if (text_equals(text, "missing")) {
        ret_range->missing = true;
        return true;
    }
    if (number_parse(text, &number)) {
        ret_range->low = ret_range->high = number;
        return true;
    }
    return comparison_parse(text, ret_range) || interval_parse(text, ret_range);
}

static void read_scores(struct builder *builder, const struct node *node) {
    if (!test_is_mapping(builder->reader, node, "a list of scores with their values")) {
        builder->good = false;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        struct expectation *expectation = add(builder, EXPECT_SCORE, node->keys[i]->position);
        int index = find_score(builder->reader, node->keys[i]);
        builder->good = builder->good && index >= 0 && test_is_scalar(builder->reader, node->values[i], "a score");
        if (!builder->good)
            continue;
        expectation->index = (uint32_t)index;
        if (!range_parse(node->values[i]->text, &expectation->range)) {
            test_problem(builder->reader, node->values[i]->position,
                         "`%.*s` is no score: a number, `40..60`, `>= 60` (or another comparison), or `missing`",
                         TEXT_ARGUMENTS(node->values[i]->text));
            builder->good = false;
        }
    }
}

static void read_changes(struct builder *builder, const struct node *node, enum expectation_kind kind) {
    struct expectation *expectation = add(builder, kind, node->position);
    if (!test_is_sequence(builder->reader, node, "a list of changes")) {
        builder->good = false;
        return;
    }
    struct expected_change *changes = test_array(builder->reader, node->count, sizeof *changes);
    for (uint32_t i = 0; changes != NULL && i < node->count; i++)
        builder->good = test_change_read(builder->reader, node->values[i], &changes[i]) && builder->good;
    expectation->changes = changes;
    expectation->changes_count = changes == NULL ? 0 : node->count;
}

static void read_key(struct builder *builder, struct text key, const struct node *node) {
    if (text_equals(key, "known"))
        builder->good = test_boolean(builder->reader, node, &add(builder, EXPECT_KNOWN, node->position)->known) &&
                        builder->good;
    else if (text_equals(key, "segments"))
        read_segments(builder, node);
    else if (text_equals(key, "in"))
        read_each_segment(builder, node, EXPECT_IN);
    else if (text_equals(key, "not_in"))
        read_each_segment(builder, node, EXPECT_NOT_IN);
    else if (text_equals(key, "never_in"))
        read_each_segment(builder, node, EXPECT_NEVER_IN);
    else if (text_equals(key, "dimensions"))
        read_dimensions(builder, node, EXPECT_DIMENSION);
    else if (text_equals(key, "never"))
        read_dimensions(builder, node, EXPECT_NEVER);
    else if (text_equals(key, "scores"))
        read_scores(builder, node);
    else if (text_equals(key, "changes"))
        read_changes(builder, node, EXPECT_CHANGES);
    else if (text_equals(key, "all_changes"))
        read_changes(builder, node, EXPECT_ALL_CHANGES);
}

/* ---- the check ---- */

static bool read_period(struct test_reader *reader, const struct node *between, struct test_check *check) {
    if (!test_is_sequence(reader, between, "`between`"))
        return false;
    if (between->count != 2) {
        test_problem(reader, between->position, "`between` has two instants, both included: [10d, 20d]");
        return false;
    }
    if (!test_instant(reader, between->values[0], &check->from_ms) ||
        !test_instant(reader, between->values[1], &check->at_ms))
        return false;
    if (check->from_ms > check->at_ms) {
        test_problem(reader, between->position, "the second instant is before the first");
        return false;
    }
    check->between = true;
    return true;
}

static bool is_of_period(enum expectation_kind kind) {
    return kind >= EXPECT_NEVER_IN;
}

/* What is looked at in one instant does not go with a period, and the other way round. */
static bool check_kinds(struct test_reader *reader, const struct test_check *check) {
    for (uint32_t i = 0; i < check->expectations_count; i++)
        if (is_of_period(check->expectations[i].kind) != check->between) {
            test_problem(reader, check->expectations[i].position,
                         check->between ? "`between` goes with `never_in`, `never`, `changes` and `all_changes`"
                                        : "`at` goes with `known`, `segments`, `in`, `not_in`, `dimensions` and "
                                          "`scores`; what happens over time needs `between`");
            return false;
        }
    return true;
}

static bool read_when(struct test_reader *reader, const struct node *node, struct test_check *check) {
    const struct node *at = node_get(node, "at"), *between = node_get(node, "between");
    if ((at == NULL) == (between == NULL)) {
        test_problem(reader, node->position, "a check needs one of `at` (an instant) and `between` (two)");
        return false;
    }
    return at != NULL ? test_instant(reader, at, &check->at_ms) : read_period(reader, between, check);
}

bool test_check_read(struct test_reader *reader, const struct node *node, struct test_check *ret_check) {
    if (!test_is_mapping(reader, node, "a check"))
        return false;
    uint32_t errors = reader->findings->errors;
    const struct node *account = node_get(node, "account");
    test_keys(reader, node, check_keys);
    *ret_check = (struct test_check){.position = node->position, .account = reader->account};
    if (account != NULL && test_is_scalar(reader, account, "an account's id"))
        ret_check->account = account->text;
    struct builder builder = {reader, test_array(reader, expectations_max(node), sizeof(struct expectation)), 0, true};
    for (uint32_t i = 0; builder.items != NULL && i < node->count; i++)
        read_key(&builder, node->keys[i]->text, node->values[i]);
    ret_check->expectations = builder.items;
    ret_check->expectations_count = builder.count;
    if (read_when(reader, node, ret_check) && builder.good && errors == reader->findings->errors) {
        if (builder.count == 0)
            test_problem(reader, node->position, "this check looks at nothing");
        else
            check_kinds(reader, ret_check);
    }
    return errors == reader->findings->errors;
}
