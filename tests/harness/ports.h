// Free ports on the loopback address.
#pragma once

#include <stddef.h>

// Finds `count` (up to 16) different ports that nobody listens on. They lie below the range from which the kernel gives
// out ports of its own, so that a server can be restarted on its port without finding a client on it.
void ports_find(size_t count, int *ret_ports);
