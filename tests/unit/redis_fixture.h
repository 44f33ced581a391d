/* What tests of the Redis store share: a simulated server, two owners on it, and their requests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/core/engine.h"
#include "store/redis_store.h"
#include "tests/harness/store_requests.h"
#include "tests/sim/sim_redis_link.h"

#define GROUP      "test"
#define SHARD      7
#define TIMEOUT_MS 1000
#define LENT_MAX   64
#define LENT_SIZE  64

/* A server, and two owners of the same group who both may think that a shard is theirs. */
struct fixture {
    int64_t now_ms;
    struct sim_redis redis;
    struct sim_redis_client clients[2];
    struct redis_transport transports[2];
    struct redis_store *stores[2];
    struct store ports[2];
    struct clock clock;
    uint64_t ticket;
    char lent[LENT_MAX][LENT_SIZE]; /* ids and states that were written, one by one */
    struct stored_blob ones[LENT_MAX];
    uint32_t lent_count;
};

static inline int64_t monotonic_ms(void *context) {
    return ((struct fixture *)context)->now_ms;
}

static inline void pass(void *context, int64_t duration_ms) {
    ((struct fixture *)context)->now_ms += duration_ms;
}

static inline void open_store(struct fixture *fixture, int owner) {
    struct error error;
    struct sim_redis_client *client = &fixture->clients[owner];
    sim_redis_client_init(client, &fixture->redis);
    client->context = fixture;
    client->pass = pass;
    fixture->transports[owner] = sim_redis_transport(client);
    struct redis_options options = {.host = "sim",
                                    .port = 1,
                                    .group = GROUP,
                                    .timeout_ms = TIMEOUT_MS,
                                    .scan_page = 3,
                                    .transport = &fixture->transports[owner]};
    assert_int_equal(redis_store_create(&options, &fixture->clock, &fixture->stores[owner], &error), RESULT_OK);
    fixture->ports[owner] = redis_store_port(fixture->stores[owner]);
}

static inline void begin(struct fixture *fixture) {
    *fixture = (struct fixture){.now_ms = 1};
    fixture->clock = (struct clock){fixture, monotonic_ms, monotonic_ms};
    sim_redis_init(&fixture->redis, &fixture->now_ms);
    open_store(fixture, 0);
    open_store(fixture, 1);
}

static inline void end(struct fixture *fixture) {
    for (int i = 0; i < 2; i++) {
        redis_store_free(fixture->stores[i]);
        sim_redis_client_free(&fixture->clients[i]);
    }
    sim_redis_free(&fixture->redis);
}

static inline int start(void **state) {
    static struct fixture fixture;
    begin(&fixture);
    *state = &fixture;
    return 0;
}

static inline int stop(void **state) {
    end(*state);
    return 0;
}

/* ---- requests; each of these waits for its event */

/* The next thing that the store tells within so long. */
static inline struct store_event await_for(struct fixture *fixture, int owner, int64_t duration_ms) {
    struct store_event event = {.kind = STORE_NOTHING};
    struct store *port = &fixture->ports[owner];
    int64_t until_ms = fixture->now_ms + duration_ms;
    do {
        int64_t before_ms = fixture->now_ms;
        port->poll(port->context, 100, &event);
        fixture->now_ms += fixture->now_ms == before_ms;
    } while (event.kind == STORE_NOTHING && fixture->now_ms < until_ms);
    return event;
}

/* What was asked goes out, and its answer is not here yet. */
static inline void send_now(struct fixture *fixture, int owner) {
    struct store_event event;
    struct store *port = &fixture->ports[owner];
    assert_true(fixture->clients[owner].request_ms + fixture->clients[owner].answer_ms > 0);
    port->poll(port->context, 0, &event);
    assert_int_equal(event.kind, STORE_NOTHING);
}

/* Until the server has done so many transactions more of those that were asked for, and nobody has been told. */
static inline void send_until_done(struct fixture *fixture, int owner, uint32_t transactions) {
    struct store_event event = {.kind = STORE_NOTHING};
    struct store *port = &fixture->ports[owner];
    uint32_t writes = sim_redis_writes(&fixture->redis, SHARD) + transactions;
    while (sim_redis_writes(&fixture->redis, SHARD) < writes && event.kind == STORE_NOTHING)
        port->poll(port->context, 1, &event);
    assert_int_equal(event.kind, STORE_NOTHING);
}

