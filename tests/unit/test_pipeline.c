/* The pipeline on a simulated Kafka and store: what a read_committed reader sees must be what `replay` prints, whatever
 * happens to the worker. */
#include "tests/sim/sim_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/changelog_record.h"

static const char rules[] = "ruleset: one\n"
                            "clock: { tick: 1h, lateness: 0s }\n"
                            "scores:\n"
                            "  churn_risk:\n"
                            "    method: weighted\n"
                            "    signals:\n"
                            "      quiet: { value: 'since(login)', curve: [[1d, 0], [10d, 1]], weight: 1 }\n"
                            "dimensions:\n"
                            "  plan: { cases: [ { value_of: account.plan } ] }\n"
                            "  use:\n"
                            "    cases:\n"
                            "      - { value: high, when: 'count(usage, 3d) > 4' }\n"
                            "      - { value: low }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 2d' }\n";

static const char other_rules[] = "ruleset: two\n"
                                  "clock: { tick: 1h, lateness: 0s }\n"
                                  "dimensions:\n"
                                  "  use:\n"
                                  "    cases:\n"
                                  "      - { value: high, when: 'count(usage, 3d) > 2' }\n"
                                  "      - { value: low }\n"
                                  "segments:\n"
                                  "  silent: { when: 'since(login) > 3d' }\n";

/* Some weeks of some accounts, until `days` before now, with duplicates and late events. */
static void fill(struct sim_world *world, int accounts, int days, int until_days_ago) {
    int64_t end_ms = world->kafka.wall_ms - until_days_ago * DAY;
    uint64_t random = 42;
    for (int64_t at_ms = end_ms - days * DAY; at_ms < end_ms; at_ms += 3 * HOUR) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        char account[16], id[32];
        int number = (int)(random >> 33) % accounts;
        snprintf(account, sizeof account, "account-%d", number);
        snprintf(id, sizeof id, "e%lld", (long long)(random >> 60 == 0 ? 7 : at_ms));
        switch (random >> 40 & 7) {
        case 0:
            sim_world_event(world, STREAM_ACCOUNT, account, "", at_ms,
                            random >> 50 & 1 ? ",\"plan\":\"free\"" : ",\"plan\":\"team\"");
            break;
        case 1:
            if (random >> 44 & 1)
                sim_world_tombstone(world, account, at_ms);
            break;
        case 2:
            sim_world_event(world, STREAM_LOGIN, account, id, at_ms, "");
            break;
        default:
            sim_world_event(world, STREAM_USAGE, account, id, at_ms, ",\"feature\":\"search\"");
        }
    }
}

/* Days in which nobody looks, and their records come all at once. */
static void pass_days(struct sim_world *world, int days) {
    sim_kafka_pass(&world->kafka, days * DAY);
    fill(world, 12, days, 0);
}

static void setup(struct sim_world *world, int32_t partitions) {
    sim_world_init(world, rules, partitions);
    world->options.until_end = true;
    fill(world, 12, 40, 10);
}

static void matches(struct sim_world *world) {
    sim_world_matches_replay(world);
    sim_world_store_matches_changelog(world);
}

static void what_the_topics_held_is_what_replay_says(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 4);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    matches(&world);
    assert_true(counters_get(&world.counters, COUNTER_RECORDS + STREAM_USAGE) > 100);
    assert_true(counters_get(&world.counters, COUNTER_DUPLICATES) > 0);
    sim_world_free(&world);
}

static void two_processes_share_the_partitions(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 4);
    sim_world_start(&world, 0);
    sim_world_start(&world, 1);
    sim_world_finish(&world, 0);
    sim_world_finish(&world, 1);
    matches(&world);
    sim_world_free(&world);
}

