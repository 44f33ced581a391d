// The fault test: real brokers, real Redis servers and real workers, which are killed, frozen, cut off and misled in an
// order that a seed decides, while events keep coming; then quiet, and the comparison with what should have come of it.
// A long run is a sequence of episodes, each with servers of its own and the next seed.
//
//     faults [--seconds S | --minutes M] [--seed N] [--brokers 1|3]
//
// The last line is `M minutes, K kills, V violations`. Exit status 1: there were violations; the folder of the episode
// is kept then, with all logs, and its path is printed.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/nemesis.h"
#include "tests/faults/verdict.h"
#include "tests/harness/change_lines.h"

enum {
    EPISODE_MS = 240000,
    QUIET_MS = 180000, // In which all that was produced must be committed, once nothing is disturbed any more.
    STOP_MS = 60000,
    SHORT_MS =
        60000, // An episode of less than this is short: fewer accounts, with more events each, and a faster nemesis.
};

struct options {
    int64_t length_ms;
    uint64_t seed;
    int brokers;
};

// What the workers went through, by what they log.
static const struct {
    const char *what, *line;
} met[] = {
    {"takeovers completed", " shards run."},
    {"commits of which Kafka did not say whether they were done", "Kafka did not say within"},
    {"transactions that were aborted and tried again", "A transaction is tried again"},
    {"memberships lost", " shards were lost."},
    {"shards whose Redis was found flushed, rolled back or in other hands", "it was rolled back"},
    {"memberships taken from librdkafka by itself", "the group is joined again"},
};

enum { METS = sizeof(met) / sizeof(met[0]) };

struct totals {
    int64_t struck_ms;
    unsigned counts[FAULTS];
    struct verdict_counts verdict;
    uint64_t events, pages, accounts;
    uint64_t met[METS];
    uint64_t aborted;
    int violations;
};

// The episode's folder, for whoever ends the process.
static char episode_path[PATH_MAX];

static void put(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        return; // There is nobody to tell.
    }
}

// The kernel ends what was started here; its files are left to be looked at.
static void tell_folder(void) {
    if (episode_path[0] != '\0') {
        put("the logs of this episode are in ");
        put(episode_path);
        put("\n");
    }
}

static void interrupted(int number) {
    tell_folder();
    signal(number, SIG_DFL);
    raise(number);
}

// An episode

static void strike(struct nemesis *nemesis, int64_t length_ms) {
    struct deadline end = deadline_after(length_ms);
    while (!deadline_passed(end)) {
        nemesis_step(nemesis);
        deadline_rest(end);
    }
    story_tell(nemesis->story, "no more faults");
    struct deadline patience = deadline_after(QUIET_MS);
    while (!nemesis_rest(nemesis) && !deadline_passed(patience)) {
        deadline_rest(patience);
    }
    kafka_cluster_await(&nemesis->scene->cluster);
}

static void await_quiet(struct scene *scene, struct nemesis *nemesis, struct story *story) {
    struct error error;
    struct deadline patience = deadline_after(QUIET_MS);
    int64_t lag = -1;
    if (event_feed_finish(scene->feed, &error) != RESULT_OK) {
        story_violation(story, "the feed failed, which says nothing of the workers: %s", error.text);
    }
    story_tell(story, "no more events");
    while ((lag = event_feed_lag(scene->feed)) != 0 && !deadline_passed(patience)) {
        nemesis_rest(nemesis);
        deadline_rest(patience);
    }
    story_tell(story, "quiet");
    if (lag != 0) {
        story_violation(story, "%lld records have not been committed %d s after the last fault", (long long)lag,
                        QUIET_MS / 1000);
    }
}

// All at once, as nobody is to take over from anybody any more.
static void stop_workers(struct scene *scene, struct story *story) {
    for (int i = 0; i < SCENE_WORKERS; i++) {
        process_signal(&scene->workers.daemons[i], SIGTERM);
    }
    for (int i = 0; i < SCENE_WORKERS; i++) {
        int status = process_stop(&scene->workers.daemons[i], STOP_MS);
        if (status != 0) {
            char *tail = process_log_tail(&scene->workers.daemons[i]);
            story_violation(story, "worker %d ended with status %d at the end:\n%s", i, status, tail);
            free(tail);
        }
    }
    deployment_set(&scene->workers, "KAFKA_BROKERS", scene->cluster.all.address);
}

static void add_up_logs(struct totals *totals, const struct scene *scene) {
    for (int i = 0; i < SCENE_WORKERS; i++) {
        char *log = deployment_log(&scene->workers, i);
        for (size_t j = 0; j < METS; j++) {
            totals->met[j] += count_lines_with(log, met[j].line);
        }
        free(log);
    }
}

static void add_up(struct totals *totals, const struct scene *scene, const struct nemesis *nemesis,
                   const struct verdict_counts *verdict) {
    struct event_feed_counts fed;
    event_feed_count(scene->feed, &fed);
    for (int fault = 0; fault < FAULTS; fault++) {
        totals->counts[fault] += nemesis->counts[fault];
    }
    totals->verdict.changes += verdict->changes;
    totals->verdict.rejected += verdict->rejected;
    totals->events += fed.events;
    totals->pages += fed.pages;
    totals->aborted += nemesis->aborted;
    add_up_logs(totals, scene);
}

