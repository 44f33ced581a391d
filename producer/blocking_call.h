/* One call that blocks, made beside its owner's thread, so that the owner can look at its end again and again and do
 * other things in between: for those functions of librdkafka that take a timeout but cannot be gone on with after it.
 *
 * The owner alone uses the struct; of what `run` touches, it uses nothing from the start until the call has ended. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/result.h"

struct blocking_call {
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    pthread_t thread;
    bool is_running; /* started, and its end not seen yet: the owner's view */
    bool has_ended;  /* under the mutex */
    void (*run)(void *argument);
    void *argument;
};

void blocking_call_init(struct blocking_call *call);
/* The call has ended. */
void blocking_call_destroy(struct blocking_call *call);

/* None is running. RESULT_RETRY: the system has no thread to give. */
MUST_USE enum result blocking_call_start(struct blocking_call *call, void (*run)(void *argument), void *argument,
                                         struct error *error);
/* Waits up to `timeout_ms`. Whether it has ended; true where none is running. */
bool blocking_call_await(struct blocking_call *call, int timeout_ms);
/* Waits for as long as it takes. */
void blocking_call_join(struct blocking_call *call);
