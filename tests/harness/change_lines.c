#include "tests/harness/change_lines.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/fail.h"

struct line {
    const char *text;
    size_t size;
    size_t key_size; // `{"account_id":"..."`, which every line begins with.
    size_t number;
};

struct lines {
    struct line *items;
    size_t count;
};

static size_t account_size(const char *text, size_t size) {
    static const char behind[] = ",\"sequence\":";
    const char *end = memmem(text, size, behind, strlen(behind));
    if (!end || strncmp(text, "{\"account_id\":", strlen("{\"account_id\":")) != 0) {
        harness_fail("this is no change: %.*s", (int)size, text);
    }
    return (size_t)(end - text);
}

static int compare_accounts(const struct line *a, const struct line *b) {
    int order = memcmp(a->text, b->text, a->key_size < b->key_size ? a->key_size : b->key_size);
    return order ? order : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

static int compare_lines(const void *left, const void *right) {
    const struct line *a = left, *b = right;
    int order = compare_accounts(a, b);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

// Account after account, each account's in their order.
static struct lines split(const char *text) {
    struct lines lines = {calloc(count_lines(text) + 1, sizeof(*lines.items)), 0};
    assert(lines.items);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        struct line *line = &lines.items[lines.count];
        *line = (struct line){text, (size_t)(end - text), account_size(text, (size_t)(end - text)), lines.count};
        lines.count++;
    }
    qsort(lines.items, lines.count, sizeof(*lines.items), compare_lines);
    return lines;
}

static bool is_same(const struct line *a, const struct line *b) {
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

// Behind the last line of the account whose first one is at `first`.
static size_t account_end(const struct lines *lines, size_t first) {
    size_t end = first;
    while (end < lines->count && compare_accounts(&lines->items[first], &lines->items[end]) == 0) {
        end++;
    }
    return end;
}

// Moves both places behind the next account's lines; whether they are the same. Where not, and where `ret_first` is no
// NULL, says how they differ.
static bool compare_next(const struct lines *actual, size_t *i, const struct lines *expected, size_t *j,
                         char *ret_first) {
    static const struct line none = {"(no line)", 9, 0, 0};
    int order = *i == actual->count     ? 1
                : *j == expected->count ? -1
                                        : compare_accounts(&actual->items[*i], &expected->items[*j]);
    size_t is_end = order <= 0 ? account_end(actual, *i) : *i;
    size_t should_end = order >= 0 ? account_end(expected, *j) : *j;
    while (*i < is_end && *j < should_end && is_same(&actual->items[*i], &expected->items[*j])) {
        ++*i, ++*j;
    }
    bool same = *i == is_end && *j == should_end;
    if (!same && ret_first) {
        const struct line *is = *i < is_end ? &actual->items[*i] : &none;
        const struct line *should = *j < should_end ? &expected->items[*j] : &none;
        snprintf(ret_first, DIFFERENCE_BYTES,
                 "of %zu changes, where %zu are expected, the %zu. differs:\n  is        %.*s\n  should be %.*s",
                 actual->count, expected->count, *j + 1, (int)is->size, is->text, (int)should->size, should->text);
    }
    *i = is_end;
    *j = should_end;
    return same;
}

size_t count_different_accounts(const char *actual, const char *expected, char ret_first[DIFFERENCE_BYTES]) {
    struct lines are = split(actual), should = split(expected);
    size_t different = 0;
    for (size_t i = 0, j = 0; i < are.count || j < should.count;) {
        different += !compare_next(&are, &i, &should, &j, different == 0 ? ret_first : NULL);
    }
    free(are.items);
    free(should.items);
    return different;
}

void assert_same_changes(const char *actual, const char *expected) {
    char first[DIFFERENCE_BYTES];
    if (count_different_accounts(actual, expected, first) > 0) {
        harness_fail("%s", first);
    }
}

void assert_whole_sequences(const char *changes) {
    struct lines lines = split(changes);
    uint64_t sequence = 0;
    for (size_t i = 0; i < lines.count; i++) {
        const struct line *line = &lines.items[i];
        bool first = i == 0 || compare_accounts(&lines.items[i - 1], line) != 0;
        sequence = first ? 1 : sequence + 1;
        uint64_t is = strtoull(line->text + line->key_size + strlen(",\"sequence\":"), NULL, 10);
        if (is != sequence) {
            harness_fail("the sequence should be %llu: %.*s", (unsigned long long)sequence, (int)line->size,
                         line->text);
        }
    }
    free(lines.items);
}

size_t count_lines(const char *lines) {
    return count_lines_with(lines, "");
}

size_t count_lines_with(const char *lines, const char *text) {
    size_t count = 0;
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
        count += memmem(lines, (size_t)(end - lines), text, strlen(text)) != NULL;
    }
    return count;
}
