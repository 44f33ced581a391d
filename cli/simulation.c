#include "cli/simulation.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"
#include "cli/lives.h"

#define USERS_MAX       9
#define RAMP_DAYS       10
#define EVENT_TEXT_MAX  48
#define ACCOUNT_ACTIONS 40 /* tickets that an account may have */

/* A ticket that is open, and when it will be resolved. */
struct open_ticket {
    int number, resolved_on;
    uint32_t severity;
};

struct customer {
    const struct life *life;
    struct text id, name, plan, industry, country, owner;
    int begins;   /* day of the simulation */
    int jitter;   /* of its acts, in days */
    int next_act; /* in the life's acts */
    uint32_t users;
    double seats, employees, arr;
    double activity, activity_before; /* where it goes, and where it came from */
    int activity_since;
    int64_t created_ms, renews_ms, onboarded_ms;
    const char *status;
    struct open_ticket tickets[ACCOUNT_ACTIONS];
    int tickets_count;
};

struct simulation {
    uint64_t random;
    int64_t start_ms;
    struct customer customers[SIMULATION_ACCOUNTS];
    uint64_t events_made; /* numbers the event ids */
    struct arena names;
    /* The day that is being made. */
    struct arena texts;
    struct event *events;
    uint32_t count, capacity;
    bool failed;
};

static const char *const company_beginnings[] = {"Alder",   "Bright", "Cobalt", "Delta",   "Ember",   "Falcon",
                                                 "Granite", "Harbor", "Indigo", "Juniper", "Kestrel", "Lumen"};
static const char *const company_ends[] = {"Works", "Labs", "Foods", "Logistics", "Health", "Media", "Energy"};
static const char *const industries[] = {"software", "retail", "healthcare", "logistics", "media", "manufacturing"};
static const char *const countries[] = {"DE", "US", "FR", "GB", "SE", "NL"};
static const char *const owners[] = {"Ada", "Bela", "Chidi", "Dora"};
static const char *const features[] = {"report", "import", "dashboard", "search", "share", "export"};
#define CORE_FEATURES 2 /* the first so many of `features` */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- chance ---- */

/* SplitMix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t random_next(struct simulation *simulation) {
    uint64_t value = simulation->random += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

/* From 0 to `bound` - 1. */
static uint32_t random_below(struct simulation *simulation, uint32_t bound) {
    return (uint32_t)(random_next(simulation) % bound);
}

static bool random_happens(struct simulation *simulation, double probability) {
    return (double)(random_next(simulation) >> 11) * 0x1p-53 < probability;
}

static struct text random_text(struct simulation *simulation, const char *const *texts, size_t count) {
    return text_of(texts[random_below(simulation, (uint32_t)count)]);
}

/* An instant of the day in working hours. */
static int64_t random_moment(struct simulation *simulation, int day) {
    return simulation->start_ms + day * DAY + 7 * HOUR + random_below(simulation, 11 * 60 * 60) * SECOND;
}

/* ---- events ---- */

static void set_text(struct event *event, const char *field, struct text text) {
    uint32_t index = stream_field(event->stream, text_of(field));
    assert(index < FIELDS_MAX);
    event->fields[index].text = text;
    event->present |= UINT32_C(1) << index;
}

static void set_number(struct event *event, const char *field, double number) {
    uint32_t index = stream_field(event->stream, text_of(field));
    assert(index < FIELDS_MAX);
    event->fields[index].number = number;
    event->present |= UINT32_C(1) << index;
}

static void set_symbol(struct event *event, const char *field, const char *symbol) {
    uint32_t index = stream_field(event->stream, text_of(field));
    set_number(event, field, field_symbol(&stream_schemas[event->stream].fields[index], text_of(symbol)));
}

/* A place for one more event of the day, or a place that is thrown away when memory is out. */
static struct event *next_event(struct simulation *simulation) {
    static const uint32_t capacity_first = 4096;
    if (simulation->count == simulation->capacity) {
        uint32_t capacity = simulation->capacity == 0 ? capacity_first : simulation->capacity * 2;
        struct event *grown = realloc(simulation->events, capacity * sizeof *grown);
        if (grown == NULL) {
            simulation->failed = true;
            simulation->count = 0;
            assert(simulation->capacity > 0);
            return &simulation->events[0];
        }
        simulation->events = grown;
        simulation->capacity = capacity;
    }
    return &simulation->events[simulation->count++];
}