static void silence_fires_timers_without_traffic(void **state) {
    (void)state;
    struct sim_world world;
    sim_world_init(&world, rules, 2);
    sim_world_event(&world, STREAM_LOGIN, "a", "l1", world.kafka.wall_ms - 1000, "");
    sim_world_start(&world, 0);
    sim_world_run(&world, 3 * SECOND);
    sim_world_matches_replay(&world);
    sim_kafka_pass(&world.kafka, 2 * DAY + HOUR);
    sim_world_run(&world, 10 * SECOND);
    struct buffer changes = {0};
    sim_world_read(&world, OUTPUT_CHANGES, &changes);
    buffer_put_u8(&changes, 0);
    assert_non_null(strstr((const char *)changes.data, "\"subject\":\"silent\""));
    buffer_free(&changes);
    matches(&world);
    sim_world_free(&world);
}

static void a_process_that_stops_leaves_everything_committed_and_stored(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    world.options.until_end = false;
    sim_world_start(&world, 0);
    sim_world_run(&world, 500);
    pipeline_stop(world.pipelines[0]);
    sim_world_finish(&world, 0);
    sim_world_store_matches_changelog(&world);
    world.options.until_end = true;
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    matches(&world);
    sim_world_free(&world);
}

/* The number of effects that an undisturbed run has. */
static uint64_t effects_of_a_run(void) {
    struct sim_world world;
    setup(&world, 2);
    world.options.commit_bytes_max = 4000;
    sim_world_start(&world, 0);
    uint64_t effects = 0;
    struct error error;
    while (world.pipelines[0] != NULL) {
        effects = world.workers[0].effects;
        sim_world_turn(&world, &error);
        sim_kafka_pass(&world.kafka, 1);
    }
    sim_world_free(&world);
    return effects;
}

static void run_until_dead(struct sim_world *world) {
    struct error error;
    while (world->pipelines[0] != NULL && !world->workers[0].dead) {
        sim_world_turn(world, &error);
        sim_kafka_pass(&world->kafka, 1);
    }
    if (world->pipelines[0] != NULL)
        sim_world_kill(world, 0);
}

