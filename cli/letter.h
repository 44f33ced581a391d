/* A dead letter, as it lies in its topic: the record as it came, and in its headers why it was refused. Plain data,
 * borrowed from the message. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/buffer.h"
#include "base/text.h"

struct letter {
    struct text key, value; /* missing: null */
    struct text reason, detail, topic, partition, offset;
    int64_t timestamp_ms; /* of the record as it came; of the letter where that is not known */
};

void letter_read(const rd_kafka_message_t *message, struct letter *ret_letter);

/* As a line for people: time, reason, where it lay, key, what is wrong. */
void letter_write_line(const struct letter *letter, bool colour, struct buffer *out);
/* As a JSON object; with `value` also the bytes, as text where they are, else in base 16. */
void letter_write_json(const struct letter *letter, bool value, struct buffer *out);
