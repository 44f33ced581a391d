#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/instant.h"
#include "base/number.h"
#include "cli/test_run.h"
#include "producer/change_json.h"

#define CHANGES_SHOWN_MAX 40

/* ---- values ---- */

static void put_text(struct buffer *out, struct text text) {
    buffer_put_text(out, text_is_missing(text) ? TEXT("null") : text);
}

static void put_number(struct buffer *out, double number) {
    char text[NUMBER_TEXT_MAX];
    if (isnan(number)) {
        buffer_put_string(out, "missing");
        return;
    }
    number_format(number, text);
    buffer_put_string(out, text);
}

/* `27d 1h`, as the file of tests would write it. */
static void put_duration(struct buffer *out, int64_t duration_ms) {
    static const struct {
        int64_t size_ms;
        const char *unit;
    } units[] = {{DAY, "d"}, {HOUR, "h"}, {MINUTE, "m"}, {SECOND, "s"}, {MILLISECOND, "ms"}};
    uint64_t left_ms = duration_ms < 0 ? -(uint64_t)duration_ms : (uint64_t)duration_ms;
    bool first = true;
    buffer_put_string(out, duration_ms < 0 ? "-" : duration_ms == 0 ? "0d" : "");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        uint64_t count = left_ms / (uint64_t)units[i].size_ms;
        if (count == 0)
            continue;
        buffer_printf(out, "%s%" PRIu64 "%s", first ? "" : " ", count, units[i].unit);
        left_ms %= (uint64_t)units[i].size_ms;
        first = false;
    }
}

/* Both ways to speak of an instant: `27d 1h (2026-02-01T01:00:00.000Z)`. */
static void put_instant(struct buffer *out, const struct test_view *view, int64_t instant_ms) {
    char text[INSTANT_TEXT_MAX];
    instant_format(instant_ms, text);
    put_duration(out, instant_ms - view->test->start_ms);
    buffer_printf(out, " (%s)", text);
}

static void put_typed(struct buffer *out, const struct test_view *view, double number, enum value_type type) {
    if (isnan(number) || fabs(number) > 8e15 || (type != TYPE_DURATION && type != TYPE_INSTANT))
        put_number(out, number);
    else if (type == TYPE_DURATION)
        put_duration(out, (int64_t)number);
    else
        put_instant(out, view, (int64_t)number);
}

static void put_operand(struct buffer *out, const struct test_view *view, const struct operand *operand,
                        enum value_type type) {
    switch (operand->kind) {
    case OPERAND_NULL:
        buffer_put_string(out, "missing");
        break;
    case OPERAND_TEXT:
        buffer_printf(out, "\"%.*s\"", TEXT_ARGUMENTS(operand->text));
        break;
    case OPERAND_BOOLEAN:
        buffer_put_string(out, operand->number == 1 ? "true" : "false");
        break;
    case OPERAND_NUMBER:
        put_typed(out, view, operand->number, type);
        break;
    }
}

static void put_list(struct buffer *out, const struct text *texts, uint32_t count) {
    buffer_put_string(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        buffer_put_string(out, i == 0 ? "" : ", ");
        put_text(out, texts[i]);
    }
    buffer_put_string(out, "]");
}

/* ---- why ---- */

/* A comparison shows what was compared; of `in` the left side alone. */
static void put_condition(struct buffer *out, const struct test_view *view, const struct condition *condition,
                          const struct because *because) {
    buffer_printf(out, "        %s  %.*s", because->holds ? "true " : "false", TEXT_ARGUMENTS(because->condition));
    if (condition->left != REGISTER_NONE) {
        buffer_put_string(out, "   with ");
        put_operand(out, view, &because->left, condition->left_type);
    }
    if (condition->right != REGISTER_NONE) {
        buffer_put_string(out, " and ");
        put_operand(out, view, &because->right, condition->right_type);
    }
    buffer_put_string(out, "\n");
}

static void put_conditions(struct buffer *out, const struct test_view *view, const char *name,
                           const struct expression *expression) {
    struct because conditions[CONDITIONS_MAX];
    if (expression->result == REGISTER_NONE)
        return;
    uint32_t count = engine_conditions(view->engine, expression, conditions);
    buffer_printf(out, "      %s %s:\n", name, engine_holds(view->engine, expression) ? "holds" : "does not hold");
    for (uint32_t i = 0; i < count; i++)
        put_condition(out, view, &expression->conditions[i], &conditions[i]);
}

