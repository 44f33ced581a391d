/* The one table of the program's commands. Dispatch, the parsing of options, `--help` and the manual pages come from
 * it. A command lives in its own file, cli/NAME_command.c, which defines its row; commands.c lists the rows. */
#pragma once

#include "cli/arguments.h"
#include "ops/log.h"

/* What the program exits with, for every command alike. */
enum exit_status {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,    /* wrong usage or configuration */
    EXIT_REJECTED = 3, /* finished, but some input was rejected */
};

/* What a command is run with. */
struct invocation {
    const struct command *command;
    const struct arguments *arguments;
    const char *const *environment;
    struct log *log; /* plain style, but for commands that are `daemon`; or as --log-format says */
};

struct command {
    const char *name;
    const char *summary;  /* one line, no period */
    const char *operands; /* `[FILE...]`; NULL: takes none */
    uint32_t operands_min, operands_max;
    const char *about;        /* paragraphs, with a blank line between; words in `quotes` are set off */
    const struct flag *flags; /* its own; ends with a row without a name; NULL: none */
    bool configured;          /* also takes -c FILE and --set OPTION=VALUE */
    bool daemon;              /* logs with the time, as JSON lines where standard error is no terminal */
    const char *examples;     /* lines as they are typed; NULL: none */
    enum exit_status (*run)(const struct invocation *invocation);
};

extern const struct command command_check, command_demo, command_help, command_produce, command_replay, command_run,
    command_tail, command_test, command_version;

extern const struct command *const commands[]; /* ends with NULL */

/* NULL where there is none. */
const struct command *command_find(const char *name);
