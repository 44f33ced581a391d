#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/redis_lookup.h"
#include "store/redis_transport.h"

static void close_descriptor(struct redis_socket *socket) {
    if (socket->descriptor >= 0)
        close(socket->descriptor);
    socket->descriptor = -1;
}

static void forget_addresses(struct redis_socket *socket) {
    if (socket->addresses != NULL)
        freeaddrinfo(socket->addresses);
    socket->addresses = socket->address = NULL;
    socket->untried = 0;
}

/* A look-up that is on its way goes on: the next attempt is glad of its answer. */
static void close_socket(void *context) {
    struct redis_socket *socket = context;
    socket->awaits_lookup = false;
    socket->begin += socket->addresses != NULL;
    close_descriptor(socket);
    forget_addresses(socket);
}

/* A socket that is connected, or about to be; -1: neither, and errno says why. */
static int open_to(const struct addrinfo *address) {
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (descriptor < 0)
        return -1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(descriptor, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)
        return descriptor;
    int failure = errno;
    close(descriptor);
    errno = failure;
    return -1;
}

static struct addrinfo *address_after(const struct redis_socket *socket) {
    return socket->address->ai_next == NULL ? socket->addresses : socket->address->ai_next;
}

/* The next of the host's addresses; where there is none, `error` stays what it was. */
static enum result try_next(struct redis_socket *socket, struct error *error) {
    while (socket->untried > 0) {
        close_descriptor(socket);
        socket->untried--;
        socket->address = address_after(socket);
        socket->descriptor = open_to(socket->address);
        if (socket->descriptor >= 0)
            return RESULT_OK;
        error_set(error, RESULT_RETRY, "%s", strerror(errno));
    }
    return RESULT_RETRY;
}

static enum result connect_to(struct redis_socket *socket, struct addrinfo *addresses, struct error *error) {
    assert(addresses != NULL);
    socket->addresses = socket->address = addresses;
    for (struct addrinfo *address = socket->addresses; address != NULL; address = address->ai_next)
        socket->untried++;
    for (uint32_t i = 1; i < socket->untried + socket->begin % socket->untried; i++)
        socket->address = address_after(socket);
    return try_next(socket, error);
}

/* Connects once the look-up is done. */
static enum result go_on_looking(struct redis_socket *socket, struct error *error) {
    struct addrinfo *addresses;
    if (!redis_lookup_is_done(socket->lookup))
        return RESULT_OK;
    enum result result = redis_lookup_take(socket->lookup, &addresses, error);
    redis_lookup_end(socket->lookup);
    socket->lookup = NULL;
    socket->awaits_lookup = false;
    return result == RESULT_OK ? connect_to(socket, addresses, error) : result;
}

static enum result connect_socket(void *context, const char *host, int port, struct error *error) {
    struct redis_socket *socket = context;
    struct addrinfo *addresses = redis_lookup_number(host, port);
    if (addresses != NULL)
        return connect_to(socket, addresses, error);
    if (socket->lookup == NULL && redis_lookup_begin(host, port, &socket->lookup, error) != RESULT_OK)
        return RESULT_RETRY;
    socket->awaits_lookup = true;
    return RESULT_OK;
}

static bool is_for_later(void) {
    return errno == EAGAIN || errno == EINTR;
}

static enum result send_to_socket(void *context, const void *data, size_t size, size_t *ret_sent, struct error *error) {
    struct redis_socket *socket = context;
    *ret_sent = 0;
    if (socket->awaits_lookup) {
        enum result result = go_on_looking(socket, error);
        if (result != RESULT_OK || socket->awaits_lookup)
            return result;
    }
    ssize_t sent = write(socket->descriptor, data, size);
    *ret_sent = sent < 0 ? 0 : (size_t)sent;
    if (sent > 0)
        forget_addresses(socket);
    if (sent >= 0 || is_for_later())
        return RESULT_OK;
    error_set(error, RESULT_RETRY, "%s", strerror(errno));
    return try_next(socket, error);
}

static enum result receive_from_socket(void *context, void *data, size_t capacity, size_t *ret_received,
                                       struct error *error) {
    const struct redis_socket *socket = context;
    *ret_received = 0;
    if (socket->awaits_lookup || socket->addresses != NULL)
        return RESULT_OK; /* It is not connected, and `send` tells whether it can be. */
    ssize_t received = read(socket->descriptor, data, capacity);
    if (received == 0)
        return error_set(error, RESULT_RETRY, "the server closed the connection");
    if (received < 0 && !is_for_later())
        return error_set(error, RESULT_RETRY, "%s", strerror(errno));
    *ret_received = received < 0 ? 0 : (size_t)received;
    return RESULT_OK;
}

static bool wait_for_socket(void *context, bool to_send, int timeout_ms) {
    const struct redis_socket *socket = context;
    struct pollfd wait = {.fd = socket->descriptor, .events = POLLIN}; /* One below 0 is passed over. */
    if (socket->awaits_lookup)
        wait.fd = redis_lookup_descriptor(socket->lookup);
    else if (to_send)
        wait.events |= POLLOUT;
    return poll(&wait, 1, timeout_ms) > 0;
}

struct redis_transport redis_socket_transport(struct redis_socket *socket) {
    *socket = (struct redis_socket){.descriptor = -1};
    return (struct redis_transport){.context = socket,
                                    .connect = connect_socket,
                                    .send = send_to_socket,
                                    .receive = receive_from_socket,
                                    .wait = wait_for_socket,
                                    .close = close_socket};
}

void redis_socket_free(struct redis_socket *socket) {
    redis_lookup_end(socket->lookup);
    socket->lookup = NULL;
}
