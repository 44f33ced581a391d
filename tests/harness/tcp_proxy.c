#include "tests/harness/tcp_proxy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/deadline.h"
#include "tests/harness/fail.h"

enum {
    CONNECTIONS_MAX = 256, // More are refused.
    CHUNK_BYTES = 65536,
    QUEUED_CHUNKS_MAX = 32, // Of a direction; then nothing more is read.
    BACKLOG = 64,
    OWN_DESCRIPTORS = 2, // The listener and the bell.
    NEVER_CUT = -1,
    ANY_REQUEST = -1,
    API_KEYS = 128, // Of which requests are counted.
};

struct chunk {
    struct chunk *next;
    struct deadline due;
    size_t size, sent;
    char bytes[];
};

// What goes from one end of a connection to the other.
struct direction {
    struct chunk *first, *last;
    int count;
    bool finished; // Its sender has ended.
};

enum { CLIENT, SERVER, ENDS };

struct connection {
    int descriptors[ENDS];
    struct direction from[ENDS];
    bool swallows; // Its answers are lost from now on.
};

struct tcp_proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    int listener, bell; // The bell is rung after each order.
    int port;

    // Orders, under the lock.
    enum tcp_proxy_manner manner;
    int delay_ms;
    int api_key; // What answers are lost from, where it swallows; ANY_REQUEST.
    int target_port;
    bool cut, stop;
    long long bytes_until_cut; // NEVER_CUT: no such order.

    atomic_uint requests[API_KEYS]; // How many have come, by their API keys.

    // The thread's own.
    struct connection connections[CONNECTIONS_MAX];
    int count;
};

// Connections

static void connection_close(struct connection *connection) {
    for (int end = 0; end < ENDS; end++) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->descriptors[end], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(connection->descriptors[end]);
        for (struct chunk *chunk = connection->from[end].first, *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
    }
}

static void close_at(struct tcp_proxy *proxy, int i) {
    connection_close(&proxy->connections[i]);
    proxy->connections[i] = proxy->connections[--proxy->count];
}

