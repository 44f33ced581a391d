#include "cli/simulation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/instant.h"
#include "cli/lives.h"
#include "producer/change_json.h"

#define START_MS (20000 * DAY)

/* A hash of all events of a simulation, day by day, with checks of what must hold of each. */
static uint64_t live_through(uint64_t seed, uint64_t counts[STREAMS]) {
    struct simulation *simulation;
    struct error error;
    struct buffer json = {0};
    uint64_t hash = 0;
    assert_int_equal(simulation_create(seed, START_MS, &simulation, &error), RESULT_OK);
    for (int day = 0; day < SIMULATION_DAYS; day++) {
        const struct event *events;
        uint32_t count;
        int64_t before_ms = START_MS + day * DAY;
        assert_int_equal(simulation_day(simulation, day, &events, &count, &error), RESULT_OK);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(events[i].time_ms >= before_ms && events[i].time_ms < START_MS + (day + 1) * DAY);
            assert_non_null(simulation_life(simulation, events[i].account_id));
            before_ms = events[i].time_ms;
            counts[events[i].stream]++;
            buffer_clear(&json);
            event_write_json(&events[i], &json);
            hash = hash_bytes(json.data, json.size, hash);
        }
    }
    buffer_free(&json);
    simulation_free(simulation);
    return hash;
}

static void test_events_come_in_the_order_of_their_times_and_of_every_stream(void **state) {
    (void)state;
    uint64_t counts[STREAMS] = {0};
    (void)live_through(1, counts);
    for (int i = 0; i < STREAMS; i++)
        assert_true(counts[i] > 20);
}

static void test_the_same_seed_gives_the_same_events_and_another_others(void **state) {
    (void)state;
    uint64_t counts[STREAMS] = {0};
    assert_int_equal(live_through(7, counts), live_through(7, counts));
    assert_int_not_equal(live_through(7, counts), live_through(8, counts));
}

static void test_lives_are_shared_among_all_accounts_and_told_in_the_order_of_days(void **state) {
    (void)state;
    uint32_t shares = 0;
    for (uint32_t i = 0; i < lives_count; i++) {
        shares += lives[i].share;
        for (const struct act *act = lives[i].acts; act->day >= 0 && act[1].day >= 0; act++)
            assert_true(act->day <= act[1].day);
    }
    assert_int_equal(shares, SIMULATION_ACCOUNTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_come_in_the_order_of_their_times_and_of_every_stream),
        cmocka_unit_test(test_the_same_seed_gives_the_same_events_and_another_others),
        cmocka_unit_test(test_lives_are_shared_among_all_accounts_and_told_in_the_order_of_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
