#include "producer/blocking_call.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <time.h>

void blocking_call_init(struct blocking_call *call) {
    *call = (struct blocking_call){.is_running = false};
    pthread_mutex_init(&call->mutex, NULL);
    pthread_cond_init(&call->ended, NULL);
}

void blocking_call_destroy(struct blocking_call *call) {
    assert(!call->is_running);
    pthread_cond_destroy(&call->ended);
    pthread_mutex_destroy(&call->mutex);
}

static void *run_call(void *argument) {
    struct blocking_call *call = argument;
    call->run(call->argument);
    pthread_mutex_lock(&call->mutex);
    call->has_ended = true;
    pthread_cond_signal(&call->ended);
    pthread_mutex_unlock(&call->mutex);
    return NULL;
}

enum result blocking_call_start(struct blocking_call *call, void (*run)(void *argument), void *argument,
                                struct error *error) {
    assert(!call->is_running);
    call->run = run;
    call->argument = argument;
    call->has_ended = false;
    /* Signals are the program's own threads' business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&call->thread, NULL, run_call, call);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0)
        return error_set(error, RESULT_RETRY, "No thread could be started: %s.", strerror(failure));
    call->is_running = true;
    return RESULT_OK;
}

bool blocking_call_await(struct blocking_call *call, int timeout_ms) {
    if (!call->is_running)
        return true;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&call->mutex);
    int failure = 0;
    while (!call->has_ended && failure == 0)
        failure = pthread_cond_clockwait(&call->ended, &call->mutex, CLOCK_MONOTONIC, &until);
    bool has_ended = call->has_ended;
    pthread_mutex_unlock(&call->mutex);
    if (has_ended)
        blocking_call_join(call);
    return has_ended;
}

void blocking_call_join(struct blocking_call *call) {
    if (call->is_running)
        pthread_join(call->thread, NULL);
    call->is_running = false;
}
