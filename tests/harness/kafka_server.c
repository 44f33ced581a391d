#include "tests/harness/kafka_server.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/fail.h"
#include "tests/harness/kafka_client.h"
#include "tests/harness/ports.h"

enum { FORMAT_MS = 60000, START_MS = 90000, STOP_MS = 30000, METADATA_MS = 1000, PROPERTIES_BYTES_MAX = 8192 };

static const char CLUSTER_ID[] = "AAAAAAAAAAAAAAAAAAAAAQ";

// Every line has its reason in tests: one node can replicate nothing; the internal topics are created on first use,
// which fewer partitions make quick; groups, transactions and the cleaner act within seconds.
static const char PROPERTIES[] = "process.roles=broker,controller\n"
                                 "node.id=1\n"
                                 "controller.quorum.voters=1@127.0.0.1:%d\n"
                                 "listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d\n"
                                 "advertised.listeners=PLAINTEXT://127.0.0.1:%d\n"
                                 "controller.listener.names=CONTROLLER\n"
                                 "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
                                 "log.dirs=%s/data\n"
                                 "auto.create.topics.enable=false\n"
                                 "offsets.topic.replication.factor=1\n"
                                 "offsets.topic.num.partitions=4\n"
                                 "transaction.state.log.replication.factor=1\n"
                                 "transaction.state.log.min.isr=1\n"
                                 "transaction.state.log.num.partitions=4\n"
                                 "transaction.abort.timed.out.transaction.cleanup.interval.ms=500\n"
                                 "share.coordinator.state.topic.replication.factor=1\n"
                                 "share.coordinator.state.topic.min.isr=1\n"
                                 "group.initial.rebalance.delay.ms=0\n"
                                 "group.min.session.timeout.ms=1000\n"
                                 "log.cleaner.enable=true\n"
                                 "log.cleaner.backoff.ms=500\n"
                                 "log.cleaner.dedupe.buffer.size=4194304\n"
                                 "log.retention.ms=-1\n"
                                 "controlled.shutdown.enable=true\n"
                                 "num.network.threads=2\n"
                                 "num.io.threads=4\n"
                                 "background.threads=4\n";

// The folder below which `./run` keeps what it fetches, and in it the jars; as the script itself finds it.
static void find_classpath(char *ret_classpath) {
    const char *given = getenv("BELLWETHER_KAFKA_CLASSPATH");
    const char *cache = getenv("BELLWETHER_CACHE");
    const char *user_cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (given) {
        snprintf(ret_classpath, PATH_MAX, "%s", given);
        return;
    }
    char folder[PATH_MAX - 2];
    if (cache) {
        snprintf(folder, sizeof(folder), "%s/kafka-4.1.1", cache);
    } else if (user_cache) {
        snprintf(folder, sizeof(folder), "%s/bellwether/kafka-4.1.1", user_cache);
    } else {
        snprintf(folder, sizeof(folder), "%s/.cache/bellwether/kafka-4.1.1", home ? home : "/root");
    }
    if (access(folder, R_OK) != 0) {
        harness_fail("Kafka's jars are not in %s: run ./run kafka-jars, or set BELLWETHER_KAFKA_CLASSPATH", folder);
    }
    snprintf(ret_classpath, PATH_MAX, "%s/*", folder);
}

// There at once: the first compiler only, a small heap.
static const char *const JAVA_FOR_TESTS[] = {"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                                             NULL};
// Those of Kafka's bin/kafka-run-class.sh and kafka-server-start.sh.
static const char *const JAVA_FOR_MEASURING[] = {"-Xms1g",
                                                 "-Xmx1g",
                                                 "-server",
                                                 "-XX:+UseG1GC",
                                                 "-XX:MaxGCPauseMillis=20",
                                                 "-XX:InitiatingHeapOccupancyPercent=35",
                                                 "-XX:+ExplicitGCInvokesConcurrent",
                                                 NULL};
// As Kafka has them where nobody sets them, which the properties above do.
static const char *const PROPERTIES_FOR_MEASURING[] = {"log.cleaner.backoff.ms=15000",
                                                       "log.cleaner.dedupe.buffer.size=134217728", NULL};

static void start_java(struct kafka_server *server, const char *const *program, struct process *ret_process) {
    enum { ARGUMENTS_MAX = 24 };
    const char *const *options = server->purpose == KAFKA_FOR_MEASURING ? JAVA_FOR_MEASURING : JAVA_FOR_TESTS;
    const char *const common[] = {"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", server->classpath, NULL};
    const char *const *const lists[] = {options, common, program};
    const char *arguments[ARGUMENTS_MAX] = {"java"};
    size_t count = 1;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t j = 0; lists[i][j] && count + 1 < ARGUMENTS_MAX; j++) {
            arguments[count++] = lists[i][j];
        }
    }
    char log_path[PATH_MAX];
    temporary_path(&server->folder, "kafka.log", log_path);
    struct process_options process = {.name = program[0], .arguments = arguments, .log_path = log_path};
    process_start(&process, ret_process);
}

