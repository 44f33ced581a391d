#include "producer/encoder.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/instant.h"
#include "base/number.h"
#include "producer/clip.h"
#include "producer/encoder_state.h"

enum result encode_failed(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a record could not be encoded.");
}

static bool is_too_large(const struct encoder_state *encoder) {
    return encoder->value.size > encoder->options.value_bytes_max;
}

/* ---- changes */

/* Those of a change's headers that are its own, by their place. */
enum { HEADER_ID = 1, HEADER_TYPE = 2, HEADER_SUBJECT = 4, HEADER_TIME = 5 };

/* CloudEvents' types, by the kind of change. */
static struct text event_type(enum change_kind kind) {
    switch (kind) {
    case CHANGE_MOVED:
        return TEXT("bellwether.dimension.moved");
    case CHANGE_ENTERED:
        return TEXT("bellwether.segment.entered");
    case CHANGE_EXITED:
        break;
    }
    return TEXT("bellwether.segment.exited");
}

static void write_change(struct encoder_state *encoder, const struct change *change,
                         const struct change_origin *origin) {
    const struct framing *framing = &encoder->options.changes;
    buffer_clear(&encoder->value);
    change_write(change, origin, framing, &encoder->value);
    for (uint32_t bytes_max = CLIPPED_BYTES_MAX; is_too_large(encoder) && bytes_max > 0; bytes_max /= CLIPPED_LESS) {
        struct change clipped = clip_change(change, bytes_max);
        buffer_clear(&encoder->value);
        change_write(&clipped, origin, framing, &encoder->value);
    }
}

/* What of a change's record is its own: the id, which begins with the account's, the instant and the value. */
struct change_texts {
    struct header headers[CHANGE_HEADERS];
    char at[INSTANT_TEXT_MAX];
    char bytes[]; /* the id, then the value */
};

static uint32_t write_id(const struct change *change, char *to) {
    char room[INTEGER_TEXT_MAX];
    struct text account_id = change->account_id, sequence = decimal_format(change->sequence, room);
    memcpy(to, account_id.data, account_id.size);
    to[account_id.size] = '/';
    memcpy(to + account_id.size + 1, sequence.data, sequence.size);
    return account_id.size + 1 + sequence.size;
}

static uint32_t write_at(struct encoder_state *encoder, int64_t at_ms, char to[INSTANT_TEXT_MAX]) {
    int64_t day = floor_divide(at_ms, DAY);
    if (encoder->at_size == 0 || encoder->at_day != day) {
        encoder->at_day = day;
        encoder->at_size = instant_format(at_ms, encoder->at);
    }
    memcpy(to, encoder->at, sizeof encoder->at);
    instant_write_time(to + encoder->at_size - INSTANT_TIME_SIZE, (unsigned)(at_ms - day * DAY));
    return encoder->at_size;
}

/* CloudEvents 1.0, Kafka protocol binding, binary content mode. The headers' names and most values live as long as the
 * encoder does, which no batch survives. */
static enum result add_change(struct encoder_state *encoder, const struct change *change, struct batch *batch,
                              struct error *error) {
    struct text value = buffer_text(&encoder->value);
    size_t id_size_max = (size_t)change->account_id.size + 1 + INTEGER_TEXT_MAX;
    struct change_texts *texts = NULL;
    if (buffer_ok(&encoder->value))
        texts = (struct change_texts *)(void *)batch_room(batch, sizeof *texts + id_size_max + value.size);
    if (texts == NULL)
        return encode_failed(error);
    struct text id = {texts->bytes, write_id(change, texts->bytes)};
    struct text key = {id.data, change->account_id.size};
    memcpy(texts->headers, encoder->change_headers, sizeof texts->headers);
    texts->headers[HEADER_ID].value = id;
    texts->headers[HEADER_TYPE].value = event_type(change->kind);
    texts->headers[HEADER_SUBJECT].value = key;
    texts->headers[HEADER_TIME].value = (struct text){texts->at, write_at(encoder, change->at_ms, texts->at)};
    char *value_begin = texts->bytes + id.size;
    memcpy(value_begin, value.data, value.size);
    const struct record record = {
        .output = OUTPUT_CHANGES,
        .partition = PARTITION_BY_KEY,
        .headers = texts->headers,
        .headers_count = CHANGE_HEADERS,
        .key = key,
        .value = {value_begin, value.size},
    };
    return batch_add_kept(batch, &record, error);
}

static bool has_place(const struct cause *cause) {
    return (cause->kind == CAUSE_EVENT || cause->kind == CAUSE_ACCOUNT_DELETED) && cause->place.partition >= 0;
}

static enum result encode_change(void *context, const struct change *change, int64_t decided_at_ms, struct batch *batch,
                                 struct error *error) {
    struct encoder_state *encoder = context;
    struct change_origin origin = {.decided_at_ms = decided_at_ms};
    if (has_place(&change->cause))
        origin.cause_topic =
            encoder->options.topics[change->cause.kind == CAUSE_EVENT ? change->cause.stream : STREAM_ACCOUNT];
    write_change(encoder, change, &origin);
    return add_change(encoder, change, batch, error);
}

/* ---- statuses */

