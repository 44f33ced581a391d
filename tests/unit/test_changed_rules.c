/* Rules that change more than once before an account is evaluated: what it was bound to in between. */
#include "tests/unit/rules_world.h"

#define MIDNIGHT_MS INT64_C(1767744000000) /* 2026-01-07 */

static const char *const first_rules = "ruleset: first\n"
                                       "dimensions:\n"
                                       "  plan: { cases: [ { value_of: account.plan } ] }\n"
                                       "segments:\n"
                                       "  known: { when: 'account.plan == \"pro\"' }\n"
                                       "  busy: { when: 'count(login, 30d) > 1' }\n"
                                       "  in_trouble: { when: 'open(ticket where severity == \"URGENT\") > 0' }\n";

/* An account that is in all of them, and has come to midnight. */
static void take_records(struct world *world) {
    world_take_string(world, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-01T00:00:00Z\","
                             "\"plan\":\"pro\"}");
    world_take_string(world, "{\"stream\":\"login\",\"event_id\":\"l1\",\"account_id\":\"a\",\"user_id\":\"u\","
                             "\"occurred_at\":\"2026-01-05T10:00:00Z\"}");
    world_take_string(world, "{\"stream\":\"login\",\"event_id\":\"l2\",\"account_id\":\"a\",\"user_id\":\"u\","
                             "\"occurred_at\":\"2026-01-06T10:00:00Z\"}");
    world_take_string(world, "{\"stream\":\"ticket\",\"event_id\":\"t1\",\"account_id\":\"a\",\"ticket_id\":\"T\","
                             "\"action\":\"OPENED\",\"severity\":\"URGENT\",\"occurred_at\":\"2026-01-07T00:00:00Z\"}");
}

/* The state as other rules bind it. `worlds`: all that the account has been in, of which one's rules the blob is of. */
static struct state_bytes pass_on(struct world *const *worlds, uint32_t count, struct state_bytes state,
                                  struct world *to) {
    uint64_t fingerprints[8];
    struct ruleset_known known = {.fingerprints = fingerprints};
    struct buffer blob = {0};
    struct blob_summary summary;
    struct state_bytes bound;
    struct error error;
    engine_encode(replay_engine(worlds[count - 1]->replay), state, &blob);
    assert_int_equal(blob_summarise(blob.data, blob.size, &summary, &error), RESULT_OK);
    for (uint32_t w = 0; w < count; w++) {
        const struct program *program = worlds[w]->program;
        if (program->hash != summary.ruleset_hash)
            continue;
        known.hash = program->hash;
        known.fingerprints_count = program->aggregates_count;
        assert_in_range(program->aggregates_count, 0, 8);
        for (uint32_t i = 0; i < program->aggregates_count; i++)
            fingerprints[i] = program->aggregates[i].fingerprint;
    }
    assert_int_equal(known.hash, summary.ruleset_hash);
    if (engine_decode(replay_engine(to->replay), blob.data, blob.size, &known, MIDNIGHT_MS - HOUR, &bound, &error) !=
        RESULT_OK)
        fail_msg("%s", error.text);
    buffer_free(&blob);
    return bound;
}

static struct state_bytes tick(struct world *world, struct state_bytes state, int64_t tick_ms) {
    struct clocks clocks = CLOCKS_INITIAL;
    struct step step;
    struct error error;
    clocks.watermark_ms = clocks.ticked_ms = tick_ms - HOUR;
    engine_tick(replay_engine(world->replay), state, tick_ms, &clocks, &step);
    assert_int_equal(step.outcome, STEP_APPLIED);
    assert_int_equal(world_decided(world, step.changes, step.changes_count, step.status, &error), RESULT_OK);
    return step.state;
}

/* Under the first rules; then under others, at a tick that it is ahead of, and so is not evaluated at; then, at its
 * next tick, under the last ones. What is decided then is in `ret_last`. */
