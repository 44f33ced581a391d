// A throw-away server for hands-on use, behind `./run kafka` and `./run redis`: starts it, says how it is reached, and
// ends it and removes its data on Ctrl-C.
#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/kafka_server.h"
#include "tests/harness/redis_server.h"

static void await_interrupt(const sigset_t *signals, struct process *process) {
    puts("Press Ctrl-C to stop it; its data is removed then.");
    fflush(stdout);
    int signal = 0;
    while (signal != SIGINT && signal != SIGTERM && signal != SIGHUP && process_is_running(process)) {
        sigwait(signals, &signal);
    }
}

static void serve_kafka(int port, const sigset_t *signals) {
    struct kafka_server server;
    kafka_server_start(port, NULL, &server);
    printf("Apache Kafka is ready at %s\n\n", server.address);
    printf("    export BELLWETHER_KAFKA_BROKERS=%s\n", server.address);
    printf("    kcat -b %s -L\n\n", server.address);
    printf("Its log: %s\n", server.process.log_path);
    await_interrupt(signals, &server.process);
    kafka_server_close(&server);
}

static void serve_redis(int port, const sigset_t *signals) {
    struct redis_server server;
    redis_server_start(port, NULL, &server);
    printf("Redis is ready at %s\n\n", server.url);
    printf("    export BELLWETHER_REDIS_URL=%s\n", server.url);
    printf("    redis-cli -p %d\n\n", server.port);
    printf("Its log: %s\n", server.process.log_path);
    await_interrupt(signals, &server.process);
    redis_server_close(&server);
}

int main(int argument_count, char **arguments) {
    bool kafka = argument_count > 1 && strcmp(arguments[1], "kafka") == 0;
    bool redis = argument_count > 1 && strcmp(arguments[1], "redis") == 0;
    int port = 0;
    if (argument_count == 4 && strcmp(arguments[2], "--port") == 0) {
        port = atoi(arguments[3]);
    }
    if ((!kafka && !redis) || (argument_count != 2 && (port < 1 || port > UINT16_MAX))) {
        fputs("usage: serve kafka|redis [--port PORT]\n", stderr);
        return 2;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL); // Taken one by one in await_interrupt; the server has them unblocked.
    if (kafka) {
        serve_kafka(port, &signals);
    } else {
        serve_redis(port, &signals);
    }
    return 0;
}
