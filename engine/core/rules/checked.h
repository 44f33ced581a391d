/* Rules that were read and checked, but not compiled: the program's own structures, still without registers, beside the
 * trees that will fill them. Made by file.c, read by compile.c, in the arena. */
#pragma once

#include "engine/core/rules/tree.h"

/* A name that the rules give to something. */
struct declaration {
    struct text name;
    enum meaning meaning;
    uint32_t index; /* among the things of its meaning, in their order */
    struct position position;
};

/* An expression; `tree` is NULL where none is given or it is wrong. */
struct checked_expression {
    struct source source;
    struct tree *tree;
};

struct checked_metric {
    struct text name;
    struct tree *parsed; /* not checked: what circles are looked for in */
    struct checked_expression value;
};

struct checked_signal {
    struct signal signal;
    struct checked_expression value, when;
};

struct checked_score {
    struct score score;
    struct checked_signal *signals;
};

struct checked_case {
    struct dimension_case dimension_case;
    struct checked_expression value_of, when;
};

struct checked_dimension {
    struct dimension dimension;
    struct checked_case *cases;
};

struct checked_segment {
    struct segment segment;
    struct checked_expression when, until;
};

struct checked_rules {
    struct program program; /* its settings */
    struct declaration *declarations;
    uint32_t declarations_count;
    struct checked_metric *metrics;
    uint32_t metrics_count;
    struct checked_score *scores;
    struct checked_dimension *dimensions;
    struct checked_segment *segments;
    struct position position; /* of the file's first key */
};

/* What an expression may look at: the first so many of each. */
struct scope {
    const struct checked_rules *rules;
    enum meaning place; /* of what it is a part */
    uint32_t metrics, scores, dimensions, segments;
};
