#include "tests/harness/ports.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/fail.h"

enum { PORT_FIRST = 20000, RANGES = 120, RANGE_PORTS = 100, PORTS_AT_ONCE_MAX = 16 };

// Whether the range is this process' from now on, to its end: so says a name of the kernel's that only one can have.
static bool take_range(int range) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "bellwether-test-ports-%d", range);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)length;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && bind(descriptor, (struct sockaddr *)&name, size) != 0) {
        close(descriptor);
        return false;
    }
    return descriptor >= 0; // The process closes it by its end.
}

// The first port of the process' range; programs of the tests that run side by side have different ones, and those that
// run one after the other as well, as a rule: a port that was just in use cannot be had again for a while.
static int first_port(void) {
    static int own = -1;
    for (int i = 0; own < 0 && i < RANGES; i++) {
        int range = ((int)getpid() + i) % RANGES;
        if (take_range(range)) {
            own = PORT_FIRST + range * RANGE_PORTS;
        }
    }
    if (own < 0) {
        harness_fail("all %d ranges of ports are taken", RANGES);
    }
    return own;
}

// A socket bound to the port, which holds it until it is closed; -1 where the port is taken.
static int hold_port(int port) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (descriptor >= 0 && bind(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

void ports_find(size_t count, int *ret_ports) {
    assert(count <= PORTS_AT_ONCE_MAX);
    int held[PORTS_AT_ONCE_MAX];
    size_t found = 0;
    int first = first_port();
    for (int port = first; port < first + RANGE_PORTS && found < count; port++) {
        held[found] = hold_port(port);
        if (held[found] >= 0) {
            ret_ports[found++] = port;
        }
    }
    for (size_t i = 0; i < found; i++) {
        close(held[i]);
    }
    if (found < count) {
        harness_fail("no %zu free ports from %d on", count, first);
    }
}
