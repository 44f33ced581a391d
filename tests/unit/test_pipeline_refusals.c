/* The pipeline on a simulated Kafka and store that are not what they were: it goes on where it can, or refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "engine/changelog_record.h"
#include "tests/unit/pipeline_world.h"

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
