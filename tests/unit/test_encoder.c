#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/core/rules/program.h"
#include "producer/client.h"
#include "producer/clip.h"
#include "producer/encoder.h"
#include "tests/unit/example_changes.h"

struct fixture {
    struct encoder encoder;
    struct batch batch;
    struct error error;
};

static const struct encoder_options usual = {
    .group = TEXT("prod"),
    .topics = {TEXT("accounts"), TEXT("product-usage"), TEXT("logins"), TEXT("support-tickets"), TEXT("nps-responses"),
               TEXT("customer-events")},
    .changes = {.kind = FRAMING_JSON},
    .statuses = {.kind = FRAMING_JSON},
    .value_bytes_max = VALUE_BYTES_USUAL,
};

static struct fixture *open_fixture(const struct encoder_options *options) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_int_equal(encoder_create(options, &fixture->encoder, &fixture->error), RESULT_OK);
    return fixture;
}

static void close_fixture(struct fixture *fixture) {
    encoder_free(&fixture->encoder);
    batch_free(&fixture->batch);
    free(fixture);
}

static const struct record *encode_change(struct fixture *fixture, const struct change *change) {
    assert_int_equal(
        fixture->encoder.change(fixture->encoder.context, change, 1715731442000, &fixture->batch, &fixture->error),
        RESULT_OK);
    return &fixture->batch.records[fixture->batch.count - 1];
}

/* The one header of that name; missing where there is none. */
static struct text header_of(const struct record *record, const char *name) {
    struct text value = TEXT_MISSING;
    for (uint32_t i = 0; i < record->headers_count; i++)
        if (text_equals(record->headers[i].name, name)) {
            assert_true(text_is_missing(value));
            value = record->headers[i].value;
        }
    return value;
}

static void assert_header(const struct record *record, const char *name, const char *expected) {
    struct text value = header_of(record, name);
    if (!text_equals(value, expected))
        fail_msg("%s is %.*s, not %s", name, TEXT_ARGUMENTS(value), expected);
}

