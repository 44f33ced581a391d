#include "cli/arguments.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/commands.h"

static const struct flag flags_of_configured[] = {
    {"config", 'c', "FILE", .about = "The configuration file; without one, defaults and the environment count.",
     .environment = "BELLWETHER_CONFIG"},
    {"set", 0, "OPTION=VALUE", .about = "Sets one option of the configuration, before the file and the environment.",
     .repeated = true},
    {0},
};

static const struct flag flags_of_all[] = {
    {"help", 'h', NULL, .about = "Shows this help."},
    {"log-format", 0, "FORMAT",
     .about = "How messages are written to standard error: `human` or `json`, a JSON object a line.",
     .environment = "BELLWETHER_LOG_FORMAT"},
    {"log-level", 0, "LEVEL", .about = "What is logged: `error`, `warning`, `info` or `debug`, and all above it.",
     .environment = "BELLWETHER_LOG_LEVEL"},
    {0},
};

static uint32_t add_flags(const struct flag *flags, const struct flag *ret_flags[FLAGS_MAX], uint32_t count) {
    for (; flags != NULL && flags->name != NULL; flags++) {
        assert(count < FLAGS_MAX);
        ret_flags[count++] = flags;
    }
    return count;
}

uint32_t command_flags(const struct command *command, const struct flag *ret_flags[FLAGS_MAX]) {
    uint32_t count = add_flags(command->flags, ret_flags, 0);
    count = add_flags(command->configured ? flags_of_configured : NULL, ret_flags, count);
    return add_flags(flags_of_all, ret_flags, count);
}

/* FLAGS_MAX where there is none. */
static uint32_t flag_index(const struct arguments *arguments, struct text name) {
    for (uint32_t i = 0; i < arguments->flags_count; i++)
        if (text_equals(name, arguments->flags[i]->name))
            return i;
    return FLAGS_MAX;
}

static uint32_t letter_index(const struct arguments *arguments, char letter) {
    for (uint32_t i = 0; i < arguments->flags_count; i++)
        if (arguments->flags[i]->letter == letter)
            return i;
    return FLAGS_MAX;
}

static enum result unknown_flag(const struct arguments *arguments, struct text name, struct error *error) {
    struct text names[FLAGS_MAX];
    for (uint32_t i = 0; i < arguments->flags_count; i++)
        names[i] = text_of(arguments->flags[i]->name);
    int nearest = text_nearest(name, names, arguments->flags_count);
    if (nearest < 0)
        return error_set(error, RESULT_REJECT, "there is no option --%.*s", TEXT_ARGUMENTS(name));
    return error_set(error, RESULT_REJECT, "there is no option --%.*s; did you mean --%.*s?", TEXT_ARGUMENTS(name),
                     TEXT_ARGUMENTS(names[nearest]));
}

/* The words of the command line, and the one that is read next. */
struct words {
    const char *const *words;
    int count, at;
};

/* `value`: what stands with the flag itself, or NULL: then the next word is it. */
static enum result take_flag(struct arguments *arguments, uint32_t index, const char *value, struct words *words,
                             struct error *error) {
    const struct flag *flag = arguments->flags[index];
    uint32_t *count = &arguments->given[index].count;
    if (flag->value == NULL && value != NULL)
        return error_set(error, RESULT_REJECT, "the option --%s takes no value", flag->name);
    if (flag->value != NULL && value == NULL && words->at < words->count)
        value = words->words[words->at++];
    if (flag->value != NULL && value == NULL)
        return error_set(error, RESULT_REJECT, "the option --%s wants a value: --%s %s", flag->name, flag->name,
                         flag->value);
    if (*count > 0 && !flag->repeated && flag->value != NULL)
        return error_set(error, RESULT_REJECT, "the option --%s is given twice", flag->name);
    if (*count == FLAG_VALUES_MAX)
        return error_set(error, RESULT_REJECT, "the option --%s is given more than %d times", flag->name,
                         FLAG_VALUES_MAX);
    arguments->given[index].values[(*count)++] = value;
    return RESULT_OK;
}

static enum result take_long(struct arguments *arguments, const char *word, struct words *words, struct error *error) {
    const char *equals = strchr(word, '=');
    struct text name = {word, (uint32_t)(equals == NULL ? strlen(word) : (size_t)(equals - word))};
    uint32_t index = flag_index(arguments, name);
    if (index == FLAGS_MAX)
        return unknown_flag(arguments, name, error);
    return take_flag(arguments, index, equals == NULL ? NULL : equals + 1, words, error);
}

