#include "tests/harness/command.h"

#include <stdlib.h>

#include "tests/harness/fail.h"
#include "tests/harness/temporary.h"

enum { WAIT_MS = 60000, ARGUMENTS_MAX = 64 };

const char *bellwether_path(void) {
    const char *given = getenv("BELLWETHER_BINARY");
    return given ? given : BELLWETHER_BINARY;
}

void command_run(const char *const *arguments, const struct command_options *options,
                 struct command_result *ret_result) {
    static const struct command_options none = {0};
    options = options ? options : &none;
    struct temporary folder;
    char output_path[PATH_MAX], error_path[PATH_MAX], input_path[PATH_MAX];
    temporary_create("command", &folder);
    temporary_path(&folder, "output", output_path);
    temporary_path(&folder, "error", error_path);
    temporary_write(&folder, "input", options->input ? options->input : "", input_path);
    struct process process;
    process_start(&(struct process_options){.arguments = arguments,
                                            .environment = options->environment,
                                            .input_path = input_path,
                                            .output_path = output_path,
                                            .log_path = error_path,
                                            .directory = options->directory},
                  &process);
    if (!process_await_end(&process, deadline_after(options->wait_ms ? options->wait_ms : WAIT_MS))) {
        process_kill(&process);
        harness_fail("%s did not end in time. The end of what it wrote to standard error:\n%s", arguments[0],
                     process_log_tail(&process));
    }
    struct command_result result = {.exit_status = process.exit_status};
    result.output = file_read(output_path, &result.output_size);
    result.error = file_read(error_path, &result.error_size);
    temporary_remove(&folder);
    *ret_result = result;
}

// `arguments` with the program before them, in `ret_all` of ARGUMENTS_MAX entries.
static void prepend_bellwether(const char *const *arguments, const char **ret_all) {
    size_t count = 0;
    ret_all[count++] = bellwether_path();
    for (size_t i = 0; arguments[i]; i++) {
        if (count + 1 >= ARGUMENTS_MAX) {
            harness_fail("more than %d arguments", ARGUMENTS_MAX - 2);
        }
        ret_all[count++] = arguments[i];
    }
    ret_all[count] = NULL;
}

void bellwether_run(const char *const *arguments, const struct command_options *options,
                    struct command_result *ret_result) {
    const char *all[ARGUMENTS_MAX];
    prepend_bellwether(arguments, all);
    command_run(all, options, ret_result);
}

void command_result_free(struct command_result *result) {
    free(result->output);
    free(result->error);
    *result = (struct command_result){0};
}

void bellwether_start(const char *const *arguments, const char *const *environment, const char *log_path,
                      struct process *ret_process) {
    const char *all[ARGUMENTS_MAX];
    prepend_bellwether(arguments, all);
    process_start(
        &(struct process_options){
            .name = "bellwether", .arguments = all, .environment = environment, .log_path = log_path},
        ret_process);
}
