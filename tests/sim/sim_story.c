#include "tests/sim/sim_story.h"

#include <string.h>

#include "base/hash.h"

static void print_step(const struct sim_step *step, FILE *out) {
    char who[16] = "world";
    if (step->who >= 0)
        snprintf(who, sizeof who, "process %d", step->who);
    fprintf(out, "%10lld ms  %-9s  %s", (long long)step->time_ms, who, step->what);
    if (step->one >= 0)
        fprintf(out, " %lld", (long long)step->one);
    if (step->two >= 0)
        fprintf(out, " %lld", (long long)step->two);
    fprintf(out, "%s%s\n", step->detail[0] != 0 ? ": " : "", step->detail);
}

void sim_story_add(struct sim_story *story, int64_t time_ms, int who, const char *what, int64_t one, int64_t two,
                   const char *detail) {
    struct sim_step *step = &story->steps[story->count++ % STORY_STEPS_MAX];
    step->time_ms = time_ms;
    step->what = what;
    step->who = who;
    step->one = one;
    step->two = two;
    snprintf(step->detail, sizeof step->detail, "%s", detail == NULL ? "" : detail);
    int64_t numbers[] = {time_ms, who, one, two};
    story->hash = hash_bytes(numbers, sizeof numbers, story->hash);
    story->hash = hash_bytes(what, strlen(what), story->hash);
    if (detail != NULL)
        story->hash = hash_bytes(detail, strlen(detail), story->hash);
    if (story->aloud != NULL)
        print_step(step, story->aloud);
}

void sim_story_print(const struct sim_story *story, FILE *out) {
    uint64_t first = story->count > STORY_STEPS_MAX ? story->count - STORY_STEPS_MAX : 0;
    for (uint64_t i = first; i < story->count; i++)
        print_step(&story->steps[i % STORY_STEPS_MAX], out);
}
