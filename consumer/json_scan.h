/* Strict, bounded scanning of one JSON text (RFC 8259): value after value, without building a tree and without
 * allocating. What is scanned is borrowed. That strings are UTF-8 is not looked at, but `wide` tells whether there is
 * anything to look at. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

#define JSON_DEPTH_MAX 1024

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY };

struct json_token {
    enum json_kind kind;
    bool escaped;     /* string: has an escape, so that json_unescape gives its value */
    bool whole;       /* number: neither fraction nor exponent */
    struct text text; /* string: what stands between the quotes; all else as it is written */
};

struct json_scan {
    const char *start, *at, *end;
    const char *problem; /* what was met at `at` that must not be; NULL as long as nothing was wrong */
    bool wide;           /* a string has had a byte that is not ASCII */
};

static inline struct json_scan json_scan_of(struct text text) {
    return (struct json_scan){text.data, text.data, text.data + text.size, NULL, false};
}

/* The next value, whole: an object or an array is checked to its end and given as one token. False where there is none
 * (then `problem` says why). White space before it is skipped. */
MUST_USE bool json_scan_value(struct json_scan *scan, struct json_token *ret_token);

/* The next member's key, behind its object's opening brace (`first`: the brace too) or behind a value; `at` is left on
 * the value. False at the object's end, behind it, and at a problem. */
MUST_USE bool json_scan_key(struct json_scan *scan, bool first, struct json_token *ret_key);

/* Nothing but white space is left. */
MUST_USE bool json_scan_end(struct json_scan *scan);

/* The string that a token means, in the arena where it has escapes. RESULT_REJECT: a surrogate stands alone (it has no
 * UTF-8); RESULT_FATAL: out of memory. */
MUST_USE enum result json_unescape(const struct json_token *token, struct arena *arena, struct text *ret_text);

/* "a string", for messages. */
const char *json_kind_name(enum json_kind kind);
