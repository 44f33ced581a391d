#include "cli/demo_servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "cli/clock.h"

#define REDIS_READY_MS 5000
#define REDIS_STOP_MS  3000
#define LOOK_EVERY_US  20000

/* ---- Kafka */

static enum result start_mock(struct demo_servers *servers, struct error *error) {
    char message[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    servers->mock_handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    if (servers->mock_handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, RESULT_FATAL, "the mock cluster cannot be started: %s", message);
    }
    servers->mock = rd_kafka_mock_cluster_new(servers->mock_handle, 1);
    if (servers->mock == NULL)
        return error_set(error, RESULT_FATAL, "the mock cluster cannot be started");
    snprintf(servers->brokers, sizeof servers->brokers, "%s", rd_kafka_mock_cluster_bootstraps(servers->mock));
    return RESULT_OK;
}

enum result demo_servers_create_topic(struct demo_servers *servers, const char *topic, int partitions,
                                      struct error *error) {
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(servers->mock, topic, partitions, 1);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return RESULT_OK;
    return error_set(error, RESULT_FATAL, "the mock cluster refuses the topic %s: %s", topic, rd_kafka_err2str(code));
}

/* ---- Redis */

/* A port that nobody uses; that nobody takes it before Redis does is likely, not certain. 0 where there is none. */
static int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = 0;
    if (probe >= 0 && bind(probe, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(probe, (struct sockaddr *)&address, &size) == 0)
        port = ntohs(address.sin_port);
    if (probe >= 0)
        close(probe);
    return port;
}

/* In the child: becomes redis-server, quiet, and dies when its parent does. */
static void become_redis(const char *port, const char *folder, pid_t parent) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* A Ctrl-C at the terminal goes to the parent alone: it still needs this server to end in good order. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int quiet = open("/dev/null", O_RDWR);
    dup2(quiet, STDIN_FILENO);
    dup2(quiet, STDOUT_FILENO);
    dup2(quiet, STDERR_FILENO);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "",
           "--appendonly", "no", "--daemonize", "no", "--maxmemory-policy", "noeviction", (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

static bool redis_answers(int port) {
    struct timeval timeout = {0, 200000};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", port, timeout);
    redisReply *reply = context == NULL || context->err != 0 ? NULL : redisCommand(context, "PING");
    bool answers = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (reply != NULL)
        freeReplyObject(reply);
    if (context != NULL)
        redisFree(context);
    return answers;
}

static enum result await_redis(struct demo_servers *servers, int port, struct error *error) {
    int64_t deadline_ms = clock_monotonic_ms() + REDIS_READY_MS;
    int status;
    while (clock_monotonic_ms() < deadline_ms) {
        if (redis_answers(port))
            return RESULT_OK;
        if (waitpid(servers->redis, &status, WNOHANG) == servers->redis) {
            servers->redis = 0;
            if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                return error_set(
                    error, RESULT_REJECT,
                    "the demo starts a Redis of its own, and there is no redis-server here: apt-get install "
                    "redis-server");
            return error_set(error, RESULT_FATAL, "redis-server ended at once");
        }
        usleep(LOOK_EVERY_US);
    }
    return error_set(error, RESULT_FATAL, "redis-server does not answer");
}

static enum result start_redis(struct demo_servers *servers, struct error *error) {
    char port_text[8];
    const char *parent_folder = getenv("TMPDIR");
    pid_t parent = getpid();
    int port = free_port();
    if (port == 0)
        return error_set(error, RESULT_FATAL, "there is no free port on the loopback interface: %s", strerror(errno));
    snprintf(servers->folder, sizeof servers->folder, "%s/bellwether-demo-XXXXXX",
             parent_folder == NULL || *parent_folder == '\0' ? "/tmp" : parent_folder);
    if (mkdtemp(servers->folder) == NULL) {
        servers->folder[0] = '\0';
        return error_set(error, RESULT_FATAL, "a temporary folder cannot be made: %s", strerror(errno));
    }
    snprintf(port_text, sizeof port_text, "%d", port);
    snprintf(servers->redis_url, sizeof servers->redis_url, "redis://127.0.0.1:%d/0", port);
    servers->redis = fork();
    if (servers->redis == 0)
        become_redis(port_text, servers->folder, parent);
    if (servers->redis < 0) {
        servers->redis = 0;
        return error_set(error, RESULT_FATAL, "a process cannot be started: %s", strerror(errno));
    }
    return await_redis(servers, port, error);
}

static void stop_redis(struct demo_servers *servers) {
    int64_t deadline_ms = clock_monotonic_ms() + REDIS_STOP_MS;
    if (servers->redis > 0) {
        kill(servers->redis, SIGTERM);
        while (waitpid(servers->redis, NULL, WNOHANG) == 0) {
            if (clock_monotonic_ms() >= deadline_ms)
                kill(servers->redis, SIGKILL);
            usleep(LOOK_EVERY_US);
        }
    }
    if (servers->folder[0] != '\0')
        rmdir(servers->folder); /* it saves nothing: the folder is empty */
}

/* ---- both */

/* Redis first: a process with threads had better not fork. */
enum result demo_servers_start(struct demo_servers *servers, struct error *error) {
    *servers = (struct demo_servers){.redis = 0};
    enum result result = start_redis(servers, error);
    if (result == RESULT_OK)
        result = start_mock(servers, error);
    if (result != RESULT_OK)
        demo_servers_stop(servers);
    return result;
}

void demo_servers_stop(struct demo_servers *servers) {
    if (servers->mock != NULL)
        rd_kafka_mock_cluster_destroy(servers->mock);
    if (servers->mock_handle != NULL)
        rd_kafka_destroy(servers->mock_handle);
    stop_redis(servers);
    *servers = (struct demo_servers){.redis = 0};
}
