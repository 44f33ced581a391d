#include "cli/help.h"

#include <string.h>

#define WIDTH        96
#define COLUMN_ABOUT 30
#define COLUMN_NAMES 14

/* Puts words one after the other, in lines of WIDTH, each but the first indented. `column` is where the line stands. A
 * newline in the text stays one. */
static void put_wrapped(struct buffer *out, const char *text, size_t column, size_t indent) {
    bool line_start = true;
    while (*text != '\0') {
        size_t size = strcspn(text, " \n");
        bool fits = line_start || column + 1 + size <= WIDTH;
        if (!fits)
            buffer_printf(out, "\n%*s", (int)indent, "");
        else if (!line_start)
            buffer_put_string(out, " ");
        column = fits ? column + !line_start + size : indent + size;
        buffer_put(out, text, size);
        text += size;
        line_start = *text == '\n';
        if (line_start) {
            buffer_printf(out, "\n%*s", text[1] == '\n' ? 0 : (int)indent, "");
            column = indent;
        }
        text += *text != '\0';
    }
    buffer_put_string(out, "\n");
}

static void put_usage(const struct command *command, struct buffer *out) {
    buffer_printf(out, "bellwether %s", command->name);
    for (const struct flag *flag = command->flags; flag != NULL && flag->name != NULL; flag++)
        if (flag->required)
            buffer_printf(out, " --%s %s", flag->name, flag->value);
    buffer_put_string(out, " [options]");
    if (command->operands != NULL)
        buffer_printf(out, " %s", command->operands);
}

static void put_flag_name(const struct flag *flag, struct buffer *out) {
    if (flag->letter != 0)
        buffer_printf(out, "-%c, ", flag->letter);
    buffer_printf(out, "--%s", flag->name);
    if (flag->value != NULL)
        buffer_printf(out, " %s", flag->value);
}

static void put_flag_about(const struct flag *flag, struct buffer *about) {
    buffer_put_string(about, flag->about);
    if (flag->repeated)
        buffer_put_string(about, " May be given several times.");
    if (flag->environment != NULL)
        buffer_printf(about, " [%s]", flag->environment);
}

static void put_flag(const struct flag *flag, struct buffer *out) {
    struct buffer name = {0}, about = {0};
    put_flag_name(flag, &name);
    put_flag_about(flag, &about);
    buffer_put_u8(&about, '\0');
    if (!buffer_ok(&name) || !buffer_ok(&about))
        return;
    buffer_printf(out, "  %-*.*s", COLUMN_ABOUT - 2, (int)name.size, (const char *)name.data);
    if (name.size + 3 > COLUMN_ABOUT)
        buffer_printf(out, "\n%*s", COLUMN_ABOUT, "");
    put_wrapped(out, (const char *)about.data, COLUMN_ABOUT, COLUMN_ABOUT);
    buffer_free(&name);
    buffer_free(&about);
}

static void put_examples(const char *examples, const char *indent, struct buffer *out) {
    for (const char *line = examples; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        buffer_printf(out, "%s%.*s\n", indent, (int)size, line);
        line += size + (line[size] == '\n');
    }
}

void help_command(const struct command *command, struct buffer *out) {
    const struct flag *flags[FLAGS_MAX];
    uint32_t count = command_flags(command, flags);
    buffer_put_string(out, "Usage: ");
    put_usage(command, out);
    buffer_put_string(out, "\n\n");
    put_wrapped(out, command->about, 0, 0);
    buffer_put_string(out, "\nOptions:\n");
    for (uint32_t i = 0; i < count; i++)
        put_flag(flags[i], out);
    if (command->examples != NULL) {
        buffer_put_string(out, "\nExamples:\n");
        put_examples(command->examples, "  ", out);
    }
}

void help_program(struct buffer *out) {
    buffer_put_string(out, "Usage: bellwether COMMAND [options]\n\n");
    put_wrapped(
        out,
        "Watches the event streams of every customer in Kafka, computes churn risk, lifecycle stage and segments the "
        "moment they change, and publishes each change once, with its reasons.",
        0, 0);
    buffer_put_string(out, "\nCommands:\n");
    for (const struct command *const *command = commands; *command != NULL; command++)
        buffer_printf(out, "  %-*s%s\n", COLUMN_NAMES - 2, (*command)->name, (*command)->summary);
    buffer_put_string(out, "\n`bellwether COMMAND --help` tells more. Exit status: 0 good, 1 failed, 2 wrong usage or "
                           "configuration,\n3 finished, but some input was rejected.\n");
}
