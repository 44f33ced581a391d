#include "ops/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <microhttpd.h>

#define HOST_SIZE_MAX 256

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_server_options options;
    uint16_t port;
};

static enum MHD_Result answer(struct MHD_Connection *connection, struct http_response *response) {
    if (!buffer_ok(&response->body))
        return MHD_NO;
    struct MHD_Response *reply = MHD_create_response_from_buffer(response->body.size, response->body.data,
                                                                 MHD_RESPMEM_MUST_COPY);
    if (reply == NULL)
        return MHD_NO;
    MHD_add_response_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    MHD_add_response_header(reply, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)response->status, reply);
    MHD_destroy_response(reply);
    return result;
}

static const struct http_route *find_route(const struct http_server *server, const char *path) {
    for (uint32_t i = 0; i < server->options.routes_count; i++)
        if (strcmp(server->options.routes[i].path, path) == 0)
            return &server->options.routes[i];
    return NULL;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state) {
    (void)version, (void)upload, (void)upload_size, (void)state;
    struct http_server *server = context;
    struct http_response response = {.status = MHD_HTTP_OK, .content_type = HTTP_CONTENT_TYPE_TEXT};
    const struct http_route *route = find_route(server, path);
    bool readable = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (route == NULL) {
        response.status = MHD_HTTP_NOT_FOUND;
        buffer_put_string(&response.body, "there is no such page\n");
    } else if (!readable) {
        response.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        buffer_put_string(&response.body, "pages can only be read\n");
    } else {
        route->respond(server->options.context, &response);
    }
    enum MHD_Result result = answer(connection, &response);
    buffer_free(&response.body);
    return result;
}

static struct MHD_Daemon *start_at(struct http_server *server, const struct addrinfo *address) {
    /* Without AUTO it is select(), which knows no descriptor from 1024 on. */
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    return MHD_start_daemon(flags, server->options.port, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR,
                            address->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_CONNECTION_IDLE_S, MHD_OPTION_END);
}

static enum result bind_anywhere(struct http_server *server, struct error *error) {
    struct text host = server->options.host;
    char name[HOST_SIZE_MAX], port[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *addresses;
    snprintf(name, sizeof name, "%.*s", TEXT_ARGUMENTS(host));
    snprintf(port, sizeof port, "%u", server->options.port);
    int failure = getaddrinfo(name, port, &hints, &addresses);
    if (failure != 0)
        return error_set(error, RESULT_REJECT, "HTTP cannot be served at %s:%s: %s", name, port, gai_strerror(failure));
    errno = 0;
    for (struct addrinfo *address = addresses; address != NULL && server->daemon == NULL; address = address->ai_next)
        server->daemon = start_at(server, address);
    int reason = errno;
    freeaddrinfo(addresses);
    if (server->daemon == NULL)
        return error_set(error, RESULT_REJECT,
                         "HTTP cannot be served at %s:%s: %s; the option `http` names another address, or null", name,
                         port, strerror(reason));
    return RESULT_OK;
}

enum result http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                              struct error *error) {
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return error_set(error, RESULT_FATAL, "memory is out");
    server->options = *options;
    enum result result = bind_anywhere(server, error);
    if (result != RESULT_OK) {
        free(server);
        return result;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info == NULL ? options->port : info->port;
    *ret_server = server;
    return RESULT_OK;
}

uint16_t http_server_port(const struct http_server *server) {
    return server->port;
}

void http_server_stop(struct http_server *server) {
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}
