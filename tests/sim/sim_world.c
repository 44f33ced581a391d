#include "tests/sim/sim_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"
#include "engine/changelog_record.h"
#include "engine/core/rules/rules.h"
#include "producer/change_json.h"
#include "tests/sim/sim_memory.h"

#define TURNS_MAX 200000
#define WALL_MS   (INT64_C(1767225600) * 1000) /* 2026-01-01 */

static _Noreturn void fail(const char *what, const char *detail) {
    fprintf(stderr, "%s: %s\n", what, detail);
    abort();
}

const struct program *sim_world_rules(struct sim_world *world, const char *rules) {
    struct document document;
    struct error error;
    struct problems problems = {0};
    const struct program *program;
    if (yaml_read_text(text_of(rules), TEXT("rules.yaml"), &world->arena, &document, &error) != RESULT_OK)
        fail("rules", error.text);
    if (rules_compile(&document, &world->arena, &program, &problems) != RESULT_OK)
        fail("rules", problems.count > 0 ? problems.items[0].message.data : "memory is out");
    return program;
}

void sim_world_init(struct sim_world *world, const char *rules, int32_t partitions) {
    *world = (struct sim_world){0};
    uint32_t streams = 1u << STREAM_ACCOUNT | 1u << STREAM_LOGIN | 1u << STREAM_USAGE;
    sim_kafka_init(&world->kafka, partitions, streams, WALL_MS);
    sim_redis_init(&world->store, &world->kafka.monotonic_ms);
    world->program = sim_world_rules(world, rules);
    world->options = (struct pipeline_options){.cluster_id = TEXT("sim"),
                                               .group = TEXT("sim"),
                                               .partitions = partitions,
                                               .streams = streams,
                                               .partitioner = PARTITIONER_MURMUR2,
                                               .record_bytes_max = 1 << 20,
                                               .account_bytes_max = 512 * 1024,
                                               .memory_bytes_max = 1 << 30,
                                               .live_from_ms = INSTANT_NONE,
                                               .merge_wait_max_ms = 30000,
                                               .commit_interval_ms = 200,
                                               .commit_interval_max_ms = 10000,
                                               .commit_bytes_max = 64 << 20,
                                               .transaction_timeout_ms = 15000,
                                               .end_slow_ms = 1000};
}

static void stop_worker(struct sim_world *world, int worker) {
    if (world->pipelines[worker] == NULL)
        return;
    pipeline_free(world->pipelines[worker]);
    world->pipelines[worker] = NULL;
    assert(world->workers[worker].borrowed == 0);
    sim_worker_free(&world->workers[worker]);
}

void sim_world_free(struct sim_world *world) {
    for (int i = 0; i < SIM_WORKERS_MAX; i++)
        stop_worker(world, i);
    sim_redis_free(&world->store);
    sim_kafka_free(&world->kafka);
    arena_free(&world->arena);
}

/* ---- events */

void sim_world_event(struct sim_world *world, enum stream stream, const char *account, const char *event_id,
                     int64_t time_ms, const char *fields) {
    char line[1024];
    const char *stream_name = stream_schemas[stream].name.data;
    if (stream == STREAM_ACCOUNT)
        snprintf(line, sizeof line, "{\"stream\":\"%s\",\"account_id\":\"%s\",\"updated_at\":%lld%s}", stream_name,
                 account, (long long)time_ms, fields);
    else
        snprintf(
            line, sizeof line,
            "{\"stream\":\"%s\",\"event_id\":\"%s\",\"account_id\":\"%s\",\"user_id\":\"u\",\"occurred_at\":%lld%s}",
            stream_name, event_id, account, (long long)time_ms, fields);
    int32_t partition = partitioner_partition(PARTITIONER_MURMUR2, text_of(account), world->kafka.partitions);
    sim_kafka_produce(&world->kafka, stream, partition, time_ms, text_of(account), text_of(line));
}

void sim_world_tombstone(struct sim_world *world, const char *account, int64_t time_ms) {
    int32_t partition = partitioner_partition(PARTITIONER_MURMUR2, text_of(account), world->kafka.partitions);
    sim_kafka_produce(&world->kafka, STREAM_ACCOUNT, partition, time_ms, text_of(account), TEXT_MISSING);
}

/* ---- processes */

