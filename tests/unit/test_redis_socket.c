/* The Redis store's socket where the host's name is looked up by a name server that takes its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/redis_transport.h"

#define WAIT_MS 60000

/* The name server: answers as often as it may. */
static struct {
    sem_t may_answer;
    atomic_int asked;
    atomic_bool knows;
} names;

int getaddrinfo_of_libc(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **ret_found) __asm__("__real_getaddrinfo");
int getaddrinfo_that_waits(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **ret_found) __asm__("__wrap_getaddrinfo");

int getaddrinfo_that_waits(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **ret_found) {
    if ((hints->ai_flags & AI_NUMERICHOST) != 0)
        return getaddrinfo_of_libc(host, service, hints, ret_found);
    atomic_fetch_add(&names.asked, 1);
    sem_wait(&names.may_answer);
    return names.knows ? getaddrinfo_of_libc("127.0.0.1", service, hints, ret_found) : EAI_NONAME;
}

struct fixture {
    struct redis_socket socket;
    struct redis_transport transport;
    int server, port;
};

static struct fixture *open_fixture(void) {
    static struct fixture fixture;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    sem_init(&names.may_answer, 0, 0);
    names.asked = 0;
    names.knows = true;
    fixture.transport = redis_socket_transport(&fixture.socket);
    fixture.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fixture.server, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fixture.server, 1), 0);
    assert_int_equal(getsockname(fixture.server, (struct sockaddr *)&address, &size), 0);
    fixture.port = ntohs(address.sin_port);
    return &fixture;
}

static void close_fixture(struct fixture *fixture) {
    fixture->transport.close(fixture->transport.context);
    redis_socket_free(&fixture->socket);
    close(fixture->server);
}

static void begin(struct fixture *fixture, const char *host) {
    struct error error;
    assert_int_equal(fixture->transport.connect(fixture->transport.context, host, fixture->port, &error), RESULT_OK);
}

/* What can be done now. */
static size_t sent_now(struct fixture *fixture) {
    size_t sent = 0;
    struct error error;
    assert_int_equal(fixture->transport.send(fixture->transport.context, "PING", 4, &sent, &error), RESULT_OK);
    return sent;
}

static void assert_connects(struct fixture *fixture) {
    char got[4];
    while (sent_now(fixture) == 0)
        assert_true(fixture->transport.wait(fixture->transport.context, true, WAIT_MS));
    int peer = accept(fixture->server, NULL, NULL);
    assert_int_equal(recv(peer, got, sizeof got, MSG_WAITALL), 4);
    close(peer);
}

static void a_number_is_not_looked_up(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture();
    begin(fixture, "127.0.0.1");
    assert_connects(fixture);
    assert_int_equal(names.asked, 0);
    close_fixture(fixture);
}

static void a_name_that_is_looked_up_for_long_holds_up_nobody(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture();
    char byte;
    struct error error;
    for (int i = 0; i < 2; i++) { /* The second attempt waits for the answer to the first one's question. */
        size_t received = 1;
        begin(fixture, "redis.example");
        assert_int_equal(sent_now(fixture), 0);
        assert_int_equal(fixture->transport.receive(fixture->transport.context, &byte, sizeof byte, &received, &error),
                         RESULT_OK);
        assert_int_equal(received, 0);
        assert_false(fixture->transport.wait(fixture->transport.context, true, 1));
        fixture->transport.close(fixture->transport.context);
    }
    sem_post(&names.may_answer);
    begin(fixture, "redis.example");
    assert_connects(fixture);
    assert_int_equal(names.asked, 1);
    close_fixture(fixture);
}

/* Without a connection, waiting is a pause, whatever has come. */
static void an_answer_that_nobody_awaits_cuts_no_pause_short(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture();
    begin(fixture, "redis.example");
    sem_post(&names.may_answer);
    assert_true(fixture->transport.wait(fixture->transport.context, true, WAIT_MS));
    fixture->transport.close(fixture->transport.context);
    assert_false(fixture->transport.wait(fixture->transport.context, false, 1));
    close_fixture(fixture);
}

static void a_name_that_nobody_knows_is_told(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture();
    struct error error;
    size_t sent;
    names.knows = false;
    sem_post(&names.may_answer);
    begin(fixture, "redis.example");
    assert_true(fixture->transport.wait(fixture->transport.context, true, WAIT_MS));
    assert_int_equal(fixture->transport.send(fixture->transport.context, "PING", 4, &sent, &error), RESULT_RETRY);
    assert_non_null(strstr(error.text, "Name or service not known"));
    close_fixture(fixture);
}

static void a_look_up_may_outlive_its_owner(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture();
    begin(fixture, "redis.example");
    close_fixture(fixture);
    sem_post(&names.may_answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_not_looked_up),
        cmocka_unit_test(a_name_that_is_looked_up_for_long_holds_up_nobody),
        cmocka_unit_test(an_answer_that_nobody_awaits_cuts_no_pause_short),
        cmocka_unit_test(a_name_that_nobody_knows_is_told),
        cmocka_unit_test(a_look_up_may_outlive_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
