/* A source on a real Kafka for its tests: topics and a group of each test's own, and a member of it that takes what its
 * port tells it. Main thread only. */
#pragma once

#include "consumer/kafka_membership.h"
#include "consumer/kafka_source.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/kafka_server.h"

enum { PARTITIONS = 2, WAIT_MS = 30000, CALL_MS = 200 };

struct source_fixture {
    struct kafka_server *server;
    char group[32], logins[32], accounts[32];
    struct consumer_property properties[1];
    struct error error;
};

struct source_fixture source_fixture_open(struct kafka_server *server);
struct kafka_source_options source_fixture_options(const struct source_fixture *fixture, const char *instance_id);

struct source_member {
    struct kafka_source *kafka;
    struct source port;
    struct membership *membership; /* of the last assignment, as are the inputs */
    struct input inputs[2 * PARTITIONS];
    uint32_t inputs_count;
};

void source_member_open(struct source_fixture *fixture, const char *instance_id, struct source_member *member);
void source_member_close(struct source_member *member);

/* Takes an event; keeps what an assignment brings. */
enum source_event_kind source_member_turn(struct source_member *member, struct error *error);
void source_member_await(struct source_member *member, enum source_event_kind kind, struct error *error);
void source_member_assign(struct source_member *member, const struct input_offset *positions, uint32_t count);
/* Opens it under the name `one`, and reads all inputs from their beginning. */
void source_member_join(struct source_fixture *fixture, struct source_member *member);

/* Takes messages of one input until `position` is reached; checks their order; releases them. Returns their number. */
uint32_t source_member_fetch_to(struct source_member *member, struct input input, int64_t position);

/* Records with the values v<first>, v<first + 1>, ..., a header, and timestamps from 1000 + first on. */
void produce_some(const struct source_fixture *fixture, const char *topic, int32_t partition, int first, int count);
