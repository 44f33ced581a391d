// What happened in a fault test, line by line with the time since its beginning, and how often what was promised was
// not kept. Main thread only.
#pragma once

#include <stdint.h>
#include <stdio.h>

struct story {
    FILE *file;
    int64_t begun_ms;
    int violations;
};

// `path`: of the file to write.
void story_open(const char *path, struct story *ret_story);
void story_close(struct story *story);
void story_tell(struct story *story, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Tells, also on standard error, and counts.
void story_violation(struct story *story, const char *format, ...) __attribute__((format(printf, 2, 3)));
