/* avro-c, which knows nothing of our encoder, must read what it writes, by the schemas as they are published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <avro.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/number.h"
#include "embedded/schemas.h"
#include "producer/avro_encode.h"
#include "producer/framing.h"
#include "tests/unit/example_changes.h"

static avro_schema_t schema_open(const char *file) {
    for (size_t i = 0; i < schemas_files_count; i++) {
        if (strcmp(schemas_files[i].name, file) != 0)
            continue;
        avro_schema_t schema;
        assert_int_equal(avro_schema_from_json_length(schemas_files[i].text, schemas_files[i].length, &schema), 0);
        return schema;
    }
    fail_msg("%s is not embedded", file);
    return NULL;
}

/* All of the bytes, as Avro's JSON encoding of them. */
static json_t *decode(const char *file, const struct buffer *bytes) {
    assert_true(buffer_ok(bytes));
    avro_schema_t schema = schema_open(file);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    avro_reader_t reader = avro_reader_memory((const char *)bytes->data, (int64_t)bytes->size);
    avro_value_t value;
    assert_int_equal(avro_generic_value_new(class, &value), 0);
    assert_int_equal(avro_value_read(reader, &value), 0);
    char byte;
    assert_int_not_equal(avro_read(reader, &byte, 1), 0);

    char *text = NULL;
    assert_int_equal(avro_value_to_json(&value, 1, &text), 0);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    avro_reader_free(reader);
    return json;
}

static void assert_decoded(const char *file, struct buffer *bytes, const char *expected_text) {
    json_t *actual = decode(file, bytes);
    json_error_t error;
    json_t *expected = json_loads(expected_text, 0, &error);
    if (expected == NULL)
        fail_msg("the expected text is no JSON at %d: %s", error.position, error.text);
    if (!json_equal(actual, expected)) {
        char *text = json_dumps(actual, JSON_COMPACT);
        print_error("actual: %s\n", text);
        free(text);
        fail();
    }
    json_decref(actual);
    json_decref(expected);
    buffer_free(bytes);
}

static const struct change_origin origin = {.decided_at_ms = 1715731442000, .cause_topic = TEXT("logins")};

static void a_change_with_everything_reads_back(void **state) {
    (void)state;
    struct change change = example_move();
    struct buffer out = {0};
    change_write_avro(&change, &origin, &out);
    assert_decoded("segment_change.avsc", &out,
                   "{\"account_id\":\"acme \\\"4\\\"\",\"sequence\":7,\"at\":1715731441086,\"kind\":\"MOVED\","
                   "\"subject\":\"risk_band\",\"from\":{\"string\":\"low\"},\"to\":{\"string\":\"high\"},"
                   "\"churn_risk\":{\"double\":71.25},\"coverage\":{\"double\":0.8374},"
                   "\"lifecycle_stage\":{\"string\":\"established\"},\"segments\":[\"seg_3\",\"power_2\"],"
                   "\"reasons_of\":{\"string\":\"churn_risk\"},"
                   "\"reasons\":[{\"signal\":\"silence\",\"value\":691200000.0,\"contribution\":55.53},"
                   "{\"signal\":\"decline\",\"value\":0.33333333333333331,\"contribution\":15.72}],"
                   "\"because\":[{\"condition\":\"account.plan != \\\"free\\\"\",\"left\":{\"string\":\"team\"},"
                   "\"right\":{\"string\":\"free\"},\"holds\":true},"
                   "{\"condition\":\"login.succeeded == true\",\"left\":{\"boolean\":false},"
                   "\"right\":{\"boolean\":true},\"holds\":false},"
                   "{\"condition\":\"churn_risk > 70\",\"left\":{\"double\":71.25},\"right\":{\"double\":70.0},"
                   "\"holds\":true},"
                   "{\"condition\":\"missing(account.arr)\",\"left\":null,\"right\":null,\"holds\":false}],"
                   "\"previous_since\":{\"long\":1714521600000},"
                   "\"facts\":{\"ChangeFacts\":{\"name\":{\"string\":\"Acme\"},\"owner\":null,"
                   "\"plan\":{\"string\":\"team\"},\"arr\":{\"double\":12000.5},\"currency\":{\"string\":\"EUR\"}}},"
                   "\"cause\":{\"kind\":\"EVENT\",\"stream\":{\"string\":\"login\"},\"event_id\":{\"string\":\"l5\"},"
                   "\"topic\":{\"string\":\"logins\"},\"partition\":{\"int\":2},\"offset\":{\"long\":815}},"
                   "\"ruleset\":\"2026-11-01\",\"playbook\":{\"string\":\"rescue\"},\"origin\":\"LIVE\","
                   "\"decided_at\":1715731442000}");
}

