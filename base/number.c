#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* No double needs more digits than this to be rounded rightly; of those beyond it only matters whether one is not 0. */
#define DIGITS_MAX   800
#define EXPONENT_MAX INT64_C(1000000000000)
#define WHOLE_MAX    9007199254740992.0 /* 2^53 */
/* Between these, what number_format does fits into 128 bits. */
#define MODERATE_MIN 1e-4
#define MODERATE_MAX 1e13

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

/* ---- writing */

/* Digits of `value`, at least `count`; returns their end. */
static char *put_digits(char *at, uint64_t value, int count) {
    char digits[20];
    int length = 0;
    for (; value != 0 || length < count; value /= 10)
        digits[length++] = (char)('0' + value % 10);
    while (length > 0)
        *at++ = digits[--length];
    return at;
}

static uint32_t format_whole(double number, char ret_text[NUMBER_TEXT_MAX]) {
    char *at = ret_text;
    if (number < 0)
        *at++ = '-';
    at = put_digits(at, (uint64_t)fabs(number), 1);
    *at = '\0';
    return (uint32_t)(at - ret_text);
}

__extension__ typedef unsigned __int128 wide;

/* Of the double's own bits: IEEE 754, binary64. */
#define IMPLICIT_BIT  ((uint64_t)1 << (DBL_MANT_DIG - 1))
#define EXPONENT_BIAS 1023

/* A double as `mantissa` / 2^`shift`, and a decimal near it as `units` / 10^`decimals`. */
struct approximation {
    uint64_t mantissa, units;
    unsigned shift, decimals;
    wide scale; /* 10^decimals */
};

/* The nearest decimal of so many decimals, half to even; exact, as everything fits into 128 bits. */
static void approximate(struct approximation *approximation, unsigned decimals) {
    approximation->decimals = decimals;
    approximation->scale = 1;
    for (unsigned i = 0; i < decimals; i++)
        approximation->scale *= 10;
    wide product = approximation->mantissa * approximation->scale;
    wide half = (wide)1 << (approximation->shift - 1), rest = product & (2 * half - 1);
    approximation->units = (uint64_t)(product >> approximation->shift);
    if (rest > half || (rest == half && approximation->units % 2 == 1))
        approximation->units++;
}

/* Whether the decimal reads back as the double: it is nearer to it than to its neighbours, half a unit of the last
 * place away; downwards from a power of two a quarter. */
static bool reads_back(const struct approximation *approximation) {
    wide decimal = (wide)approximation->units << approximation->shift;
    wide exact = approximation->mantissa * approximation->scale;
    bool is_below = decimal < exact;
    wide distance = is_below ? exact - decimal : decimal - exact;
    bool is_power = approximation->mantissa == IMPLICIT_BIT;
    wide reach = distance * (is_below && is_power ? 4 : 2);
    return reach < approximation->scale || (reach == approximation->scale && approximation->mantissa % 2 == 0);
}

static uint32_t format_approximation(const struct approximation *approximation, bool negative,
                                     char ret_text[NUMBER_TEXT_MAX]) {
    char *at = ret_text;
    uint64_t units = approximation->units, whole = 0, fraction = units;
    if (approximation->scale <= units) { /* and so it is no wider than `units` is */
        whole = units / (uint64_t)approximation->scale;
        fraction = units % (uint64_t)approximation->scale;
    }
    if (negative)
        *at++ = '-';
    at = put_digits(at, whole, 1);
    *at++ = '.';
    at = put_digits(at, fraction, (int)approximation->decimals);
    while (at[-1] == '0')
        at--;
    at -= at[-1] == '.';
    *at = '\0';
    return (uint32_t)(at - ret_text);
}

/* Most numbers that are no whole ones: of a size at which they are written without an exponent. What the loop of
 * number_format finds, for a tenth of its time. */
static uint32_t format_moderate(double number, char ret_text[NUMBER_TEXT_MAX]) {
    static const double limits[] = {1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2,  1e3,  1e4,
                                    1e5,  1e6,  1e7,  1e8, 1e9, 1e10, 1e11, 1e12};
    double size = fabs(number);
    uint64_t bits = number_bits(size);
    struct approximation approximation = {
        .mantissa = (bits & (IMPLICIT_BIT - 1)) | IMPLICIT_BIT,
        .shift = (unsigned)(EXPONENT_BIAS + DBL_MANT_DIG - 1 - (int)(bits >> (DBL_MANT_DIG - 1))),
    };
    unsigned decimals = DBL_DIG + 3; /* for DBL_DIG digits of a number that begins in the fourth decimal */
    for (size_t i = 0; i < sizeof limits / sizeof limits[0] && size >= limits[i]; i++)
        decimals--;
    approximate(&approximation, decimals);
    for (int more = 1; more <= DBL_DECIMAL_DIG - DBL_DIG && !reads_back(&approximation); more++)
        approximate(&approximation, decimals + (unsigned)more);
    return format_approximation(&approximation, number < 0, ret_text);
}

uint32_t number_format(double number, char ret_text[NUMBER_TEXT_MAX]) {
    double size = fabs(number);
    if (size < WHOLE_MAX && number == trunc(number) && !(number == 0 && signbit(number)))
        return format_whole(number, ret_text);
    if (size >= MODERATE_MIN && size < MODERATE_MAX)
        return format_moderate(number, ret_text);
    /* A decimal of up to DBL_DIG digits survives the way through a double, so fewer need not be tried; except for
     * the subnormal, which hold less. */
    int precision = size < DBL_MIN ? 1 : DBL_DIG;
    int length = snprintf(ret_text, NUMBER_TEXT_MAX, "%.*g", precision, number);
    while (precision < DBL_DECIMAL_DIG && strtod(ret_text, NULL) != number)
        length = snprintf(ret_text, NUMBER_TEXT_MAX, "%.*g", ++precision, number);
    return (uint32_t)length;
}

struct text decimal_format(uint64_t value, char room[INTEGER_TEXT_MAX]) {
    size_t at = INTEGER_TEXT_MAX;
    do
        room[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    return (struct text){room + at, (uint32_t)(INTEGER_TEXT_MAX - at)};
}

struct text integer_format(int64_t value, char room[INTEGER_TEXT_MAX]) {
    struct text digits = decimal_format(value < 0 ? -(uint64_t)value : (uint64_t)value, room);
    size_t begin = INTEGER_TEXT_MAX - digits.size;
    if (value >= 0)
        return digits;
    room[begin - 1] = '-';
    return (struct text){room + begin - 1, digits.size + 1};
}
