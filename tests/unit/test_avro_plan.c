#include "tests/unit/avro_fixture.h"

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
    };
    return cmocka_run_group_tests(tests, load, unload);
}
