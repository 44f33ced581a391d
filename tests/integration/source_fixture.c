#include "tests/integration/source_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/deadline.h"
#include "tests/harness/test_clock.h"

enum { FETCH_MAX = 512 };

struct source_fixture source_fixture_open(struct kafka_server *server) {
    static int number;
    struct source_fixture fixture = {.server = server};
    number++;
    snprintf(fixture.group, sizeof fixture.group, "group-%d", number);
    snprintf(fixture.logins, sizeof fixture.logins, "logins-%d", number);
    snprintf(fixture.accounts, sizeof fixture.accounts, "accounts-%d", number);
    kafka_create_topic(server, fixture.logins, PARTITIONS, NULL);
    kafka_create_topic(server, fixture.accounts, PARTITIONS, NULL);
    fixture.properties[0] = (struct consumer_property){"bootstrap.servers", server->address};
    return fixture;
}

struct kafka_source_options source_fixture_options(const struct source_fixture *fixture, const char *instance_id) {
    return (struct kafka_source_options){
        .properties = {fixture->properties, 1},
        .group = fixture->group,
        .instance_id = instance_id,
        .session_timeout_ms = 6000,
        .clock = &test_clock,
        .partitions = PARTITIONS,
        .topics = {[STREAM_LOGIN] = fixture->logins, [STREAM_ACCOUNT] = fixture->accounts},
    };
}

void source_member_open(struct source_fixture *fixture, const char *instance_id, struct source_member *member) {
    struct kafka_source_options options = source_fixture_options(fixture, instance_id);
    *member = (struct source_member){0};
    if (kafka_source_create(&options, &member->kafka, &fixture->error) != RESULT_OK)
        fail_msg("%s", fixture->error.text);
    member->port = kafka_source_port(member->kafka);
}

void source_member_close(struct source_member *member) {
    member->port.close(member->port.context, 5000);
    if (member->membership != NULL)
        member->port.release_membership(member->port.context, member->membership);
    kafka_source_free(member->kafka);
}

enum source_event_kind source_member_turn(struct source_member *member, struct error *error) {
    struct source_event event;
    member->port.poll(member->port.context, 50, &event);
    if (event.kind == SOURCE_ASSIGNED) {
        if (member->membership != NULL)
            member->port.release_membership(member->port.context, member->membership);
        member->membership = event.membership;
        assert_in_range(event.inputs_count, 1, 2 * PARTITIONS);
        member->inputs_count = event.inputs_count;
        memcpy(member->inputs, event.inputs, event.inputs_count * sizeof *event.inputs);
    }
    *error = event.error;
    return event.kind;
}

void source_member_await(struct source_member *member, enum source_event_kind kind, struct error *error) {
    struct deadline deadline = deadline_after(WAIT_MS);
    enum source_event_kind met;
    while ((met = source_member_turn(member, error)) != kind) {
        if (met == SOURCE_FATAL)
            fail_msg("%s", error->text);
        assert_false(deadline_passed(deadline));
    }
}

void source_member_assign(struct source_member *member, const struct input_offset *positions, uint32_t count) {
    struct error error;
    if (member->port.assign(member->port.context, positions, count, &error) != ANSWER_OK)
        fail_msg("%s", error.text);
}

void source_member_join(struct source_fixture *fixture, struct source_member *member) {
    source_member_open(fixture, "one", member);
    source_member_await(member, SOURCE_ASSIGNED, &fixture->error);
    struct input_offset positions[2 * PARTITIONS];
    for (uint32_t i = 0; i < member->inputs_count; i++)
        positions[i] = (struct input_offset){member->inputs[i], 0};
    source_member_assign(member, positions, member->inputs_count);
}

void produce_some(const struct source_fixture *fixture, const char *topic, int32_t partition, int first, int count) {
    struct kafka_record *records = calloc((size_t)count, sizeof *records);
    char(*texts)[16] = calloc((size_t)count, sizeof *texts);
    for (int i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "v%d", first + i);
        records[i] = (struct kafka_record){
            .topic = topic,
            .partition = partition,
            .timestamp_ms = 1000 + first + i,
            .key = "k",
            .key_size = 1,
            .value = texts[i],
            .value_size = strlen(texts[i]),
            .header_count = 1,
            .headers = {{"h", "x", 1}},
        };
    }
    kafka_produce(fixture->server, records, (size_t)count);
    free(records);
    free(texts);
}

uint32_t source_member_fetch_to(struct source_member *member, struct input input, int64_t position) {
    struct deadline deadline = deadline_after(WAIT_MS);
    struct fetched fetched = {0, OFFSET_NONE};
    struct error error;
    uint32_t total = 0;
    int64_t last = -1;
    while (fetched.position < position) {
        struct message messages[FETCH_MAX];
        member->port.fetch(member->port.context, input, messages, FETCH_MAX, &fetched);
        for (uint32_t i = 0; i < fetched.count; i++) {
            assert_true(messages[i].offset > last);
            last = messages[i].offset;
        }
        member->port.release(member->port.context, messages, fetched.count);
        total += fetched.count;
        if (fetched.count == 0 && source_member_turn(member, &error) == SOURCE_FATAL)
            fail_msg("%s", error.text);
        assert_false(deadline_passed(deadline));
    }
    assert_int_equal(fetched.position, position);
    return total;
}
