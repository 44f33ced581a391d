#include "store/redis_link.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embedded.h"
#include "embedded/store.h"

#define PAUSE_MIN_MS   50
#define PAUSE_MAX_MS   2000
#define OUT_KEPT_BYTES (4u << 20)

static const char *const script_files[SCRIPTS] = {"scripts/claim.lua", "scripts/load.lua",  "scripts/due.lua",
                                                  "scripts/scan.lua",  "scripts/write.lua", "scripts/verify.lua"};

static char *copy_of(const char *string, bool *failed) {
    char *copy = string == NULL ? NULL : strdup(string);
    *failed = *failed || (string != NULL && copy == NULL);
    return copy;
}

enum result redis_link_init(struct redis_link *link, const struct redis_options *options, const struct clock *clock,
                            struct error *error) {
    bool failed = false;
    *link = (struct redis_link){.options = *options, .clock = *clock, .pause_ms = PAUSE_MIN_MS};
    link->options.host = copy_of(options->host, &failed);
    link->options.user = copy_of(options->user, &failed);
    link->options.password = copy_of(options->password, &failed);
    link->options.group = copy_of(options->group, &failed);
    return failed ? error_set(error, RESULT_FATAL, "Memory is out: no connection to Redis could be made.") : RESULT_OK;
}

void redis_link_free(struct redis_link *link) {
    redis_link_close(link);
    buffer_free(&link->out);
    free((void *)link->options.host);
    free((void *)link->options.user);
    free((void *)link->options.password);
    free((void *)link->options.group);
}

void redis_link_close(struct redis_link *link) {
    if (link->context != NULL)
        redisFree(link->context);
    link->context = NULL;
    link->sent = 0;
    link->waiting_since_ms = 0;
    buffer_free(&link->out);
}

