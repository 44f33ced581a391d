/* The pipeline's simulated world with rules and some weeks of accounts, for the tests of what becomes of it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_world.h"

static const char rules[] = "ruleset: one\n"
                            "clock: { tick: 1h, lateness: 0s }\n"
                            "scores:\n"
                            "  churn_risk:\n"
                            "    method: weighted\n"
                            "    signals:\n"
                            "      quiet: { value: 'since(login)', curve: [[1d, 0], [10d, 1]], weight: 1 }\n"
                            "dimensions:\n"
                            "  plan: { cases: [ { value_of: account.plan } ] }\n"
                            "  use:\n"
                            "    cases:\n"
                            "      - { value: high, when: 'count(usage, 3d) > 4' }\n"
                            "      - { value: low }\n"
                            "segments:\n"
                            "  silent: { when: 'since(login) > 2d' }\n";

static const char other_rules[] = "ruleset: two\n"
                                  "clock: { tick: 1h, lateness: 0s }\n"
                                  "dimensions:\n"
                                  "  use:\n"
                                  "    cases:\n"
                                  "      - { value: high, when: 'count(usage, 3d) > 2' }\n"
                                  "      - { value: low }\n"
                                  "segments:\n"
                                  "  silent: { when: 'since(login) > 3d' }\n";

/* Some weeks of some accounts, until `days` before now, with duplicates and late events. */
static inline void fill(struct sim_world *world, int accounts, int days, int until_days_ago) {
    int64_t end_ms = world->kafka.wall_ms - until_days_ago * DAY;
    uint64_t random = 42;
    for (int64_t at_ms = end_ms - days * DAY; at_ms < end_ms; at_ms += 3 * HOUR) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        char account[16], id[32];
        int number = (int)(random >> 33) % accounts;
        snprintf(account, sizeof account, "account-%d", number);
        snprintf(id, sizeof id, "e%lld", (long long)(random >> 60 == 0 ? 7 : at_ms));
        switch (random >> 40 & 7) {
        case 0:
            sim_world_event(world, STREAM_ACCOUNT, account, "", at_ms,
                            random >> 50 & 1 ? ",\"plan\":\"free\"" : ",\"plan\":\"team\"");
            break;
        case 1:
            if (random >> 44 & 1)
                sim_world_tombstone(world, account, at_ms);
            break;
        case 2:
            sim_world_event(world, STREAM_LOGIN, account, id, at_ms, "");
            break;
        default:
            sim_world_event(world, STREAM_USAGE, account, id, at_ms, ",\"feature\":\"search\"");
        }
    }
}

/* Days in which nobody looks, and their records come all at once. */
static inline void pass_days(struct sim_world *world, int days) {
    sim_kafka_pass(&world->kafka, days * DAY);
    fill(world, 12, days, 0);
}

static inline void setup(struct sim_world *world, int32_t partitions) {
    sim_world_init(world, rules, partitions);
    world->options.until_end = true;
    fill(world, 12, 40, 10);
}

/* The same under a process that runs on where it has come to the end. */
static inline void setup_live(struct sim_world *world, int32_t partitions) {
    setup(world, partitions);
    world->options.until_end = false;
    sim_world_start(world, 0);
}

static inline void run_until(struct sim_world *world, enum counter counter, uint64_t least) {
    struct error error;
    while (counters_get(&world->counters, counter) < least)
        sim_world_turn(world, &error);
}

static inline void matches(struct sim_world *world) {
    sim_world_matches_replay(world);
    sim_world_store_matches_changelog(world);
}

/* Until it has ended, for longer than a stop may take. */
static inline void stop(struct sim_world *world) {
    pipeline_stop(world->pipelines[0]);
    sim_world_run(world, 60 * SECOND);
    assert_null(world->pipelines[0]);
}

static inline void goes_on_well(struct sim_world *world) {
    world->options.until_end = true;
    sim_world_start(world, 0);
    sim_world_finish(world, 0);
    matches(world);
}

/* The lines of a worker's log that contain `words`. */
struct heard {
    const char *words;
    uint32_t count;
    char last[ERROR_TEXT_MAX];
};

static inline void hear(void *context, enum log_level level, const char *message) {
    struct heard *heard = context;
    (void)level;
    if (strstr(message, heard->words) == NULL)
        return;
    heard->count++;
    snprintf(heard->last, sizeof heard->last, "%s", message);
}

/* From now on, until the worker is started again. */
static inline void listen_for(struct sim_world *world, int worker, const char *words, struct heard *heard) {
    *heard = (struct heard){.words = words};
    world->workers[worker].logger = (struct logger){heard, hear};
}

/* How often `what` is in the lines of an output. */
static inline uint32_t count_of(const struct sim_world *world, enum output output, const char *what) {
    struct buffer lines = {0};
    sim_world_read(world, output, &lines);
    buffer_put_u8(&lines, 0);
    uint32_t count = 0;
    for (const char *at = (const char *)lines.data; (at = strstr(at, what)) != NULL; at++)
        count++;
    buffer_free(&lines);
    return count;
}
