#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/printer.h"

/* What the system hands over, as nobody changes it. */
static const char *const *environment(void) {
    return (const char *const *)environ;
}

static enum exit_status show(void (*write)(struct buffer *out), int descriptor, enum exit_status status) {
    struct printer printer;
    struct error error;
    printer_open(&printer, descriptor);
    write(&printer.buffer);
    return printer_close(&printer, &error) == RESULT_OK ? status : EXIT_FAILED;
}

static enum exit_status show_command(const struct command *command) {
    struct printer printer;
    struct error error;
    printer_open(&printer, STDOUT_FILENO);
    help_command(command, &printer.buffer);
    return printer_close(&printer, &error) == RESULT_OK ? EXIT_GOOD : EXIT_FAILED;
}

static enum exit_status unknown_command(const char *name) {
    struct text names[64];
    size_t count = 0;
    for (; commands[count] != NULL && count < 64; count++)
        names[count] = text_of(commands[count]->name);
    int nearest = text_nearest(text_of(name), names, count);
    fprintf(stderr, "bellwether: there is no command `%s`", name);
    if (nearest >= 0)
        fprintf(stderr, "; did you mean `%s`?", names[nearest].data);
    fprintf(stderr, "\nSee `bellwether help` for the list.\n");
    return EXIT_USAGE;
}

/* The index of `value` in a list that ends with NULL, or -1. */
static int choice_of(const char *value, const char *const *choices) {
    for (int i = 0; choices[i] != NULL; i++)
        if (strcmp(value, choices[i]) == 0)
            return i;
    return -1;
}

static enum result read_log_options(const struct command *command, const struct arguments *arguments,
                                    struct log_options *ret_options, struct error *error) {
    static const char *const formats[] = {"auto", "human", "json", NULL};
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    const char *format_text = arguments_value(arguments, "log-format");
    const char *level_text = arguments_value(arguments, "log-level");
    int format = format_text == NULL ? 0 : choice_of(format_text, formats);
    int level = level_text == NULL ? LEVEL_INFO : choice_of(level_text, levels);
    if (format < 0)
        return error_set(error, RESULT_REJECT, "--log-format: `%s` is neither `human` nor `json`", format_text);
    if (level < 0)
        return error_set(error, RESULT_REJECT, "--log-level: `%s` is none of `error`, `warning`, `info`, `debug`",
                         level_text);
    enum log_style human = command->daemon ? LOG_STYLE_HUMAN : LOG_STYLE_PLAIN;
    bool automatic_json = format == 0 && command->daemon && isatty(STDERR_FILENO) == 0;
    *ret_options = (struct log_options){
        .style = format == 2 || automatic_json ? LOG_STYLE_JSON : human,
        .level = (enum log_level)level,
        .colour = printer_has_colour(STDERR_FILENO, environment()),
        .descriptor = STDERR_FILENO,
        .wall_ms = clock_wall_ms,
    };
    return RESULT_OK;
}

static enum exit_status usage_error(const struct command *command, const struct error *error) {
    fprintf(stderr, "bellwether %s: %s\nSee `bellwether %s --help`.\n", command->name, error->text, command->name);
    return EXIT_USAGE;
}

static enum exit_status run_command(const struct command *command, const char *const *words, int count) {
    struct arguments arguments;
    struct log_options options;
    struct log *log = NULL;
    struct error error;
    if (arguments_parse(command, words, count, environment(), &arguments, &error) != RESULT_OK)
        return usage_error(command, &error);
    enum exit_status status;
    if (arguments_has(&arguments, "help"))
        status = show_command(command);
    else if (read_log_options(command, &arguments, &options, &error) != RESULT_OK ||
             log_create(&options, &log, &error) != RESULT_OK)
        status = usage_error(command, &error);
    else
        status = command->run(&(struct invocation){command, &arguments, environment(), log});
    log_free(log);
    arguments_free(&arguments);
    return status;
}

int main(int argc, char **argv) {
    /* A reader that goes away is seen where is written, in words of ours. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return show(help_program, STDERR_FILENO, EXIT_USAGE);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return show(help_program, STDOUT_FILENO, EXIT_GOOD);
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *command = command_find(name);
    return command == NULL ? unknown_command(name) : run_command(command, (const char *const *)argv + 2, argc - 2);
}
