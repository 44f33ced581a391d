/* The pipeline on a simulated Kafka and store: what a read_committed reader sees must be what `replay` prints, whatever
 * happens to the worker. What is about the store is test_pipeline_store.c's, about commits and the group
 * test_pipeline_commits.c's, about takeovers that begin anew test_pipeline_takeover.c's, about changed rules
 * test_pipeline_rules.c's, what is refused test_pipeline_refusals.c's. */
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
    setup_live(&world, 2);
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
    setup_live(&world, 2);
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
        cmocka_unit_test(a_process_may_be_killed_between_any_two_effects),
        cmocka_unit_test(a_record_that_was_compacted_amid_its_ticks_holds_up_nobody),
        cmocka_unit_test(what_cannot_be_taken_goes_to_the_dead_letters_and_disturbs_nobody),
        cmocka_unit_test(only_the_shard_waits_whose_next_record_lacks_its_schema),
        cmocka_unit_test(it_is_seen_how_old_the_last_record_is_before_one_is_taken_after_a_takeover),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
