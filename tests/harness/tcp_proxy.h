// A TCP proxy on the loopback address that can be told to misbehave as networks do. It runs on a thread of its own;
// these functions may be called from any other.
#pragma once

#include <stddef.h>

struct tcp_proxy;

enum tcp_proxy_manner {
    PROXY_PASSES,   // As if it were not there.
    PROXY_DELAYS,   // Each byte arrives later, in both directions.
    PROXY_HANGS,    // Nothing goes on; what was sent meanwhile arrives once it passes again.
    PROXY_SWALLOWS, // Requests arrive, answers are lost; connections are cut when it ends.
};

// Listens at `port` (0: any free one) and connects to `target_port`.
struct tcp_proxy *tcp_proxy_start(int port, int target_port);

// Ends all connections. Does nothing with NULL.
void tcp_proxy_stop(struct tcp_proxy *proxy);

int tcp_proxy_port(const struct tcp_proxy *proxy);

// How many requests of this kind clients have sent so far: an API key of Kafka's protocol, such as 26, the end of a
// transaction.
unsigned tcp_proxy_count(const struct tcp_proxy *proxy, int api_key);

// `delay_ms` counts where it delays.
void tcp_proxy_behave(struct tcp_proxy *proxy, enum tcp_proxy_manner manner, int delay_ms);

// Loses answers as PROXY_SWALLOWS does, of each connection from the first request of this kind on. Until
// tcp_proxy_behave.
void tcp_proxy_swallow_from(struct tcp_proxy *proxy, int api_key);

// Where connections lead that are made from now on.
void tcp_proxy_aim(struct tcp_proxy *proxy, int target_port);

// Resets all connections; what was on its way is lost.
void tcp_proxy_cut(struct tcp_proxy *proxy);

// The same once `bytes` more have passed, as a rule in the middle of a request or an answer.
void tcp_proxy_cut_after(struct tcp_proxy *proxy, size_t bytes);