static void put_setting(struct buffer *out, const char *name, int64_t duration_ms) {
    if (duration_ms == 0)
        return;
    buffer_printf(out, "      %s: ", name);
    put_duration(out, duration_ms);
    buffer_put_string(out, "\n");
}

static void explain_segment(struct buffer *out, const struct test_view *view, uint32_t index) {
    const struct segment *segment = &view->program->segments[index];
    if (!view->exists)
        return;
    if (test_segment_since(view, segment->name) != INSTANT_NONE) {
        put_setting(out, "min_dwell", segment->min_dwell_ms);
        put_conditions(out, view, "until", &segment->until);
    } else {
        put_setting(out, "for", segment->for_ms);
        put_setting(out, "cooldown", segment->cooldown_ms);
        put_conditions(out, view, "until", &segment->until);
    }
    put_conditions(out, view, "when", &segment->when);
}

static void put_signal(struct buffer *out, const struct test_view *view, const struct signal *signal,
                       struct signal_status status) {
    buffer_printf(out, "        %.*s: ", TEXT_ARGUMENTS(signal->name));
    put_typed(out, view, status.value, signal->type);
    if (!isnan(status.contribution)) {
        buffer_put_string(out, ", contributes ");
        put_number(out, status.contribution);
    }
    buffer_put_string(out, "\n");
}

/* The signals that count, and then the names of those that do not. */
static void put_signals(struct buffer *out, const struct test_view *view, uint32_t index) {
    const struct score *score = &view->program->scores[index];
    const char *before = "        these do not count: ";
    for (uint32_t i = 0; i < score->signals_count; i++) {
        struct signal_status status = engine_signal(view->engine, index, i);
        if (status.counts)
            put_signal(out, view, &score->signals[i], status);
    }
    for (uint32_t i = 0; i < score->signals_count; i++)
        if (!engine_signal(view->engine, index, i).counts) {
            buffer_printf(out, "%s%.*s", before, TEXT_ARGUMENTS(score->signals[i].name));
            before = ", ";
        }
    if (before[0] == ',')
        buffer_put_string(out, "\n");
}

static void explain_score(struct buffer *out, const struct test_view *view, uint32_t index) {
    if (!view->exists)
        return;
    buffer_printf(out, "      %.*s is ", TEXT_ARGUMENTS(view->program->scores[index].name));
    put_number(out, view->status.scores[index].value);
    buffer_put_string(out, ", coverage ");
    put_number(out, coverage_rounded(view->status.scores[index].coverage));
    buffer_put_string(out, "\n");
    put_signals(out, view, index);
}

/* The cases down to the one that would win now. */
static void explain_cases(struct buffer *out, const struct test_view *view, const struct dimension *dimension) {
    char name[128];
    for (uint32_t i = 0; i < dimension->cases_count; i++) {
        const struct dimension_case *one = &dimension->cases[i];
        struct text value = text_is_missing(one->value) ? TEXT("value_of") : one->value;
        if (one->when.result == REGISTER_NONE) {
            buffer_printf(out, "      case %u, %.*s, holds\n", i + 1, TEXT_ARGUMENTS(value));
            return;
        }
        snprintf(name, sizeof name, "case %u, %.*s,", i + 1, TEXT_ARGUMENTS(value));
        put_conditions(out, view, name, &one->when);
        if (engine_holds(view->engine, &one->when))
            return;
    }
}

static void explain_dimension(struct buffer *out, const struct test_view *view, uint32_t index) {
    const struct dimension *dimension = &view->program->dimensions[index];
    if (!view->exists)
        return;
    put_setting(out, "min_dwell", dimension->min_dwell_ms);
    if (dimension->score == REGISTER_NONE)
        explain_cases(out, view, dimension);
    else
        explain_score(out, view, dimension->score);
}

/* ---- what was expected and what was found ---- */

