// Child processes that cannot outlive the test: each runs in a process group of its own and is killed by the kernel
// when the thread that started it ends. Start them from the main thread. All waiting is for events, with a deadline.
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/harness/deadline.h"

struct process {
    pid_t id;        // 0 where none was started, or once its end has been seen.
    int descriptor;  // A pidfd: readable once the process has ended.
    int exit_status; // After its end: what it returned, or 128 plus the signal that ended it.
    char name[64];   // For messages.
    char log_path[PATH_MAX];
};

// Lists of strings end with NULL.
struct process_options {
    const char *name;               // For messages; NULL: the program's.
    const char *const *arguments;   // The first is the program, looked up in PATH.
    const char *const *environment; // "NAME=value", beside those of this process; may be NULL.
    const char *input_path;         // Standard input; NULL: nothing.
    const char *output_path;        // Standard output; NULL: the log.
    const char *log_path;           // Standard error; appended to.
    const char *directory;          // To run in; NULL: this process'.
};

void process_start(const struct process_options *options, struct process *ret_process);

// Whether it has not ended yet.
bool process_is_running(struct process *process);

// Awaits its end. False where the deadline comes first.
bool process_await_end(struct process *process, struct deadline deadline);

// Awaits a line in its log that contains `text`, from the byte `*position` of the log on, and moves `*position` behind
// that line (NULL: from the beginning). The test fails when the process ends or the deadline comes first.
void process_await_line(struct process *process, const char *text, long *position, struct deadline deadline);

// Awaits that `holds(context)`, looking again every few milliseconds. The test fails with `what` when the process ends
// or the deadline comes first.
void process_await(struct process *process, bool (*holds)(void *context), void *context, const char *what,
                   struct deadline deadline);

void process_signal(struct process *process, int signal);

// Hangs it; returns once none of its threads runs any more.
void process_pause(struct process *process);
void process_resume(struct process *process);

// SIGTERM, and SIGKILL for the whole group where that has not ended it within `grace_ms`. Returns the exit status. Does
// nothing where it has ended already.
int process_stop(struct process *process, int64_t grace_ms);
void process_kill(struct process *process);

// The last lines of the log, for a message; the caller frees it.
char *process_log_tail(const struct process *process);
