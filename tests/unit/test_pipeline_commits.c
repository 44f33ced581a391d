/* The pipeline on simulated brokers that do not commit, or do not say so, and in a group that changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pipeline_world.h"

static void a_stop_that_the_brokers_do_not_let_commit_says_so(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    world.options.until_end = false;
    world.options.commit_bytes_max = 4000;
    sim_world_start(&world, 0);
    run_until(&world, COUNTER_COMMITS, 2);
    world.workers[0].faults.commit_pending = INT64_MAX;
    stop(&world);
    assert_non_null(strstr(world.workers[0].last_log, "The process ends without this commit"));
    world.workers[0].faults.commit_pending = 0;
    goes_on_well(&world);
    sim_world_free(&world);
}

/* The next commit is done, or not, and nobody says so. */
static void finish_with_one_unknown(struct sim_world *world, bool done) {
    world->workers[0].faults.commit_unknown_done = done;
    world->workers[0].faults.commit_unknown_undone = !done;
    sim_world_finish(world, 0);
    assert_int_equal(counters_get(&world->counters, COUNTER_COMMITS_UNKNOWN), 1);
    matches(world);
    sim_world_free(world);
}

static void a_commit_whose_outcome_is_unknown_is_neither_lost_nor_doubled(void **state) {
    (void)state;
    for (int done = 0; done < 2; done++) {
        struct sim_world world;
        setup(&world, 2);
        world.options.commit_bytes_max = 4000;
        sim_world_start(&world, 0);
        run_until(&world, COUNTER_COMMITS, 3);
        finish_with_one_unknown(&world, done);
    }
}

/* What the topics held is one commit here. A process that is to end when all of it is done does not end without it. */
static void the_last_commit_of_a_run_to_the_end_is_made_again_where_it_came_to_nothing(void **state) {
    (void)state;
    for (int done = 0; done < 2; done++) {
        struct sim_world world;
        setup(&world, 2);
        sim_world_start(&world, 0);
        run_until(&world, COUNTER_TAKEOVERS, 2);
        assert_int_equal(counters_get(&world.counters, COUNTER_COMMITS), 0);
        finish_with_one_unknown(&world, done);
    }
}

static void a_batch_that_was_not_delivered_is_published_again(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    sim_world_start(&world, 0);
    run_until(&world, COUNTER_TAKEOVERS, 2);
    world.workers[0].faults.flush_fails = true;
    world.workers[0].faults.commit_pending = 3;
    sim_world_finish(&world, 0);
    assert_true(counters_get(&world.counters, COUNTER_COMMITS_ABORTED) > 0);
    matches(&world);
    sim_world_free(&world);
}

static void offsets_that_reports_lack_are_made_up_for_by_lower_bounds(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    world.options.commit_bytes_max = 4000;
    for (int i = 0; i < 3; i++) {
        sim_world_start(&world, 0);
        world.workers[0].faults.reports_lack_offsets = true;
        struct error error;
        for (int j = 0; j < 60 && world.pipelines[0] != NULL; j++)
            sim_world_turn(&world, &error);
        if (world.pipelines[0] != NULL)
            sim_world_kill(&world, 0);
    }
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    matches(&world);
    sim_world_free(&world);
}

static void a_zombie_commits_nothing(void **state) {
    (void)state;
    struct sim_world world;
    setup_live(&world, 2);
    sim_world_run(&world, 150); /* decided, not committed */
    struct pipeline *zombie = world.pipelines[0];
    sim_group_expire(&world.kafka, 0, 50);
    world.pipelines[0] = NULL; /* it sleeps */
    sim_world_start(&world, 1);
    sim_world_run(&world, 2 * SECOND);
    world.pipelines[0] = zombie;
    sim_world_run(&world, 20 * SECOND);
    matches(&world);
    sim_world_free(&world);
}

static void rebalances_change_nothing(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 4);
    world.options.until_end = false;
    world.options.commit_bytes_max = 4000;
    sim_world_start(&world, 0);
    for (int i = 0; i < 6; i++) {
        sim_world_run(&world, 60);
        if (world.pipelines[1] == NULL)
            sim_world_start(&world, 1);
        else
            sim_world_kill(&world, 1);
    }
    sim_world_run(&world, 20 * SECOND);
    matches(&world);
    sim_world_free(&world);
}

static uint32_t served[2];

static void serve_sink(void *context) {
    (void)context;
    served[0]++;
}

static void serve_changelog(void *context) {
    (void)context;
    served[1]++;
}

static void the_libraries_are_served_also_while_nothing_is_asked_of_them(void **state) {
    (void)state;
    struct sim_world world;
    setup_live(&world, 2);
    sim_world_run(&world, 30 * SECOND);
    world.workers[0].sink.serve = serve_sink;
    world.workers[0].changelog.serve = serve_changelog;
    sim_world_run(&world, 60 * SECOND);
    for (int i = 0; i < 2; i++)
        assert_in_range(served[i], 50, 60);
    sim_world_free(&world);
}

/* A commit without an answer holds up nothing but the next one. */
static void records_are_taken_while_a_commit_is_under_way(void **state) {
    (void)state;
    struct sim_world world;
    setup_live(&world, 2);
    sim_world_run(&world, 20 * SECOND);
    uint64_t commits = counters_get(&world.counters, COUNTER_COMMITS);
    uint64_t logins = counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN);
    world.workers[0].faults.commit_pending = INT64_MAX;
    sim_world_event(&world, STREAM_LOGIN, "account-1", "begins-a-commit", world.kafka.wall_ms, "");
    sim_world_run(&world, 2 * SECOND);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "comes-meanwhile", world.kafka.wall_ms, "");
    sim_world_run(&world, 2 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_COMMITS), commits);
    assert_int_equal(counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN), logins + 2);
    world.workers[0].faults.commit_pending = 0;
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_COMMITS), commits + 2);
    matches(&world);
    sim_world_free(&world);
}

/* What came after a batch that comes to nothing comes to nothing with it, and is decided again. */
static void what_was_computed_ahead_is_given_up_with_the_commit_before_it(void **state) {
    (void)state;
    struct sim_world world;
    setup_live(&world, 2);
    sim_world_run(&world, 20 * SECOND);
    world.workers[0].faults.commit_pending = 100;
    world.workers[0].faults.commit_unknown_undone = true;
    sim_world_event(&world, STREAM_LOGIN, "account-1", "is-lost", world.kafka.wall_ms, "");
    sim_world_run(&world, 300);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "comes-meanwhile", world.kafka.wall_ms, "");
    sim_world_run(&world, 60 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_COMMITS_UNKNOWN), 1);
    matches(&world);
    sim_world_free(&world);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_taken_while_a_commit_is_under_way),
        cmocka_unit_test(what_was_computed_ahead_is_given_up_with_the_commit_before_it),
        cmocka_unit_test(a_stop_that_the_brokers_do_not_let_commit_says_so),
        cmocka_unit_test(a_commit_whose_outcome_is_unknown_is_neither_lost_nor_doubled),
        cmocka_unit_test(the_last_commit_of_a_run_to_the_end_is_made_again_where_it_came_to_nothing),
        cmocka_unit_test(a_batch_that_was_not_delivered_is_published_again),
        cmocka_unit_test(offsets_that_reports_lack_are_made_up_for_by_lower_bounds),
        cmocka_unit_test(a_zombie_commits_nothing),
        cmocka_unit_test(rebalances_change_nothing),
        cmocka_unit_test(the_libraries_are_served_also_while_nothing_is_asked_of_them),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
