/* Looking ahead never hides a change, nor does evaluating only what has changed, nor letting events pass: what comes
 * out is the same as when every account is visited at every tick, and all is evaluated anew. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/rules_world.h"

/* Everything whose value moves with the time, in a small ruleset: windows of hours and days that run empty, trends,
 * durations against one another, equality at an instant, curves, hysteresis, dwell, cooldown, stalls. */
static const char *const moving_rules =
    "ruleset: moving\n"
    "clock: { tick: 1h }\n"
    "streams: { login: { stall_after: 30h } }\n"
    "metrics:\n"
    "  ratio: sum(usage.quantity, 3d) / count(usage, 5d)\n"
    "scores:\n"
    "  churn_risk:\n"
    "    method: weighted\n"
    "    min_coverage: 0.3\n"
    "    signals:\n"
    "      silence: { value: since(login), curve: [[1h, 0], [1d, 0.4], [4d, 1]], weight: 3 }\n"
    "      decline: { value: '1 - trend(usage, 2d, 4d)', curve: [[-1, 0], [1, 1]], weight: 2 }\n"
    "      few: { value: 'distinct(usage.user_id, 12h)', curve: [[0, 1], [3, 0]], weight: 1 }\n"
    "      odds: { value: 'count(usage, 6h) * 0.1', weight: 1, when: 'until(account.renews_at) > 2d' }\n"
    "  health:\n"
    "    method: logistic\n"
    "    bias: -1\n"
    "    signals:\n"
    "      use: { value: 'count(usage, 2d)', curve: [[0, 0], [8, 1]], weight: 4 }\n"
    "      best: { value: 'max(usage.quantity, 1d) - min(usage.quantity, 3d)', curve: [[0, 0], [9, 1]], weight: -2 }\n"
    "dimensions:\n"
    "  risk: { score: churn_risk, bands: { low: 0, medium: 30, high: 60 }, hysteresis: 7, min_dwell: 5h }\n"
    "  fit: { score: health, bands: { poor: 0, good: 50 }, hysteresis: 3 }\n"
    "  stage:\n"
    "    min_dwell: 9h\n"
    "    cases:\n"
    "      - { value: soon, when: 'until(account.renews_at) in [1d, 36h, 2d]', urgent: true }\n"
    "      - { value: exact, when: 'age(account.created_at) == 50h or since(usage) == since(login)' }\n"
    "      - { value: long, when: 'time_in(risk) > 20h and ratio < 4' }\n"
    "      - { value: rest }\n"
    "  user: { min_dwell: 2h, cases: [ { value: both, when: 'last(usage.user_id) == last(login.user_id)' },"
    " { value_of: 'coalesce(last(usage.user_id), last(login.user_id))' } ] }\n"
    "segments:\n"
    "  third: { when: 'user == \"u3\" and time_in(user) < 6h', cooldown: 4h }\n"
    "  crossing: { when: 'since(usage) > since(ticket)', until: 'since(usage) < 2h', for: 3h, cooldown: 10h }\n"
    "  product: { when: 'since(usage) / 1h * (since(login) / 1h) > 100' }\n"
    "  both: { when: 'in_segment(crossing) and time_in(crossing) > 5h', min_dwell: 12h }\n"
    "  hot: { when: 'churn_risk >= 42.5 and not (ratio > 3)', for: 2h }\n"
    "  rare: { when: 'count(usage, 3d) < 3 and count(login, 20h) != 2', until: 'count(usage, 3d) >= 5' }\n"
    "  heavy: { when: 'sum(usage.quantity, 2d) > 6 or sum(usage.quantity, 30h) == 3' }\n"
    "  slowing: { when: 'trend(usage, 2d, 4d) < 0.6', until: 'not (0.8 >= trend(usage, 2d, 4d))' }\n"
    "  stopped: { when: 'trend(login, 5h, 20h) == 0', for: 1h }\n"
    "  three: { when: 'since(usage) > 4h and since(login) < 20h and count(usage, 2d) > 1 and not missing(ratio)' }\n"
    "  any: { when: 'since(usage) > 30h or last(login.succeeded) or count(login, 20h) > 4', until: 'since(usage) < 9h' "
    "}\n"
    "  nearest: { when: 'coalesce(min2(since(login), since(ticket)), coalesce(since(login), since(ticket))) > 7h' }\n"
    "  farthest: { when: 'coalesce(max2(since(login), ratio * 5h), coalesce(since(login), ratio * 5h)) > 9h' }\n"
    "  later: { when: 'coalesce(max2(trend(usage, 2d, 4d), trend(login, 5h, 20h)), coalesce(trend(usage, 2d, 4d), "
    "trend(login, 5h, 20h))) > 0.3' }\n";

