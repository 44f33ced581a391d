#include "bench/load.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/instant.h"
#include "bench/fail.h"
#include "consumer/own_schemas.h"

#define USES_PER_RESTLESS_ACCOUNT 5
#define RESTLESS_DAYS             60

enum { USAGE_EVENT_ID, USAGE_ACCOUNT_ID, USAGE_USER_ID, USAGE_TIME, USAGE_FEATURE, USAGE_QUANTITY, USAGE_DURATION };
enum { FACT_STATUS = 3, FACT_SEATS = 7, FACT_CREATED = 12, FACT_ONBOARDED = 13, FACT_RENEWS = 14 };

/* splitmix64: a number becomes another that looks like chance. */
static uint64_t scatter(uint64_t number) {
    number += 0x9E3779B97F4A7C15u;
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
    number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
    return number ^ (number >> 31);
}

static double chance(uint64_t number) {
    return (double)(scatter(number) >> 11) * 0x1p-53;
}

/* The rank, from 0: its probability is proportional to ln((rank + 2) / (rank + 1)), which is 1 / (rank + 1) but for the
 * very first. */
static uint32_t draw_rank(const struct load *load, uint64_t number) {
    double dice = chance(number ^ 0x5A17);
    double rank = load->uniform ? dice * load->accounts : exp(dice * log((double)load->accounts + 1)) - 1;
    return rank >= load->accounts ? load->accounts - 1 : (uint32_t)rank;
}

/* One event in so many is of new facts: those change something. */
#define EVENTS_PER_PLAN_CHANGE 100

/* Ranks are scattered over the accounts, so that those in demand are no neighbours. */
static uint32_t account_of_rank(const struct load *load, uint32_t rank) {
    assert(load->accounts > 0);
    return (uint32_t)((uint64_t)rank * 2654435761u % load->accounts);
}

static int64_t spread(int64_t from_ms, int64_t length_ms, uint64_t place, uint64_t count) {
    return from_ms + (int64_t)((double)place / (double)count * (double)length_ms);
}

static void set_number(struct event *event, uint32_t field, double number) {
    event->present |= 1u << field;
    event->fields[field].number = number;
}

static void set_text(struct event *event, uint32_t field, struct text text) {
    event->present |= 1u << field;
    event->fields[field].text = text;
}

static void begin_event(struct event_maker *maker, enum stream stream, uint32_t account, int64_t time_ms,
                        struct event *ret_event) {
    snprintf(maker->account_id, sizeof maker->account_id, "account-%08u", account);
    *ret_event = (struct event){.stream = stream, .account_id = text_of(maker->account_id), .time_ms = time_ms};
    ret_event->place.timestamp_ms = time_ms;
    set_text(ret_event, stream_schemas[stream].account_id, ret_event->account_id);
    set_number(ret_event, stream_schemas[stream].time, (double)time_ms);
}

void load_use(struct event_maker *maker, uint64_t number, uint32_t account, int64_t time_ms, struct event *ret_event) {
    static const struct text features[] = {TEXT("report"), TEXT("export"), TEXT("dashboard"), TEXT("search")};
    static const struct map_entry properties[] = {{TEXT("core"), TEXT("true")}, {TEXT("intended"), TEXT("true")}};
    uint64_t dice = scatter(number);
    begin_event(maker, STREAM_USAGE, account, time_ms, ret_event);
    snprintf(maker->event_id, sizeof maker->event_id, "%016llx%08x", (unsigned long long)dice, (unsigned)number);
    snprintf(maker->user_id, sizeof maker->user_id, "user-%u", (unsigned)(dice % 5));
    ret_event->event_id = text_of(maker->event_id);
    set_text(ret_event, USAGE_EVENT_ID, ret_event->event_id);
    set_text(ret_event, USAGE_USER_ID, text_of(maker->user_id));
    set_text(ret_event, USAGE_FEATURE, features[dice >> 8 & 3]);
    set_number(ret_event, USAGE_QUANTITY, (double)(1 + (dice >> 16) % 9));
    set_number(ret_event, USAGE_DURATION, (double)((dice >> 24) % 60000));
    ret_event->entries = properties;
    ret_event->entries_count = sizeof properties / sizeof properties[0];
}

