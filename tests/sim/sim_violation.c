#include "tests/sim/sim_violation.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t the_seed;
static const struct sim_story *the_story;

void sim_violation_about(uint64_t seed, const struct sim_story *story) {
    the_seed = seed;
    the_story = story;
}

/* In a signal's handler too: the process is at its end, and a story that is cut off is better than none.
 * NOLINTBEGIN(bugprone-signal-handler) */
void sim_violation_story(void) {
    if (the_story != NULL)
        sim_story_print(the_story, stdout);
    printf("seed %llu: violated; run it again with --seed %llu\n", (unsigned long long)the_seed,
           (unsigned long long)the_seed);
    fflush(stdout);
}

void sim_violation(const char *invariant, const char *format, ...) {
    sim_violation_story();
    va_list arguments;
    va_start(arguments, format);
    printf("invariant: %s\n", invariant);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n\n");
    fflush(stdout);
    _exit(1);
}

static void tell_and_die(int signal_number) {
    sim_violation_story();
    printf("invariant: a process does not end by itself (%s)\n\n", strsignal(signal_number));
    fflush(stdout);
    _exit(1);
}
/* NOLINTEND(bugprone-signal-handler) */

void sim_violation_catch_signals(void) {
    const int signals[] = {SIGABRT, SIGALRM, SIGSEGV, SIGFPE, SIGBUS};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], tell_and_die);
}
