/* The rules language's front door: a YAML document in, a program out, or everything that is wrong with it.
 * Pure; all memory comes from the arena. */
#pragma once

#include "base/arena.h"
#include "base/document.h"
#include "engine/core/rules/program.h"

#define PROBLEMS_MAX 20

/* Something wrong in a rules file, to be shown as `FILE:LINE:COLUMN: message`. */
struct problem {
    struct position position;
    struct text message; /* what was found, what was expected, the nearest name */
};

struct problems {
    struct problem items[PROBLEMS_MAX];
    uint32_t count; /* the first PROBLEMS_MAX, in the order of the file */
    bool has_more;  /* behind them */
};

/* RESULT_REJECT: the document is not valid rules, `problems` says why; RESULT_FATAL: memory is out. */
MUST_USE enum result rules_compile(const struct document *document, struct arena *arena,
                                   const struct program **ret_program, struct problems *problems);