static int64_t facts_time_ms(const struct load *load, uint32_t account) {
    return spread(load->base_ms, HOUR, account, load->accounts);
}

/* What the account bought, `plan_changes` plans later. */
static void make_facts(struct event_maker *maker, uint32_t account, uint32_t plan_changes, int64_t time_ms,
                       struct event *ret_event) {
    static const struct text plans[] = {TEXT("starter"), TEXT("team"), TEXT("business")};
    uint64_t dice = scatter(account);
    int64_t began_ms = facts_time_ms(maker->load, account);
    begin_event(maker, STREAM_ACCOUNT, account, time_ms, ret_event);
    set_number(ret_event, FACT_STATUS, 1);
    set_text(ret_event, FACT_PLAN, plans[(dice + plan_changes) % 3]);
    set_number(ret_event, FACT_ARR, (double)(500 + dice % 90000));
    set_text(ret_event, FACT_CURRENCY, TEXT("EUR"));
    set_number(ret_event, FACT_SEATS, (double)(1 + (dice >> 20) % 60));
    set_number(ret_event, FACT_CREATED, (double)(began_ms - 400 * DAY));
    set_number(ret_event, FACT_ONBOARDED, (double)(began_ms - 360 * DAY));
    set_number(ret_event, FACT_RENEWS, (double)(began_ms + 200 * DAY));
}

struct load load_default(enum load_kind kind) {
    if (kind == LOAD_RESTLESS)
        return (struct load){.kind = kind, .name = "restless", .accounts = 200000, .partitions = 1};
    return (struct load){
        .kind = kind, .name = "steady", .accounts = 1000000, .prelude = 2, .events = 1000000, .partitions = 1};
}

/* At six in the morning, whenever it is measured: what a midnight makes due comes before the measured hour. */
int64_t load_base_ms(enum load_kind kind, int64_t now_ms) {
    int64_t days = kind == LOAD_RESTLESS ? RESTLESS_DAYS + 12 : 3;
    return (now_ms / DAY - days) * DAY + 6 * HOUR;
}

static uint64_t plan_changes_of(const struct load *load) {
    return (load->events + EVENTS_PER_PLAN_CHANGE - 1) / EVENTS_PER_PLAN_CHANGE;
}

uint64_t load_uses(const struct load *load) {
    return load->kind == LOAD_RESTLESS
               ? (uint64_t)load->accounts * USES_PER_RESTLESS_ACCOUNT
               : (uint64_t)load->accounts * load->prelude + load->events - plan_changes_of(load);
}

uint64_t load_records(const struct load *load) {
    return load->accounts + load_uses(load) + (load->kind == LOAD_STEADY ? plan_changes_of(load) : 0);
}

/* The measured hour comes a day after what makes the accounts known, so that nothing in it is due to their birth. A few
 * of the former come just before it, on each partition: the ticks of that day are over when measuring begins. */
#define QUIET_DAY_MS      DAY
#define HERALDS_ONE_IN    50
#define HERALDS_BEFORE_MS (30 * MINUTE)

int64_t load_base_before_now_ms(int64_t now_ms) {
    return now_ms - QUIET_DAY_MS - 3 * HOUR;
}

int64_t load_measured_ms(const struct load *load) {
    return load->kind == LOAD_STEADY ? load->base_ms + 2 * HOUR + QUIET_DAY_MS : INSTANT_NONE;
}

/* One use of each account; then, over the quiet day, uses by the law of the measured hour, so that the accounts which
 * are in demand have been so before; the heralds, whose first use that is, come last. */
static void make_prelude_use(struct event_maker *maker, uint64_t number, uint64_t prelude, struct event *ret_event) {
    const struct load *load = maker->load;
    uint64_t first_herald = load->accounts - load->accounts / HERALDS_ONE_IN;
    uint64_t habits = prelude - load->accounts;
    int64_t known_ms = load->base_ms + 2 * HOUR, heralds_ms = load_measured_ms(load) - HERALDS_BEFORE_MS;
    if (number < first_herald) {
        load_use(maker, number, (uint32_t)number, spread(known_ms - HOUR, HOUR, number, first_herald), ret_event);
        return;
    }
    if (number < first_herald + habits) {
        uint64_t place = number - first_herald;
        load_use(maker, number, account_of_rank(load, draw_rank(load, number)),
                 spread(known_ms, heralds_ms - known_ms, place, habits), ret_event);
        return;
    }
    number -= habits;
    load_use(maker, number, (uint32_t)number,
             spread(heralds_ms, MINUTE, number - first_herald, load->accounts - first_herald), ret_event);
}