void sim_world_start(struct sim_world *world, int worker) {
    struct error error;
    sim_worker_init(&world->workers[worker], &world->kafka, &world->store, worker);
    if (pipeline_create(&world->options, &world->workers[worker].ports, world->program, &world->counters, world->board,
                        &world->pipelines[worker], &error) != RESULT_OK)
        fail("pipeline_create", error.text);
    world->workers[worker].member_id = sim_group_join(&world->kafka, worker);
}

void sim_world_kill(struct sim_world *world, int worker) {
    world->workers[worker].dead = true;
    stop_worker(world, worker);
    sim_group_leave(&world->kafka, worker);
}

bool sim_world_turn(struct sim_world *world, struct error *ret_error) {
    bool all = true;
    for (int i = 0; i < SIM_WORKERS_MAX; i++) {
        if (world->pipelines[i] == NULL)
            continue;
        struct error error = {0};
        enum pipeline_progress progress = pipeline_turn(world->pipelines[i], &error);
        if (progress == PIPELINE_RUNNING)
            continue;
        if (progress == PIPELINE_FAILED)
            *ret_error = error;
        stop_worker(world, i);
        sim_group_leave(&world->kafka, i);
        all = false;
    }
    return all;
}

static void turn(struct sim_world *world) {
    struct error error = {0};
    if (!sim_world_turn(world, &error) && error.text[0] != 0)
        fail("a worker failed", error.text);
    sim_kafka_pass(&world->kafka, 1);
}

void sim_world_finish(struct sim_world *world, int worker) {
    for (int i = 0; world->pipelines[worker] != NULL; i++) {
        if (i == TURNS_MAX)
            fail("sim_world_finish", world->workers[worker].last_log);
        turn(world);
    }
}

void sim_world_run(struct sim_world *world, int64_t duration_ms) {
    int64_t until_ms = world->kafka.monotonic_ms + duration_ms;
    while (world->kafka.monotonic_ms < until_ms)
        turn(world);
}

/* ---- what came out */

static int by_text(const void *left, const void *right) {
    return text_compare(*(const struct text *)left, *(const struct text *)right);
}

static void write_sorted(struct text *lines, uint32_t count, struct buffer *out) {
    if (count > 0)
        qsort(lines, count, sizeof *lines, by_text);
    for (uint32_t i = 0; i < count; i++) {
        buffer_put_text(out, lines[i]);
        buffer_put_u8(out, '\n');
    }
}

void sim_world_read(const struct sim_world *world, enum output output, struct buffer *out) {
    uint32_t count = 0;
    const struct sim_log *log = &world->kafka.outputs[output][0];
    struct text *lines = calloc(log->count + 1, sizeof *lines);
    assert(lines != NULL);
    const struct sim_record *record = NULL;
    for (int64_t offset = 0; (record = sim_log_next(&world->kafka, log, offset)) != NULL; offset = record->offset + 1)
        lines[count++] = text_is_missing(record->value) ? record->key : record->value;
    write_sorted(lines, count, out);
    free(lines);
}

struct expected {
    struct arena arena;
    struct text *lines;
    uint32_t count, capacity;
    struct buffer scratch;
};

static enum result expect(void *context, const struct change *changes, uint32_t count, const struct status *status,
                          struct error *error) {
    struct expected *expected = context;
    (void)status;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        expected->lines = sim_grown(expected->lines, expected->count, &expected->capacity, sizeof *expected->lines);
        buffer_clear(&expected->scratch);
        change_write_json(&changes[i], NULL, &expected->scratch);
        expected->lines[expected->count++] = arena_text(&expected->arena, buffer_text(&expected->scratch));
    }
    return RESULT_OK;
}

/* The next record of the partition in the order of the merge. */
static const struct sim_record *next_of(const struct sim_world *world, int32_t partition, int64_t offsets[STREAMS],
                                        enum stream *ret_stream) {
    const struct sim_record *first = NULL;
    for (int i = 0; i < STREAMS; i++) {
        const struct sim_record *record = sim_log_next(&world->kafka, &world->kafka.inputs[i][partition], offsets[i]);
        if (record != NULL && (first == NULL || record->timestamp_ms < first->timestamp_ms)) {
            first = record;
            *ret_stream = (enum stream)i;
        }
    }
    if (first != NULL)
        offsets[*ret_stream] = first->offset + 1;
    return first;
}

