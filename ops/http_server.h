/* A small HTTP server: GET and HEAD of a few fixed paths, on a thread of its own. Routes are called on that thread, one
 * at a time; what they read must bear that. There is no authentication and no TLS: it is bound to where only those can
 * reach it who may. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

#define HTTP_CONNECTIONS_MAX   64
#define HTTP_CONNECTION_IDLE_S 10
#define HTTP_CONTENT_TYPE_TEXT "text/plain; charset=utf-8"

struct http_response {
    int status;               /* 200 at first */
    const char *content_type; /* HTTP_CONTENT_TYPE_TEXT at first; a constant */
    struct buffer body;
};

struct http_route {
    const char *path; /* `/metrics` */
    void (*respond)(void *context, struct http_response *response);
};

struct http_server_options {
    struct text host;                /* a name or an address; every address that it has is tried in turn */
    uint16_t port;                   /* 0: any that is free */
    const struct http_route *routes; /* constant while the server lives */
    uint32_t routes_count;
    void *context; /* the routes' */
};

struct http_server;

/* RESULT_REJECT: it cannot be bound there. */
MUST_USE enum result http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                                       struct error *error);
uint16_t http_server_port(const struct http_server *server);
/* No route is called any more when it returns. */
void http_server_stop(struct http_server *server);
