/* The made-up input that is measured with: topics of a real broker, filled once for all runs. The same options always
 * give the same records. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "producer/produce.h"

enum load_kind {
    /* Facts of every account, then `prelude` uses per account: one each, so that all are known, and over the next day
     * the others, by the law of the measured ones, so that habits have formed; then the events that are measured: an
     * hour of uses, of accounts drawn by a Zipf law of exponent 1 (or uniformly). One event in a hundred is no use but
     * new facts, a plan that was changed: under the default rules those, and only those, change something, one thing
     * each.
     */
    LOAD_STEADY,
    /* Five uses per account, spread over 60 days, under the rules restless.yaml: uses and silence both change much. */
    LOAD_RESTLESS,
};

struct load {
    enum load_kind kind;
    const char *name; /* of its topics: NAME-accounts, NAME-usage */
    uint32_t accounts;
    uint32_t prelude;
    uint64_t events; /* that are measured; steady */
    int32_t partitions;
    bool uniform;
    int64_t base_ms; /* when time begins */
};

/* The size that the limits speak of: steady with 1M accounts, restless with 200,000. */
struct load load_default(enum load_kind kind);
/* When the load's time has to begin so that it ends in the past, by a wall clock of now. */
int64_t load_base_ms(enum load_kind kind, int64_t now_ms);
/* Of a steady load that goes on with events of now: its accounts are a day old then, and hardly a tick lies between. */
int64_t load_base_before_now_ms(int64_t now_ms);

/* The event of this number, from 0: facts first, then uses, in the order of time. Borrowed until the next call. */
struct event_maker {
    const struct load *load;
    char account_id[32], event_id[40], user_id[24];
};

/* When what is measured begins; INSTANT_NONE: with the first record. */
int64_t load_measured_ms(const struct load *load);
uint64_t load_known_records(const struct load *load); /* that come before */
uint64_t load_records(const struct load *load);       /* of both topics */
uint64_t load_uses(const struct load *load);          /* of the topic of uses */
void load_event(struct event_maker *maker, uint64_t number, struct event *ret_event);

/* A use of any account at any time, for those who make their own. */
void load_use(struct event_maker *maker, uint64_t number, uint32_t account, int64_t time_ms, struct event *ret_event);

/* The steady load's measured events without an end, from 0, each at a time of the caller's: true where the event is new
 * facts, with the account's number. */
bool load_steady_event(struct event_maker *maker, uint64_t place, int64_t time_ms, struct event *ret_event,
                       uint32_t *ret_account);

/* Opens a producer for the load's topics, or fills them. Ends the process with a message where that fails. */
struct event_producer *load_open(const struct load *load, const char *brokers);
void load_produce(const struct load *load, const char *brokers);
/* Waits until all has arrived, and closes. */
void load_close(struct event_producer *producer);
