#include <stdio.h>
#include <string.h>

#include "bellwether_version.h"
#include "cli/help.h"
#include "config/options.h"

/* Text in the man macros: what roff would take for its own is escaped, `quotes` become bold, a blank line a paragraph.
 */
static void put_roff(struct buffer *out, const char *text) {
    bool bold = false, line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            buffer_put_string(out, "\\&");
        line_start = *text == '\n';
        if (*text == '`') {
            bold = !bold;
            buffer_put_string(out, bold ? "\\fB" : "\\fR");
        } else if (text[0] == '\n' && text[1] == '\n') {
            buffer_put_string(out, "\n.PP\n");
            text++;
        } else if (*text == '\\') {
            buffer_put_string(out, "\\e");
        } else if (*text == '-') {
            buffer_put_string(out, "\\-");
        } else {
            buffer_put_u8(out, (uint8_t)*text);
        }
    }
    buffer_put_string(out, "\n");
}

static void put_title(struct buffer *out, const char *name, int section, const char *summary) {
    buffer_printf(out, ".TH \"%s\" \"%d\" \"\" \"Bellwether %s\" \"Bellwether\"\n.SH NAME\n", name, section,
                  BELLWETHER_VERSION);
    put_roff(out, name);
    buffer_put_string(out, "\\- ");
    put_roff(out, summary);
}

static void put_exit_status(struct buffer *out) {
    buffer_put_string(out,
                      ".SH EXIT STATUS\n.TP\n0\ngood\n.TP\n1\nfailed\n.TP\n2\nwrong usage or configuration\n.TP\n3\n"
                      "finished, but some input was rejected\n");
}

static void put_flag(struct buffer *out, const struct flag *flag) {
    buffer_put_string(out, ".TP\n\\fB");
    if (flag->letter != 0)
        buffer_printf(out, "\\-%c\\fR, \\fB", flag->letter);
    buffer_put_string(out, "\\-\\-");
    for (const char *at = flag->name; *at != '\0'; at++)
        buffer_printf(out, "%s%c", *at == '-' ? "\\" : "", *at);
    buffer_printf(out, "\\fR%s\\fI%s\\fR\n", flag->value == NULL ? "" : " ", flag->value == NULL ? "" : flag->value);
    put_roff(out, flag->about);
    if (flag->repeated)
        buffer_put_string(out, "May be given several times.\n");
    if (flag->environment != NULL)
        buffer_printf(out, "Environment: \\fB%s\\fR.\n", flag->environment);
}

void manual_command(const struct command *command, struct buffer *out) {
    const struct flag *flags[FLAGS_MAX];
    uint32_t count = command_flags(command, flags);
    char name[64];
    snprintf(name, sizeof name, "bellwether-%s", command->name);
    put_title(out, name, 1, command->summary);
    buffer_printf(out, ".SH SYNOPSIS\n\\fBbellwether %s\\fR [options]%s%s\n.SH DESCRIPTION\n", command->name,
                  command->operands == NULL ? "" : " ", command->operands == NULL ? "" : command->operands);
    put_roff(out, command->about);
    buffer_put_string(out, ".SH OPTIONS\n");
    for (uint32_t i = 0; i < count; i++)
        put_flag(out, flags[i]);
    put_exit_status(out);
    if (command->examples != NULL) {
        buffer_put_string(out, ".SH EXAMPLES\n.nf\n");
        put_roff(out, command->examples);
        buffer_put_string(out, ".fi\n");
    }
    buffer_put_string(out, ".SH SEE ALSO\n.BR bellwether (1),\n.BR bellwether.yaml (5)\n");
}

void manual_program(struct buffer *out) {
    put_title(out, "bellwether", 1, "churn risk, lifecycle stages and segments of customers, the moment they change");
    buffer_put_string(out, ".SH SYNOPSIS\n\\fBbellwether\\fR \\fICOMMAND\\fR [options]\n.SH DESCRIPTION\n");
    put_roff(
        out,
        "Reads the event streams that a company has in Kafka, keeps every account's windows in Redis, computes churn "
        "risk, lifecycle stage and segment membership the moment they change, also when nothing happens, and "
        "publishes each change once, with its reasons, for playbooks to act on.");
    buffer_put_string(out, ".SH COMMANDS\n");
    for (const struct command *const *command = commands; *command != NULL; command++) {
        buffer_printf(out, ".TP\n\\fB%s\\fR\n", (*command)->name);
        put_roff(out, (*command)->summary);
    }
    put_exit_status(out);
    buffer_put_string(out, ".SH SEE ALSO\n.BR bellwether.yaml (5)");
    for (const struct command *const *command = commands; *command != NULL; command++)
        buffer_printf(out, ",\n.BR bellwether-%s (1)", (*command)->name);
    buffer_put_string(out, "\n");
}

void manual_configuration(struct buffer *out) {
    put_title(out, "bellwether.yaml", 5, "the configuration of bellwether");
    buffer_put_string(out, ".SH DESCRIPTION\n");
    put_roff(
        out,
        "YAML, given by `-c` or in `BELLWETHER_CONFIG`. Each dot of an option's name is a level of the file. Every "
        "option may be left out. The command line (`--set`) goes before the environment, the environment before the "
        "file, the file before the default. Durations and sizes have a unit: `200ms`, `64MiB`. Paths are relative "
        "to the file's folder. An unknown name is an error.");
    buffer_put_string(out, ".SH OPTIONS\n");
    for (const struct option *option = option_table; option < option_table + option_table_count; option++) {
        char values[256], environment[OPTION_ENVIRONMENT_SIZE_MAX];
        option_values(option, values, sizeof values);
        option_environment(option, environment);
        buffer_printf(out, ".TP\n\\fB%s\\fR\n", option->path);
        put_roff(out, option->about);
        buffer_put_string(out, ".br\nValue: ");
        put_roff(out, values);
        buffer_printf(out, ".br\nDefault: %s. Environment: %s.\n", option->initial == NULL ? "null" : option->initial,
                      environment);
    }
    buffer_put_string(out, ".SH SEE ALSO\n.BR bellwether (1)\n");
}
