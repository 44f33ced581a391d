/* The pipeline under random trouble from a seed: kills, zombies, lost answers, a store that goes away, back or is lost,
 * compaction, offsets that are reset. In the end a read_committed reader must see what `replay` says, and the store
 * must hold the changelog's state. `CHAOS_SEED=n` runs one seed and tells its story. */
#include "tests/sim/sim_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 150

static const char rules[] = "ruleset: chaos\n"
                            "clock: { tick: 1h, lateness: 0s }\n"
                            "streams: { login: { stall_after: 40h } }\n"
                            "dimensions:\n"
                            "  plan: { cases: [ { value_of: account.plan } ] }\n"
                            "  use:\n"
                            "    min_dwell: 5h\n"
                            "    cases:\n"
                            "      - { value: high, when: 'count(usage, 3d) > 2' }\n"
                            "      - { value: low }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 2d' }\n"
                            "  long_silent: { when: 'in_segment(silent)', for: 3d }\n";

static uint64_t chance_state;

static uint32_t chance(uint32_t below) {
    chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((chance_state >> 33) % below);
}

static void fill(struct sim_world *world) {
    int64_t end_ms = world->kafka.wall_ms - DAY;
    int accounts = 2 + (int)chance(15);
    for (int64_t at_ms = end_ms - 25 * DAY; at_ms < end_ms; at_ms += HOUR + chance(5 * HOUR)) {
        char account[16], id[32];
        snprintf(account, sizeof account, "a%d", (int)chance((uint32_t)accounts));
        snprintf(id, sizeof id, "e%lld", chance(10) == 0 ? 7LL : (long long)at_ms);
        uint32_t kind = chance(10);
        int64_t time_ms = chance(5) == 0 ? at_ms - chance(30 * HOUR) : at_ms;
        if (kind == 0)
            sim_world_event(world, STREAM_ACCOUNT, account, "", time_ms, chance(2) ? ",\"plan\":\"free\"" : "");
        else if (kind == 1 && chance(3) == 0)
            sim_world_tombstone(world, account, at_ms);
        else if (kind < 4)
            sim_world_event(world, STREAM_LOGIN, account, id, time_ms, "");
        else
            sim_world_event(world, STREAM_USAGE, account, id, time_ms, ",\"feature\":\"f\"");
        if (chance(30) == 0)
            sim_kafka_produce_marker(&world->kafka, STREAM_LOGIN, (int32_t)chance((uint32_t)world->kafka.partitions));
    }
}

static bool talks;

static void tell(const struct sim_world *world, const char *what, int which) {
    if (talks)
        fprintf(stderr, "         %8lld %s %d\n", (long long)world->kafka.monotonic_ms, what, which);
}

/* A worker that does not run now and may wake up later. */
static struct pipeline *sleeping[SIM_WORKERS_MAX];

static void trouble_a_worker(struct sim_world *world, int worker) {
    struct sim_faults *faults = &world->workers[worker].faults;
    switch (chance(7)) {
    case 0:
        tell(world, "dies soon:", worker);
        faults->dead_after = 1 + chance(30);
        break;
    case 1:
        tell(world, "commits without an answer:", worker);
        faults->commit_unknown_done = true;
        break;
    case 2:
        tell(world, "commit gets lost:", worker);
        faults->commit_unknown_undone = true;
        break;
    case 3:
        tell(world, "is not delivered:", worker);
        faults->flush_fails = true;
        break;
    case 4:
        tell(world, "commit waits:", worker);
        faults->commit_pending = chance(30);
        break;
    case 5:
        tell(world, "falls asleep and loses its session:", worker);
        sim_group_expire(&world->kafka, worker, chance(80));
        sleeping[worker] = world->pipelines[worker];
        world->pipelines[worker] = NULL;
        break;
    default:
        tell(world, "met an error of the library:", worker);
        world->workers[worker].troubles++;
    }
}