/* What events may pass by: counts, sets, trends and durations near their thresholds, with slices of hours and of days,
 * over streams that stall. */
static const char *const counting_rules =
    "ruleset: counting\n"
    "clock: { tick: 1h, lateness: 20m }\n"
    "streams: { login: { stall_after: 20h } }\n"
    "metrics:\n"
    "  breadth: distinct(usage.user_id, 2d) / distinct(usage.user_id, 6d)\n"
    "  idle: min2(since(login), since(usage))\n"
    "scores:\n"
    "  churn_risk:\n"
    "    method: weighted\n"
    "    min_coverage: 0.3\n"
    "    signals:\n"
    "      silence: { value: idle, curve: [[6h, 0], [2d, 0.4], [4d, 1]], weight: 3 }\n"
    "      decline: { value: '1 - trend(usage, 2d, 4d)', curve: [[-1, 0], [1, 1]], weight: 2, when: 'count(usage, 5d) "
    ">= 4' }\n"
    "      hourly: { value: 'trend(login, 5h, 20h)', curve: [[0, 1], [2, 0]], weight: 1 }\n"
    "      breadth: { value: breadth, curve: [[0.3, 1], [0.9, 0]], weight: 2 }\n"
    "      few: { value: 'distinct(login.user_id, 12h)', curve: [[0, 1], [4, 0]], weight: 1 }\n"
    "dimensions:\n"
    "  risk: { score: churn_risk, bands: { low: 0, medium: 30, high: 50 }, hysteresis: 4, min_dwell: 3h }\n"
    "  stage:\n"
    "    min_dwell: 5h\n"
    "    cases:\n"
    "      - { value: busy, when: 'count(usage, 12h) + count(login, 12h) >= 12', urgent: true }\n"
    "      - { value: alone, when: 'distinct(usage.user_id, 3d) <= 1' }\n"
    "      - { value: steady, when: 'time_in(risk) > 30h and since_first(usage) > 9d' }\n"
    "      - { value: rest }\n"
    "  mood:\n"
    "    min_dwell: 30h\n"
    "    cases:\n"
    "      - { value: lively, when: 'count(usage, 12h) >= 4' }\n"
    "      - { value: seen, when: 'count(login, 20h) >= 3', urgent: true }\n"
    "      - { value: idle, when: 'idle > 8h', urgent: true }\n"
    "      - { value: rest }\n"
    "segments:\n"
    "  quiet: { when: 'idle > 10h', until: 'idle < 1h', for: 2h, cooldown: 5h }\n"
    "  single: { when: \"count(usage where user_id == 'u1', 4d) >= 6\", for: 3h }\n"
    "  growing: { when: 'trend(usage, 1d, 3d) > 1.3 and count(usage, 60d) > 9', min_dwell: 8h }\n"
    "  crossing: { when: 'since(usage) > since(login)' }\n"
    "  seldom: { when: 'count(login, 9h) < 2 and count(usage, 2d) != 1' }\n";

