#include "engine/pipeline_internal.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_seed_internal.h"

/* ---- how often */

/* Half of the faults are not there at all, so that the others come through. */
static void draw_rate(struct sim_chance *chance, uint32_t *rate, uint32_t least, uint32_t most) {
    *rate = sim_one_in(chance, 2) ? 0 : least + sim_below(chance, most - least);
}

static void draw_trouble(struct sim_chance *chance, struct sim_trouble *trouble) {
    *trouble = (struct sim_trouble){.chance = chance};
    draw_rate(chance, &trouble->pending, 4, 60);
    draw_rate(chance, &trouble->failed, 20, 200);
    draw_rate(chance, &trouble->failed_done, 20, 200);
    draw_rate(chance, &trouble->dead, 100, 1500);
    draw_rate(chance, &trouble->end_lost, 3, 30);
    draw_rate(chance, &trouble->end_repeated, 3, 30);
    draw_rate(chance, &trouble->report_lost, 2, 30);
    draw_rate(chance, &trouble->library_error, 50, 500);
    draw_rate(chance, &trouble->deaf, 10, 300);
    draw_rate(chance, &trouble->hidden, 2, 10);
    trouble->late_ms_max = sim_one_in(chance, 2) ? 400 : 20000;
}

static void draw_weather(struct sim_chance *chance, struct weather *weather) {
    uint32_t *often[] = {&weather->kill,        &weather->start,      &weather->sleep,           &weather->expire,
                         &weather->leave,       &weather->store_back, &weather->store_down,      &weather->compaction,
                         &weather->live_events, &weather->memory,     &weather->input_compaction};
    uint32_t *seldom[] = {&weather->store_flush,  &weather->store_promotion, &weather->offsets_back,
                          &weather->offsets_gone, &weather->clock_jump,      &weather->reload,
                          &weather->library_error};
    for (size_t i = 0; i < sizeof often / sizeof often[0]; i++)
        draw_rate(chance, often[i], 20, 400);
    for (size_t i = 0; i < sizeof seldom / sizeof seldom[0]; i++)
        draw_rate(chance, seldom[i], 100, 1500);
    weather->start = 20 + sim_below(chance, 200); /* What was killed comes back some time. */
    if (sim_one_in(chance, 4))                    /* A shard goes to and fro. */
        weather->expire = 10 + sim_below(chance, 40);
}

void seed_draw_faults(struct world *world) {
    draw_trouble(&world->chance, &world->trouble);
    draw_weather(&world->chance, &world->weather);
}

/* ---- processes */

static struct sim_process *some_process(struct world *world, int *ret_number) {
    *ret_number = (int)sim_below(&world->chance, SIM_PROCESSES_MAX);
    return &world->processes.all[*ret_number];
}

void seed_start(struct world *world, int number, const struct sim_trouble *trouble) {
    struct sim_process *process = &world->processes.all[number];
    if (process->pipeline != NULL || number % SIM_INSTANCES_MAX >= (int)world->instances)
        return;
    struct sim_process *twin = &world->processes.all[(number + SIM_INSTANCES_MAX) % SIM_PROCESSES_MAX];
    if (twin->pipeline != NULL && !twin->asleep && !sim_one_in(&world->chance, 4))
        return; /* Two processes of one name are rare. */
    uint32_t program = sim_one_in(&world->chance, 8) ? sim_below(&world->chance, world->newest_program + 1)
                                                     : world->newest_program;
    if (!sim_process_start(&world->processes, number, &world->options, world->programs[program], trouble))
        return;
    struct sim_connection *connection = &process->worker.connection;
    if (trouble->chance == NULL)
        return;
    connection->delay_ms = world->delay_max_ms == 0 ? 0 : sim_below(&world->chance, (uint32_t)world->delay_max_ms);
    connection->chance = &world->chance;
    connection->cut_before = world->trouble.failed * 2;
    connection->cut_after = world->trouble.failed_done * 2;
}