static void trouble_the_store(struct sim_world *world, uint32_t *marks) {
    int shard = (int)chance((uint32_t)world->kafka.partitions);
    switch (chance(6)) {
    case 0:
        tell(world, "store flushed:", shard);
        sim_redis_flush(&world->store, shard);
        break;
    case 1:
    case 2:
        tell(world, "store marked:", shard);
        marks[shard] = sim_redis_writes(&world->store, shard);
        break;
    case 3:
        tell(world, "store goes back:", shard);
        sim_redis_roll_back(&world->store, shard, marks[shard]);
        break;
    case 4:
        tell(world, "store away or back:", 0);
        sim_redis_set_condition(&world->store,
                                world->store.condition == SIM_REDIS_IS_DOWN ? SIM_REDIS_SERVES : SIM_REDIS_IS_DOWN);
        break;
    default:
        tell(world, "compaction:", shard);
        sim_log_compact(&world->kafka, &world->kafka.outputs[OUTPUT_CHANGELOG][shard]);
    }
}

static void trouble(struct sim_world *world, uint32_t *marks) {
    int worker = (int)chance(3);
    if (chance(3) == 0) {
        trouble_the_store(world, marks);
    } else if (sleeping[worker] != NULL) {
        tell(world, "wakes up:", worker);
        world->pipelines[worker] = sleeping[worker];
        sleeping[worker] = NULL;
    } else if (world->pipelines[worker] == NULL) {
        tell(world, "starts:", worker);
        sim_world_start(world, worker);
        world->workers[worker].faults.reports_lack_offsets = chance(4) == 0;
        world->workers[worker].connection.delay_ms = chance(2) ? 0 : chance(300);
    } else {
        trouble_a_worker(world, worker);
    }
}

static void turn(struct sim_world *world) {
    struct error error = {0};
    if (!sim_world_turn(world, &error) && error.text[0] != 0) {
        tell(world, error.text, -1);
        assert_non_null(strstr(error.text, "killed"));
    }
    sim_kafka_pass(&world->kafka, 1);
}

static void run_seed(uint64_t seed) {
    struct sim_world world;
    uint32_t marks[SIM_PARTITIONS_MAX] = {0};
    chance_state = seed * 2654435761u + 1;
    sim_world_init(&world, rules, 1 + (int32_t)chance(4));
    world.options.commit_bytes_max = 500 + chance(8000);
    world.options.memory_bytes_max = 2000 + chance(8000);
    fill(&world);
    for (int i = 0; i < 40; i++) {
        trouble(&world, marks);
        for (uint32_t j = chance(60); j > 0; j--)
            turn(&world);
    }
    tell(&world, "the trouble is over", 0);
    sim_redis_set_condition(&world.store, SIM_REDIS_SERVES);
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        if (sleeping[i] != NULL)
            world.pipelines[i] = sleeping[i];
        sleeping[i] = NULL;
        world.workers[i].faults = (struct sim_faults){0};
        world.workers[i].connection.delay_ms = 0;
    }
    if (world.pipelines[0] == NULL)
        sim_world_start(&world, 0);
    for (int64_t until_ms = world.kafka.monotonic_ms + 90 * SECOND; world.kafka.monotonic_ms < until_ms;)
        turn(&world);
    sim_world_matches_replay(&world);
    sim_world_store_matches_changelog(&world);
    sim_world_free(&world);
}

static void nothing_is_lost_doubled_or_wrong(void **state) {
    (void)state;
    const char *seed = getenv("CHAOS_SEED"), *seeds = getenv("CHAOS_SEEDS");
    talks = seed != NULL;
    if (seed != NULL) {
        run_seed(strtoull(seed, NULL, 10));
        return;
    }
    uint64_t count = seeds != NULL ? strtoull(seeds, NULL, 10) : SEEDS;
    for (uint64_t i = 1; i <= count; i++) {
        if (seeds != NULL)
            fprintf(stderr, "seed %llu\n", (unsigned long long)i);
        run_seed(i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_doubled_or_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
