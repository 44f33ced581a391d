// Free ports on the loopback address.
#pragma once

#include <stddef.h>

// Finds `count` (up to 16) different ports that nobody listens on. They lie below the range from which the kernel gives
// out ports of its own, so that a server can be restarted on its port without finding a client on it, and in a range
// that is this process' to its end: tests that run side by side take no ports from one another. Main thread.
void ports_find(size_t count, int *ret_ports);
