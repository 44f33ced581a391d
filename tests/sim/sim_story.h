/* What happened in a seed: a hash over all steps, so that two runs can be told apart, and the last of them to be read
 * when something went wrong. Steps are kept as they are and written out only then. One thread. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define STORY_STEPS_MAX  160
#define STORY_DETAIL_MAX 140

struct sim_step {
    int64_t time_ms;
    const char *what; /* a literal */
    int who;          /* the process; -1: the world */
    int64_t one, two;
    char detail[STORY_DETAIL_MAX];
};

struct sim_story {
    struct sim_step steps[STORY_STEPS_MAX];
    uint64_t count, hash;
    FILE *aloud; /* every step is written there at once; NULL */
};

/* `detail`: what a message says; NULL: nothing. */
void sim_story_add(struct sim_story *story, int64_t time_ms, int who, const char *what, int64_t one, int64_t two,
                   const char *detail);
void sim_story_print(const struct sim_story *story, FILE *out);
