#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "store/redis_transport.h"

static void close_socket(void *context) {
    struct redis_socket *socket = context;
    if (socket->descriptor >= 0)
        close(socket->descriptor);
    socket->descriptor = -1;
}

/* hiredis looks the name up, and tries each of its addresses; from then on the socket does not block. */
static enum result connect_socket(void *context, const char *host, int port, int64_t timeout_ms, struct error *error) {
    struct redis_socket *socket = context;
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    redisContext *connection = redisConnectWithTimeout(host, port, timeout);
    if (connection == NULL)
        return error_set(error, RESULT_RETRY, "memory is out");
    if (connection->err != 0) {
        error_write(error, "%s", connection->errstr);
        redisFree(connection);
        return RESULT_RETRY;
    }
    socket->descriptor = redisFreeKeepFd(connection);
    int flags = fcntl(socket->descriptor, F_GETFL);
    if (flags < 0 || fcntl(socket->descriptor, F_SETFL, flags | O_NONBLOCK) != 0)
        return error_set(error, RESULT_RETRY, "it cannot be used without blocking: %s", strerror(errno));
    return RESULT_OK;
}

static bool is_for_later(void) {
    return errno == EAGAIN || errno == EINTR;
}

static enum result send_to_socket(void *context, const void *data, size_t size, size_t *ret_sent, struct error *error) {
    const struct redis_socket *socket = context;
    ssize_t sent = write(socket->descriptor, data, size);
    if (sent < 0 && !is_for_later())
        return error_set(error, RESULT_RETRY, "%s", strerror(errno));
    *ret_sent = sent < 0 ? 0 : (size_t)sent;
    return RESULT_OK;
}

static enum result receive_from_socket(void *context, void *data, size_t capacity, size_t *ret_received,
                                       struct error *error) {
    const struct redis_socket *socket = context;
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
    if (to_send)
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
