// A real Apache Kafka, one node in KRaft mode (broker and controller in one process), on free loopback ports, with a
// folder of its own. Its time-outs are small, so that tests of failures are quick. Start it from the main thread; one
// is best shared by all tests of a program, each with topics and groups of its own (a start takes about six seconds).
//
// The jars are found through BELLWETHER_KAFKA_CLASSPATH, else in the cache folder that `./run kafka-jars` fills.
#pragma once

#include "tests/harness/process.h"
#include "tests/harness/temporary.h"

// What it is started for: tests want it there at once, and its cleaner to act within seconds; where something is
// measured, it runs as Kafka's own start script would have it, with the cleaner's own settings.
enum kafka_server_purpose { KAFKA_FOR_TESTS, KAFKA_FOR_MEASURING };

struct kafka_server {
    enum kafka_server_purpose purpose;
    struct temporary folder;
    struct process process;
    int port;
    int controller_port;
    char address[96]; // 127.0.0.1:PORT, for bootstrap.servers.
    char classpath[PATH_MAX];
    char properties_path[PATH_MAX];
};

// `port` 0: any free one. `extra_properties`: lines "name=value" of server.properties, NULL-terminated, or NULL; they
// win over the harness' own. Returns once the broker answers a request for its metadata.
void kafka_server_start(int port, const char *const *extra_properties, struct kafka_server *ret_server);

// The same for measuring, on any free port.
void kafka_server_start_measured(struct kafka_server *ret_server);

// The same in steps, for more than one node: a folder with its properties and formatted storage; the process; and the
// wait until the broker answers, for which others may be needed.
void kafka_server_prepare(int port, int controller_port, const char *const *extra_properties,
                          struct kafka_server *ret_server);
void kafka_server_launch(struct kafka_server *server);
void kafka_server_await(struct kafka_server *server);

// An orderly shutdown (SIGTERM); the data stays for kafka_server_restart.
void kafka_server_stop(struct kafka_server *server);

// SIGKILL; the data stays for kafka_server_restart.
void kafka_server_kill(struct kafka_server *server);

// Starts it again on the same ports and data; awaits that it answers.
void kafka_server_restart(struct kafka_server *server);

// Hangs (its connections stay open, nothing is answered) and goes on.
void kafka_server_pause(struct kafka_server *server);
void kafka_server_resume(struct kafka_server *server);

// Ends it at once and removes its folder. Does nothing on a zeroed one.
void kafka_server_close(struct kafka_server *server);

// A program's tests that share one: cmocka's set-up and teardown of the group, with a struct kafka_server as the state.
int kafka_server_set_up(void **state);
int kafka_server_tear_down(void **state);
