/* What tests of plans and of the decoder share: writers' schemas in, values put together byte by byte, events out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "consumer/avro_decoder.h"
#include "consumer/own_schemas.h"

static struct own_schemas own;
static struct arena arena;
static struct avro_decoder decoder;
static struct error error;
static struct event event;
static struct rejection rejection;
static struct buffer bytes;

static inline int load(void **state) {
    (void)state;
    return own_schemas_load(&own, &error) == RESULT_OK ? 0 : -1;
}

static inline int unload(void **state) {
    (void)state;
    own_schemas_free(&own);
    avro_decoder_free(&decoder);
    buffer_free(&bytes);
    return 0;
}

static inline int clear(void **state) {
    (void)state;
    arena_free(&arena);
    buffer_clear(&bytes);
    return 0;
}

static inline enum result compile(enum stream stream, const char *json, const struct avro_plan **ret_plan) {
    const struct schema *writer = NULL;
    assert_int_equal(schema_parse(text_of(json), NULL, &arena, &writer, &error), RESULT_OK);
    return avro_plan_compile(writer, stream, own.streams[stream]->schema, &arena, ret_plan, &error);
}

static inline const struct avro_plan *plan_of(enum stream stream, const char *json) {
    const struct avro_plan *plan = NULL;
    if (compile(stream, json, &plan) != RESULT_OK)
        fail_msg("%s", error.text);
    return plan;
}

static inline void does_not_resolve(enum stream stream, const char *json, const char *reason) {
    const struct avro_plan *plan = NULL;
    assert_int_equal(compile(stream, json, &plan), RESULT_REJECT);
    assert_string_equal(error.text, reason);
}

/* The exact size on the heap, so that a read beyond the end does not go unseen. */
static inline enum result decode_bytes(const struct avro_plan *plan, const uint8_t *data, size_t size) {
    static uint8_t *copy;
    free(copy);
    copy = malloc(size + 1);
    assert_non_null(copy);
    if (size > 0)
        memcpy(copy + 1, data, size);
    return avro_decode_whole(&decoder, plan, (struct text){(char *)copy + 1, (uint32_t)size}, &event, &rejection);
}

static inline enum result decode(const struct avro_plan *plan) {
    return decode_bytes(plan, bytes.data, bytes.size);
}

static inline void accepts(const struct avro_plan *plan) {
    if (decode(plan) != RESULT_OK)
        fail_msg("%s", rejection.detail.text);
}

static inline void rejects(const struct avro_plan *plan, enum rejection_reason reason, const char *detail) {
    assert_int_equal(decode(plan), RESULT_REJECT);
    assert_string_equal(rejection.detail.text, detail);
    assert_int_equal(rejection.reason, reason);
}

static inline void put_string(const char *string) {
    buffer_put_zigzag(&bytes, (int64_t)strlen(string));
    buffer_put_string(&bytes, string);
}

static inline void put_long(int64_t number) {
    buffer_put_zigzag(&bytes, number);
}

static inline double number_of(const char *field) {
    uint32_t index = stream_field(event.stream, text_of(field));
    assert_int_not_equal(index, FIELDS_MAX);
    assert_true(event_has(&event, index));
    return event.fields[index].number;
}

static inline void assert_text(struct text text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static inline void assert_field(const char *field, const char *expected) {
    uint32_t index = stream_field(event.stream, text_of(field));
    assert_int_not_equal(index, FIELDS_MAX);
    assert_true(event_has(&event, index));
    assert_text(event.fields[index].text, expected);
}

static inline bool is_null(const char *field) {
    return !event_has(&event, stream_field(event.stream, text_of(field)));
}

#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define IDS               FIELD("event_id", "\"string\"") "," FIELD("account_id", "\"string\"") "," FIELD("occurred_at", "\"long\"")
#define NPS(score)        RECORD(IDS "," FIELD("score", score))

static inline void put_ids(void) {
    put_string("e");
    put_string("a");
    put_long(1000);
}
