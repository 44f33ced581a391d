/* Names and types of a parsed expression: resolves every name, finds every type, refuses what has no meaning, and
 * computes what is known before any event comes. */
#pragma once

#include "engine/core/rules/checked.h"
#include "engine/core/rules/report.h"

/* False where something is wrong (reported). */
bool check_expression(struct report *report, const struct scope *scope, const struct source *source, struct tree *tree);
