#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <avro.h>

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

static int load(void **state) {
    (void)state;
    return own_schemas_load(&own, &error) == RESULT_OK ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    own_schemas_free(&own);
    avro_decoder_free(&decoder);
    buffer_free(&bytes);
    return 0;
}

static int clear(void **state) {
    (void)state;
    arena_free(&arena);
    avro_decoder_clear(&decoder);
    buffer_clear(&bytes);
    return 0;
}

static enum result compile(enum stream stream, const char *json, const struct avro_plan **ret_plan) {
    const struct schema *writer = NULL;
    assert_int_equal(schema_parse(text_of(json), NULL, &arena, &writer, &error), RESULT_OK);
    return avro_plan_compile(writer, stream, own.streams[stream]->schema, &arena, ret_plan, &error);
}

static const struct avro_plan *plan_of(enum stream stream, const char *json) {
    const struct avro_plan *plan = NULL;
    if (compile(stream, json, &plan) != RESULT_OK)
        fail_msg("%s", error.text);
    return plan;
}

static void does_not_resolve(enum stream stream, const char *json, const char *reason) {
    const struct avro_plan *plan = NULL;
    assert_int_equal(compile(stream, json, &plan), RESULT_REJECT);
    assert_string_equal(error.text, reason);
}

/* The exact size on the heap, so that a read beyond the end does not go unseen. */
static enum result decode_bytes(const struct avro_plan *plan, const uint8_t *data, size_t size) {
    static uint8_t *copy;
    free(copy);
    copy = malloc(size + 1);
    assert_non_null(copy);
    if (size > 0)
        memcpy(copy + 1, data, size);
    return avro_decode_whole(&decoder, plan, (struct text){(char *)copy + 1, (uint32_t)size}, &event, &rejection);
}

static enum result decode(const struct avro_plan *plan) {
    return decode_bytes(plan, bytes.data, bytes.size);
}

static void accepts(const struct avro_plan *plan) {
    if (decode(plan) != RESULT_OK)
        fail_msg("%s", rejection.detail.text);
}

static void rejects(const struct avro_plan *plan, enum rejection_reason reason, const char *detail) {
    assert_int_equal(decode(plan), RESULT_REJECT);
    assert_string_equal(rejection.detail.text, detail);
    assert_int_equal(rejection.reason, reason);
}

static void put_string(const char *string) {
    buffer_put_zigzag(&bytes, (int64_t)strlen(string));
    buffer_put_string(&bytes, string);
}

static void put_long(int64_t number) {
    buffer_put_zigzag(&bytes, number);
}

static double number_of(const char *field) {
    uint32_t index = stream_field(event.stream, text_of(field));
    assert_int_not_equal(index, FIELDS_MAX);
    assert_true(event_has(&event, index));
    return event.fields[index].number;
}

