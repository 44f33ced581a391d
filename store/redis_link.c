#include "store/redis_link.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "embedded/store.h"
#include "store/redis_command.h"

#define PAUSE_MIN_MS   50
#define PAUSE_MAX_MS   2000
#define OUT_KEPT_BYTES (4u << 20)
#define RECEIVE_BYTES  (16u << 10)

static const char *const script_files[SCRIPTS] = {"scripts/claim.lua", "scripts/load.lua", "scripts/due.lua",
                                                  "scripts/scan.lua", "scripts/verify.lua"};

static char *copy_of(const char *string, bool *failed) {
    char *copy = string == NULL ? NULL : strdup(string);
    *failed = *failed || (string != NULL && copy == NULL);
    return copy;
}

enum result redis_link_init(struct redis_link *link, const struct redis_options *options, const struct clock *clock,
                            struct error *error) {
    bool failed = false;
    *link = (struct redis_link){.options = *options, .clock = *clock, .pause_ms = PAUSE_MIN_MS};
    link->transport = redis_socket_transport(&link->socket);
    if (options->transport != NULL)
        link->transport = *options->transport;
    link->options.host = copy_of(options->host, &failed);
    link->options.user = copy_of(options->user, &failed);
    link->options.password = copy_of(options->password, &failed);
    link->options.group = copy_of(options->group, &failed);
    return failed ? error_set(error, RESULT_FATAL, "Memory is out: no connection to Redis could be made.") : RESULT_OK;
}

void redis_link_free(struct redis_link *link) {
    redis_link_close(link);
    redis_socket_free(&link->socket);
    buffer_free(&link->out);
    free((void *)link->options.host);
    free((void *)link->options.user);
    free((void *)link->options.password);
    free((void *)link->options.group);
}

void redis_link_close(struct redis_link *link) {
    if (link->reader != NULL)
        redisReaderFree(link->reader);
    link->reader = NULL;
    link->transport.close(link->transport.context);
    link->sent = 0;
    link->waiting_since_ms = 0;
    buffer_free(&link->out);
}

void redis_link_pause(struct redis_link *link, int64_t pause_ms) {
    assert(!redis_link_is_open(link));
    (void)link->transport.wait(link->transport.context, false, (int)pause_ms);
}

static enum result trouble(const struct redis_link *link, const char *what, const char *answer, struct error *error) {
    return error_set(error, RESULT_RETRY, "Redis at %s:%d %s: %s", link->options.host, link->options.port, what,
                     answer);
}

/* ---- the introduction: what every new connection needs before its first command; the server remembers none of it */

static void put_introduction(struct redis_link *link) {
    const struct redis_options *options = &link->options;
    if (options->password != NULL) {
        redis_command_begin(&link->out, options->user == NULL ? 2 : 3);
        redis_command_string(&link->out, "AUTH");
        if (options->user != NULL)
            redis_command_string(&link->out, options->user);
        redis_command_string(&link->out, options->password);
    }
    if (options->database != 0) {
        redis_command_begin(&link->out, 2);
        redis_command_string(&link->out, "SELECT");
        redis_command_integer(&link->out, options->database);
    }
    redis_command_begin(&link->out, 2);
    redis_command_string(&link->out, "INFO");
    redis_command_string(&link->out, "memory");
    for (enum script script = 0; script < SCRIPTS; script++) {
        const struct embedded_file *file = store_files;
        while (strcmp(file->name, script_files[script]) != 0)
            file++;
        redis_command_begin(&link->out, 3);
        redis_command_string(&link->out, "SCRIPT");
        redis_command_string(&link->out, "LOAD");
        redis_command_text(&link->out, (struct text){file->text, (uint32_t)file->length});
    }
}

/* What the answers are to, in their order. */
enum step { STEP_AUTH, STEP_SELECT, STEP_INFO, STEP_SCRIPTS };

/* From this one on the first that the options ask for. */
static uint32_t step_from(const struct redis_link *link, uint32_t step) {
    if (step == STEP_AUTH && link->options.password == NULL)
        step++;
    if (step == STEP_SELECT && link->options.database == 0)
        step++;
    return step;
}