static inline bool is_on_its_way(const struct sim_redis_link *link, const char *name) {
    for (uint32_t i = 0; i < link->requests_count; i++)
        if (text_equals(link->requests[i].arguments[0], name))
            return true;
    return false;
}

/* Until a transaction's end is on its way. */
static inline void send_exec(struct fixture *fixture, int owner) {
    struct store_event event = {.kind = STORE_NOTHING};
    struct store *port = &fixture->ports[owner];
    assert_true(fixture->clients[owner].request_ms > 0);
    while (!is_on_its_way(fixture->clients[owner].link, "EXEC") && event.kind == STORE_NOTHING)
        port->poll(port->context, 1, &event);
    assert_int_equal(event.kind, STORE_NOTHING);
}

static inline struct store_event await(struct fixture *fixture, int owner) {
    struct store_event event = await_for(fixture, owner, 10 * TIMEOUT_MS);
    assert_int_not_equal(event.kind, STORE_NOTHING);
    return event;
}

static inline void ask_claim(struct fixture *fixture, int owner, int64_t epoch, int64_t newest_known, bool again) {
    struct store *port = &fixture->ports[owner];
    struct store_claim claim = {
        {TEXT("cluster-1"), {1, 0, 2}, 12}, epoch, newest_known, again, INT64_MAX - (int64_t)fixture->ticket};
    struct error error;
    assert_int_equal(port->claim(port->context, ++fixture->ticket, SHARD, &claim, &error), RESULT_OK);
}

static inline struct store_event claim(struct fixture *fixture, int owner, int64_t epoch) {
    ask_claim(fixture, owner, epoch, epoch, false);
    return await(fixture, owner);
}

static inline struct store_event claim_again(struct fixture *fixture, int owner, int64_t epoch, int64_t newest_known) {
    ask_claim(fixture, owner, epoch, newest_known, true);
    return await(fixture, owner);
}

static inline void ask_verify(struct fixture *fixture, int owner) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    assert_int_equal(port->verify(port->context, ++fixture->ticket, SHARD, &error), RESULT_OK);
}

static inline struct store_event verify(struct fixture *fixture, int owner) {
    ask_verify(fixture, owner);
    return await(fixture, owner);
}

/* The blobs are lent until the write is answered, or void. */
static inline void ask_write(struct fixture *fixture, int owner, const struct stored_blob *blobs, uint32_t count,
                             int64_t meta_offset) {
    struct store *port = &fixture->ports[owner];
    struct error error;
    struct store_write write = write_of(blobs, count, meta_offset);
    assert_int_equal(port->write(port->context, ++fixture->ticket, SHARD, &write, &error), RESULT_OK);
}

/* One account, as the only one of its commit. */
static inline void ask_write_one(struct fixture *fixture, int owner, const char *id, const char *bytes,
                                 int64_t offset) {
    assert_true(fixture->lent_count < LENT_MAX && strlen(id) + strlen(bytes) + 2 <= LENT_SIZE);
    char *lent_id = fixture->lent[fixture->lent_count], *lent_bytes = lent_id + strlen(id) + 1;
    struct stored_blob *one = &fixture->ones[fixture->lent_count++];
    *one = blob(strcpy(lent_id, id), strcpy(lent_bytes, bytes), offset, INSTANT_NEVER, 0);
    ask_write(fixture, owner, one, 1, offset);
}

static inline struct store_event write_one(struct fixture *fixture, int owner, const char *id, const char *bytes,
                                           int64_t offset) {
    ask_write_one(fixture, owner, id, bytes, offset);
    return await(fixture, owner);
}

static inline bool holds(const struct fixture *fixture, const char *id, const char *bytes) {
    struct stored_blob found;
    return sim_redis_find(&fixture->redis, SHARD, text_of(id), &found) && text_equals(found.blob, bytes);
}

static inline void assert_in_order(const struct fixture *fixture) {
    const char *disorder = sim_redis_disorder(&fixture->redis, SHARD);
    if (disorder != NULL)
        fail_msg("%s", disorder);
}

/* Claims again as often as it takes; the shard goes on as it was, or is lost. */
static inline struct store_event recover(struct fixture *fixture, int owner, int64_t epoch, int64_t newest_known) {
    struct store_event event = {.kind = STORE_UNAVAILABLE};
    for (int i = 0; i < 100 && event.kind == STORE_UNAVAILABLE; i++)
        event = claim_again(fixture, owner, epoch, newest_known);
    return event;
}
