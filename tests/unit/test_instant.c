#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/instant.h"

static void assert_reads(const char *text, int64_t expected_ms) {
    int64_t instant_ms;
    assert_true(instant_parse(text_of(text), &instant_ms));
    assert_int_equal(instant_ms, expected_ms);
}

static void reads_dates_and_times(void **state) {
    (void)state;
    assert_reads("1970-01-01", 0);
    assert_reads("2026-11-01", 1793491200000);
    assert_reads("2026-11-01T10:20", 1793528400000);
    assert_reads("2026-11-01T10:20:30", 1793528430000);
    assert_reads("2026-11-01T10:20:30.5Z", 1793528430500);
    assert_reads("2026-11-01T10:20Z", 1793528400000);
    assert_reads("2026-11-01T10:20:30+02:00", 1793521230000);
    assert_reads("2026-11-01T10:20-05:30", 1793548200000);
    assert_reads("0000-03-01", -62162035200000 + 0);
    assert_reads("9999-12-31T23:59:59.999Z", 253402300799999);
}

static void cuts_off_digits_finer_than_a_millisecond(void **state) {
    (void)state;
    assert_reads("1970-01-01T00:00:00.1239999999999999999999Z", 123);
    assert_reads("1969-12-31T23:59:59.9999Z", -1);
}

static void knows_which_years_leap(void **state) {
    (void)state;
    int64_t instant_ms;
    assert_reads("2000-02-29", 951782400000);
    assert_reads("2024-02-29", 1709164800000);
    assert_false(instant_parse(TEXT("1900-02-29"), &instant_ms));
    assert_false(instant_parse(TEXT("2023-02-29"), &instant_ms));
}

static void refuses_other_forms(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "2026",
        "2026-11",
        "2026-13-01",
        "2026-00-10",
        "2026-11-31",
        "2026-11-00",
        "2026-11-01T",
        "2026-11-01T10",
        "2026-11-01T24:00",
        "2026-11-1",
        "26-11-01",
        "2026-11-01T10:60",
        "2026-11-01T10:20:",
        "2026-11-01T10:20:60",
        "2026-11-01 10:20",
        "2026-11-01T10:20:30.",
        "2026-11-01Z",
        "2026-11-01T10:20+0200",
        "2026-11-01T10:20.5",
        "2026-11-01T10:20:30Zx",
        " 2026-11-01",
        "2026-11-01T10:20:30+24:00",
        "1793528430000",
        "+2026-11-01",
        "2026-11-01t10:20z",
        "tomorrow",
        "+09999-01-01",
        "+10000",
        "+010000-01-01",
        "+1000-01-01",
        "+287397-01-01",
        "-287397-01-01",
        "+1000000-01-01",
        "+99999999999999999999-01-01",
        "-0000-01-01",
        "-001-01-01",
        "-00001-01-01",
        "--001-01-01",
        "+-2026-01-01",
        "+",
        "-",
    };
    int64_t instant_ms = 42;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(instant_parse(text_of(texts[i]), &instant_ms));
    assert_false(instant_parse(TEXT_MISSING, &instant_ms));
    assert_int_equal(instant_ms, 42);
}

