/* The server's end of a connection to a simulated Redis: requests that are on their way to it, and answers that are on
 * their way back. */
#pragma once

#include "base/buffer.h"
#include "tests/sim/sim_redis.h"
#include "tests/sim/sim_redis_transaction.h"

struct sim_redis_request {
    struct text *arguments; /* in one allocation with their bytes, each followed by a zero */
    uint32_t count;
    uint64_t arrival; /* decides between those that arrive at one time */
    int64_t arrives_ms;
    int64_t answer_ms; /* how long the answer will be on its way */
};

struct sim_redis_answer {
    size_t end; /* in `out` */
    int64_t arrives_ms;
};

struct sim_redis_link {
    bool closed; /* by the client, or broken: nobody takes answers */
    bool has_logged_in;
    int database;
    struct sim_transaction transaction;
    struct buffer in; /* the beginning of a request that is not whole */
    struct sim_redis_request *requests;
    uint32_t requests_count, requests_capacity;
    struct buffer out;
    size_t taken; /* of `out` */
    struct sim_redis_answer *answers;
    uint32_t answers_count, answers_capacity;
};

struct sim_redis_link *sim_redis_link_open(struct sim_redis *redis);
void sim_redis_link_free(struct sim_redis_link *link);

/* The first request in `in`, where it is whole; its arguments are to be given to sim_redis_link_send or freed. */
bool sim_redis_link_parse(struct sim_redis_link *link, struct sim_redis_request *ret_request);
/* A script, or the end of a transaction: before it nothing is changed. */
bool sim_redis_request_acts(const struct sim_redis_request *request);
/* It arrives then, or right after those that were sent before it. */
void sim_redis_link_send(struct sim_redis *redis, struct sim_redis_link *link, struct sim_redis_request *request,
                         int64_t arrives_ms);
void sim_redis_link_drop_first(struct sim_redis_link *link);
void sim_redis_link_drop_requests(struct sim_redis_link *link);
/* What was written to `out` is the answer to the request. */
void sim_redis_link_answer(struct sim_redis_link *link, const struct sim_redis_request *request, int64_t now_ms);
void sim_redis_link_drop_answers(struct sim_redis_link *link);

/* How many bytes of answers have arrived and were not taken. */
size_t sim_redis_link_ready(const struct sim_redis_link *link, int64_t now_ms);
/* When the next answer arrives, of those that have not; INT64_MAX: none is on its way. */
int64_t sim_redis_link_next_ms(const struct sim_redis_link *link, int64_t now_ms);
