/* A small HTTP server for tests: answers on a free port of the loopback, in a thread of its own, from a list of paths.
 * One request a connection. */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct http_page {
    const char *path;
    int status; /* 0: the connection is closed without an answer */
    const char *body;
};

enum { HTTP_PAGES_MAX = 16 };

struct http_test_server {
    int listener, port;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t answers;
    bool holds; /* what is read is not answered */
    struct http_page pages[HTTP_PAGES_MAX];
    int requests;
    char last[8192]; /* the newest request, as it came */
};

static inline const struct http_page *http_page_of(const struct http_test_server *server, const char *request) {
    static const struct http_page none = {"", 404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}"};
    const char *path = strchr(request, ' ');
    for (int i = 0; path != NULL && i < HTTP_PAGES_MAX && server->pages[i].path != NULL; i++) {
        size_t length = strlen(server->pages[i].path);
        if (strncmp(path + 1, server->pages[i].path, length) == 0 && path[1 + length] == ' ')
            return &server->pages[i];
    }
    return &none;
}

/* Up to the end of the headers, and of the body where a length is given. */
static inline void http_read_request(int connection, char *request, size_t size) {
    size_t used = 0;
    for (;;) {
        ssize_t count = recv(connection, request + used, size - 1 - used, 0);
        if (count <= 0)
            return;
        used += (size_t)count;
        request[used] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        const char *length = strcasestr(request, "content-length:");
        size_t body = length == NULL ? 0 : (size_t)strtoul(length + 15, NULL, 10);
        if (end != NULL && used >= (size_t)(end + 4 - request) + body)
            return;
    }
}

static inline void *http_serve(void *context) {
    struct http_test_server *server = context;
    for (;;) {
        int connection = accept(server->listener, NULL, NULL);
        if (connection < 0)
            return NULL;
        char request[8192] = "", answer[16384];
        http_read_request(connection, request, sizeof request);
        pthread_mutex_lock(&server->lock);
        memcpy(server->last, request, sizeof request);
        server->requests++;
        while (server->holds)
            pthread_cond_wait(&server->answers, &server->lock);
        const struct http_page *page = http_page_of(server, request);
        int length = snprintf(answer, sizeof answer,
                              "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                              "Connection: close\r\n\r\n%s",
                              page->status, strlen(page->body), page->body);
        bool answers = page->status != 0;
        pthread_mutex_unlock(&server->lock);
        if (answers)
            (void)!write(connection, answer, (size_t)length);
        close(connection);
    }
}

static inline void http_server_start(struct http_test_server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct http_test_server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert(server->listener >= 0);
    assert(bind(server->listener, (struct sockaddr *)&address, size) == 0 && listen(server->listener, 16) == 0);
    assert(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0);
    server->port = ntohs(address.sin_port);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", server->port);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->answers, NULL);
    assert(pthread_create(&server->thread, NULL, http_serve, server) == 0);
}

/* Whether requests are left without an answer from now on. */
static inline void http_server_hold(struct http_test_server *server, bool holds) {
    pthread_mutex_lock(&server->lock);
    server->holds = holds;
    pthread_cond_signal(&server->answers);
    pthread_mutex_unlock(&server->lock);
}

static inline void http_server_stop(struct http_test_server *server) {
    http_server_hold(server, false);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    pthread_cond_destroy(&server->answers);
    pthread_mutex_destroy(&server->lock);
}

/* Puts a page in its place `number`, and forgets those behind it. */
static inline void http_server_page(struct http_test_server *server, int number, const char *path, int status,
                                    const char *body) {
    pthread_mutex_lock(&server->lock);
    server->pages[number] = (struct http_page){path, status, body};
    if (number + 1 < HTTP_PAGES_MAX)
        server->pages[number + 1].path = NULL;
    pthread_mutex_unlock(&server->lock);
}

static inline int http_server_requests(struct http_test_server *server) {
    pthread_mutex_lock(&server->lock);
    int requests = server->requests;
    pthread_mutex_unlock(&server->lock);
    return requests;
}

static inline bool http_server_saw(struct http_test_server *server, const char *text) {
    pthread_mutex_lock(&server->lock);
    bool saw = strstr(server->last, text) != NULL;
    pthread_mutex_unlock(&server->lock);
    return saw;
}
