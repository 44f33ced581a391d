/* Each text in two sizes: of hours, which pass in what is caught up with, and of seconds, which pass while it runs. */
#include "tests/sim/sim_rules.h"

#include "base/instant.h"

static const char one_by_hours[] = "ruleset: one\n"
                                   "clock: { tick: 1h, lateness: 0s }\n"
                                   "streams: { login: { stall_after: 40h } }\n"
                                   "dimensions:\n"
                                   "  plan: { cases: [ { value_of: account.plan } ] }\n"
                                   "  use:\n"
                                   "    min_dwell: 5h\n"
                                   "    cases:\n"
                                   "      - { value: high, when: 'count(usage, 3d) > 2' }\n"
                                   "      - { value: low }\n"
                                   "segments:\n"
                                   "  silent: { when: 'since(login) > 2d' }\n"
                                   "  long_silent: { when: 'in_segment(silent)', for: 3d }\n";

static const char two_by_hours[] = "ruleset: two\n"
                                   "clock: { tick: 1h, lateness: 0s }\n"
                                   "dimensions:\n"
                                   "  use:\n"
                                   "    cases:\n"
                                   "      - { value: high, when: 'count(usage, 3d) > 1' }\n"
                                   "      - { value: low }\n"
                                   "segments:\n"
                                   "  silent: { when: 'since(login) > 1d', min_dwell: 5h }\n"
                                   "  back: { when: 'not in_segment(silent)', for: 5h, cooldown: 1d }\n";

static const char three_by_hours[] = "ruleset: three\n"
                                     "clock: { tick: 1h, lateness: 2h }\n"
                                     "segments:\n"
                                     "  silent: { when: 'since(login) > 3d' }\n"
                                     "  busy: { when: 'count(usage, 10d) > 5', until: 'count(usage, 3d) == 0' }\n";

static const char scored_by_hours[] = "ruleset: scored\n"
                                      "clock: { tick: 1h, lateness: 2h }\n"
                                      "scores:\n"
                                      "  risk:\n"
                                      "    method: weighted\n"
                                      "    signals:\n"
                                      "      quiet: { value: 'since(login)', curve: [[1d, 0], [10d, 1]], weight: 1 }\n"
                                      "      use: { value: 'count(usage, 3d)', curve: [[0, 1], [10, 0]], weight: 2 }\n"
                                      "dimensions:\n"
                                      "  band:\n"
                                      "    score: risk\n"
                                      "    bands: { low: 0, medium: 30, high: 60 }\n"
                                      "    hysteresis: 5\n"
                                      "    min_dwell: 5h\n"
                                      "segments:\n"
                                      "  many: { when: 'distinct(login.user_id, 10d) > 2' }\n";

static const char scored_again_by_hours[] =
    "ruleset: scored again\n"
    "clock: { tick: 1h, lateness: 2h }\n"
    "scores:\n"
    "  risk:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      quiet: { value: 'since(login)', curve: [[1d, 0], [3d, 1]], weight: 3 }\n"
    "dimensions:\n"
    "  band:\n"
    "    score: risk\n"
    "    bands: { low: 0, high: 50 }\n"
    "segments:\n"
    "  many: { when: 'distinct(usage.user_id, 3d) > 1', for: 5h }\n";

static const char distinct_by_hours[] =
    "ruleset: distinct\n"
    "clock: { tick: 1h, lateness: 5h }\n"
    "streams: { login: { stall_after: 40h }, usage: { stall_after: 40h } }\n"
    "segments:\n"
    "  seats: { when: 'distinct(login.user_id, 10d) > 1', for: 1d }\n"
    "  failing: { when: 'count(login where not succeeded, 3d) > 1' }\n"
    "  idle: { when: 'since(usage) > 1d', for: 1d, min_dwell: 1d }\n"
    "dimensions:\n"
    "  status: { min_dwell: 1d, cases: [ { value: gone, when: 'account.status == \"CANCELLED\"', urgent: true "
    "}, { value: here } ] }\n";

