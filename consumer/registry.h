/* A schema registry with Confluent's API: schemas by the ids that stand before values, and ids for our own schemas.
 *
 * What the registry says of an id is remembered: a schema for good; that there is none, for REGISTRY_UNKNOWN_MS. After
 * a failure it is left alone for a while. Nothing here waits longer than it is told. One thread. */
#pragma once

#include "consumer/writers.h"
#include "engine/ports.h"

#define REGISTRY_UNKNOWN_MS      30000
#define REGISTRY_UNKNOWN_IDS_MAX 256
#define REGISTRY_PAUSE_MS        250 /* after the first failure; doubled after each further one */
#define REGISTRY_PAUSE_MAX_MS    10000

struct registry;

struct registry_options {
    const char *url;             /* http://host:8081, also with a path; without its user, and a slash at its end */
    const char *user, *password; /* NULL: none */
    int64_t timeout_ms;          /* of one request */
    const struct clock *clock;   /* monotonic */
};

/* What `options` points to is borrowed until registry_free. */
MUST_USE enum result registry_create(const struct registry_options *options, struct registry **ret_registry,
                                     struct error *error);
void registry_free(struct registry *registry);

/* The writer of a schema id. RESULT_RETRY: it is not here yet, or the registry is away; the same call again goes on
 * with it, and waits for about `timeout_ms` at the most. One id is asked for at a time: another has to wait its turn.
 * RESULT_REJECT: the registry has no such schema, or it is not Avro. RESULT_FATAL: memory is out. */
MUST_USE enum result registry_writer(struct registry *registry, uint32_t id, int timeout_ms, struct writer **ret_writer,
                                     struct error *error);
/* Whether an id has been asked for that the registry has not answered yet. */
bool registry_is_asking(const struct registry *registry);
/* Those that are known so far, for writer_plan. */
struct writers *registry_writers(struct registry *registry);

/* The id of a schema under a subject, which is registered where it is not yet. RESULT_RETRY: not within about
 * `timeout_ms`; RESULT_REJECT: the registry refuses it. */
MUST_USE enum result registry_register(struct registry *registry, const char *subject, struct text schema_json,
                                       int timeout_ms, uint32_t *ret_id, struct error *error);
