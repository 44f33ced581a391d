#include "engine/core/rules/report.h"

#include <stdio.h>

#define MESSAGE_MAX 700
#define SHOWN_MAX   48
#define LISTED_MAX  24

void *report_alloc(struct report *report, size_t size) {
    void *memory = arena_alloc(report->arena, size);
    report->memory_out |= memory == NULL;
    return memory;
}

static int position_compare(struct position left, struct position right) {
    if (left.line != right.line)
        return left.line < right.line ? -1 : 1;
    return (left.column > right.column) - (left.column < right.column);
}

/* Whole characters of the text, up to `size` bytes. */
static struct text cut(struct text text, uint32_t size) {
    if (text.size <= size)
        return text;
    while (size > 0 && ((unsigned char)text.data[size] & 0xC0) == 0x80)
        size--;
    return (struct text){text.data, size};
}

PRINTF_LIKE(2, 0)
static struct text message_text(struct report *report, const char *format, va_list arguments) {
    char bytes[MESSAGE_MAX + 1];
    vsnprintf(bytes, sizeof bytes, format, arguments);
    struct text message = arena_text(report->arena, cut(text_of(bytes), MESSAGE_MAX - 1));
    report->memory_out |= text_is_missing(message);
    return message;
}

void report_problem_list(struct report *report, struct position position, const char *format, va_list arguments) {
    struct problems *problems = report->problems;
    uint32_t place = 0;
    while (place < problems->count && position_compare(problems->items[place].position, position) < 0)
        place++;
    bool taken = place < problems->count && position_compare(problems->items[place].position, position) == 0;
    if (taken)
        return;
    problems->has_more |= problems->count == PROBLEMS_MAX;
    if (place == PROBLEMS_MAX)
        return;
    problems->count += problems->count < PROBLEMS_MAX;
    for (uint32_t i = problems->count - 1; i > place; i--)
        problems->items[i] = problems->items[i - 1];
    problems->items[place] = (struct problem){position, message_text(report, format, arguments)};
}

void report_problem(struct report *report, struct position position, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_problem_list(report, position, format, arguments);
    va_end(arguments);
}

struct text report_shown(struct report *report, struct text text) {
    struct text start = cut(text, SHOWN_MAX);
    struct text shown = arena_printf(report->arena, "%.*s%s", TEXT_ARGUMENTS(start),
                                     start.size < text.size ? "..." : "");
    report->memory_out |= text_is_missing(shown);
    char *bytes = (char *)shown.data; /* ours, just made */
    for (uint32_t i = 0; i < shown.size; i++)
        if ((unsigned char)bytes[i] < ' ')
            bytes[i] = ' ';
    return shown;
}

struct text report_nearest(struct report *report, struct text wanted, const struct text *candidates, size_t count) {
    int nearest = wanted.size < 2 ? -1 : text_nearest(wanted, candidates, count); /* all letters are near each other */
    if (nearest < 0)
        return TEXT("");
    struct text advice = arena_printf(report->arena, "; did you mean `%.*s`?", TEXT_ARGUMENTS(candidates[nearest]));
    report->memory_out |= text_is_missing(advice);
    return advice;
}

static struct text list_of(struct report *report, const struct text *items, size_t count) {
    struct text list = items[0];
    for (size_t i = 1; i < count && i < LISTED_MAX && !text_is_missing(list); i++)
        list = arena_printf(report->arena, "%.*s%s%.*s", TEXT_ARGUMENTS(list), i + 1 == count ? " and " : ", ",
                            TEXT_ARGUMENTS(items[i]));
    if (count > LISTED_MAX && !text_is_missing(list))
        list = arena_printf(report->arena, "%.*s and others", TEXT_ARGUMENTS(list));
    report->memory_out |= text_is_missing(list);
    return list;
}

struct text report_choice(struct report *report, struct text wanted, const char *what, const struct text *candidates,
                          size_t count) {
    struct text nearest = report_nearest(report, wanted, candidates, count);
    if (nearest.size > 0 || count == 0)
        return nearest;
    struct text list = list_of(report, candidates, count);
    struct text advice = arena_printf(report->arena, "; the %s%s %.*s", what, count == 1 ? " is" : "s are",
                                      TEXT_ARGUMENTS(list));
    report->memory_out |= text_is_missing(advice);
    return advice;
}