/* Trends that are compared, and nothing beside them that would end a look sooner. */
static const char *const trending_rules =
    "ruleset: trending\n"
    "clock: { tick: 1h }\n"
    "segments:\n"
    "  rising: { when: 'trend(usage, 12h, 8h) > 2.1' }\n"
    "  falling: { when: 'trend(usage, 20h, 28h) <= 0.4', until: '1.6 < trend(usage, 20h, 28h)' }\n"
    "  lasting: { when: 'trend(usage, 3h, 45h) > 0.01', until: 'trend(usage, 2h, 3h) < 0.9' }\n"
    "  back: { when: 'trend(usage, 2d, 3d) < 0.5' }\n";

/* What looks at facts that many accounts have not. */
static const char *const fact_rules =
    "ruleset: facts\n"
    "clock: { tick: 1h }\n"
    "scores:\n"
    "  value:\n"
    "    method: weighted\n"
    "    signals:\n"
    "      seats: { value: 'coalesce(account.seats, account.employees / 3)', curve: [[0, 0], [9, 1]], weight: 2 }\n"
    "      use: { value: 'count(usage, 2d)', curve: [[0, 0], [3, 1]], weight: 1, when: 'not missing(account.arr)' }\n"
    "dimensions:\n"
    "  tier: { cases: [ { value: gold, when: 'account.attributes[\"tier\"] == \"gold\"' }, { value_of: account.plan } "
    "] }\n"
    "  home: { min_dwell: 3h, cases: [ { value: here, when: 'account.country in [\"DE\", \"AT\"] and since(usage) < "
    "9h' },"
    " { value: away } ] }\n"
    "  band: { score: value, bands: { low: 0, high: 40 } }\n"
    "segments:\n"
    "  near: { when: 'until(account.renews_at) < 2d and count(login, 20h) > 0', until: 'since(login) > 9h' }\n"
    "  small: { when: 'account.employees < 60 or account.plan == \"pro\" and since(ticket) > 5h' }\n"
    "  dear: { when: 'account.arr / account.seats > 100 and not missing(account.country)', for: 2h }\n"
    "  odd: { when: 'account.country != \"FR\" and account.seats * 0 == 0 or since(usage) > 30h' }\n";

/* `pace`: how many hours lie between two records, at the most. */
static void take_random_records(struct world *world, uint64_t seed, uint32_t pace) {
    static const char *const streams[] = {"usage", "usage", "usage", "login", "ticket"};
    int64_t now_ms = INT64_C(1767225600000); /* 2026-01-01 */
    for (uint32_t i = 0; i < 800 / pace; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint32_t dice = (uint32_t)(seed >> 33);
        now_ms += dice % 50 == 0 ? (int64_t)(dice % 200) * HOUR : (int64_t)(dice % (3600 * pace)) * SECOND;
        const char *stream = streams[dice / 7 % 5];
        char line[512];
        if (dice % 40 == 1)
            snprintf(line, sizeof line,
                     "{\"stream\":\"account\",\"account_id\":\"a%u\",\"updated_at\":%lld,\"created_at\":%lld,"
                     "\"renews_at\":%lld}",
                     dice / 3 % 4, (long long)now_ms, (long long)(now_ms - (int64_t)(dice % 60) * HOUR),
                     (long long)(now_ms + (int64_t)(dice % 100) * HOUR));
        else
            snprintf(
                line, sizeof line,
                "{\"stream\":\"%s\",\"event_id\":\"e%u\",\"account_id\":\"a%u\",\"user_id\":\"u%u\","
                "\"occurred_at\":%lld,\"feature\":\"f\",\"quantity\":%d,\"ticket_id\":\"t\",\"action\":\"OPENED\"}",
                stream, i, dice / 3 % 4, dice / 5 % 5,
                (long long)(now_ms - (dice % 9 == 0 ? (int64_t)(dice % 90) * HOUR : 0)), (int)(dice % 13) - 4);
        world_take_string(world, line);
    }
    world_until(world, "2026-05-01");
}

