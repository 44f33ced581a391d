/* `sim_planted --search` looks for the first seed that catches each planted bug; `--replay FILE` runs the seeds that
 * were found, each of which has to catch its bug again; `--bug NAME --seed N` tells the story of one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/planted.h"
#include "tests/sim/sim_seed.h"
#include "tests/sim/sim_violation.h"

#define SEEDS_MAX     2000
#define SEED_TIME_S   60
#define JOBS_MAX      64
#define NAME_SIZE_MAX 64

enum planted_bug planted_bug;
static uint64_t seeds_max = 2000;

static const struct {
    const char *name, *about;
} bugs[BUGS] = {[BUG_NONE] = {"none", "nothing"},
#define PLANTED_ROW(name, about) [BUG_##name] = {#name, about},
                PLANTED_BUGS(PLANTED_ROW)
#undef PLANTED_ROW
};

static enum planted_bug find(const char *name) {
    enum planted_bug bug = BUG_NONE;
    while (++bug < BUGS && strcmp(bugs[bug].name, name) != 0)
        ;
    if (bug < BUGS)
        return bug;
    fprintf(stderr, "sim_planted: there is no planted bug `%s`\n", name);
    exit(2);
}

/* Whether the seed shows the bug; it runs in a process of its own, which ends at a violation. */
static bool catches(enum planted_bug bug, uint64_t seed) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct sim_seed_result result;
        if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL)
            _exit(0);
        planted_bug = bug;
        sim_violation_catch_signals();
        alarm(SEED_TIME_S);
        sim_seed_run(seed, NULL, &result);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(2);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static bool search(enum planted_bug bug) {
    for (uint64_t seed = 1; seed <= seeds_max; seed++) {
        if (!catches(bug, seed))
            continue;
        printf("%s %llu\n", bugs[bug].name, (unsigned long long)seed);
        return true;
    }
    printf("# %s: not caught by seeds 1 to %llu\n", bugs[bug].name, (unsigned long long)seeds_max);
    return false;
}

/* ---- all, shared out among the processors */

struct job {
    enum planted_bug bug;
    uint64_t seed; /* 0: to be searched for */
};

static bool run_job(const struct job *job) {
    if (job->seed == 0)
        return search(job->bug);
    bool caught = catches(job->bug, job->seed);
    if (!caught)
        printf("%s is not caught any more by seed %llu\n", bugs[job->bug].name, (unsigned long long)job->seed);
    return caught;
}

static bool wait_for_one(void) {
    int status;
    return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int run_jobs(const struct job *jobs, uint32_t count) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t caught = 0, running = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (running == (uint32_t)processors) {
            caught += wait_for_one();
            running--;
        }
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            bool good = run_job(&jobs[i]);
            fflush(stdout);
            _exit(!good);
        }
        running++;
    }
    for (; running > 0; running--)
        caught += wait_for_one();
    printf("%u bugs, %u caught\n", count, caught);
    return caught < count;
}

static int search_all(int argc, char **argv) {
    struct job jobs[BUGS];
    uint32_t count = 0;
    for (int i = 0; i < argc; i++)
        jobs[count++] = (struct job){.bug = find(argv[i])};
    for (enum planted_bug bug = BUG_NONE + 1; argc == 0 && bug < BUGS; bug++)
        jobs[count++] = (struct job){.bug = bug};
    return run_jobs(jobs, count);
}

/* Each line is a bug's name and a seed. */
static int replay_all(const char *path) {
    struct job jobs[BUGS];
    uint32_t count = 0;
    char name[NAME_SIZE_MAX];
    unsigned long long seed;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return 2;
    }
    while (count < BUGS && fscanf(file, "%63s %llu", name, &seed) == 2)
        jobs[count++] = (struct job){find(name), seed};
    bool whole = feof(file) != 0;
    fclose(file);
    if (!whole) {
        fprintf(stderr, "%s:%u: a bug's name and a seed are expected\n", path, count + 1);
        return 2;
    }
    return run_jobs(jobs, count);
}

static int list_all(void) {
    for (enum planted_bug bug = BUG_NONE + 1; bug < BUGS; bug++)
        printf("%-24s %s\n", bugs[bug].name, bugs[bug].about);
    return 0;
}

static int tell_one(const char *name, const char *seed) {
    struct sim_seed_result result;
    planted_bug = find(name);
    sim_violation_catch_signals();
    sim_seed_run(strtoull(seed, NULL, 10), getenv("SIM_ALOUD") != NULL ? stdout : NULL, &result);
    printf("seed %s does not catch %s\n", seed, name);
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 4 && strcmp(argv[1], "--seeds") == 0) {
        seeds_max = strtoull(argv[2], NULL, 10);
        argc -= 2;
        argv += 2;
    }
    if (argc >= 2 && strcmp(argv[1], "--search") == 0)
        return search_all(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "--replay") == 0)
        return replay_all(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list_all();
    if (argc == 5 && strcmp(argv[1], "--bug") == 0 && strcmp(argv[3], "--seed") == 0)
        return tell_one(argv[2], argv[4]);
    fprintf(stderr,
            "usage: sim_planted [--seeds MAX] --search [BUG...] | --replay FILE | --bug NAME --seed N | --list\n");
    return 2;
}