static void a_change_with_nothing_but_what_must_be_reads_back(void **state) {
    (void)state;
    struct change change = example_exit_of_an_erased_account();
    change.previous_since_ms = INSTANT_NONE;
    change.cause = (struct cause){.kind = CAUSE_TICK};
    struct change_origin no_place = {.decided_at_ms = -1};
    struct buffer out = {0};
    change_write_avro(&change, &no_place, &out);
    assert_decoded("segment_change.avsc", &out,
                   "{\"account_id\":\"a\",\"sequence\":8,\"at\":1715731441086,\"kind\":\"EXITED\","
                   "\"subject\":\"silent\",\"from\":null,\"to\":null,\"churn_risk\":null,\"coverage\":null,"
                   "\"lifecycle_stage\":null,\"segments\":[],\"reasons_of\":null,\"reasons\":[],\"because\":[],"
                   "\"previous_since\":null,\"facts\":null,\"cause\":{\"kind\":\"TICK\",\"stream\":null,"
                   "\"event_id\":null,\"topic\":null,\"partition\":null,\"offset\":null},"
                   "\"ruleset\":\"2026-11-01\",\"playbook\":null,\"origin\":\"BACKFILL\",\"decided_at\":-1}");
}

static void every_kind_of_change_and_cause_is_the_schemas_symbol(void **state) {
    (void)state;
    struct change change = example_move();
    for (int kind = CHANGE_MOVED; kind <= CHANGE_EXITED; kind++)
        for (int cause = CAUSE_EVENT; cause <= CAUSE_ACCOUNT_DELETED; cause++) {
            change.kind = (enum change_kind)kind;
            change.cause.kind = (enum cause_kind)cause;
            struct buffer out = {0};
            change_write_avro(&change, &origin, &out);
            json_t *json = decode("segment_change.avsc", &out);
            assert_string_equal(json_string_value(json_object_get(json, "kind")), change_kind_name(change.kind));
            json_t *cause_json = json_object_get(json, "cause");
            assert_string_equal(json_string_value(json_object_get(cause_json, "kind")),
                                cause_kind_name(change.cause.kind));
            json_decref(json);
            buffer_free(&out);
        }
}

static void a_status_reads_back(void **state) {
    (void)state;
    struct status status = example_status();
    struct buffer out = {0};
    status_write_avro(&status, &out);
    assert_decoded("account_status.avsc", &out,
                   "{\"account_id\":\"a\",\"sequence\":9,\"at\":1715731441086,\"ruleset\":\"2026-11-01\","
                   "\"scores\":{\"churn_risk\":{\"value\":{\"double\":71.25},\"coverage\":0.8374},"
                   "\"health\":{\"value\":null,\"coverage\":0.0}},"
                   "\"dimensions\":{\"tier\":{\"value\":\"gold\",\"since\":1714521600000}},"
                   "\"segments\":[{\"name\":\"silent\",\"since\":1714521600000}],"
                   "\"facts\":{\"AccountFacts\":{\"updated_at\":1714521600000,\"name\":{\"string\":\"Acme\"},"
                   "\"status\":\"CANCELLED\",\"plan\":null,\"arr\":{\"double\":12000.5},\"currency\":null,"
                   "\"seats\":{\"int\":25},\"employees\":null,\"industry\":null,\"country\":null,\"region\":null,"
                   "\"created_at\":null,\"onboarded_at\":null,\"renews_at\":null,\"owner\":null,"
                   "\"touch_override\":null,\"parent_account_id\":null,\"attributes\":{\"segment\":\"smb\"}}}}");
}

static void a_status_before_any_facts_reads_back(void **state) {
    (void)state;
    struct status status = {.account_id = TEXT("a"), .ruleset = TEXT("r")};
    struct buffer out = {0};
    status_write_avro(&status, &out);
    assert_decoded("account_status.avsc", &out,
                   "{\"account_id\":\"a\",\"sequence\":0,\"at\":0,\"ruleset\":\"r\",\"scores\":{},\"dimensions\":{},"
                   "\"segments\":[],\"facts\":null}");
}