static void trouble_processes(struct world *world) {
    struct sim_chance *chance = &world->chance;
    const struct weather *weather = &world->weather;
    int number;
    struct sim_process *process = some_process(world, &number);
    if (sim_one_in(chance, weather->start))
        seed_start(world, number, &world->trouble);
    if (process->pipeline == NULL)
        return;
    if (sim_one_in(chance, weather->kill)) {
        sim_process_kill(&world->processes, number);
        return;
    }
    if (sim_one_in(chance, process->asleep ? 40 : weather->sleep)) {
        process->asleep = !process->asleep;
        seed_tell(world, process->asleep ? "falls asleep: process" : "wakes up: process", number);
    }
    if (sim_one_in(chance, weather->expire)) {
        seed_tell(world, "a session ends: process", number);
        sim_group_expire(&world->kafka, number % SIM_INSTANCES_MAX, sim_below(chance, 80));
    }
    if (sim_one_in(chance, weather->leave) && !process->asleep) {
        seed_tell(world, "is asked to stop: process", number);
        pipeline_stop(process->pipeline);
    }
    if (sim_one_in(chance, weather->memory)) {
        seed_tell(world, "memory will be out", -1);
        sim_memory_fail(1 + sim_below(chance, 300), sim_one_in(chance, 2) ? 1 : 1000);
    }
}

/* ---- the store */

static void flush_store(struct world *world, int32_t some_shard) {
    bool all = sim_one_in(&world->chance, 2);
    seed_tell(world, "the store is flushed, shard", all ? -1 : some_shard);
    for (int32_t i = 0; i < world->kafka.partitions; i++) {
        if (!all && i != some_shard)
            continue;
        world->flushed[i].history = sim_redis_writes(&world->store, i);
        world->flushed[i].write = sim_redis_meta(&world->store, i).write;
    }
    if (all)
        sim_redis_flush_all(&world->store);
    else
        sim_redis_flush(&world->store, some_shard);
}

/* To before its last flush, and there to where it had seen as many writes as it has now: it is the claim alone by which
 * an owner can tell the two apart. False: there is no such place. */
static bool go_back_behind_flush(struct world *world, int32_t shard) {
    uint32_t history = world->flushed[shard].history;
    int64_t write = sim_redis_meta(&world->store, shard).write;
    if (history >= sim_redis_writes(&world->store, shard) || write < 0 || write > world->flushed[shard].write)
        return false;
    world->flushed[shard].write = OFFSET_NONE;
    seed_tell(world, "the store goes back behind its flush, shard", shard);
    do
        sim_redis_roll_back(&world->store, shard, history);
    while (history-- > 0 && sim_redis_meta(&world->store, shard).write != write);
    return true;
}

static void take_store_back(struct world *world, int32_t shard) {
    struct sim_chance *chance = &world->chance;
    if (sim_one_in(chance, 2) && go_back_behind_flush(world, shard))
        return;
    uint32_t writes = sim_redis_writes(&world->store, shard);
    uint32_t missing = sim_below(chance, sim_one_in(chance, 4) ? writes + 1 : 6);
    seed_tell(world, "the store goes back, shard", shard);
    sim_redis_roll_back(&world->store, shard, missing < writes ? writes - missing : 0);
}

static void trouble_the_store(struct world *world) {
    struct sim_chance *chance = &world->chance;
    const struct weather *weather = &world->weather;
    int32_t shard = (int32_t)sim_below(chance, (uint32_t)world->kafka.partitions);
    if (sim_one_in(chance, weather->store_flush))
        flush_store(world, shard);
    if (sim_one_in(chance, weather->store_back))
        take_store_back(world, shard);
    if (sim_one_in(chance, weather->store_promotion)) {
        uint32_t missing = sim_below(chance, 20);
        seed_tell(world, "a replica of the store is promoted that lacks", missing);
        sim_redis_promote(&world->store, missing);
    }
    bool serves = world->store.condition == SIM_REDIS_SERVES;
    if (sim_one_in(chance, serves ? weather->store_down : 60)) {
        enum sim_redis_condition condition =
            serves ? (enum sim_redis_condition)(1 + sim_below(chance, SIM_REDIS_CONDITIONS - 1)) : SIM_REDIS_SERVES;
        seed_tell(world, "the store's condition is", condition);
        sim_redis_set_condition(&world->store, condition);
    }
}

