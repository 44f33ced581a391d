/* A record's value as a JSON tree, whatever it is encoded as. Where the bytes say what they are (JSON, Avro's
 * single-object encoding, a registry's id) they are believed; else they are taken for Avro of the topic's own schema.
 * Where a stream's encoding is plain they say nothing, and its schema may be one of the folder. One thread. */
#pragma once

#include <jansson.h>

#include "cli/schemas.h"

struct value_reader {
    struct schemas schemas;
    struct value_decoder *decoder;
    int timeout_ms; /* for a schema from the registry */
};

/* Must not be moved. The setup outlives it. To be closed in any case. */
MUST_USE enum result value_reader_open(struct value_reader *reader, const struct setup *setup, struct error *error);
void value_reader_close(struct value_reader *reader);

/* `record`: the name of the schema that the topic's values have, without a namespace; NULL: not known. The tree is the
 * caller's. RESULT_REJECT: the bytes are not understood, and `error` says why; RESULT_RETRY: a schema cannot be had
 * now. */
MUST_USE enum result value_read(struct value_reader *reader, struct text bytes, const char *record, json_t **ret_tree,
                                struct error *error);

/* Writes a value as JSON on one line, its members in their order, and numbers in as few digits as tell them apart. */
void tree_write(const json_t *tree, struct buffer *out);