static void compare_with_visiting_every_tick(const char *rules, uint64_t seed, uint32_t pace) {
    struct world naive, skipping;
    world_begin_visiting(&naive, rules, true);
    world_begin_visiting(&skipping, rules, false);
    take_random_records(&naive, seed, pace);
    take_random_records(&skipping, seed, pace);
    assert_true(naive.changes.size > 5000);
    assert_int_equal(naive.changes.size, skipping.changes.size);
    assert_memory_equal(naive.changes.data, skipping.changes.data, naive.changes.size);
    world_end(&naive);
    world_end(&skipping);
}

static void test_skipping_ticks_hides_no_change(void **unused) {
    (void)unused;
    for (uint64_t seed = 1; seed <= 25; seed++)
        compare_with_visiting_every_tick(moving_rules, seed, 2);
}

static void test_letting_events_pass_hides_no_change(void **unused) {
    (void)unused;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        compare_with_visiting_every_tick(counting_rules, seed, 1);
        compare_with_visiting_every_tick(counting_rules, seed, 2);
        compare_with_visiting_every_tick(counting_rules, seed, 8);
        compare_with_visiting_every_tick(trending_rules, seed, 1);
        compare_with_visiting_every_tick(trending_rules, seed, 2);
    }
}

/* Facts with fields of which each account has some, and an account's number says which: more choices than an engine
 * keeps shapes of (shape.h). */