static int play(const struct scene_options *options, int64_t length_ms, const char *folder, struct totals *totals) {
    char path[PATH_MAX];
    struct scene scene;
    struct nemesis nemesis;
    struct story story;
    struct verdict_counts verdict = {0};
    snprintf(path, sizeof(path), "%s/story", folder);
    story_open(path, &story);
    scene_open(options, &scene);
    nemesis_init(&scene, &story, options->seed, length_ms < SHORT_MS ? 2000 : 4500, &nemesis);
    story_tell(&story, "it begins, seed %llu", (unsigned long long)options->seed);
    strike(&nemesis, length_ms);
    await_quiet(&scene, &nemesis, &story);
    totals->accounts += verdict_await_copy(&scene, &story);
    stop_workers(&scene, &story);
    verdict_give(&scene, &story, &verdict);
    add_up(totals, &scene, &nemesis, &verdict);
    if (story.violations > 0) {
        setenv("BELLWETHER_KEEP", "1", 1);
    }
    scene_close(&scene);
    story_close(&story);
    return story.violations;
}

// All temporary folders of the episode lie in one, which is removed where all was well.
static void run_episode(const struct options *options, uint64_t seed, int64_t length_ms, struct totals *totals) {
    struct temporary folder;
    const char *parent = getenv("TMPDIR");
    char former[PATH_MAX];
    snprintf(former, sizeof(former), "%s", parent ? parent : "/tmp");
    temporary_create("faults", &folder);
    snprintf(episode_path, sizeof(episode_path), "%s", folder.path);
    setenv("TMPDIR", folder.path, 1);
    struct scene_options scene_options = {
        .seed = seed,
        .brokers = options->brokers,
        .accounts = length_ms < SHORT_MS ? 200 : 2000,
        .events_per_second = 400,
        .source = BELLWETHER_SOURCE_DIR,
    };
    int violations = play(&scene_options, length_ms, folder.path, totals);
    setenv("TMPDIR", former, 1);
    totals->violations += violations;
    totals->struck_ms += length_ms;
    if (violations > 0) {
        fprintf(stderr, "seed %llu: ", (unsigned long long)seed);
        tell_folder();
        unsetenv("BELLWETHER_KEEP");
    } else {
        temporary_remove(&folder);
    }
    episode_path[0] = '\0';
}

// The command

static unsigned count_kills(const struct totals *totals) {
    unsigned kills = 0;
    for (int fault = 0; fault < FAULTS; fault++) {
        kills += fault_kills((enum fault)fault) ? totals->counts[fault] : 0;
    }
    return kills;
}

static void report(const struct totals *totals) {
    for (int fault = 0; fault < FAULTS; fault++) {
        printf("%6u  %s\n", totals->counts[fault], fault_name((enum fault)fault));
    }
    for (size_t i = 0; i < METS; i++) {
        printf("%6llu  %s\n", (unsigned long long)totals->met[i], met[i].what);
    }
    printf("%6llu  workers ended by an assert of librdkafka's own\n", (unsigned long long)totals->aborted);
    printf("%llu events, %llu changes, %llu dead letters, %llu states of accounts compared\n",
           (unsigned long long)totals->events, (unsigned long long)totals->verdict.changes,
           (unsigned long long)totals->verdict.rejected, (unsigned long long)totals->accounts);
    printf("%.1f minutes, %u kills, %d violations\n", (double)totals->struck_ms / 60000, count_kills(totals),
           totals->violations);
    fflush(stdout);
}

static int64_t number(const char *text, int64_t least, int64_t most) {
    char *end;
    long long value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "faults: %s is no number from %lld to %lld\n", text, (long long)least, (long long)most);
        exit(2);
    }
    return value;
}

static void read_arguments(int argument_count, char **arguments, struct options *options) {
    for (int i = 1; i + 1 < argument_count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        if (strcmp(name, "--seconds") == 0) {
            options->length_ms = number(value, 1, 86400) * 1000;
        } else if (strcmp(name, "--minutes") == 0) {
            options->length_ms = number(value, 1, 1440) * 60000;
        } else if (strcmp(name, "--seed") == 0) {
            options->seed = (uint64_t)number(value, 0, INT64_MAX);
        } else if (strcmp(name, "--brokers") == 0 && number(value, 1, 3) != 2) {
            options->brokers = (int)number(value, 1, 3);
        } else {
            argument_count = 0;
        }
    }
    if (argument_count % 2 == 0) {
        fputs("usage: faults [--seconds S | --minutes M] [--seed N] [--brokers 1|3]\n", stderr);
        exit(2);
    }
}

int main(int argument_count, char **arguments) {
    struct options options = {.length_ms = 30000, .seed = (uint64_t)time(NULL), .brokers = 1};
    struct totals totals = {0};
    read_arguments(argument_count, arguments, &options);
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    signal(SIGPIPE, SIG_IGN);
    atexit(tell_folder);
    for (int64_t left_ms = options.length_ms; left_ms > 0; left_ms -= EPISODE_MS) {
        printf("seed %llu\n", (unsigned long long)options.seed);
        fflush(stdout);
        run_episode(&options, options.seed++, left_ms < EPISODE_MS ? left_ms : EPISODE_MS, &totals);
    }
    report(&totals);
    return totals.violations > 0 ? 1 : 0;
}
