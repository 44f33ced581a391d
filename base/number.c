#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* No double needs more digits than this to be rounded rightly; of those beyond it only matters whether one is not 0. */
#define DIGITS_MAX   800
#define EXPONENT_MAX INT64_C(1000000000000)
#define WHOLE_MAX    9007199254740992.0 /* 2^53 */

/* A decimal as it was written: digits without leading zeros, and the power of ten that the last one stands for. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    uint32_t count;
    int64_t exponent;
};

static bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

static void decimal_append(struct decimal *decimal, char digit, bool is_fraction) {
    decimal->exponent -= is_fraction;
    if (decimal->count == 0 && digit == '0')
        return;
    if (decimal->count < DIGITS_MAX) {
        decimal->digits[decimal->count++] = digit;
        return;
    }
    decimal->exponent++;
    if (digit != '0')
        decimal->digits[DIGITS_MAX - 1] = '1'; /* sticky: the value is above what the digits before say */
}

/* Reads at least one digit from `at` on; returns where it ended, or NULL. */
static const char *parse_digits(const char *at, const char *end, struct decimal *decimal, bool is_fraction) {
    const char *start = at;
    for (; at < end && is_digit(*at); at++)
        decimal_append(decimal, *at, is_fraction);
    return at == start ? NULL : at;
}

static const char *parse_exponent(const char *at, const char *end, struct decimal *decimal) {
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    const char *start = at;
    int64_t exponent = 0;
    for (; at < end && is_digit(*at); at++)
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*at - '0');
    decimal->exponent += negative ? -exponent : exponent;
    return at == start ? NULL : at;
}

/* With so few digits and so small a power of ten both are exact as doubles, and one operation rounds once: the result
 * is the right one (W. Clinger, "How to read floating point numbers accurately", PLDI 1990). */
static bool is_simple(const struct decimal *decimal) {
    return decimal->count <= 15 && decimal->exponent >= -22 && decimal->exponent <= 22;
}

static double simple_value(const struct decimal *decimal) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double whole = 0;
    for (uint32_t i = 0; i < decimal->count; i++)
        whole = whole * 10 + (decimal->digits[i] - '0');
    return decimal->exponent < 0 ? whole / powers[-decimal->exponent] : whole * powers[decimal->exponent];
}

bool number_parse(struct text text, double *ret_number) {
    if (text_is_missing(text))
        return false;
    struct decimal decimal;
    decimal.count = 0;
    decimal.exponent = 0;
    const char *at = text.data, *end = at + text.size;
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    at = parse_digits(at, end, &decimal, false);
    if (at != NULL && at < end && *at == '.')
        at = parse_digits(at + 1, end, &decimal, true);
    if (at != NULL && at < end && (*at == 'e' || *at == 'E'))
        at = parse_exponent(at + 1, end, &decimal);
    if (at == NULL || at != end)
        return false;
    if (is_simple(&decimal)) {
        *ret_number = negative ? -simple_value(&decimal) : simple_value(&decimal);
        return true;
    }
    /* Written without a point, so that no locale can make strtod read it otherwise. */
    char normal[DIGITS_MAX + 40];
    snprintf(normal, sizeof normal, "%s%.*se%lld", negative ? "-" : "", decimal.count == 0 ? 1 : (int)decimal.count,
             decimal.count == 0 ? "0" : decimal.digits, (long long)decimal.exponent);
    double number = strtod(normal, NULL);
    if (!isfinite(number))
        return false;
    *ret_number = number;
    return true;
}

uint32_t number_format(double number, char ret_text[NUMBER_TEXT_MAX]) {
    if (fabs(number) < WHOLE_MAX && number == trunc(number) && !(number == 0 && signbit(number)))
        return (uint32_t)snprintf(ret_text, NUMBER_TEXT_MAX, "%lld", (long long)number);
    /* A decimal of up to DBL_DIG digits survives the way through a double, so fewer need not be tried; except for
     * the subnormal, which hold less. */
    int precision = fabs(number) < DBL_MIN ? 1 : DBL_DIG;
    int length = snprintf(ret_text, NUMBER_TEXT_MAX, "%.*g", precision, number);
    while (precision < DBL_DECIMAL_DIG && strtod(ret_text, NULL) != number)
        length = snprintf(ret_text, NUMBER_TEXT_MAX, "%.*g", ++precision, number);
    return (uint32_t)length;
}
