#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"

static void assert_reads(const char *text, double expected) {
    double number;
    assert_true(number_parse(text_of(text), &number));
    assert_memory_equal(&number, &expected, sizeof number);
}

static void assert_refuses(const char *text) {
    double number = 42;
    assert_false(number_parse(text_of(text), &number));
    assert_true(number == 42);
}

static void reads_what_the_grammar_allows(void **state) {
    (void)state;
    assert_reads("0", 0);
    assert_reads("-0", -0.0);
    assert_reads("+7", 7);
    assert_reads("007.50", 7.5);
    assert_reads("1e3", 1000);
    assert_reads("1.25E-2", 0.0125);
    assert_reads("12e+0", 12);
}

static void refuses_everything_else(void **state) {
    (void)state;
    static const char *const texts[] = {"",   "-",   ".5",  "5.",  "1.e3", "1e",  "1e+",  "--1",   " 1",
                                        "1 ", "1,0", "0x1", "inf", "nan",  "1_0", "1e5x", "1.2.3", "++1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refuses(texts[i]);
    double number = 42;
    assert_false(number_parse(TEXT_MISSING, &number));
    assert_false(number_parse((struct text){"1\0", 2}, &number));
}

static void refuses_what_is_not_finite_and_takes_what_is_too_small_for_nothing(void **state) {
    (void)state;
    assert_refuses("1e309");
    assert_refuses("-1e99999999999999999999");
    assert_reads("1e-99999999999999999999", 0);
    assert_reads("0e99999999999999999999", 0);
    assert_reads("1.7976931348623157e308", DBL_MAX);
    assert_reads("4.9e-324", 4.9406564584124654e-324);
}

static void rounds_rightly_however_many_digits_are_written(void **state) {
    (void)state;
    char digits[3000];
    memset(digits, '0', sizeof digits);
    memcpy(digits, "9007199254740993.", 17); /* 2^53 + 1: half-way, so down to even */
    digits[sizeof digits - 1] = 0;
    assert_reads(digits, 9007199254740992.0);
    digits[sizeof digits - 2] = '1'; /* just above half-way */
    assert_reads(digits, 9007199254740994.0);
    memset(digits, '0', sizeof digits); /* leading zeros are nothing */
    memcpy(digits + sizeof digits - 4, "125", 4);
    assert_reads(digits, 125);
    memset(digits, '1', 1000);
    memcpy(digits + 1000, "e-999", 6);
    assert_reads(digits, 1.1111111111111112);
}

static void assert_writes(double number, const char *expected) {
    char text[NUMBER_TEXT_MAX];
    assert_int_equal(number_format(number, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void writes_whole_numbers_without_a_point(void **state) {
    (void)state;
    assert_writes(0, "0");
    assert_writes(-0.0, "-0");
    assert_writes(100, "100");
    assert_writes(-9007199254740991.0, "-9007199254740991");
    assert_writes(1e15, "1000000000000000");
}

static void writes_the_shortest_text_that_reads_back(void **state) {
    (void)state;
    assert_writes(0.1, "0.1");
    assert_writes(0.1 + 0.2, "0.30000000000000004");
    assert_writes(33.33, "33.33");
    assert_writes(1e300, "1e+300");
    assert_writes(-2.5e-7, "-2.5e-07");
    assert_writes(4.9406564584124654e-324, "5e-324");
    assert_writes(DBL_MAX, "1.7976931348623157e+308");
}

static void reads_back_what_it_wrote(void **state) {
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        double number, again;
        memcpy(&number, &random, sizeof number);
        if (!isfinite(number))
            continue;
        char text[NUMBER_TEXT_MAX];
        uint32_t size = number_format(number, text);
        assert_true(size < NUMBER_TEXT_MAX);
        assert_true(number_parse((struct text){text, size}, &again));
        assert_memory_equal(&number, &again, sizeof number);
    }
}

/* What number_format promises, said with the C library's means. */
static void assert_shortest(double number) {
    char expected[NUMBER_TEXT_MAX + 8], actual[NUMBER_TEXT_MAX];
    int precision = fabs(number) < DBL_MIN ? 0 : DBL_DIG - 1;
    do
        snprintf(expected, sizeof expected, "%.*g", ++precision, number);
    while (strtod(expected, NULL) != number);
    uint32_t length = number_format(number, actual);
    assert_int_equal(length, strlen(actual));
    assert_string_equal(actual, expected);
}

static void writes_fractions_as_the_c_library_would(void **state) {
    (void)state;
    static const double numbers[] = {0.1,
                                     0.2,
                                     0.3,
                                     0.1 + 0.2,
                                     1.0 / 3,
                                     2.0 / 3,
                                     1e-4,
                                     1.5e-4,
                                     9.99e-5,
                                     0.001,
                                     0.5,
                                     0.25,
                                     0.9999999999999999,
                                     1.1,
                                     99.99999,
                                     1e12 / 3,
                                     1e13 / 3,
                                     1e14 / 7,
                                     123456789.12345,
                                     4503599627370495.5,
                                     15.53};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_shortest(numbers[i]);
        assert_shortest(-numbers[i]);
        assert_shortest(nextafter(numbers[i], INFINITY));
        assert_shortest(nextafter(numbers[i], 0));
    }
}

static void writes_fractions_next_to_powers_of_two_and_ten_as_the_c_library_would(void **state) {
    (void)state;
    for (int exponent = -14; exponent < 0; exponent++) {
        double power = ldexp(1, exponent);
        assert_shortest(power);
        assert_shortest(nextafter(power, 0));
        assert_shortest(nextafter(power, 1));
    }
    for (int exponent = -4; exponent < 14; exponent++) {
        double power = pow(10, exponent);
        assert_shortest(nextafter(power, 0));
        assert_shortest(nextafter(nextafter(power, 0), 0));
        assert_shortest(nextafter(power, INFINITY));
    }
}

static void writes_random_fractions_as_the_c_library_would(void **state) {
    (void)state;
    uint64_t random = 42;
    for (int i = 0; i < 100000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        double fraction = (double)(random >> 11) * 0x1p-53;
        double number = ldexp(fraction, (int)(random % 60) - 15);
        if (number != trunc(number))
            assert_shortest(number);
        double rounded = round(fraction * 1e6) / 1e4;
        if (rounded != trunc(rounded))
            assert_shortest(rounded);
    }
}

static void of_equal_numbers_the_left_is_least_and_greatest(void **state) {
    (void)state;
    assert_true(number_least(1, 2) == 1 && number_least(2, 1) == 1);
    assert_true(number_greatest(1, 2) == 2 && number_greatest(2, 1) == 2);
    assert_true(number_bits(number_least(0.0, -0.0)) == number_bits(0.0));
    assert_true(number_bits(number_least(-0.0, 0.0)) == number_bits(-0.0));
    assert_true(number_bits(number_greatest(0.0, -0.0)) == number_bits(0.0));
    assert_true(number_bits(number_greatest(-0.0, 0.0)) == number_bits(-0.0));
    assert_true(number_least(NAN, 2) == 2 && number_least(2, NAN) == 2 && isnan(number_least(NAN, NAN)));
    assert_true(number_greatest(NAN, 2) == 2 && number_greatest(2, NAN) == 2 && isnan(number_greatest(NAN, NAN)));
}

static void writes_the_digits_of_the_greatest_and_the_least_integer(void **state) {
    char room[INTEGER_TEXT_MAX];
    (void)state;
    assert_true(text_equal(decimal_format(UINT64_MAX, room), TEXT("18446744073709551615")));
    assert_true(text_equal(decimal_format(0, room), TEXT("0")));
    assert_true(text_equal(integer_format(INT64_MIN, room), TEXT("-9223372036854775808")));
    assert_true(text_equal(integer_format(-1, room), TEXT("-1")));
    assert_true(text_equal(integer_format(10, room), TEXT("10")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_grammar_allows),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(refuses_what_is_not_finite_and_takes_what_is_too_small_for_nothing),
        cmocka_unit_test(rounds_rightly_however_many_digits_are_written),
        cmocka_unit_test(writes_whole_numbers_without_a_point),
        cmocka_unit_test(writes_the_shortest_text_that_reads_back),
        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(writes_fractions_as_the_c_library_would),
        cmocka_unit_test(writes_fractions_next_to_powers_of_two_and_ten_as_the_c_library_would),
        cmocka_unit_test(writes_random_fractions_as_the_c_library_would),
        cmocka_unit_test(of_equal_numbers_the_left_is_least_and_greatest),
        cmocka_unit_test(writes_the_digits_of_the_greatest_and_the_least_integer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
