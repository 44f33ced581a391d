// Two real Redis servers, a master and its replica, behind one address: that of a proxy, which leads to the master of
// the moment. The replica follows through a proxy of its own, so that it can be made to lag. Main thread only.
#pragma once

#include "tests/harness/dice.h"
#include "tests/harness/redis_server.h"
#include "tests/harness/tcp_proxy.h"

struct redis_pair {
    struct redis_server servers[2];
    int master; // The other one is the replica.
    struct tcp_proxy *proxy;
    struct tcp_proxy *replication;
    char url[64]; // Of the proxy.
};

void redis_pair_start(struct redis_pair *ret_pair);

// Ends both at once and removes their folders. Does nothing on a zeroed one.
void redis_pair_close(struct redis_pair *pair);

struct redis_server *redis_pair_master(struct redis_pair *pair);

// From now on the replica hears nothing. False: it does not follow at the moment, and was left alone.
bool redis_pair_lag(struct redis_pair *pair);

// The master is killed; the replica, with what it has, takes its place and its address; the former master comes back as
// its replica.
void redis_pair_promote(struct redis_pair *pair);

// Cuts the append-only file of the master, which must not run, at a random byte.
void redis_pair_cut_file(struct redis_pair *pair, struct dice *dice);

// The master, killed before, comes back with its data.
void redis_pair_restart(struct redis_pair *pair);
