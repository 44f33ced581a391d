#include "engine/core/account/windows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/core/account/distinct.h"
#include "tests/unit/account_state.h"

#define SLOT   SLOT_AGGREGATES
#define EVENTS 600

struct sample {
    int64_t index;
    double value;
};

/* What the samples of a window come to, counted by hand. */
static double expected(enum aggregate_kind kind, const struct sample *samples, uint32_t count, struct window window) {
    double result = kind == AGGREGATE_MIN || kind == AGGREGATE_MAX ? NAN : 0;
    for (uint32_t i = 0; i < count; i++) {
        double value = samples[i].value;
        if (samples[i].index < window.first || samples[i].index > window.last)
            continue;
        if (kind == AGGREGATE_COUNT)
            result++;
        else
            result = kind == AGGREGATE_SUM   ? result + value
                     : kind == AGGREGATE_MIN ? fmin(result, value)
                                             : fmax(result, value);
    }
    return result;
}

static double looked_up(enum aggregate_kind kind, const struct state *state, struct window window) {
    return kind == AGGREGATE_COUNT ? window_count(state, SLOT, window)
           : kind == AGGREGATE_SUM ? window_sum(state, SLOT, window)
           : kind == AGGREGATE_MIN ? window_least(state, SLOT, window)
                                   : window_greatest(state, SLOT, window);
}

static void check_against_samples(enum aggregate_kind kind, uint32_t slices) {
    struct state state = test_state_begin();
    struct sample samples[EVENTS];
    uint64_t seed = slices;
    int64_t now = 20000;
    for (uint32_t i = 0; i < EVENTS; i++) {
        now += test_random(&seed, 100) == 0 ? test_random(&seed, 100000) : test_random(&seed, 3);
        int64_t index = now - test_random(&seed, 2 * slices);
        samples[i] = (struct sample){index, (double)test_random(&seed, 100) - 50};
        enum window_outcome outcome = window_add(&state, SLOT, kind, index, now - slices, samples[i].value);
        assert_int_equal(outcome, index < now - slices ? WINDOW_EXPIRED : WINDOW_COUNTED);
        for (uint32_t n = 1; n <= slices; n += 1 + slices / 5) {
            struct window window = {now - n, now};
            double wanted = expected(kind, samples, i + 1, window), found = looked_up(kind, &state, window);
            assert_true(wanted == found || (isnan(wanted) && isnan(found)));
        }
    }
    test_state_end(&state);
}

static void test_windows_of_every_length_hold_what_their_slices_hold(void **unused) {
    (void)unused;
    const enum aggregate_kind kinds[] = {AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX};
    for (uint32_t i = 0; i < 4; i++) {
        check_against_samples(kinds[i], 1);
        check_against_samples(kinds[i], 48);
        check_against_samples(kinds[i], 365);
        check_against_samples(kinds[i], WINDOW_SLICES_MAX);
    }
}

static void test_a_window_whose_slices_all_expired_takes_no_room(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    uint32_t before = state.size;
    assert_int_equal(window_add(&state, SLOT, AGGREGATE_COUNT, 10, 0, 1), WINDOW_COUNTED);
    assert_int_equal(window_add(&state, SLOT, AGGREGATE_COUNT, 5, 100, 1), WINDOW_EXPIRED);
    assert_int_equal(state.size, before);
    test_state_end(&state);
}

static void test_only_an_event_of_the_newest_slice_is_counted_in_place(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    assert_false(window_count_again(&state, SLOT, 10, 0));
    assert_int_equal(window_add(&state, SLOT, AGGREGATE_COUNT, 5, 0, 1), WINDOW_COUNTED);
    assert_int_equal(window_add(&state, SLOT, AGGREGATE_COUNT, 10, 0, 1), WINDOW_COUNTED);
    assert_true(window_count_again(&state, SLOT, 10, 5));
    assert_false(window_count_again(&state, SLOT, 5, 5));
    assert_false(window_count_again(&state, SLOT, 11, 5));
    assert_false(window_count_again(&state, SLOT, 10, 6)); /* a slice has expired */
    assert_true(window_count(&state, SLOT, (struct window){10, 10}) == 2);
    assert_true(window_count(&state, SLOT, (struct window){5, 11}) == 3);
    test_state_end(&state);
}