static enum result take_letters(struct arguments *arguments, const char *letters, struct words *words,
                                struct error *error) {
    for (; *letters != '\0'; letters++) {
        uint32_t index = letter_index(arguments, *letters);
        if (index == FLAGS_MAX)
            return error_set(error, RESULT_REJECT, "there is no option -%c", *letters);
        bool takes_rest = arguments->flags[index]->value != NULL && letters[1] != '\0';
        enum result result = take_flag(arguments, index, takes_rest ? letters + 1 : NULL, words, error);
        if (result != RESULT_OK || takes_rest)
            return result;
    }
    return RESULT_OK;
}

static enum result take_all(struct arguments *arguments, struct words *words, struct error *error) {
    bool only_operands = false;
    while (words->at < words->count) {
        const char *word = words->words[words->at++];
        enum result result = RESULT_OK;
        if (!only_operands && strcmp(word, "--") == 0)
            only_operands = true;
        else if (!only_operands && strncmp(word, "--", 2) == 0)
            result = take_long(arguments, word + 2, words, error);
        else if (!only_operands && word[0] == '-' && word[1] != '\0')
            result = take_letters(arguments, word + 1, words, error);
        else
            arguments->operands[arguments->operands_count++] = word;
        if (result != RESULT_OK)
            return result;
    }
    return RESULT_OK;
}

static void take_environment(struct arguments *arguments, const char *const *environment) {
    for (uint32_t i = 0; i < arguments->flags_count; i++) {
        const char *name = arguments->flags[i]->environment;
        const char *value = name == NULL || arguments->given[i].count > 0 ? NULL : environment_value(environment, name);
        if (value != NULL && *value != '\0')
            arguments->given[i].values[arguments->given[i].count++] = value;
    }
}

static enum result check_required(const struct command *command, const struct arguments *arguments,
                                  struct error *error) {
    for (uint32_t i = 0; i < arguments->flags_count; i++)
        if (arguments->flags[i]->required && arguments->given[i].count == 0)
            return error_set(error, RESULT_REJECT, "the option --%s %s is needed", arguments->flags[i]->name,
                             arguments->flags[i]->value);
    if (arguments->operands_count < command->operands_min)
        return error_set(error, RESULT_REJECT, "%s is needed", command->operands);
    if (arguments->operands_count > command->operands_max)
        return error_set(error, RESULT_REJECT, "`%s` is one too many: the command takes %s",
                         arguments->operands[command->operands_max],
                         command->operands == NULL ? "options only" : command->operands);
    return RESULT_OK;
}

enum result arguments_parse(const struct command *command, const char *const *words, int count,
                            const char *const *environment, struct arguments *ret_arguments, struct error *error) {
    struct arguments arguments = {.operands = calloc((size_t)count + 1, sizeof *arguments.operands)};
    struct words all = {words, count, 0};
    if (arguments.operands == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    arguments.flags_count = command_flags(command, arguments.flags);
    enum result result = take_all(&arguments, &all, error);
    take_environment(&arguments, environment);
    if (result == RESULT_OK && !arguments_has(&arguments, "help"))
        result = check_required(command, &arguments, error);
    if (result == RESULT_OK)
        *ret_arguments = arguments;
    else
        arguments_free(&arguments);
    return result;
}

void arguments_free(struct arguments *arguments) {
    free(arguments->operands);
    *arguments = (struct arguments){0};
}

const char *arguments_value(const struct arguments *arguments, const char *name) {
    uint32_t count;
    const char *const *values = arguments_values(arguments, name, &count);
    return count == 0 ? NULL : values[count - 1];
}

bool arguments_has(const struct arguments *arguments, const char *name) {
    uint32_t count;
    (void)arguments_values(arguments, name, &count);
    return count > 0;
}

const char *const *arguments_values(const struct arguments *arguments, const char *name, uint32_t *ret_count) {
    uint32_t index = flag_index(arguments, text_of(name));
    assert(index != FLAGS_MAX);
    *ret_count = arguments->given[index].count;
    return arguments->given[index].values;
}

const char *environment_value(const char *const *environment, const char *name) {
    size_t size = strlen(name);
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}
