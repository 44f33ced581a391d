#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "consumer/json_lines.h"

static struct json_lines *reader;
static struct file_record record;
static struct error error;

static int open_reader(void **state) {
    (void)state;
    return json_lines_create(&reader, &error) == RESULT_OK ? 0 : -1;
}

static int close_reader(void **state) {
    (void)state;
    json_lines_free(reader);
    return 0;
}

static enum result read_text(struct text line) {
    json_lines_clear(reader);
    /* The exact size on the heap, so that a read beyond the end does not go unseen. */
    static char *copy;
    free(copy);
    copy = malloc(line.size + 1);
    assert_non_null(copy);
    char *start = copy + 1;
    memcpy(start, line.data, line.size);
    return json_lines_read(reader, (struct text){start, line.size}, STREAMS, &record, &error);
}

static void accepts(const char *line) {
    if (read_text(text_of(line)) != RESULT_OK)
        fail_msg("%s\nwas rejected: %s", line, error.text);
}

static void rejects(const char *line, const char *reason) {
    assert_int_equal(read_text(text_of(line)), RESULT_REJECT);
    assert_string_equal(error.text, reason);
}

#define LOGIN(rest) \
    "{\"stream\":\"login\",\"event_id\":\"e\",\"account_id\":\"a\",\"user_id\":\"u\",\"occurred_at\":1000" rest "}"
#define NPS(rest)   "{\"stream\":\"nps\",\"event_id\":\"e\",\"account_id\":\"a\",\"occurred_at\":1000" rest "}"
#define FACTS(rest) "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":1000" rest "}"
#define USAGE(rest)                                                                                                 \
    "{\"stream\":\"usage\",\"event_id\":\"e\",\"account_id\":\"a\",\"user_id\":\"u\",\"feature\":\"f\",\"occurred_" \
    "at\":1000" rest "}"
#define CUSTOM(rest) \
    "{\"stream\":\"custom\",\"event_id\":\"e\",\"account_id\":\"a\",\"name\":\"n\",\"occurred_at\":1000" rest "}"

static double number_of(const char *field) {
    uint32_t index = stream_field(record.event.stream, text_of(field));
    assert_int_not_equal(index, FIELDS_MAX);
    assert_true(event_has(&record.event, index));
    return record.event.fields[index].number;
}