static void change_twice(const char *between_rules, const char *last_rules, struct world *ret_last) {
    struct world first, between, *const worlds[] = {&first, &between};
    world_begin(&first, first_rules);
    world_begin(&between, between_rules);
    world_begin(ret_last, last_rules);
    take_records(&first);
    struct state_bytes state = pass_on(worlds, 1, world_state(&first, "a"), &between);
    state = tick(&between, state, MIDNIGHT_MS);
    assert_int_equal(between.changes.size, 0);
    state = pass_on(worlds, 2, state, ret_last);
    tick(ret_last, state, MIDNIGHT_MS + HOUR);
    world_end(&first);
    world_end(&between);
}

/* Whatever is decided has that cause. */
static bool decided(const struct world *world, const char *kind, const char *subject) {
    bool is_there = world_decided_one(world, (const char *const[]){kind, subject, NULL});
    assert_true(!is_there || world_decided_one(world, (const char *const[]){kind, subject, "RULES_CHANGED", NULL}));
    return is_there;
}

static void what_comes_back_before_it_was_left_is_kept(void **state) {
    (void)state;
    struct world last;
    change_twice("ruleset: poor\n", first_rules, &last);
    assert_false(decided(&last, "\"kind\":\"MOVED\"", "\"subject\":\"plan\""));
    assert_false(decided(&last, "\"kind\":\"EXITED\"", "\"subject\":\"known\""));
    assert_false(decided(&last, "\"kind\":\"ENTERED\"", "\"subject\":\"known\""));
    world_end(&last);
}

static void what_does_not_come_back_is_left(void **state) {
    (void)state;
    struct world last;
    change_twice("ruleset: poor\n", "ruleset: poorer\nsegments:\n  other: { when: 'account.plan == \"pro\"' }\n",
                 &last);
    assert_true(decided(&last, "\"kind\":\"MOVED\"", "\"subject\":\"plan\""));
    assert_true(decided(&last, "\"kind\":\"EXITED\"", "\"subject\":\"known\""));
    assert_true(decided(&last, "\"kind\":\"ENTERED\"", "\"subject\":\"other\""));
    world_end(&last);
}

static void a_count_that_the_rules_between_did_not_keep_is_missing(void **state) {
    (void)state;
    struct world last;
    change_twice("ruleset: poor\n",
                 "ruleset: last\n"
                 "segments:\n"
                 "  silent: { when: 'count(login, 30d) == 0' }\n"
                 "  unknown: { when: 'missing(count(login, 30d))' }\n",
                 &last);
    assert_false(decided(&last, "\"kind\":\"ENTERED\"", "\"subject\":\"silent\""));
    assert_true(decided(&last, "\"kind\":\"ENTERED\"", "\"subject\":\"unknown\""));
    world_end(&last);
}

static void a_count_that_the_rules_between_kept_goes_on(void **state) {
    (void)state;
    struct world last;
    change_twice("ruleset: between\nsegments:\n  active: { when: 'count(login, 7d) > 0' }\n", first_rules, &last);
    assert_false(decided(&last, "\"kind\":\"EXITED\"", "\"subject\":\"busy\""));
    world_end(&last);
}

/* Nobody takes note of what becomes of a ticket while no rule asks for open ones. */
static void tickets_are_not_kept_while_no_rule_asks_for_them(void **state) {
    (void)state;
    struct world last;
    change_twice("ruleset: poor\n",
                 "ruleset: last\nsegments:\n  troubled: { when: 'open(ticket) > 0' }\n"
                 "  urgent: { when: 'open(ticket where severity == \"URGENT\") > 0' }\n",
                 &last);
    assert_int_equal(last.changes.size > 0, true);
    assert_false(decided(&last, "\"kind\":\"ENTERED\"", "\"subject\":\"troubled\""));
    assert_false(decided(&last, "\"kind\":\"ENTERED\"", "\"subject\":\"urgent\""));
    world_end(&last);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_back_before_it_was_left_is_kept),
        cmocka_unit_test(what_does_not_come_back_is_left),
        cmocka_unit_test(a_count_that_the_rules_between_did_not_keep_is_missing),
        cmocka_unit_test(a_count_that_the_rules_between_kept_goes_on),
        cmocka_unit_test(tickets_are_not_kept_while_no_rule_asks_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
