#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consumer/value_decoder.h"
#include "tests/harness/test_clock.h"
#include "tests/unit/http_server.h"

static struct own_schemas own;
static struct schema_folder folder;
static struct http_test_server server;
static struct value_decoder *decoder;
static struct decoder port;
static struct event event;
static struct rejection rejection;
static struct error error;
static struct buffer value;
static int64_t record_ms = 5000; /* the record's timestamp */

static int load(void **state) {
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    http_server_start(&server);
    return own_schemas_load(&own, &error) == RESULT_OK ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    own_schemas_free(&own);
    http_server_stop(&server);
    buffer_free(&value);
    return 0;
}

static int clear(void **state) {
    (void)state;
    value_decoder_free(decoder);
    decoder = NULL;
    schema_folder_free(&folder);
    buffer_clear(&value);
    return 0;
}

static const struct clock *registry_clock = &test_clock;

static enum result create(enum value_encoding encoding) {
    struct value_decoder_options options = {.own = &own, .folder = &folder};
    for (int i = 0; i < STREAMS; i++)
        options.encodings[i] = encoding;
    if (encoding == VALUE_CONFLUENT)
        options.registry = (struct registry_options){server.url, NULL, NULL, 5000, registry_clock};
    enum result result = value_decoder_create(&options, &decoder, &error);
    if (result == RESULT_OK)
        port = value_decoder_port(decoder);
    return result;
}

static enum result decode(enum stream stream, struct text key, struct text bytes) {
    struct message message = {stream, 3, 42, record_ms, key, bytes, NULL};
    return port.decode(port.context, &message, &event, &rejection, &error);
}

static void rejects(struct text bytes, enum rejection_reason reason, const char *detail) {
    assert_int_equal(decode(STREAM_NPS, TEXT("k"), bytes), RESULT_REJECT);
    assert_string_equal(rejection.detail.text, detail);
    assert_int_equal(rejection.reason, reason);
}

static void put_string(const char *string) {
    buffer_put_zigzag(&value, (int64_t)strlen(string));
    buffer_put_string(&value, string);
}

/* event_id, account_id, user_id (null), occurred_at, score, comment (null): in our own schema. */
static void put_nps(void) {
    put_string("e1");
    put_string("acme");
    buffer_put_zigzag(&value, 0);
    buffer_put_zigzag(&value, 1234);
    buffer_put_zigzag(&value, 9);
    buffer_put_zigzag(&value, 0);
}

static void assert_nps(void) {
    assert_int_equal(event.stream, STREAM_NPS);
    assert_true(text_equals(event.account_id, "acme"));
    assert_int_equal(event.time_ms, 1234);
    assert_true(event.fields[stream_field(STREAM_NPS, TEXT("score"))].number == 9);
    assert_int_equal(event.place.partition, 3);
    assert_int_equal(event.place.offset, 42);
    assert_int_equal(event.place.timestamp_ms, 5000);
}

static void put_single_object(uint64_t fingerprint) {
    buffer_put(&value, "\xC3\x01", 2);
    buffer_put_u64(&value, fingerprint);
}

#define OLD_NPS(name)                                                                                            \
    "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[{\"name\":\"score\",\"type\":\"int\"},{\"name\":"    \
    "\"event_id\",\"type\":\"string\"},{\"name\":\"account_id\",\"type\":\"string\"},{\"name\":\"occurred_at\"," \
    "\"type\":\"long\"}]}"

/* A folder as if it were read from files. */
static void put_in_folder(const char *file, const char *json) {
    struct folder_schema *all = realloc(folder.all, (folder.count + 1) * sizeof *all);
    assert_non_null(all);
    folder.all = all;
    struct folder_schema *schema = &folder.all[folder.count++];
    folder.capacity = folder.count;
    schema->file = text_of(file);
    assert_int_equal(schema_parse(text_of(json), NULL, &folder.arena, &schema->schema, &error), RESULT_OK);
    assert_int_equal(schema_fingerprint(schema->schema, &schema->fingerprint, &error), RESULT_OK);
}

static void put_old_nps(void) {
    buffer_put_zigzag(&value, 9);
    put_string("e1");
    put_string("acme");
    buffer_put_zigzag(&value, 1234);
}

static void single_objects_name_their_schema_by_fingerprint(void **state) {
    (void)state;
    put_in_folder("old.avsc", OLD_NPS("acme.Survey"));
    assert_int_equal(create(VALUE_SINGLE_OBJECT), RESULT_OK);
    put_single_object(own.streams[STREAM_NPS]->fingerprint);
    put_nps();
    assert_int_equal(decode(STREAM_NPS, TEXT("k"), buffer_text(&value)), RESULT_OK);
    assert_nps();
    buffer_clear(&value);
    put_single_object(folder.all[0].fingerprint);
    put_old_nps();
    assert_int_equal(decode(STREAM_NPS, TEXT("k"), buffer_text(&value)), RESULT_OK);
    assert_nps();
}

