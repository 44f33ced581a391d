#include <math.h>

#include "tests/unit/avro_fixture.h"

#define FAR "at the most 9007199254740992 ms (2^53) before or after 1970"

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
    rejects(plan, REJECTION_INVALID_VALUE, "nps occurred_at is -9223372036854775808 ms, expected an instant " FAR);
    buffer_clear(&bytes);
    put_string("e");
    put_string("a");
    buffer_put(&bytes, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10);
    put_long(5);
    assert_int_equal(decode(plan), RESULT_REJECT);
}

static void an_instant_beyond_all_calendars_is_rejected(void **state) {
    (void)state;
    const int64_t farthest = INT64_C(1) << 53;
    // clang-format off
    const struct avro_plan *plan = plan_of(STREAM_ACCOUNT, RECORD(
            FIELD("account_id", "\"string\"") ","
            FIELD("updated_at", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}") ","
            FIELD("renews_at", "[\"null\",\"long\"]")));
    // clang-format on
    const struct {
        int64_t updated_us, renews_ms;
        const char *message;
    } cases[] = {
        {farthest * 1000, farthest, NULL},
        {-farthest * 1000, -farthest, NULL},
        {0, farthest + 1, "account renews_at is 9007199254740993 ms, expected an instant " FAR},
        {0, -farthest - 1, "account renews_at is -9007199254740993 ms, expected an instant " FAR},
        {0, INT64_MAX, "account renews_at is 9223372036854775807 ms, expected an instant " FAR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&bytes);
        put_string("a");
        put_long(cases[i].updated_us);
        put_long(1);
        put_long(cases[i].renews_ms);
        if (cases[i].message == NULL)
            accepts(plan);
        else
            rejects(plan, REJECTION_INVALID_VALUE, cases[i].message);
    }
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(values_are_held_against_their_bounds, clear),
        cmocka_unit_test_teardown(ids_are_1_to_512_bytes_of_utf8, clear),
        cmocka_unit_test_teardown(doubles_that_are_not_finite_are_null, clear),
        cmocka_unit_test_teardown(every_cut_of_a_record_is_rejected_and_so_is_every_extra_byte, clear),
        cmocka_unit_test_teardown(lengths_and_counts_are_held_against_what_is_left, clear),
        cmocka_unit_test_teardown(a_varint_of_more_than_64_bits_is_rejected, clear),
        cmocka_unit_test_teardown(an_instant_beyond_all_calendars_is_rejected, clear),
        cmocka_unit_test_teardown(recursive_types_are_skipped_down_to_a_bound, clear),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
