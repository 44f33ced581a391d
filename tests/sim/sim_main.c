/* `sim --seed N` tells how one seed ended; `sim --seeds A..B` runs many on all processors, and says how many showed a
 * violation; `sim --twice A..B` runs each of them twice, and says whether it was the same story. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/sim_seed.h"
#include "tests/sim/sim_violation.h"

#define CHUNK_SEEDS  20
#define CHILDREN_MAX 64
#define SEED_TIME_S  120 /* no seed takes so long */

static int run_one(uint64_t seed) {
    struct sim_seed_result result;
    sim_violation_catch_signals();
    sim_seed_run(seed, getenv("SIM_ALOUD") != NULL ? stdout : NULL, &result);
    printf("seed %llu: %llu steps, %llu turns, %lld ms, %llu changes; story %016llx\n", (unsigned long long)seed,
           (unsigned long long)result.steps, (unsigned long long)result.turns, (long long)result.simulated_ms,
           (unsigned long long)result.changes, (unsigned long long)result.story_hash);
    return 0;
}

/* ---- many */

struct range {
    uint64_t next, last;
};

/* A child runs from `next` to `last`, and leaves in `next`, which it shares, where it is. */
struct child {
    pid_t pid;
    FILE *report; /* what it prints */
};

static void run_child(volatile struct range *range, FILE *report) {
    dup2(fileno(report), STDOUT_FILENO);
    dup2(fileno(report), STDERR_FILENO);
    sim_violation_catch_signals();
    for (; range->next <= range->last; range->next++) {
        struct sim_seed_result result;
        alarm(SEED_TIME_S);
        sim_seed_run(range->next, NULL, &result);
    }
    fflush(stdout);
    _exit(0);
}

static void start_child(struct child *child, struct range *range) {
    child->report = tmpfile();
    if (child->report == NULL) {
        fprintf(stderr, "sim: %s\n", strerror(errno));
        exit(2);
    }
    fflush(stdout);
    child->pid = fork();
    if (child->pid == 0)
        run_child(range, child->report);
}

static void print_report(FILE *report) {
    char line[1024];
    rewind(report);
    while (fgets(line, sizeof line, report) != NULL)
        fputs(line, stdout);
    fclose(report);
    fflush(stdout);
}

static bool give_work(struct child *child, struct range *range, struct range *left) {
    if (left->next > left->last)
        return false;
    range->next = left->next;
    range->last = left->last - left->next < CHUNK_SEEDS ? left->last : left->next + CHUNK_SEEDS - 1;
    left->next = range->last + 1;
    start_child(child, range);
    return true;
}

static int run_many(struct range left, int jobs) {
    struct child children[CHILDREN_MAX];
    uint64_t seeds = left.last - left.next + 1, violations = 0;
    struct range *ranges = mmap(NULL, sizeof *ranges * CHILDREN_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                                -1, 0);
    if (ranges == MAP_FAILED)
        return 2;
    int running = 0;
    for (int i = 0; i < jobs && give_work(&children[i], &ranges[i], &left); i++)
        running++;
    int started = running;
    while (running > 0) {
        int status, i = 0;
        pid_t pid = wait(&status);
        while (i < started && children[i].pid != pid)
            i++;
        if (i == started)
            continue;
        bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        violations += !good;
        print_report(children[i].report);
        if (!good && !WIFEXITED(status))
            printf("seed %llu: ended by signal %d\n", (unsigned long long)ranges[i].next, WTERMSIG(status));
        bool goes_on = !good && ranges[i].next < ranges[i].last;
        if (goes_on) {
            ranges[i].next++;
            start_child(&children[i], &ranges[i]);
        } else if (!give_work(&children[i], &ranges[i], &left)) {
            children[i].pid = -1;
            running--;
        }
    }
    printf("%llu seeds, %llu violations\n", (unsigned long long)seeds, (unsigned long long)violations);
    return violations > 0;
}

static int run_twice(struct range range) {
    int different = 0;
    sim_violation_catch_signals();
    for (; range.next <= range.last; range.next++) {
        struct sim_seed_result first, second;
        sim_seed_run(range.next, NULL, &first);
        sim_seed_run(range.next, NULL, &second);
        if (memcmp(&first, &second, sizeof first) == 0)
            continue;
        printf("seed %llu tells two stories: %016llx and %016llx\n", (unsigned long long)range.next,
               (unsigned long long)first.story_hash, (unsigned long long)second.story_hash);
        different++;
    }
    return different > 0;
}

static int usage(void) {
    fprintf(stderr, "usage: sim --seed N | --seeds A..B [--jobs N] | --twice A..B\n");
    return 2;
}

static bool read_range(const char *text, struct range *ret_range) {
    char *end;
    ret_range->next = strtoull(text, &end, 10);
    if (strncmp(end, "..", 2) != 0)
        return false;
    ret_range->last = strtoull(end + 2, &end, 10);
    return *end == 0 && ret_range->next <= ret_range->last;
}

int main(int argc, char **argv) {
    long jobs = sysconf(_SC_NPROCESSORS_ONLN);
    struct range range;
    if (argc == 5 && strcmp(argv[3], "--jobs") == 0)
        jobs = strtol(argv[4], NULL, 10);
    else if (argc != 3)
        return usage();
    if (jobs < 1)
        return usage();
    if (strcmp(argv[1], "--seed") == 0)
        return run_one(strtoull(argv[2], NULL, 10));
    if (!read_range(argv[2], &range))
        return usage();
    if (strcmp(argv[1], "--seeds") == 0)
        return run_many(range, jobs < CHILDREN_MAX ? (int)jobs : CHILDREN_MAX);
    return strcmp(argv[1], "--twice") == 0 ? run_twice(range) : usage();
}