static void a_process_may_be_killed_between_any_two_effects(void **state) {
    (void)state;
    uint64_t effects = effects_of_a_run();
    assert_true(effects > 50);
    for (uint64_t i = 1; i <= effects; i++) {
        struct sim_world world;
        setup(&world, 2);
        world.options.commit_bytes_max = 4000;
        sim_world_start(&world, 0);
        world.workers[0].faults.dead_after = (int64_t)i;
        run_until_dead(&world);
        sim_world_start(&world, 0);
        sim_world_finish(&world, 0);
        matches(&world);
        sim_world_free(&world);
    }
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
    setup(&world, 1);
    world.options.until_end = false;
    sim_world_start(&world, 0);
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

static void a_commit_whose_outcome_is_unknown_is_neither_lost_nor_doubled(void **state) {
    (void)state;
    for (int done = 0; done < 2; done++) {
        struct sim_world world;
        setup(&world, 2);
        world.options.commit_bytes_max = 4000;
        sim_world_start(&world, 0);
        struct error error;
        while (counters_get(&world.counters, COUNTER_COMMITS) < 3)
            sim_world_turn(&world, &error);
        world.workers[0].faults.commit_unknown_done = done;
        world.workers[0].faults.commit_unknown_undone = !done;
        sim_world_finish(&world, 0);
        assert_int_equal(counters_get(&world.counters, COUNTER_COMMITS_UNKNOWN), 1);
        matches(&world);
        sim_world_free(&world);
    }
}

/* What the topics held is one commit here. A process that is to end when all of it is done does not end without it. */
static void the_last_commit_of_a_run_to_the_end_is_made_again_where_it_came_to_nothing(void **state) {
    (void)state;
    for (int done = 0; done < 2; done++) {
        struct sim_world world;
        setup(&world, 2);
        sim_world_start(&world, 0);
        struct error error;
        while (counters_get(&world.counters, COUNTER_TAKEOVERS) < 2)
            sim_world_turn(&world, &error);
        assert_int_equal(counters_get(&world.counters, COUNTER_COMMITS), 0);
        world.workers[0].faults.commit_unknown_done = done;
        world.workers[0].faults.commit_unknown_undone = !done;
        sim_world_finish(&world, 0);
        assert_int_equal(counters_get(&world.counters, COUNTER_COMMITS_UNKNOWN), 1);
        matches(&world);
        sim_world_free(&world);
    }
}

static void a_batch_that_was_not_delivered_is_published_again(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    sim_world_start(&world, 0);
    struct error error;
    while (counters_get(&world.counters, COUNTER_TAKEOVERS) < 2)
        sim_world_turn(&world, &error);
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
    setup(&world, 2);
    world.options.until_end = false;
    sim_world_start(&world, 0);
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

static uint32_t count_of(const struct sim_world *world, enum output output, const char *what) {
    struct buffer lines = {0};
    sim_world_read(world, output, &lines);
    buffer_put_u8(&lines, 0);
    uint32_t count = 0;
    for (const char *at = (const char *)lines.data; (at = strstr(at, what)) != NULL; at++)
        count++;
    buffer_free(&lines);
    return count;
}

static void what_cannot_be_taken_goes_to_the_dead_letters_and_disturbs_nobody(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    int64_t now_ms = world.kafka.wall_ms;
    int32_t home = partitioner_partition(PARTITIONER_MURMUR2, TEXT("a"), 2);
    sim_kafka_produce(&world.kafka, STREAM_LOGIN, home, now_ms, TEXT("a"), TEXT("no json"));
    sim_kafka_produce(&world.kafka, STREAM_LOGIN, 1 - home, now_ms, TEXT("a"),
                      TEXT("{\"stream\":\"login\",\"event_id\":\"x\",\"account_id\":\"a\",\"user_id\":\"u\","
                           "\"occurred_at\":\"2025-12-01\"}"));
    sim_kafka_produce(&world.kafka, STREAM_LOGIN, home, now_ms, TEXT("a"),
                      TEXT("{\"stream\":\"login\",\"event_id\":\"y\",\"account_id\":\"a\",\"user_id\":\"u\","
                           "\"occurred_at\":\"2099-01-01\"}"));
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    assert_int_equal(count_of(&world, OUTPUT_DEAD_LETTERS, "undecodable"), 1);
    assert_int_equal(count_of(&world, OUTPUT_DEAD_LETTERS, "wrong-partition"), 1);
    assert_int_equal(count_of(&world, OUTPUT_DEAD_LETTERS, "future-timestamp"), 1);
    assert_int_equal(count_of(&world, OUTPUT_DEAD_LETTERS, "\n"), 3);
    sim_world_free(&world);
}

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

static void a_process_with_former_rules_evaluates_nothing_and_says_so(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    const struct program *former = world.program;
    world.program = sim_world_rules(&world, other_rules);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "new", world.kafka.wall_ms - DAY, "");
    world.program = former;
    world.options.until_end = false;
    uint64_t records = counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN);
    sim_world_start(&world, 0);
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN), records);
    assert_non_null(strstr(world.workers[0].last_log, "is not evaluated here"));
    sim_world_kill(&world, 0);
    world.options.reactivate_rules = true;
    sim_world_start(&world, 0);
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN), records + 1);
    sim_world_free(&world);
}

static void shards_that_were_held_back_begin_once_the_newer_rules_are_read(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    world.options.until_end = false;
    const struct program *former = world.program, *newer = sim_world_rules(&world, other_rules);
    for (int i = 0; i < 2; i++) {
        world.program = i == 0 ? former : newer;
        sim_world_start(&world, 0);
        sim_world_run(&world, 10 * SECOND);
        sim_world_kill(&world, 0);
    }
    world.program = former;
    sim_world_start(&world, 0);
    sim_world_run(&world, 10 * SECOND);
    assert_non_null(strstr(world.workers[0].last_log, "is not evaluated here"));
    uint64_t records = counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "new", world.kafka.wall_ms - DAY, "");
    world.program = newer;
    pipeline_reload(world.pipelines[0], newer);
    sim_world_run(&world, 10 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_RECORDS + STREAM_LOGIN), records + 1);
    sim_world_free(&world);
}

