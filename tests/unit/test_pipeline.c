/* The pipeline on a simulated Kafka and store: what a read_committed reader sees must be what `replay` prints, whatever
 * happens to the worker. Changed rules are test_pipeline_rules.c's, what is refused test_pipeline_refusals.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/changelog_record.h"
#include "tests/unit/pipeline_world.h"

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

/* A question that is given up would be asked anew, and given up again. */
static void brokers_that_answer_late_are_waited_for(void **state) {
    (void)state;
    struct sim_world world;
    struct heard heard;
    setup(&world, 2);
    world.options.until_end = false;
    sim_world_start(&world, 0);
    listen_for(&world, 0, "Where the inputs end has not been told", &heard);
    world.workers[0].faults.latency_ms = 700;
    sim_world_run(&world, 60 * SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_TAKEOVERS), 2);
    matches(&world);
    uint32_t silent = count_of(&world, OUTPUT_CHANGES, "\"subject\":\"silent\"");
    sim_world_event(&world, STREAM_LOGIN, "patient", "l1", world.kafka.wall_ms - 1000, "");
    sim_world_run(&world, 10 * SECOND);
    sim_kafka_pass(&world.kafka, 2 * DAY + HOUR);
    sim_world_run(&world, 10 * SECOND);
    assert_int_equal(count_of(&world, OUTPUT_CHANGES, "\"subject\":\"silent\""), silent + 1);
    assert_int_equal(heard.count, 0);
    world.workers[0].faults.latency_ms = HOUR;
    sim_world_run(&world, 80 * SECOND);
    assert_true(heard.count > 0);
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

/* Until it has ended, for longer than a stop may take. */
static void stop(struct sim_world *world) {
    pipeline_stop(world->pipelines[0]);
    sim_world_run(world, 60 * SECOND);
    assert_null(world->pipelines[0]);
}

static void goes_on_well(struct sim_world *world) {
    world->options.until_end = true;
    sim_world_start(world, 0);
    sim_world_finish(world, 0);
    matches(world);
}

static void a_stop_that_the_brokers_do_not_let_commit_says_so(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    world.options.until_end = false;
    world.options.commit_bytes_max = 4000;
    sim_world_start(&world, 0);
    struct error error;
    while (counters_get(&world.counters, COUNTER_COMMITS) < 2)
        sim_world_turn(&world, &error);
    world.workers[0].faults.commit_pending = INT64_MAX;
    stop(&world);
    assert_non_null(strstr(world.workers[0].last_log, "The process ends without this commit"));
    world.workers[0].faults.commit_pending = 0;
    goes_on_well(&world);
    sim_world_free(&world);
}

