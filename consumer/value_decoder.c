#include "consumer/value_decoder.h"

#include <assert.h>
#include <stdlib.h>

#include "consumer/avro_read.h"
#include "consumer/field_check.h"

#define CONFLUENT_PREFIX     5
#define SINGLE_OBJECT_PREFIX 10
#define REGISTRY_WAIT_MS     20 /* most registries have answered by then */

struct value_decoder {
    struct value_decoder_options options;
    struct registry *registry;
    struct writers named;  /* by fingerprint: ours and the folder's */
    struct writer *latest; /* of these, of the last value; NULL at first */
    const struct schema *plain_schemas[STREAMS];
    const struct avro_plan *plain[STREAMS];
    struct avro_decoder avro;
};

/* ---- create ---- */

/* Whether values may name this schema by its fingerprint. */
static bool is_named(const struct value_decoder *decoder, const struct schema *schema) {
    enum stream stream = own_stream_of_record(schema->name);
    bool any = false;
    for (enum stream i = 0; i < STREAMS; i++)
        if (stream == STREAMS || stream == i)
            any = any || decoder->options.encodings[i] == VALUE_SINGLE_OBJECT;
    return any;
}

/* Where a schema that was added lies, for messages: a file of the folder, or of the built-in ones. */
static struct text file_of(const struct value_decoder *decoder, const struct schema *schema, bool *ret_own) {
    const struct own_schemas *own = decoder->options.own;
    const struct schema_folder *folder = decoder->options.folder;
    *ret_own = true;
    for (uint32_t i = 0; i < own->count; i++)
        if (own->all[i].schema == schema)
            return own->all[i].file;
    *ret_own = false;
    uint32_t at = 0;
    while (folder->all[at].schema != schema)
        at++;
    return folder->all[at].file;
}

static enum result add_of_folder(struct value_decoder *decoder, const struct folder_schema *added,
                                 struct error *error) {
    struct writer *writer;
    bool same = true, own;
    enum result result = writers_add(&decoder->named, added->fingerprint, added->schema, &writer, error);
    if (result == RESULT_OK && writer->schema != added->schema && is_named(decoder, added->schema))
        result = schema_same_instants(writer->schema, added->schema, &same, error);
    if (result != RESULT_OK || same)
        return result;
    struct text file = file_of(decoder, writer->schema, &own);
    return error_set(error, RESULT_REJECT,
                     "%.*s and %s%.*s have one fingerprint, and instants of different units: which of them a value is "
                     "written with can not be told (its encoding is single-object). Leave one of them out, give the "
                     "record of one another name, or use the encoding plain or confluent",
                     TEXT_ARGUMENTS(added->file), own ? "the built-in " : "", TEXT_ARGUMENTS(file));
}

static enum result add_named(struct value_decoder *decoder, struct error *error) {
    const struct own_schemas *own = decoder->options.own;
    const struct schema_folder *folder = decoder->options.folder;
    enum result result = RESULT_OK;
    struct writer *writer;
    for (uint32_t i = 0; i < own->count && result == RESULT_OK; i++)
        result = writers_add(&decoder->named, own->all[i].fingerprint, own->all[i].schema, &writer, error);
    for (uint32_t i = 0; folder != NULL && i < folder->count && result == RESULT_OK; i++)
        result = add_of_folder(decoder, &folder->all[i], error);
    return result;
}

static enum result compare(const struct folder_schema *left, const struct folder_schema *right, bool *ret_same,
                           struct error *error) {
    *ret_same = left->fingerprint == right->fingerprint;
    return *ret_same ? schema_same_instants(left->schema, right->schema, ret_same, error) : RESULT_OK;
}

/* The folder's schema of the stream's record name, or NULL. */
static enum result find_plain(const struct value_decoder *decoder, enum stream stream,
                              const struct folder_schema **ret_found, struct error *error) {
    const struct schema_folder *folder = decoder->options.folder;
    const struct folder_schema *found = NULL;
    for (uint32_t i = 0; folder != NULL && i < folder->count; i++) {
        const struct folder_schema *schema = &folder->all[i];
        bool same = true;
        if (own_stream_of_record(schema->schema->name) != stream)
            continue;
        if (found != NULL && compare(found, schema, &same, error) != RESULT_OK)
            return RESULT_FATAL;
        if (!same)
            return error_set(error, RESULT_REJECT,
                             "%.*s and %.*s both hold a record %.*s: which of them the values of the stream %.*s are "
                             "written with can not be told (its encoding is plain)",
                             TEXT_ARGUMENTS(found->file), TEXT_ARGUMENTS(schema->file),
                             TEXT_ARGUMENTS(stream_schemas[stream].record),
                             TEXT_ARGUMENTS(stream_schemas[stream].name));
        found = schema;
    }
    *ret_found = found;
    return RESULT_OK;
}

