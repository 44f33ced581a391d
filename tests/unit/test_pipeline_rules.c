/* The pipeline on a simulated Kafka and store while its rules change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pipeline_world.h"

struct living {
    const struct sim_world *world;
    uint32_t count;
};

static void count_living(void *context, const struct stored_blob *blob) {
    struct living *living = context;
    struct blob_summary summary;
    struct error error;
    assert_int_equal(blob_summarise((const uint8_t *)blob->blob.data, blob->blob.size, &summary, &error), RESULT_OK);
    assert_true(summary.erased || summary.ruleset_hash == living->world->program->hash);
    living->count += !summary.erased;
}

/* Accounts in the store that are not erased; fails where one was not evaluated with the world's rules. */
static uint32_t living_accounts(const struct sim_world *world) {
    struct living living = {world, 0};
    for (int32_t i = 0; i < world->kafka.partitions; i++)
        sim_redis_visit(&world->store, i, count_living, &living);
    assert_true(living.count > 5);
    return living.count;
}

static void changed_rules_are_taken_on_by_every_account_at_the_next_tick(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    assert_int_equal(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED"), 0);
    world.program = sim_world_rules(&world, other_rules);
    world.options.until_end = false;
    world.options.memory_bytes_max = 4000;
    sim_world_start(&world, 0);
    sim_world_run(&world, 10 * SECOND);
    /* Each of them leaves the dimension that is gone. */
    assert_true(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED") >= living_accounts(&world));
    sim_world_store_matches_changelog(&world);
    sim_world_free(&world);
}

/* All that is there is done under the world's rules, and then under others; returns the former. */
static const struct program *follow_other_rules(struct sim_world *world) {
    const struct program *former = world->program;
    sim_world_start(world, 0);
    sim_world_finish(world, 0);
    world->program = sim_world_rules(world, other_rules);
    sim_world_start(world, 0);
    sim_world_finish(world, 0);
    return former;
}

static void a_process_with_former_rules_evaluates_nothing_and_says_so(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    const struct program *former = follow_other_rules(&world);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "new", world.kafka.wall_ms - DAY, "");
    world.program = former;
    world.options.until_end = false;
    uint64_t records = counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN);
    sim_world_start(&world, 0);
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN), records);
    assert_non_null(strstr(world.workers[0].last_log, "1 shards are not evaluated here (0): they follow"));
    assert_non_null(strstr(world.workers[0].last_log, "`rules.reactivate: on`"));
    sim_world_kill(&world, 0);
    world.options.reactivate_rules = true;
    sim_world_start(&world, 0);
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN), records + 1);
    sim_world_free(&world);
}

/* What was to be done to the end was not. */
static void a_run_until_the_end_fails_where_shards_are_held_back(void **state) {
    (void)state;
    struct sim_world world;
    struct error error = {0};
    setup(&world, 2);
    const struct program *former = follow_other_rules(&world);
    world.program = former;
    sim_world_start(&world, 0);
    for (int turns = 0; turns < 100000 && sim_world_turn(&world, &error); turns++)
        continue;
    assert_null(world.pipelines[0]);
    assert_non_null(strstr(error.text,
                           "2 shards were not evaluated up to the end: they follow the rules two, which came after "
                           "those of this process, one."));
    sim_world_free(&world);
}

static uint64_t logins_taken(const struct sim_world *world) {
    return counters_get(&world->counters, COUNTER_RECORDS + STREAM_LOGIN);
}

/* A worker that goes on, and has come to the end of what there is. */
static void begin(struct sim_world *world) {
    setup(world, 2);
    world->options.until_end = false;
    sim_world_start(world, 0);
    sim_world_run(world, 10 * SECOND);
}

static void log_in(struct sim_world *world, const char *event_id) {
    sim_world_event(world, STREAM_LOGIN, "account-1", event_id, world->kafka.wall_ms - SECOND, "");
    sim_world_run(world, 2 * SECOND);
}

/* The store goes away, is there again for a moment, and goes away once more: so often in all. */
static void lose_the_store(struct sim_world *world, int times) {
    for (int i = 0; i < times; i++) {
        sim_redis_set_condition(&world->store, SIM_REDIS_SERVES);
        sim_world_run(world, i > 0 ? 3 * SECOND : 0);
        sim_redis_set_condition(&world->store, SIM_REDIS_IS_DOWN);
        log_in(world, i == 0 ? "first" : "second");
    }
}

/* To take them on needs Redis: until it is there again the former ones go on, also where its absence was told of not
 * long ago and is not told of again. */
