#include "cli/commands.h"

#include <string.h>

const struct command *const commands[] = {
    &command_run,     &command_demo, &command_replay,  &command_test, &command_check,
    &command_produce, &command_tail, &command_version, &command_help, NULL,
};

const struct command *command_find(const char *name) {
    for (const struct command *const *command = commands; *command != NULL; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}