static void close_all(struct tcp_proxy *proxy) {
    while (proxy->count > 0) {
        close_at(proxy, proxy->count - 1);
    }
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static void make_prompt(int descriptor) {
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

// On the loopback address a connection is made, or refused, at once.
static int connect_to(int port) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(port);
    if (descriptor >= 0 && connect(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static void accept_one(struct tcp_proxy *proxy, int target_port) {
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
        return;
    }
    int server = proxy->count < CONNECTIONS_MAX ? connect_to(target_port) : -1;
    if (server < 0) {
        close(client);
        return;
    }
    make_prompt(client);
    make_prompt(server);
    proxy->connections[proxy->count++] = (struct connection){.descriptors = {client, server}};
}

// Bytes

static void append(struct direction *direction, const char *bytes, size_t size, int delay_ms) {
    struct chunk *chunk = malloc(sizeof(*chunk) + size);
    assert(chunk);
    *chunk = (struct chunk){.size = size, .due = deadline_after(delay_ms)};
    memcpy(chunk->bytes, bytes, size);
    if (direction->last) {
        direction->last->next = chunk;
    } else {
        direction->first = chunk;
    }
    direction->last = chunk;
    direction->count++;
}

static void drop_first(struct direction *direction) {
    struct chunk *chunk = direction->first;
    direction->first = chunk->next;
    if (!direction->first) {
        direction->last = NULL;
    }
    direction->count--;
    free(chunk);
}

struct orders {
    enum tcp_proxy_manner manner;
    int delay_ms;
    int api_key;
    int target_port;
    bool stop;
};

// A request begins with its size, in four bytes, and its API key, in two. The library sends each with a call of its
// own, so that it stands at the beginning of what is received, as a rule. -1: this is too short for one.
static int api_key_of(const char *bytes, ssize_t size) {
    return size >= 6 ? (uint8_t)bytes[4] << 8 | (uint8_t)bytes[5] : -1;
}

// Takes what the end has sent. False: the connection is broken.
static bool take(struct tcp_proxy *proxy, struct connection *connection, int end, const struct orders *orders) {
    char bytes[CHUNK_BYTES];
    ssize_t size = recv(connection->descriptors[end], bytes, sizeof(bytes), 0);
    if (size == 0) {
        connection->from[end].finished = true;
        return true;
    }
    if (size < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    int api_key = end == CLIENT ? api_key_of(bytes, size) : -1;
    if (api_key >= 0 && api_key < API_KEYS) {
        proxy->requests[api_key]++;
    }
    if (orders->manner == PROXY_SWALLOWS && (orders->api_key == ANY_REQUEST || api_key == orders->api_key)) {
        connection->swallows = true;
    }
    if (end == CLIENT || !connection->swallows) {
        append(&connection->from[end], bytes, (size_t)size, orders->manner == PROXY_DELAYS ? orders->delay_ms : 0);
    }
    return true;
}

// How many of `wanted` bytes may still pass before the cut that was ordered; with the last of them the cut is due.
static size_t allowed(struct tcp_proxy *proxy, size_t wanted) {
    pthread_mutex_lock(&proxy->lock);
    if (proxy->bytes_until_cut != NEVER_CUT) {
        if ((long long)wanted >= proxy->bytes_until_cut) {
            wanted = (size_t)proxy->bytes_until_cut;
            proxy->cut = true;
        }
        proxy->bytes_until_cut = proxy->cut ? NEVER_CUT : proxy->bytes_until_cut - (long long)wanted;
    }
    pthread_mutex_unlock(&proxy->lock);
    return wanted;
}

// Gives the other end what is due. False: the connection is broken, or all of it is done.
static bool give(struct tcp_proxy *proxy, struct connection *connection, int end) {
    struct direction *direction = &connection->from[end];
    int receiver = connection->descriptors[1 - end];
    while (direction->first && deadline_passed(direction->first->due)) {
        struct chunk *chunk = direction->first;
        size_t size = allowed(proxy, chunk->size - chunk->sent);
        ssize_t sent = send(receiver, chunk->bytes + chunk->sent, size, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        chunk->sent += (size_t)sent;
        if (chunk->sent < chunk->size) {
            return true;
        }
        drop_first(direction);
    }
    return direction->first || !direction->finished;
}

// The thread

// Follows the orders that concern all connections; returns the others.
static struct orders take_orders(struct tcp_proxy *proxy) {
    uint64_t rung;
    if (read(proxy->bell, &rung, sizeof(rung)) < 0) {
        assert(errno == EAGAIN);
    }
    pthread_mutex_lock(&proxy->lock);
    struct orders orders = {proxy->manner, proxy->delay_ms, proxy->api_key, proxy->target_port, proxy->stop};
    bool cut = proxy->cut || proxy->stop;
    proxy->cut = false;
    pthread_mutex_unlock(&proxy->lock);
    if (cut) {
        close_all(proxy);
    }
    return orders;
}

// What is waited for, and until when.
static int fill_polled(const struct tcp_proxy *proxy, const struct orders *orders, struct pollfd *polled) {
    int wait_ms = INT_MAX;
    bool hangs = orders->manner == PROXY_HANGS;
    polled[0] = (struct pollfd){.fd = hangs ? -1 : proxy->listener, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = proxy->bell, .events = POLLIN};
    for (int i = 0; i < proxy->count; i++) {
        for (int end = 0; end < ENDS; end++) {
            const struct connection *connection = &proxy->connections[i];
            const struct direction *from = &connection->from[end], *to = &connection->from[1 - end];
            int left_ms = to->first ? deadline_left_ms(to->first->due) : INT_MAX;
            short events = 0;
            events |= from->count < QUEUED_CHUNKS_MAX && !from->finished ? POLLIN : 0;
            events |= left_ms == 0 ? POLLOUT : 0;
            // A hang-up is always told: an end that nothing is wanted of is left out.
            polled[OWN_DESCRIPTORS + 2 * i + end] = (struct pollfd){
                .fd = hangs || events == 0 ? -1 : connection->descriptors[end], .events = events};
            wait_ms = !hangs && left_ms > 0 && left_ms < wait_ms ? left_ms : wait_ms;
        }
    }
    return wait_ms == INT_MAX ? -1 : wait_ms;
}

// False: the connection has ended.
static bool serve(struct tcp_proxy *proxy, int i, const struct pollfd *polled, const struct orders *orders) {
    struct connection *connection = &proxy->connections[i];
    for (int end = 0; end < ENDS; end++) {
        if ((polled[end].revents & ~POLLOUT) != 0 && !connection->from[end].finished &&
            !take(proxy, connection, end, orders)) {
            return false;
        }
    }
    return give(proxy, connection, CLIENT) && give(proxy, connection, SERVER);
}

static void *run(void *context) {
    struct tcp_proxy *proxy = context;
    struct pollfd polled[OWN_DESCRIPTORS + ENDS * CONNECTIONS_MAX];
    for (;;) {
        struct orders orders = take_orders(proxy);
        if (orders.stop) {
            return NULL;
        }
        int count = proxy->count;
        int wait_ms = fill_polled(proxy, &orders, polled);
        poll(polled, (nfds_t)(OWN_DESCRIPTORS + ENDS * count), wait_ms);
        if (polled[1].revents != 0) {
            continue; // An order counts for all that is sent after it was given.
        }
        // From the last one on: where one is closed, the last takes its place.
        for (int i = count - 1; i >= 0 && orders.manner != PROXY_HANGS; i--) {
            if (!serve(proxy, i, &polled[OWN_DESCRIPTORS + ENDS * i], &orders)) {
                close_at(proxy, i);
            }
        }
        if ((polled[0].revents & POLLIN) != 0) {
            accept_one(proxy, orders.target_port);
        }
    }
}

// Orders

static void ring(const struct tcp_proxy *proxy) {
    uint64_t one = 1;
    ssize_t written = write(proxy->bell, &one, sizeof(one));
    assert(written == sizeof(one));
}

static int listen_at(int port, int *ret_port) {
    struct sockaddr_in address = loopback(port);
    socklen_t size = sizeof(address);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        harness_fail("a proxy cannot listen at port %d: %s", port, strerror(errno));
    }
    *ret_port = ntohs(address.sin_port);
    return listener;
}

struct tcp_proxy *tcp_proxy_start(int port, int target_port) {
    struct tcp_proxy *proxy = calloc(1, sizeof(*proxy));
    assert(proxy);
    proxy->target_port = target_port;
    proxy->bytes_until_cut = NEVER_CUT;
    proxy->listener = listen_at(port, &proxy->port);
    proxy->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&proxy->lock, NULL);
    if (proxy->bell < 0 || pthread_create(&proxy->thread, NULL, run, proxy) != 0) {
        harness_fail("a proxy cannot be started");
    }
    return proxy;
}

void tcp_proxy_stop(struct tcp_proxy *proxy) {
    if (!proxy) {
        return;
    }
    pthread_mutex_lock(&proxy->lock);
    proxy->stop = true;
    pthread_mutex_unlock(&proxy->lock);
    ring(proxy);
    pthread_join(proxy->thread, NULL);
    pthread_mutex_destroy(&proxy->lock);
    close(proxy->listener);
    close(proxy->bell);
    free(proxy);
}

int tcp_proxy_port(const struct tcp_proxy *proxy) {
    return proxy->port;
}

unsigned tcp_proxy_count(const struct tcp_proxy *proxy, int api_key) {
    assert(api_key >= 0 && api_key < API_KEYS);
    return proxy->requests[api_key];
}

static void behave(struct tcp_proxy *proxy, enum tcp_proxy_manner manner, int delay_ms, int api_key) {
    pthread_mutex_lock(&proxy->lock);
    proxy->cut = proxy->cut || (proxy->manner == PROXY_SWALLOWS && manner != PROXY_SWALLOWS);
    proxy->manner = manner;
    proxy->delay_ms = delay_ms;
    proxy->api_key = api_key;
    pthread_mutex_unlock(&proxy->lock);
    ring(proxy);
}

void tcp_proxy_behave(struct tcp_proxy *proxy, enum tcp_proxy_manner manner, int delay_ms) {
    behave(proxy, manner, delay_ms, ANY_REQUEST);
}

void tcp_proxy_swallow_from(struct tcp_proxy *proxy, int api_key) {
    behave(proxy, PROXY_SWALLOWS, 0, api_key);
}

void tcp_proxy_aim(struct tcp_proxy *proxy, int target_port) {
    pthread_mutex_lock(&proxy->lock);
    proxy->target_port = target_port;
    pthread_mutex_unlock(&proxy->lock);
    ring(proxy);
}

void tcp_proxy_cut(struct tcp_proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    proxy->cut = true;
    pthread_mutex_unlock(&proxy->lock);
    ring(proxy);
}

void tcp_proxy_cut_after(struct tcp_proxy *proxy, size_t bytes) {
    pthread_mutex_lock(&proxy->lock);
    proxy->bytes_until_cut = (long long)bytes;
    pthread_mutex_unlock(&proxy->lock);
    ring(proxy);
}
