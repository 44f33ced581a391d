/* One request at a time over HTTP, without ever waiting longer than asked: for the schema registry. One thread. */
#pragma once

#include "base/buffer.h"
#include "base/result.h"

#define HTTP_BODY_MAX (2 * 1024 * 1024)

struct http_client;

struct http_options {
    const char *user, *password; /* basic authentication; NULL: none */
    int64_t timeout_ms;          /* of a whole request */
};

struct http_answer {
    long status;
    struct text body; /* borrowed until the next request */
};

enum http_outcome {
    HTTP_PENDING,
    HTTP_ANSWERED, /* whatever the status */
    HTTP_FAILED,   /* no answer came; `error` says why */
};

MUST_USE enum result http_client_create(const struct http_options *options, struct http_client **ret_client,
                                        struct error *error);
void http_client_free(struct http_client *client);

/* Begins a request: GET, or POST where there is a `body` (of JSON). One that is under way is given up. */
MUST_USE enum result http_start(struct http_client *client, const char *url, struct text body, struct error *error);

/* Goes on with it, for about `timeout_ms` at the most. */
MUST_USE enum http_outcome http_poll(struct http_client *client, int timeout_ms, struct http_answer *ret_answer,
                                     struct error *error);