static struct event *add_event(struct simulation *simulation, const struct customer *customer, enum stream stream,
                               int64_t time_ms) {
    const struct stream_schema *schema = &stream_schemas[stream];
    struct event *event = next_event(simulation);
    *event = (struct event){
        .stream = stream,
        .account_id = customer->id,
        .time_ms = time_ms,
        .place = {.partition = -1, .timestamp_ms = time_ms},
    };
    event->fields[schema->account_id].text = customer->id;
    event->fields[schema->time].number = (double)time_ms;
    event->present = UINT32_C(1) << schema->account_id | UINT32_C(1) << schema->time;
    if (schema->event_id < FIELDS_MAX) {
        event->event_id = arena_printf(&simulation->texts, "e%llu", (unsigned long long)++simulation->events_made);
        event->fields[schema->event_id].text = event->event_id;
        event->present |= UINT32_C(1) << schema->event_id;
    }
    for (uint32_t i = 0; i < schema->fields_count; i++) {
        if (schema->fields[i].has_default && schema->fields[i].type != FIELD_MAP) {
            event->fields[i].number = schema->fields[i].default_number;
            event->present |= UINT32_C(1) << i;
        }
    }
    return event;
}

static void add_facts(struct simulation *simulation, const struct customer *customer, int64_t time_ms) {
    struct event *event = add_event(simulation, customer, STREAM_ACCOUNT, time_ms);
    set_text(event, "name", customer->name);
    set_symbol(event, "status", customer->status);
    set_text(event, "plan", customer->plan);
    set_number(event, "arr", customer->arr);
    set_text(event, "currency", TEXT("EUR"));
    set_number(event, "seats", customer->seats);
    set_number(event, "employees", customer->employees);
    set_text(event, "industry", customer->industry);
    set_text(event, "country", customer->country);
    set_number(event, "created_at", (double)customer->created_ms);
    set_number(event, "renews_at", (double)customer->renews_ms);
    set_text(event, "owner", customer->owner);
    if (customer->onboarded_ms != 0)
        set_number(event, "onboarded_at", (double)customer->onboarded_ms);
}

static struct text user_name(struct simulation *simulation, const struct customer *customer, uint32_t user) {
    return arena_printf(&simulation->texts, "%.*s-u%u", TEXT_ARGUMENTS(customer->id), user);
}

static void add_usage(struct simulation *simulation, const struct customer *customer, struct text user,
                      int64_t time_ms) {
    static const struct map_entry core[] = {{TEXT("core"), TEXT("true")}}, other[] = {{TEXT("core"), TEXT("false")}};
    uint32_t feature = random_below(simulation, COUNT_OF(features));
    struct event *event = add_event(simulation, customer, STREAM_USAGE, time_ms);
    set_text(event, "user_id", user);
    set_text(event, "feature", text_of(features[feature]));
    set_number(event, "duration_ms", 1000 + random_below(simulation, 600000));
    event->entries = feature < CORE_FEATURES ? core : other;
    event->entries_count = 1;
    event->present |= UINT32_C(1) << stream_field(STREAM_USAGE, TEXT("properties"));
}

static void add_custom(struct simulation *simulation, const struct customer *customer, const char *name,
                       int64_t time_ms) {
    struct event *event = add_event(simulation, customer, STREAM_CUSTOM, time_ms);
    set_text(event, "name", text_of(name));
}

static void add_ticket(struct simulation *simulation, const struct customer *customer, const struct open_ticket *ticket,
                       const char *action, int64_t time_ms) {
    struct event *event = add_event(simulation, customer, STREAM_TICKET, time_ms);
    set_text(event, "ticket_id",
             arena_printf(&simulation->texts, "%.*s-t%d", TEXT_ARGUMENTS(customer->id), ticket->number));
    set_symbol(event, "action", action);
    set_number(event, "severity", ticket->severity);
    if (strcmp(action, "RESOLVED") == 0)
        set_number(event, "satisfaction", ticket->severity >= 2 ? 2 : 4 + random_below(simulation, 2));
}

