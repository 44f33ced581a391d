/* What the tables of commands, flags and options say, as help on a terminal and as manual pages. */
#pragma once

#include "base/buffer.h"
#include "cli/commands.h"

/* The list of all commands. */
void help_program(struct buffer *out);
/* `bellwether COMMAND --help`. */
void help_command(const struct command *command, struct buffer *out);

/* Manual pages in the man macros: of the program, of a command (section 1), of the configuration file (section 5). */
void manual_program(struct buffer *out);
void manual_command(const struct command *command, struct buffer *out);
void manual_configuration(struct buffer *out);