static void a_ticket_reads_back(void **state) {
    (void)state;
    struct event event = example_event(STREAM_TICKET);
    struct buffer out = {0};
    event_write_avro(&event, &out);
    assert_decoded("support_ticket.avsc", &out,
                   "{\"event_id\":\"e1\",\"account_id\":\"acme\",\"user_id\":null,\"occurred_at\":1714521600000,"
                   "\"ticket_id\":\"t1\",\"action\":\"ESCALATED\",\"severity\":\"URGENT\",\"satisfaction\":{\"int\":5},"
                   "\"subject\":null}");
}

static void an_account_reads_back(void **state) {
    (void)state;
    struct event event = example_account();
    struct buffer out = {0};
    event_write_avro(&event, &out);
    assert_decoded("account.avsc", &out,
                   "{\"account_id\":\"a\",\"updated_at\":1714521600000,\"name\":{\"string\":\"Acme\"},"
                   "\"status\":\"CANCELLED\",\"plan\":null,\"arr\":{\"double\":12000.5},\"currency\":null,"
                   "\"seats\":{\"int\":25},\"employees\":null,\"industry\":null,\"country\":null,\"region\":null,"
                   "\"created_at\":null,\"onboarded_at\":null,\"renews_at\":null,\"owner\":null,"
                   "\"touch_override\":null,\"parent_account_id\":null,\"attributes\":{\"segment\":\"smb\"}}");
}