/* ---- a customer's day ---- */

static void open_ticket(struct simulation *simulation, struct customer *customer, const struct act *act, int day,
                        int64_t time_ms) {
    assert(customer->tickets_count < ACCOUNT_ACTIONS);
    struct open_ticket *ticket = &customer->tickets[customer->tickets_count];
    const struct field *severity = &stream_schemas[STREAM_TICKET].fields[stream_field(STREAM_TICKET, TEXT("severity"))];
    *ticket = (struct open_ticket){++customer->tickets_count, day + (int)act->value,
                                   field_symbol(severity, text_of(act->text))};
    add_ticket(simulation, customer, ticket, "OPENED", time_ms);
}

static void perform(struct simulation *simulation, struct customer *customer, const struct act *act, int day) {
    int64_t time_ms = random_moment(simulation, day);
    switch (act->kind) {
    case ACT_ACTIVITY:
        customer->activity_before = day == customer->begins ? act->value : customer->activity;
        customer->activity = act->value;
        customer->activity_since = day;
        return;
    case ACT_TICKET:
        open_ticket(simulation, customer, act, day, time_ms);
        return;
    case ACT_NPS:
        set_number(add_event(simulation, customer, STREAM_NPS, time_ms), "score", act->value);
        return;
    case ACT_CUSTOM:
        add_custom(simulation, customer, act->text, time_ms);
        return;
    case ACT_ONBOARDED:
        customer->onboarded_ms = time_ms;
        break;
    case ACT_STATUS:
        customer->status = act->text;
        break;
    case ACT_RENEWED:
        customer->renews_ms += 365 * DAY;
        break;
    case ACT_SEATS:
        customer->seats = floor(customer->seats * act->value);
        customer->arr *= act->value;
        break;
    }
    add_facts(simulation, customer, time_ms);
}

/* The part of its usual activity that the customer has on this day: on its way from the old to the new within
 * RAMP_DAYS. */
static double activity_on(const struct customer *customer, int day) {
    double way = (double)(day - customer->activity_since) / RAMP_DAYS;
    if (way >= 1 || customer->activity == 0)
        return customer->activity;
    return customer->activity_before + (customer->activity - customer->activity_before) * way;
}

static void use_product(struct simulation *simulation, const struct customer *customer, int day) {
    int64_t day_number = floor_divide(simulation->start_ms, DAY) + day;
    bool weekend = (day_number + 3) % 7 >= 5; /* 1970-01-01 was a Thursday */
    double activity = activity_on(customer, day) * (weekend ? 0.1 : 1);
    for (uint32_t user = 1; user <= customer->users; user++) {
        if (!random_happens(simulation, 0.75 * activity))
            continue;
        struct text name = user_name(simulation, customer, user);
        int64_t time_ms = random_moment(simulation, day);
        set_text(add_event(simulation, customer, STREAM_LOGIN, time_ms), "user_id", name);
        for (uint32_t uses = 1 + random_below(simulation, 3); uses > 0; uses--)
            add_usage(simulation, customer, name, time_ms + uses * MINUTE);
    }
}

static void resolve_tickets(struct simulation *simulation, struct customer *customer, int day) {
    for (int i = 0; i < customer->tickets_count; i++)
        if (customer->tickets[i].resolved_on == day)
            add_ticket(simulation, customer, &customer->tickets[i], "RESOLVED", random_moment(simulation, day));
}

static void live_day(struct simulation *simulation, struct customer *customer, int day) {
    const struct act *act = &customer->life->acts[customer->next_act];
    if (day < customer->begins)
        return;
    if (day == customer->begins)
        add_facts(simulation, customer, simulation->start_ms + day * DAY + 6 * HOUR);
    for (; act->day >= 0; act++, customer->next_act++) {
        int jitter = act->day == 0 ? 0 : customer->jitter;
        if (customer->begins + act->day + jitter > day)
            break;
        perform(simulation, customer, act, day);
    }
    resolve_tickets(simulation, customer, day);
    use_product(simulation, customer, day);
}

/* ---- the whole ---- */

