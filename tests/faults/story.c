#include "tests/faults/story.h"

#include <stdarg.h>

#include "tests/harness/deadline.h"
#include "tests/harness/fail.h"

void story_open(const char *path, struct story *ret_story) {
    *ret_story = (struct story){.file = fopen(path, "w"), .begun_ms = deadline_after(0).at_ms};
    if (!ret_story->file) {
        harness_fail("cannot write %s", path);
    }
    setvbuf(ret_story->file, NULL, _IOLBF, 0);
}

void story_close(struct story *story) {
    fclose(story->file);
    story->file = NULL;
}

__attribute__((format(printf, 3, 0))) static void tell(struct story *story, const char *kind, const char *format,
                                                       va_list arguments) {
    int64_t elapsed_ms = deadline_after(0).at_ms - story->begun_ms;
    fprintf(story->file, "%4lld.%03lld %s", (long long)(elapsed_ms / 1000), (long long)(elapsed_ms % 1000), kind);
    vfprintf(story->file, format, arguments);
    fputc('\n', story->file);
}

void story_tell(struct story *story, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tell(story, "", format, arguments);
    va_end(arguments);
}

void story_violation(struct story *story, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    story->violations++;
    tell(story, "VIOLATION ", format, arguments);
    fputs("violation: ", stderr);
    vfprintf(stderr, format, again);
    fputc('\n', stderr);
    va_end(again);
    va_end(arguments);
}