static void a_schema_that_is_not_known_or_does_not_fit_is_unknown_schema(void **state) {
    (void)state;
    assert_int_equal(create(VALUE_SINGLE_OBJECT), RESULT_OK);
    put_single_object(0x0123456789abcdef);
    rejects(buffer_text(&value), REJECTION_UNKNOWN_SCHEMA,
            "the schema of fingerprint 0123456789abcdef is neither built in nor in the folder of schemas");
    for (int i = 0; i < 2; i++) { /* the second time from memory */
        buffer_clear(&value);
        put_single_object(own.streams[STREAM_LOGIN]->fingerprint);
        rejects(buffer_text(&value), REJECTION_UNKNOWN_SCHEMA,
                "nps score is not in the writer's schema bellwether.v1.Login, and has no default");
    }
}

static void what_does_not_begin_as_configured_is_undecodable(void **state) {
    (void)state;
    assert_int_equal(create(VALUE_SINGLE_OBJECT), RESULT_OK);
    const char *reason = "the value does not begin with C3 01 and a fingerprint (its encoding is single-object)";
    rejects(TEXT(""), REJECTION_UNDECODABLE, reason);
    rejects(TEXT("\xC3\x01short"), REJECTION_UNDECODABLE, reason);
    rejects(TEXT("{\"stream\":\"nps\"}"), REJECTION_UNDECODABLE, reason);
    value_decoder_free(decoder);
    assert_int_equal(create(VALUE_CONFLUENT), RESULT_OK);
    reason = "the value does not begin with a zero byte and a schema id (its encoding is confluent)";
    rejects(TEXT("\0\0\0\0"), REJECTION_UNDECODABLE, reason);
    rejects(TEXT("\1\0\0\0\1"), REJECTION_UNDECODABLE, reason);
}

static enum result decode_in_the_end(struct text bytes) {
    enum result result;
    do
        result = decode(STREAM_NPS, TEXT("k"), bytes);
    while (result == RESULT_RETRY && strstr(error.text, "on its way") != NULL);
    return result;
}

static void ids_of_the_registry_name_the_schema(void **state) {
    (void)state;
    assert_int_equal(create(VALUE_CONFLUENT), RESULT_OK);
    http_server_page(&server, 0, "/schemas/ids/258", 200,
                     "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"S\\\",\\\"fields\\\":["
                     "{\\\"name\\\":\\\"score\\\",\\\"type\\\":\\\"int\\\"},"
                     "{\\\"name\\\":\\\"event_id\\\",\\\"type\\\":\\\"string\\\"},"
                     "{\\\"name\\\":\\\"account_id\\\",\\\"type\\\":\\\"string\\\"},"
                     "{\\\"name\\\":\\\"occurred_at\\\",\\\"type\\\":\\\"long\\\"}]}\"}");
    http_server_page(&server, 1, "/schemas/ids/3", 404, "{\"error_code\":40403}");
    buffer_put(&value, "\0\0\0\1\2", 5);
    put_old_nps();
    assert_int_equal(decode_in_the_end(buffer_text(&value)), RESULT_OK);
    assert_nps();
    const struct schema *schema = NULL;
    struct text avro;
    assert_int_equal(value_decoder_schema(decoder, buffer_text(&value), 0, &schema, &avro, &error), RESULT_OK);
    assert_true(text_equals(schema->name, "S"));
    assert_int_equal(avro.size, value.size - 5);
    assert_int_equal(decode_in_the_end(TEXT("\0\0\0\0\3")), RESULT_REJECT);
    assert_int_equal(rejection.reason, REJECTION_UNKNOWN_SCHEMA);
    http_server_page(&server, 0, "/schemas/ids/4", 503, "");
    assert_int_equal(decode_in_the_end(TEXT("\0\0\0\0\4")), RESULT_RETRY);
}

/* A clock of which each look takes a millisecond. */
static int64_t looks;

static int64_t look(void *context) {
    (void)context;
    return ++looks;
}

static int64_t looks_of_decoding(struct text bytes) {
    int64_t before = looks;
    assert_int_equal(decode(STREAM_NPS, TEXT("k"), bytes), RESULT_RETRY);
    return looks - before;
}