static void facts_of_one(uint32_t account, uint32_t dice, int64_t now_ms, char *line, size_t size) {
    static const char *const fields[] = {"\"plan\":\"pro\"", "\"seats\":7", "\"country\":\"DE\"", "\"arr\":900",
                                         "\"employees\":50"};
    int length = snprintf(line, size, "{\"stream\":\"account\",\"account_id\":\"a%u\",\"updated_at\":%lld", account,
                          (long long)now_ms);
    uint32_t there = dice % 3 == 0 ? dice / 3 : account >> 3;
    if (account % 3 != 0)
        length += snprintf(line + length, size - (size_t)length, ",\"renews_at\":%lld",
                           (long long)(now_ms + (int64_t)(dice % 100) * HOUR));
    for (uint32_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if ((there >> i & 1) != 0)
            length += snprintf(line + length, size - (size_t)length, ",%s", fields[i]);
    snprintf(line + length, size - (size_t)length, dice % 5 == 0 ? ",\"attributes\":{\"tier\":\"gold\"}}" : "}");
}

/* More accounts than an engine keeps the registers of (desk.h), so that each evaluation begins from nothing; the bits
 * of an account's number say which streams tell of it. */
static void take_records_of_many(struct world *world, uint64_t seed) {
    static const char *const streams[] = {"account", "usage", "login", "ticket"};
    int64_t now_ms = INT64_C(1767225600000); /* 2026-01-01 */
    for (uint32_t i = 0; i < 4000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint32_t dice = (uint32_t)(seed >> 33), account = dice % 600, stream = dice / 600 % 4;
        char line[512];
        now_ms += dice % 90 * SECOND;
        if ((account >> stream & 1) == 0)
            continue;
        snprintf(line, sizeof line,
                 "{\"stream\":\"%s\",\"event_id\":\"e%u\",\"account_id\":\"a%u\",\"user_id\":\"u%u\","
                 "\"occurred_at\":%lld,\"feature\":\"f\",\"quantity\":%d,\"ticket_id\":\"t\",\"action\":\"OPENED\"}",
                 streams[stream], i, account, dice / 5 % 5, (long long)now_ms, (int)(dice % 13) - 4);
        if (stream == 0)
            facts_of_one(account, dice / 7, now_ms, line, sizeof line);
        world_take_string(world, line);
    }
    world_until(world, "2026-01-06");
}

static void test_what_is_not_there_hides_no_change(void **unused) {
    (void)unused;
    static const char *const rules[] = {moving_rules, counting_rules, trending_rules, fact_rules};
    for (uint64_t i = 0; i < 4; i++) {
        struct world naive, skipping;
        world_begin_visiting(&naive, rules[i], true);
        world_begin_visiting(&skipping, rules[i], false);
        take_records_of_many(&naive, i + 1);
        take_records_of_many(&skipping, i + 1);
        assert_true(naive.changes.size > 5000);
        assert_int_equal(naive.changes.size, skipping.changes.size);
        assert_memory_equal(naive.changes.data, skipping.changes.data, naive.changes.size);
        world_end(&naive);
        world_end(&skipping);
    }
}

/* Ticks at which an account was evaluated between two instants. */
static uint64_t visits(const char *rules, const char *until) {
    struct world world;
    struct document document;
    struct counters counters = {0};
    struct error error;
    struct problems problems;
    world = (struct world){.program = NULL};
    assert_int_equal(yaml_read_text(text_of(rules), TEXT("rules.yaml"), &world.arena, &document, &error), RESULT_OK);
    assert_int_equal(rules_compile(&document, &world.arena, &world.program, &problems), RESULT_OK);
    struct shard_output output = {&world, world_decided};
    struct replay_options options = {.live_from_ms = INSTANT_NONE};
    assert_int_equal(replay_create(world.program, &options, &output, &counters, &world.replay, &error), RESULT_OK);
    assert_int_equal(json_lines_create(&world.reader, &error), RESULT_OK);
    world_take_string(&world, "{\"stream\":\"login\",\"event_id\":\"l1\",\"account_id\":\"a\",\"user_id\":\"u\","
                              "\"occurred_at\":\"2026-01-01T10:00:00Z\"}");
    world_until(&world, until);
    uint64_t evaluated = counters_get(&counters, COUNTER_EVALUATED_TICKS);
    world_end(&world);
    return evaluated;
}

static void test_an_account_that_nothing_can_change_is_visited_once_at_the_most(void **unused) {
    (void)unused;
    assert_in_range(visits("ruleset: still\nsegments: { pro: { when: 'account.plan == \"pro\"' } }\n", "2126-01-01"), 0,
                    1);
}

static void test_one_deadline_in_a_hundred_years_costs_a_handful_of_visits(void **unused) {
    (void)unused;
    assert_in_range(visits("ruleset: one\nsegments: { silent: { when: 'since(login) > 7d' } }\n", "2126-01-01"), 1, 10);
    assert_in_range(visits("ruleset: one\nsegments: { none: { when: 'count(login, 30d) == 0' } }\n", "2126-01-01"), 1,
                    16);
}

static void test_a_division_by_zero_that_lasts_costs_no_visit(void **unused) {
    (void)unused;
    assert_in_range(visits("ruleset: nobody\nsegments:\n"
                           "  empty: { when: 'since(login) / coalesce(account.seats, 0) > 2d' }\n",
                           "2126-01-01"),
                    0, 1);
}

/* Nobody has ever logged in, so that neither login is known to have succeeded. */
static void test_what_is_missing_keeps_no_disjunction_as_it_is(void **unused) {
    (void)unused;
    struct world world;
    world_begin_visiting(&world,
                         "ruleset: x\nsegments:\n"
                         "  first: { when: 'last(login.succeeded) or since(usage) > 7d' }\n"
                         "  second: { when: 'since(usage) > 7d or last(login.succeeded)' }\n",
                         false);
    world_take_string(&world, "{\"stream\":\"usage\",\"event_id\":\"u1\",\"account_id\":\"a\",\"user_id\":\"u\","
                              "\"occurred_at\":\"2026-01-01T10:00:00Z\",\"feature\":\"f\",\"quantity\":1}");
    assert_int_equal(world.changes.size, 0);
    world_until(&world, "2026-02-01");
    assert_true(DECIDED(&world, "\"subject\":\"first\""));
    assert_true(DECIDED(&world, "\"subject\":\"second\""));
    world_end(&world);
}

/* An account's window runs empty when an event comes that is too late for it: its count is 0 from then on, also in the
 * reasons of whatever is decided next. */
static void take_late_answer(struct world *world, bool visit_every_tick) {
    world_begin_visiting(world,
                         "ruleset: late\n"
                         "scores:\n  churn_risk:\n    method: weighted\n    signals:\n"
                         "      answers: { value: 'count(nps, 12h)', curve: [[900, 0.5], [999, 0.75]], weight: 1 }\n"
                         "segments: { told: { when: 'count(custom, 1h) > 0' } }\n",
                         visit_every_tick);
    world_take_string(world, "{\"stream\":\"nps\",\"event_id\":\"n1\",\"account_id\":\"a\",\"score\":5,"
                             "\"occurred_at\":\"2026-01-01T10:00:00Z\"}");
    world_take_string(world, "{\"stream\":\"nps\",\"event_id\":\"n2\",\"account_id\":\"b\",\"score\":5,"
                             "\"occurred_at\":\"2026-01-03T10:00:00Z\"}");
    world_take_string(world, "{\"stream\":\"nps\",\"event_id\":\"n3\",\"account_id\":\"a\",\"score\":5,"
                             "\"occurred_at\":\"2026-01-01T18:00:00Z\"}");
    world_take_string(world, "{\"stream\":\"custom\",\"event_id\":\"c1\",\"account_id\":\"a\",\"name\":\"n\","
                             "\"occurred_at\":\"2026-01-03T10:10:00Z\"}");
    buffer_put_u8(&world->changes, 0);
}

static void test_a_window_that_a_late_event_empties_is_seen_to_be_empty(void **unused) {
    (void)unused;
    struct world naive, skipping;
    take_late_answer(&naive, true);
    take_late_answer(&skipping, false);
    assert_non_null(strstr((const char *)naive.changes.data, "\"signal\":\"answers\",\"value\":0,"));
    assert_string_equal((const char *)naive.changes.data, (const char *)skipping.changes.data);
    world_end(&naive);
    world_end(&skipping);
}

#define CUSTOM(id, at, value)                   \
    "{\"stream\":\"custom\",\"event_id\":\"" id \
    "\",\"account_id\":\"a\",\"name\":\"n\",\"occurred_at\":\"2026-01-01T" at "\",\"value\":" value "}"
#define LOGIN                                                                                                          \
    "{\"stream\":\"login\",\"event_id\":\"l\",\"account_id\":\"a\",\"user_id\":\"u\",\"occurred_at\":\"2026-01-01T01:" \
    "10Z\"}"
#define ANOTHER_LOGIN                                                                                                  \
    "{\"stream\":\"login\",\"event_id\":\"m\",\"account_id\":\"a\",\"user_id\":\"u\",\"occurred_at\":\"2026-01-01T01:" \
    "20Z\"}"
#define ARR(arr) "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-01T00:10Z\",\"arr\":" arr "}"

/* What is beyond all numbers is missing, and is there again when less has been added up, or time has gone on. */
static void test_what_overflows_is_not_missing_for_good(void **unused) {
    (void)unused;
    static const struct {
        const char *rules, *first, *second;
        uint32_t changes;
    } cases[] = {
        {"segments: { big: { when: 'sum(custom.value, 2h) > 1' } }\n", CUSTOM("1", "00:10Z", "1.5e308"),
         CUSTOM("2", "01:10Z", "1.5e308"), 4},
        {"segments: { big: { when: 'sum(custom.value, 2h) + 1 > 1' } }\n", CUSTOM("1", "00:10Z", "1.5e308"),
         CUSTOM("2", "01:10Z", "1.5e308"), 4},
        {"scores: { v: { method: weighted, signals: { v: { value: 'sum(custom.value, 2h)', weight: 1 } } } }\n"
         "dimensions: { band: { score: v, bands: { low: 0, high: 50 } } }\n",
         CUSTOM("1", "00:10Z", "1e307"), CUSTOM("2", "00:20Z", "1"), 2},
        {"segments: { late: { when: 'account.arr * (since(login) / 1d) > 5' } }\n", ARR("1e308"), LOGIN, 2},
        {"segments: { late: { when: 'account.arr + account.arr * (since(login) / 1d) > 5' } }\n", ARR("9e307"), LOGIN,
         2},
        {"segments: { even: { when: 'account.arr - (0 - account.arr) * (since(login) / 1d) > 5' } }\n", ARR("9e307"),
         LOGIN, 2},
        {"scores: { v: { method: logistic, signals: { v: { value: 'account.arr * (since(login) / 1d)', weight: 1 } } } "
         "}\n"
         "dimensions: { band: { score: v, bands: { low: 0, high: 60 } } }\n",
         ARR("1e308"), LOGIN, 1},
        {"scores: { v: { method: weighted, signals: { a: { value: 'coalesce(account.arr, 1)', weight: 1 },\n"
         "  b: { value: 'coalesce(account.arr, 1)', weight: 3e307, when: 'count(login, 3h) > 1' } } } }\n"
         "dimensions: { band: { score: v, bands: { low: 0, high: 50 } } }\n",
         LOGIN, ANOTHER_LOGIN, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world naive, skipping, *worlds[] = {&naive, &skipping};
        for (int w = 0; w < 2; w++) {
            char rules[512];
            snprintf(rules, sizeof rules, "ruleset: x\n%s", cases[i].rules);
            world_begin_visiting(worlds[w], rules, w == 0);
            world_take_string(worlds[w], cases[i].first);
            world_take_string(worlds[w], cases[i].second);
            world_until(worlds[w], "2026-02-01");
            buffer_put_u8(&worlds[w]->changes, 0);
        }
        uint32_t changes = 0;
        for (size_t at = 0; at < naive.changes.size; at++)
            changes += naive.changes.data[at] == '\n';
        assert_string_equal((const char *)naive.changes.data, (const char *)skipping.changes.data);
        assert_in_range(changes, cases[i].changes, 100);
        world_end(&naive);
        world_end(&skipping);
    }
}

/* The score has the first register of all, as there is not one constant. */
static void test_rules_without_constants_come_to_an_end(void **unused) {
    (void)unused;
    struct world world;
    world_begin_visiting(&world,
                         "ruleset: x\nscores:\n"
                         "  health: { method: logistic, signals: { age: { value: age(account.created_at), weight: 1,"
                         " curve: [[1d, 0], [30d, 1]] } } }\n"
                         "dimensions:\n  band: { score: health, bands: { a: 0, b: 60 } }\n",
                         false);
    world_take_string(&world, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":\"2026-01-01\","
                              "\"created_at\":\"2026-01-01\"}");
    world_until(&world, "2026-02-01");
    assert_true(DECIDED(&world, "\"to\":\"b\""));
    world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_without_constants_come_to_an_end),
        cmocka_unit_test(test_skipping_ticks_hides_no_change),
        cmocka_unit_test(test_letting_events_pass_hides_no_change),
        cmocka_unit_test(test_what_is_not_there_hides_no_change),
        cmocka_unit_test(test_an_account_that_nothing_can_change_is_visited_once_at_the_most),
        cmocka_unit_test(test_one_deadline_in_a_hundred_years_costs_a_handful_of_visits),
        cmocka_unit_test(test_a_division_by_zero_that_lasts_costs_no_visit),
        cmocka_unit_test(test_what_is_missing_keeps_no_disjunction_as_it_is),
        cmocka_unit_test(test_a_window_that_a_late_event_empties_is_seen_to_be_empty),
        cmocka_unit_test(test_what_overflows_is_not_missing_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