static void assert_text(struct text text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static struct text text_of_field(const char *field) {
    uint32_t index = stream_field(record.event.stream, text_of(field));
    assert_int_not_equal(index, FIELDS_MAX);
    return event_has(&record.event, index) ? record.event.fields[index].text : TEXT_MISSING;
}

static bool is_null(const char *field) {
    return !event_has(&record.event, stream_field(record.event.stream, text_of(field)));
}

static void a_line_becomes_an_event(void **state) {
    (void)state;
    accepts("{\"stream\": \"ticket\", \"event_id\": \"e1\", \"account_id\": \"acme\", \"user_id\": \"u1\", "
            "\"occurred_at\": \"2026-11-01T10:20:30.5Z\", \"ticket_id\": \"T1\", \"action\": \"ESCALATED\", "
            "\"severity\": \"HIGH\", \"satisfaction\": 4, \"subject\": \"slow\"}");
    assert_int_equal(record.event.stream, STREAM_TICKET);
    assert_text(record.event.account_id, "acme");
    assert_text(record.event.event_id, "e1");
    assert_int_equal(record.event.time_ms, INT64_C(1793528430500));
    assert_int_equal(record.event.place.timestamp_ms, record.event.time_ms);
    assert_int_equal(record.event.place.partition, -1);
    assert_false(record.event.tombstone);
    assert_text(text_of_field("ticket_id"), "T1");
    assert_int_equal(number_of("action"), TICKET_ESCALATED);
    assert_int_equal(number_of("severity"), 2);
    assert_int_equal(number_of("satisfaction"), 4);
    assert_text(text_of_field("subject"), "slow");
}

static void keys_may_stand_in_any_order_and_the_last_of_equal_ones_wins(void **state) {
    (void)state;
    accepts(
        "{\"score\":99,\"occurred_at\":5,\"account_id\":7,\"event_id\":\"e\",\"account_id\":\"b\",\"stream\":\"login\","
        "\"score\":3,\"stream\":\"nps\"}");
    assert_int_equal(record.event.stream, STREAM_NPS);
    assert_text(record.event.account_id, "b");
    assert_int_equal(number_of("score"), 3);
    rejects(NPS(",\"score\":3,\"score\":11"), "nps score is 11, expected 0 to 10");
}

static void fields_left_out_have_their_defaults(void **state) {
    (void)state;
    accepts(LOGIN(""));
    assert_int_equal(number_of("method"), 3);
    assert_int_equal(number_of("succeeded"), 1);
    accepts(USAGE(""));
    assert_int_equal(number_of("quantity"), 1);
    assert_true(is_null("duration_ms"));
    assert_int_equal(record.event.entries_count, 0);
    accepts(FACTS(""));
    assert_int_equal(number_of("status"), 1);
    assert_true(is_null("name"));
    assert_true(text_is_missing(record.event.event_id));
}

static void null_is_for_optional_fields_only(void **state) {
    (void)state;
    accepts(FACTS(",\"name\":null,\"arr\":null,\"created_at\":null"));
    assert_true(is_null("name") && is_null("arr") && is_null("created_at"));
    rejects(LOGIN(",\"user_id\":null"), "login user_id is null, which it must not be");
    rejects(LOGIN(",\"method\":null"), "login method is null, which it must not be; leave it out for its default");
    rejects(FACTS(",\"attributes\":null"),
            "account attributes is null, which it must not be; leave it out for its default");
}

static void a_field_without_a_default_must_be_there(void **state) {
    (void)state;
    rejects("{\"stream\":\"nps\",\"event_id\":\"e\",\"account_id\":\"a\",\"occurred_at\":1}", "nps score is missing");
    rejects("{\"stream\":\"login\",\"account_id\":\"a\",\"occurred_at\":1}", "login event_id is missing");
    rejects("{\"stream\":\"account\",\"account_id\":\"a\"}", "account updated_at is missing");
}

static void types_must_fit(void **state) {
    (void)state;
    rejects(FACTS(",\"seats\":\"9\""), "account seats is \"9\", expected a whole number");
    rejects(FACTS(",\"name\":7"), "account name is 7, expected a string");
    rejects(FACTS(",\"arr\":\"7\""), "account arr is \"7\", expected a number");
    rejects(LOGIN(",\"succeeded\":1"), "login succeeded is 1, expected true or false");
    rejects(LOGIN(",\"user_id\":[1,2]"), "login user_id is an array, expected a string");
    rejects(LOGIN(",\"method\":\"sso\""), "login method is \"sso\", expected one of PASSWORD, SSO, TOKEN, OTHER");
    rejects(FACTS(",\"attributes\":[]"), "account attributes is an array, expected an object of strings");
    rejects(USAGE(",\"properties\":{\"k\":5}"), "usage properties[\"k\"] is 5, expected a string");
    rejects(FACTS(",\"created_at\":true"),
            "account created_at is true, expected an instant such as 2026-11-01T10:20:30Z, or milliseconds");
}

static void whole_numbers_are_whole_however_they_are_written(void **state) {
    (void)state;
    static const char *const fives[] = {FACTS(",\"seats\":5"), FACTS(",\"seats\":5.0"), FACTS(",\"seats\":50e-1"),
                                        FACTS(",\"seats\":0.5E+1"), FACTS(",\"seats\":5.000000000000000000000")};
    for (size_t i = 0; i < sizeof fives / sizeof fives[0]; i++) {
        accepts(fives[i]);
        assert_int_equal(number_of("seats"), 5);
    }
    rejects(FACTS(",\"seats\":2.5"), "account seats is 2.5, expected a whole number");
    rejects(FACTS(",\"seats\":1e400"), "account seats is 1e400, expected a whole number of 64 bits");
}

static void whole_numbers_have_their_ranges(void **state) {
    (void)state;
    accepts(FACTS(",\"seats\":-2147483648,\"employees\":2147483647"));
    assert_true(number_of("seats") == -2147483648.0);
    rejects(FACTS(",\"seats\":2147483648"), "account seats is 2147483648, expected a whole number of 32 bits");
    accepts(USAGE(",\"quantity\":-9223372036854775808,\"duration_ms\":9223372036854775807"));
    assert_true(number_of("quantity") == -0x1p63);
    rejects(USAGE(",\"quantity\":9223372036854775808"),
            "usage quantity is 9223372036854775808, expected a whole number of 64 bits");
    rejects(USAGE(",\"quantity\":-9223372036854775809"),
            "usage quantity is -9223372036854775809, expected a whole number of 64 bits");
    rejects(NPS(",\"score\":-1"), "nps score is -1, expected 0 to 10");
    accepts(NPS(",\"score\":10"));
}

static void doubles_are_read_exactly_and_those_not_finite_are_null(void **state) {
    (void)state;
    static const char *const texts[] = {"0.1",
                                        "1200.5",
                                        "-4.35",
                                        "1e23",
                                        "123456789012345678",
                                        "0.30000000000000004",
                                        "4.9406564584124654e-324",
                                        "1.7976931348623157e308",
                                        "-0.0",
                                        "9007199254740993",
                                        "1.00000000000000011102230246251565404236316680908203125"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, CUSTOM(",\"value\":%s"), texts[i]);
        accepts(line);
        assert_true(number_of("value") == strtod(texts[i], NULL));
    }
    accepts(CUSTOM(",\"value\":1e309"));
    assert_true(is_null("value"));
    accepts(CUSTOM(",\"value\":-1e999999999999999999999"));
    assert_true(is_null("value"));
}