static void a_slow_registry_is_waited_for_once_and_then_looked_at_only(void **state) {
    (void)state;
    static const struct clock clock = {.monotonic_ms = look};
    registry_clock = &clock;
    assert_int_equal(create(VALUE_CONFLUENT), RESULT_OK);
    registry_clock = &test_clock;
    http_server_page(&server, 0, "/schemas/ids/5", 404, "{\"error_code\":40403}");
    http_server_page(&server, 1, "/schemas/ids/6", 404, "{\"error_code\":40403}");
    http_server_hold(&server, true);
    assert_true(looks_of_decoding(TEXT("\0\0\0\0\5")) >= 20);
    for (int i = 0; i < 3; i++) {
        assert_true(looks_of_decoding(TEXT("\0\0\0\0\6")) < 10);
        assert_true(looks_of_decoding(TEXT("\0\0\0\0\5")) < 10);
    }
    http_server_hold(&server, false);
    assert_int_equal(decode_in_the_end(TEXT("\0\0\0\0\6")), RESULT_REJECT);
    assert_int_equal(decode_in_the_end(TEXT("\0\0\0\0\5")), RESULT_REJECT);
}

static void plain_values_are_of_the_folders_schema_or_else_of_ours(void **state) {
    (void)state;
    assert_int_equal(create(VALUE_PLAIN), RESULT_OK);
    put_nps();
    assert_int_equal(decode(STREAM_NPS, TEXT("k"), buffer_text(&value)), RESULT_OK);
    assert_nps();
    value_decoder_free(decoder);
    put_in_folder("a.avsc", OLD_NPS("acme.NpsResponse"));
    assert_int_equal(create(VALUE_PLAIN), RESULT_OK);
    buffer_clear(&value);
    put_old_nps();
    assert_int_equal(decode(STREAM_NPS, TEXT("k"), buffer_text(&value)), RESULT_OK);
    assert_nps();
    value_decoder_free(decoder);
    decoder = NULL;
    put_in_folder("b.avsc", OLD_NPS("other.NpsResponse"));
    assert_int_equal(create(VALUE_PLAIN), RESULT_REJECT);
    assert_string_equal(error.text,
                        "a.avsc and b.avsc both hold a record NpsResponse: which of them the values of the stream nps "
                        "are written with can not be told (its encoding is plain)");
}

/* Our own schema of surveys with instants in that unit, of which a fingerprint does not tell. */
static const char *nps_in(const char *unit) {
    struct text ours = own.streams[STREAM_NPS]->json;
    char *json = arena_alloc(&folder.arena, (size_t)ours.size + 1);
    assert_non_null(json);
    memcpy(json, ours.data, ours.size);
    char *written = strstr(json, "timestamp-millis");
    assert_non_null(written);
    memcpy(written, unit, strlen("timestamp-millis"));
    return json;
}

static void plain_values_have_the_units_of_the_folders_schema(void **state) {
    (void)state;
    put_in_folder("micros.avsc", nps_in("timestamp-micros"));
    assert_true(folder.all[0].fingerprint == own.streams[STREAM_NPS]->fingerprint);
    assert_int_equal(create(VALUE_PLAIN), RESULT_OK);
    put_nps();
    assert_int_equal(decode(STREAM_NPS, TEXT("k"), buffer_text(&value)), RESULT_OK);
    assert_int_equal(event.time_ms, 1); /* of 1234 microseconds */
    value_decoder_free(decoder);
    decoder = NULL;
    put_in_folder("millis.avsc", nps_in("timestamp-millis"));
    assert_int_equal(create(VALUE_PLAIN), RESULT_REJECT);
    assert_non_null(strstr(error.text, "micros.avsc and millis.avsc both hold a record NpsResponse"));
}

static void two_schemas_of_one_fingerprint_may_not_differ_in_their_units(void **state) {
    (void)state;
    put_in_folder("ours.avsc", nps_in("timestamp-millis"));
    put_in_folder("a.avsc", OLD_NPS("acme.Survey"));
    assert_int_equal(create(VALUE_SINGLE_OBJECT), RESULT_OK); /* a number without a unit is milliseconds */
    value_decoder_free(decoder);
    decoder = NULL;
    put_in_folder("micros.avsc", nps_in("timestamp-micros"));
    assert_int_equal(create(VALUE_SINGLE_OBJECT), RESULT_REJECT);
    assert_string_equal(error.text,
                        "micros.avsc and the built-in nps_response.avsc have one fingerprint, and instants of "
                        "different units: which of them a value is written with can not be told (its encoding is "
                        "single-object). Leave one of them out, give the record of one another name, or use the "
                        "encoding plain or confluent");
    folder.count--;
    put_in_folder("b.avsc",
                  "{\"type\":\"record\",\"name\":\"acme.Survey\",\"fields\":[{\"name\":\"score\",\"type\":\"int\"},"
                  "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"account_id\",\"type\":\"string\"},"
                  "{\"name\":\"occurred_at\",\"type\":{\"type\":\"long\",\"logicalType\":"
                  "\"timestamp-nanos\"}}]}");
    assert_int_equal(create(VALUE_SINGLE_OBJECT), RESULT_REJECT);
    assert_non_null(strstr(error.text, "b.avsc and a.avsc have one fingerprint"));
}

