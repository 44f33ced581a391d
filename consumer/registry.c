#include "consumer/registry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "consumer/registry_answer.h"

enum { STATUS_OK = 200, STATUS_UNAUTHORIZED = 401, STATUS_FORBIDDEN = 403, STATUS_NOT_FOUND = 404 };

struct unknown_id {
    uint32_t id;
    int64_t until_ms;
    char reason[256];
};

/* The id that is being asked for. */
struct job {
    bool active;
    bool requested; /* the request for the first document that is not there yet is under way */
    uint32_t id;
    struct registry_documents documents;
};

struct registry {
    struct registry_options options;
    struct http_client *http;
    struct writers writers;
    struct job job;
    struct unknown_id unknown[REGISTRY_UNKNOWN_IDS_MAX]; /* the newest; where the next goes: */
    uint32_t unknown_next;
    int64_t pause_ms, not_before_ms;
    struct error failure; /* the last one */
};

static int64_t now_ms(const struct registry *registry) {
    return registry->options.clock->monotonic_ms(registry->options.clock->context);
}

enum result registry_create(const struct registry_options *options, struct registry **ret_registry,
                            struct error *error) {
    struct registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    registry->options = *options;
    struct http_options http = {options->user, options->password, options->timeout_ms};
    enum result result = http_client_create(&http, &registry->http, error);
    if (result == RESULT_OK)
        *ret_registry = registry;
    else
        registry_free(registry);
    return result;
}

static void job_end(struct job *job) {
    registry_documents_free(&job->documents);
    *job = (struct job){0};
}

void registry_free(struct registry *registry) {
    if (registry == NULL)
        return;
    job_end(&registry->job);
    http_client_free(registry->http);
    writers_free(&registry->writers);
    free(registry);
}

bool registry_is_asking(const struct registry *registry) {
    return registry->job.active;
}

struct writers *registry_writers(struct registry *registry) {
    return &registry->writers;
}

/* ---- ids that the registry does not know ---- */

static const struct unknown_id *find_unknown(const struct registry *registry, uint32_t id) {
    int64_t present_ms = now_ms(registry);
    for (uint32_t i = 0; i < REGISTRY_UNKNOWN_IDS_MAX; i++)
        if (registry->unknown[i].until_ms > present_ms && registry->unknown[i].id == id)
            return &registry->unknown[i];
    return NULL;
}

static enum result remember_unknown(struct registry *registry, struct error *error) {
    struct unknown_id *unknown = &registry->unknown[registry->unknown_next++ % REGISTRY_UNKNOWN_IDS_MAX];
    unknown->id = registry->job.id;
    unknown->until_ms = now_ms(registry) + REGISTRY_UNKNOWN_MS;
    snprintf(unknown->reason, sizeof unknown->reason, "%s", error->text);
    job_end(&registry->job);
    return RESULT_REJECT;
}

/* ---- failures ---- */

/* Leaves the registry alone for a while. `path` is what was asked for. */
static enum result fail(struct registry *registry, const char *path, const char *reason, struct error *error) {
    int64_t pause_ms = registry->pause_ms == 0 ? REGISTRY_PAUSE_MS : registry->pause_ms * 2;
    registry->pause_ms = pause_ms < REGISTRY_PAUSE_MAX_MS ? pause_ms : REGISTRY_PAUSE_MAX_MS;
    registry->not_before_ms = now_ms(registry) + registry->pause_ms;
    error_set(&registry->failure, RESULT_RETRY, "the schema registry could not be asked for %s: %s", path, reason);
    *error = registry->failure;
    job_end(&registry->job);
    return RESULT_RETRY;
}

static enum result fail_status(struct registry *registry, const char *path, const struct http_answer *answer,
                               struct error *error) {
    char reason[256];
    const char *hint = answer->status == STATUS_NOT_FOUND ? " (is the path of registry.url right?)"
                       : answer->status == STATUS_UNAUTHORIZED || answer->status == STATUS_FORBIDDEN
                           ? " (are registry.user and its password right?)"
                           : "";
    snprintf(reason, sizeof reason, "it answered with status %ld%s", answer->status, hint);
    return fail(registry, path, reason, error);
}

/* ---- asking ---- */

/* Sends the request; `body` missing: GET. */
static enum result start_request(struct registry *registry, const char *path, struct text body, struct error *error) {
    struct buffer url = {0};
    buffer_put_string(&url, registry->options.url);
    buffer_put_string(&url, path);
    buffer_put_u8(&url, '\0');
    enum result result = buffer_ok(&url) ? http_start(registry->http, (const char *)url.data, body, error)
                                         : error_set(error, RESULT_FATAL, "out of memory");
    buffer_free(&url);
    return result;
}

/* Goes on with the request until it is done or `until_ms` has come. */
static enum http_outcome await(struct registry *registry, int64_t until_ms, struct http_answer *ret_answer,
                               struct error *error) {
    for (;;) {
        int64_t left_ms = until_ms - now_ms(registry);
        enum http_outcome outcome = http_poll(registry->http, left_ms > 0 ? (int)left_ms : 0, ret_answer, error);
        if (outcome != HTTP_PENDING || left_ms <= 0)
            return outcome;
    }
}

