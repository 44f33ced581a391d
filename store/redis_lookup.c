#include "store/redis_lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVICE_TEXT_MAX 16

/* Two have it, the owner and the thread; the last of them frees it. */
struct redis_lookup {
    atomic_int owners;
    atomic_bool is_done;
    int done; /* an event descriptor */
    int failure;
    struct addrinfo *addresses;
    char service[SERVICE_TEXT_MAX];
    char host[];
};

static struct addrinfo hints_of(int flags) {
    return (struct addrinfo){.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
}

struct addrinfo *redis_lookup_number(const char *host, int port) {
    struct addrinfo hints = hints_of(AI_NUMERICHOST | AI_NUMERICSERV), *addresses = NULL;
    char service[SERVICE_TEXT_MAX];
    snprintf(service, sizeof service, "%d", port);
    return getaddrinfo(host, service, &hints, &addresses) == 0 ? addresses : NULL;
}

static void let_go(struct redis_lookup *lookup) {
    if (atomic_fetch_sub(&lookup->owners, 1) > 1)
        return;
    if (lookup->addresses != NULL)
        freeaddrinfo(lookup->addresses);
    close(lookup->done);
    free(lookup);
}

static void *look_up(void *argument) {
    struct redis_lookup *lookup = argument;
    struct addrinfo hints = hints_of(0);
    lookup->failure = getaddrinfo(lookup->host, lookup->service, &hints, &lookup->addresses);
    if (lookup->failure != 0)
        lookup->addresses = NULL;
    atomic_store(&lookup->is_done, true);
    (void)eventfd_write(lookup->done, 1);
    let_go(lookup);
    return NULL;
}

/* 0: it runs. Signals are the program's own threads' business. */
static int start_thread(struct redis_lookup *lookup) {
    sigset_t all, before;
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&thread, &detached, look_up, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return failure;
}

enum result redis_lookup_begin(const char *host, int port, struct redis_lookup **ret_lookup, struct error *error) {
    size_t size = strlen(host) + 1;
    struct redis_lookup *lookup = calloc(1, sizeof *lookup + size);
    if (lookup == NULL)
        return error_set(error, RESULT_RETRY, "memory is out");
    memcpy(lookup->host, host, size);
    snprintf(lookup->service, sizeof lookup->service, "%d", port);
    lookup->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_store(&lookup->owners, 2);
    if (lookup->done < 0 || start_thread(lookup) != 0) {
        if (lookup->done >= 0)
            close(lookup->done);
        free(lookup);
        return error_set(error, RESULT_RETRY, "nothing can be started that looks up its name");
    }
    *ret_lookup = lookup;
    return RESULT_OK;
}

int redis_lookup_descriptor(const struct redis_lookup *lookup) {
    return lookup->done;
}

bool redis_lookup_is_done(const struct redis_lookup *lookup) {
    return atomic_load(&lookup->is_done);
}

enum result redis_lookup_take(struct redis_lookup *lookup, struct addrinfo **ret_addresses, struct error *error) {
    if (lookup->addresses == NULL)
        return error_set(error, RESULT_RETRY, "%s", gai_strerror(lookup->failure));
    *ret_addresses = lookup->addresses;
    lookup->addresses = NULL;
    return RESULT_OK;
}

void redis_lookup_end(struct redis_lookup *lookup) {
    if (lookup != NULL)
        let_go(lookup);
}