static void other_rules_wait_for_the_store_while_records_go_on(void **state) {
    (void)state;
    for (int times = 1; times < 3; times++) {
        struct sim_world world;
        struct heard heard;
        begin(&world);
        lose_the_store(&world, times);
        world.program = sim_world_rules(&world, other_rules);
        listen_for(&world, 0, "are taken on once Redis answers again", &heard);
        pipeline_reload(world.pipelines[0], world.program);
        uint64_t records = logins_taken(&world);
        log_in(&world, "third");
        assert_int_equal(heard.count, 1);
        assert_int_equal(logins_taken(&world), records + 1);
        assert_int_equal(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED"), 0);
        sim_redis_set_condition(&world.store, SIM_REDIS_SERVES);
        sim_world_run(&world, 10 * SECOND);
        sim_kafka_pass(&world.kafka, HOUR);
        sim_world_run(&world, 10 * SECOND);
        assert_true(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED") >= living_accounts(&world));
        assert_int_equal(heard.count, 1);
        sim_world_store_matches_changelog(&world);
        sim_world_free(&world);
    }
}

static void rules_that_are_in_force_already_change_nothing(void **state) {
    (void)state;
    struct sim_world world;
    struct heard heard;
    begin(&world);
    listen_for(&world, 0, "The rules one are those in force: nothing changes.", &heard);
    uint64_t loaded = counters_get(&world.counters, COUNTER_ACCOUNTS_LOADED), records = logins_taken(&world);
    pipeline_reload(world.pipelines[0], sim_world_rules(&world, rules));
    assert_int_equal(heard.count, 1);
    log_in(&world, "new");
    assert_int_equal(logins_taken(&world), records + 1);
    assert_int_equal(counters_get(&world.counters, COUNTER_ACCOUNTS_LOADED), loaded);
    matches(&world);
    sim_world_free(&world);
}

/* What is published with changes is the label and the words of those that were read last. */
static void rules_that_say_the_same_otherwise_are_taken_on(void **state) {
    (void)state;
    static const char *const words[][2] = {{"ruleset: one", "ruleset: uno"},
                                           {"since(login) > 2d", "since(login)>  2d"}};
    for (int i = 0; i < 2; i++) {
        struct sim_world world;
        struct heard heard;
        char other[sizeof rules];
        memcpy(other, rules, sizeof rules);
        memcpy(strstr(other, words[i][0]), words[i][1], strlen(words[i][1]));
        begin(&world);
        listen_for(&world, 0, i == 0 ? "The rules are uno now." : "The rules are one now.", &heard);
        pipeline_reload(world.pipelines[0], sim_world_rules(&world, other));
        sim_world_run(&world, 2 * SECOND);
        assert_int_equal(heard.count, 1);
        assert_int_equal(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED"), 0);
        sim_world_store_matches_changelog(&world);
        sim_world_free(&world);
    }
}

static void other_rules_that_wait_are_taken_back_by_those_in_force(void **state) {
    (void)state;
    struct sim_world world;
    begin(&world);
    lose_the_store(&world, 1);
    pipeline_reload(world.pipelines[0], sim_world_rules(&world, other_rules));
    sim_world_run(&world, SECOND);
    pipeline_reload(world.pipelines[0], world.program);
    sim_redis_set_condition(&world.store, SIM_REDIS_SERVES);
    sim_world_run(&world, 10 * SECOND);
    matches(&world);
    sim_world_free(&world);
}

static void shards_that_were_held_back_begin_once_the_newer_rules_are_read(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 8);
    world.options.until_end = false;
    const struct program *former = world.program, *newer = sim_world_rules(&world, other_rules);
    for (int i = 0; i < 2; i++) {
        world.program = i == 0 ? former : newer;
        sim_world_start(&world, 0);
        sim_world_run(&world, 10 * SECOND);
        sim_world_kill(&world, 0);
    }
    world.program = former;
    struct heard heard;
    sim_world_start(&world, 0);
    listen_for(&world, 0, "not evaluated here", &heard);
    sim_world_run(&world, 10 * SECOND);
    assert_int_equal(heard.count, 1);
    assert_non_null(strstr(heard.last, "8 shards are not evaluated here (0, 1, 2, 3, 4, ...): they follow"));
    uint64_t records = counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "new", world.kafka.wall_ms - DAY, "");
    world.program = newer;
    pipeline_reload(world.pipelines[0], newer);
    sim_world_run(&world, 10 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN), records + 1);
    sim_world_free(&world);
}

