/* Rules that change, once or more than once before an account is evaluated: what becomes of its blob under them. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rich_account.h"

/* ---- more than once */

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

/* The state of one world as the rules of another bind it. */
static struct state_bytes pass_on(const struct world *from, struct state_bytes state, struct world *to) {
    struct buffer blob = {0};
    struct state_bytes bound;
    struct error error;
    engine_encode(replay_engine(from->replay), state, &blob);
    if (decode_under(to, from, &blob, MIDNIGHT_MS - HOUR, &bound, &error) != RESULT_OK)
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
    struct world first, between;
    world_begin(&first, first_rules);
    world_begin(&between, between_rules);
    world_begin(ret_last, last_rules);
    take_records(&first);
    struct state_bytes state = pass_on(&first, world_state(&first, "a"), &between);
    state = tick(&between, state, MIDNIGHT_MS);
    assert_int_equal(between.changes.size, 0);
    state = pass_on(&between, state, ret_last);
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

/* ---- once */

/* An account of the rich rules, and its state as other rules bind it. */
struct carried {
    struct world old, new;
    struct buffer blob;
    struct state_bytes state;
};

/* `ticked_ms`: the last tick of its shard. */
static void carry_over(struct carried *carried, const char *new_rules, int64_t ticked_ms) {
    struct error error;
    *carried = (struct carried){.blob = {0}};
    world_begin(&carried->old, rich_rules);
    world_begin(&carried->new, new_rules);
    take_some_records(&carried->old);
    encode_account(&carried->old, &carried->blob);
    assert_int_equal(decode_under(&carried->new, &carried->old, &carried->blob, ticked_ms, &carried->state, &error),
                     RESULT_OK);
}

static void end(struct carried *carried) {
    buffer_free(&carried->blob);
    world_end(&carried->old);
    world_end(&carried->new);
}

/* What it becomes at its next tick: the changes, as JSON lines. */
static void changes_under(const char *new_rules, struct buffer *changes) {
    struct carried carried;
    struct error error;
    struct step step;
    struct clocks clocks = CLOCKS_INITIAL;
    carry_over(&carried, new_rules, INSTANT_NONE);
    clocks.watermark_ms = clocks.ticked_ms = NEXT_TICK_MS - HOUR;
    engine_tick(replay_engine(carried.new.replay), carried.state, NEXT_TICK_MS, &clocks, &step);
    world_decided(&carried.new, step.changes, step.changes_count, step.status, &error);
    buffer_put(changes, carried.new.changes.data, carried.new.changes.size);
    end(&carried);
}

static bool says(const struct buffer *changes, const char *text) {
    return changes->size > 0 && memmem(changes->data, changes->size, text, strlen(text)) != NULL;
}

static void what_left_the_rules_is_left_with_that_cause(void **unused) {
    (void)unused;
    struct buffer changes = {0};
    changes_under("ruleset: poor\n", &changes);
    assert_true(says(&changes, "\"kind\":\"MOVED\",\"subject\":\"plan\",\"from\":\"pro\",\"to\":null"));
    assert_true(says(&changes, "\"kind\":\"EXITED\",\"subject\":\"busy\""));
    assert_true(says(&changes, "\"because\":[],"));
    assert_false(says(&changes, "\"subject\":\"quiet\"")); /* it was never in that one */
    assert_false(says(&changes, "\"kind\":\"TICK\""));
    assert_true(says(&changes, "\"cause\":{\"kind\":\"RULES_CHANGED\"}"));
    buffer_free(&changes);
}

#define MANY_DIMENSIONS 40
#define MANY_SEGMENTS   700

/* More than 64 KiB of values. */
static void begin_with_many_decisions(struct world *world) {
    struct buffer text = {0};
    buffer_put_string(&text, "ruleset: many\ndimensions:\n");
    for (int i = 0; i < MANY_DIMENSIONS; i++)
        buffer_printf(&text, "  d%d: { cases: [ { value_of: account.name } ] }\n", i);
    buffer_put_string(&text, "segments:\n");
    for (int i = 0; i < MANY_SEGMENTS; i++)
        buffer_printf(&text, "  s%d: { when: 'account.seats >= 1' }\n", i);
    buffer_put_u8(&text, 0);
    world_begin(world, (const char *)text.data);
    text.size = 0;
    buffer_put_string(&text, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-01T00:00:00Z\","
                             "\"seats\":1,\"name\":\"");
    for (int i = 0; i < DIMENSION_VALUE_MAX; i++)
        buffer_put_u8(&text, 'n');
    buffer_put_string(&text, "\"}");
    world_take(world, buffer_text(&text));
    buffer_free(&text);
}

static void all_that_left_the_rules_is_left_however_much_it_is(void **unused) {
    (void)unused;
    struct world old, new;
    struct buffer blob = {0};
    struct state_bytes state;
    struct error error;
    struct step step;
    struct clocks clocks = CLOCKS_INITIAL;
    uint32_t left[2] = {0, 0};
    begin_with_many_decisions(&old);
    world_begin(&new, "ruleset: none\n");
    encode_account(&old, &blob);
    if (decode_under(&new, &old, &blob, INSTANT_NONE, &state, &error) != RESULT_OK)
        fail_msg("%s", error.text);
    engine_tick(replay_engine(new.replay), state, NEXT_TICK_MS, &clocks, &step);
    for (uint32_t i = 0; i < step.changes_count; i++) {
        assert_true(step.changes[i].kind == CHANGE_EXITED || step.changes[i].from.size == DIMENSION_VALUE_MAX);
        left[step.changes[i].kind == CHANGE_EXITED]++;
    }
    assert_int_equal(left[0], MANY_DIMENSIONS);
    assert_int_equal(left[1], MANY_SEGMENTS);
    buffer_free(&blob);
    world_end(&old);
    world_end(&new);
}

/* What the rules said in numbers is kept in words, and is no reason to refuse what comes. */
static void an_account_whose_decisions_left_the_rules_takes_its_next_record(void **unused) {
    (void)unused;
    struct world old, new;
    struct buffer blob = {0};
    struct state_bytes state;
    struct error error;
    struct step step;
    struct engine *small;
    struct engine_options options = {.account_bytes_max = 8192, .live_from_ms = INSTANT_NONE};
    begin_with_many_decisions(&old);
    world_begin(&new, "ruleset: none\n");
    encode_account(&old, &blob);
    assert_int_equal(engine_create(new.program, &options, &small, &error), RESULT_OK);
    struct layouts layouts = {.newest = layout_in(&old)};
    assert_int_equal(engine_decode(small, blob.data, blob.size, &layouts, INSTANT_NONE, &state, &error), RESULT_OK);
    struct event login = {.stream = STREAM_LOGIN, .account_id = TEXT("a"), .event_id = TEXT("l2")};
    login.time_ms = NEXT_TICK_MS;
    struct clocks clocks = CLOCKS_INITIAL;
    engine_apply(small, state, &login, event_id_hash(&login), &clocks, &step);
    assert_int_equal(step.outcome, STEP_APPLIED);
    assert_int_equal(step.changes_count, MANY_DIMENSIONS + MANY_SEGMENTS);
    engine_free(small);
    buffer_free(&blob);
    world_end(&old);
    world_end(&new);
}

/* Binds an account that has nothing but the plan of former rules, a value of so many bytes. */
static enum result bind_former_plan(uint16_t value_size) {
    struct world none, rich;
    struct buffer blob = {0}, bent = {0};
    struct state_bytes state;
    struct error error;
    const uint16_t bits = 1 << SLOT_FORMER, name_size = 4;
    const uint32_t size = (1 + 8 + 2 + 2 + 4u + value_size) | (uint32_t)SECTION_LONG << 24;
    world_begin(&none, "ruleset: none\n");
    world_begin(&rich, rich_rules);
    take_some_records(&none);
    encode_account(&none, &blob);
    const uint8_t *id = memmem(blob.data, blob.size, "\001a", 2);
    buffer_put(&bent, blob.data, (size_t)(id - blob.data) + 2);
    buffer_put_u8(&bent, 1);
    buffer_put_u16(&bent, bits);
    buffer_put_u8(&bent, SECTION_LONG);
    buffer_put_u32(&bent, size);
    buffer_put_u8(&bent, 0);
    buffer_put_u64(&bent, (uint64_t)MIDNIGHT_MS);
    buffer_put_u16(&bent, name_size);
    buffer_put_u16(&bent, value_size);
    buffer_put_string(&bent, "plan");
    for (uint32_t i = 0; i < value_size; i++)
        buffer_put_u8(&bent, 'v');
    enum result result = decode_under(&rich, &none, &bent, INSTANT_NONE, &state, &error);
    buffer_free(&blob);
    buffer_free(&bent);
    world_end(&none);
    world_end(&rich);
    return result;
}

static void a_value_of_former_rules_longer_than_any_may_be_is_refused(void **unused) {
    (void)unused;
    assert_int_equal(bind_former_plan(DIMENSION_VALUE_MAX), RESULT_OK);
    assert_int_equal(bind_former_plan(DIMENSION_VALUE_MAX + 1), RESULT_REJECT);
}

static void only_the_newest_event_ids_are_known_to_rules_that_keep_fewer(void **unused) {
    (void)unused;
    for (uint32_t kept = 0; kept < 4; kept++) {
        struct world old, new;
        struct buffer blob = {0};
        struct state_bytes state;
        struct error error;
        char rules[128], id[8];
        snprintf(rules, sizeof rules, "ruleset: fewer\nclock: { duplicate_ids: %u }\n", kept);
        world_begin(&old, rich_rules);
        world_begin(&new, rules);
        take_some_records(&old);
        encode_account(&old, &blob);
        assert_int_equal(decode_under(&new, &old, &blob, INSTANT_NONE, &state, &error), RESULT_OK);
        for (uint32_t i = 0; i < 5; i++) {
            snprintf(id, sizeof id, "e%u", i);
            struct event usage = {.stream = STREAM_USAGE, .account_id = TEXT("a"), .event_id = text_of(id)};
            assert_int_equal(state_remembers(state, &usage, event_id_hash(&usage)), i + kept >= 5);
        }
        buffer_free(&blob);
        world_end(&old);
        world_end(&new);
    }
}

static void rules_that_only_look_different_change_nothing(void **unused) {
    (void)unused;
    struct buffer changes = {0};
    char rules[4096];
    snprintf(rules, sizeof rules, "# a comment\n%s", rich_rules);
    memcpy(strstr(rules, "rich"), "RICH", 4);
    changes_under(rules, &changes);
    assert_int_equal(changes.size, 0);
    buffer_free(&changes);
}

static void an_aggregate_that_stays_keeps_its_history(void **unused) {
    (void)unused;
    struct buffer changes = {0};
    changes_under("ruleset: other\nsegments:\n  used: { when: 'count(usage, 7d) == 5' }\n", &changes);
    assert_true(says(&changes, "\"kind\":\"ENTERED\",\"subject\":\"used\""));
    buffer_free(&changes);
}

static void an_aggregate_that_is_new_is_missing_and_alarms_nobody(void **unused) {
    (void)unused;
    struct buffer changes = {0};
    const char *rules = "ruleset: other\n"
                        "segments:\n"
                        "  none: { when: 'count(usage where feature == \"g\", 7d) == 0' }\n"
                        "  unknown: { when: 'missing(count(usage where feature == \"g\", 7d))' }\n";
    changes_under(rules, &changes);
    assert_true(says(&changes, "\"kind\":\"ENTERED\",\"subject\":\"unknown\""));
    assert_false(says(&changes, "\"kind\":\"ENTERED\",\"subject\":\"none\""));
    buffer_free(&changes);
}

/* When the change that comes once the window of a new aggregate is covered comes, for a shard whose last tick was
 * `ticked_ms`. */
static int64_t covered_at(int64_t ticked_ms) {
    struct carried carried;
    struct step step;
    struct clocks clocks = CLOCKS_INITIAL;
    carry_over(&carried,
               "ruleset: other\nsegments:\n  none: { when: 'count(usage where feature == \"g\", 7d) == 0' }\n",
               ticked_ms);
    struct engine *engine = replay_engine(carried.new.replay);
    engine_tick(engine, carried.state, NEXT_TICK_MS, &clocks, &step);
    assert_int_equal(step.changes_count, 2); /* what left the rules */
    for (int visits = 0; step.changes_count != 1 && visits < 1000; visits++)
        engine_tick(engine, step.state, state_due_ms(step.state), &clocks, &step);
    int64_t at_ms = step.changes[0].at_ms;
    assert_int_equal(step.changes_count, 1);
    assert_int_equal(step.changes[0].kind, CHANGE_ENTERED);
    end(&carried);
    return at_ms;
}

static void an_aggregate_that_is_new_counts_once_its_window_is_covered(void **unused) {
    (void)unused;
    /* The rules were taken on at the midnight of 7 January; with that of 14 January the window has seen it all. */
    assert_int_equal(covered_at(INSTANT_NONE), NEXT_TICK_MS - HOUR + 7 * DAY);
}

static void an_aggregate_that_is_new_counts_from_the_shards_last_tick(void **unused) {
    (void)unused;
    /* Not from the account's last evaluation, of which nobody promises when it is. */
    assert_int_equal(covered_at(NEXT_TICK_MS), NEXT_TICK_MS - HOUR + 8 * DAY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_left_the_rules_is_left_with_that_cause),
        cmocka_unit_test(all_that_left_the_rules_is_left_however_much_it_is),
        cmocka_unit_test(an_account_whose_decisions_left_the_rules_takes_its_next_record),
        cmocka_unit_test(a_value_of_former_rules_longer_than_any_may_be_is_refused),
        cmocka_unit_test(only_the_newest_event_ids_are_known_to_rules_that_keep_fewer),
        cmocka_unit_test(rules_that_only_look_different_change_nothing),
        cmocka_unit_test(an_aggregate_that_stays_keeps_its_history),
        cmocka_unit_test(an_aggregate_that_is_new_is_missing_and_alarms_nobody),
        cmocka_unit_test(an_aggregate_that_is_new_counts_once_its_window_is_covered),
        cmocka_unit_test(an_aggregate_that_is_new_counts_from_the_shards_last_tick),
        cmocka_unit_test(what_comes_back_before_it_was_left_is_kept),
        cmocka_unit_test(what_does_not_come_back_is_left),
        cmocka_unit_test(a_count_that_the_rules_between_did_not_keep_is_missing),
        cmocka_unit_test(a_count_that_the_rules_between_kept_goes_on),
        cmocka_unit_test(tickets_are_not_kept_while_no_rule_asks_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
