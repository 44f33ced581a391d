/* The commands of a simulated Redis that look at its data or change it: those that the store's scripts call, and some
 * for tests. Each answers in the protocol, as a server of version 7 does. */
#pragma once

#include "base/buffer.h"
#include "tests/sim/sim_redis_data.h"

struct sim_command_call {
    struct sim_data *data;
    int database;
    const struct text *arguments; /* the first is the command's name */
    uint32_t count;
    struct buffer *out;
};

struct sim_command {
    const char *name;
    int arity; /* arguments with the name; below 0: so many at least */
    bool writes;
    bool grows; /* refused by a full server */
    void (*run)(const struct sim_command_call *call);
};

/* NULL: there is no such command. */
const struct sim_command *sim_command_find(struct text name);
bool sim_command_fits(const struct sim_command *command, uint32_t count);

/* ---- answers */

void sim_answer_status(struct buffer *out, const char *status);
void sim_answer_error(struct buffer *out, const char *error);
void sim_answer_integer(struct buffer *out, int64_t integer);
void sim_answer_text(struct buffer *out, struct text text); /* missing: nil */
void sim_answer_array(struct buffer *out, uint32_t count);
