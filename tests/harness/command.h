// Runs the bellwether program (BELLWETHER_BINARY in the environment, else the one of this build), or any other, as a
// user would. Call it from the main thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/harness/process.h"

struct command_options {
    const char *input;              // Standard input as text; NULL: nothing.
    const char *const *environment; // "NAME=value", NULL-terminated; may be NULL.
    const char *directory;          // NULL: this process'.
    int64_t wait_ms;                // 0: a minute. The test fails when the program has not ended by then.
};

struct command_result {
    int exit_status; // 128 plus the signal where one ended it.
    char *output;    // What it wrote to standard output, and behind it a zero.
    size_t output_size;
    char *error; // The same of standard error.
    size_t error_size;
};

// `arguments` are NULL-terminated; `options` may be NULL. command_result_free the result.
void command_run(const char *const *arguments, const struct command_options *options,
                 struct command_result *ret_result);

// The same for bellwether; `arguments` are those behind the program's name.
void bellwether_run(const char *const *arguments, const struct command_options *options,
                    struct command_result *ret_result);
void command_result_free(struct command_result *result);

// Starts bellwether and leaves it running, both its outputs going to `log_path`: for the daemon, then
// process_await_line, process_stop and so on.
void bellwether_start(const char *const *arguments, const char *const *environment, const char *log_path,
                      struct process *ret_process);

const char *bellwether_path(void);