static void assert_text(struct text text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void assert_field(const char *field, const char *expected) {
    uint32_t index = stream_field(event.stream, text_of(field));
    assert_int_not_equal(index, FIELDS_MAX);
    assert_true(event_has(&event, index));
    assert_text(event.fields[index].text, expected);
}

static bool is_null(const char *field) {
    return !event_has(&event, stream_field(event.stream, text_of(field)));
}

/* ---- resolution ---- */

#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define IDS               FIELD("event_id", "\"string\"") "," FIELD("account_id", "\"string\"") "," FIELD("occurred_at", "\"long\"")
#define NPS(score)        RECORD(IDS "," FIELD("score", score))

static void put_ids(void) {
    put_string("e");
    put_string("a");
    put_long(1000);
}

static void a_record_in_our_own_schema_is_decoded(void **state) {
    (void)state;
    const struct avro_plan *plan = NULL;
    assert_int_equal(avro_plan_compile(own.streams[STREAM_TICKET]->schema, STREAM_TICKET,
                                       own.streams[STREAM_TICKET]->schema, &arena, &plan, &error),
                     RESULT_OK);
    put_string("e1");
    put_string("acme");
    put_long(1);
    put_string("u1");
    put_long(1700000000123);
    put_string("T1");
    put_long(2);
    put_long(3);
    put_long(0);
    put_long(1);
    put_string("slow");
    accepts(plan);
    assert_int_equal(event.stream, STREAM_TICKET);
    assert_text(event.event_id, "e1");
    assert_text(event.account_id, "acme");
    assert_int_equal(event.time_ms, 1700000000123);
    assert_field("ticket_id", "T1");
    assert_int_equal(number_of("action"), TICKET_ESCALATED);
    assert_int_equal(number_of("severity"), 3);
    assert_true(is_null("satisfaction"));
    assert_field("subject", "slow");
    assert_false(event.tombstone);
}

static void fields_may_be_reordered_left_out_and_added(void **state) {
    (void)state;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_USAGE, RECORD(
            FIELD("extra", "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":[\"null\",\"double\"]}}") ","
            FIELD("feature", "\"string\"") ","
            FIELD("flag", "\"boolean\"") ","
            FIELD("occurred_at", "\"long\"") ","
            FIELD("account_id", "\"string\"") ","
            FIELD("blob", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}") ","
            FIELD("event_id", "\"bytes\"") ","
            FIELD("size", "[\"null\",\"float\"]") ","
            FIELD("user_id", "\"string\"") ","
            FIELD("note", "\"string\"")));
    // clang-format on
    put_long(1); /* extra: one map of two entries */
    put_long(2);
    put_string("k");
    put_long(1);
    buffer_put_f64(&bytes, 2.5);
    put_string("l");
    put_long(0);
    put_long(0);
    put_long(0);
    put_string("search");
    buffer_put_u8(&bytes, 1);
    put_long(77);
    put_string("a");
    buffer_put(&bytes, "xyz", 3);
    put_string("e");
    put_long(1);
    buffer_put_u32(&bytes, 0);
    put_string("u");
    put_string("ignored");
    accepts(plan);
    assert_field("feature", "search");
    assert_text(event.account_id, "a");
    assert_text(event.event_id, "e");
    assert_int_equal(event.time_ms, 77);
    assert_int_equal(number_of("quantity"), 1);
    assert_true(is_null("duration_ms"));
    assert_int_equal(event.entries_count, 0);
}

static void numbers_are_promoted(void **state) {
    (void)state;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_ACCOUNT, RECORD(
            FIELD("account_id", "\"string\"") ","
            FIELD("updated_at", "\"int\"") ","
            FIELD("arr", "[\"null\",\"int\",\"long\",\"float\",\"double\"]") ","
            FIELD("created_at", "\"int\"")));
    // clang-format on
    static const double expected[] = {0, -5, 1e15, 1.5, 0.1};
    for (int64_t branch = 0; branch < 5; branch++) {
        buffer_clear(&bytes);
        put_string("a");
        put_long(5);
        put_long(branch);
        float narrow = 1.5F;
        if (branch == 1 || branch == 2)
            put_long((int64_t)expected[branch]);
        if (branch == 3)
            buffer_put(&bytes, &narrow, sizeof narrow);
        if (branch == 4)
            buffer_put_f64(&bytes, 0.1);
        put_long(-7);
        accepts(plan);
        assert_int_equal(event.time_ms, 5);
        assert_int_equal(number_of("created_at"), -7);
        assert_true(branch == 0 ? is_null("arr") : number_of("arr") == expected[branch]);
    }
}

static void instants_of_other_units_become_milliseconds(void **state) {
    (void)state;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_ACCOUNT, RECORD(
            FIELD("account_id", "\"string\"") ","
            FIELD("updated_at", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}") ","
            FIELD("created_at", "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}") ","
            FIELD("renews_at", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}")));
    // clang-format on
    put_string("a");
    put_long(-1);
    put_long(5999999);
    put_long(5);
    accepts(plan);
    assert_int_equal(event.time_ms, -1);
    assert_int_equal(number_of("created_at"), 5);
    assert_int_equal(number_of("renews_at"), 5);
    does_not_resolve(STREAM_ACCOUNT,
                     RECORD(FIELD("account_id", "\"string\"") "," FIELD("updated_at",
                                                                        "{\"type\":\"int\",\"logicalType\":\"date\"}")),
                     "account updated_at is a date or a time of day in the writer's schema, expected a long");
}

static void enum_symbols_go_by_name_and_unknown_ones_by_the_default(void **state) {
    (void)state;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_TICKET, RECORD(
            IDS ","
            FIELD("ticket_id", "\"string\"") ","
            FIELD("action", "{\"type\":\"enum\",\"name\":\"A\",\"symbols\":[\"CLOSED\",\"MERGED\",\"OPENED\"]}") ","
            FIELD("severity", "{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"BLOCKER\",\"URGENT\"]}")));
    // clang-format on
    put_ids();
    put_string("T");
    put_long(2);
    put_long(0);
    accepts(plan);
    assert_int_equal(number_of("action"), TICKET_OPENED);
    assert_int_equal(number_of("severity"), 1);
    buffer_clear(&bytes);
    put_ids();
    put_string("T");
    put_long(1);
    put_long(1);
    rejects(plan, REJECTION_INVALID_VALUE,
            "ticket action is MERGED, expected one of OPENED, UPDATED, ESCALATED, REOPENED, RESOLVED, CLOSED");
    buffer_clear(&bytes);
    put_ids();
    put_string("T");
    put_long(3);
    put_long(1);
    rejects(plan, REJECTION_UNDECODABLE,
            "the bytes are no ticket record of the writer's schema: action is a symbol that the writer's enum does not "
            "have");
}