uint64_t load_known_records(const struct load *load) {
    return load->kind == LOAD_STEADY ? (uint64_t)load->accounts * (1 + load->prelude) : 0;
}

/* Plan changes are spread over all accounts, so that none has a second before all had one. */
bool load_steady_event(struct event_maker *maker, uint64_t place, int64_t time_ms, struct event *ret_event,
                       uint32_t *ret_account) {
    const struct load *load = maker->load;
    assert(load->accounts > 0);
    uint64_t number = (uint64_t)load->accounts * load->prelude + place;
    uint32_t change = (uint32_t)(place / EVENTS_PER_PLAN_CHANGE);
    bool changes = place % EVENTS_PER_PLAN_CHANGE == 0;
    *ret_account = account_of_rank(load, changes ? change % load->accounts : draw_rank(load, number));
    if (changes)
        make_facts(maker, *ret_account, 1 + change / load->accounts, time_ms, ret_event);
    else
        load_use(maker, number, *ret_account, time_ms, ret_event);
    return changes;
}

static void make_steady_event(struct event_maker *maker, uint64_t number, struct event *ret_event) {
    const struct load *load = maker->load;
    uint64_t prelude = (uint64_t)load->accounts * load->prelude;
    uint32_t account;
    if (number < prelude)
        make_prelude_use(maker, number, prelude, ret_event);
    else
        load_steady_event(maker, number - prelude, spread(load_measured_ms(load), HOUR, number - prelude, load->events),
                          ret_event, &account);
}

void load_event(struct event_maker *maker, uint64_t number, struct event *ret_event) {
    const struct load *load = maker->load;
    uint64_t behind = number - load->accounts;
    if (number < load->accounts)
        make_facts(maker, (uint32_t)number, 0, facts_time_ms(load, (uint32_t)number), ret_event);
    else if (load->kind == LOAD_STEADY)
        make_steady_event(maker, behind, ret_event);
    else
        load_use(maker, behind, (uint32_t)(chance(behind) * load->accounts),
                 spread(load->base_ms + HOUR, RESTLESS_DAYS * DAY, behind, load_uses(load)), ret_event);
}

/* ---- onto the broker */

struct event_producer *load_open(const struct load *load, const char *brokers) {
    static char topics[2][128];
    struct kafka_property properties[] = {
        {"bootstrap.servers", brokers}, {"linger.ms", "5"}, {"queue.buffering.max.messages", "200000"}};
    struct produce_options options = {.properties = {properties, 3}, .partitioner = "murmur2_random"};
    struct own_schemas own;
    struct error error;
    struct event_producer *producer;
    snprintf(topics[0], sizeof topics[0], "%s-accounts", load->name);
    snprintf(topics[1], sizeof topics[1], "%s-usage", load->name);
    options.topics[STREAM_ACCOUNT] = topics[0];
    options.topics[STREAM_USAGE] = topics[1];
    must(own_schemas_load(&own, &error), &error);
    for (int i = 0; i < STREAMS; i++)
        options.framings[i] = (struct framing){.kind = FRAMING_SINGLE_OBJECT,
                                               .fingerprint = own.streams[i]->fingerprint};
    own_schemas_free(&own);
    must(produce_open(&options, &producer, &error), &error);
    return producer;
}

void load_close(struct event_producer *producer) {
    struct error error;
    struct produce_counts counts;
    must(produce_flush(producer, 60000, &error), &error);
    produce_count(producer, &counts);
    if (counts.failed > 0)
        bench_fail("%llu records were not delivered: %s", (unsigned long long)counts.failed, counts.failure.text);
    produce_close(producer);
}

void load_produce(const struct load *load, const char *brokers) {
    struct event_producer *producer = load_open(load, brokers);
    struct event_maker maker = {.load = load};
    for (uint64_t i = 0; i < load_records(load); i++) {
        struct event event;
        struct error error;
        load_event(&maker, i, &event);
        must(produce_event(producer, &event, &error), &error);
    }
    load_close(producer);
}
