/* What the names in an expression stand for, and what is said of a name that stands for nothing there. */
#pragma once

#include "engine/core/rules/checked.h"
#include "engine/core/rules/report.h"

/* "metric", "score", "dimension", "segment". */
const char *meaning_name(enum meaning meaning);

/* The declaration of that name, or NULL. */
const struct declaration *names_find(const struct checked_rules *rules, struct text name);

/* The metric, score or dimension of that name that the scope may look at; else NULL, and reported at `position`. */
const struct declaration *names_value(struct report *report, const struct scope *scope, struct text name,
                                      struct position position);

/* The segment, or also dimension, of that name that the scope may look at; else NULL, and reported. */
const struct declaration *names_membership(struct report *report, const struct scope *scope,
                                           const struct membership_row *membership, struct text name,
                                           struct position position);

/* Which of the things of the meanings in the set (BIT) may have been meant, as report_choice says it; where `what` is
 * NULL, streams too, and only what is near. */
struct text names_choice(struct report *report, const struct checked_rules *rules, const char *what, uint32_t meanings,
                         struct text name);