static void other_rules_are_taken_on_while_running(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    world.options.until_end = false;
    sim_world_start(&world, 0);
    sim_world_run(&world, 10 * SECOND);
    world.program = sim_world_rules(&world, other_rules);
    pipeline_reload(world.pipelines[0], world.program);
    sim_world_run(&world, SECOND);
    sim_kafka_pass(&world.kafka, HOUR);
    sim_world_run(&world, 10 * SECOND);
    assert_true(count_of(&world, OUTPUT_CHANGES, "RULES_CHANGED") >= living_accounts(&world));
    sim_world_store_matches_changelog(&world);
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

/* Runs until the worker fails, and returns what it said. */
static struct error failure_of(struct sim_world *world) {
    struct error error = {0};
    for (int i = 0; i < 100000 && world->pipelines[0] != NULL; i++) {
        sim_world_turn(world, &error);
        sim_kafka_pass(&world->kafka, 1);
    }
    assert_null(world->pipelines[0]);
    return error;
}

static void a_changelog_that_lost_its_end_is_refused(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    for (int i = 0; i < STREAMS; i++)
        if (world.kafka.committed[i][0] != OFFSET_NONE)
            world.kafka.committed[i][0]++; /* as if a commit had followed that is gone */
    sim_world_event(&world, STREAM_LOGIN, "account-1", "n1", world.kafka.wall_ms - DAY, "");
    sim_world_event(&world, STREAM_USAGE, "account-1", "n2", world.kafka.wall_ms - DAY, ",\"feature\":\"x\"");
    sim_world_start(&world, 0);
    struct error error = failure_of(&world);
    assert_non_null(strstr(error.text, "changelog has lost its end"));
    sim_world_free(&world);
}

static void offsets_that_were_reset_are_outvoted_by_the_shard_record_and_committed_anew(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    int64_t committed[STREAMS][SIM_PARTITIONS_MAX];
    memcpy(committed, world.kafka.committed, sizeof committed);
    for (int i = 0; i < STREAMS; i++) {
        world.kafka.committed[i][0] = OFFSET_NONE;
        world.kafka.committed[i][1] = world.kafka.committed[i][1] > 0 ? 0 : OFFSET_NONE;
    }
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    assert_true(counters_get(&world.counters, COUNTER_OFFSETS_BEHIND) > 0);
    for (int i = 0; i < STREAMS; i++) /* There was nothing new: they are committed all the same. */
        for (int j = 0; j < 2; j++)
            assert_int_equal(world.kafka.committed[i][j], committed[i][j]);
    matches(&world);
    sim_world_free(&world);
}

static void an_input_that_was_recreated_is_refused(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    struct sim_log *log = &world.kafka.inputs[STREAM_LOGIN][0];
    for (uint32_t i = 0; i < log->count; i++)
        log->records[i].timestamp_ms += 1;
    sim_world_start(&world, 0);
    struct error error = failure_of(&world);
    assert_non_null(strstr(error.text, "the topic was recreated"));
    sim_world_free(&world);
}

static void another_number_of_partitions_is_refused(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    world.kafka.partitions = 2;
    world.options.partitions = 2;
    sim_redis_flush_all(&world.store);
    sim_world_start(&world, 0);
    struct error error = failure_of(&world);
    assert_non_null(strstr(error.text, "partitions"));
    sim_world_free(&world);
}

static void a_topic_that_is_no_changelog_is_refused(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    struct sim_log *log = &world.kafka.outputs[OUTPUT_CHANGELOG][0];
    log->records = calloc(1, sizeof *log->records);
    log->count = log->capacity = 1;
    log->records[0].key = log->records[0].value = TEXT("another product's");
    sim_world_start(&world, 0);
    struct error error = failure_of(&world);
    assert_non_null(strstr(error.text, "not Bellwether's"));
    sim_world_free(&world);
}

static void another_groups_changelog_is_refused_and_left_alone(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    int64_t end = sim_log_end(&world.kafka.outputs[OUTPUT_CHANGELOG][0]);
    world.options.group = TEXT("other");
    sim_world_start(&world, 0);
    struct error error = failure_of(&world);
    assert_non_null(strstr(error.text, "the group `sim`"));
    assert_int_equal(sim_log_end(&world.kafka.outputs[OUTPUT_CHANGELOG][0]), end);
    sim_world_free(&world);
}

/* Somebody else writes over the states of all accounts. */
static void cut_states(struct sim_world *world) {
    struct stored_blob blob;
    for (uint64_t place = 0; sim_redis_next(&world->store, 0, &place, &blob);) {
        char key[64], id[64];
        snprintf(key, sizeof key, "{bw:sim:0}:b:%u", (uint32_t)(place >> 32));
        snprintf(id, sizeof id, "%.*s", TEXT_ARGUMENTS(blob.account_id));
        assert_true(sim_redis_command(&world->store, (const char *const[]){"HSET", key, id, "cut"}, 4));
    }
}

static void a_state_in_the_store_that_is_cut_off_is_refused_and_restored_from_the_changelog(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 1);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    cut_states(&world);
    pass_days(&world, 2);
    sim_world_start(&world, 0);
    struct error error = failure_of(&world);
    assert_non_null(strstr(error.text, "Delete all keys that begin with {bw:sim:0}:"));
    sim_redis_flush(&world.store, 0);
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    matches(&world);
    sim_world_free(&world);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_topics_held_is_what_replay_says),
        cmocka_unit_test(two_processes_share_the_partitions),
        cmocka_unit_test(silence_fires_timers_without_traffic),
        cmocka_unit_test(a_process_that_stops_leaves_everything_committed_and_stored),
        cmocka_unit_test(a_process_may_be_killed_between_any_two_effects),
        cmocka_unit_test(a_store_that_was_lost_is_made_whole_from_the_changelog),
        cmocka_unit_test(a_store_that_is_flushed_while_running_is_made_whole),
        cmocka_unit_test(a_store_that_goes_back_is_noticed),
        cmocka_unit_test(a_store_that_is_away_holds_up_nothing_but_itself),
        cmocka_unit_test(a_commit_whose_outcome_is_unknown_is_neither_lost_nor_doubled),
        cmocka_unit_test(the_last_commit_of_a_run_to_the_end_is_made_again_where_it_came_to_nothing),
        cmocka_unit_test(a_batch_that_was_not_delivered_is_published_again),
        cmocka_unit_test(offsets_that_reports_lack_are_made_up_for_by_lower_bounds),
        cmocka_unit_test(a_zombie_commits_nothing),
        cmocka_unit_test(rebalances_change_nothing),
        cmocka_unit_test(state_may_outgrow_the_memory),
        cmocka_unit_test(what_cannot_be_taken_goes_to_the_dead_letters_and_disturbs_nobody),
        cmocka_unit_test(changed_rules_are_taken_on_by_every_account_at_the_next_tick),
        cmocka_unit_test(a_process_with_former_rules_evaluates_nothing_and_says_so),
        cmocka_unit_test(shards_that_were_held_back_begin_once_the_newer_rules_are_read),
        cmocka_unit_test(other_rules_are_taken_on_while_running),
        cmocka_unit_test(other_rules_are_taken_on_in_the_middle_of_a_ticks_pages_too),
        cmocka_unit_test(a_changelog_that_lost_its_end_is_refused),
        cmocka_unit_test(offsets_that_were_reset_are_outvoted_by_the_shard_record_and_committed_anew),
        cmocka_unit_test(an_input_that_was_recreated_is_refused),
        cmocka_unit_test(another_number_of_partitions_is_refused),
        cmocka_unit_test(a_topic_that_is_no_changelog_is_refused),
        cmocka_unit_test(another_groups_changelog_is_refused_and_left_alone),
        cmocka_unit_test(a_state_in_the_store_that_is_cut_off_is_refused_and_restored_from_the_changelog),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
