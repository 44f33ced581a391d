#include "consumer/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>

#define REDIRECTS_MAX 3L

struct http_client {
    struct http_options options;
    CURLM *multi;
    CURL *request;
    struct curl_slist *headers;
    bool running;
    struct buffer body;
    bool too_large;
    char problem[CURL_ERROR_SIZE];
};

/* libcurl's to call, from http_poll. */
static size_t take_body(char *data, size_t size, size_t count, void *context) {
    struct http_client *client = context;
    if (client->body.size + size * count > HTTP_BODY_MAX) {
        client->too_large = true;
        return 0;
    }
    buffer_put(&client->body, data, size * count);
    return buffer_ok(&client->body) ? size * count : 0;
}

static bool set_options(struct http_client *client) {
    CURL *request = client->request;
    bool good = curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_WRITEDATA, client) == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_ERRORBUFFER, client->problem) == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_TIMEOUT_MS, (long)client->options.timeout_ms) == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_MAXREDIRS, REDIRECTS_MAX) == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_USERAGENT, "bellwether") == CURLE_OK;
    good = good && curl_easy_setopt(request, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK;
    if (client->options.user != NULL) {
        good = good && curl_easy_setopt(request, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) == CURLE_OK;
        good = good && curl_easy_setopt(request, CURLOPT_USERNAME, client->options.user) == CURLE_OK;
        good = good && curl_easy_setopt(request, CURLOPT_PASSWORD,
                                        client->options.password == NULL ? "" : client->options.password) == CURLE_OK;
    }
    return good;
}

enum result http_client_create(const struct http_options *options, struct http_client **ret_client,
                               struct error *error) {
    struct http_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    client->options = *options;
    client->multi = curl_multi_init();
    client->request = curl_easy_init();
    client->headers = curl_slist_append(NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    struct curl_slist *both = curl_slist_append(client->headers,
                                                "Content-Type: application/vnd.schemaregistry.v1+json");
    if (client->multi == NULL || client->request == NULL || both == NULL || !set_options(client)) {
        http_client_free(client);
        return error_set(error, RESULT_FATAL, "libcurl could not be set up");
    }
    *ret_client = client;
    return RESULT_OK;
}

static void stop(struct http_client *client) {
    if (client->running)
        curl_multi_remove_handle(client->multi, client->request);
    client->running = false;
}

void http_client_free(struct http_client *client) {
    if (client == NULL)
        return;
    stop(client);
    curl_easy_cleanup(client->request);
    curl_multi_cleanup(client->multi);
    curl_slist_free_all(client->headers);
    buffer_free(&client->body);
    free(client);
}

enum result http_start(struct http_client *client, const char *url, struct text body, struct error *error) {
    stop(client);
    buffer_clear(&client->body);
    client->too_large = false;
    client->problem[0] = '\0';
    bool is_post = !text_is_missing(body);
    bool good = curl_easy_setopt(client->request, CURLOPT_URL, url) == CURLE_OK;
    good = good && curl_easy_setopt(client->request, is_post ? CURLOPT_POST : CURLOPT_HTTPGET, 1L) == CURLE_OK;
    if (is_post) {
        good = good && curl_easy_setopt(client->request, CURLOPT_POSTFIELDSIZE, (long)body.size) == CURLE_OK;
        good = good && curl_easy_setopt(client->request, CURLOPT_COPYPOSTFIELDS, body.data) == CURLE_OK;
    }
    if (!good || curl_multi_add_handle(client->multi, client->request) != CURLM_OK)
        return error_set(error, RESULT_FATAL, "a request to %s could not be made", url);
    client->running = true;
    return RESULT_OK;
}

static enum http_outcome finish(struct http_client *client, CURLcode code, struct http_answer *ret_answer,
                                struct error *error) {
    struct http_answer answer = {.body = buffer_text(&client->body)};
    curl_easy_getinfo(client->request, CURLINFO_RESPONSE_CODE, &answer.status);
    stop(client);
    if (code == CURLE_OK) {
        *ret_answer = answer;
        return HTTP_ANSWERED;
    }
    const char *problem = client->problem[0] == '\0' ? curl_easy_strerror(code) : client->problem;
    error_set(error, RESULT_RETRY, "%s", client->too_large ? "the answer is larger than 2 MiB" : problem);
    return HTTP_FAILED;
}

enum http_outcome http_poll(struct http_client *client, int timeout_ms, struct http_answer *ret_answer,
                            struct error *error) {
    if (!client->running) {
        error_set(error, RESULT_RETRY, "no request is under way");
        return HTTP_FAILED;
    }
    int running = 0, left;
    curl_multi_perform(client->multi, &running);
    if (running > 0 && timeout_ms > 0) {
        curl_multi_poll(client->multi, NULL, 0, timeout_ms, NULL);
        curl_multi_perform(client->multi, &running);
    }
    CURLMsg *message = curl_multi_info_read(client->multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE)
        return HTTP_PENDING;
    return finish(client, message->data.result, ret_answer, error);
}
