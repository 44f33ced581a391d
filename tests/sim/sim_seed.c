#include "tests/sim/sim_seed.h"

#include <assert.h>
#include <string.h>

#include "config/yaml.h"
#include "engine/core/rules/rules.h"
#include "engine/pipeline_internal.h"
#include "tests/sim/sim_events.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_process.h"
#include "tests/sim/sim_rules.h"
#include "tests/sim/sim_violation.h"

#define WALL_MS      (INT64_C(1767225600) * 1000) /* 2026-01-01 */
#define QUIET_MS     (12 * SECOND)                /* an idle owner looks after its store every 5 s */
#define CATCH_UP_MS  (300 * SECOND)
#define TURNS_MAX    400000
#define CHANCE_START UINT64_C(0xB5297A4D)

/* What happens to the world, each once in so many steps; 0: never. */
struct weather {
    uint32_t kill, start, sleep, expire, leave;
    uint32_t store_flush, store_back, store_promotion, store_down;
    uint32_t compaction, offsets_back, offsets_gone;
    uint32_t clock_jump, memory, reload, live_events, library_error;
};

struct world {
    struct sim_chance chance;
    struct sim_story story;
    struct sim_kafka kafka;
    struct sim_redis store;
    struct sim_processes processes;
    struct sim_events events;
    struct arena arena; /* of the rules */
    const struct sim_rule_set *set;
    const struct program *programs[SIM_RULES_OF_ONE];
    uint32_t newest_program;
    struct pipeline_options options;
    struct sim_trouble trouble;
    struct weather weather;
    int64_t delay_max_ms; /* of the store's answers */
    uint32_t instances;
    uint64_t turns;
};

static void tell(struct world *world, const char *what, int64_t one) {
    sim_story_add(&world->story, world->kafka.monotonic_ms, -1, what, one, -1, NULL);
}

/* ---- what the seed decides */

static const struct program *compile(struct world *world, const char *rules) {
    struct document document;
    struct error error = {0};
    struct problems problems = {0};
    const struct program *program;
    if (yaml_read_text(text_of(rules), TEXT("rules.yaml"), &world->arena, &document, &error) != RESULT_OK ||
        rules_compile(&document, &world->arena, &program, &problems) != RESULT_OK)
        sim_violation("the simulator's rules are valid", "%s",
                      problems.count > 0 ? problems.items[0].message.data : error.text);
    return program;
}

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
    uint32_t *often[] = {&weather->kill,        &weather->start,      &weather->sleep,      &weather->expire,
                         &weather->leave,       &weather->store_back, &weather->store_down, &weather->compaction,
                         &weather->live_events, &weather->memory};
    uint32_t *seldom[] = {&weather->store_flush,  &weather->store_promotion, &weather->offsets_back,
                          &weather->offsets_gone, &weather->clock_jump,      &weather->reload,
                          &weather->library_error};
    for (size_t i = 0; i < sizeof often / sizeof often[0]; i++)
        draw_rate(chance, often[i], 20, 400);
    for (size_t i = 0; i < sizeof seldom / sizeof seldom[0]; i++)
        draw_rate(chance, seldom[i], 100, 1500);
    weather->start = 20 + sim_below(chance, 200); /* What was killed comes back some time. */
}

