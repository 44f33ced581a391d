#include "store/redis_store.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "store/redis_internal.h"

enum result redis_store_create(const struct redis_options *options, const struct clock *clock,
                               struct redis_store **ret_store, struct error *error) {
    struct redis_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return error_set(error, RESULT_FATAL, "Memory is out: no connection to Redis could be made.");
    enum result result = redis_link_init(&store->link, options, clock, error);
    if (result != RESULT_OK) {
        redis_store_free(store);
        return result;
    }
    *ret_store = store;
    return RESULT_OK;
}

/* Ends the loan of the last event's bytes. */
static void take_back(struct redis_store *store) {
    if (store->reply != NULL)
        freeReplyObject(store->reply);
    store->reply = NULL;
    redis_request_free(store->answered);
    store->answered = NULL;
}

static struct request *dequeue(struct redis_store *store) {
    struct request *request = store->first;
    store->first = request->next;
    if (store->first == NULL)
        store->last = NULL;
    request->next = NULL;
    return request;
}

static void drop_requests(struct redis_store *store) {
    store->unsent = NULL;
    while (store->first != NULL)
        redis_request_free(dequeue(store));
}

void redis_store_free(struct redis_store *store) {
    if (store == NULL)
        return;
    take_back(store);
    drop_requests(store);
    redis_link_free(&store->link);
    free(store->shards);
    free(store->blobs);
    free(store);
}

static void redis_release(void *context, int32_t shard) {
    struct redis_store *store = context;
    for (uint32_t i = 0; i < store->shards_count; i++)
        if (store->shards[i].shard == shard)
            store->shards[i].generation++;
}

/* Says once that the server cannot be used, after the pause until it is worth to try again. */
static void say_unavailable(struct redis_store *store, int timeout_ms, struct store_event *event) {
    int64_t left_ms = store->link.next_attempt_ms - store->link.clock.monotonic_ms(store->link.clock.context);
    if (!redis_link_is_open(&store->link) && left_ms > 0) {
        redis_link_pause(&store->link, left_ms < timeout_ms ? left_ms : timeout_ms);
        if (left_ms > timeout_ms)
            return;
    }
    redis_link_close(&store->link);
    drop_requests(store);
    for (uint32_t i = 0; i < store->shards_count; i++)
        store->shards[i].generation++;
    store->unavailable = false;
    event->kind = STORE_UNAVAILABLE;
    event->error = store->reason;
}

/* Takes the next answer, which is one to the first request; true where there is something to tell. */
static bool take_answer(struct redis_store *store, struct redisReply *reply, struct store_event *event) {
    struct request *request = store->first;
    bool tells = redis_understand(store, request, reply, event);
    bool done = request->kind != REQUEST_WRITE || request->course.is_done;
    take_back(store);
    store->reply = reply;
    if (done)
        store->answered = dequeue(store);
    return tells;
}

/* The time that is left of a poll, which may take several answers in without telling of anything. */
static int left_ms(const struct redis_store *store, int64_t until_ms) {
    int64_t now_ms = store->link.clock.monotonic_ms(store->link.clock.context);
    return now_ms < until_ms ? (int)(until_ms - now_ms) : 0;
}

static void redis_poll(void *context, int timeout_ms, struct store_event *ret_event) {
    struct redis_store *store = context;
    int64_t until_ms = store->link.clock.monotonic_ms(store->link.clock.context) + timeout_ms;
    *ret_event = (struct store_event){.kind = STORE_NOTHING};
    take_back(store);
    while (!store->unavailable && redis_link_is_open(&store->link)) {
        struct redisReply *reply;
        bool came;
        if (!redis_link_is_introduced(&store->link)) {
            store->unavailable = redis_link_introduce(&store->link, left_ms(store, until_ms), &came, &store->reason) !=
                                 RESULT_OK;
            redis_send_on(store);
            if (!store->unavailable && !came)
                return;
            continue;
        }
        bool awaits = store->first != NULL;
        if (redis_link_exchange(&store->link, awaits, left_ms(store, until_ms), &reply, &store->reason) != RESULT_OK) {
            store->unavailable = true;
            break;
        }
        if (reply == NULL)
            return;
        if (!awaits) {
            freeReplyObject(reply);
            (void)error_set(&store->reason, RESULT_RETRY, "Redis at %s:%d answered what nobody asked",
                            store->link.options.host, store->link.options.port);
            store->unavailable = true;
            break;
        }
        if (take_answer(store, reply, ret_event))
            return;
        *ret_event = (struct store_event){.kind = STORE_NOTHING};
    }
    if (store->unavailable)
        say_unavailable(store, timeout_ms, ret_event);
}

struct store redis_store_port(struct redis_store *store) {
    return (struct store){.context = store,
                          .claim = redis_claim,
                          .load = redis_load,
                          .load_due = redis_load_due,
                          .scan = redis_scan,
                          .write = redis_write,
                          .place = redis_place,
                          .verify = redis_verify,
                          .release = redis_release,
                          .poll = redis_poll};
}