static void test_slices_before_the_epoch_and_far_apart_are_told_apart(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    assert_int_equal(window_add(&state, SLOT, AGGREGATE_COUNT, -500000, -500010, 1), WINDOW_COUNTED);
    assert_int_equal(window_add(&state, SLOT, AGGREGATE_COUNT, 490000, 489990, 1), WINDOW_COUNTED);
    assert_true(window_count(&state, SLOT, (struct window){489990, 490000}) == 1);
    assert_true(window_count(&state, SLOT, (struct window){-500010, -500000}) == 0);
    test_state_end(&state);
}

static void test_a_full_state_refuses_and_stays_as_it_was(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    state.capacity = state.spare_capacity = state.size + 12;
    assert_int_equal(window_add(&state, SLOT, AGGREGATE_SUM, 1, 0, 5), WINDOW_NO_ROOM);
    assert_true(window_sum(&state, SLOT, (struct window){0, 1}) == 0);
    test_state_end(&state);
}

static uint64_t spread(uint64_t number) {
    number *= UINT64_C(0x9E3779B97F4A7C15);
    number ^= number >> 29;
    return number * UINT64_C(0xBF58476D1CE4E5B9);
}

static void test_distinct_is_exact_for_a_thousand_values(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    for (uint64_t i = 0; i < 1024; i++)
        for (int times = 0; times < 2; times++)
            assert_int_equal(distinct_add(&state, SLOT, spread(i), (int64_t)(i / 100), 0, 0),
                             times == 0 ? WINDOW_COUNTED_ANEW : WINDOW_COUNTED);
    assert_true(distinct_count(&state, SLOT, (struct window){0, 30}) == 1024);
    assert_true(distinct_count(&state, SLOT, (struct window){0, 4}) == 500);
    assert_true(distinct_count(&state, SLOT, (struct window){10, 30}) == 24);
    test_state_end(&state);
}

static void test_distinct_of_many_values_is_an_estimate_within_some_percent(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(distinct_add(&state, SLOT, spread(i), 5, 0, 0), WINDOW_COUNTED_ANEW);
    double estimate = distinct_count(&state, SLOT, (struct window){0, 30});
    assert_true(fabs(estimate - 100000) < 10000);
    test_state_end(&state);
}

static void test_distinct_is_exact_again_once_the_many_have_expired(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(distinct_add(&state, SLOT, spread(i), 5, 0, 0), WINDOW_COUNTED_ANEW);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(distinct_add(&state, SLOT, spread(i), 50, 20, 20), WINDOW_COUNTED_ANEW);
    for (uint64_t i = 100; i < 300; i++)
        assert_int_equal(distinct_add(&state, SLOT, spread(i), 100, 70, 70), WINDOW_COUNTED_ANEW);
    assert_true(distinct_count(&state, SLOT, (struct window){70, 100}) == 200);
    test_state_end(&state);
}

static void test_a_value_is_new_where_the_shortest_window_did_not_hold_it(void **unused) {
    (void)unused;
    struct state state = test_state_begin();
    assert_int_equal(distinct_add(&state, SLOT, spread(1), 10, 0, 3), WINDOW_COUNTED_ANEW);
    assert_int_equal(distinct_add(&state, SLOT, spread(1), 17, 0, 10), WINDOW_COUNTED);
    assert_int_equal(distinct_add(&state, SLOT, spread(1), 25, 0, 18), WINDOW_COUNTED_ANEW);
    assert_int_equal(distinct_add(&state, SLOT, spread(1), 25, 0, 18), WINDOW_COUNTED);
    assert_true(distinct_is_exact(&state, SLOT, 2000));
    assert_false(distinct_is_exact(&state, SLOT, 2047));
    test_state_end(&state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_of_every_length_hold_what_their_slices_hold),
        cmocka_unit_test(test_a_window_whose_slices_all_expired_takes_no_room),
        cmocka_unit_test(test_only_an_event_of_the_newest_slice_is_counted_in_place),
        cmocka_unit_test(test_slices_before_the_epoch_and_far_apart_are_told_apart),
        cmocka_unit_test(test_a_full_state_refuses_and_stays_as_it_was),
        cmocka_unit_test(test_a_value_is_new_where_the_shortest_window_did_not_hold_it),
        cmocka_unit_test(test_distinct_is_exact_for_a_thousand_values),
        cmocka_unit_test(test_distinct_of_many_values_is_an_estimate_within_some_percent),
        cmocka_unit_test(test_distinct_is_exact_again_once_the_many_have_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