static void a_union_fits_as_far_as_its_branches_do(void **state) {
    (void)state;
    const struct avro_plan *plan = plan_of(STREAM_NPS, NPS("[\"null\",\"string\",\"int\"]"));
    put_ids();
    put_long(2);
    put_long(9);
    accepts(plan);
    assert_int_equal(number_of("score"), 9);
    buffer_clear(&bytes);
    put_ids();
    put_long(0);
    rejects(plan, REJECTION_INVALID_VALUE, "nps score is null, which it must not be");
    buffer_clear(&bytes);
    put_ids();
    put_long(1);
    put_string("9");
    rejects(plan, REJECTION_INVALID_VALUE, "nps score is a string, which does not fit");
    for (int64_t branch = -1; branch <= 3; branch += 4) {
        buffer_clear(&bytes);
        put_ids();
        put_long(branch);
        rejects(
            plan, REJECTION_UNDECODABLE,
            "the bytes are no nps record of the writer's schema: score has a branch that the writer's union does not "
            "have");
    }
}

static void a_union_of_records_is_told_by_its_branch(void **state) {
    (void)state;
    const struct avro_plan *plan = plan_of(
        STREAM_NPS, "[\"null\"," NPS("\"int\"") ",{\"type\":\"record\",\"name\":\"S\",\"fields\":[" IDS
                                                "," FIELD("comment", "\"string\"") "," FIELD("score", "\"int\"") "]}]");
    put_long(2);
    put_ids();
    put_string("good");
    put_long(10);
    accepts(plan);
    assert_field("comment", "good");
    buffer_clear(&bytes);
    put_long(0);
    rejects(plan, REJECTION_UNDECODABLE,
            "the bytes are no nps record of the writer's schema: they are of a branch of the writer's union that does "
            "not fit");
}

static void what_can_not_be_resolved_is_named(void **state) {
    (void)state;
    does_not_resolve(STREAM_NPS, RECORD(IDS), "nps score is not in the writer's schema R, and has no default");
    does_not_resolve(STREAM_NPS, NPS("\"long\""), "nps score is a long in the writer's schema, expected an int");
    does_not_resolve(STREAM_NPS, NPS("[\"null\",\"string\"]"),
                     "nps score is a union in the writer's schema, expected an int");
    does_not_resolve(STREAM_NPS, "\"string\"", "the writer's schema is a string, expected a record");
    does_not_resolve(STREAM_NPS, "[\"null\"]", "the writer's schema is a union without a record");
    does_not_resolve(STREAM_USAGE,
                     RECORD(IDS "," FIELD("user_id", "\"string\"") "," FIELD("feature", "\"string\"") "," FIELD(
                         "properties", "{\"type\":\"map\",\"values\":\"int\"}")),
                     "usage properties is a map in the writer's schema, expected a map");
}