bool redis_link_is_introduced(const struct redis_link *link) {
    return redis_link_is_open(link) && link->step == STEP_SCRIPTS + SCRIPTS;
}

static enum result accepted(const struct redis_link *link, const char *what, const redisReply *reply,
                            struct error *error) {
    return reply->type == REDIS_REPLY_ERROR ? trouble(link, what, reply->str, error) : RESULT_OK;
}

/* An account that the server has thrown away would be taken for one that was never seen. A server that does not let us
 * look is believed. */
static enum result keeps_all(const struct redis_link *link, const redisReply *reply, struct error *error) {
    static const char name[] = "maxmemory_policy:", wanted[] = "noeviction";
    const char *policy = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;
    if (policy == NULL || strncmp(policy + strlen(name), wanted, strlen(wanted)) == 0)
        return RESULT_OK;
    policy += strlen(name);
    return error_set(error, RESULT_RETRY,
                     "Redis at %s:%d is not used: its maxmemory-policy is `%.*s`, by which it throws accounts "
                     "away when it is full; set it to `noeviction`, by CONFIG SET and in redis.conf",
                     link->options.host, link->options.port, (int)strcspn(policy, "\r\n"), policy);
}

static enum result loaded(struct redis_link *link, enum script script, const redisReply *reply, struct error *error) {
    static const char what[] = "did not take a script";
    enum result result = accepted(link, what, reply, error);
    if (result == RESULT_OK && (reply->type != REDIS_REPLY_STRING || reply->len != sizeof link->hashes[script] - 1))
        result = trouble(link, what, "its answer is not the script's hash", error);
    if (result == RESULT_OK)
        memcpy(link->hashes[script], reply->str, sizeof link->hashes[script]);
    return result;
}

static enum result take_step(struct redis_link *link, const redisReply *reply, struct error *error) {
    switch (link->step) {
    case STEP_AUTH:
        return accepted(link, "refused user or password (redis.url, redis.password_file)", reply, error);
    case STEP_SELECT:
        return accepted(link, "has no such database (redis.url)", reply, error);
    case STEP_INFO:
        return keeps_all(link, reply, error);
    default:
        return loaded(link, (enum script)(link->step - STEP_SCRIPTS), reply, error);
    }
}

static enum result begin_opening(struct redis_link *link, struct error *error) {
    struct error why;
    if (link->transport.connect(link->transport.context, link->options.host, link->options.port, &why) != RESULT_OK)
        return trouble(link, "cannot be reached", why.text, error);
    link->reader = redisReaderCreate();
    if (link->reader == NULL)
        return error_set(error, RESULT_RETRY, "Memory is out: no connection to Redis could be made.");
    link->is_connected = false;
    link->step = step_from(link, STEP_AUTH);
    put_introduction(link);
    return RESULT_OK;
}

/* The attempt has come to nothing: the next one is made after a pause. */
static void give_up(struct redis_link *link) {
    redis_link_close(link);
    link->next_attempt_ms = link->clock.monotonic_ms(link->clock.context) + link->pause_ms;
    link->pause_ms = link->pause_ms * 2 < PAUSE_MAX_MS ? link->pause_ms * 2 : PAUSE_MAX_MS;
}

enum result redis_link_open(struct redis_link *link, struct error *error) {
    int64_t now_ms = link->clock.monotonic_ms(link->clock.context);
    error->text[0] = '\0';
    if (redis_link_is_open(link))
        return RESULT_OK;
    if (now_ms < link->next_attempt_ms)
        return RESULT_RETRY;
    enum result result = begin_opening(link, error);
    if (result != RESULT_OK)
        give_up(link);
    return result;
}

enum result redis_link_introduce(struct redis_link *link, int timeout_ms, bool *ret_came, struct error *error) {
    redisReply *reply;
    enum result result = redis_link_exchange(link, true, timeout_ms, &reply, error);
    *ret_came = reply != NULL;
    if (reply != NULL) {
        result = take_step(link, reply, error);
        link->step = step_from(link, link->step + 1);
        freeReplyObject(reply);
    }
    if (result != RESULT_OK)
        give_up(link);
    else if (redis_link_is_introduced(link))
        link->pause_ms = PAUSE_MIN_MS;
    return result;
}

