/* The addresses of a host, looked up beside the worker, which cannot be told how long that may take: a name server that
 * does not answer holds it up for half a minute. Numbers are understood at once. */
#pragma once

#include <stdbool.h>

#include "base/result.h"

struct addrinfo;
struct redis_lookup;

/* The addresses of a host that is given as a number; NULL: it is a name. freeaddrinfo them. */
struct addrinfo *redis_lookup_number(const char *host, int port);

/* Begins; redis_lookup_end the result. RESULT_RETRY: it cannot be begun now. */
MUST_USE enum result redis_lookup_begin(const char *host, int port, struct redis_lookup **ret_lookup,
                                        struct error *error);
/* Can be read from once it is done. */
int redis_lookup_descriptor(const struct redis_lookup *lookup);
bool redis_lookup_is_done(const struct redis_lookup *lookup);
/* It is done: the addresses, once. RESULT_RETRY: there are none; `error` says why. */
MUST_USE enum result redis_lookup_take(struct redis_lookup *lookup, struct addrinfo **ret_addresses,
                                       struct error *error);
/* Does not wait; nothing on NULL. */
void redis_lookup_end(struct redis_lookup *lookup);
