/* Checked rules into a program. */
#pragma once

#include "engine/core/rules/checked.h"
#include "engine/core/rules/report.h"

/* NULL where memory is out or the rules are larger than a program can be (reported). */
struct program *compile_rules(struct report *report, struct checked_rules *rules);

/* The hash of all that can matter to an outcome. */
uint64_t rules_hash(const struct checked_rules *rules);