static void our_aliases_find_a_writers_field(void **state) {
    (void)state;
    const struct schema *ours = NULL, *writer = NULL;
    struct text json = TEXT("{\"type\":\"record\",\"name\":\"NpsResponse\",\"fields\":[" IDS "," FIELD(
        "user_id",
        "[\"null\",\"string\"]") ","
                                 "{\"name\":\"score\",\"type\":\"int\",\"aliases\":[\"rating\",\"mark\"]}," FIELD(
                                     "comment", "[\"null\",\"string\"]") "]}");
    assert_int_equal(schema_parse(json, NULL, &arena, &ours, &error), RESULT_OK);
    /* In the order of the table, which the plan goes by. */
    struct schema_field fields[6] = {ours->fields[0], ours->fields[1], ours->fields[3],
                                     ours->fields[2], ours->fields[4], ours->fields[5]};
    struct schema ordered = *ours;
    ordered.fields = fields;
    json = TEXT(RECORD(IDS "," FIELD("mark", "\"int\"")));
    assert_int_equal(schema_parse(json, NULL, &arena, &writer, &error), RESULT_OK);
    const struct avro_plan *plan = NULL;
    assert_int_equal(avro_plan_compile(writer, STREAM_NPS, &ordered, &arena, &plan, &error), RESULT_OK);
    put_ids();
    put_long(8);
    accepts(plan);
    assert_int_equal(number_of("score"), 8);
}

static void maps_take_what_is_a_string(void **state) {
    (void)state;
    const struct avro_plan *plan = plan_of(
        STREAM_CUSTOM, RECORD(IDS "," FIELD("name", "\"string\"") "," FIELD(
                           "properties", "{\"type\":\"map\",\"values\":[\"null\",\"string\",\"bytes\"]}")));
    put_ids();
    put_string("n");
    put_long(-2); /* a block with its size */
    put_long(10);
    put_string("k");
    put_long(1);
    put_string("v");
    put_string("l");
    put_long(2);
    put_string("w");
    put_long(1);
    put_string("k");
    put_long(1);
    put_string("x");
    put_long(0);
    accepts(plan);
    assert_int_equal(event.entries_count, 3);
    assert_text(event_entry(&event, TEXT("k")), "x");
    assert_text(event_entry(&event, TEXT("l")), "w");
    buffer_clear(&bytes);
    put_ids();
    put_string("n");
    put_long(1);
    put_string("k");
    put_long(0);
    put_long(0);
    rejects(plan, REJECTION_INVALID_VALUE, "custom properties has a value that is not a string");
}

/* ---- values that the contract refuses ---- */

static void values_are_held_against_their_bounds(void **state) {
    (void)state;
    const struct avro_plan *plan = plan_of(STREAM_NPS, NPS("\"int\""));
    put_ids();
    put_long(11);
    rejects(plan, REJECTION_INVALID_VALUE, "nps score is 11, expected 0 to 10");
    buffer_clear(&bytes);
    put_ids();
    put_long(INT64_C(4294967296));
    rejects(plan, REJECTION_UNDECODABLE,
            "the bytes are no nps record of the writer's schema: score is an int of more than 32 bits");
}

static void ids_are_1_to_512_bytes_of_utf8(void **state) {
    (void)state;
    const struct avro_plan *plan = plan_of(STREAM_NPS, NPS("\"int\""));
    char id[514] = {0};
    memset(id, 'x', 513);
    const struct {
        const char *event_id, *account_id;
        enum rejection_reason reason;
        const char *detail;
    } cases[] = {
        {"e", "", REJECTION_INVALID_ACCOUNT_ID, "nps account_id is empty"},
        {"e", id, REJECTION_INVALID_ACCOUNT_ID, "nps account_id has 513 bytes; 512 is the most"},
        {"e", "\xC3", REJECTION_INVALID_ACCOUNT_ID, "nps account_id is not UTF-8"},
        {"", "a", REJECTION_INVALID_VALUE, "nps event_id is empty"},
        {"\xFF", "a", REJECTION_INVALID_VALUE, "nps event_id is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&bytes);
        put_string(cases[i].event_id);
        put_string(cases[i].account_id);
        put_long(1);
        put_long(5);
        rejects(plan, cases[i].reason, cases[i].detail);
    }
}

static void doubles_that_are_not_finite_are_null(void **state) {
    (void)state;
    const struct avro_plan *plan = plan_of(
        STREAM_CUSTOM, RECORD(IDS "," FIELD("name", "\"string\"") "," FIELD("value", "[\"double\",\"float\"]")));
    static const double wrong[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 6; i++) {
        buffer_clear(&bytes);
        put_ids();
        put_string("n");
        put_long(i / 3);
        float narrow = (float)wrong[i % 3];
        if (i < 3)
            buffer_put_f64(&bytes, wrong[i]);
        else
            buffer_put(&bytes, &narrow, sizeof narrow);
        accepts(plan);
        assert_true(is_null("value"));
    }
}

/* ---- hostile bytes ---- */

static void every_cut_of_a_record_is_rejected_and_so_is_every_extra_byte(void **state) {
    (void)state;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_CUSTOM, RECORD(
            FIELD("x", "{\"type\":\"array\",\"items\":\"string\"}") ","
            IDS ","
            FIELD("name", "\"string\"") ","
            FIELD("value", "[\"null\",\"double\"]") ","
            FIELD("properties", "{\"type\":\"map\",\"values\":\"string\"}")));
    // clang-format on
    put_long(1);
    put_string("item");
    put_long(0);
    put_ids();
    put_string("name");
    put_long(1);
    buffer_put_f64(&bytes, 1);
    put_long(1);
    put_string("k");
    put_string("v");
    put_long(0);
    accepts(plan);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(decode_bytes(plan, bytes.data, size), RESULT_REJECT);
    buffer_put_u8(&bytes, 0);
    rejects(plan, REJECTION_UNDECODABLE,
            "the bytes are no custom record of the writer's schema: there are bytes behind it");
}

