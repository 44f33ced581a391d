/* `sim_planted --search` looks for the first seed that catches each planted bug; `--update FOLDER` also writes what it
 * found where the sources in FOLDER tell of it; `--replay FILE` runs the seeds that were found, each of which has to
 * catch its bug again; `--bug NAME --seed N` tells the story of one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/planted.h"
#include "tests/sim/sim_seed.h"
#include "tests/sim/sim_violation.h"

#define SEEDS_MAX   10000
#define SEED_TIME_S 60

#define SEEDS_FILE  "tests/sim/planted.txt"
#define PAGE_FILE   "docs/exactly-once.md"
#define TABLE_BEGIN "<!-- The table is written by `./run sim --bugs`. -->\n"
#define TABLE_END   "<!-- The end of the table. -->\n"

enum planted_bug planted_bug;
static uint64_t seeds_max = SEEDS_MAX;

static const struct {
    const char *name, *about;
} bugs[BUGS] = {[BUG_NONE] = {"none", "nothing"},
#define PLANTED_ROW(name, about) [BUG_##name] = {#name, about},
                PLANTED_BUGS(PLANTED_ROW)
#undef PLANTED_ROW
};

static _Noreturn void give_up(const char *what) {
    perror(what);
    exit(2);
}

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

/* ---- all, shared out among the processors */

struct job {
    enum planted_bug bug;
    uint64_t seed; /* 0: to be searched for, or not found */
};

/* The processes that work on them share them. */
static struct job *make_jobs(void) {
    void *jobs = mmap(NULL, sizeof(struct job) * BUGS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs == MAP_FAILED)
        give_up("sim_planted");
    return jobs;
}

static bool search(struct job *job) {
    for (uint64_t seed = 1; seed <= seeds_max; seed++) {
        if (!catches(job->bug, seed))
            continue;
        job->seed = seed;
        printf("%s %llu\n", bugs[job->bug].name, (unsigned long long)seed);
        return true;
    }
    printf("# %s: not caught by seeds 1 to %llu\n", bugs[job->bug].name, (unsigned long long)seeds_max);
    return false;
}

static bool run_job(struct job *job) {
    if (job->seed == 0)
        return search(job);
    bool caught = catches(job->bug, job->seed);
    if (!caught)
        printf("%s is not caught any more by seed %llu\n", bugs[job->bug].name, (unsigned long long)job->seed);
    return caught;
}

static bool wait_for_one(void) {
    int status;
    return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int run_jobs(struct job *jobs, uint32_t count) {
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

static uint32_t collect_all(struct job *jobs) {
    uint32_t count = 0;
    for (enum planted_bug bug = BUG_NONE + 1; bug < BUGS; bug++)
        jobs[count++] = (struct job){.bug = bug};
    return count;
}

static int search_some(int argc, char **argv) {
    struct job *jobs = make_jobs();
    uint32_t count = 0;
    for (int i = 0; i < argc && count < BUGS; i++)
        jobs[count++] = (struct job){.bug = find(argv[i])};
    return run_jobs(jobs, argc == 0 ? collect_all(jobs) : count);
}

/* ---- what was found, written down */

static void write_seeds(FILE *out, const struct job *jobs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (jobs[i].seed != 0)
            fprintf(out, "%s %llu\n", bugs[jobs[i].bug].name, (unsigned long long)jobs[i].seed);
}

static void write_table(FILE *out, const struct job *jobs, uint32_t count) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += jobs[i].seed != 0;
    fprintf(out, "\n%u bugs, %u found:\n\n| bug | seed |\n| --- | --- |\n", count, found);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, "| %s | ", bugs[jobs[i].bug].about);
        if (jobs[i].seed != 0)
            fprintf(out, "%llu |\n", (unsigned long long)jobs[i].seed);
        else
            fprintf(out, "none of %llu |\n", (unsigned long long)seeds_max);
    }
    fprintf(out, "\n");
}

/* The page with the new table in the place of the old one; false: it has no place for one. */
static bool copy_page(FILE *in, FILE *out, const struct job *jobs, uint32_t count) {
    char *line = NULL;
    size_t size = 0;
    bool inside = false, done = false;
    while (getline(&line, &size, in) >= 0) {
        inside &= strcmp(line, TABLE_END) != 0;
        if (!inside)
            fputs(line, out);
        if (strcmp(line, TABLE_BEGIN) != 0)
            continue;
        write_table(out, jobs, count);
        inside = done = true;
    }
    free(line);
    return done && !inside;
}

static FILE *open_file(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (file == NULL)
        give_up(path);
    return file;
}

static void close_as(FILE *file, const char *written, const char *path) {
    if (fclose(file) != 0 || rename(written, path) != 0)
        give_up(path);
}

static int update_all(const char *folder) {
    struct job *jobs = make_jobs();
    uint32_t count = collect_all(jobs);
    if (chdir(folder) != 0)
        give_up(folder);
    int status = run_jobs(jobs, count);
    FILE *seeds = open_file(SEEDS_FILE ".new", "w");
    write_seeds(seeds, jobs, count);
    close_as(seeds, SEEDS_FILE ".new", SEEDS_FILE);
    FILE *page = open_file(PAGE_FILE, "r"), *new_page = open_file(PAGE_FILE ".new", "w");
    if (!copy_page(page, new_page, jobs, count)) {
        fprintf(stderr, "sim_planted: %s has no place for the table\n", PAGE_FILE);
        return 2;
    }
    fclose(page);
    close_as(new_page, PAGE_FILE ".new", PAGE_FILE);
    return status;
}

/* Each line is a bug's name and a seed. */
static int replay_all(const char *path) {
    struct job *jobs = make_jobs();
    uint32_t count = 0;
    char name[64];
    unsigned long long seed;
    FILE *file = open_file(path, "r");
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
        return search_some(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "--update") == 0)
        return update_all(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--replay") == 0)
        return replay_all(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list_all();
    if (argc == 5 && strcmp(argv[1], "--bug") == 0 && strcmp(argv[3], "--seed") == 0)
        return tell_one(argv[2], argv[4]);
    fprintf(stderr, "usage: sim_planted [--seeds MAX] --search [BUG...] | --update FOLDER | --replay FILE\n"
                    "                   | --bug NAME --seed N | --list\n");
    return 2;
}
