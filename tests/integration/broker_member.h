/* A member of a test's group, by the library alone: eager, `range`, read_committed, as Bellwether's own. It is given
 * partitions and reads none of them. It does nothing unless it is polled, but for the library's heartbeats. */
#pragma once

#include "tests/integration/broker.h"

enum { SESSION_MS = 3000, LONG_SESSION_MS = 30000 };

struct member_options {
    const char *instance_id; /* NULL: a dynamic member */
    const char *max_poll_ms; /* how long it may go without a poll; NULL: a minute */
    bool proxied;
    bool is_patient; /* its session is long: no test waits for its end, however slow the machine is */
};

struct member {
    const struct broker *broker;
    rd_kafka_t *consumer;
    int assigned;                                 /* partitions; 0: none, or it waits for a generation */
    rd_kafka_consumer_group_metadata_t *metadata; /* copied when the assignment came, as are these: */
    int32_t generation;
    char id[128];
    int revocations;
    bool lost;                                /* of the last one: it came too late to give anything back */
    void (*on_revoke)(struct member *member); /* called before it is answered; NULL: nothing */
    struct producer *producer;                /* for on_revoke */
};

void member_join(const struct broker *broker, struct member_options options, struct member *member);
void member_poll(struct member *member);
/* Polls until the members hold all partitions between them, each at least one; the second may be NULL. */
void members_await(struct member *one, struct member *other);
/* Leaves in good order, if it is a dynamic member. */
void member_close(struct member *member);

/* What it is told to be committed of partition 0 within `timeout_ms`: an offset, RD_KAFKA_OFFSET_INVALID for none; or
 * PENDING, while a transaction hangs over it. */
#define PENDING INT64_C(-1)
int64_t member_committed(const struct member *member, int timeout_ms);