static void it_is_seen_how_far_shards_that_are_held_back_are_behind(void **state) {
    (void)state;
    struct sim_world world;
    struct shard_board board;
    struct error error;
    setup(&world, 1);
    const struct program *former = follow_other_rules(&world);
    int64_t last_ms = world.kafka.wall_ms - 2 * DAY, new_ms = world.kafka.wall_ms - DAY;
    sim_world_event(&world, STREAM_LOGIN, "account-1", "last", last_ms, "");
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    assert_int_equal(shard_board_init(&board, 1, &error), RESULT_OK);
    world.program = former;
    world.board = &board;
    world.options.until_end = false;
    sim_world_event(&world, STREAM_LOGIN, "account-1", "new", new_ms, "");
    sim_world_start(&world, 0);
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(board.entries[0].state, SHARD_HELD_BACK);
    assert_int_equal(board.entries[0].lag_records, 1);
    assert_int_equal(board.entries[0].record_ms, last_ms);
    sim_world_event(&world, STREAM_USAGE, "account-1", "newer", new_ms, ",\"feature\":\"search\"");
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(board.entries[0].lag_records, 2);
    sim_world_free(&world);
    shard_board_free(&board);
}

/* A worker that goes on, and is given other rules; returns the former. */
static const struct program *give_other_rules(struct sim_world *world) {
    begin(world);
    const struct program *former = world->program;
    world->program = sim_world_rules(world, other_rules);
    pipeline_reload(world->pipelines[0], world->program);
    return former;
}

static void other_rules_are_taken_on_while_running(void **state) {
    (void)state;
    struct sim_world world;
    (void)give_other_rules(&world);
    sim_world_run(&world, SECOND);
    sim_kafka_pass(&world.kafka, HOUR);
    sim_world_run(&world, 10 * SECOND);
    assert_true(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED") >= living_accounts(&world));
    sim_world_store_matches_changelog(&world);
    sim_world_free(&world);
}

static void former_rules_are_not_taken_on_while_running(void **state) {
    (void)state;
    struct sim_world world;
    const struct program *former = give_other_rules(&world);
    sim_world_run(&world, 10 * SECOND);
    pipeline_reload(world.pipelines[0], former);
    sim_world_run(&world, 10 * SECOND);
    assert_non_null(strstr(world.workers[0].last_log, "The rules one were not taken on: the rules two have followed"));
    assert_non_null(strstr(world.workers[0].last_log, "`rules.reactivate: on`"));
    sim_kafka_pass(&world.kafka, HOUR);
    sim_world_run(&world, 10 * SECOND);
    (void)living_accounts(&world); /* All of the newer rules. */
    sim_world_free(&world);
}

/* After a takeover all accounts are looked at, page by page; commits come in between, and their writes wait. */
static void other_rules_are_taken_on_in_the_middle_of_a_ticks_pages_too(void **state) {
    (void)state;
    for (int after_ms = 100; after_ms < 1500; after_ms += 100) {
        struct sim_world world;
        sim_world_init(&world, rules, 1);
        fill(&world, 40, 20, 0);
        sim_world_start(&world, 0);
        sim_world_run(&world, 2 * SECOND);
        sim_world_kill(&world, 0);
        pass_days(&world, 2);
        sim_world_start(&world, 0);
        world.workers[0].connection.delay_ms = 50;
        world.workers[0].connection.due_per_query_max = 2;
        sim_world_run(&world, after_ms);
        world.program = sim_world_rules(&world, other_rules);
        pipeline_reload(world.pipelines[0], world.program);
        sim_world_run(&world, 20 * SECOND);
        sim_kafka_pass(&world.kafka, HOUR);
        sim_world_run(&world, 20 * SECOND);
        assert_true(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED") >= living_accounts(&world));
        sim_world_free(&world);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_rules_are_taken_on_by_every_account_at_the_next_tick),
        cmocka_unit_test(a_process_with_former_rules_evaluates_nothing_and_says_so),
        cmocka_unit_test(a_run_until_the_end_fails_where_shards_are_held_back),
        cmocka_unit_test(other_rules_wait_for_the_store_while_records_go_on),
        cmocka_unit_test(rules_that_are_in_force_already_change_nothing),
        cmocka_unit_test(rules_that_say_the_same_otherwise_are_taken_on),
        cmocka_unit_test(other_rules_that_wait_are_taken_back_by_those_in_force),
        cmocka_unit_test(shards_that_were_held_back_begin_once_the_newer_rules_are_read),
        cmocka_unit_test(it_is_seen_how_far_shards_that_are_held_back_are_behind),
        cmocka_unit_test(other_rules_are_taken_on_while_running),
        cmocka_unit_test(former_rules_are_not_taken_on_while_running),
        cmocka_unit_test(other_rules_are_taken_on_in_the_middle_of_a_ticks_pages_too),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
