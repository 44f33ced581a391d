/* An account with something of all that a state may hold, for the tests of blobs. */
#pragma once

#include <stdio.h>

#include "tests/unit/rules_world.h"

static const char *const rich_rules =
    "ruleset: rich\n"
    "scores:\n"
    "  churn_risk:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      usage: { value: 'count(usage, 30d)', curve: [[0, 1], [10, 0]], weight: 1 }\n"
    "      users: { value: 'distinct(login.user_id, 30d)', curve: [[0, 1], [10, 0]], weight: 1 }\n"
    "dimensions:\n"
    "  plan: { cases: [ { value_of: account.plan } ] }\n"
    "segments:\n"
    "  busy: { when: 'count(usage, 30d) > 1' }\n"
    "  waiting: { when: 'open(ticket where severity == \"URGENT\") > 0', for: 30d }\n"
    "  quiet: { when: 'since(login) > 7d' }\n";

static inline void take_some_records(struct world *world) {
    world_take_string(world, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-01T00:00:00Z\","
                             "\"name\":\"Acme\",\"plan\":\"pro\",\"attributes\":{\"k\":\"v\"}}");
    world_take_string(world, "{\"stream\":\"login\",\"event_id\":\"l1\",\"account_id\":\"a\",\"user_id\":\"u\","
                             "\"occurred_at\":\"2026-01-01T10:00:00Z\"}");
    for (int i = 0; i < 5; i++) {
        char line[256];
        snprintf(line, sizeof line,
                 "{\"stream\":\"usage\",\"event_id\":\"e%d\",\"account_id\":\"a\",\"user_id\":\"u\",\"feature\":\"f\","
                 "\"occurred_at\":\"2026-01-0%dT10:00:00Z\"}",
                 i, 2 + i);
        world_take_string(world, line);
    }
    world_take_string(world, "{\"stream\":\"ticket\",\"event_id\":\"t1\",\"account_id\":\"a\",\"ticket_id\":\"T\","
                             "\"action\":\"OPENED\",\"severity\":\"URGENT\",\"occurred_at\":\"2026-01-07T00:00:00Z\"}");
}

static inline void encode_account(struct world *world, struct buffer *blob) {
    engine_encode(replay_engine(world->replay), world_state(world, "a"), blob);
    assert_true(buffer_ok(blob));
}

static inline const struct layout *layout_in(const struct world *world) {
    return engine_layout(replay_engine(world->replay));
}

/* Binds a blob of the one world's rules to those of the other. */
static inline enum result decode_under(struct world *to, const struct world *from, const struct buffer *blob,
                                       int64_t ticked_ms, struct state_bytes *ret_state, struct error *error) {
    struct layouts layouts = {.newest = layout_in(from)};
    return engine_decode(replay_engine(to->replay), blob->data, blob->size, &layouts, ticked_ms, ret_state, error);
}

/* A world with the account `a`, and its blob. */
static inline void begin_rich(struct world *world, struct buffer *blob) {
    world_begin(world, rich_rules);
    take_some_records(world);
    encode_account(world, blob);
}

/* The next tick behind its last record. */
#define NEXT_TICK_MS INT64_C(1767747600000) /* 2026-01-07T01:00:00Z */
