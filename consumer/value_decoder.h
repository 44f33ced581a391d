/* The decoder port (engine/ports.h): a record's value, in the encoding that its topic is configured for, into an event.
 *
 * Schemas that a value names are looked up among the built-in ones, in the folder of old writers' schemas and in the
 * registry; what is not here yet is RETRY, and comes with a later call. One thread. */
#pragma once

#include "consumer/avro_decoder.h"
#include "consumer/registry.h"
#include "consumer/schema_folder.h"

enum value_encoding {
    VALUE_CONFLUENT,     /* a zero byte, the registry's schema id, Avro */
    VALUE_SINGLE_OBJECT, /* C3 01, the schema's fingerprint, Avro */
    VALUE_PLAIN,         /* Avro of the schema of the folder that has the stream's record name, else of ours */
};

struct value_decoder;

struct value_decoder_options {
    enum value_encoding encodings[STREAMS];
    const struct own_schemas *own;
    const struct schema_folder *folder; /* NULL: none */
    struct registry_options registry;   /* url NULL: none; then no stream is VALUE_CONFLUENT */
};

/* What `options` points to is borrowed until value_decoder_free. RESULT_REJECT: a stream's plain schema can not be
 * resolved to ours, or two in the folder have its name; or values can not tell which of two schemas they name.
 * RESULT_FATAL: memory is out. */
MUST_USE enum result value_decoder_create(const struct value_decoder_options *options,
                                          struct value_decoder **ret_decoder, struct error *error);
void value_decoder_free(struct value_decoder *decoder);

struct decoder value_decoder_port(struct value_decoder *decoder);

/* The schema that a value of an unknown encoding names, if it names one, and where the Avro behind it begins: for
 * looking at values. RESULT_REJECT: it names none, or one that is not known. RESULT_RETRY as for the port. */
MUST_USE enum result value_decoder_schema(struct value_decoder *decoder, struct text value, int timeout_ms,
                                          const struct schema **ret_schema, struct text *ret_avro, struct error *error);
/* That of the stream's values where they name none: the folder's where its encoding is plain, else ours. */
const struct schema *value_decoder_plain_schema(const struct value_decoder *decoder, enum stream stream);