/* Not by the fingerprint: the folder's schema may have that of ours, and other units. */
static enum result choose_plain(struct value_decoder *decoder, enum stream stream, struct error *error) {
    const struct schema *ours = decoder->options.own->streams[stream]->schema;
    const struct folder_schema *found;
    enum result result = find_plain(decoder, stream, &found, error);
    if (result != RESULT_OK)
        return result;
    if (found != NULL)
        decoder->plain_schemas[stream] = found->schema;
    result = avro_plan_compile(decoder->plain_schemas[stream], stream, ours, &decoder->named.arena,
                               &decoder->plain[stream], error);
    if (result == RESULT_REJECT && found != NULL)
        error_prefix(error, "%.*s", TEXT_ARGUMENTS(found->file));
    return result;
}

enum result value_decoder_create(const struct value_decoder_options *options, struct value_decoder **ret_decoder,
                                 struct error *error) {
    struct value_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return error_set(error, RESULT_FATAL, "out of memory");
    decoder->options = *options;
    enum result result = add_named(decoder, error);
    for (enum stream stream = 0; stream < STREAMS && result == RESULT_OK; stream++) {
        assert(options->encodings[stream] != VALUE_CONFLUENT || options->registry.url != NULL);
        decoder->plain_schemas[stream] = options->own->streams[stream]->schema;
        if (options->encodings[stream] == VALUE_PLAIN)
            result = choose_plain(decoder, stream, error);
    }
    if (result == RESULT_OK && options->registry.url != NULL)
        result = registry_create(&options->registry, &decoder->registry, error);
    if (result == RESULT_OK)
        *ret_decoder = decoder;
    else
        value_decoder_free(decoder);
    return result;
}

void value_decoder_free(struct value_decoder *decoder) {
    if (decoder == NULL)
        return;
    registry_free(decoder->registry);
    writers_free(&decoder->named);
    avro_decoder_free(&decoder->avro);
    free(decoder);
}

/* ---- which schema a value names ---- */

static bool begins_confluent(struct text value) {
    return value.size >= CONFLUENT_PREFIX && value.data[0] == 0;
}

static bool begins_single_object(struct text value) {
    return value.size >= SINGLE_OBJECT_PREFIX && memcmp(value.data, "\xC3\x01", 2) == 0;
}

static struct text behind(struct text value, uint32_t prefix) {
    return (struct text){value.data + prefix, value.size - prefix};
}