static void format_storage(struct kafka_server *server) {
    const char *program[] = {"kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c",
                             server->properties_path,   NULL};
    struct process process;
    start_java(server, program, &process);
    if (!process_await_end(&process, deadline_after(FORMAT_MS)) || process.exit_status != 0) {
        process_kill(&process);
        harness_fail("kafka.tools.StorageTool did not format the folder:\n%s", process_log_tail(&process));
    }
}

static bool broker_answers(void *context) {
    struct kafka_server *server = context;
    rd_kafka_t *client = kafka_client_new(server, RD_KAFKA_PRODUCER, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    bool ready = rd_kafka_metadata(client, 0, NULL, &metadata, METADATA_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                 metadata->broker_cnt >= 1;
    if (metadata) {
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_destroy(client);
    return ready;
}

void kafka_server_launch(struct kafka_server *server) {
    const char *program[] = {"kafka.Kafka", server->properties_path, NULL};
    start_java(server, program, &server->process);
}

void kafka_server_await(struct kafka_server *server) {
    process_await(&server->process, broker_answers, server, "an answer to a request for metadata",
                  deadline_after(START_MS));
}

static void write_properties(struct kafka_server *server, const char *const *extra_properties) {
    char text[PROPERTIES_BYTES_MAX];
    size_t length = (size_t)snprintf(text, sizeof(text), PROPERTIES, server->controller_port, server->port,
                                     server->controller_port, server->port, server->folder.path);
    // Of two lines with the same name Java takes the later one.
    for (size_t i = 0; extra_properties && extra_properties[i] && length < sizeof(text); i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s\n", extra_properties[i]);
    }
    if (length >= sizeof(text)) {
        harness_fail("the properties of the Kafka server are longer than %d bytes", PROPERTIES_BYTES_MAX);
    }
    temporary_write(&server->folder, "server.properties", text, server->properties_path);
}

void kafka_server_prepare(int port, int controller_port, const char *const *extra_properties,
                          struct kafka_server *ret_server) {
    *ret_server = (struct kafka_server){.port = port, .controller_port = controller_port};
    snprintf(ret_server->address, sizeof(ret_server->address), "127.0.0.1:%d", ret_server->port);
    find_classpath(ret_server->classpath);
    temporary_create("kafka", &ret_server->folder);
    write_properties(ret_server, extra_properties);
    format_storage(ret_server);
}

static void start(enum kafka_server_purpose purpose, int port, const char *const *extra_properties,
                  struct kafka_server *ret_server) {
    int ports[2];
    ports_find(2, ports);
    kafka_server_prepare(port ? port : ports[0], ports[1], extra_properties, ret_server);
    ret_server->purpose = purpose;
    kafka_server_launch(ret_server);
    kafka_server_await(ret_server);
}

void kafka_server_start(int port, const char *const *extra_properties, struct kafka_server *ret_server) {
    start(KAFKA_FOR_TESTS, port, extra_properties, ret_server);
}

void kafka_server_start_measured(struct kafka_server *ret_server) {
    start(KAFKA_FOR_MEASURING, 0, PROPERTIES_FOR_MEASURING, ret_server);
}

void kafka_server_stop(struct kafka_server *server) {
    process_stop(&server->process, STOP_MS);
}

void kafka_server_kill(struct kafka_server *server) {
    process_kill(&server->process);
}

void kafka_server_restart(struct kafka_server *server) {
    kafka_server_stop(server);
    kafka_server_launch(server);
    kafka_server_await(server);
}

void kafka_server_pause(struct kafka_server *server) {
    process_pause(&server->process);
}

void kafka_server_resume(struct kafka_server *server) {
    process_resume(&server->process);
}

void kafka_server_close(struct kafka_server *server) {
    process_kill(&server->process);
    temporary_remove(&server->folder);
}

int kafka_server_set_up(void **state) {
    struct kafka_server *server = calloc(1, sizeof(*server));
    assert(server);
    *state = server;
    kafka_server_start(0, NULL, server);
    return 0;
}

int kafka_server_tear_down(void **state) {
    kafka_server_close(*state);
    free(*state);
    return 0;
}
