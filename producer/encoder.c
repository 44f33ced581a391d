#include "producer/encoder.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/instant.h"
#include "producer/clip.h"
#include "producer/encoder_state.h"

enum result encode_failed(struct error *error) {
    return error_set(error, RESULT_FATAL, "Memory is out: a record could not be encoded.");
}

/* ---- changes */

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
    if (encoder->value.size <= encoder->options.value_bytes_max)
        return;
    struct change clipped = clip_change(change);
    buffer_clear(&encoder->value);
    change_write(&clipped, origin, framing, &encoder->value);
}

/* CloudEvents 1.0, Kafka protocol binding, binary content mode. */
static enum result add_change(struct encoder_state *encoder, const struct change *change, struct batch *batch,
                              struct error *error) {
    char at[INSTANT_TEXT_MAX];
    struct buffer *id = &encoder->scratch;
    buffer_clear(id);
    buffer_put_text(id, change->account_id);
    buffer_put_u8(id, '/');
    buffer_put_decimal(id, change->sequence);
    const struct header headers[] = {
        {TEXT("ce_specversion"), TEXT("1.0")},
        {TEXT("ce_id"), buffer_text(id)},
        {TEXT("ce_type"), event_type(change->kind)},
        {TEXT("ce_source"), encoder->source},
        {TEXT("ce_subject"), change->account_id},
        {TEXT("ce_time"), {at, instant_format(change->at_ms, at)}},
        {TEXT("ce_dataschema"), encoder->dataschema},
        {TEXT("content-type"), framing_content_type(&encoder->options.changes)},
    };
    const struct record record = {
        .output = OUTPUT_CHANGES,
        .partition = PARTITION_BY_KEY,
        .headers = headers,
        .headers_count = sizeof headers / sizeof headers[0],
        .key = change->account_id,
        .value = buffer_text(&encoder->value),
    };
    return buffer_ok(id) && buffer_ok(&encoder->value) ? batch_add(batch, &record, error) : encode_failed(error);
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

static enum result encode_status(void *context, const struct status *status, struct batch *batch, struct error *error) {
    struct encoder_state *encoder = context;
    const struct framing *framing = &encoder->options.statuses;
    const struct header content_type = {TEXT("content-type"), framing_content_type(framing)};
    struct record record = {.output = OUTPUT_STATUSES, .partition = PARTITION_BY_KEY, .key = status->account_id};
    if (status->erased)
        return batch_add(batch, &record, error);
    buffer_clear(&encoder->value);
    status_write(status, framing, &encoder->value);
    if (encoder->value.size > encoder->options.value_bytes_max) {
        struct status clipped = clip_status(status);
        buffer_clear(&encoder->value);
        status_write(&clipped, framing, &encoder->value);
    }
    record.value = buffer_text(&encoder->value);
    record.headers = &content_type;
    record.headers_count = 1;
    return buffer_ok(&encoder->value) ? batch_add(batch, &record, error) : encode_failed(error);
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
    buffer_clear(&encoder->scratch);
    buffer_put_string(&encoder->scratch, "/bellwether/");
    put_path_segment(&encoder->scratch, encoder->options.group);
    encoder->source = arena_text(&encoder->arena, buffer_text(&encoder->scratch));
}

static void compose_dataschema(struct encoder_state *encoder) {
    const struct encoder_options *options = &encoder->options;
    if (options->changes.kind == FRAMING_CONFLUENT && !text_is_missing(options->registry_url))
        encoder->dataschema = arena_printf(&encoder->arena, "%.*s/schemas/ids/%" PRIu32,
                                           TEXT_ARGUMENTS(options->registry_url), options->changes.schema_id);
    else
        encoder->dataschema = TEXT("urn:bellwether:v1:SegmentChange");
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
    if (!is_copied || !buffer_ok(&encoder->scratch) || text_is_missing(encoder->source) ||
        text_is_missing(encoder->dataschema)) {
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
    buffer_free(&state->scratch);
    arena_free(&state->arena);
    free(state);
    *encoder = (struct encoder){0};
}