static void a_plain_schema_that_does_not_fit_is_refused_at_the_start(void **state) {
    (void)state;
    put_in_folder("a.avsc", "{\"type\":\"record\",\"name\":\"Login\",\"fields\":[]}");
    assert_int_equal(create(VALUE_PLAIN), RESULT_REJECT);
    assert_string_equal(error.text, "a.avsc: login event_id is not in the writer's schema Login, and has no default");
}

static void a_null_value_erases_the_account_of_the_key(void **state) {
    (void)state;
    char id[513];
    memset(id, 'x', sizeof id);
    assert_int_equal(create(VALUE_SINGLE_OBJECT), RESULT_OK);
    assert_int_equal(decode(STREAM_ACCOUNT, TEXT("acme"), TEXT_MISSING), RESULT_OK);
    assert_true(event.tombstone);
    assert_true(text_equals(event.account_id, "acme"));
    assert_int_equal(event.time_ms, 5000);
    assert_int_equal(event.present, 0);
    assert_int_equal(event.place.offset, 42);
    struct text wrong[] = {TEXT_MISSING, TEXT(""), TEXT("\xFF"), {id, 513}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(decode(STREAM_ACCOUNT, wrong[i], TEXT_MISSING), RESULT_REJECT);
        assert_int_equal(rejection.reason, REJECTION_INVALID_ACCOUNT_ID);
    }
    rejects(TEXT_MISSING, REJECTION_INVALID_VALUE, "the value is null, which only that of an account may be");
    const int64_t far_ms[] = {INT64_MAX, INT64_MIN, (INT64_C(1) << 53) + 1};
    for (size_t i = 0; i < sizeof far_ms / sizeof far_ms[0]; i++) {
        record_ms = far_ms[i];
        assert_int_equal(decode(STREAM_ACCOUNT, TEXT("acme"), TEXT_MISSING), RESULT_REJECT);
        assert_int_equal(rejection.reason, REJECTION_INVALID_VALUE);
    }
    record_ms = 5000;
}

static void a_folder_of_schemas_is_read_or_its_fault_is_named(void **state) {
    (void)state;
    char path[] = "/tmp/bellwether-schemas-XXXXXX", file[64];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/one.avsc", path);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(OLD_NPS("acme.Survey"), out);
    fclose(out);
    assert_int_equal(schema_folder_load(path, &folder, &error), RESULT_OK);
    assert_int_equal(folder.count, 1);
    assert_true(text_equals(folder.all[0].file, "one.avsc"));
    schema_folder_free(&folder);
    out = fopen(file, "w");
    assert_non_null(out);
    fputs("nonsense", out);
    fclose(out);
    assert_int_equal(schema_folder_load(path, &folder, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "one.avsc: the schema is not JSON"));
    schema_folder_free(&folder);
    unlink(file);
    rmdir(path);
    assert_int_equal(schema_folder_load(path, &folder, &error), RESULT_REJECT);
    assert_non_null(strstr(error.text, "No such file or directory"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(single_objects_name_their_schema_by_fingerprint, clear),
        cmocka_unit_test_teardown(a_schema_that_is_not_known_or_does_not_fit_is_unknown_schema, clear),
        cmocka_unit_test_teardown(what_does_not_begin_as_configured_is_undecodable, clear),
        cmocka_unit_test_teardown(ids_of_the_registry_name_the_schema, clear),
        cmocka_unit_test_teardown(a_slow_registry_is_waited_for_once_and_then_looked_at_only, clear),
        cmocka_unit_test_teardown(plain_values_are_of_the_folders_schema_or_else_of_ours, clear),
        cmocka_unit_test_teardown(plain_values_have_the_units_of_the_folders_schema, clear),
        cmocka_unit_test_teardown(two_schemas_of_one_fingerprint_may_not_differ_in_their_units, clear),
        cmocka_unit_test_teardown(a_plain_schema_that_does_not_fit_is_refused_at_the_start, clear),
        cmocka_unit_test_teardown(a_null_value_erases_the_account_of_the_key, clear),
        cmocka_unit_test_teardown(a_folder_of_schemas_is_read_or_its_fault_is_named, clear),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
