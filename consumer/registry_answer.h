/* What a schema registry says (Confluent's API), understood: schemas with the schemas that they refer to, and errors.
 * No I/O. */
#pragma once

#include "consumer/avro_schema.h"
#include "consumer/http_client.h"

#define REGISTRY_DOCUMENTS_MAX 64 /* a schema and all that it refers to */

struct registry_document {
    char *path;
    char *schema; /* NULL: not there yet */
    bool parsed;
};

/* A schema, and what it refers to, and what that refers to. Zero is a good beginning. */
struct registry_documents {
    struct registry_document all[REGISTRY_DOCUMENTS_MAX]; /* the first is the schema itself */
    uint32_t count;
};

/* Adds one to be asked for, unless it is there; false where memory is out. The caller minds the number. */
MUST_USE bool registry_documents_add(struct registry_documents *documents, const char *path);
/* The first that is not there yet; NULL: all are. */
struct registry_document *registry_documents_missing(struct registry_documents *documents);
/* Takes the answer for a document, and adds what it refers to. RESULT_REJECT: it is no Avro schema. RESULT_RETRY: this
 * is no registry's answer. RESULT_FATAL: memory is out. */
MUST_USE enum result registry_documents_take(struct registry_documents *documents, struct registry_document *document,
                                             struct text answer, struct error *error);
/* Parses them all, each behind those that it refers to. */
MUST_USE enum result registry_documents_parse(struct registry_documents *documents, struct arena *arena,
                                              const struct schema **ret_schema, struct error *error);
void registry_documents_free(struct registry_documents *documents);

/* Whether the answer is a registry's own "there is none", and not that of a server that knows nothing of the path. */
bool registry_answer_is_not_found(struct text body);
/* The id in the answer to a registration. */
MUST_USE enum result registry_answer_id(long status, struct text body, uint32_t *ret_id, struct error *error);

/* `/subjects/SUBJECT/versions`, with the subject escaped. */
void registry_put_versions_path(struct buffer *path, struct text subject);
void registry_put_registration(struct buffer *body, struct text schema_json);
