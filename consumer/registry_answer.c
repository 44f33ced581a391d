#include "consumer/registry_answer.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Of an id, a subject, a version. */
enum { CODE_SUBJECT_NOT_FOUND = 40401, CODE_VERSION_NOT_FOUND = 40402, CODE_SCHEMA_NOT_FOUND = 40403 };

/* ---- documents ---- */

bool registry_documents_add(struct registry_documents *documents, const char *path) {
    for (uint32_t i = 0; i < documents->count; i++)
        if (strcmp(documents->all[i].path, path) == 0)
            return true;
    char *copy = strdup(path);
    if (copy == NULL)
        return false;
    documents->all[documents->count++] = (struct registry_document){.path = copy};
    return true;
}

struct registry_document *registry_documents_missing(struct registry_documents *documents) {
    for (uint32_t i = 0; i < documents->count; i++)
        if (documents->all[i].schema == NULL)
            return &documents->all[i];
    return NULL;
}

void registry_documents_free(struct registry_documents *documents) {
    for (uint32_t i = 0; i < documents->count; i++) {
        free(documents->all[i].path);
        free(documents->all[i].schema);
    }
    *documents = (struct registry_documents){0};
}

static enum result add_reference(struct registry_documents *documents, const json_t *reference, struct error *error) {
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    json_int_t version = json_integer_value(json_object_get(reference, "version"));
    if (subject == NULL || version <= 0)
        return error_set(error, RESULT_REJECT, "one of its references has no subject or no version");
    if (documents->count == REGISTRY_DOCUMENTS_MAX)
        return error_set(error, RESULT_REJECT, "it is made of more than %d schemas", REGISTRY_DOCUMENTS_MAX);
    struct buffer path = {0};
    registry_put_versions_path(&path, text_of(subject));
    buffer_printf(&path, "/%lld", (long long)version);
    buffer_put_u8(&path, '\0');
    bool good = buffer_ok(&path) && registry_documents_add(documents, (const char *)path.data);
    buffer_free(&path);
    return good ? RESULT_OK : error_set(error, RESULT_FATAL, "out of memory");
}

static enum result take(struct registry_documents *documents, struct registry_document *document, const json_t *root,
                        struct error *error) {
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const char *type = json_string_value(json_object_get(root, "schemaType"));
    if (schema == NULL)
        return error_set(error, RESULT_RETRY, "the answer has no schema");
    if (type != NULL && strcmp(type, "AVRO") != 0)
        return error_set(error, RESULT_REJECT, "it is of the type %.40s, expected AVRO", type);
    const json_t *references = json_object_get(root, "references");
    for (size_t i = 0; i < json_array_size(references); i++) {
        enum result result = add_reference(documents, json_array_get(references, i), error);
        if (result != RESULT_OK)
            return result;
    }
    document->schema = strdup(schema);
    return document->schema == NULL ? error_set(error, RESULT_FATAL, "out of memory") : RESULT_OK;
}

enum result registry_documents_take(struct registry_documents *documents, struct registry_document *document,
                                    struct text answer, struct error *error) {
    json_error_t problem;
    json_t *root = json_loadb(answer.data == NULL ? "" : answer.data, answer.size, 0, &problem);
    if (root == NULL)
        return error_set(error, RESULT_RETRY, "the answer is not JSON");
    enum result result = take(documents, document, root, error);
    json_decref(root);
    return result;
}

/* Parses those whose references are known by now; the types of one that fails half-way are forgotten again. */
static enum result parse_pass(struct registry_documents *documents, struct schema_names *names, struct arena *arena,
                              const struct schema **ret_schema, uint32_t *parsed, struct error *error) {
    enum result any = RESULT_OK;
    for (uint32_t i = documents->count; i-- > 0;) {
        struct registry_document *document = &documents->all[i];
        if (document->parsed)
            continue;
        uint32_t known = names->count;
        const struct schema *schema;
        enum result result = schema_parse(text_of(document->schema), names, arena, &schema, error);
        if (result == RESULT_FATAL)
            return result;
        if (result != RESULT_OK) {
            names->count = known;
            any = result;
            continue;
        }
        document->parsed = true;
        *parsed += 1;
        if (i == 0)
            *ret_schema = schema;
    }
    return any;
}

enum result registry_documents_parse(struct registry_documents *documents, struct arena *arena,
                                     const struct schema **ret_schema, struct error *error) {
    struct schema_names names = {0};
    uint32_t parsed = 0, before;
    enum result result;
    do {
        before = parsed;
        result = parse_pass(documents, &names, arena, ret_schema, &parsed, error);
    } while (result == RESULT_REJECT && parsed > before);
    return result;
}

/* ---- other answers ---- */

static json_int_t error_code(struct text body) {
    json_error_t problem;
    json_t *root = json_loadb(body.data == NULL ? "" : body.data, body.size, 0, &problem);
    json_int_t code = json_integer_value(json_object_get(root, "error_code"));
    json_decref(root);
    return code;
}

bool registry_answer_is_not_found(struct text body) {
    json_int_t code = error_code(body);
    return code == CODE_SUBJECT_NOT_FOUND || code == CODE_VERSION_NOT_FOUND || code == CODE_SCHEMA_NOT_FOUND;
}

enum result registry_answer_id(long status, struct text body, uint32_t *ret_id, struct error *error) {
    json_error_t problem;
    json_t *root = json_loadb(body.data == NULL ? "" : body.data, body.size, 0, &problem);
    const json_t *id = json_object_get(root, "id");
    const char *message = json_string_value(json_object_get(root, "message"));
    enum result result = RESULT_OK;
    if (status == 200 && json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= INT32_MAX)
        *ret_id = (uint32_t)json_integer_value(id);
    else if (status == 409 || status == 422)
        result = error_set(error, RESULT_REJECT, "the registry refuses it: %.300s",
                           message == NULL ? "it is not compatible" : message);
    else
        result = error_set(error, RESULT_RETRY, "the registry answered with status %ld%s%.300s", status,
                           message == NULL ? "" : ": ", message == NULL ? "" : message);
    json_decref(root);
    return result;
}

void registry_put_versions_path(struct buffer *path, struct text subject) {
    buffer_put_string(path, "/subjects/");
    for (uint32_t i = 0; i < subject.size; i++) {
        unsigned char byte = (unsigned char)subject.data[i];
        if (isalnum(byte) || strchr("-._~", byte) != NULL)
            buffer_put_u8(path, byte);
        else
            buffer_printf(path, "%%%02X", byte);
    }
    buffer_put_string(path, "/versions");
}

void registry_put_registration(struct buffer *body, struct text schema_json) {
    json_t *root = json_pack("{s:s%}", "schema", schema_json.data, (size_t)schema_json.size);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    if (text == NULL)
        body->failed = true;
    else
        buffer_put_string(body, text);
    free(text);
    json_decref(root);
}
