#include "base/text.h"

#include <stdio.h>

#define NEAREST_SIZE_MAX 64

int text_compare(struct text left, struct text right) {
    uint32_t common = left.size < right.size ? left.size : right.size;
    int order = common == 0 ? 0 : memcmp(left.data, right.data, common);
    if (order != 0)
        return order;
    return (left.size > right.size) - (left.size < right.size);
}

/* The size of the well-formed sequence that starts at `bytes`, or 0. Table 3-7 of the Unicode standard. */
static size_t sequence_size(const uint8_t *bytes, size_t left) {
    uint8_t lead = bytes[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (left < size)
        return 0;
    uint8_t lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (bytes[1] < lowest || bytes[1] > highest)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

/* The bytes from `at` on that are plain ASCII, eight at a time: most text is. */
static size_t skip_ascii(const uint8_t *bytes, size_t at, size_t size) {
    while (at + 8 <= size) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        if ((word & 0x8080808080808080u) != 0)
            break;
        at += 8;
    }
    return at;
}

bool text_is_utf8(struct text text) {
    const uint8_t *bytes = (const uint8_t *)text.data;
    size_t at = skip_ascii(bytes, 0, text.size);
    while (at < text.size) {
        size_t size = sequence_size(bytes + at, text.size - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

uint32_t text_character(struct text text) {
    return text.size == 0 ? 0 : (uint32_t)sequence_size((const uint8_t *)text.data, text.size);
}

/* The bytes before a character that has lost its end. */
static uint32_t whole_size(const char *bytes, uint32_t size) {
    for (uint32_t back = 1; back < 4 && back <= size; back++) {
        const uint8_t *lead = (const uint8_t *)bytes + size - back;
        if ((*lead & 0xC0) != 0x80)
            return *lead >= 0x80 && sequence_size(lead, back) == 0 ? size - back : size;
    }
    return size;
}

struct text text_beginning(struct text text, uint32_t size_max) {
    return text.size <= size_max ? text : (struct text){text.data, whole_size(text.data, size_max)};
}

uint32_t text_print_list(char *room, size_t size, const char *format, va_list arguments) {
    int wanted = vsnprintf(room, size, format, arguments);
    uint32_t length = wanted < 0 ? 0 : (uint32_t)wanted;
    if (length >= size)
        length = whole_size(room, (uint32_t)size - 1);
    room[length] = '\0';
    return length;
}

uint32_t text_print(char *room, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    uint32_t length = text_print_list(room, size, format, arguments);
    va_end(arguments);
    return length;
}

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

/* Edits (insert, delete, replace, swap of neighbours) between two short texts, letter case aside. */
static size_t edit_distance(struct text left, struct text right) {
    size_t rows[3][NEAREST_SIZE_MAX + 1];
    for (size_t j = 0; j <= right.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= left.size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= right.size; j++) {
            char a = lower(left.data[i - 1]), b = lower(right.data[j - 1]);
            size_t best = above[j - 1] + (a != b);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && a == lower(right.data[j - 2]) && lower(left.data[i - 2]) == b;
            if (swapped && second[j - 2] + 1 < best)
                best = second[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[left.size % 3][right.size];
}

int text_nearest(struct text wanted, const struct text *candidates, size_t count) {
    int nearest = -1;
    size_t limit = wanted.size < 4 ? 1 : wanted.size / 3 + 1; /* further away is no help */
    for (size_t i = 0; i < count; i++) {
        if (wanted.size > NEAREST_SIZE_MAX || candidates[i].size > NEAREST_SIZE_MAX)
            continue;
        size_t distance = edit_distance(wanted, candidates[i]);
        if (distance > limit || (nearest >= 0 && distance == limit))
            continue;
        nearest = (int)i;
        limit = distance;
    }
    return nearest;
}