/* What an answer to the job's request brings: a further document, or the end of the job. */
static enum result take_answer(struct registry *registry, struct registry_document *document,
                               const struct http_answer *answer, struct error *error) {
    registry->job.requested = false;
    if (answer->status == STATUS_NOT_FOUND && registry_answer_is_not_found(answer->body)) {
        error_set(error, RESULT_REJECT, "the schema registry has no schema of id %u (%s)", registry->job.id,
                  document->path);
        return remember_unknown(registry, error);
    }
    if (answer->status != STATUS_OK)
        return fail_status(registry, document->path, answer, error);
    switch (registry_documents_take(&registry->job.documents, document, answer->body, error)) {
    case RESULT_OK:
        return RESULT_OK;
    case RESULT_REJECT:
        error_prefix(error, "schema %u of the registry", registry->job.id);
        return remember_unknown(registry, error);
    case RESULT_RETRY:
        return fail(registry, document->path, "its answer was not understood (is registry.url right?)", error);
    case RESULT_FATAL:
        break;
    }
    return RESULT_FATAL;
}

/* All documents are there: they become a writer. */
static enum result finish_job(struct registry *registry, struct writer **ret_writer, struct error *error) {
    const struct schema *schema = NULL;
    enum result result = registry_documents_parse(&registry->job.documents, &registry->writers.arena, &schema, error);
    if (result == RESULT_REJECT) {
        error_prefix(error, "schema %u of the registry", registry->job.id);
        return remember_unknown(registry, error);
    }
    if (result == RESULT_OK)
        result = writers_add(&registry->writers, registry->job.id, schema, ret_writer, error);
    if (result == RESULT_OK)
        registry->pause_ms = 0;
    job_end(&registry->job);
    return result;
}

static enum result continue_job(struct registry *registry, int64_t until_ms, struct writer **ret_writer,
                                struct error *error) {
    struct registry_document *document;
    while ((document = registry_documents_missing(&registry->job.documents)) != NULL) {
        enum result result = RESULT_OK;
        if (!registry->job.requested)
            result = start_request(registry, document->path, TEXT_MISSING, error);
        if (result != RESULT_OK)
            return result;
        registry->job.requested = true;
        struct http_answer answer;
        switch (await(registry, until_ms, &answer, error)) {
        case HTTP_PENDING:
            return error_set(error, RESULT_RETRY, "schema %u is on its way from the registry", registry->job.id);
        case HTTP_FAILED: {
            struct error reason = *error;
            return fail(registry, document->path, reason.text, error);
        }
        case HTTP_ANSWERED:
            result = take_answer(registry, document, &answer, error);
            if (result != RESULT_OK)
                return result;
        }
    }
    return finish_job(registry, ret_writer, error);
}

/* What is on its way comes first: two that ask by turns would else end each other's requests for ever. OK: nothing else
 * is. That there is no such schema is remembered for whoever asked. */
static enum result finish_other(struct registry *registry, uint32_t id, int64_t until_ms, struct error *error) {
    struct writer *other;
    if (!registry->job.active || registry->job.id == id)
        return RESULT_OK;
    enum result result = continue_job(registry, until_ms, &other, error);
    return result == RESULT_REJECT ? RESULT_OK : result;
}

static enum result start_job(struct registry *registry, uint32_t id, struct error *error) {
    char path[64];
    registry->job = (struct job){.active = true, .id = id};
    snprintf(path, sizeof path, "/schemas/ids/%" PRIu32, id);
    return registry_documents_add(&registry->job.documents, path) ? RESULT_OK
                                                                  : error_set(error, RESULT_FATAL, "out of memory");
}

enum result registry_writer(struct registry *registry, uint32_t id, int timeout_ms, struct writer **ret_writer,
                            struct error *error) {
    struct writer *writer = writers_find(&registry->writers, id);
    if (writer != NULL) {
        *ret_writer = writer;
        return RESULT_OK;
    }
    if (id > INT32_MAX) /* registries answer this as if it were no id at all */
        return error_set(error, RESULT_REJECT, "%u is no schema id", id);
    const struct unknown_id *unknown = find_unknown(registry, id);
    if (unknown != NULL)
        return error_set(error, RESULT_REJECT, "%s", unknown->reason);
    if (now_ms(registry) < registry->not_before_ms) {
        *error = registry->failure;
        return RESULT_RETRY;
    }
    int64_t until_ms = now_ms(registry) + timeout_ms;
    enum result result = finish_other(registry, id, until_ms, error);
    if (result == RESULT_OK && !registry->job.active)
        result = start_job(registry, id, error);
    return result == RESULT_OK ? continue_job(registry, until_ms, ret_writer, error) : result;
}

/* ---- registering ---- */

enum result registry_register(struct registry *registry, const char *subject, struct text schema_json, int timeout_ms,
                              uint32_t *ret_id, struct error *error) {
    struct buffer path = {0}, body = {0};
    job_end(&registry->job);
    registry_put_versions_path(&path, text_of(subject));
    registry_put_registration(&body, schema_json);
    buffer_put_u8(&path, '\0');
    struct http_answer answer;
    enum result result = error_set(error, RESULT_FATAL, "out of memory");
    if (buffer_ok(&path) && buffer_ok(&body))
        result = start_request(registry, (const char *)path.data, buffer_text(&body), error);
    enum http_outcome outcome = result == RESULT_OK ? await(registry, now_ms(registry) + timeout_ms, &answer, error)
                                                    : HTTP_FAILED;
    if (result == RESULT_OK && outcome == HTTP_PENDING)
        result = error_set(error, RESULT_RETRY, "the schema registry did not answer in time");
    else if (result == RESULT_OK && outcome == HTTP_FAILED)
        result = RESULT_RETRY;
    else if (result == RESULT_OK)
        result = registry_answer_id(answer.status, answer.body, ret_id, error);
    if (result != RESULT_OK)
        error_prefix(error, "the schema of %s could not be registered", subject);
    buffer_free(&path);
    buffer_free(&body);
    return result;
}