static void draw_options(struct world *world, int32_t partitions) {
    struct sim_chance *chance = &world->chance;
    int64_t transaction_ms = sim_one_in(chance, 2) ? 15000 : 1000 + sim_below(chance, 5000);
    world->options = (struct pipeline_options){
        .cluster_id = TEXT("sim"),
        .group = TEXT("sim"),
        .partitions = partitions,
        .streams = 1u << STREAM_ACCOUNT | 1u << STREAM_LOGIN | 1u << STREAM_USAGE,
        .partitioner = PARTITIONER_MURMUR2,
        .record_bytes_max = sim_one_in(chance, 8) ? 150 : 1 << 20,
        .account_bytes_max = sim_one_in(chance, 8) ? 1200 + sim_below(chance, 2000) : 512 * 1024,
        .memory_bytes_max = sim_one_in(chance, 2) ? 1 << 30 : 2000 + sim_below(chance, 20000),
        .live_from_ms = sim_one_in(chance, 2) ? INSTANT_NONE : WALL_MS - 5 * world->set->unit_ms,
        .merge_wait_max_ms = 30000,
        .commit_interval_ms = 10 + sim_below(chance, 400),
        .commit_interval_max_ms = 200 + sim_below(chance, 10000),
        .commit_bytes_max = sim_one_in(chance, 3) ? 64 << 20 : 500 + sim_below(chance, 20000),
        .transaction_timeout_ms = transaction_ms,
        .end_slow_ms = 1000,
        .reactivate_rules = sim_one_in(chance, 6),
        .records_only = sim_one_in(chance, 6)};
    world->kafka.transaction_timeout_ms = transaction_ms;
    world->kafka.session_timeout_ms = transaction_ms / 2 + sim_below(chance, 2 * (uint32_t)transaction_ms);
    world->kafka.marker_delay_max_ms = sim_one_in(chance, 2) ? 0 : 1 + sim_below(chance, 300);
    world->delay_max_ms = sim_one_in(chance, 2) ? 0 : 1 + sim_below(chance, 300);
}

/* The store was written to. */
static void stored(void *context, int32_t shard, const struct store_write *write) {
    const struct world *world = context;
    sim_oracle_stored(world->processes.oracle, shard, write, &world->store);
}

static void create(struct world *world, uint64_t seed, FILE *aloud) {
    *world = (struct world){.chance = {seed * CHANCE_START + 1}, .story = {.hash = seed, .aloud = aloud}};
    struct sim_chance *chance = &world->chance;
    int32_t partitions = 1 + (int32_t)sim_below(chance, sim_one_in(chance, 4) ? SIM_PARTITIONS_MAX : 3);
    sim_violation_about(seed, &world->story);
    world->set = &sim_rule_sets[sim_below(chance, SIM_RULE_SETS)];
    for (int i = 0; i < SIM_RULES_OF_ONE; i++)
        world->programs[i] = compile(world, world->set->rules[i]);
    uint32_t streams = 1u << STREAM_ACCOUNT | 1u << STREAM_LOGIN | 1u << STREAM_USAGE;
    sim_kafka_init(&world->kafka, partitions, streams, WALL_MS);
    sim_redis_init(&world->store, &world->kafka.monotonic_ms);
    draw_options(world, partitions);
    draw_trouble(chance, &world->trouble);
    draw_weather(chance, &world->weather);
    world->instances = 1 + sim_below(chance, SIM_INSTANCES_MAX);
    world->kafka.chance = chance;
    world->processes = (struct sim_processes){
        .kafka = &world->kafka,
        .store = &world->store,
        .story = &world->story,
        .oracle = sim_oracle_create(&world->kafka, &world->options),
    };
    world->kafka.observer = (struct sim_observer){&world->processes, sim_watch_committed, sim_watch_forget};
    world->store.watcher = (struct sim_redis_watcher){world, stored};
    sim_watch(&world->processes);
    sim_events_draw(&world->events, chance, &world->kafka, world->set->unit_ms);
    if (!sim_one_in(chance, 5))
        sim_events_fill(&world->events, WALL_MS - (int64_t)(50 + sim_below(chance, 500)) * world->set->unit_ms,
                        WALL_MS - (int64_t)sim_below(chance, 30) * world->set->unit_ms, 10 + sim_below(chance, 250));
}

static void destroy(struct world *world) {
    sim_memory_fail(0, 0);
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        sim_process_kill(&world->processes, i);
        for (int j = 0; j < SIM_PARTITIONS_MAX; j++)
            sim_ops_free(&world->processes.all[i].ops[j]);
    }
    sim_watch(NULL);
    sim_oracle_free(world->processes.oracle);
    sim_redis_free(&world->store);
    sim_kafka_free(&world->kafka);
    arena_free(&world->arena);
}

/* ---- faults of the world */

static struct sim_process *some_process(struct world *world, int *ret_number) {
    *ret_number = (int)sim_below(&world->chance, SIM_PROCESSES_MAX);
    return &world->processes.all[*ret_number];
}

