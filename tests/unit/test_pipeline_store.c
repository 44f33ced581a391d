/* The pipeline on a simulated store that is away, hangs, loses what it had, or is larger than the memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pipeline_world.h"

static void a_stop_while_the_store_is_away_says_so(void **state) {
    (void)state;
    struct sim_world world;
    setup_live(&world, 2);
    sim_world_run(&world, 100);
    sim_redis_set_condition(&world.store, SIM_REDIS_IS_DOWN);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "late", world.kafka.wall_ms - SECOND, "");
    sim_world_run(&world, 3 * SECOND);
    stop(&world);
    assert_non_null(strstr(world.workers[0].last_log, "The store does not have what was committed last"));
    sim_redis_set_condition(&world.store, SIM_REDIS_SERVES);
    goes_on_well(&world);
    sim_world_free(&world);
}

static void the_end_of_each_of_the_stores_outages_is_told_once(void **state) {
    (void)state;
    struct sim_world world;
    struct heard heard;
    setup_live(&world, 2);
    listen_for(&world, 0, "Redis answers again", &heard);
    sim_world_run(&world, 3 * SECOND);
    for (uint32_t outage = SIM_REDIS_IS_DOWN; outage < SIM_REDIS_CONDITIONS; outage++) {
        sim_redis_set_condition(&world.store, outage);
        sim_world_event(&world, STREAM_LOGIN, "account-1", "new", world.kafka.wall_ms - SECOND, "");
        sim_world_run(&world, 60 * SECOND);
        assert_int_equal(heard.count, outage - SIM_REDIS_IS_DOWN);
        sim_redis_set_condition(&world.store, SIM_REDIS_SERVES);
        sim_world_run(&world, 60 * SECOND);
        assert_int_equal(heard.count, outage - SIM_REDIS_IS_DOWN + 1);
    }
    sim_world_free(&world);
}

static void a_store_that_was_lost_is_made_whole_from_the_changelog(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    sim_redis_flush_all(&world.store);
    sim_log_compact(&world.kafka, &world.kafka.outputs[OUTPUT_CHANGELOG][0]);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "new", world.kafka.wall_ms - DAY, "");
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    matches(&world);
    sim_world_free(&world);
}

static void a_store_that_is_flushed_while_running_is_made_whole(void **state) {
    (void)state;
    struct sim_world world;
    setup_live(&world, 1);
    sim_world_run(&world, SECOND);
    sim_redis_flush(&world.store, 0);
    sim_world_run(&world, 20 * SECOND);
    assert_true(counters_get(&world.counters, COUNTER_STORE_LOST) > 0);
    matches(&world);
    sim_world_free(&world);
}

static void a_store_that_goes_back_is_noticed(void **state) {
    (void)state;
    struct sim_world world;
    sim_world_init(&world, rules, 1);
    fill(&world, 12, 20, 0);
    sim_world_start(&world, 0);
    sim_world_run(&world, SECOND);
    uint32_t before = sim_redis_writes(&world.store, 0);
    pass_days(&world, 20);
    sim_world_run(&world, SECOND);
    sim_redis_roll_back(&world.store, 0, before);
    sim_world_run(&world, 20 * SECOND);
    matches(&world);
    sim_world_free(&world);
}

static void a_store_that_is_away_holds_up_nothing_but_itself(void **state) {
    (void)state;
    struct sim_world world;
    sim_world_init(&world, rules, 2);
    fill(&world, 12, 20, 0);
    sim_world_start(&world, 0);
    sim_world_run(&world, SECOND);
    sim_redis_set_condition(&world.store, SIM_REDIS_IS_DOWN);
    pass_days(&world, 20);
    sim_world_run(&world, 3 * SECOND);
    sim_redis_set_condition(&world.store, SIM_REDIS_SERVES);
    sim_world_run(&world, 20 * SECOND);
    assert_true(counters_get(&world.counters, COUNTER_STORE_UNAVAILABLE) > 0);
    matches(&world);
    sim_world_free(&world);
}

static void a_store_that_hangs_keeps_no_commit_waiting(void **state) {
    (void)state;
    enum { TURN_MS_MAX = 500 }; /* a quarter of what the store has to answer */
    struct sim_world world;
    struct error error;
    sim_world_init(&world, rules, 2);
    fill(&world, 12, 20, 0);
    sim_world_start(&world, 0);
    sim_world_run(&world, SECOND);
    sim_redis_set_condition(&world.store, SIM_REDIS_HANGS);
    uint64_t commits = counters_get(&world.counters, COUNTER_COMMITS);
    int64_t until_ms = world.kafka.monotonic_ms + 30 * SECOND, next_ms = 0;
    while (world.kafka.monotonic_ms < until_ms) {
        int64_t before_ms = world.kafka.monotonic_ms;
        if (before_ms >= next_ms) {
            char id[16];
            snprintf(id, sizeof id, "l%lld", (long long)before_ms);
            sim_world_event(&world, STREAM_LOGIN, "account-1", id, world.kafka.wall_ms, "");
            next_ms = before_ms + SECOND;
        }
        (void)sim_world_turn(&world, &error);
        assert_in_range(world.kafka.monotonic_ms - before_ms, 0, TURN_MS_MAX);
        sim_kafka_pass(&world.kafka, 1);
    }
    assert_true(counters_get(&world.counters, COUNTER_STORE_UNAVAILABLE) > 1);
    assert_in_range(counters_get(&world.counters, COUNTER_COMMITS) - commits, 25, UINT32_MAX);
    sim_redis_set_condition(&world.store, SIM_REDIS_SERVES);
    sim_world_run(&world, 20 * SECOND);
    matches(&world);
    sim_world_free(&world);
}

static void state_may_outgrow_the_memory(void **state) {
    (void)state;
    struct sim_world world;
    sim_world_init(&world, rules, 2);
    world.options.until_end = true;
    world.options.memory_bytes_max = 6000;
    fill(&world, 60, 600, 10);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    assert_true(counters_get(&world.counters, COUNTER_ACCOUNTS_EVICTED) > 50);
    assert_true(counters_get(&world.counters, COUNTER_ACCOUNTS_LOADED) > 50);
    matches(&world);
    sim_world_free(&world);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_while_the_store_is_away_says_so),
        cmocka_unit_test(the_end_of_each_of_the_stores_outages_is_told_once),
        cmocka_unit_test(a_store_that_was_lost_is_made_whole_from_the_changelog),
        cmocka_unit_test(a_store_that_is_flushed_while_running_is_made_whole),
        cmocka_unit_test(a_store_that_goes_back_is_noticed),
        cmocka_unit_test(a_store_that_is_away_holds_up_nothing_but_itself),
        cmocka_unit_test(a_store_that_hangs_keeps_no_commit_waiting),
        cmocka_unit_test(state_may_outgrow_the_memory),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
