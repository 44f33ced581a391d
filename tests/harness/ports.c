#include "tests/harness/ports.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/fail.h"

enum { PORT_FIRST = 20000, PORT_COUNT = 12000, PORTS_AT_ONCE_MAX = 16, STRIDE = 37 };

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
    // Programs that run at the same time start at different places, so that they seldom want the same port.
    int start = (int)getpid() * STRIDE % PORT_COUNT;
    for (int tried = 0; tried < PORT_COUNT && found < count; tried++) {
        int port = PORT_FIRST + (start + tried) % PORT_COUNT;
        held[found] = hold_port(port);
        if (held[found] >= 0) {
            ret_ports[found++] = port;
        }
    }
    for (size_t i = 0; i < found; i++) {
        close(held[i]);
    }
    if (found < count) {
        harness_fail("no %zu free ports between %d and %d", count, PORT_FIRST, PORT_FIRST + PORT_COUNT - 1);
    }
}
