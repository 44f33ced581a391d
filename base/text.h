/* A borrowed run of bytes that is text: not zero-terminated, may hold any byte. Plain data, copied by value.
 * A text whose `data` is NULL is missing, which is not the same as empty. */
#pragma once

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

/* Both present and of the same bytes. */
static inline bool text_equal(struct text left, struct text right) {
    return left.data != NULL && right.data != NULL && left.size == right.size &&
           memcmp(left.data, right.data, left.size) == 0;
}

static inline bool text_equals(struct text left, const char *right) {
    return text_equal(left, text_of(right));
}

/* By bytes, the shorter first where one is the other's beginning. */
int text_compare(struct text left, struct text right);

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms, up to U+10FFFF). */
bool text_is_utf8(struct text text);

/* The candidate nearest to `wanted` by edit distance, for "did you mean"; -1 where none is near enough to be helpful.
 */
int text_nearest(struct text wanted, const struct text *candidates, size_t count);