static void numbers_follow_the_grammar_of_json(void **state) {
    (void)state;
    static const char *const wrong[] = {"01",  "+1",  ".5",  "1.",       "1e",        "1e+", "-",
                                        "--1", "0x1", "NaN", "Infinity", "-Infinity", "1_0", "1 0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, CUSTOM(",\"value\":%s"), wrong[i]);
        assert_int_equal(read_text(text_of(line)), RESULT_REJECT);
        assert_memory_equal(error.text, "this is not JSON: ", 18);
    }
}

static void instants_are_text_or_milliseconds(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t instant_ms;
    } instants[] = {
        {"\"2024-02-29\"", INT64_C(1709164800000)},
        {"\"2024-02-29T01:02\"", INT64_C(1709168520000)},
        {"\"2024-02-29T01:02:03Z\"", INT64_C(1709168523000)},
        {"\"2024-02-29T01:02:03.456Z\"", INT64_C(1709168523456)},
        {"\"2024-02-29T01:02:03.4567+02:00\"", INT64_C(1709161323456)},
        {"\"2024-02-29T01:02:\\u00303Z\"", INT64_C(1709168523000)},
        {"1709168523456", INT64_C(1709168523456)},
        {"-1.0", -1},
        {"9007199254740992", INT64_C(1) << 53},
        {"-9007199254740992", -(INT64_C(1) << 53)},
    };
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":%s}",
                 instants[i].text);
        accepts(line);
        assert_int_equal(record.event.time_ms, instants[i].instant_ms);
    }
    static const char *const wrong[] = {"\"yesterday\"",
                                        "\"2023-02-29T01:02:03Z\"",
                                        "\"2024-02-29T24:00:00Z\"",
                                        "\"2024-02-29T01:60:03Z\"",
                                        "\"2024-02-29T01:02:03.45xZ\"",
                                        "\"2024-02-29 01:02:03Z\"",
                                        "\"1709168523456\"",
                                        "\"\"",
                                        "1.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, FACTS(",\"created_at\":%s"), wrong[i]);
        assert_int_equal(read_text(text_of(line)), RESULT_REJECT);
    }
}