static void lengths_and_counts_are_held_against_what_is_left(void **state) {
    (void)state;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_CUSTOM, RECORD(
            FIELD("x", "{\"type\":\"array\",\"items\":\"null\"}") ","
            FIELD("y", "{\"type\":\"array\",\"items\":\"int\"}") ","
            IDS ","
            FIELD("name", "\"string\"") ","
            FIELD("properties", "{\"type\":\"map\",\"values\":\"string\"}")));
    // clang-format on
    static const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, INT64_C(1) << 32, 1000};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        for (int where = 0; where < 4; where++) {
            buffer_clear(&bytes);
            put_long(0);
            put_long(where == 0 ? wrong[i] : 0);
            put_long(where == 1 ? wrong[i] : 1);
            buffer_put_string(&bytes, "e");
            put_string("a");
            put_long(1);
            put_string("n");
            put_long(where == 2 ? wrong[i] : 1);
            put_long(where == 3 ? wrong[i] : 1);
            buffer_put_string(&bytes, "k");
            put_string("v");
            put_long(0);
            assert_int_equal(decode(plan), RESULT_REJECT);
        }
    }
    /* As many as one likes of what takes no byte. */
    buffer_clear(&bytes);
    put_long(INT64_MAX);
    put_long(0);
    put_long(0);
    put_ids();
    put_string("n");
    put_long(0);
    accepts(plan);
}

static void a_varint_of_more_than_64_bits_is_rejected(void **state) {
    (void)state;
    const struct avro_plan *plan = plan_of(STREAM_NPS, NPS("\"int\""));
    put_string("e");
    put_string("a");
    buffer_put(&bytes, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10);
    put_long(5);
    accepts(plan);
    assert_int_equal(event.time_ms, INT64_MIN);
    buffer_clear(&bytes);
    put_string("e");
    put_string("a");
    buffer_put(&bytes, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10);
    put_long(5);
    assert_int_equal(decode(plan), RESULT_REJECT);
}

static void recursive_types_are_skipped_down_to_a_bound(void **state) {
    (void)state;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_NPS, RECORD(
            FIELD("tree", "{\"type\":\"record\",\"name\":\"Node\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"Node\"]}]}") ","
            IDS ","
            FIELD("score", "\"int\"")));
    // clang-format on
    for (int depth = 20; depth <= 100000; depth += 99980) {
        buffer_clear(&bytes);
        for (int i = 0; i < depth; i++)
            put_long(1);
        put_long(0);
        put_ids();
        put_long(5);
        assert_int_equal(decode(plan), depth == 20 ? RESULT_OK : RESULT_REJECT);
    }
    assert_string_equal(rejection.detail.text,
                        "the bytes are no nps record of the writer's schema: a field that is skipped is malformed");
    /* A type without an end, which no bytes can hold. */
    plan = plan_of(STREAM_NPS,
                   RECORD(FIELD("tree", "{\"type\":\"record\",\"name\":\"Node\",\"fields\":["
                                        "{\"name\":\"a\",\"type\":\"Node\"},"
                                        "{\"name\":\"b\",\"type\":\"Node\"}]}") "," IDS "," FIELD("score", "\"int\"")));
    assert_int_equal(decode(plan), RESULT_REJECT);
}

