/* A command's options and operands, read from the command line by its table of flags. Options may stand among operands;
 * after `--` all are operands. `--name VALUE`, `--name=VALUE`, `-n VALUE` and `-nVALUE` are the same. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

#define FLAGS_MAX       32
#define FLAG_VALUES_MAX 64

struct flag {
    const char *name;        /* `rules`, for --rules */
    char letter;             /* `r`, for -r; 0: none */
    const char *value;       /* what its value is called: `FILE`; NULL: it has none */
    const char *about;       /* what it does, a sentence or two */
    const char *environment; /* the variable that stands in for it; NULL: none */
    bool required;
    bool repeated; /* may be given several times */
};

struct command;

struct arguments {
    const struct flag *flags[FLAGS_MAX]; /* all that the command takes */
    uint32_t flags_count;
    struct {
        const char *values[FLAG_VALUES_MAX];
        uint32_t count; /* how often it was given */
    } given[FLAGS_MAX];
    const char **operands; /* owned */
    uint32_t operands_count;
};

/* Every flag that the command takes: its own, those of all configured commands, those of all. */
uint32_t command_flags(const struct command *command, const struct flag *ret_flags[FLAGS_MAX]);

/* `count` words after the command's name. RESULT_REJECT: wrong usage, the message says what was expected. The strings
 * are borrowed. Where --help is given nothing else is required. */
MUST_USE enum result arguments_parse(const struct command *command, const char *const *words, int count,
                                     const char *const *environment, struct arguments *ret_arguments,
                                     struct error *error);
void arguments_free(struct arguments *arguments);

/* The (last) value of a flag, NULL where it was not given. The flag must be in the command's table. */
const char *arguments_value(const struct arguments *arguments, const char *name);
bool arguments_has(const struct arguments *arguments, const char *name);
/* All values of a flag that may be repeated. */
const char *const *arguments_values(const struct arguments *arguments, const char *name, uint32_t *ret_count);

const char *environment_value(const char *const *environment, const char *name);
