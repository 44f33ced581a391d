/* The input of a seed: events of some accounts, with what inputs bring with them: late, early, out of order, twice,
 * malformed, on the wrong partition. One thread. */
#pragma once

#include "tests/sim/sim_kafka.h"

#define SIM_ACCOUNTS_MAX 60

/* Once in so many; 0: never. */
struct sim_events {
    struct sim_chance *chance;
    struct sim_kafka *kafka;
    int64_t unit_ms; /* the seed's measure of time: what an hour is to its rules */
    uint32_t accounts;
    uint32_t numbers[SIM_ACCOUNTS_MAX]; /* in their names */
    uint32_t late, future, repeated, poison, erased, marker, misplaced;
    bool stamped_by_broker; /* a record's timestamp is the instant in which it came, else its event's */
    uint64_t count;
};

void sim_events_draw(struct sim_events *events, struct sim_chance *chance, struct sim_kafka *kafka, int64_t unit_ms);
/* Appends an event that happens at about `at_ms`. */
void sim_events_produce(struct sim_events *events, int64_t at_ms);
/* Events from `from_ms` to `to_ms`, some units apart. */
void sim_events_fill(struct sim_events *events, int64_t from_ms, int64_t to_ms, uint32_t count);