static bool contains(struct text text, const char *part) {
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

/* ---- changes */

static void a_change_is_a_cloud_event_in_binary_mode(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture(&usual);
    struct change change = example_move();
    const struct record *record = encode_change(fixture, &change);
    assert_int_equal(record->output, OUTPUT_CHANGES);
    assert_int_equal(record->partition, PARTITION_BY_KEY);
    assert_true(text_equals(record->key, "acme \"4\""));
    assert_int_equal(record->headers_count, 8);
    assert_header(record, "ce_specversion", "1.0");
    assert_header(record, "ce_id", "acme \"4\"/7");
    assert_header(record, "ce_type", "bellwether.dimension.moved");
    assert_header(record, "ce_source", "/bellwether/prod");
    assert_header(record, "ce_subject", "acme \"4\"");
    assert_header(record, "ce_time", "2024-05-15T00:04:01.086Z");
    assert_header(record, "ce_dataschema", "urn:bellwether:v1:SegmentChange");
    assert_header(record, "content-type", "application/json");
    close_fixture(fixture);
}

static void the_type_of_a_cloud_event_is_the_changes_kind(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture(&usual);
    struct change change = example_move();
    change.kind = CHANGE_ENTERED;
    assert_header(encode_change(fixture, &change), "ce_type", "bellwether.segment.entered");
    change.kind = CHANGE_EXITED;
    assert_header(encode_change(fixture, &change), "ce_type", "bellwether.segment.exited");
    close_fixture(fixture);
}

static void the_cause_names_its_topic_where_it_has_a_place(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture(&usual);
    struct change change = example_move();
    const char *login = "\"topic\":\"logins\",\"partition\":2,\"offset\":815";
    const char *account = "\"topic\":\"accounts\",\"partition\":3,\"offset\":4711";
    const char *nowhere = "\"topic\":null,\"partition\":null,\"offset\":null";
    assert_true(contains(encode_change(fixture, &change)->value, login));
    change.cause.place.partition = -1;
    assert_true(contains(encode_change(fixture, &change)->value, nowhere));
    change.cause = (struct cause){.kind = CAUSE_TICK};
    assert_true(contains(encode_change(fixture, &change)->value, nowhere));
    change = example_exit_of_an_erased_account();
    assert_true(contains(encode_change(fixture, &change)->value, account));
    close_fixture(fixture);
}

static void the_group_is_percent_encoded_in_the_source(void **state) {
    (void)state;
    struct encoder_options options = usual;
    options.group = TEXT("eu/west 1%Ü");
    struct fixture *fixture = open_fixture(&options);
    struct change change = example_move();
    assert_header(encode_change(fixture, &change), "ce_source", "/bellwether/eu%2Fwest%201%25%C3%9C");
    close_fixture(fixture);
}

static void the_schema_is_the_registrys_where_there_is_one(void **state) {
    (void)state;
    struct encoder_options options = usual;
    options.changes = (struct framing){.kind = FRAMING_CONFLUENT, .schema_id = 42};
    options.registry_url = TEXT("http://registry:8081");
    struct fixture *fixture = open_fixture(&options);
    struct change change = example_move();
    const struct record *record = encode_change(fixture, &change);
    assert_header(record, "ce_dataschema", "http://registry:8081/schemas/ids/42");
    assert_header(record, "content-type", "application/avro");
    close_fixture(fixture);
}

static void a_change_too_large_for_the_brokers_is_clipped(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture(&usual);
    uint32_t size = 400000;
    char *long_text = malloc(size);
    memset(long_text, 'x', size);
    struct change change = example_move();
    change.facts.name = change.because[0].left.text = change.because[0].right.text = (struct text){long_text, size};
    const struct record *record = encode_change(fixture, &change);
    assert_in_range(record->value.size, 3 * CLIPPED_BYTES_MAX, 3 * CLIPPED_BYTES_MAX + 2000);
    change.because[0].left.text = change.because[0].right.text = TEXT("");
    record = encode_change(fixture, &change);
    assert_in_range(record->value.size, size, size + 2000);
    free(long_text);
    close_fixture(fixture);
}

/* JSON writes a control character in six bytes. */
static void a_change_that_is_too_large_when_clipped_is_clipped_shorter(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture(&usual);
    static char ones[CLIPPED_BYTES_MAX];
    memset(ones, 1, sizeof ones);
    struct text text = {ones, sizeof ones};
    struct change change = example_move();
    change.from = change.to = change.lifecycle_stage = change.ruleset = change.playbook = text;
    change.facts = (struct change_facts){true, text, text, text, text, 0};
    change.because_count = CONDITIONS_MAX;
    for (int i = 0; i < CONDITIONS_MAX; i++)
        change.because[i] = (struct because){text, {OPERAND_TEXT, 0, text}, {OPERAND_TEXT, 0, text}, true};
    const struct record *record = encode_change(fixture, &change);
    assert_in_range(record->value.size, 33 * 6 * CLIPPED_BYTES_MAX / CLIPPED_LESS, VALUE_BYTES_USUAL / 2);
    close_fixture(fixture);
}

static void clipping_keeps_whole_characters(void **state) {
    (void)state;
    char bytes[CLIPPED_BYTES_MAX + 2];
    memset(bytes, 'x', sizeof bytes);
    struct text text = {bytes, CLIPPED_BYTES_MAX};
    assert_int_equal(clip_text(text, CLIPPED_BYTES_MAX).size, CLIPPED_BYTES_MAX);
    text.size++;
    assert_int_equal(clip_text(text, CLIPPED_BYTES_MAX).size, CLIPPED_BYTES_MAX);
    memcpy(bytes + CLIPPED_BYTES_MAX - 1, "€", 3);
    text.size++;
    assert_int_equal(clip_text(text, CLIPPED_BYTES_MAX).size, CLIPPED_BYTES_MAX - 1);
    assert_true(text_is_missing(clip_text(TEXT_MISSING, CLIPPED_BYTES_MAX)));
}

/* ---- statuses */

static void a_status_is_keyed_by_its_account(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture(&usual);
    struct status status = example_status();
    assert_int_equal(fixture->encoder.status(fixture->encoder.context, &status, &fixture->batch, &fixture->error),
                     RESULT_OK);
    const struct record *record = &fixture->batch.records[0];
    assert_int_equal(record->output, OUTPUT_STATUSES);
    assert_int_equal(record->partition, PARTITION_BY_KEY);
    assert_true(text_equals(record->key, "a"));
    assert_true(contains(record->value, "\"account_id\":\"a\",\"sequence\":9"));
    assert_header(record, "content-type", "application/json");
    close_fixture(fixture);
}

static void the_status_of_an_erased_account_is_a_tombstone(void **state) {
    (void)state;
    struct fixture *fixture = open_fixture(&usual);
    struct status status = {.account_id = TEXT("a"), .erased = true, .sequence = 9};
    assert_int_equal(fixture->encoder.status(fixture->encoder.context, &status, &fixture->batch, &fixture->error),
                     RESULT_OK);
    assert_true(text_is_missing(fixture->batch.records[0].value));
    assert_true(text_equals(fixture->batch.records[0].key, "a"));
    close_fixture(fixture);
}

static void a_status_too_large_for_the_brokers_is_clipped(void **state) {
    (void)state;
    enum { DIMENSIONS = 100 };
    struct fixture *fixture = open_fixture(&usual);
    static char ones[DIMENSION_VALUE_MAX];
    struct dimension_status dimensions[DIMENSIONS];
    char names[DIMENSIONS][8];
    memset(ones, 1, sizeof ones);
    for (int i = 0; i < DIMENSIONS; i++) {
        snprintf(names[i], sizeof names[i], "d%d", i);
        dimensions[i] = (struct dimension_status){text_of(names[i]), {ones, sizeof ones}, EXAMPLE_SINCE_MS};
    }
    struct status status = example_status();
    status.dimensions = dimensions;
    status.dimensions_count = DIMENSIONS;
    assert_int_equal(fixture->encoder.status(fixture->encoder.context, &status, &fixture->batch, &fixture->error),
                     RESULT_OK);
    struct text value = fixture->batch.records[0].value;
    assert_in_range(value.size, DIMENSIONS * 6 * CLIPPED_BYTES_MAX / CLIPPED_LESS, VALUE_BYTES_USUAL);
    assert_true(contains(value, "\"attributes\":{}"));
    assert_int_equal(dimensions[0].value.size, sizeof ones);
    close_fixture(fixture);
}

/* ---- dead letters */

static const struct record *encode_letter(struct fixture *fixture, const struct message *message,
                                          const struct header *headers, uint32_t count) {
    static const struct rejection rejection = {REJECTION_INVALID_VALUE, {"The score is 11, not 0 to 10."}};
    const struct dead_letter letter = {message, headers, count, &rejection};
    assert_int_equal(fixture->encoder.dead_letter(fixture->encoder.context, &letter, &fixture->batch, &fixture->error),
                     RESULT_OK);
    return &fixture->batch.records[fixture->batch.count - 1];
}

static const struct message nps_message = {
    .stream = STREAM_NPS,
    .partition = 3,
    .offset = 815,
    .timestamp_ms = EXAMPLE_AT_MS,
    .key = TEXT("acme"),
    .value = TEXT("\x00\x01value"),
};

static void a_dead_letter_is_the_record_with_the_reason_in_headers(void **state) {
    (void)state;
    static const struct header headers[] = {
        {TEXT("trace"), TEXT("1")}, {TEXT("empty"), {NULL, 0}}, {TEXT("trace"), TEXT("2")}};
    struct fixture *fixture = open_fixture(&usual);
    const struct record *record = encode_letter(fixture, &nps_message, headers, 3);
    assert_int_equal(record->output, OUTPUT_DEAD_LETTERS);
    assert_true(text_equal(record->key, nps_message.key));
    assert_true(text_equal(record->value, nps_message.value));
    assert_int_equal(record->headers_count, 9);
    assert_true(text_equals(record->headers[0].value, "1"));
    assert_true(text_is_missing(record->headers[1].value));
    assert_true(text_equals(record->headers[2].value, "2"));
    assert_header(record, "bw_reason", "invalid-value");
    assert_header(record, "bw_detail", "The score is 11, not 0 to 10.");
    assert_header(record, "bw_topic", "nps-responses");
    assert_header(record, "bw_partition", "3");
    assert_header(record, "bw_offset", "815");
    assert_header(record, "bw_timestamp", "1715731441086");
    close_fixture(fixture);
}

static void a_dead_letter_may_have_neither_key_nor_value(void **state) {
    (void)state;
    struct message message = nps_message;
    message.key = message.value = TEXT_MISSING;
    struct fixture *fixture = open_fixture(&usual);
    const struct record *record = encode_letter(fixture, &message, NULL, 0);
    assert_true(text_is_missing(record->key));
    assert_true(text_is_missing(record->value));
    assert_int_equal(record->headers_count, 6);
    close_fixture(fixture);
}

static void a_letter_that_dies_again_has_the_new_reason_only(void **state) {
    (void)state;
    static const struct header headers[] = {{TEXT("bw_reason"), TEXT("undecodable")}, {TEXT("bw_offset"), TEXT("1")}};
    struct fixture *fixture = open_fixture(&usual);
    const struct record *record = encode_letter(fixture, &nps_message, headers, 2);
    assert_header(record, "bw_reason", "invalid-value");
    assert_header(record, "bw_offset", "815");
    close_fixture(fixture);
}

static void a_letter_too_large_for_the_brokers_is_cut_and_says_so(void **state) {
    (void)state;
    uint32_t size = 2000000;
    char *bytes = malloc(size);
    memset(bytes, 'x', size);
    struct message message = nps_message;
    struct header header = {TEXT("large"), {bytes, size}};
    struct fixture *fixture = open_fixture(&usual);
    message.value = (struct text){bytes, size};
    const struct record *record = encode_letter(fixture, &message, &header, 1);
    assert_header(record, "bw_truncated", "value of 2000000 bytes");
    assert_true(text_is_missing(header_of(record, "large")));
    assert_in_range(record->value.size, VALUE_BYTES_USUAL - 10000, VALUE_BYTES_USUAL);
    message.value = TEXT("small");
    assert_header(encode_letter(fixture, &message, &header, 1), "bw_truncated", "1 headers");
    message.key = message.value = (struct text){bytes, size};
    record = encode_letter(fixture, &message, NULL, 0);
    assert_in_range(record->value.size + record->key.size, VALUE_BYTES_USUAL - 10000, VALUE_BYTES_USUAL);
    free(bytes);
    close_fixture(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_a_cloud_event_in_binary_mode),
        cmocka_unit_test(the_type_of_a_cloud_event_is_the_changes_kind),
        cmocka_unit_test(the_cause_names_its_topic_where_it_has_a_place),
        cmocka_unit_test(the_group_is_percent_encoded_in_the_source),
        cmocka_unit_test(the_schema_is_the_registrys_where_there_is_one),
        cmocka_unit_test(a_change_too_large_for_the_brokers_is_clipped),
        cmocka_unit_test(a_change_that_is_too_large_when_clipped_is_clipped_shorter),
        cmocka_unit_test(clipping_keeps_whole_characters),
        cmocka_unit_test(a_status_is_keyed_by_its_account),
        cmocka_unit_test(the_status_of_an_erased_account_is_a_tombstone),
        cmocka_unit_test(a_status_too_large_for_the_brokers_is_clipped),
        cmocka_unit_test(a_dead_letter_is_the_record_with_the_reason_in_headers),
        cmocka_unit_test(a_dead_letter_may_have_neither_key_nor_value),
        cmocka_unit_test(a_letter_that_dies_again_has_the_new_reason_only),
        cmocka_unit_test(a_letter_too_large_for_the_brokers_is_cut_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