/* As a double, the greatest 64-bit number is one more than it. */
static void whole_numbers_stay_within_64_bits(void **state) {
    (void)state;
    struct event event = example_event(STREAM_USAGE);
    uint32_t quantity = stream_field(STREAM_USAGE, TEXT("quantity"));
    const struct {
        double number;
        int64_t written;
    } cases[] = {{(double)INT64_MAX, INT64_MAX}, {(double)INT64_MIN, INT64_MIN}, {-0x1p62, -(INT64_C(1) << 62)}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(number_to_int64(cases[i].number), cases[i].written);
    event.fields[quantity].number = (double)INT64_MAX;
    struct buffer out = {0};
    event_write_avro(&event, &out);
    assert_decoded(
        "product_usage.avsc", &out,
        "{\"event_id\":\"e1\",\"account_id\":\"acme\",\"user_id\":\"user_id\","
        "\"occurred_at\":1714521600000,\"feature\":\"feature\",\"quantity\":9223372036854775807,\"duration_ms\":null,"
        "\"properties\":{}}");
}

static void events_with_only_what_must_be_have_the_defaults(void **state) {
    (void)state;
    struct event event = example_event(STREAM_USAGE);
    event.present &= ~(1u << 5); /* quantity */
    struct buffer out = {0};
    event_write_avro(&event, &out);
    assert_decoded("product_usage.avsc", &out,
                   "{\"event_id\":\"e1\",\"account_id\":\"acme\",\"user_id\":\"user_id\","
                   "\"occurred_at\":1714521600000,\"feature\":\"feature\",\"quantity\":1,\"duration_ms\":null,"
                   "\"properties\":{}}");
    event = example_event(STREAM_LOGIN);
    event.present &= ~(1u << 4 | 1u << 5); /* method, succeeded */
    event_write_avro(&event, &out);
    assert_decoded("login.avsc", &out,
                   "{\"event_id\":\"e1\",\"account_id\":\"acme\",\"user_id\":\"user_id\","
                   "\"occurred_at\":1714521600000,\"method\":\"OTHER\",\"succeeded\":true}");
}

static void an_event_with_properties_reads_back(void **state) {
    (void)state;
    static const struct map_entry properties[] = {{TEXT("a"), TEXT("1")}, {TEXT(""), TEXT("")}};
    struct event event = example_event(STREAM_CUSTOM);
    event.fields[5].number = -2.5; /* value */
    event.present |= 1u << 5;
    event.entries = properties;
    event.entries_count = 2;
    struct buffer out = {0};
    event_write_avro(&event, &out);
    assert_decoded("customer_event.avsc", &out,
                   "{\"event_id\":\"e1\",\"account_id\":\"acme\",\"user_id\":null,\"occurred_at\":1714521600000,"
                   "\"name\":\"name\",\"value\":{\"double\":-2.5},\"properties\":{\"a\":\"1\",\"\":\"\"}}");
}

static void every_stream_reads_back(void **state) {
    (void)state;
    static const char *const files[STREAMS] = {"account.avsc",        "product_usage.avsc", "login.avsc",
                                               "support_ticket.avsc", "nps_response.avsc",  "customer_event.avsc"};
    for (int stream = 0; stream < STREAMS; stream++) {
        struct event event = example_event((enum stream)stream);
        struct buffer out = {0};
        event_write_avro(&event, &out);
        json_decref(decode(files[stream], &out));
        buffer_free(&out);
    }
}

static json_t *schema_json(const char *file) {
    for (size_t i = 0; i < schemas_files_count; i++)
        if (strcmp(schemas_files[i].name, file) == 0)
            return json_loadb(schemas_files[i].text, schemas_files[i].length, 0, NULL);
    return NULL;
}

/* The schema repeats them, as a schema must stand by itself: whoever adds a field to one adds it to the other. */
static void the_facts_of_a_status_are_the_fields_of_account_but_its_id(void **state) {
    (void)state;
    json_t *account = schema_json("account.avsc"), *status = schema_json("account_status.avsc");
    json_t *account_fields = json_object_get(account, "fields"), *status_fields = json_object_get(status, "fields");
    json_t *facts = json_array_get(status_fields, json_array_size(status_fields) - 1);
    json_t *facts_fields = json_object_get(json_array_get(json_object_get(facts, "type"), 1), "fields");
    assert_int_equal(json_array_size(facts_fields) + 1, json_array_size(account_fields));
    for (size_t i = 0; i < json_array_size(facts_fields); i++) {
        json_t *expected = json_array_get(account_fields, i + 1), *actual = json_array_get(facts_fields, i);
        assert_true(json_equal(json_object_get(expected, "name"), json_object_get(actual, "name")));
        assert_true(json_equal(json_object_get(expected, "type"), json_object_get(actual, "type")));
    }
    json_decref(account);
    json_decref(status);
}

static void framings_stand_before_the_value(void **state) {
    (void)state;
    struct status status = {.account_id = TEXT("a"), .ruleset = TEXT("r")};
    struct buffer plain = {0};
    status_write_avro(&status, &plain);
    const struct {
        struct framing framing;
        const char *prefix;
        size_t prefix_size;
    } cases[] = {
        {{.kind = FRAMING_PLAIN}, "", 0},
        {{.kind = FRAMING_SINGLE_OBJECT, .fingerprint = 0x0102030405060708},
         "\xC3\x01\x08\x07\x06\x05\x04\x03\x02\x01",
         10},
        {{.kind = FRAMING_CONFLUENT, .schema_id = 0x01020304}, "\0\x01\x02\x03\x04", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer out = {0};
        status_write(&status, &cases[i].framing, &out);
        assert_int_equal(out.size, cases[i].prefix_size + plain.size);
        assert_memory_equal(out.data, cases[i].prefix, cases[i].prefix_size);
        assert_memory_equal(out.data + cases[i].prefix_size, plain.data, plain.size);
        assert_true(text_equals(framing_content_type(&cases[i].framing), "application/avro"));
        buffer_free(&out);
    }
    buffer_free(&plain);
}

static void the_framing_json_is_the_json_with_its_origin(void **state) {
    (void)state;
    struct framing framing = {.kind = FRAMING_JSON};
    struct change change = example_move();
    struct buffer framed = {0}, json = {0};
    change_write(&change, &origin, &framing, &framed);
    change_write_json(&change, &origin, &json);
    assert_true(text_equal(buffer_text(&framed), buffer_text(&json)));
    assert_true(text_equals(framing_content_type(&framing), "application/json"));
    buffer_free(&framed);
    buffer_free(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_with_everything_reads_back),
        cmocka_unit_test(a_change_with_nothing_but_what_must_be_reads_back),
        cmocka_unit_test(every_kind_of_change_and_cause_is_the_schemas_symbol),
        cmocka_unit_test(a_status_reads_back),
        cmocka_unit_test(a_status_before_any_facts_reads_back),
        cmocka_unit_test(a_ticket_reads_back),
        cmocka_unit_test(an_account_reads_back),
        cmocka_unit_test(whole_numbers_stay_within_64_bits),
        cmocka_unit_test(events_with_only_what_must_be_have_the_defaults),
        cmocka_unit_test(an_event_with_properties_reads_back),
        cmocka_unit_test(every_stream_reads_back),
        cmocka_unit_test(the_facts_of_a_status_are_the_fields_of_account_but_its_id),
        cmocka_unit_test(framings_stand_before_the_value),
        cmocka_unit_test(the_framing_json_is_the_json_with_its_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
