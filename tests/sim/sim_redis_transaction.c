#include "tests/sim/sim_redis_transaction.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "tests/sim/sim_memory.h"
#include "tests/sim/sim_redis_link.h"

/* ---- what is watched */

static void unwatch(struct sim_transaction *transaction) {
    for (uint32_t i = 0; i < transaction->watched_count; i++)
        free((void *)transaction->watched[i].key.data);
    transaction->watched_count = 0;
}

static bool is_watched(const struct sim_transaction *transaction, int database, struct text key) {
    for (uint32_t i = 0; i < transaction->watched_count; i++)
        if (transaction->watched[i].database == database && text_equal(transaction->watched[i].key, key))
            return true;
    return false;
}

static void watch(struct sim_redis *redis, struct sim_redis_link *link, struct text key) {
    struct sim_transaction *transaction = &link->transaction;
    if (is_watched(transaction, link->database, key))
        return;
    char *copy = malloc(key.size + 1);
    assert(copy != NULL);
    memcpy(copy, key.data, key.size);
    transaction->watched = sim_grown(transaction->watched, transaction->watched_count, &transaction->watched_capacity,
                                     sizeof *transaction->watched);
    transaction->watched[transaction->watched_count++] = (struct sim_watched){
        link->database, {copy, key.size}, sim_data_version(&redis->data, link->database, key)};
}

/* Whether anybody has changed what is watched, be it back and forth. */
static bool is_touched(const struct sim_redis *redis, const struct sim_transaction *transaction) {
    for (uint32_t i = 0; i < transaction->watched_count; i++) {
        const struct sim_watched *watched = &transaction->watched[i];
        if (sim_data_version(&redis->data, watched->database, watched->key) != watched->version)
            return true;
    }
    return false;
}

/* ---- what is queued */

void sim_transaction_clear(struct sim_transaction *transaction) {
    unwatch(transaction);
    for (uint32_t i = 0; i < transaction->queued_count; i++)
        free(transaction->queued[i].arguments);
    transaction->queued_count = 0;
    transaction->is_open = transaction->is_spoiled = false;
}

void sim_transaction_free(struct sim_transaction *transaction) {
    sim_transaction_clear(transaction);
    free(transaction->watched);
    free(transaction->queued);
    *transaction = (struct sim_transaction){0};
}

static struct sim_command_call call_of(struct sim_redis *redis, struct sim_redis_link *link,
                                       const struct text *arguments, uint32_t count) {
    return (struct sim_command_call){&redis->data, link->database, arguments, count, &link->out};
}

static void queue(struct sim_redis *redis, struct sim_redis_link *link, struct sim_redis_request *request) {
    struct sim_transaction *transaction = &link->transaction;
    struct sim_command_call call = call_of(redis, link, request->arguments, request->count);
    if (!sim_redis_admits(redis, &call, true)) {
        transaction->is_spoiled = true;
        return;
    }
    sim_answer_status(&link->out, "QUEUED");
    if (transaction->is_spoiled || is_touched(redis, transaction))
        return; /* It will not be done anyway. */
    transaction->queued = sim_grown(transaction->queued, transaction->queued_count, &transaction->queued_capacity,
                                    sizeof *transaction->queued);
    transaction->queued[transaction->queued_count++] = (struct sim_queued){request->arguments, request->count};
    request->arguments = NULL;
}

/* ---- its end */

/* What the server has against one of the commands by now; NULL: nothing. */
static const char *objection(const struct sim_redis *redis, const struct sim_transaction *transaction) {
    const char *refusal = NULL;
    for (uint32_t i = 0; i < transaction->queued_count && refusal == NULL; i++)
        refusal = sim_redis_refusal(redis, sim_command_find(transaction->queued[i].arguments[0]));
    return refusal;
}

static void do_all(struct sim_redis *redis, struct sim_redis_link *link) {
    const struct sim_transaction *transaction = &link->transaction;
    sim_answer_array(&link->out, transaction->queued_count);
    for (uint32_t i = 0; i < transaction->queued_count; i++) {
        const struct sim_queued *queued = &transaction->queued[i];
        struct sim_command_call call = call_of(redis, link, queued->arguments, queued->count);
        sim_command_find(queued->arguments[0])->run(&call);
    }
    sim_redis_tell_write(redis);
}

static void execute(struct sim_redis *redis, struct sim_redis_link *link) {
    const char *refusal = objection(redis, &link->transaction);
    if (!link->transaction.is_open)
        sim_answer_error(&link->out, "ERR EXEC without MULTI");
    else if (refusal != NULL)
        buffer_printf(&link->out, "-EXECABORT Transaction discarded because of: %s\r\n", refusal);
    else if (link->transaction.is_spoiled)
        sim_answer_error(&link->out, "EXECABORT Transaction discarded because of previous errors.");
    else if (is_touched(redis, &link->transaction))
        buffer_put_string(&link->out, "*-1\r\n");
    else
        do_all(redis, link);
    if (link->transaction.is_open)
        sim_transaction_clear(&link->transaction);
}

/* ---- requests */

/* What may not come within a transaction; to a full server nothing may but the end. */
static void answer_misplaced(const struct sim_redis *redis, struct sim_redis_link *link, const char *error) {
    const char *refusal = sim_redis_refuses_growth(redis);
    link->transaction.is_spoiled |= refusal != NULL;
    sim_answer_error(&link->out, refusal != NULL ? refusal : error);
}

static void answer_watch(struct sim_redis *redis, struct sim_redis_link *link,
                         const struct sim_redis_request *request) {
    if (link->transaction.is_open) {
        answer_misplaced(redis, link, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (uint32_t i = 1; i < request->count; i++)
        watch(redis, link, request->arguments[i]);
    sim_answer_status(&link->out, "OK");
}

static void answer_multi(const struct sim_redis *redis, struct sim_redis_link *link) {
    if (link->transaction.is_open) {
        answer_misplaced(redis, link, "ERR MULTI calls can not be nested");
        return;
    }
    link->transaction.is_open = true;
    sim_answer_status(&link->out, "OK");
}

static void answer_discard(struct sim_redis_link *link) {
    if (!link->transaction.is_open) {
        sim_answer_error(&link->out, "ERR DISCARD without MULTI");
        return;
    }
    sim_transaction_clear(&link->transaction);
    sim_answer_status(&link->out, "OK");
}

static void answer_unwatch(struct sim_redis_link *link) {
    unwatch(&link->transaction);
    sim_answer_status(&link->out, "OK");
}

bool sim_transaction_answers(struct sim_redis *redis, struct sim_redis_link *link, struct sim_redis_request *request) {
    const char *name = request->arguments[0].data;
    if (strcasecmp(name, "EXEC") == 0 && request->count == 1)
        execute(redis, link);
    else if (strcasecmp(name, "DISCARD") == 0 && request->count == 1)
        answer_discard(link);
    else if (strcasecmp(name, "WATCH") == 0 && request->count >= 2)
        answer_watch(redis, link, request);
    else if (strcasecmp(name, "MULTI") == 0 && request->count == 1)
        answer_multi(redis, link);
    else if (link->transaction.is_open)
        queue(redis, link, request);
    else if (strcasecmp(name, "UNWATCH") == 0 && request->count == 1)
        answer_unwatch(link);
    else
        return false;
    return true;
}
