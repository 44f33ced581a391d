#include <math.h>

#include "cli/test_run.h"

struct text test_dimension_value(const struct test_view *view, uint32_t dimension) {
    for (uint32_t i = 0; view->exists && i < view->status.dimensions_count; i++)
        if (text_equal(view->status.dimensions[i].name, view->program->dimensions[dimension].name))
            return view->status.dimensions[i].value;
    return TEXT_MISSING;
}

int64_t test_segment_since(const struct test_view *view, struct text segment) {
    for (uint32_t i = 0; view->exists && i < view->status.segments_count; i++)
        if (text_equal(view->status.segments[i].name, segment))
            return view->status.segments[i].since_ms;
    return INSTANT_NONE;
}

double test_score_value(const struct test_view *view, uint32_t score) {
    return view->exists ? view->status.scores[score].value : NAN;
}

static bool contains(const struct expectation *expectation, struct text value) {
    for (uint32_t i = 0; i < expectation->values_count; i++)
        if (text_equal(expectation->values[i], value))
            return true;
    return false;
}

static bool has_exactly(const struct test_view *view, const struct expectation *expectation) {
    for (uint32_t i = 0; i < expectation->values_count; i++)
        if (test_segment_since(view, expectation->values[i]) == INSTANT_NONE)
            return false;
    for (uint32_t i = 0; view->exists && i < view->status.segments_count; i++)
        if (!contains(expectation, view->status.segments[i].name))
            return false;
    return true;
}

static bool in_range(const struct score_range *range, double score) {
    if (range->missing || isnan(score))
        return range->missing && isnan(score);
    bool high_enough = range->low_open ? score > range->low : score >= range->low;
    bool low_enough = range->high_open ? score < range->high : score <= range->high;
    return high_enough && low_enough;
}

/* ---- over time ---- */

static bool is_of_account(const struct test_view *view, const struct kept_change *change) {
    return text_equal(change->account_id, view->check->account);
}

/* A state that lasted from `begin_ms` until `end_ms`, which is not in it any more. */
static bool touches_period(const struct test_view *view, int64_t begin_ms, int64_t end_ms) {
    bool for_no_time = begin_ms == end_ms && begin_ms >= view->check->from_ms;
    return begin_ms <= view->check->at_ms && (end_ms > view->check->from_ms || for_no_time);
}

static int64_t within(const struct test_view *view, int64_t begin_ms) {
    return begin_ms < view->check->from_ms ? view->check->from_ms : begin_ms;
}

int64_t test_first_inside(const struct test_view *view, struct text segment) {
    int64_t since_ms = INSTANT_NONE;
    for (uint32_t i = 0; i < view->changes_count; i++) {
        const struct kept_change *change = &view->changes[i];
        if (!is_of_account(view, change) || !text_equal(change->subject, segment))
            continue;
        if (change->kind == CHANGE_EXITED && since_ms != INSTANT_NONE && touches_period(view, since_ms, change->at_ms))
            return within(view, since_ms);
        since_ms = change->kind == CHANGE_ENTERED ? change->at_ms : INSTANT_NONE;
    }
    return since_ms != INSTANT_NONE && touches_period(view, since_ms, INT64_MAX) ? within(view, since_ms)
                                                                                 : INSTANT_NONE;
}

int64_t test_first_value(const struct test_view *view, const struct expectation *expectation, struct text *ret_value) {
    struct text subject = view->program->dimensions[expectation->index].name;
    const struct kept_change *last = NULL;
    for (uint32_t i = 0; i <= view->changes_count; i++) {
        const struct kept_change *change = i < view->changes_count ? &view->changes[i] : NULL;
        if (change != NULL && (!is_of_account(view, change) || !text_equal(change->subject, subject)))
            continue;
        int64_t end_ms = change == NULL ? INT64_MAX : change->at_ms;
        if (last != NULL && contains(expectation, last->to) && touches_period(view, last->at_ms, end_ms)) {
            *ret_value = last->to;
            return within(view, last->at_ms);
        }
        last = change;
    }
    return INSTANT_NONE;
}

/* ---- changes ---- */

uint32_t test_next_change(const struct test_view *view, uint32_t index) {
    while (index < view->changes_count &&
           (!is_of_account(view, &view->changes[index]) || view->changes[index].at_ms < view->check->from_ms ||
            view->changes[index].at_ms > view->check->at_ms))
        index++;
    return index;
}

static bool same_text(struct text left, struct text right) {
    return text_is_missing(left) ? text_is_missing(right) : text_equal(left, right);
}

static bool same_reasons(const struct expected_change *expected, const struct kept_change *change) {
    if (expected->reasons_count != change->reasons_count)
        return false;
    for (uint32_t i = 0; i < expected->reasons_count; i++)
        if (!text_equal(expected->reasons[i], change->reasons[i]))
            return false;
    return true;
}

bool test_change_fits(const struct expected_change *expected, const struct kept_change *change) {
    return (!expected->has_kind || expected->kind == change->kind) &&
           (!expected->has_cause || expected->cause == change->cause) &&
           (!expected->has_at || expected->at_ms == change->at_ms) &&
           (text_is_missing(expected->subject) || text_equal(expected->subject, change->subject)) &&
           (!expected->has_from || same_text(expected->from, change->from)) &&
           (!expected->has_to || same_text(expected->to, change->to)) &&
           (!expected->has_playbook || same_text(expected->playbook, change->playbook)) &&
           (!expected->has_reasons || same_reasons(expected, change));
}

/* All of them in this order; others may stand between them. */
static bool has_changes(const struct test_view *view, const struct expectation *expectation) {
    uint32_t met = 0;
    for (uint32_t i = test_next_change(view, 0); i < view->changes_count && met < expectation->changes_count;
         i = test_next_change(view, i + 1))
        met += test_change_fits(&expectation->changes[met], &view->changes[i]);
    return met == expectation->changes_count;
}

static bool has_only_changes(const struct test_view *view, const struct expectation *expectation) {
    uint32_t met = 0;
    for (uint32_t i = test_next_change(view, 0); i < view->changes_count; i = test_next_change(view, i + 1), met++)
        if (met == expectation->changes_count || !test_change_fits(&expectation->changes[met], &view->changes[i]))
            return false;
    return met == expectation->changes_count;
}

bool test_expectation_holds(const struct test_view *view, const struct expectation *expectation) {
    const struct program *program = view->program;
    struct text value;
    switch (expectation->kind) {
    case EXPECT_KNOWN:
        return view->exists == expectation->known;
    case EXPECT_SEGMENTS:
        return has_exactly(view, expectation);
    case EXPECT_IN:
        return test_segment_since(view, program->segments[expectation->index].name) != INSTANT_NONE;
    case EXPECT_NOT_IN:
        return test_segment_since(view, program->segments[expectation->index].name) == INSTANT_NONE;
    case EXPECT_DIMENSION:
        return contains(expectation, test_dimension_value(view, expectation->index));
    case EXPECT_SCORE:
        return in_range(&expectation->range, test_score_value(view, expectation->index));
    case EXPECT_NEVER_IN:
        return test_first_inside(view, program->segments[expectation->index].name) == INSTANT_NONE;
    case EXPECT_NEVER:
        return test_first_value(view, expectation, &value) == INSTANT_NONE;
    case EXPECT_CHANGES:
        return has_changes(view, expectation);
    case EXPECT_ALL_CHANGES:
        return has_only_changes(view, expectation);
    }
    return false;
}