static void a_stop_while_the_store_is_away_says_so(void **state) {
    (void)state;
    struct sim_world world;
    setup(&world, 2);
    world.options.until_end = false;
    sim_world_start(&world, 0);
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
    setup(&world, 2);
    world.options.until_end = false;
    sim_world_start(&world, 0);
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

/* The stream whose record the shard's newest committed record says is to come first. */
static enum stream chosen_stream(const struct sim_world *world) {
    const struct sim_log *log = &world->kafka.outputs[OUTPUT_CHANGELOG][0];
    struct arena arena = {0};
    struct shard_record newest = {.chosen = STREAMS};
    struct error error;
    const struct sim_record *record;
    for (int64_t i = 0; (record = sim_log_next(&world->kafka, log, i)) != NULL; i = record->offset + 1)
        if (text_equal(record->key, changelog_key(CHANGELOG_SHARD)))
            assert_int_equal(shard_record_decode(record->value, &arena, &newest, &error), RESULT_OK);
    arena_free(&arena);
    return newest.chosen;
}

/* A process that was killed in the middle of the ticks that a record of an account brought about, with older records
 * than the account's next one on the other inputs. */
static void be_killed_amid_the_ticks_of_an_account(struct sim_world *world, bool superseded) {
    sim_world_init(world, rules, 1);
    world->options.until_end = true;
    fill(world, 40, 20, 10);
    sim_world_start(world, 0);
    sim_world_finish(world, 0);
    int64_t now_ms = world->kafka.wall_ms;
    sim_world_tombstone(world, "account-1", now_ms - 5 * DAY);
    for (int i = 2; i < 8; i++) {
        char account[16];
        snprintf(account, sizeof account, "account-%d", i);
        sim_world_event(world, STREAM_LOGIN, account, account, now_ms - 4 * DAY, "");
    }
    if (superseded)
        sim_world_event(world, STREAM_ACCOUNT, "account-1", "", now_ms - DAY, ",\"plan\":\"team\"");
    sim_world_start(world, 0);
    world->workers[0].connection.delay_ms = 50;
    world->workers[0].connection.due_per_query_max = 2;
    while (chosen_stream(world) != STREAM_ACCOUNT)
        sim_world_run(world, 1);
    sim_world_kill(world, 0);
}

static void a_record_that_was_compacted_amid_its_ticks_holds_up_nobody(void **state) {
    (void)state;
    for (int superseded = 0; superseded < 2; superseded++) {
        struct sim_world world;
        be_killed_amid_the_ticks_of_an_account(&world, superseded);
        struct sim_log *accounts = &world.kafka.inputs[STREAM_ACCOUNT][0];
        const struct sim_record *chosen = sim_log_next(&world.kafka, accounts,
                                                       world.kafka.committed[STREAM_ACCOUNT][0]);
        accounts->records[chosen->offset].compacted = true;
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

/* A decoder that lacks the schema of one partition's records for a while. */
struct lacking {
    struct decoder decoder;
    int32_t partition; /* -1: none any more */
    uint32_t asked, decoded;
};

static enum result decode_or_lack(void *context, const struct message *message, struct event *ret_event,
                                  struct rejection *ret_rejection, struct error *error) {
    struct lacking *lacking = context;
    if (message->partition == lacking->partition) {
        lacking->asked++;
        return error_set(error, RESULT_RETRY, "schema 7 is on its way from the registry");
    }
    lacking->decoded++;
    return lacking->decoder.decode(lacking->decoder.context, message, ret_event, ret_rejection, error);
}

static void only_the_shard_waits_whose_next_record_lacks_its_schema(void **state) {
    (void)state;
    struct sim_world world;
    struct heard heard;
    setup(&world, 2);
    sim_world_start(&world, 0);
    listen_for(&world, 0, "Shard 0 waits for a schema: schema 7 is on its way", &heard);
    struct lacking lacking = {.decoder = world.workers[0].decoder};
    world.workers[0].decoder = (struct decoder){&lacking, decode_or_lack};
    sim_world_run(&world, 5 * SECOND);
    for (int i = 0; i < STREAMS; i++) {
        assert_true(world.kafka.committed[i][0] <= 0);
        if (world.kafka.inputs[i][1].count > 0)
            assert_true(world.kafka.committed[i][1] >= (int64_t)world.kafka.inputs[i][1].count);
    }
    assert_true(heard.count > 0);
    assert_in_range(lacking.asked, 50, 5 * SECOND / 10); /* often, and not with each turn */
    struct error error;
    for (uint32_t asked = lacking.asked; lacking.asked == asked;) {
        assert_true(sim_world_turn(&world, &error));
        sim_kafka_pass(&world.kafka, 1);
    }
    lacking.partition = -1; /* just after it was asked for */
    lacking.decoded = 0;
    sim_world_run(&world, 100);
    assert_true(lacking.decoded > 0);
    sim_world_finish(&world, 0);
    matches(&world);
    sim_world_free(&world);
}

static void it_is_seen_how_old_the_last_record_is_before_one_is_taken_after_a_takeover(void **state) {
    (void)state;
    struct sim_world world;
    struct shard_board board;
    struct error error;
    setup(&world, 1);
    int64_t last_ms = world.kafka.wall_ms - 2 * DAY;
    sim_world_event(&world, STREAM_LOGIN, "account-1", "last", last_ms, "");
    sim_world_start(&world, 0);
    sim_world_finish(&world, 0);
    sim_world_event(&world, STREAM_LOGIN, "account-1", "new", last_ms + DAY, "");
    assert_int_equal(shard_board_init(&board, 1, &error), RESULT_OK);
    world.board = &board;
    world.options.until_end = false;
    sim_world_start(&world, 0);
    struct lacking lacking = {.decoder = world.workers[0].decoder};
    world.workers[0].decoder = (struct decoder){&lacking, decode_or_lack};
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(board.entries[0].state, SHARD_RUNNING);
    assert_int_equal(board.entries[0].lag_records, 1);
    assert_int_equal(board.entries[0].record_ms, last_ms);
    sim_world_free(&world);
    shard_board_free(&board);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_topics_held_is_what_replay_says),
        cmocka_unit_test(two_processes_share_the_partitions),
        cmocka_unit_test(silence_fires_timers_without_traffic),
        cmocka_unit_test(brokers_that_answer_late_are_waited_for),
        cmocka_unit_test(a_process_that_stops_leaves_everything_committed_and_stored),
        cmocka_unit_test(a_stop_that_the_brokers_do_not_let_commit_says_so),
        cmocka_unit_test(a_stop_while_the_store_is_away_says_so),
        cmocka_unit_test(the_end_of_each_of_the_stores_outages_is_told_once),
        cmocka_unit_test(a_process_may_be_killed_between_any_two_effects),
        cmocka_unit_test(a_record_that_was_compacted_amid_its_ticks_holds_up_nobody),
        cmocka_unit_test(a_store_that_was_lost_is_made_whole_from_the_changelog),
        cmocka_unit_test(a_store_that_is_flushed_while_running_is_made_whole),
        cmocka_unit_test(a_store_that_goes_back_is_noticed),
        cmocka_unit_test(a_store_that_is_away_holds_up_nothing_but_itself),
        cmocka_unit_test(a_store_that_hangs_keeps_no_commit_waiting),
        cmocka_unit_test(a_commit_whose_outcome_is_unknown_is_neither_lost_nor_doubled),
        cmocka_unit_test(the_last_commit_of_a_run_to_the_end_is_made_again_where_it_came_to_nothing),
        cmocka_unit_test(a_batch_that_was_not_delivered_is_published_again),
        cmocka_unit_test(offsets_that_reports_lack_are_made_up_for_by_lower_bounds),
        cmocka_unit_test(a_zombie_commits_nothing),
        cmocka_unit_test(rebalances_change_nothing),
        cmocka_unit_test(state_may_outgrow_the_memory),
        cmocka_unit_test(it_is_seen_how_old_the_last_record_is_before_one_is_taken_after_a_takeover),
        cmocka_unit_test(what_cannot_be_taken_goes_to_the_dead_letters_and_disturbs_nobody),
        cmocka_unit_test(only_the_shard_waits_whose_next_record_lacks_its_schema),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