static void make_customer(struct simulation *simulation, struct customer *customer, const struct life *life,
                          uint32_t number) {
    static const struct {
        const char *plan;
        double seats, arr, employees;
    } sizes[] = {{"team", 5, 2400, 20},
                 {"business", 12, 14000, 90},
                 {"business", 25, 42000, 300},
                 {"enterprise", 60, 160000, 1400}};
    uint32_t size = random_below(simulation, COUNT_OF(sizes));
    int span = life->joins_last - life->joins_first + 1;
    *customer = (struct customer){
        .life = life,
        .id = arena_printf(&simulation->names, "acme-%03u", number + 1),
        .name = arena_printf(&simulation->names, "%s %s", company_beginnings[number % COUNT_OF(company_beginnings)],
                             company_ends[number / COUNT_OF(company_beginnings) % COUNT_OF(company_ends)]),
        .plan = text_of(sizes[size].plan),
        .industry = random_text(simulation, industries, COUNT_OF(industries)),
        .country = random_text(simulation, countries, COUNT_OF(countries)),
        .owner = random_text(simulation, owners, COUNT_OF(owners)),
        .begins = life->joins_first < 0 ? 0 : life->joins_first + (int)random_below(simulation, (uint32_t)span),
        .jitter = (int)random_below(simulation, 5) - 2,
        .seats = sizes[size].seats,
        .employees = sizes[size].employees * (1 + random_below(simulation, 3)),
        .arr = sizes[size].arr * (1 + random_below(simulation, 10) / 10.0),
        .status = life->status,
    };
    int64_t begins_ms = simulation->start_ms + customer->begins * DAY;
    customer->users = customer->seats < USERS_MAX ? (uint32_t)customer->seats : USERS_MAX;
    /* Every seat that is paid for has a user, or nearly. */
    customer->seats = customer->users + random_below(simulation, customer->users / 2 + 1);
    customer->created_ms = begins_ms - life->created_before * DAY;
    customer->renews_ms = begins_ms + life->renews_after * DAY;
    customer->onboarded_ms = life->created_before > 0 ? customer->created_ms + 30 * DAY : 0;
}

enum result simulation_create(uint64_t seed, int64_t start_ms, struct simulation **ret_simulation,
                              struct error *error) {
    struct simulation *simulation = calloc(1, sizeof *simulation);
    if (simulation == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    simulation->random = seed;
    simulation->start_ms = start_ms;
    uint32_t number = 0;
    for (uint32_t i = 0; i < lives_count; i++)
        for (uint32_t j = 0; j < lives[i].share; j++, number++)
            make_customer(simulation, &simulation->customers[number], &lives[i], number);
    assert(number == SIMULATION_ACCOUNTS);
    *ret_simulation = simulation;
    return RESULT_OK;
}

void simulation_free(struct simulation *simulation) {
    if (simulation == NULL)
        return;
    arena_free(&simulation->names);
    arena_free(&simulation->texts);
    free(simulation->events);
    free(simulation);
}

static int by_time(const void *left, const void *right) {
    const struct event *a = left, *b = right;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->stream != b->stream)
        return a->stream < b->stream ? -1 : 1;
    int order = text_compare(a->account_id, b->account_id);
    return order != 0 ? order : text_compare(a->event_id, b->event_id);
}

enum result simulation_day(struct simulation *simulation, int day, const struct event **ret_events, uint32_t *ret_count,
                           struct error *error) {
    arena_clear(&simulation->texts);
    simulation->count = 0;
    for (uint32_t i = 0; i < SIMULATION_ACCOUNTS; i++)
        live_day(simulation, &simulation->customers[i], day);
    if (simulation->failed)
        return error_set(error, RESULT_FATAL, "memory is out");
    qsort(simulation->events, simulation->count, sizeof *simulation->events, by_time);
    *ret_events = simulation->events;
    *ret_count = simulation->count;
    return RESULT_OK;
}

const char *simulation_life(const struct simulation *simulation, struct text account_id) {
    for (uint32_t i = 0; i < SIMULATION_ACCOUNTS; i++)
        if (text_equal(simulation->customers[i].id, account_id))
            return simulation->customers[i].life->title;
    return NULL;
}