static void put_membership(struct buffer *out, const struct test_view *view, uint32_t index, bool inside) {
    const struct segment *segment = &view->program->segments[index];
    int64_t since_ms = test_segment_since(view, segment->name);
    buffer_printf(out, "    expected  %s %.*s\n    found     ", inside ? "in" : "not in",
                  TEXT_ARGUMENTS(segment->name));
    if (!view->exists) {
        buffer_put_string(out, "no such account\n");
    } else if (since_ms == INSTANT_NONE) {
        buffer_put_string(out, "not in it\n");
    } else {
        buffer_put_string(out, "in it since ");
        put_instant(out, view, since_ms);
        buffer_put_string(out, "\n");
    }
    explain_segment(out, view, index);
}

static bool is_expected(const struct expectation *expectation, struct text segment) {
    for (uint32_t i = 0; i < expectation->values_count; i++)
        if (text_equal(expectation->values[i], segment))
            return true;
    return false;
}

static void put_segments(struct buffer *out, const struct test_view *view, const struct expectation *expectation) {
    buffer_put_string(out, "    expected  segments ");
    put_list(out, expectation->values, expectation->values_count);
    buffer_put_string(out, "\n    found     segments [");
    for (uint32_t i = 0; view->exists && i < view->status.segments_count; i++)
        buffer_printf(out, "%s%.*s", i == 0 ? "" : ", ", TEXT_ARGUMENTS(view->status.segments[i].name));
    buffer_put_string(out, "]\n");
    for (uint32_t i = 0; i < view->program->segments_count; i++) {
        struct text name = view->program->segments[i].name;
        bool inside = test_segment_since(view, name) != INSTANT_NONE;
        if (inside == is_expected(expectation, name))
            continue;
        buffer_printf(out, "      %s %.*s:\n", inside ? "in" : "not in", TEXT_ARGUMENTS(name));
        explain_segment(out, view, i);
    }
}

static void put_dimension(struct buffer *out, const struct test_view *view, const struct expectation *expectation) {
    const struct dimension *dimension = &view->program->dimensions[expectation->index];
    buffer_printf(out, "    expected  %.*s: ", TEXT_ARGUMENTS(dimension->name));
    if (expectation->values_count == 1)
        put_text(out, expectation->values[0]);
    else
        put_list(out, expectation->values, expectation->values_count);
    buffer_printf(out, "\n    found     %.*s: ", TEXT_ARGUMENTS(dimension->name));
    put_text(out, test_dimension_value(view, expectation->index));
    for (uint32_t i = 0; view->exists && i < view->status.dimensions_count; i++)
        if (text_equal(view->status.dimensions[i].name, dimension->name)) {
            buffer_put_string(out, ", since ");
            put_instant(out, view, view->status.dimensions[i].since_ms);
        }
    buffer_put_string(out, view->exists ? "\n" : " (no such account)\n");
    explain_dimension(out, view, expectation->index);
}

static void put_score(struct buffer *out, const struct test_view *view, const struct expectation *expectation) {
    struct text name = view->program->scores[expectation->index].name;
    buffer_printf(out, "    expected  %.*s: %.*s\n    found     %.*s: ", TEXT_ARGUMENTS(name),
                  TEXT_ARGUMENTS(expectation->range.written), TEXT_ARGUMENTS(name));
    put_number(out, test_score_value(view, expectation->index));
    buffer_put_string(out, view->exists ? "\n" : " (no such account)\n");
    explain_score(out, view, expectation->index);
}

static void put_never(struct buffer *out, const struct test_view *view, const struct expectation *expectation) {
    struct text subject, value = TEXT("in it");
    int64_t at_ms;
    if (expectation->kind == EXPECT_NEVER_IN) {
        subject = view->program->segments[expectation->index].name;
        at_ms = test_first_inside(view, subject);
        buffer_printf(out, "    expected  never in %.*s", TEXT_ARGUMENTS(subject));
    } else {
        subject = view->program->dimensions[expectation->index].name;
        at_ms = test_first_value(view, expectation, &value);
        buffer_printf(out, "    expected  %.*s never ", TEXT_ARGUMENTS(subject));
        put_list(out, expectation->values, expectation->values_count);
    }
    buffer_put_string(out, "\n    found     ");
    put_text(out, value);
    buffer_put_string(out, " at ");
    put_instant(out, view, at_ms);
    buffer_put_string(out, "\n");
}