/* ---- Kafka */

/* Of the stream whose records say what is so: the others' say what happened, and their topics are not compacted. */
static void compact_input(struct world *world, int32_t shard) {
    struct sim_log *log = &world->kafka.inputs[STREAM_ACCOUNT][shard];
    bool tombstones_too = sim_one_in(&world->chance, 2);
    seed_tell(world,
              tombstones_too ? "an input is compacted, with its tombstones, partition"
                             : "an input is compacted, partition",
              shard);
    sim_log_compact(&world->kafka, log);
    if (tombstones_too)
        sim_log_drop_tombstones(&world->kafka, log);
}

static void trouble_kafka(struct world *world) {
    struct sim_chance *chance = &world->chance;
    int32_t shard = (int32_t)sim_below(chance, (uint32_t)world->kafka.partitions);
    if (sim_one_in(chance, world->weather.compaction)) {
        seed_tell(world, "the changelog is compacted, partition", shard);
        sim_log_compact(&world->kafka, &world->kafka.outputs[OUTPUT_CHANGELOG][shard]);
    }
    if (sim_one_in(chance, world->weather.input_compaction))
        compact_input(world, shard);
    bool gone = sim_one_in(chance, world->weather.offsets_gone);
    if (!gone && !sim_one_in(chance, world->weather.offsets_back))
        return;
    /* The brokers allow that only while the group has no members. */
    for (int i = 0; i < SIM_PROCESSES_MAX; i++)
        sim_process_kill(&world->processes, i);
    for (int i = 0; i < SIM_INSTANCES_MAX; i++)
        sim_group_leave(&world->kafka, i);
    seed_tell(world, gone ? "the group's offsets are gone, shard" : "the group's offsets are set back, shard", shard);
    bool all = sim_one_in(chance, 2);
    for (int i = 0; i < STREAMS; i++) {
        int64_t *committed = &world->kafka.committed[i][shard];
        if (*committed <= 0 || (!all && !sim_one_in(chance, 2)))
            continue;
        *committed = gone ? OFFSET_NONE : (int64_t)sim_below(chance, (uint32_t)*committed);
        sim_oracle_set_back(world->processes.oracle, (enum stream)i, shard);
    }
}

/* ---- rules and clocks */

static void trouble_rules_and_clocks(struct world *world) {
    struct sim_chance *chance = &world->chance;
    if (sim_one_in(chance, world->weather.clock_jump)) {
        int64_t jump_ms = ((int64_t)sim_below(chance, 120) - 60) * world->set->unit_ms / (1 + sim_below(chance, 20));
        seed_tell(world, "the clock jumps by", jump_ms);
        world->kafka.wall_ms += jump_ms;
    }
    if (!sim_one_in(chance, world->weather.reload))
        return;
    if (world->newest_program + 1 < SIM_RULES_OF_ONE)
        world->newest_program++;
    seed_tell(world, "other rules", world->newest_program);
    for (int i = 0; i < SIM_PROCESSES_MAX; i++)
        if (world->processes.all[i].pipeline != NULL && !sim_one_in(chance, 4))
            pipeline_reload(world->processes.all[i].pipeline, world->programs[world->newest_program]);
}

void seed_make_trouble(struct world *world) {
    trouble_processes(world);
    trouble_the_store(world);
    trouble_kafka(world);
    trouble_rules_and_clocks(world);
}
