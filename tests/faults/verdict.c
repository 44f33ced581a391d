#include "tests/faults/verdict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/faults/newest.h"
#include "tests/faults/redis_copy.h"
#include "tests/faults/states.h"
#include "tests/harness/change_lines.h"

enum {
    TOLD_MAX = 3, // Differences of one kind that are told one by one.
    COPY_MS = 60000,
};

// A run of the same events with servers of its own group, changelog, outputs and Redis.
struct undisturbed {
    struct redis_server redis;
    struct deployment deployment;
};

static void run_undisturbed(struct scene *scene, struct undisturbed *ret_run) {
    static const char *const options[STREAMS] = {"TOPICS_ACCOUNT", "TOPICS_USAGE", "TOPICS_LOGIN",
                                                 "TOPICS_TICKET",  "TOPICS_NPS",   "TOPICS_CUSTOM"};
    static const char *const encodings[STREAMS] = {"ENCODINGS_ACCOUNT", "ENCODINGS_USAGE", "ENCODINGS_LOGIN",
                                                   "ENCODINGS_TICKET",  "ENCODINGS_NPS",   "ENCODINGS_CUSTOM"};
    char *rules = file_read(scene->workers.rules_path, NULL);
    redis_server_start(0, NULL, &ret_run->redis);
    deployment_open("undisturbed", &scene->cluster.all, &ret_run->redis, SCENE_PARTITIONS, rules, &ret_run->deployment);
    for (int i = 0; i < STREAMS; i++) {
        deployment_set(&ret_run->deployment, options[i], scene->topics[i]);
        deployment_set(&ret_run->deployment, encodings[i], "plain");
    }
    deployment_run_until_end(&ret_run->deployment);
    free(rules);
}

static void close_undisturbed(struct undisturbed *run) {
    deployment_close(&run->deployment);
    redis_server_close(&run->redis);
}

// Changes

static char *replay_all(struct scene *scene) {
    char *all = strdup(""), path[PATH_MAX];
    for (int i = 0; i < SCENE_PARTITIONS; i++) {
        event_feed_path(scene->feed, i, path);
        const char *arguments[] = {"replay", "--rules", scene->workers.rules_path, path, NULL};
        char *part = deployment_command(&scene->workers, arguments, 0);
        char *longer = NULL;
        if (asprintf(&longer, "%s%s", all, part) < 0) {
            abort();
        }
        free(part);
        free(all);
        all = longer;
    }
    return all;
}

static void judge_changes(struct scene *scene, struct story *story, struct verdict_counts *counts) {
    char first[DIFFERENCE_BYTES];
    char *actual = deployment_changes(&scene->workers), *expected = replay_all(scene);
    size_t different = count_different_accounts(actual, expected, first);
    counts->changes = count_lines(actual);
    if (different > 0) {
        story_violation(story, "the changes of %zu accounts are not those of replay; %s", different, first);
    }
    if (counts->changes == 0) {
        story_violation(story, "there are no changes at all");
    }
    free(actual);
    free(expected);
}

// Tables

struct differences {
    struct story *story;
    const char *what;
    struct states *states; // Where values are blobs; NULL: their bytes count.
    int count;
};

static void differ(struct differences *differences, const char *how, const struct kafka_record *record) {
    if (++differences->count <= TOLD_MAX) {
        story_violation(differences->story, "%s: %s of the key %.*s, offset %" PRId64, differences->what, how,
                        (int)record->key_size, (const char *)record->key, record->offset);
    }
}

static void compare_newest(struct differences *differences, const struct newest *actual,
                           const struct newest *expected) {
    for (size_t i = 0, j = 0; i < actual->count || j < expected->count;) {
        int order = i == actual->count     ? 1
                    : j == expected->count ? -1
                                           : compare_keys(actual->items[i], expected->items[j]);
        if (order < 0) {
            differ(differences, "there should be none", actual->items[i]);
        } else if (order > 0) {
            differ(differences, "there is none", expected->items[j]);
        } else if (!is_same_value(actual->items[i], expected->items[j]) &&
                   !(differences->states &&
                     states_are_same(differences->states, actual->items[i], expected->items[j]))) {
            differ(differences, "another value than the undisturbed run's", actual->items[i]);
        }
        i += order <= 0;
        j += order >= 0;
    }
    if (differences->count > TOLD_MAX) {
        story_violation(differences->story, "%s: %d differences in all", differences->what, differences->count);
    }
}

// Of both deployments the same topic, the newest of each key that begins with `first` (0: of all keys).
static void judge_table(struct scene *scene, struct undisturbed *run, const char *topic, char first,
                        struct differences *differences) {
    struct newest actual, expected;
    newest_read(&scene->workers, topic, first, &actual);
    newest_read(&run->deployment, topic, first, &expected);
    compare_newest(differences, &actual, &expected);
    newest_free(&actual);
    newest_free(&expected);
}

static void judge_statuses(struct scene *scene, struct undisturbed *run, struct story *story) {
    struct differences differences = {.story = story, .what = "account-status"};
    judge_table(scene, run, "account-status", 0, &differences);
}

static void judge_states(struct scene *scene, struct undisturbed *run, struct story *story) {
    struct differences differences = {.story = story, .what = "states in the changelog"};
    states_open(scene->workers.rules_path, &differences.states);
    judge_table(scene, run, "bellwether-changelog", 'a', &differences);
    states_close(differences.states);
}

// Dead letters have no key of their own: they are told apart by where the rejected records lie.
static void judge_dead_letters(struct scene *scene, struct undisturbed *run, struct story *story,
                               struct verdict_counts *counts) {
    struct differences differences = {.story = story, .what = "dead letters"};
    struct event_feed_counts fed;
    struct newest actual, expected;
    size_t written = letters_read(&scene->workers, &actual);
    letters_read(&run->deployment, &expected);
    event_feed_count(scene->feed, &fed);
    counts->rejected = written;
    if (written != fed.poisoned || actual.count != fed.poisoned) {
        story_violation(story, "%zu dead letters of %zu records, where %" PRIu64 " records were poisoned", written,
                        actual.count, fed.poisoned);
    }
    compare_newest(&differences, &actual, &expected);
    newest_free(&actual);
    newest_free(&expected);
}

// Redis

// What a shard's former owner had not written any more, its next one restores, which takes a moment.
size_t verdict_await_copy(struct scene *scene, struct story *story) {
    const struct redis_server *server = redis_pair_master(&scene->redis);
    struct deadline deadline = deadline_after(COPY_MS);
    size_t accounts = 0;
    for (bool same = false; !same;) {
        bool last = deadline_passed(deadline);
        struct newest changelog;
        newest_read(&scene->workers, "bellwether-changelog", 0, &changelog);
        same = redis_copy_compare(server, scene->workers.name, SCENE_PARTITIONS, &changelog, last ? story : NULL) == 0;
        for (size_t i = 0; i < changelog.count && (same || last); i++) {
            accounts += ((const char *)changelog.items[i]->key)[0] == 'a';
        }
        newest_free(&changelog);
        same = same || last;
    }
    return accounts;
}

void verdict_give(struct scene *scene, struct story *story, struct verdict_counts *ret_counts) {
    struct undisturbed run = {0};
    *ret_counts = (struct verdict_counts){0};
    judge_changes(scene, story, ret_counts);
    run_undisturbed(scene, &run);
    judge_statuses(scene, &run, story);
    judge_states(scene, &run, story);
    judge_dead_letters(scene, &run, story, ret_counts);
    close_undisturbed(&run);
}
