#include <assert.h>
#include <string.h>

#include "base/planted.h"
#include "config/yaml.h"
#include "engine/core/rules/rules.h"
#include "engine/pipeline_internal.h"
#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_seed_internal.h"
#include "tests/sim/sim_violation.h"

#define QUIET_MS     (12 * SECOND) /* an idle owner looks after its store every 5 s */
#define CATCH_UP_MS  (300 * SECOND)
#define TURNS_MAX    400000
#define CHANCE_START UINT64_C(0xB5297A4D)

void seed_tell(struct world *world, const char *what, int64_t one) {
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
        .memory_bytes_max = sim_one_in(chance, 2) ? 1 << 30
                                                  : 1000 + sim_below(chance, sim_one_in(chance, 2) ? 2000 : 20000),
        .live_from_ms = sim_one_in(chance, 2) ? INSTANT_NONE : SIM_WALL_MS - 5 * world->set->unit_ms,
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
    world->delay_max_ms = sim_one_in(chance, 2) ? 0 : 1 + sim_below(chance, sim_one_in(chance, 2) ? 300 : 2000);
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
    sim_kafka_init(&world->kafka, partitions, streams, SIM_WALL_MS);
    sim_redis_init(&world->store, &world->kafka.monotonic_ms);
    draw_options(world, partitions);
    seed_draw_faults(world);
    world->disorder_ms = sim_one_in(chance, 2) ? 100 : 10000;
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
        sim_events_fill(&world->events, SIM_WALL_MS - (int64_t)(50 + sim_below(chance, 500)) * world->set->unit_ms,
                        SIM_WALL_MS - (int64_t)sim_below(chance, 30) * world->set->unit_ms,
                        10 + sim_below(chance, 250));
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

/* ---- the run */

static void produce(struct world *world) {
    if (!sim_one_in(&world->chance, world->weather.live_events))
        return;
    uint32_t count = 1 + sim_below(&world->chance, 6);
    seed_tell(world, "events come", count);
    for (uint32_t i = 0; i < count; i++)
        sim_events_produce(&world->events, world->kafka.wall_ms - sim_below(&world->chance, world->disorder_ms));
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
        seed_start(world, (int)i, &world->trouble);
    for (uint32_t i = 0; i < turns; i++) {
        seed_make_trouble(world);
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
    seed_tell(world, "the trouble is over", -1);
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
    if (process->pipeline->slab.bytes_used > world->options.memory_bytes_max && !PLANTED(shard_kept))
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