static enum result lost(const struct redis_link *link, const char *why, struct error *error) {
    return trouble(link, link->is_connected ? "went away" : "cannot be reached", why, error);
}

static enum result overdue(const struct redis_link *link, struct error *error) {
    if (link->is_connected)
        return trouble(link, "gave no answer within redis.timeout", "it hangs, or is overloaded", error);
    return trouble(link, "cannot be reached", "nobody has answered within redis.timeout", error);
}

/* Sends what the transport takes. */
static enum result send_some(struct redis_link *link, struct error *error) {
    struct error why;
    while (link->sent < link->out.size) {
        size_t sent = 0;
        if (link->transport.send(link->transport.context, link->out.data + link->sent, link->out.size - link->sent,
                                 &sent, &why) != RESULT_OK)
            return lost(link, why.text, error);
        if (sent == 0)
            return RESULT_OK;
        link->is_connected = true;
        link->sent += sent;
    }
    link->sent = 0;
    if (link->out.capacity > OUT_KEPT_BYTES)
        buffer_free(&link->out);
    buffer_clear(&link->out);
    return RESULT_OK;
}

static enum result take_answer(struct redis_link *link, redisReply **ret_reply, struct error *error) {
    void *reply = NULL;
    if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
        return trouble(link, "answered what is not Redis' protocol", link->reader->errstr, error);
    *ret_reply = reply;
    return RESULT_OK;
}

/* Receives until an answer is whole, or nothing more is there. */
static enum result receive_answer(struct redis_link *link, redisReply **ret_reply, struct error *error) {
    char data[RECEIVE_BYTES];
    size_t received = sizeof data;
    struct error why;
    enum result result = RESULT_OK;
    while (result == RESULT_OK && *ret_reply == NULL && received == sizeof data) {
        if (link->transport.receive(link->transport.context, data, sizeof data, &received, &why) != RESULT_OK)
            return lost(link, why.text, error);
        if (redisReaderFeed(link->reader, data, received) != REDIS_OK)
            return trouble(link, "cannot be read from", link->reader->errstr, error);
        result = take_answer(link, ret_reply, error);
    }
    return result;
}

/* How long the answer may still take. */
static int64_t left_ms(struct redis_link *link) {
    int64_t now_ms = link->clock.monotonic_ms(link->clock.context);
    if (link->waiting_since_ms == 0)
        link->waiting_since_ms = now_ms;
    int64_t until_ms = link->waiting_since_ms + link->options.timeout_ms;
    return now_ms < until_ms ? until_ms - now_ms : 0;
}

static enum result await_answer(struct redis_link *link, int timeout_ms, redisReply **ret_reply, struct error *error) {
    int64_t wait_ms = left_ms(link);
    if (wait_ms > timeout_ms)
        wait_ms = timeout_ms;
    if (!link->transport.wait(link->transport.context, link->sent < link->out.size, (int)wait_ms))
        return left_ms(link) > 0 ? RESULT_OK : overdue(link, error);
    enum result result = send_some(link, error);
    return result == RESULT_OK ? receive_answer(link, ret_reply, error) : result;
}

enum result redis_link_exchange(struct redis_link *link, bool awaits_answer, int timeout_ms,
                                struct redisReply **ret_reply, struct error *error) {
    *ret_reply = NULL;
    if (!buffer_ok(&link->out))
        return trouble(link, "cannot be written to", "memory is out", error);
    enum result result = send_some(link, error);
    if (result == RESULT_OK)
        result = take_answer(link, ret_reply, error);
    if (result == RESULT_OK && *ret_reply == NULL && awaits_answer)
        result = await_answer(link, timeout_ms, ret_reply, error);
    if (*ret_reply != NULL || !awaits_answer)
        link->waiting_since_ms = 0;
    return result;
}
