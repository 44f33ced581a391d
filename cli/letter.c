#include "cli/letter.h"

#include <math.h>
#include <stdlib.h>

#include "base/instant.h"
#include "base/json.h"
#include "base/number.h"
#include "cli/change_line.h"

static struct text header_of(const rd_kafka_message_t *message, const char *name) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return TEXT_MISSING;
    return (struct text){value, (uint32_t)size};
}

void letter_read(const rd_kafka_message_t *message, struct letter *ret_letter) {
    double timestamp_ms;
    struct text written = header_of(message, "bw_timestamp");
    *ret_letter = (struct letter){
        .key = {message->key, (uint32_t)message->key_len},
        .value = {message->payload, (uint32_t)message->len},
        .reason = header_of(message, "bw_reason"),
        .detail = header_of(message, "bw_detail"),
        .topic = header_of(message, "bw_topic"),
        .partition = header_of(message, "bw_partition"),
        .offset = header_of(message, "bw_offset"),
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
    };
    if (!text_is_missing(written) && number_parse(written, &timestamp_ms) &&
        fabs(timestamp_ms) <= (double)INSTANT_READ_MAX)
        ret_letter->timestamp_ms = (int64_t)timestamp_ms;
}

void letter_write_line(const struct letter *letter, bool colour, struct buffer *out) {
    char time[INSTANT_TEXT_MAX];
    instant_format(letter->timestamp_ms, time);
    buffer_printf(out, "%s%s%s  %s", colour ? "\033[2m" : "", time, colour ? "\033[0m" : "", colour ? "\033[31m" : "");
    line_put_text(out, letter->reason);
    buffer_put_string(out, colour ? "\033[0m  " : "  ");
    line_put_text(out, letter->topic);
    buffer_put_string(out, "/");
    line_put_text(out, letter->partition);
    buffer_put_string(out, "@");
    line_put_text(out, letter->offset);
    buffer_put_string(out, "  ");
    line_put_text(out, letter->key);
    buffer_put_string(out, "  ");
    line_put_text(out, letter->detail);
}

static void put_bytes(struct json *json, const char *key, struct text bytes) {
    struct buffer hex = {0};
    json_key(json, key);
    if (text_is_missing(bytes) || text_is_utf8(bytes)) {
        json_put_text(json, bytes);
        return;
    }
    buffer_put_string(&hex, "0x");
    for (uint32_t i = 0; i < bytes.size; i++)
        buffer_printf(&hex, "%02x", (unsigned char)bytes.data[i]);
    json_put_text(json, buffer_text(&hex));
    buffer_free(&hex);
}

static void put_number(struct json *json, const char *key, struct text written) {
    double number;
    json_key(json, key);
    if (!text_is_missing(written) && number_parse(written, &number))
        json_put_number(json, number);
    else
        json_put_null(json);
}

void letter_write_json(const struct letter *letter, bool value, struct buffer *out) {
    struct json writer = {out, false}, *json = &writer;
    json_open_object(json);
    put_bytes(json, "reason", letter->reason);
    put_bytes(json, "detail", letter->detail);
    put_bytes(json, "topic", letter->topic);
    put_number(json, "partition", letter->partition);
    put_number(json, "offset", letter->offset);
    json_key(json, "timestamp");
    json_put_instant(json, letter->timestamp_ms);
    put_bytes(json, "key", letter->key);
    if (value)
        put_bytes(json, "value", letter->value);
    json_close_object(json);
}
