/* The pipeline's takeovers that begin anew: on a simulated Kafka and store, with whose answers the test meddles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pipeline_world.h"

/* The ports as they are, and what is to become of their calls. */
static struct meddler {
    struct source source;
    struct changelog changelog;
    struct store store;
    bool assigns_nothing; /* nothing can be assigned, */
    bool reads_nothing;   /* and the first read of the changelog from its middle gives nothing */
    bool from_the_middle; /* where it was opened */
    enum store_event_kind tells;
} meddler;

static enum answer assign(void *context, const struct input_offset *positions, uint32_t count, struct error *error) {
    if (count == 0 || !meddler.assigns_nothing)
        return meddler.source.assign(context, positions, count, error);
    error_set(error, RESULT_RETRY, "Nothing can be assigned.");
    return ANSWER_FAILED;
}

static enum answer open_log(void *context, int32_t shard, int64_t from_offset, struct error *error) {
    meddler.from_the_middle = from_offset > 0;
    return meddler.changelog.open(context, shard, from_offset, error);
}

/* As librdkafka does where nothing has come since it was opened; and the store goes away. */
static enum answer read_log(void *context, int32_t shard, struct log_record *ret_records, uint32_t max, int timeout_ms,
                            uint32_t *ret_count, int64_t *ret_position, struct error *error) {
    if (!meddler.reads_nothing || !meddler.from_the_middle)
        return meddler.changelog.read(context, shard, ret_records, max, timeout_ms, ret_count, ret_position, error);
    *ret_count = 0;
    *ret_position = OFFSET_NONE;
    meddler.reads_nothing = false;
    meddler.tells = STORE_UNAVAILABLE;
    return ANSWER_OK;
}

static void poll(void *context, int timeout_ms, struct store_event *ret_event) {
    if (meddler.tells == STORE_NOTHING) {
        meddler.store.poll(context, timeout_ms, ret_event);
        return;
    }
    *ret_event = (struct store_event){.kind = meddler.tells};
    error_set(&ret_event->error, RESULT_RETRY, "The test says so.");
    meddler.tells = STORE_NOTHING;
}

static void start_meddled(struct sim_world *world) {
    sim_world_start(world, 0);
    struct sim_worker *worker = &world->workers[0];
    meddler = (struct meddler){.source = worker->source, .changelog = worker->changelog, .store = worker->store};
    worker->source.assign = assign;
    worker->changelog.open = open_log;
    worker->changelog.read = read_log;
    worker->store.poll = poll;
}

/* All that there was is done; it is to be taken over again. */
static void begin(struct sim_world *world, int32_t partitions) {
    setup(world, partitions);
    sim_world_start(world, 0);
    sim_world_finish(world, 0);
    world->options.until_end = false;
}

/* What the shards' records say is read anew. Had the shards been kept that were about to begin, the rules that they had
 * put in force would be in no record. */
static void a_takeover_that_starts_again_keeps_nothing(void **state) {
    (void)state;
    struct sim_world world;
    struct heard heard;
    begin(&world, 1);
    const struct program *former = world.program;
    world.program = sim_world_rules(&world, other_rules);
    start_meddled(&world);
    meddler.assigns_nothing = true;
    sim_world_run(&world, 5 * SECOND);
    meddler.tells = STORE_LOST;
    sim_world_run(&world, SECOND);
    assert_int_equal(counters_get(&world.counters, COUNTER_TAKEOVERS_RESTARTED), 1);
    meddler.assigns_nothing = false;
    sim_world_run(&world, 5 * SECOND);
    sim_world_kill(&world, 0);
    world.program = former;
    sim_world_start(&world, 0);
    listen_for(&world, 0, "1 shards are not evaluated here (0): they follow the rules two", &heard);
    sim_world_run(&world, 5 * SECOND);
    assert_int_equal(heard.count, 1);
    sim_world_free(&world);
}

/* The barrier is looked for in the changelog, where its report had no offset. */
static void reading_the_changelog_goes_on_where_it_was_while_nothing_has_come(void **state) {
    (void)state;
    struct sim_world world;
    begin(&world, 2);
    start_meddled(&world);
    world.workers[0].faults.reports_lack_offsets = true;
    meddler.reads_nothing = true;
    sim_world_run(&world, 10 * SECOND);
    assert_false(meddler.reads_nothing);
    assert_int_equal(counters_get(&world.counters, COUNTER_TAKEOVERS), 4);
    matches(&world);
    sim_world_free(&world);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_takeover_that_starts_again_keeps_nothing),
        cmocka_unit_test(reading_the_changelog_goes_on_where_it_was_while_nothing_has_come),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