/* False: memory is out. */
static bool write_status(struct encoder_state *encoder, const struct status *status) {
    const struct framing *framing = &encoder->options.statuses;
    struct dimension_status *dimensions = NULL;
    buffer_clear(&encoder->value);
    status_write(status, framing, &encoder->value);
    if (is_too_large(encoder) && (dimensions = calloc(status->dimensions_count + 1, sizeof *dimensions)) == NULL)
        return false;
    for (uint32_t bytes_max = CLIPPED_BYTES_MAX; is_too_large(encoder) && bytes_max > 0; bytes_max /= CLIPPED_LESS) {
        struct status clipped = clip_status(status, bytes_max, dimensions);
        buffer_clear(&encoder->value);
        status_write(&clipped, framing, &encoder->value);
    }
    free(dimensions);
    return buffer_ok(&encoder->value);
}

static enum result add_status(struct encoder_state *encoder, struct text account_id, struct batch *batch,
                              struct error *error) {
    struct text value = buffer_text(&encoder->value);
    char *texts = (char *)batch_room(batch, (size_t)account_id.size + value.size);
    if (texts == NULL)
        return encode_failed(error);
    memcpy(texts, account_id.data, account_id.size);
    memcpy(texts + account_id.size, value.data, value.size);
    const struct record record = {
        .output = OUTPUT_STATUSES,
        .partition = PARTITION_BY_KEY,
        .headers = &encoder->status_header,
        .headers_count = 1,
        .key = {texts, account_id.size},
        .value = {texts + account_id.size, value.size},
    };
    return batch_add_kept(batch, &record, error);
}

static enum result encode_status(void *context, const struct status *status, struct batch *batch, struct error *error) {
    struct encoder_state *encoder = context;
    if (status->erased) {
        const struct record record = {
            .output = OUTPUT_STATUSES, .partition = PARTITION_BY_KEY, .key = status->account_id};
        return batch_add(batch, &record, error);
    }
    return write_status(encoder, status) ? add_status(encoder, status->account_id, batch, error) : encode_failed(error);
}

/* ---- life */

/* A URI's path takes letters, digits and a few signs as they are; the rest is percent-encoded. */
static void put_path_segment(struct buffer *out, struct text text) {
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        bool is_plain = byte < 0x80 && (isalnum(byte) || strchr("-._~", byte) != NULL);
        if (is_plain && byte != 0)
            buffer_put_u8(out, byte);
        else
            buffer_printf(out, "%%%02X", byte);
    }
}

static void compose_source(struct encoder_state *encoder) {
    struct buffer source = {0};
    buffer_put_string(&source, "/bellwether/");
    put_path_segment(&source, encoder->options.group);
    encoder->source = buffer_ok(&source) ? arena_text(&encoder->arena, buffer_text(&source)) : TEXT_MISSING;
    buffer_free(&source);
}

static void compose_dataschema(struct encoder_state *encoder) {
    const struct encoder_options *options = &encoder->options;
    if (options->changes.kind == FRAMING_CONFLUENT && !text_is_missing(options->registry_url))
        encoder->dataschema = arena_printf(&encoder->arena, "%.*s/schemas/ids/%" PRIu32,
                                           TEXT_ARGUMENTS(options->registry_url), options->changes.schema_id);
    else
        encoder->dataschema = TEXT("urn:bellwether:v1:SegmentChange");
}

static void compose_headers(struct encoder_state *encoder) {
    const struct header change_headers[CHANGE_HEADERS] = {
        {TEXT("ce_specversion"), TEXT("1.0")},
        {TEXT("ce_id"), TEXT_MISSING},
        {TEXT("ce_type"), TEXT_MISSING},
        {TEXT("ce_source"), encoder->source},
        {TEXT("ce_subject"), TEXT_MISSING},
        {TEXT("ce_time"), TEXT_MISSING},
        {TEXT("ce_dataschema"), encoder->dataschema},
        {TEXT("content-type"), framing_content_type(&encoder->options.changes)},
    };
    memcpy(encoder->change_headers, change_headers, sizeof change_headers);
    encoder->status_header = (struct header){TEXT("content-type"), framing_content_type(&encoder->options.statuses)};
}

/* The texts of the options, in the arena. False when memory is out. */
static bool copy_options(struct encoder_state *encoder, const struct encoder_options *options) {
    encoder->options = *options;
    bool is_copied = true;
    for (int stream = 0; stream < STREAMS; stream++) {
        if (text_is_missing(options->topics[stream]))
            continue;
        encoder->options.topics[stream] = arena_text(&encoder->arena, options->topics[stream]);
        is_copied = is_copied && !text_is_missing(encoder->options.topics[stream]);
    }
    return is_copied;
}

enum result encoder_create(const struct encoder_options *options, struct encoder *ret_encoder, struct error *error) {
    struct encoder_state *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL)
        return encode_failed(error);
    struct encoder port = {encoder, encode_change, encode_status, encode_dead_letter};
    bool is_copied = copy_options(encoder, options);
    compose_source(encoder);
    compose_dataschema(encoder);
    compose_headers(encoder);
    if (!is_copied || text_is_missing(encoder->source) || text_is_missing(encoder->dataschema)) {
        encoder_free(&port);
        return encode_failed(error);
    }
    *ret_encoder = port;
    return RESULT_OK;
}

void encoder_free(struct encoder *encoder) {
    struct encoder_state *state = encoder->context;
    if (state == NULL)
        return;
    buffer_free(&state->value);
    arena_free(&state->arena);
    free(state);
    *encoder = (struct encoder){0};
}
