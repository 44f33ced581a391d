/* Rejected records, as they came, with what is known of them in headers. */
#include <inttypes.h>
#include <stdio.h>

#include "base/instant.h"
#include "engine/limits.h"
#include "producer/encoder_state.h"

#define OWN_HEADERS     7
#define NUMBER_TEXT     24
#define OWN_BYTES_MAX   (ERROR_TEXT_MAX + 512) /* of our headers, a topic's name (up to 249 bytes) among them */
#define TRUNCATED_BYTES 96

/* A letter's parts as far as there is room for them: the key and the headers take a quarter each at the most, the value
 * what is left. `truncated` says what was cut; empty where nothing was. */
struct letter_parts {
    struct text key, value;
    struct header headers[DEAD_LETTER_HEADERS_MAX + OWN_HEADERS];
    uint32_t headers_count, headers_dropped;
    char truncated[TRUNCATED_BYTES];
};

static bool has_prefix(struct text text, const char *prefix) {
    size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

static struct text cut(struct text text, size_t size_max) {
    return text.size <= size_max ? text : (struct text){text.data, (uint32_t)size_max};
}

/* The record's own headers, without those of an earlier dead letter. Returns how many bytes they have. */
static size_t keep_headers(struct letter_parts *parts, const struct dead_letter *letter, size_t bytes_max) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < letter->headers_count; i++) {
        const struct header *header = &letter->headers[i];
        size_t size = (size_t)header->name.size + (text_is_missing(header->value) ? 0 : header->value.size);
        if (has_prefix(header->name, "bw_"))
            continue;
        if (parts->headers_count == DEAD_LETTER_HEADERS_MAX || bytes + size > bytes_max) {
            parts->headers_dropped++;
            continue;
        }
        parts->headers[parts->headers_count++] = *header;
        bytes += size;
    }
    return bytes;
}

static void keep_parts(struct letter_parts *parts, const struct dead_letter *letter, uint32_t value_bytes_max) {
    const struct message *message = letter->message;
    size_t room = value_bytes_max > 2 * OWN_BYTES_MAX ? value_bytes_max - OWN_BYTES_MAX : OWN_BYTES_MAX;
    parts->key = cut(message->key, room / 4);
    size_t headers_bytes = keep_headers(parts, letter, room / 4);
    parts->value = cut(message->value, room - parts->key.size - headers_bytes);
    parts->truncated[0] = 0;
    if (parts->value.size < message->value.size)
        snprintf(parts->truncated, TRUNCATED_BYTES, "value of %" PRIu32 " bytes", message->value.size);
    else if (parts->key.size < message->key.size)
        snprintf(parts->truncated, TRUNCATED_BYTES, "key of %" PRIu32 " bytes", message->key.size);
    else if (parts->headers_dropped > 0)
        snprintf(parts->truncated, TRUNCATED_BYTES, "%" PRIu32 " headers", parts->headers_dropped);
}

static void put_header(struct letter_parts *parts, struct text name, struct text value) {
    parts->headers[parts->headers_count++] = (struct header){name, value};
}

static struct text number_text(char room[NUMBER_TEXT], int64_t number) {
    return (struct text){room, (uint32_t)snprintf(room, NUMBER_TEXT, "%" PRId64, number)};
}

enum result encode_dead_letter(void *context, const struct dead_letter *letter, struct batch *batch,
                               struct error *error) {
    struct encoder_state *encoder = context;
    const struct message *message = letter->message;
    const struct rejection *rejection = letter->rejection;
    char partition[NUMBER_TEXT], offset[NUMBER_TEXT], timestamp[NUMBER_TEXT];
    struct letter_parts parts = {.headers_count = 0};
    keep_parts(&parts, letter, encoder->options.value_bytes_max);
    put_header(&parts, TEXT("bw_reason"), rejection_definitions[rejection->reason].name);
    put_header(&parts, TEXT("bw_detail"), text_of(rejection->detail.text));
    put_header(&parts, TEXT("bw_topic"), encoder->options.topics[message->stream]);
    put_header(&parts, TEXT("bw_partition"), number_text(partition, message->partition));
    put_header(&parts, TEXT("bw_offset"), number_text(offset, message->offset));
    put_header(&parts, TEXT("bw_timestamp"), number_text(timestamp, message->timestamp_ms));
    if (parts.truncated[0] != 0)
        put_header(&parts, TEXT("bw_truncated"), text_of(parts.truncated));
    const struct record record = {
        .output = OUTPUT_DEAD_LETTERS,
        .partition = PARTITION_BY_KEY,
        .headers = parts.headers,
        .headers_count = parts.headers_count,
        .key = parts.key,
        .value = parts.value,
    };
    return batch_add(batch, &record, error);
}
