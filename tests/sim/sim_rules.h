/* The rules that seeds run with, in sets of three that follow one another while a seed runs. */
#pragma once

#include <stdint.h>

#define SIM_RULE_SETS    6
#define SIM_RULES_OF_ONE 3

struct sim_rule_set {
    int64_t unit_ms; /* what an hour is to these rules */
    const char *rules[SIM_RULES_OF_ONE];
};

extern const struct sim_rule_set sim_rule_sets[SIM_RULE_SETS];