static void start(struct world *world, int number, const struct sim_trouble *trouble) {
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

static void trouble_the_store(struct world *world) {
    struct sim_chance *chance = &world->chance;
    const struct weather *weather = &world->weather;
    int32_t partitions = world->kafka.partitions, shard = (int32_t)sim_below(chance, (uint32_t)partitions);
    if (sim_one_in(chance, weather->store_flush)) {
        bool all = sim_one_in(chance, 2);
        tell(world, "the store is flushed, shard", all ? -1 : shard);
        if (all)
            sim_redis_flush_all(&world->store);
        else
            sim_redis_flush(&world->store, shard);
    }
    if (sim_one_in(chance, weather->store_back)) {
        uint32_t writes = sim_redis_writes(&world->store, shard);
        uint32_t missing = sim_below(chance, sim_one_in(chance, 4) ? writes + 1 : 6);
        tell(world, "the store goes back, shard", shard);
        sim_redis_roll_back(&world->store, shard, missing < writes ? writes - missing : 0);
    }
    if (sim_one_in(chance, weather->store_promotion)) {
        uint32_t missing = sim_below(chance, 20);
        tell(world, "a replica of the store is promoted that lacks", missing);
        sim_redis_promote(&world->store, missing);
    }
    bool serves = world->store.condition == SIM_REDIS_SERVES;
    if (sim_one_in(chance, serves ? weather->store_down : 60)) {
        enum sim_redis_condition condition =
            serves ? (enum sim_redis_condition)(1 + sim_below(chance, SIM_REDIS_CONDITIONS - 1)) : SIM_REDIS_SERVES;
        tell(world, "the store's condition is", condition);
        sim_redis_set_condition(&world->store, condition);
    }
}

static void trouble_kafka(struct world *world) {
    struct sim_chance *chance = &world->chance;
    int32_t shard = (int32_t)sim_below(chance, (uint32_t)world->kafka.partitions);
    if (sim_one_in(chance, world->weather.compaction)) {
        tell(world, "the changelog is compacted, partition", shard);
        sim_log_compact(&world->kafka, &world->kafka.outputs[OUTPUT_CHANGELOG][shard]);
    }
    bool gone = sim_one_in(chance, world->weather.offsets_gone);
    if (!gone && !sim_one_in(chance, world->weather.offsets_back))
        return;
    /* The brokers allow that only while the group has no members. */
    for (int i = 0; i < SIM_PROCESSES_MAX; i++)
        sim_process_kill(&world->processes, i);
    for (int i = 0; i < SIM_INSTANCES_MAX; i++)
        sim_group_leave(&world->kafka, i);
    tell(world, gone ? "the group's offsets are gone, shard" : "the group's offsets are set back, shard", shard);
    bool all = sim_one_in(chance, 2);
    for (int i = 0; i < STREAMS; i++) {
        int64_t *committed = &world->kafka.committed[i][shard];
        if (*committed <= 0 || (!all && !sim_one_in(chance, 2)))
            continue;
        *committed = gone ? OFFSET_NONE : (int64_t)sim_below(chance, (uint32_t)*committed);
        sim_oracle_set_back(world->processes.oracle, (enum stream)i, shard);
    }
}

static void trouble_processes(struct world *world) {
    struct sim_chance *chance = &world->chance;
    const struct weather *weather = &world->weather;
    int number;
    struct sim_process *process = some_process(world, &number);
    if (sim_one_in(chance, weather->start))
        start(world, number, &world->trouble);
    if (process->pipeline == NULL)
        return;
    if (sim_one_in(chance, weather->kill)) {
        sim_process_kill(&world->processes, number);
        return;
    }
    if (sim_one_in(chance, process->asleep ? 40 : weather->sleep)) {
        process->asleep = !process->asleep;
        tell(world, process->asleep ? "falls asleep: process" : "wakes up: process", number);
    }
    if (sim_one_in(chance, weather->expire)) {
        tell(world, "a session ends: process", number);
        sim_group_expire(&world->kafka, number % SIM_INSTANCES_MAX, sim_below(chance, 80));
    }
    if (sim_one_in(chance, weather->leave) && !process->asleep) {
        tell(world, "is asked to stop: process", number);
        pipeline_stop(process->pipeline);
    }
    if (sim_one_in(chance, weather->memory)) {
        tell(world, "memory will be out", -1);
        sim_memory_fail(1 + sim_below(chance, 300), sim_one_in(chance, 2) ? 1 : 1000);
    }
}

static void trouble_rules_and_clocks(struct world *world) {
    struct sim_chance *chance = &world->chance;
    if (sim_one_in(chance, world->weather.clock_jump)) {
        int64_t jump_ms = ((int64_t)sim_below(chance, 120) - 60) * world->set->unit_ms / (1 + sim_below(chance, 20));
        tell(world, "the clock jumps by", jump_ms);
        world->kafka.wall_ms += jump_ms;
    }
    if (!sim_one_in(chance, world->weather.reload))
        return;
    if (world->newest_program + 1 < SIM_RULES_OF_ONE)
        world->newest_program++;
    tell(world, "other rules", world->newest_program);
    for (int i = 0; i < SIM_PROCESSES_MAX; i++)
        if (world->processes.all[i].pipeline != NULL && !sim_one_in(chance, 4))
            pipeline_reload(world->processes.all[i].pipeline, world->programs[world->newest_program]);
}

/* ---- the run */

static void produce(struct world *world) {
    if (!sim_one_in(&world->chance, world->weather.live_events))
        return;
    uint32_t count = 1 + sim_below(&world->chance, 6);
    tell(world, "events come", count);
    for (uint32_t i = 0; i < count; i++)
        sim_events_produce(&world->events, world->kafka.wall_ms - sim_below(&world->chance, 100));
}

static void turn(struct world *world) {
    uint32_t first = sim_below(&world->chance, SIM_PROCESSES_MAX);
    for (uint32_t i = 0; i < SIM_PROCESSES_MAX; i++)
        sim_process_turn(&world->processes, (int)((first + i) % SIM_PROCESSES_MAX));
    sim_kafka_pass(&world->kafka, 1);
    world->turns++;
}

static void run_with_faults(struct world *world) {
    uint32_t turns = 200 + sim_below(&world->chance, 3000);
    for (uint32_t i = 0; i < world->instances; i++)
        start(world, (int)i, &world->trouble);
    for (uint32_t i = 0; i < turns; i++) {
        trouble_processes(world);
        trouble_the_store(world);
        trouble_kafka(world);
        trouble_rules_and_clocks(world);
        produce(world);
        turn(world);
    }
}

static bool follows(const struct pipeline *pipeline, const struct program *program) {
    if (pipeline == NULL || pipeline->program != program)
        return false;
    for (uint32_t i = 0; i < pipeline->held_count; i++)
        if (pipeline->held[i].held_back)
            return false;
    return true;
}

/* Everybody is well from now on: what sleeps wakes up, who has old rules is started anew. */
static void end_faults(struct world *world) {
    static const struct sim_trouble none;
    tell(world, "the trouble is over", -1);
    sim_redis_set_condition(&world->store, SIM_REDIS_SERVES);
    sim_memory_fail(0, 0);
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        struct sim_process *process = &world->processes.all[i];
        process->asleep = false;
        process->worker.trouble = none;
        process->worker.connection.chance = NULL;
        process->worker.connection.delay_ms = 0;
        if (!follows(process->pipeline, world->programs[world->newest_program]))
            sim_process_kill(&world->processes, i);
        else
            process->pipeline->options.reactivate_rules = true;
    }
    world->options.reactivate_rules = true; /* Shards may have followed the rules in another order. */
}