static struct timeval timeval_of(int64_t timeout_ms) {
    return (struct timeval){.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
}

static enum result trouble(const struct redis_link *link, const char *what, const char *answer, struct error *error) {
    return error_set(error, RESULT_RETRY, "Redis at %s:%d %s: %s", link->options.host, link->options.port, what,
                     answer);
}

/* Takes one answer of the introduction. */
static enum result introduced(const struct redis_link *link, redisReply *reply, const char *what, struct error *error) {
    enum result result = RESULT_OK;
    if (reply == NULL)
        result = trouble(link, what, link->context->errstr, error);
    else if (reply->type == REDIS_REPLY_ERROR)
        result = trouble(link, what, reply->str, error);
    if (reply != NULL)
        freeReplyObject(reply);
    return result;
}

static enum result authenticate(const struct redis_link *link, struct error *error) {
    const char *user = link->options.user, *password = link->options.password;
    if (password == NULL)
        return RESULT_OK;
    redisReply *reply = user == NULL ? redisCommand(link->context, "AUTH %s", password)
                                     : redisCommand(link->context, "AUTH %s %s", user, password);
    return introduced(link, reply, "refused user or password (redis.url, redis.password_file)", error);
}

static enum result load_script(struct redis_link *link, enum script script, struct error *error) {
    const struct embedded_file *file = store_files;
    while (strcmp(file->name, script_files[script]) != 0)
        file++;
    redisReply *reply = redisCommand(link->context, "SCRIPT LOAD %b", file->text, file->length);
    if (reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len == sizeof link->hashes[script] - 1)
        memcpy(link->hashes[script], reply->str, sizeof link->hashes[script]);
    return introduced(link, reply, "did not take a script", error);
}

/* What every new connection needs before its first command; a connection remembers none of it. */
static enum result introduce(struct redis_link *link, struct error *error) {
    enum result result = authenticate(link, error);
    if (result == RESULT_OK && link->options.database != 0)
        result = introduced(link, redisCommand(link->context, "SELECT %d", link->options.database),
                            "has no such database (redis.url)", error);
    for (enum script script = 0; result == RESULT_OK && script < SCRIPTS; script++)
        result = load_script(link, script, error);
    return result;
}

static enum result connect_and_introduce(struct redis_link *link, struct error *error) {
    struct timeval timeout = timeval_of(link->options.timeout_ms);
    link->context = redisConnectWithTimeout(link->options.host, link->options.port, timeout);
    if (link->context == NULL)
        return error_set(error, RESULT_RETRY, "Memory is out: no connection to Redis could be made.");
    if (link->context->err != 0)
        return trouble(link, "cannot be reached", link->context->errstr, error);
    redisSetTimeout(link->context, timeout);
    enum result result = introduce(link, error);
    if (result != RESULT_OK)
        return result;
    int flags = fcntl(link->context->fd, F_GETFL);
    if (flags < 0 || fcntl(link->context->fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return trouble(link, "cannot be used without blocking", strerror(errno), error);
    link->context->flags &= ~REDIS_BLOCK;
    return RESULT_OK;
}

enum result redis_link_open(struct redis_link *link, struct error *error) {
    int64_t now_ms = link->clock.monotonic_ms(link->clock.context);
    error->text[0] = '\0';
    if (redis_link_is_open(link))
        return RESULT_OK;
    if (now_ms < link->next_attempt_ms)
        return RESULT_RETRY;
    enum result result = connect_and_introduce(link, error);
    if (result == RESULT_OK) {
        link->pause_ms = PAUSE_MIN_MS;
        return RESULT_OK;
    }
    redis_link_close(link);
    link->next_attempt_ms = link->clock.monotonic_ms(link->clock.context) + link->pause_ms;
    link->pause_ms = link->pause_ms * 2 < PAUSE_MAX_MS ? link->pause_ms * 2 : PAUSE_MAX_MS;
    return result;
}

/* Sends what the socket takes. */
static enum result send_some(struct redis_link *link, struct error *error) {
    while (link->sent < link->out.size) {
        ssize_t sent = write(link->context->fd, link->out.data + link->sent, link->out.size - link->sent);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return RESULT_OK;
        if (sent < 0)
            return trouble(link, "went away", strerror(errno), error);
        link->sent += (size_t)sent;
    }
    link->sent = 0;
    if (link->out.capacity > OUT_KEPT_BYTES)
        buffer_free(&link->out);
    buffer_clear(&link->out);
    return RESULT_OK;
}

static enum result take_answer(struct redis_link *link, redisReply **ret_reply, struct error *error) {
    void *reply = NULL;
    if (redisGetReplyFromReader(link->context, &reply) != REDIS_OK)
        return trouble(link, "answered what is not Redis' protocol", link->context->errstr, error);
    *ret_reply = reply;
    return RESULT_OK;
}

static enum result overdue(struct redis_link *link, struct error *error) {
    int64_t now_ms = link->clock.monotonic_ms(link->clock.context);
    if (link->waiting_since_ms == 0)
        link->waiting_since_ms = now_ms;
    if (now_ms - link->waiting_since_ms <= link->options.timeout_ms)
        return RESULT_OK;
    return trouble(link, "gave no answer within redis.timeout", "it hangs, or is overloaded", error);
}

enum result redis_link_exchange(struct redis_link *link, bool awaits_answer, int timeout_ms,
                                struct redisReply **ret_reply, struct error *error) {
    *ret_reply = NULL;
    if (!buffer_ok(&link->out))
        return trouble(link, "cannot be written to", "memory is out", error);
    enum result result = send_some(link, error);
    if (result == RESULT_OK)
        result = take_answer(link, ret_reply, error);
    if (result != RESULT_OK || *ret_reply != NULL || !awaits_answer) {
        link->waiting_since_ms = 0;
        return result;
    }
    struct pollfd wait = {.fd = link->context->fd, .events = POLLIN};
    if (link->sent < link->out.size)
        wait.events |= POLLOUT;
    if (poll(&wait, 1, timeout_ms) <= 0)
        return overdue(link, error);
    result = send_some(link, error);
    if (result == RESULT_OK && (wait.revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
        redisBufferRead(link->context) != REDIS_OK)
        return trouble(link, "went away", link->context->errstr, error);
    if (result == RESULT_OK)
        result = take_answer(link, ret_reply, error);
    link->waiting_since_ms = *ret_reply != NULL ? 0 : link->waiting_since_ms;
    return result;
}
