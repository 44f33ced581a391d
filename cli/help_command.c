#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/printer.h"
#include "config/print.h"

static const struct flag flags[] = {
    {"man", 0, NULL,
     .about = "Writes the manual page (roff) instead; without a command the program's; `configuration` is one too."},
    {"options", 0, NULL, .about = "Writes all options of the configuration file, as Markdown."},
    {0},
};

static enum result write_help(const struct invocation *invocation, struct buffer *out, struct error *error) {
    const char *name = invocation->arguments->operands_count == 0 ? NULL : invocation->arguments->operands[0];
    bool manual = arguments_has(invocation->arguments, "man");
    const struct command *command = name == NULL ? NULL : command_find(name);
    if (arguments_has(invocation->arguments, "options"))
        options_document(out);
    else if (name == NULL)
        (manual ? manual_program : help_program)(out);
    else if (manual && strcmp(name, "configuration") == 0)
        manual_configuration(out);
    else if (command == NULL)
        return error_set(error, RESULT_REJECT, "there is no command `%s`", name);
    else
        (manual ? manual_command : help_command)(command, out);
    return RESULT_OK;
}

static enum exit_status run(const struct invocation *invocation) {
    struct printer printer;
    struct error error;
    printer_open(&printer, STDOUT_FILENO);
    enum result written = write_help(invocation, &printer.buffer, &error);
    enum result closed = printer_close(&printer, &error);
    if (written == RESULT_OK && closed == RESULT_OK)
        return EXIT_GOOD;
    log_write(invocation->log, LEVEL_ERROR, "%s", error.text);
    return written == RESULT_OK ? EXIT_FAILED : EXIT_USAGE;
}

const struct command command_help = {
    .name = "help",
    .summary = "help for a command",
    .operands = "[COMMAND]",
    .operands_max = 1,
    .about = "Tells what the program, or a command of it, does. `bellwether COMMAND --help` is the same.",
    .flags = flags,
    .examples = "bellwether help replay\nbellwether help --man run | man -l -",
    .run = run,
};
