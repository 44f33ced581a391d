// A real redis-server on a free loopback port, with a folder of its own. Append-only file, fsync every second, nothing
// evicted: as production is told to run it. Start it from the main thread.
#pragma once

#include <hiredis/hiredis.h>

#include "tests/harness/process.h"
#include "tests/harness/temporary.h"

enum { REDIS_ARGUMENTS_MAX = 32 };

struct redis_server {
    struct temporary folder;
    struct process process;
    int port;
    char url[64];                       // redis://127.0.0.1:PORT
    const char *const *extra_arguments; // Borrowed until redis_server_close.
};

// `port` 0: any free one. `extra_arguments`: options of redis-server, such as "--maxmemory", "10mb"; NULL-terminated,
// or NULL; they win over the harness' own.
void redis_server_start(int port, const char *const *extra_arguments, struct redis_server *ret_server);

// Ends it as an operator would (SIGTERM); its data stays for redis_server_restart.
void redis_server_stop(struct redis_server *server);

// Ends it as a power cut of its process would (SIGKILL); its data stays for redis_server_restart.
void redis_server_kill(struct redis_server *server);

// Starts it again on the same port and data; awaits that it answers.
void redis_server_restart(struct redis_server *server);

// Hangs (its connections stay open, nothing is answered) and goes on.
void redis_server_pause(struct redis_server *server);
void redis_server_resume(struct redis_server *server);

// Ends it at once and removes its folder. Does nothing on a zeroed one.
void redis_server_close(struct redis_server *server);

// A connection for the test; redisFree it.
redisContext *redis_server_connect(const struct redis_server *server);

// One command on a connection of its own. The reply is the caller's, freeReplyObject; an error reply is returned too.
redisReply *redis_server_command(const struct redis_server *server, const char *format, ...);

// CONFIG SET name value.
void redis_server_configure(const struct redis_server *server, const char *name, const char *value);