/* ---- avro-c as the yardstick: random records in our own schemas ---- */

static uint64_t random_state = 88172645463325252;

static uint32_t chance(uint32_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % below;
}

static struct text random_string(char buffer[64]) {
    static const char *const parts[] = {"a",         "Z", "0", " ", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                        "long part "};
    uint32_t used = 0;
    for (uint32_t i = 1 + chance(6); i > 0; i--) {
        const char *part = parts[chance(8)];
        memcpy(buffer + used, part, strlen(part));
        used += (uint32_t)strlen(part);
    }
    buffer[used] = '\0';
    return (struct text){buffer, used};
}

static void fill_random(avro_value_t *value, const struct field *field) {
    char text[64], key[64];
    avro_value_t branch = *value;
    if (field->nullable) {
        bool is_present = chance(2) == 1;
        assert_int_equal(avro_value_set_branch(value, is_present, &branch), 0);
        if (!is_present) {
            assert_int_equal(avro_value_set_null(&branch), 0);
            return;
        }
    }
    int64_t wide = (int64_t)(random_state << chance(64)) >> chance(64);
    bool bounded = field->lowest <= field->highest;
    int32_t narrow = bounded ? (int32_t)(field->lowest + chance((uint32_t)(field->highest - field->lowest) + 1))
                             : (int32_t)wide;
    switch (field->type) {
    case FIELD_STRING:
        assert_int_equal(avro_value_set_string_len(&branch, text, random_string(text).size + 1), 0);
        break;
    case FIELD_INSTANT:
    case FIELD_LONG:
        assert_int_equal(avro_value_set_long(&branch, wide), 0);
        break;
    case FIELD_INT:
        assert_int_equal(avro_value_set_int(&branch, narrow), 0);
        break;
    case FIELD_DOUBLE:
        assert_int_equal(avro_value_set_double(&branch, (double)wide / 1024), 0);
        break;
    case FIELD_BOOLEAN:
        assert_int_equal(avro_value_set_boolean(&branch, (int)chance(2)), 0);
        break;
    case FIELD_ENUM:
        assert_int_equal(avro_value_set_enum(&branch, (int)chance(field->symbols_count)), 0);
        break;
    case FIELD_MAP:
        for (uint32_t i = chance(5); i > 0; i--) {
            avro_value_t entry;
            random_string(key);
            assert_int_equal(avro_value_add(&branch, key, &entry, NULL, NULL), 0);
            assert_int_equal(avro_value_set_string_len(&entry, text, random_string(text).size + 1), 0);
        }
        break;
    }
}

static void assert_map(const avro_value_t *value) {
    size_t count = 0;
    assert_int_equal(avro_value_get_size(value, &count), 0);
    assert_int_equal(event.entries_count, count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t entry;
        const char *key, *text;
        size_t size;
        assert_int_equal(avro_value_get_by_index(value, i, &entry, &key), 0);
        assert_int_equal(avro_value_get_string(&entry, &text, &size), 0);
        assert_text(event_entry(&event, text_of(key)), text);
    }
}

static void assert_same(const avro_value_t *value, const struct field *field, uint32_t index) {
    avro_value_t branch = *value;
    int discriminant = 1;
    if (field->nullable) {
        assert_int_equal(avro_value_get_discriminant(value, &discriminant), 0);
        assert_int_equal(avro_value_get_current_branch(value, &branch), 0);
    }
    assert_int_equal(event_has(&event, index), discriminant == 1);
    if (discriminant == 0)
        return;
    const char *text;
    size_t size;
    int64_t wide = 0;
    int32_t narrow = 0;
    int small = 0;
    double number = 0;
    switch (field->type) {
    case FIELD_STRING:
        assert_int_equal(avro_value_get_string(&branch, &text, &size), 0);
        assert_text(event.fields[index].text, text);
        return;
    case FIELD_INSTANT:
    case FIELD_LONG:
        assert_int_equal(avro_value_get_long(&branch, &wide), 0);
        number = (double)wide;
        break;
    case FIELD_INT:
        assert_int_equal(avro_value_get_int(&branch, &narrow), 0);
        number = narrow;
        break;
    case FIELD_DOUBLE:
        assert_int_equal(avro_value_get_double(&branch, &number), 0);
        break;
    case FIELD_BOOLEAN:
        assert_int_equal(avro_value_get_boolean(&branch, &small), 0);
        number = small;
        break;
    case FIELD_ENUM:
        assert_int_equal(avro_value_get_enum(&branch, &small), 0);
        number = small;
        break;
    case FIELD_MAP:
        assert_map(&branch);
        return;
    }
    assert_true(event.fields[index].number == number);
}

