#include "base/instant.h"

#include <math.h>
#include <stdio.h>

#include "base/number.h"

#define DAYS_IN_ERA 146097 /* 400 years of the Gregorian calendar */
#define EPOCH_DAY   719468 /* of 1970-01-01, counted from 0000-03-01 */

#define YEAR_DIGITS_MAX 6
#define YEAR_MAX        999999

struct date {
    int64_t year;
    unsigned month, day;
};

/* Days since 1970-01-01. Years are taken to begin in March, so that the leap day is a year's last:
 * http://howardhinnant.github.io/date_algorithms.html */
static int64_t days_of_date(struct date date) {
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
    return era * DAYS_IN_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAY;
}

static struct date date_of_days(int64_t days) {
    days += EPOCH_DAY;
    int64_t era = floor_divide(days, DAYS_IN_ERA);
    int64_t day_of_era = days - era * DAYS_IN_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (unsigned)((5 * day_of_year + 2) / 153);
    unsigned day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct date){era * 400 + year_of_era + (month <= 2), month, day};
}

static unsigned days_in_month(int64_t year, unsigned month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* What is left to read of an instant; `at` is NULL once something did not fit. */
struct reader {
    const char *at, *end;
};

static bool reader_sees(const struct reader *reader, char character) {
    return reader->at != NULL && reader->at < reader->end && *reader->at == character;
}

static void reader_expect(struct reader *reader, char character) {
    if (reader->at != NULL)
        reader->at = reader_sees(reader, character) ? reader->at + 1 : NULL;
}

static bool reader_sees_digit(const struct reader *reader) {
    return reader->at != NULL && reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* Exactly `digits` digits (nine at most), of a value in [lowest, highest]. */
static unsigned reader_number(struct reader *reader, int digits, unsigned lowest, unsigned highest) {
    unsigned number = 0;
    for (int i = 0; i < digits; i++) {
        if (!reader_sees_digit(reader)) {
            reader->at = NULL;
            return lowest;
        }
        number = number * 10 + (unsigned)(*reader->at++ - '0');
    }
    if (number >= lowest && number <= highest)
        return number;
    reader->at = NULL;
    return lowest;
}

/* Four digits; what has a sign is one of those that four digits can not say, and of no other form than put_year's. */
static int64_t reader_year(struct reader *reader) {
    bool positive = reader_sees(reader, '+'), negative = reader_sees(reader, '-');
    if (!positive && !negative)
        return reader_number(reader, 4, 0, 9999);
    int digits = 0;
    for (const char *at = ++reader->at; at < reader->end && *at >= '0' && *at <= '9'; at++)
        digits++;
    if (digits > YEAR_DIGITS_MAX || (digits > 4 && *reader->at == '0'))
        reader->at = NULL;
    int64_t year = reader_number(reader, digits < 4 ? 4 : digits, positive ? 10000 : 1, YEAR_MAX);
    return positive ? year : -year;
}

static int64_t reader_date(struct reader *reader) {
    struct date date = {.year = reader_year(reader)};
    reader_expect(reader, '-');
    date.month = reader_number(reader, 2, 1, 12);
    reader_expect(reader, '-');
    date.day = reader_number(reader, 2, 1, days_in_month(date.year, date.month));
    return days_of_date(date) * DAY;
}

/* The point is read; at least one digit follows, and those finer than a millisecond are cut off. */
static int64_t reader_fraction(struct reader *reader) {
    int64_t milliseconds = 0, weight = 100;
    if (!reader_sees_digit(reader))
        reader->at = NULL;
    for (; reader_sees_digit(reader); reader->at++, weight /= 10)
        milliseconds += weight * (*reader->at - '0');
    return milliseconds;
}

static int64_t reader_hours_and_minutes(struct reader *reader) {
    int64_t hours = reader_number(reader, 2, 0, 23);
    reader_expect(reader, ':');
    return hours * HOUR + reader_number(reader, 2, 0, 59) * MINUTE;
}

static int64_t reader_time(struct reader *reader) {
    int64_t time = reader_hours_and_minutes(reader);
    if (!reader_sees(reader, ':'))
        return time;
    reader_expect(reader, ':');
    time += reader_number(reader, 2, 0, 59) * SECOND;
    if (!reader_sees(reader, '.'))
        return time;
    reader_expect(reader, '.');
    return time + reader_fraction(reader);
}

/* How far the written time is ahead of UTC. */
static int64_t reader_zone(struct reader *reader) {
    if (reader_sees(reader, 'Z')) {
        reader->at++;
        return 0;
    }
    if (!reader_sees(reader, '+') && !reader_sees(reader, '-'))
        return 0;
    bool behind = *reader->at++ == '-';
    int64_t offset = reader_hours_and_minutes(reader);
    return behind ? -offset : offset;
}

bool instant_parse(struct text text, int64_t *ret_instant_ms) {
    if (text_is_missing(text))
        return false;
    struct reader reader = {text.data, text.data + text.size};
    int64_t instant_ms = reader_date(&reader);
    if (reader_sees(&reader, 'T')) {
        reader.at++;
        instant_ms += reader_time(&reader);
        instant_ms -= reader_zone(&reader);
    }
    if (reader.at == NULL || reader.at != reader.end || instant_ms < -INSTANT_READ_MAX || instant_ms > INSTANT_READ_MAX)
        return false;
    *ret_instant_ms = instant_ms;
    return true;
}

/* The last `count` digits of `value`; returns their end. Inlined, so that how many there are is known. */
static inline char *put_digits(char *at, unsigned value, int count) {
    for (int i = count; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

static char *put_year(char *at, int64_t year) {
    if (year >= 0 && year <= 9999)
        return put_digits(at, (unsigned)year, 4);
    return at +
           snprintf(at, INSTANT_TEXT_MAX / 2, "%s%04lld", year < 0 ? "-" : "+", (long long)(year < 0 ? -year : year));
}

char *instant_write_time(char *to, unsigned since_midnight_ms) {
    unsigned seconds = since_midnight_ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    to = put_digits(to, hours, 2);
    *to++ = ':';
    to = put_digits(to, minutes - hours * 60, 2);
    *to++ = ':';
    to = put_digits(to, seconds - minutes * 60, 2);
    *to++ = '.';
    to = put_digits(to, since_midnight_ms - seconds * 1000, 3);
    *to++ = 'Z';
    return to;
}

uint32_t instant_format(int64_t instant_ms, char ret_text[INSTANT_TEXT_MAX]) {
    int64_t day = floor_divide(instant_ms, DAY);
    struct date date = date_of_days(day);
    char *at = put_year(ret_text, date.year);
    *at++ = '-';
    at = put_digits(at, date.month, 2);
    *at++ = '-';
    at = put_digits(at, date.day, 2);
    *at++ = 'T';
    at = instant_write_time(at, (unsigned)(instant_ms - day * DAY));
    *at = '\0';
    return (uint32_t)(at - ret_text);
}

static const struct {
    struct text name;
    int64_t size_ms;
} units[] = {
    {TEXT("ms"), MILLISECOND}, {TEXT("s"), SECOND}, {TEXT("m"), MINUTE},
    {TEXT("h"), HOUR},         {TEXT("d"), DAY},    {TEXT("w"), WEEK},
};

#define UNITS         (sizeof units / sizeof units[0])
#define UNITS_WRITTEN (UNITS - 1) /* 7d is easier on the reader than 1w, and 10d has no weeks at all */

bool duration_parse(struct text text, double *ret_duration_ms) {
    if (text_is_missing(text))
        return false;
    uint32_t digits = 0;
    while (digits < text.size && ((text.data[digits] >= '0' && text.data[digits] <= '9') || text.data[digits] == '.'))
        digits++;
    double count;
    if (!number_parse((struct text){text.data, digits}, &count))
        return false;
    struct text unit = {text.data + digits, text.size - digits};
    for (size_t i = 0; i < UNITS; i++) {
        if (!text_equal(units[i].name, unit))
            continue;
        double duration_ms = count * (double)units[i].size_ms;
        if (!isfinite(duration_ms))
            return false;
        *ret_duration_ms = duration_ms;
        return true;
    }
    return false;
}

uint32_t duration_format(int64_t duration_ms, char ret_text[INSTANT_TEXT_MAX]) {
    size_t unit = UNITS_WRITTEN - 1;
    while (duration_ms % units[unit].size_ms != 0)
        unit--;
    if (duration_ms == 0)
        unit = 1;
    return (uint32_t)snprintf(ret_text, INSTANT_TEXT_MAX, "%lld%.*s", (long long)(duration_ms / units[unit].size_ms),
                              TEXT_ARGUMENTS(units[unit].name));
}