static void assert_writes(int64_t instant_ms, const char *expected) {
    char text[INSTANT_TEXT_MAX];
    assert_int_equal(instant_format(instant_ms, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void writes_milliseconds_and_the_zone(void **state) {
    (void)state;
    assert_writes(0, "1970-01-01T00:00:00.000Z");
    assert_writes(-1, "1969-12-31T23:59:59.999Z");
    assert_writes(1793528430123, "2026-11-01T10:20:30.123Z");
    assert_writes(253402300800000, "+10000-01-01T00:00:00.000Z");
    assert_writes(-62198755200000, "-0001-01-01T00:00:00.000Z");
}

static void reads_back_every_day_that_it_writes(void **state) {
    (void)state;
    char text[INSTANT_TEXT_MAX];
    for (int64_t day = -719000; day < 2932000; day += 13) {
        int64_t again_ms, instant_ms = day * DAY + 123 * (day & 1023);
        uint32_t size = instant_format(instant_ms, text);
        assert_true(instant_parse((struct text){text, size}, &again_ms));
        assert_int_equal(again_ms, instant_ms);
    }
}

static void assert_reads_back(int64_t instant_ms) {
    char text[INSTANT_TEXT_MAX];
    int64_t again_ms;
    uint32_t size = instant_format(instant_ms, text);
    if (!instant_parse((struct text){text, size}, &again_ms))
        fail_msg("%s", text);
    assert_int_equal(again_ms, instant_ms);
}

static void reads_back_years_of_more_or_fewer_than_four_digits(void **state) {
    (void)state;
    static const int64_t turns_ms[] = {253402300800000, -62167219200000, 0, INSTANT_READ_MAX - 1, 1 - INSTANT_READ_MAX};
    for (size_t i = 0; i < sizeof turns_ms / sizeof turns_ms[0]; i++)
        for (int64_t around = -1; around <= 1; around++)
            assert_reads_back(turns_ms[i] + around);
    for (int64_t instant_ms = -INSTANT_READ_MAX; instant_ms <= INSTANT_READ_MAX; instant_ms += INSTANT_READ_MAX / 99991)
        assert_reads_back(instant_ms);
    assert_reads("+10000-01-01", 253402300800000);
    assert_reads("-0001-12-31T23:00-01:00", -62167219200000);
}

static void refuses_what_is_too_far_away(void **state) {
    (void)state;
    char text[INSTANT_TEXT_MAX];
    int64_t instant_ms;
    for (int sign = -1; sign <= 1; sign += 2) {
        uint32_t size = instant_format(sign * (INSTANT_READ_MAX + 1), text);
        assert_false(instant_parse((struct text){text, size}, &instant_ms));
    }
}

static void writes_the_extremes(void **state) {
    (void)state;
    char text[INSTANT_TEXT_MAX];
    assert_true(instant_format(INT64_MAX, text) < INSTANT_TEXT_MAX);
    assert_true(instant_format(INT64_MIN + 1, text) < INSTANT_TEXT_MAX);
}

static void assert_duration(const char *text, double expected_ms) {
    double duration_ms;
    assert_true(duration_parse(text_of(text), &duration_ms));
    assert_true(duration_ms == expected_ms);
}

static void reads_durations_in_every_unit(void **state) {
    (void)state;
    assert_duration("250ms", 250);
    assert_duration("0s", 0);
    assert_duration("90m", 5400000);
    assert_duration("1.5h", 5400000);
    assert_duration("7d", 604800000);
    assert_duration("2w", 1209600000);
    assert_duration("0.0005s", 0.5);
}

static void refuses_durations_of_other_forms(void **state) {
    (void)state;
    static const char *const texts[] = {"",    "7",    "d",   "7 d", "7days", "-7d",
                                        "+7d", "1e3d", "1.h", ".5h", "7D",    "1h30m"};
    double duration_ms = 42;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(duration_parse(text_of(texts[i]), &duration_ms));
    assert_true(duration_ms == 42);
}

static void writes_durations_in_the_largest_unit_that_divides_them(void **state) {
    (void)state;
    static const struct {
        int64_t duration_ms;
        const char *text;
    } rows[] = {{0, "0s"}, {1500, "1500ms"}, {5400000, "90m"}, {604800000, "7d"}, {3600000, "1h"}, {-90000, "-90s"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[INSTANT_TEXT_MAX];
        assert_int_equal(duration_format(rows[i].duration_ms, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void divides_towards_the_past(void **state) {
    (void)state;
    assert_int_equal(floor_divide(7, 2), 3);
    assert_int_equal(floor_divide(-7, 2), -4);
    assert_int_equal(floor_divide(-8, 2), -4);
    assert_int_equal(floor_divide(0, 2), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_dates_and_times),
        cmocka_unit_test(cuts_off_digits_finer_than_a_millisecond),
        cmocka_unit_test(knows_which_years_leap),
        cmocka_unit_test(refuses_other_forms),
        cmocka_unit_test(writes_milliseconds_and_the_zone),
        cmocka_unit_test(reads_back_every_day_that_it_writes),
        cmocka_unit_test(reads_back_years_of_more_or_fewer_than_four_digits),
        cmocka_unit_test(refuses_what_is_too_far_away),
        cmocka_unit_test(writes_the_extremes),
        cmocka_unit_test(reads_durations_in_every_unit),
        cmocka_unit_test(refuses_durations_of_other_forms),
        cmocka_unit_test(writes_durations_in_the_largest_unit_that_divides_them),
        cmocka_unit_test(divides_towards_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