static void compare_with_avro_c(enum stream stream) {
    const struct stream_schema *table = &stream_schemas[stream];
    struct text json = own.streams[stream]->json;
    avro_schema_t schema;
    assert_int_equal(avro_schema_from_json_length(json.data, json.size, &schema), 0);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    const struct avro_plan *plan = plan_of(stream, json.data);
    for (int round = 0; round < 500; round++) {
        avro_value_t value, read;
        char written[8192];
        assert_int_equal(avro_generic_value_new(class, &value), 0);
        assert_int_equal(avro_generic_value_new(class, &read), 0);
        for (uint32_t i = 0; i < table->fields_count; i++) {
            avro_value_t field;
            assert_int_equal(avro_value_get_by_index(&value, i, &field, NULL), 0);
            fill_random(&field, &table->fields[i]);
        }
        avro_writer_t writer = avro_writer_memory(written, sizeof written);
        assert_int_equal(avro_value_write(writer, &value), 0);
        size_t size = (size_t)avro_writer_tell(writer);
        assert_int_equal(decode_bytes(plan, (uint8_t *)written, size), RESULT_OK);
        avro_reader_t reader = avro_reader_memory(written, (int64_t)size);
        assert_int_equal(avro_value_read(reader, &read), 0);
        for (uint32_t i = 0; i < table->fields_count; i++) {
            avro_value_t field;
            assert_int_equal(avro_value_get_by_index(&read, i, &field, NULL), 0);
            assert_same(&field, &table->fields[i], i);
        }
        avro_reader_free(reader);
        avro_writer_free(writer);
        avro_value_decref(&value);
        avro_value_decref(&read);
    }
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
}

static void random_records_are_decoded_as_avro_c_does(void **state) {
    (void)state;
    for (enum stream stream = 0; stream < STREAMS; stream++)
        compare_with_avro_c(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_record_in_our_own_schema_is_decoded, clear),
        cmocka_unit_test_teardown(fields_may_be_reordered_left_out_and_added, clear),
        cmocka_unit_test_teardown(numbers_are_promoted, clear),
        cmocka_unit_test_teardown(instants_of_other_units_become_milliseconds, clear),
        cmocka_unit_test_teardown(enum_symbols_go_by_name_and_unknown_ones_by_the_default, clear),
        cmocka_unit_test_teardown(a_union_fits_as_far_as_its_branches_do, clear),
        cmocka_unit_test_teardown(a_union_of_records_is_told_by_its_branch, clear),
        cmocka_unit_test_teardown(what_can_not_be_resolved_is_named, clear),
        cmocka_unit_test_teardown(our_aliases_find_a_writers_field, clear),
        cmocka_unit_test_teardown(maps_take_what_is_a_string, clear),
        cmocka_unit_test_teardown(values_are_held_against_their_bounds, clear),
        cmocka_unit_test_teardown(ids_are_1_to_512_bytes_of_utf8, clear),
        cmocka_unit_test_teardown(doubles_that_are_not_finite_are_null, clear),
        cmocka_unit_test_teardown(every_cut_of_a_record_is_rejected_and_so_is_every_extra_byte, clear),
        cmocka_unit_test_teardown(lengths_and_counts_are_held_against_what_is_left, clear),
        cmocka_unit_test_teardown(a_varint_of_more_than_64_bits_is_rejected, clear),
        cmocka_unit_test_teardown(recursive_types_are_skipped_down_to_a_bound, clear),
        cmocka_unit_test_teardown(random_records_are_decoded_as_avro_c_does, clear),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