/* As stands for "never" in many a system. */
static void an_instant_beyond_all_calendars_is_rejected(void **state) {
    (void)state;
    static const char *const wrong[] = {"9223372036854775807", "-9223372036854775808", "9007199254740993",
                                        "-9007199254740993", "1e18"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[256], message[256];
        snprintf(line, sizeof line, FACTS(",\"renews_at\":%s"), wrong[i]);
        snprintf(message, sizeof message,
                 "account renews_at is %s, expected an instant at the most 9007199254740992 ms (2^53) before or after "
                 "1970",
                 wrong[i]);
        rejects(line, message);
        snprintf(line, sizeof line, LOGIN(",\"recorded_at\":%s"), wrong[i]);
        assert_int_equal(read_text(text_of(line)), RESULT_REJECT);
        snprintf(line, sizeof line, "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":%s}", wrong[i]);
        assert_int_equal(read_text(text_of(line)), RESULT_REJECT);
    }
}

static void recorded_at_is_the_place_in_time(void **state) {
    (void)state;
    accepts(LOGIN(",\"recorded_at\":\"1970-01-01T00:00:07Z\""));
    assert_true(record.has_recorded_at);
    assert_int_equal(record.event.place.timestamp_ms, 7000);
    assert_int_equal(record.event.time_ms, 1000);
    accepts(LOGIN(",\"recorded_at\":null"));
    assert_false(record.has_recorded_at);
    assert_int_equal(record.event.place.timestamp_ms, 1000);
    rejects(LOGIN(",\"recorded_at\":\"soon\""),
            "login recorded_at is \"soon\", expected an instant such as 2026-11-01T10:20:30Z, or milliseconds");
}

static void escapes_mean_their_characters(void **state) {
    (void)state;
    accepts(LOGIN(",\"us\\u0065r_id\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9\\u20AC\\ud83d\\uDE00\""));
    assert_text(text_of_field("user_id"), "\"\\/\b\f\n\r\t \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    accepts(LOGIN(",\"user_id\":\"a\\u0000b\""));
    struct text user_id = text_of_field("user_id");
    assert_int_equal(user_id.size, 3);
    assert_memory_equal(user_id.data, "a\0b", 3);
}

static void text_that_is_not_utf8_is_rejected(void **state) {
    (void)state;
    rejects(LOGIN(",\"x\":\"\xFF\""), "the line is not UTF-8");
    rejects(LOGIN(",\"user_id\":\"\xED\xA0\x80\""), "the line is not UTF-8");
    const char *half = "user_id has half of a surrogate pair (\\uD800 to \\uDFFF alone), which is not UTF-8";
    rejects(LOGIN(",\"user_id\":\"\\ud83d\""), half);
    rejects(LOGIN(",\"user_id\":\"\\ud83d\\u0041\""), half);
    rejects(LOGIN(",\"user_id\":\"\\ude00\\ud83d\""), half);
    accepts(LOGIN(",\"not a field\":\"\\ud83d\",\"\\ud83d\":1"));
}

static void ids_have_1_to_512_bytes(void **state) {
    (void)state;
    char id[600], line[1024];
    memset(id, 'x', sizeof id);
    snprintf(line, sizeof line, "{\"stream\":\"account\",\"updated_at\":1,\"account_id\":\"%.512s\"}", id);
    accepts(line);
    assert_int_equal(record.event.account_id.size, 512);
    snprintf(line, sizeof line, "{\"stream\":\"account\",\"updated_at\":1,\"account_id\":\"%.513s\"}", id);
    rejects(line, "account account_id has 513 bytes; 512 is the most");
    rejects("{\"stream\":\"account\",\"updated_at\":1,\"account_id\":\"\"}", "account account_id is empty");
    rejects(LOGIN(",\"event_id\":\"\""), "login event_id is empty");
    accepts(LOGIN(",\"user_id\":\"\""));
}

