#include "tests/sim/sim_rules.h"

#include "base/instant.h"

const struct sim_rule_set sim_rule_sets[SIM_RULE_SETS] = {
    {.unit_ms = HOUR,
     .rules =
         {
             "ruleset: one\n"
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
             "  long_silent: { when: 'in_segment(silent)', for: 3d }\n",
             "ruleset: two\n"
             "clock: { tick: 1h, lateness: 0s }\n"
             "dimensions:\n"
             "  use:\n"
             "    cases:\n"
             "      - { value: high, when: 'count(usage, 3d) > 1' }\n"
             "      - { value: low }\n"
             "segments:\n"
             "  silent: { when: 'since(login) > 1d', min_dwell: 5h }\n"
             "  back: { when: 'not in_segment(silent)', for: 5h, cooldown: 1d }\n",
             "ruleset: three\n"
             "clock: { tick: 1h, lateness: 2h }\n"
             "segments:\n"
             "  silent: { when: 'since(login) > 3d' }\n"
             "  busy: { when: 'count(usage, 10d) > 5', until: 'count(usage, 3d) == 0' }\n",
         }},
    {.unit_ms = HOUR,
     .rules =
         {
             "ruleset: scored\n"
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
             "  many: { when: 'distinct(login.user_id, 10d) > 2' }\n",
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
             "  many: { when: 'distinct(usage.user_id, 3d) > 1', for: 5h }\n",
             "ruleset: three\n"
             "clock: { tick: 1h, lateness: 2h }\n"
             "segments:\n"
             "  silent: { when: 'since(login) > 3d' }\n"
             "  busy: { when: 'count(usage, 10d) > 5', until: 'count(usage, 3d) == 0' }\n",
         }},
    {.unit_ms = HOUR,
     .rules =
         {
             "ruleset: distinct\n"
             "clock: { tick: 1h, lateness: 5h }\n"
             "streams: { login: { stall_after: 40h }, usage: { stall_after: 40h } }\n"
             "segments:\n"
             "  seats: { when: 'distinct(login.user_id, 10d) > 1', for: 1d }\n"
             "  failing: { when: 'count(login where not succeeded, 3d) > 1' }\n"
             "  idle: { when: 'since(usage) > 1d', for: 1d, min_dwell: 1d }\n"
             "dimensions:\n"
             "  status: { min_dwell: 1d, cases: [ { value: gone, when: 'account.status == \"CANCELLED\"', urgent: true "
             "}, { value: here } ] }\n",
             "ruleset: one\n"
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
             "  long_silent: { when: 'in_segment(silent)', for: 3d }\n",
             "ruleset: scored\n"
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
             "  many: { when: 'distinct(login.user_id, 10d) > 2' }\n",
         }},
    {.unit_ms = (10 * SECOND),
     .rules =
         {
             "ruleset: one\n"
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
             "  long_silent: { when: 'in_segment(silent)', for: 3m }\n",
             "ruleset: two\n"
             "clock: { tick: 10s, lateness: 0s }\n"
             "dimensions:\n"
             "  use:\n"
             "    cases:\n"
             "      - { value: high, when: 'count(usage, 1h) > 1' }\n"
             "      - { value: low }\n"
             "segments:\n"
             "  silent: { when: 'since(login) > 1m', min_dwell: 25s }\n"
             "  back: { when: 'not in_segment(silent)', for: 25s, cooldown: 1m }\n",
             "ruleset: three\n"
             "clock: { tick: 10s, lateness: 30s }\n"
             "segments:\n"
             "  silent: { when: 'since(login) > 3m' }\n"
             "  busy: { when: 'count(usage, 2h) > 5', until: 'count(usage, 1h) == 0' }\n",
         }},
    {.unit_ms = (10 * SECOND),
     .rules =
         {
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
             "  many: { when: 'distinct(login.user_id, 2h) > 2' }\n",
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
             "  many: { when: 'distinct(usage.user_id, 1h) > 1', for: 25s }\n",
             "ruleset: three\n"
             "clock: { tick: 10s, lateness: 30s }\n"
             "segments:\n"
             "  silent: { when: 'since(login) > 3m' }\n"
             "  busy: { when: 'count(usage, 2h) > 5', until: 'count(usage, 1h) == 0' }\n",
         }},
    {.unit_ms = (10 * SECOND),
     .rules =
         {
             "ruleset: distinct\n"
             "clock: { tick: 10s, lateness: 25s }\n"
             "streams: { login: { stall_after: 4m }, usage: { stall_after: 4m } }\n"
             "segments:\n"
             "  seats: { when: 'distinct(login.user_id, 2h) > 1', for: 1m }\n"
             "  failing: { when: 'count(login where not succeeded, 1h) > 1' }\n"
             "  idle: { when: 'since(usage) > 1m', for: 1m, min_dwell: 1m }\n"
             "dimensions:\n"
             "  status: { min_dwell: 1m, cases: [ { value: gone, when: 'account.status == \"CANCELLED\"', urgent: true "
             "}, { value: here } ] }\n",
             "ruleset: one\n"
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
             "  long_silent: { when: 'in_segment(silent)', for: 3m }\n",
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
             "  many: { when: 'distinct(login.user_id, 2h) > 2' }\n",
         }},
};