static const char one_by_seconds[] = "ruleset: one\n"
                                     "clock: { tick: 10s, lateness: 0s }\n"
                                     "streams: { login: { stall_after: 4m } }\n"
                                     "dimensions:\n"
                                     "  plan: { cases: [ { value_of: account.plan } ] }\n"
                                     "  use:\n"
                                     "    min_dwell: 25s\n"
                                     "    cases:\n"
                                     "      - { value: high, when: 'count(usage, 1h) > 2' }\n"
                                     "      - { value: low }\n"
                                     "segments:\n"
                                     "  silent: { when: 'since(login) > 2m' }\n"
                                     "  long_silent: { when: 'in_segment(silent)', for: 3m }\n";

static const char two_by_seconds[] = "ruleset: two\n"
                                     "clock: { tick: 10s, lateness: 0s }\n"
                                     "dimensions:\n"
                                     "  use:\n"
                                     "    cases:\n"
                                     "      - { value: high, when: 'count(usage, 1h) > 1' }\n"
                                     "      - { value: low }\n"
                                     "segments:\n"
                                     "  silent: { when: 'since(login) > 1m', min_dwell: 25s }\n"
                                     "  back: { when: 'not in_segment(silent)', for: 25s, cooldown: 1m }\n";

static const char three_by_seconds[] = "ruleset: three\n"
                                       "clock: { tick: 10s, lateness: 30s }\n"
                                       "segments:\n"
                                       "  silent: { when: 'since(login) > 3m' }\n"
                                       "  busy: { when: 'count(usage, 2h) > 5', until: 'count(usage, 1h) == 0' }\n";

static const char scored_by_seconds[] =
    "ruleset: scored\n"
    "clock: { tick: 10s, lateness: 30s }\n"
    "scores:\n"
    "  risk:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      quiet: { value: 'since(login)', curve: [[1m, 0], [10m, 1]], weight: 1 }\n"
    "      use: { value: 'count(usage, 1h)', curve: [[0, 1], [10, 0]], weight: 2 }\n"
    "dimensions:\n"
    "  band:\n"
    "    score: risk\n"
    "    bands: { low: 0, medium: 30, high: 60 }\n"
    "    hysteresis: 5\n"
    "    min_dwell: 25s\n"
    "segments:\n"
    "  many: { when: 'distinct(login.user_id, 2h) > 2' }\n";

static const char scored_again_by_seconds[] =
    "ruleset: scored again\n"
    "clock: { tick: 10s, lateness: 30s }\n"
    "scores:\n"
    "  risk:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      quiet: { value: 'since(login)', curve: [[1m, 0], [3m, 1]], weight: 3 }\n"
    "dimensions:\n"
    "  band:\n"
    "    score: risk\n"
    "    bands: { low: 0, high: 50 }\n"
    "segments:\n"
    "  many: { when: 'distinct(usage.user_id, 1h) > 1', for: 25s }\n";

static const char distinct_by_seconds[] =
    "ruleset: distinct\n"
    "clock: { tick: 10s, lateness: 25s }\n"
    "streams: { login: { stall_after: 4m }, usage: { stall_after: 4m } }\n"
    "segments:\n"
    "  seats: { when: 'distinct(login.user_id, 2h) > 1', for: 1m }\n"
    "  failing: { when: 'count(login where not succeeded, 1h) > 1' }\n"
    "  idle: { when: 'since(usage) > 1m', for: 1m, min_dwell: 1m }\n"
    "dimensions:\n"
    "  status: { min_dwell: 1m, cases: [ { value: gone, when: 'account.status == \"CANCELLED\"', urgent: true "
    "}, { value: here } ] }\n";

const struct sim_rule_set sim_rule_sets[SIM_RULE_SETS] = {
    {.unit_ms = HOUR, .rules = {one_by_hours, two_by_hours, three_by_hours}},
    {.unit_ms = HOUR, .rules = {scored_by_hours, scored_again_by_hours, three_by_hours}},
    {.unit_ms = HOUR, .rules = {distinct_by_hours, one_by_hours, scored_by_hours}},
    {.unit_ms = 10 * SECOND, .rules = {one_by_seconds, two_by_seconds, three_by_seconds}},
    {.unit_ms = 10 * SECOND, .rules = {scored_by_seconds, scored_again_by_seconds, three_by_seconds}},
    {.unit_ms = 10 * SECOND, .rules = {distinct_by_seconds, one_by_seconds, scored_by_seconds}},
};