/* Each shard on its own, as its watermark is. */
static void replay_partition(struct sim_world *world, int32_t partition, struct expected *expected) {
    struct error error;
    struct replay *replay;
    struct replay_options options = {.live_from_ms = world->options.live_from_ms, .visit_every_tick = true};
    struct shard_output output = {expected, expect};
    struct sim_worker worker;
    sim_worker_init(&worker, &world->kafka, &world->store, SIM_WORKERS_MAX - 1);
    enum result result = replay_create(world->program, &options, &output, NULL, &replay, &error);
    assert(result == RESULT_OK);
    int64_t offsets[STREAMS] = {0};
    enum stream stream;
    const struct sim_record *record;
    while ((record = next_of(world, partition, offsets, &stream)) != NULL) {
        struct message message = {stream,        partition, record->offset, record->timestamp_ms, record->key,
                                  record->value, NULL};
        struct event event;
        struct rejection rejection;
        if (worker.decoder.decode(worker.decoder.context, &message, &event, &rejection, &error) == RESULT_OK)
            result = replay_record(replay, &event, record->timestamp_ms, &rejection, &error);
        assert(result == RESULT_OK || result == RESULT_REJECT);
    }
    if (!world->options.until_end) {
        result = replay_until(replay, world->kafka.wall_ms, &error);
        assert(result == RESULT_OK);
    }
    replay_free(replay);
    sim_worker_free(&worker);
}

static void print_line(const char *name, const struct buffer *lines, size_t begin) {
    size_t end = begin;
    while (end < lines->size && lines->data[end] != '\n')
        end++;
    fprintf(stderr, "%s: %.*s\n", name, (int)(end - begin), (const char *)lines->data + begin);
}

/* Fails with the first line that differs. */
static void compare(const struct buffer *wanted, const struct buffer *found) {
    size_t line = 0, i = 0;
    while (i < wanted->size && i < found->size && wanted->data[i] == found->data[i])
        if (wanted->data[i++] == '\n')
            line = i;
    if (i == wanted->size && i == found->size)
        return;
    print_line("expected", wanted, line);
    print_line("found", found, line);
    if (getenv("SIM_VERBOSE") != NULL)
        fprintf(stderr, "---- expected\n%.*s---- found\n%.*s", (int)wanted->size, wanted->data, (int)found->size,
                found->data);
    fail("the committed changes", "are not those of replay");
}

void sim_world_matches_replay(struct sim_world *world) {
    struct expected expected = {0};
    struct buffer wanted = {0}, found = {0};
    for (int32_t i = 0; i < world->kafka.partitions; i++)
        replay_partition(world, i, &expected);
    write_sorted(expected.lines, expected.count, &wanted);
    sim_world_read(world, OUTPUT_CHANGES, &found);
    compare(&wanted, &found);
    free(expected.lines);
    arena_free(&expected.arena);
    buffer_free(&expected.scratch);
    buffer_free(&wanted);
    buffer_free(&found);
}

static void check_account(const struct sim_world *world, int32_t shard, const struct sim_record *record,
                          struct text account_id) {
    struct stored_blob blob;
    if (!sim_redis_find(&world->store, shard, account_id, &blob))
        fail("not in the store", account_id.data);
    for (int64_t i = record->offset + 1;; i++) {
        const struct sim_record *later = sim_log_next(&world->kafka, &world->kafka.outputs[OUTPUT_CHANGELOG][shard], i);
        if (later == NULL)
            break;
        if (text_equal(later->key, record->key))
            return; /* not the newest */
        i = later->offset;
    }
    if (!text_equal(blob.blob, record->value))
        fail("an old blob in the store", account_id.data);
}

void sim_world_store_matches_changelog(struct sim_world *world) {
    for (int32_t shard = 0; shard < world->kafka.partitions; shard++) {
        const struct sim_log *log = &world->kafka.outputs[OUTPUT_CHANGELOG][shard];
        const struct sim_record *record;
        const char *disorder = sim_redis_disorder(&world->store, shard);
        if (disorder != NULL)
            fail("the store is in disorder", disorder);
        for (int64_t i = 0; (record = sim_log_next(&world->kafka, log, i)) != NULL; i = record->offset + 1) {
            struct text account_id;
            if (changelog_kind_of(record->key, &account_id) == CHANGELOG_ACCOUNT)
                check_account(world, shard, record, account_id);
        }
    }
}
