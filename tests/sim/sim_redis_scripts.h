/* The scripts of a simulated Redis: the store's own, run by Lua 5.1, as a server does, on the data of the simulation.
 * Each is compiled once. What a script did before it failed stays done, as in Redis. One thread. */
#pragma once

#include "tests/sim/sim_redis_commands.h"

#define SIM_HASH_SIZE 40

/* Why a server does not take a script's writes; NULL: it does. */
struct sim_refusals {
    const char *writes, *growth;
};

struct sim_scripts;

struct sim_scripts *sim_scripts_create(void);
void sim_scripts_free(struct sim_scripts *scripts);
/* As after a restart: a script has to be loaded before it is run. */
void sim_scripts_forget(struct sim_scripts *scripts);

/* SCRIPT LOAD: answers with the hash, or with what the compiler says. */
void sim_scripts_load(struct sim_scripts *scripts, struct text body, struct buffer *out);
/* EVALSHA: the call's arguments are the hash, the number of keys, the keys and the arguments. */
void sim_scripts_run(struct sim_scripts *scripts, const struct sim_command_call *call,
                     const struct sim_refusals *refusals);