static bool everything_is_consumed(const struct world *world) {
    const struct sim_kafka *kafka = &world->kafka;
    for (int i = 0; i < STREAMS; i++)
        for (int32_t j = 0; j < kafka->partitions; j++)
            if ((kafka->streams >> i & 1) != 0 &&
                (kafka->committed[i][j] == OFFSET_NONE ||
                 sim_log_next(kafka, &kafka->inputs[i][j], kafka->committed[i][j]) != NULL))
                return false;
    return true;
}

static bool is_idle(const struct pipeline *pipeline) {
    if (pipeline->mode != MODE_RUNNING || transaction_is_running(&pipeline->transaction) || !commit_is_empty(pipeline))
        return pipeline->mode == MODE_WAITING && pipeline->membership != NULL && pipeline->held_count == 0;
    for (uint32_t i = 0; i < pipeline->held_count; i++) {
        const struct held_shard *held = &pipeline->held[i];
        if (held->behind.count > 0 || held->loads > 0 || held->paging || !held->claimed ||
            shard_ticks_pending(held->shard))
            return false;
    }
    return true;
}

static bool is_quiet(const struct world *world) {
    uint32_t shards = 0;
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        const struct sim_process *process = &world->processes.all[i];
        if (process->pipeline == NULL)
            continue;
        if (!is_idle(process->pipeline))
            return false;
        shards += process->pipeline->held_count;
    }
    for (int i = 0; i < SIM_WORKERS_MAX; i++)
        if (world->kafka.producer_transactions[i] != 0)
            return false;
    return shards == (uint32_t)world->kafka.partitions && !world->kafka.rebalancing && everything_is_consumed(world);
}

