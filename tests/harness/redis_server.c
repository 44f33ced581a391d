#include "tests/harness/redis_server.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/fail.h"
#include "tests/harness/ports.h"

enum { START_MS = 20000, STOP_MS = 10000, CONNECT_MS = 1000, COMMAND_MS = 20000 };

static bool answers_ping(void *context) {
    struct redis_server *server = context;
    struct timeval wait = {.tv_sec = CONNECT_MS / 1000};
    redisContext *connection = redisConnectWithTimeout("127.0.0.1", server->port, wait);
    if (!connection) {
        return false;
    }
    redisReply *reply = connection->err ? NULL : redisCommand(connection, "PING");
    // While it loads its data it answers with an error; one that asks for a password is ready all the same.
    bool ready = reply && (reply->type == REDIS_REPLY_STATUS || strncmp(reply->str, "NOAUTH", 6) == 0);
    if (reply) {
        freeReplyObject(reply);
    }
    redisFree(connection);
    return ready;
}

static void launch(struct redis_server *server) {
    char port[16];
    char log_path[PATH_MAX];
    snprintf(port, sizeof(port), "%d", server->port);
    temporary_path(&server->folder, "redis.log", log_path);
    const char *arguments[REDIS_ARGUMENTS_MAX + 1] = {
        "redis-server", "--port", port,           "--bind", "127.0.0.1",     "--dir",    server->folder.path,
        "--save",       "",       "--appendonly", "yes",    "--appendfsync", "everysec", "--maxmemory-policy",
        "noeviction",
    };
    size_t count = 0;
    while (arguments[count]) {
        count++;
    }
    for (size_t i = 0; server->extra_arguments && server->extra_arguments[i]; i++) {
        assert(count < REDIS_ARGUMENTS_MAX);
        arguments[count++] = server->extra_arguments[i];
    }
    struct process_options options = {.arguments = arguments, .log_path = log_path};
    process_start(&options, &server->process);
    process_await(&server->process, answers_ping, server, "an answer to PING", deadline_after(START_MS));
}

void redis_server_start(int port, const char *const *extra_arguments, struct redis_server *ret_server) {
    *ret_server = (struct redis_server){.port = port, .extra_arguments = extra_arguments};
    if (port == 0) {
        ports_find(1, &ret_server->port);
    }
    snprintf(ret_server->url, sizeof(ret_server->url), "redis://127.0.0.1:%d", ret_server->port);
    temporary_create("redis", &ret_server->folder);
    launch(ret_server);
}

void redis_server_stop(struct redis_server *server) {
    process_stop(&server->process, STOP_MS);
}

void redis_server_kill(struct redis_server *server) {
    process_kill(&server->process);
}

void redis_server_restart(struct redis_server *server) {
    redis_server_stop(server);
    launch(server);
}

void redis_server_pause(struct redis_server *server) {
    process_pause(&server->process);
}

void redis_server_resume(struct redis_server *server) {
    process_resume(&server->process);
}

void redis_server_close(struct redis_server *server) {
    process_kill(&server->process);
    temporary_remove(&server->folder);
}

redisContext *redis_server_connect(const struct redis_server *server) {
    struct timeval wait = {.tv_sec = COMMAND_MS / 1000};
    redisContext *connection = redisConnectWithTimeout("127.0.0.1", server->port, wait);
    if (!connection || connection->err || redisSetTimeout(connection, wait) != REDIS_OK) {
        harness_fail("cannot connect to %s: %s", server->url, connection ? connection->errstr : "no memory");
    }
    return connection;
}

redisReply *redis_server_command(const struct redis_server *server, const char *format, ...) {
    redisContext *connection = redis_server_connect(server);
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(connection, format, arguments);
    va_end(arguments);
    if (!reply) {
        harness_fail("%s does not answer: %s", server->url, connection->errstr);
    }
    redisFree(connection);
    return reply;
}

void redis_server_configure(const struct redis_server *server, const char *name, const char *value) {
    redisReply *reply = redis_server_command(server, "CONFIG SET %s %s", name, value);
    if (reply->type == REDIS_REPLY_ERROR) {
        harness_fail("%s refuses CONFIG SET %s %s: %s", server->url, name, value, reply->str);
    }
    freeReplyObject(reply);
}
