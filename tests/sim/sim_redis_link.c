#include "tests/sim/sim_redis_link.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "tests/sim/sim_memory.h"

struct sim_redis_link *sim_redis_link_open(struct sim_redis *redis) {
    struct sim_redis_link *link = calloc(1, sizeof *link);
    redis->links = realloc(redis->links, (redis->links_count + 1) * sizeof *redis->links);
    assert(link != NULL && redis->links != NULL);
    redis->links[redis->links_count++] = link;
    link->has_logged_in = redis->password == NULL;
    return link;
}

void sim_redis_link_free(struct sim_redis_link *link) {
    sim_redis_link_drop_requests(link);
    sim_transaction_free(&link->transaction);
    buffer_free(&link->in);
    buffer_free(&link->out);
    free(link->requests);
    free(link->answers);
    free(link);
}

/* ---- requests */

/* The number in a line such as `$12\r\n`; false: the line is not whole. */
static bool take_number(const char **at, const char *end, char kind, uint32_t *ret_number) {
    const char *line_end = *at == end ? NULL : memchr(*at, '\n', (size_t)(end - *at));
    if (line_end == NULL)
        return false;
    assert(**at == kind); /* The store writes nothing else. */
    *ret_number = (uint32_t)strtoul(*at + 1, NULL, 10);
    *at = line_end + 1;
    return true;
}

/* Where each argument lies; returns the whole's size, 0: it is not whole. */
static size_t split(const struct buffer *in, struct text *ret_arguments, uint32_t *ret_count) {
    const char *begin = (const char *)in->data, *at = begin, *end = begin + in->size;
    uint32_t size;
    if (!take_number(&at, end, '*', ret_count))
        return 0;
    for (uint32_t i = 0; i < *ret_count; i++) {
        if (!take_number(&at, end, '$', &size) || (size_t)(end - at) < (size_t)size + 2)
            return 0;
        if (ret_arguments != NULL)
            ret_arguments[i] = (struct text){at, size};
        at += size + 2;
    }
    return (size_t)(at - begin);
}

bool sim_redis_link_parse(struct sim_redis_link *link, struct sim_redis_request *ret_request) {
    uint32_t count;
    size_t size = link->in.size == 0 ? 0 : split(&link->in, NULL, &count);
    if (size == 0)
        return false;
    struct text *arguments = calloc(1, count * sizeof *arguments + size);
    assert(arguments != NULL);
    size_t again = split(&link->in, arguments, &count);
    assert(again == size);
    char *bytes = (char *)(arguments + count);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(bytes, arguments[i].data, arguments[i].size);
        arguments[i].data = bytes;
        bytes += arguments[i].size;
        *bytes++ = '\0';
    }
    link->in.size -= size;
    memmove(link->in.data, link->in.data + size, link->in.size);
    *ret_request = (struct sim_redis_request){.arguments = arguments, .count = count};
    return true;
}

bool sim_redis_request_acts(const struct sim_redis_request *request) {
    const char *name = request->arguments[0].data;
    return strcasecmp(name, "EVALSHA") == 0 || strcasecmp(name, "EXEC") == 0;
}

void sim_redis_link_send(struct sim_redis *redis, struct sim_redis_link *link, struct sim_redis_request *request,
                         int64_t arrives_ms) {
    if (link->requests_count > 0 && link->requests[link->requests_count - 1].arrives_ms > arrives_ms)
        arrives_ms = link->requests[link->requests_count - 1].arrives_ms;
    request->arrives_ms = arrives_ms;
    request->arrival = ++redis->arrivals;
    link->requests = sim_grown(link->requests, link->requests_count, &link->requests_capacity, sizeof *link->requests);
    link->requests[link->requests_count++] = *request;
}

void sim_redis_link_drop_first(struct sim_redis_link *link) {
    free(link->requests[0].arguments);
    link->requests_count--;
    memmove(link->requests, link->requests + 1, link->requests_count * sizeof *link->requests);
}

void sim_redis_link_drop_requests(struct sim_redis_link *link) {
    for (uint32_t i = 0; i < link->requests_count; i++)
        free(link->requests[i].arguments);
    link->requests_count = 0;
}

/* ---- answers */

void sim_redis_link_answer(struct sim_redis_link *link, const struct sim_redis_request *request, int64_t now_ms) {
    int64_t arrives_ms = now_ms + request->answer_ms;
    if (link->answers_count > 0 && link->answers[link->answers_count - 1].arrives_ms > arrives_ms)
        arrives_ms = link->answers[link->answers_count - 1].arrives_ms;
    assert(buffer_ok(&link->out));
    link->answers = sim_grown(link->answers, link->answers_count, &link->answers_capacity, sizeof *link->answers);
    link->answers[link->answers_count++] = (struct sim_redis_answer){link->out.size, arrives_ms};
}

void sim_redis_link_drop_answers(struct sim_redis_link *link) {
    link->answers_count = 0;
    link->taken = 0;
    buffer_clear(&link->out);
}

size_t sim_redis_link_ready(const struct sim_redis_link *link, int64_t now_ms) {
    size_t end = link->taken;
    for (uint32_t i = 0; i < link->answers_count && link->answers[i].arrives_ms <= now_ms; i++)
        end = link->answers[i].end;
    return end - link->taken;
}

int64_t sim_redis_link_next_ms(const struct sim_redis_link *link, int64_t now_ms) {
    for (uint32_t i = 0; i < link->answers_count; i++)
        if (link->answers[i].arrives_ms > now_ms)
            return link->answers[i].arrives_ms;
    return INT64_MAX;
}