static void maps_keep_their_entries(void **state) {
    (void)state;
    accepts(USAGE(",\"properties\":{\"a\":\"1\", \"b\\n\":\"\\u0032\" ,\"a\":\"3\"}"));
    assert_int_equal(record.event.entries_count, 3);
    assert_text(event_entry(&record.event, TEXT("a")), "3");
    assert_text(event_entry(&record.event, TEXT("b\n")), "2");
    assert_true(text_is_missing(event_entry(&record.event, TEXT("c"))));
    char line[4096] = USAGE(",\"properties\":{\"k0\":\"v\"");
    line[strlen(line) - 1] = '\0';
    for (int i = 1; i < 100; i++)
        sprintf(line + strlen(line), ",\"k%d\":\"v%d\"", i, i);
    strcat(line, "}}");
    accepts(line);
    assert_int_equal(record.event.entries_count, 100);
    assert_text(event_entry(&record.event, TEXT("k99")), "v99");
}

static void a_tombstone_needs_no_more_than_account_and_time(void **state) {
    (void)state;
    accepts(FACTS(",\"deleted\":true,\"status\":3,\"seats\":\"x\""));
    assert_true(record.event.tombstone);
    assert_int_equal(record.event.present, 0);
    assert_int_equal(record.event.time_ms, 1000);
    accepts(FACTS(",\"deleted\":false"));
    assert_false(record.event.tombstone);
    accepts(LOGIN(",\"deleted\":true"));
    assert_false(record.event.tombstone);
    rejects(FACTS(",\"deleted\":\"yes\""), "account deleted is \"yes\", expected true or false");
    rejects("{\"stream\":\"account\",\"account_id\":\"a\",\"deleted\":true}", "account updated_at is missing");
}

static void the_stream_must_be_known(void **state) {
    (void)state;
    rejects("{\"stream\":\"clicks\"}",
            "unknown stream \"clicks\", expected account, usage, login, ticket, nps or custom");
    rejects("{\"stream\":\"logins\"}", "unknown stream \"logins\", did you mean login?");
    rejects("{\"stream\":5}", "the line's stream is 5, expected a string");
    rejects("{}", "\"stream\" is missing");
    struct text unnamed = TEXT("{\"account_id\":\"a\",\"updated_at\":1}");
    assert_int_equal(json_lines_read(reader, unnamed, STREAM_ACCOUNT, &record, &error), RESULT_OK);
    assert_int_equal(record.event.stream, STREAM_ACCOUNT);
    struct text named = TEXT(NPS(",\"score\":1"));
    assert_int_equal(json_lines_read(reader, named, STREAM_ACCOUNT, &record, &error), RESULT_OK);
    assert_int_equal(record.event.stream, STREAM_NPS);
}

static void unknown_fields_are_ignored_however_they_are_nested(void **state) {
    (void)state;
    accepts(LOGIN(",\"x\":{\"a\":[1,{\"b\":[[],{},null,true,\"]}\"]}],\"user_id\":5},\"y\":[ ]"));
    assert_text(text_of_field("user_id"), "u");
    static char deep[8192];
    for (int depth = 1000; depth <= 1100; depth += 100) {
        char *end = deep + sprintf(deep, "%s", "{\"stream\":\"account\",\"account_id\":\"a\",\"updated_at\":1,\"x\":");
        memset(end, '[', (size_t)depth);
        memset(end + depth, ']', (size_t)depth);
        strcpy(end + 2 * depth, "}");
        assert_int_equal(read_text(text_of(deep)), depth <= 1024 ? RESULT_OK : RESULT_REJECT);
    }
    assert_non_null(strstr(error.text, "a nesting that is too deep"));
}