static void restart_the_dead(struct world *world) {
    static const struct sim_trouble none;
    for (uint32_t i = 0; i < world->instances; i++)
        if (world->processes.all[i].pipeline == NULL && world->processes.all[i + SIM_INSTANCES_MAX].pipeline == NULL)
            sim_process_start(&world->processes, (int)i, &world->options, world->programs[world->newest_program],
                              &none);
}

static _Noreturn void complain_of_unrest(const struct world *world) {
    char what[2048];
    size_t length = 0;
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        const struct pipeline *pipeline = world->processes.all[i].pipeline;
        for (uint32_t j = 0; pipeline != NULL && j < pipeline->held_count && length < sizeof what - 256; j++) {
            const struct held_shard *held = &pipeline->held[j];
            length += (size_t)snprintf(what + length, sizeof what - length,
                                       "\nprocess %d shard %d: mode %d, %u commits behind, %u loads, paging %d, "
                                       "claimed %d, running %d, to commit %d, rules to come %d",
                                       i, held->number, (int)pipeline->mode, held->behind.count, held->loads,
                                       held->paging, held->claimed, held->running, !commit_is_empty(pipeline),
                                       pipeline->next_program != NULL);
        }
    }
    sim_violation("once faults stop, lag goes to zero", "The processes do not come to rest.%s", what);
}

static void catch_up(struct world *world) {
    int64_t begun_ms = world->kafka.monotonic_ms;
    while (world->kafka.monotonic_ms < begun_ms + QUIET_MS || !is_quiet(world)) {
        restart_the_dead(world);
        turn(world);
        if (world->kafka.monotonic_ms - begun_ms > CATCH_UP_MS || world->turns > TURNS_MAX) {
            complain_of_unrest(world);
        }
    }
}

/* At rest every account can leave memory, down to the bound. */
static void check_memory(const struct world *world, const struct sim_process *process) {
    if (process->pipeline->slab.bytes_used > world->options.memory_bytes_max)
        sim_violation("memory is bounded", "States take %zu bytes; %zu are allowed.",
                      process->pipeline->slab.bytes_used, world->options.memory_bytes_max);
}

static void compare(struct world *world) {
    for (int i = 0; i < SIM_PROCESSES_MAX; i++) {
        struct sim_process *process = &world->processes.all[i];
        if (process->pipeline == NULL)
            continue;
        check_memory(world, process);
        for (int32_t j = 0; j < world->kafka.partitions; j++)
            sim_oracle_finish(world->processes.oracle, j, &process->ops[j]);
    }
    sim_oracle_compare_offsets(world->processes.oracle);
    sim_oracle_compare_store(world->processes.oracle, &world->store);
}

void sim_seed_run(uint64_t seed, FILE *aloud, struct sim_seed_result *ret_result) {
    static struct world world;
    create(&world, seed, aloud);
    run_with_faults(&world);
    end_faults(&world);
    catch_up(&world);
    compare(&world);
    *ret_result = (struct sim_seed_result){.story_hash = world.story.hash,
                                           .steps = world.story.count,
                                           .changes = sim_oracle_changes(world.processes.oracle),
                                           .turns = world.turns,
                                           .simulated_ms = world.kafka.monotonic_ms};
    destroy(&world);
}