static void put_change(struct buffer *out, const struct test_view *view, const struct kept_change *change) {
    buffer_put_string(out, "              ");
    put_duration(out, change->at_ms - view->test->start_ms);
    buffer_printf(out, "  %s %.*s", change_kind_name(change->kind), TEXT_ARGUMENTS(change->subject));
    if (change->kind == CHANGE_MOVED) {
        buffer_put_string(out, "  ");
        put_text(out, change->from);
        buffer_put_string(out, " -> ");
        put_text(out, change->to);
    }
    buffer_printf(out, "  %s", cause_kind_name(change->cause));
    if (!text_is_missing(change->playbook))
        buffer_printf(out, "  playbook %.*s", TEXT_ARGUMENTS(change->playbook));
    if (change->reasons_count > 0) {
        buffer_put_string(out, "  reasons ");
        put_list(out, change->reasons, change->reasons_count);
    }
    buffer_put_string(out, "\n");
}

static void put_found_changes(struct buffer *out, const struct test_view *view) {
    uint32_t shown = 0, i = test_next_change(view, 0);
    if (i == view->changes_count) {
        buffer_put_string(out, "    found     no change\n");
        return;
    }
    buffer_put_string(out, "    found\n");
    for (; i < view->changes_count && shown < CHANGES_SHOWN_MAX; i = test_next_change(view, i + 1), shown++)
        put_change(out, view, &view->changes[i]);
    if (i < view->changes_count)
        buffer_put_string(out, "              ... and more\n");
}

/* Marks the first expected change that is not met. */
static void put_changes(struct buffer *out, const struct test_view *view, const struct expectation *expectation) {
    bool all = expectation->kind == EXPECT_ALL_CHANGES;
    uint32_t met = 0, i = test_next_change(view, 0);
    for (; i < view->changes_count && met < expectation->changes_count; i = test_next_change(view, i + 1)) {
        bool fits = test_change_fits(&expectation->changes[met], &view->changes[i]);
        met += fits;
        if (all && !fits)
            break;
    }
    buffer_printf(out, "    expected  %s", all ? "these changes and no others" : "these changes, in this order");
    buffer_put_string(out, expectation->changes_count == 0 ? ": none\n" : "\n");
    for (uint32_t j = 0; j < expectation->changes_count; j++)
        buffer_printf(out, "      %s  %.*s\n",
                      j < met    ? "met    "
                      : j == met ? "NOT MET"
                                 : "       ",
                      TEXT_ARGUMENTS(expectation->changes[j].written));
    put_found_changes(out, view);
}

static void put_place(struct buffer *out, struct text file, const struct test_view *view,
                      const struct expectation *expectation) {
    const struct test_check *check = view->check;
    buffer_printf(out, "  %.*s:%u:%u: account %.*s, ", TEXT_ARGUMENTS(file), expectation->position.line,
                  expectation->position.column, TEXT_ARGUMENTS(check->account));
    if (check->between) {
        buffer_put_string(out, "between ");
        put_instant(out, view, check->from_ms);
        buffer_put_string(out, " and ");
    } else {
        buffer_put_string(out, "at ");
    }
    put_instant(out, view, check->at_ms);
    buffer_put_string(out, "\n");
}

void test_report(struct text file, const struct test_view *view, const struct expectation *expectation,
                 struct buffer *out) {
    put_place(out, file, view, expectation);
    switch (expectation->kind) {
    case EXPECT_KNOWN:
        buffer_printf(out, "    expected  the account %s\n    found     it %s\n",
                      expectation->known ? "exists" : "does not exist", view->exists ? "exists" : "does not");
        break;
    case EXPECT_SEGMENTS:
        put_segments(out, view, expectation);
        break;
    case EXPECT_IN:
    case EXPECT_NOT_IN:
        put_membership(out, view, expectation->index, expectation->kind == EXPECT_IN);
        break;
    case EXPECT_DIMENSION:
        put_dimension(out, view, expectation);
        break;
    case EXPECT_SCORE:
        put_score(out, view, expectation);
        break;
    case EXPECT_NEVER_IN:
    case EXPECT_NEVER:
        put_never(out, view, expectation);
        break;
    case EXPECT_CHANGES:
    case EXPECT_ALL_CHANGES:
        put_changes(out, view, expectation);
        break;
    }
}