static void what_is_not_a_json_object_is_rejected_with_the_byte(void **state) {
    (void)state;
    rejects("not json", "this is not JSON: no value at byte 1");
    rejects("12", "the line is a number, expected an object");
    rejects("[{}]", "the line is an array, expected an object");
    rejects("{\"stream\":\"login\"} x", "this is not JSON: something behind the value at byte 20");
    rejects("{\"stream\":\"login\",}", "this is not JSON: no key in double quotes at byte 19");
    rejects("{\"stream\" \"login\"}", "this is not JSON: no colon after a key at byte 11");
    rejects("{\"stream\":\"login\" \"a\":1}", "this is not JSON: neither a comma nor the object's end at byte 19");
    rejects("{\"stream\":\"login", "this is not JSON: a string without its closing quote at byte 17");
    rejects("{\"stream\":[1}", "this is not JSON: neither a comma nor the array's end at byte 13");
    rejects("{\"stream\":\"a\tb\"}", "this is not JSON: a control character inside a string at byte 13");
    rejects("{\"stream\":\"\\x\"}", "this is not JSON: a backslash with something that is no escape at byte 13");
    rejects("{\"stream\":\"\\u12g4\"}", "this is not JSON: \\u without four hexadecimal digits at byte 16");
    rejects("\xEF\xBB\xBF{}", "this is not JSON: no value at byte 1");
}

static void every_cut_of_a_line_is_rejected(void **state) {
    (void)state;
    struct text line = TEXT(
        USAGE(",\"quantity\":1.5e2,\"properties\":{\"a\\n\":\"\\ud83d\\ude00\"},\"z\":[true,null]"));
    assert_int_equal(read_text(line), RESULT_OK);
    for (uint32_t size = 0; size < line.size; size++)
        assert_int_equal(read_text((struct text){line.data, size}), RESULT_REJECT);
}

static void a_line_after_a_rejected_one_is_read_like_the_first(void **state) {
    (void)state;
    rejects(NPS(",\"score\":11,\"user_id\":\"u\""), "nps score is 11, expected 0 to 10");
    accepts(NPS(",\"score\":1"));
    assert_true(is_null("user_id"));
}

static void long_values_are_cut_in_messages(void **state) {
    (void)state;
    char name[300], line[1024];
    for (size_t i = 0; i + 1 < sizeof name; i += 2)
        memcpy(name + i, "\xC3\xA9", 2);
    snprintf(line, sizeof line, LOGIN(",\"method\":\"%.200s\""), name);
    assert_int_equal(read_text(text_of(line)), RESULT_REJECT);
    assert_true(text_is_utf8(text_of(error.text)));
    assert_non_null(strstr(error.text, "...\", expected one of PASSWORD"));
}

static void blank_lines_are_told_apart(void **state) {
    (void)state;
    assert_true(json_line_is_blank(TEXT("")));
    assert_true(json_line_is_blank(TEXT(" \t\r")));
    assert_false(json_line_is_blank(TEXT(" {}")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_an_event),
        cmocka_unit_test(keys_may_stand_in_any_order_and_the_last_of_equal_ones_wins),
        cmocka_unit_test(fields_left_out_have_their_defaults),
        cmocka_unit_test(null_is_for_optional_fields_only),
        cmocka_unit_test(a_field_without_a_default_must_be_there),
        cmocka_unit_test(types_must_fit),
        cmocka_unit_test(whole_numbers_are_whole_however_they_are_written),
        cmocka_unit_test(whole_numbers_have_their_ranges),
        cmocka_unit_test(doubles_are_read_exactly_and_those_not_finite_are_null),
        cmocka_unit_test(numbers_follow_the_grammar_of_json),
        cmocka_unit_test(instants_are_text_or_milliseconds),
        cmocka_unit_test(an_instant_beyond_all_calendars_is_rejected),
        cmocka_unit_test(recorded_at_is_the_place_in_time),
        cmocka_unit_test(escapes_mean_their_characters),
        cmocka_unit_test(text_that_is_not_utf8_is_rejected),
        cmocka_unit_test(ids_have_1_to_512_bytes),
        cmocka_unit_test(maps_keep_their_entries),
        cmocka_unit_test(a_tombstone_needs_no_more_than_account_and_time),
        cmocka_unit_test(the_stream_must_be_known),
        cmocka_unit_test(unknown_fields_are_ignored_however_they_are_nested),
        cmocka_unit_test(what_is_not_a_json_object_is_rejected_with_the_byte),
        cmocka_unit_test(every_cut_of_a_line_is_rejected),
        cmocka_unit_test(a_line_after_a_rejected_one_is_read_like_the_first),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(blank_lines_are_told_apart),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
