/* The bytes between the store and its server: a TCP socket in the daemon (redis_socket.c), a server within the same
 * thread in the simulator.
 *
 * One thread, one connection at a time. Only `wait` takes time, up to its timeout. RESULT_RETRY: there is no connection
 * (any more), `error` says why; then nothing but close, connect and wait is called. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct redis_transport {
    void *context;
    /* Begins to connect: that it cannot be done may be told by `send` as well, which takes nothing until it is. */
    enum result (*connect)(void *context, const char *host, int port, struct error *error);
    /* Sends what can be sent at once, which may be nothing. */
    enum result (*send)(void *context, const void *data, size_t size, size_t *ret_sent, struct error *error);
    /* Takes what has come, up to `capacity` bytes; 0: nothing has. */
    enum result (*receive)(void *context, void *data, size_t capacity, size_t *ret_received, struct error *error);
    /* Waits until something has come, or, with `to_send`, until something can be sent. False: it is not so, the time is
     * over. Without a connection it is a pause. */
    bool (*wait)(void *context, bool to_send, int timeout_ms);
    void (*close)(void *context);
};

struct addrinfo;
struct redis_lookup;

/* The real one; the socket outlives it. */
struct redis_socket {
    int descriptor;              /* -1: closed, or the host is still being looked up */
    struct redis_lookup *lookup; /* of the host's name, perhaps since an earlier attempt; NULL: none */
    bool awaits_lookup;
    struct addrinfo *addresses; /* of the host, while it is not known that one answers; else NULL */
    struct addrinfo *address;   /* the one that is tried, */
    uint32_t untried;           /* and how many are left */
    uint32_t begin;             /* which one is tried first: another where that came to nothing */
};

struct redis_transport redis_socket_transport(struct redis_socket *socket);
/* Closed, and the transport is not used any more. Does nothing on one of which no transport was made. */
void redis_socket_free(struct redis_socket *socket);