static uint32_t confluent_id(struct text value) {
    const uint8_t *bytes = (const uint8_t *)value.data;
    return (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
}

static enum result named_writer(struct value_decoder *decoder, struct text value, struct writer **ret_writer,
                                struct error *error) {
    uint64_t fingerprint = le64toh(read_word(value.data + 2));
    struct writer *writer = decoder->latest;
    if (writer == NULL || writer->key != fingerprint)
        writer = writers_find(&decoder->named, fingerprint);
    if (writer == NULL)
        return error_set(error, RESULT_REJECT,
                         "the schema of fingerprint %016llx is neither built in nor in the folder of schemas",
                         (unsigned long long)fingerprint);
    *ret_writer = decoder->latest = writer;
    return RESULT_OK;
}

enum result value_decoder_schema(struct value_decoder *decoder, struct text value, int timeout_ms,
                                 const struct schema **ret_schema, struct text *ret_avro, struct error *error) {
    struct writer *writer = NULL;
    enum result result;
    uint32_t prefix = SINGLE_OBJECT_PREFIX;
    if (begins_single_object(value)) {
        result = named_writer(decoder, value, &writer, error);
    } else if (begins_confluent(value) && decoder->registry != NULL) {
        prefix = CONFLUENT_PREFIX;
        result = registry_writer(decoder->registry, confluent_id(value), timeout_ms, &writer, error);
    } else {
        result = error_set(error, RESULT_REJECT, "the bytes name no schema");
    }
    if (result != RESULT_OK)
        return result;
    *ret_schema = writer->schema;
    *ret_avro = behind(value, prefix);
    return RESULT_OK;
}

const struct schema *value_decoder_plain_schema(const struct value_decoder *decoder, enum stream stream) {
    return decoder->plain_schemas[stream];
}

/* ---- decoding ---- */

static enum result reject(struct rejection *rejection, enum rejection_reason reason, const char *detail) {
    rejection->reason = reason;
    return error_set(&rejection->detail, RESULT_REJECT, "%s", detail);
}

static enum result decode_avro(struct value_decoder *decoder, const struct avro_plan *plan, struct text bytes,
                               struct event *ret_event, struct rejection *ret_rejection, struct error *error) {
    enum result result = avro_decode_whole(&decoder->avro, plan, bytes, ret_event, ret_rejection);
    if (result == RESULT_FATAL)
        *error = ret_rejection->detail;
    return result;
}

/* Decodes by a writer whose look-up came out as `result`: nearly always by a plan that is there. */
ALWAYS_INLINE enum result decode_by(struct value_decoder *decoder, enum result result, struct writers *writers,
                                    struct writer *writer, const struct message *message, uint32_t prefix,
                                    struct event *ret_event, struct rejection *ret_rejection, struct error *error) {
    const struct avro_plan *plan = result == RESULT_OK ? writer->plans[message->stream] : NULL;
    if (result == RESULT_OK && plan == NULL)
        result = writer_plan(writers, writer, message->stream, decoder->options.own, &plan, error);
    if (result == RESULT_REJECT)
        return reject(ret_rejection, REJECTION_UNKNOWN_SCHEMA, error->text);
    if (result != RESULT_OK)
        return result;
    return decode_avro(decoder, plan, behind(message->value, prefix), ret_event, ret_rejection, error);
}

static enum result decode_confluent(struct value_decoder *decoder, const struct message *message,
                                    struct event *ret_event, struct rejection *ret_rejection, struct error *error) {
    if (!begins_confluent(message->value))
        return reject(ret_rejection, REJECTION_UNDECODABLE,
                      "the value does not begin with a zero byte and a schema id (its encoding is confluent)");
    /* What is not here by then is looked for without waiting: there are other shards' records to take meanwhile. */
    int wait_ms = registry_is_asking(decoder->registry) ? 0 : REGISTRY_WAIT_MS;
    struct writer *writer = NULL;
    enum result result = registry_writer(decoder->registry, confluent_id(message->value), wait_ms, &writer, error);
    return decode_by(decoder, result, registry_writers(decoder->registry), writer, message, CONFLUENT_PREFIX, ret_event,
                     ret_rejection, error);
}

static enum result decode_single_object(struct value_decoder *decoder, const struct message *message,
                                        struct event *ret_event, struct rejection *ret_rejection, struct error *error) {
    if (!begins_single_object(message->value))
        return reject(ret_rejection, REJECTION_UNDECODABLE,
                      "the value does not begin with C3 01 and a fingerprint (its encoding is single-object)");
    struct writer *writer = NULL;
    enum result result = named_writer(decoder, message->value, &writer, error);
    return decode_by(decoder, result, &decoder->named, writer, message, SINGLE_OBJECT_PREFIX, ret_event, ret_rejection,
                     error);
}

/* A null value of the account stream erases the account of its key. */
static enum result decode_tombstone(const struct message *message, struct event *ret_event,
                                    struct rejection *ret_rejection) {
    const struct stream_schema *schema = &stream_schemas[STREAM_ACCOUNT];
    if (message->stream != STREAM_ACCOUNT)
        return reject(ret_rejection, REJECTION_INVALID_VALUE,
                      "the value is null, which only that of an account may be");
    ret_rejection->reason = REJECTION_INVALID_ACCOUNT_ID;
    if (text_is_missing(message->key))
        return reject(ret_rejection, REJECTION_INVALID_ACCOUNT_ID, "the record has neither key nor value");
    if (!text_is_utf8(message->key))
        return reject(ret_rejection, REJECTION_INVALID_ACCOUNT_ID, "the key is not UTF-8");
    enum result result = field_check_id(STREAM_ACCOUNT, &schema->fields[schema->account_id], message->key,
                                        &ret_rejection->detail);
    if (result != RESULT_OK)
        return result;
    if (!field_instant_fits(message->timestamp_ms))
        return reject(
            ret_rejection, REJECTION_INVALID_VALUE,
            "the record's timestamp, which is that of the account's end, is no instant " FIELD_INSTANT_EXPECTED);
    *ret_event = (struct event){
        .stream = STREAM_ACCOUNT,
        .tombstone = true,
        .account_id = message->key,
        .time_ms = message->timestamp_ms == OFFSET_NONE ? 0 : message->timestamp_ms,
    };
    return RESULT_OK;
}

static enum result decode_value(struct value_decoder *decoder, const struct message *message, struct event *ret_event,
                                struct rejection *ret_rejection, struct error *error) {
    if (text_is_missing(message->value))
        return decode_tombstone(message, ret_event, ret_rejection);
    switch (decoder->options.encodings[message->stream]) {
    case VALUE_CONFLUENT:
        return decode_confluent(decoder, message, ret_event, ret_rejection, error);
    case VALUE_SINGLE_OBJECT:
        return decode_single_object(decoder, message, ret_event, ret_rejection, error);
    case VALUE_PLAIN:
        return decode_avro(decoder, decoder->plain[message->stream], message->value, ret_event, ret_rejection, error);
    }
    assert(false);
    return RESULT_FATAL;
}

static enum result decode(void *context, const struct message *message, struct event *ret_event,
                          struct rejection *ret_rejection, struct error *error) {
    struct value_decoder *decoder = context;
    enum result result = decode_value(decoder, message, ret_event, ret_rejection, error);
    if (result == RESULT_OK)
        ret_event->place = (struct place){message->partition, message->offset, message->timestamp_ms};
    return result;
}

struct decoder value_decoder_port(struct value_decoder *decoder) {
    return (struct decoder){.context = decoder, .decode = decode};
}
