/* What the loss of a process or of Redis costs, with the program as it is shipped: from kill -9 to the next change that
 * a read_committed reader sees, and the restore of a Redis that is empty. */
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "bench/bench.h"
#include "bench/fail.h"
#include "cli/clock.h"

#define SESSION_MS 6000 /* as deployment_open sets it */
#define PULSE_MS   20   /* between two records while the next change is awaited */
#define AWAIT_MS   900000

/* A deployment under load, and a reader of its changes. */
struct scene {
    struct bench *bench;
    struct load load;
    struct deployment deployment;
    struct event_producer *producer;
    rd_kafka_t *reader;
    uint64_t pulses;
};

static void open_scene(struct bench *bench, const char *name, uint32_t accounts, struct scene *ret_scene) {
    struct scene *scene = ret_scene;
    *scene = (struct scene){.bench = bench};
    scene->load = (struct load){.kind = LOAD_STEADY,
                                .name = name,
                                .accounts = accounts,
                                .prelude = 1,
                                .partitions = 1,
                                .base_ms = load_base_before_now_ms(clock_wall_ms())};
    bench_deploy(bench, &scene->load, &scene->deployment);
    deployment_set(&scene->deployment, "LIMITS_MEMORY", "16GiB");
    scene->producer = load_open(&scene->load, bench->kafka.address);
}

static void open_reader(struct scene *scene) {
    static const char *const settings[] = {
        "isolation.level", "read_committed", "group.id", "bench-reader", "fetch.wait.max.ms", "20", NULL};
    char topic[128];
    scene->reader = kafka_client_new(&scene->bench->kafka, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, deployment_topic(&scene->deployment, "segment-changes", topic), 0)->offset =
        RD_KAFKA_OFFSET_END;
    if (rd_kafka_assign(scene->reader, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("the changes cannot be read");
    rd_kafka_topic_partition_list_destroy(list);
}

static void close_scene(struct scene *scene) {
    if (scene->reader != NULL) {
        rd_kafka_consumer_close(scene->reader);
        rd_kafka_destroy(scene->reader);
    }
    load_close(scene->producer);
    deployment_close(&scene->deployment);
    bench_drop_load(scene->bench, &scene->load);
    freeReplyObject(redis_server_command(&scene->bench->redis, "FLUSHALL"));
}

/* One use by an account that nobody has seen yet: its first record changes something. */
static void pulse(struct scene *scene) {
    struct event_maker maker = {.load = &scene->load};
    struct event event;
    struct error error;
    uint64_t number = load_records(&scene->load) + scene->pulses++;
    load_use(&maker, number, (uint32_t)number, clock_wall_ms(), &event);
    must(produce_event(scene->producer, &event, &error), &error);
}

/* Whether it is a change of what was produced from the pulse `first` on. */
static bool is_change_of(const struct scene *scene, const rd_kafka_message_t *message, uint64_t first) {
    char key[32] = "";
    unsigned account = 0;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || message->key_len >= sizeof key)
        return false;
    memcpy(key, message->key, message->key_len);
    return sscanf(key, "account-%u", &account) == 1 && account >= load_records(&scene->load) + first;
}

/* Keeps records coming until a change is read that one of them has made; the result is when it was. */
static int64_t await_change(struct scene *scene) {
    struct deadline deadline = deadline_after(AWAIT_MS);
    uint64_t first = scene->pulses;
    int64_t pulsed_ns = 0;
    while (!deadline_passed(deadline)) {
        if (meter_wall_ns() - pulsed_ns > PULSE_MS * INT64_C(1000000)) {
            pulse(scene);
            pulsed_ns = meter_wall_ns();
        }
        rd_kafka_message_t *message = rd_kafka_consumer_poll(scene->reader, 5);
        bool found = message != NULL && is_change_of(scene, message, first);
        if (message != NULL)
            rd_kafka_message_destroy(message);
        if (found)
            return meter_wall_ns();
    }
    bench_fail("no change came within %d ms", AWAIT_MS);
}

/* Which of two processes was given the shard last. */
static bool holds_shard(const struct scene *scene, int number) {
    char *log = deployment_log(&scene->deployment, number);
    const char *last = NULL, *at = log;
    while ((at = strstr(at, " shards were assigned.")) != NULL)
        last = at++;
    bool holds = last != NULL && last > log && last[-1] == '1';
    free(log);
    return holds;
}

/* All old records are done, and time has come to now: a change of a record of now is seen. */
static void settle(struct scene *scene) {
    (void)await_change(scene);
}

static void add_row(struct bench *bench, const char *name, const struct series *seconds, double limit, double stretch,
                    const char *note) {
    struct row row = {
        .unit = "s", .value = series_median(seconds), .limit = limit, .stretch = stretch, .goal = GOAL_AT_MOST};
    double longest = 0;
    for (uint32_t i = 0; i < seconds->count; i++)
        longest = seconds->values[i] > longest ? seconds->values[i] : longest;
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.note, sizeof row.note, "%s; median of %u, longest %.2f s", note, seconds->count, longest);
    rows_add(&bench->rows, &row);
}

