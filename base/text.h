/* A borrowed run of bytes that is text: not zero-terminated, may hold any byte. Plain data, copied by value.
 * A text whose `data` is NULL is missing, which is not the same as empty. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *data;
    uint32_t size; /* bytes */
};

#define TEXT_MISSING  ((struct text){NULL, 0})
#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
/* For printf("%.*s"). */
#define TEXT_ARGUMENTS(text) (int)(text).size, (text).data

static inline struct text text_of(const char *string) {
    return (struct text){string, string == NULL ? 0 : (uint32_t)strlen(string)};
}

static inline bool text_is_missing(struct text text) {
    return text.data == NULL;
}

/* Eight bytes or fewer as a number. */
static inline uint64_t bytes_word(const char *bytes, size_t size) {
    uint64_t word = 0;
    memcpy(&word, bytes, size);
    return word;
}

#define BYTES_SHORT_MAX 16u

/* Whether `size` bytes are the same. Names and ids are short: up to sixteen are compared as two words that may overlap,
 * which is less than to call memcmp. */
static inline bool bytes_equal(const char *left, const char *right, uint32_t size) {
    if (size > BYTES_SHORT_MAX)
        return memcmp(left, right, size) == 0;
    if (size >= 8)
        return ((bytes_word(left, 8) ^ bytes_word(right, 8)) |
                (bytes_word(left + size - 8, 8) ^ bytes_word(right + size - 8, 8))) == 0;
    if (size >= 4)
        return ((bytes_word(left, 4) ^ bytes_word(right, 4)) |
                (bytes_word(left + size - 4, 4) ^ bytes_word(right + size - 4, 4))) == 0;
    return size == 0 || (left[0] == right[0] && left[size / 2] == right[size / 2] && left[size - 1] == right[size - 1]);
}

/* Both present and of the same bytes. */
static inline bool text_equal(struct text left, struct text right) {
    return left.data != NULL && right.data != NULL && left.size == right.size &&
           bytes_equal(left.data, right.data, left.size);
}

static inline bool text_equals(struct text left, const char *right) {
    return text_equal(left, text_of(right));
}

/* By bytes, the shorter first where one is the other's beginning. */
int text_compare(struct text left, struct text right);

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms, up to U+10FFFF). */
bool text_is_utf8(struct text text);

/* The size of the well-formed character at the beginning; 0 where there is none. */
uint32_t text_character(struct text text);

/* The first bytes, `size_max` at most; cut between characters. */
struct text text_beginning(struct text text, uint32_t size_max);

/* As snprintf and vsnprintf, but what does not fit is cut off between characters; returns the length that is there. */
uint32_t text_print(char *room, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
uint32_t text_print_list(char *room, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* The candidate nearest to `wanted` by edit distance, for "did you mean"; -1 where none is near enough to be helpful.
 */
int text_nearest(struct text wanted, const struct text *candidates, size_t count);
