/* A rules file, read, checked and compiled, for every command that needs one. */
#pragma once

#include "base/arena.h"
#include "config/findings.h"
#include "engine/core/rules/program.h"

/* Everything that is wrong goes to `findings`, each with its place in the file. The program lives in `arena`.
 * RESULT_REJECT: the file is not valid, or cannot be read; RESULT_FATAL: memory is out. */
MUST_USE enum result rules_file_read(const char *path, struct arena *arena, const struct program **ret_program,
                                     struct findings *findings);

/* The same of a pack that is compiled in (config/rules/): `default.yaml`, `starter.yaml`. */
MUST_USE enum result rules_pack_read(const char *name, struct arena *arena, const struct program **ret_program,
                                     struct findings *findings);

/* Warns of each stream that is off (`topics`: NULL) and that the rules look at: to them nothing ever happened there. */
void rules_file_check_streams(const struct program *program, const char *const topics[STREAMS],
                              struct findings *findings);