/* ---- kill -9 */

/* The one that holds the shard is killed; another member takes over once the broker has given it up. */
static double kill_and_take_over(struct scene *scene) {
    struct deployment *deployment = &scene->deployment;
    int owner = holds_shard(scene, 0) ? 0 : 1;
    int64_t killed_ns = meter_wall_ns();
    process_kill(&deployment->daemons[owner]);
    double seconds = (double)(await_change(scene) - killed_ns) / 1e9;
    deployment_start(deployment, owner, NULL);
    settle(scene);
    meter_rest(SECOND * 3); /* until the group has come to rest with both again */
    settle(scene);
    double beyond = seconds - SESSION_MS / 1000.0;
    fprintf(stderr, "  takeover by another: %.2f s after kill -9, %.2f s beyond the session\n", seconds, beyond);
    return beyond < 0 ? 0 : beyond; /* The session began with the last heartbeat, before the kill. */
}

/* The same member comes back at once: no session time-out is waited for. */
static double kill_and_restart(struct scene *scene) {
    int64_t killed_ns = meter_wall_ns();
    process_kill(&scene->deployment.daemons[0]);
    deployment_start(&scene->deployment, 0, NULL);
    double seconds = (double)(await_change(scene) - killed_ns) / 1e9;
    fprintf(stderr, "  restart of the same member: %.2f s after kill -9\n", seconds);
    return seconds;
}

void measure_kills(struct bench *bench) {
    struct scene scene;
    struct series restarts = {0}, takeovers = {0};
    char name[96];
    uint32_t accounts = 100000;
    open_scene(bench, "kills", accounts, &scene);
    deployment_start(&scene.deployment, 0, NULL);
    process_await_line(&scene.deployment.daemons[0], "shards were assigned", NULL, deadline_after(AWAIT_MS));
    open_reader(&scene);
    settle(&scene);
    for (int i = 0; i < bench->pairs; i++) {
        series_add(&restarts, kill_and_restart(&scene));
        settle(&scene);
    }
    deployment_start(&scene.deployment, 1, NULL);
    meter_rest(SECOND * 3);
    settle(&scene);
    for (int i = 0; i < bench->pairs; i++)
        series_add(&takeovers, kill_and_take_over(&scene));
    close_scene(&scene);
    add_row(bench, "kill -9 to the first change, same member restarted", &restarts, 2, 1,
            "a read_committed reader's wait; no session time-out in it");
    snprintf(name, sizeof name, "takeover of a shard of %u accounts after kill -9", accounts);
    add_row(bench, name, &takeovers, 3, 1,
            "to the first change that a read_committed reader sees, less the session time-out of 6 s, which begins at "
            "the last heartbeat, up to 300 ms before the kill");
}

/* ---- an empty Redis */

void measure_restore(struct bench *bench) {
    struct scene scene;
    struct series seconds = {0};
    char name[96], note[ROW_TEXT_SIZE];
    uint32_t accounts = bench->quick ? 100000 : 1000000;
    open_scene(bench, "restore", accounts, &scene);
    struct process *process = deployment_start(&scene.deployment, 0, "--until-end");
    if (!process_await_end(process, deadline_after(AWAIT_MS)) || process->exit_status != 0)
        bench_fail("run failed:\n%s", process_log_tail(process));
    freeReplyObject(redis_server_command(&bench->redis, "FLUSHALL"));
    char *log = deployment_log(&scene.deployment, 0);
    long position = (long)strlen(log);
    free(log);
    int64_t redis_ns = meter_cpu_ns(bench->redis.process.id), begun_ns = meter_wall_ns();
    process = deployment_start(&scene.deployment, 0, NULL);
    process_await_line(process, "shards run.", &position, deadline_after(AWAIT_MS));
    series_add(&seconds, (double)(meter_wall_ns() - begun_ns) / 1e9);
    snprintf(note, sizeof note, "from the program's start until the shard runs; CPU %.1f s, and Redis' %.1f s",
             (double)meter_cpu_ns(process->id) / 1e9, (double)(meter_cpu_ns(bench->redis.process.id) - redis_ns) / 1e9);
    close_scene(&scene);
    snprintf(name, sizeof name, "restore of %u accounts into an empty Redis", accounts);
    add_row(bench, name, &seconds, 60.0 * accounts / 1000000, 20.0 * accounts / 1000000, note);
}
