#include "consumer/json_scan.h"

#include <assert.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#else
#include <endian.h>
#endif

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS       EACH_BYTE(0x80)

static bool fail(struct json_scan *scan, const char *problem) {
    if (scan->problem == NULL)
        scan->problem = problem;
    return false;
}

static void skip_space(struct json_scan *scan) {
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
        scan->at++;
}

static bool sees(const struct json_scan *scan, char character) {
    return scan->at < scan->end && *scan->at == character;
}

static bool sees_digit(const struct json_scan *scan) {
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

/* The first quote, backslash or control character from `at` on, or `end`. */
static const char *plain_end_slowly(struct json_scan *scan, const char *at) {
    for (; at < scan->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20; at++)
        scan->wide = scan->wide || (unsigned char)*at >= 0x80;
    return at;
}

#ifdef __SSE2__

/* The same, 16 bytes at a time. */
static const char *plain_end(struct json_scan *scan, const char *at) {
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);
    for (; scan->end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        stops = _mm_or_si128(stops, _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
        unsigned stop_mask = (unsigned)_mm_movemask_epi8(stops), wide_mask = (unsigned)_mm_movemask_epi8(bytes);
        if (stop_mask != 0) {
            scan->wide = scan->wide || (wide_mask & (stop_mask - 1) & ~stop_mask) != 0;
            return at + __builtin_ctz(stop_mask);
        }
        scan->wide = scan->wide || wide_mask != 0;
    }
    return plain_end_slowly(scan, at);
}

/* The first byte from `at` on that is a quote, a backslash, a control character or not ASCII; NULL: the next whole
 * blocks have none. */
static inline const char *ascii_end(const char *at, const char *end) {
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        /* As they have a sign, what is not ASCII is less than a space too. */
        unsigned stop_mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(stops, _mm_cmplt_epi8(bytes, space)));
        if (stop_mask != 0)
            return at + __builtin_ctz(stop_mask);
    }
    return NULL;
}

#else

/* Sets the high bit of each byte that is zero; of the bytes above the lowest such one it may also set others. */
static uint64_t zero_bytes(uint64_t word) {
    return (word - EACH_BYTE(1)) & ~word & HIGH_BITS;
}

/* The same, 8 bytes at a time. */
static const char *plain_end(struct json_scan *scan, const char *at) {
    for (; scan->end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        word = le64toh(word);
        uint64_t stops = zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\')) |
                         ((word - EACH_BYTE(0x20)) & ~word & HIGH_BITS);
        if (stops != 0 || (word & HIGH_BITS) != 0)
            return plain_end_slowly(scan, at);
    }
    return plain_end_slowly(scan, at);
}

static inline const char *ascii_end(const char *at, const char *end) {
    (void)at, (void)end;
    return NULL;
}

#endif

static int hex_digit(char character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

/* `at` stands on the backslash. */
static bool scan_escape(struct json_scan *scan) {
    scan->at++;
    if (scan->at == scan->end)
        return fail(scan, "a string without its closing quote");
    char kind = *scan->at;
    if (kind != 'u') {
        if (kind == '\0' || strchr("\"\\/bfnrt", kind) == NULL)
            return fail(scan, "a backslash with something that is no escape");
        scan->at++;
        return true;
    }
    scan->at++;
    for (int i = 0; i < 4; i++, scan->at++)
        if (scan->at == scan->end || hex_digit(*scan->at) < 0)
            return fail(scan, "\\u without four hexadecimal digits");
    return true;
}

/* The rest of a string that begins at `start`; `at` stands on its first escape, or on what must not be. */
static bool scan_string_slowly(struct json_scan *scan, const char *start, struct json_token *ret_token) {
    while (scan->at < scan->end && *scan->at == '\\') {
        if (!scan_escape(scan))
            return false;
        scan->at = plain_end(scan, scan->at);
    }
    if (scan->at == scan->end)
        return fail(scan, "a string without its closing quote");
    if (*scan->at != '"')
        return fail(scan, "a control character inside a string");
    *ret_token = (struct json_token){JSON_STRING, true, false, {start, (uint32_t)(scan->at - start)}};
    scan->at++;
    return true;
}

/* Without escapes. */
static inline void take_string(struct json_scan *scan, const char *start, const char *end,
                               struct json_token *ret_token) {
    ret_token->kind = JSON_STRING;
    ret_token->escaped = false;
    ret_token->text = (struct text){start, (uint32_t)(end - start)};
    scan->at = end + 1;
}

/* `at` stands on the opening quote. */
static bool scan_string(struct json_scan *scan, struct json_token *ret_token) {
    const char *start = scan->at + 1;
    const char *end = plain_end(scan, start);
    if (end == scan->end || *end != '"') {
        scan->at = end;
        return scan_string_slowly(scan, start, ret_token);
    }
    take_string(scan, start, end, ret_token);
    return true;
}

static bool scan_digits(struct json_scan *scan) {
    if (!sees_digit(scan))
        return fail(scan, "a number without a digit where one must stand");
    while (sees_digit(scan))
        scan->at++;
    return true;
}

static bool scan_number(struct json_scan *scan, struct json_token *ret_token) {
    const char *start = scan->at;
    bool whole = true;
    scan->at += *scan->at == '-';
    bool zero = sees(scan, '0');
    if (!scan_digits(scan))
        return false;
    if (zero && scan->at - start > 1 + (*start == '-'))
        return fail(scan, "a number that begins with a zero");
    if (sees(scan, '.')) {
        whole = false;
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (sees(scan, 'e') || sees(scan, 'E')) {
        whole = false;
        scan->at++;
        scan->at += sees(scan, '-') || sees(scan, '+');
        if (!scan_digits(scan))
            return false;
    }
    *ret_token = (struct json_token){JSON_NUMBER, false, whole, {start, (uint32_t)(scan->at - start)}};
    return true;
}

static bool scan_word(struct json_scan *scan, enum json_kind kind, struct text word, struct json_token *ret_token) {
    if ((size_t)(scan->end - scan->at) < word.size || memcmp(scan->at, word.data, word.size) != 0)
        return fail(scan, "no value");
    *ret_token = (struct json_token){kind, false, false, {scan->at, word.size}};
    scan->at += word.size;
    return true;
}

/* `at` stands on its first character, which opens neither an object nor an array. */
static bool scan_scalar(struct json_scan *scan, struct json_token *ret_token) {
    switch (*scan->at) {
    case '"':
        return scan_string(scan, ret_token);
    case 't':
        return scan_word(scan, JSON_TRUE, TEXT("true"), ret_token);
    case 'f':
        return scan_word(scan, JSON_FALSE, TEXT("false"), ret_token);
    case 'n':
        return scan_word(scan, JSON_NULL, TEXT("null"), ret_token);
    default:
        if (*scan->at == '-' || sees_digit(scan))
            return scan_number(scan, ret_token);
        return fail(scan, "no value");
    }
}

static bool scan_key(struct json_scan *scan, struct json_token *ret_key) {
    skip_space(scan);
    if (!sees(scan, '"'))
        return fail(scan, "no key in double quotes");
    if (!scan_string(scan, ret_key))
        return false;
    skip_space(scan);
    if (!sees(scan, ':'))
        return fail(scan, "no colon after a key");
    scan->at++;
    skip_space(scan);
    return true;
}

/* The containers that are open, outermost first: bit set, an object; bit clear, an array. */
struct nesting {
    uint64_t objects[JSON_DEPTH_MAX / 64];
    uint32_t depth;
};

static bool nesting_push(struct nesting *nesting, bool object) {
    if (nesting->depth == JSON_DEPTH_MAX)
        return false;
    uint64_t bit = UINT64_C(1) << (nesting->depth % 64);
    uint64_t *word = &nesting->objects[nesting->depth++ / 64];
    *word = object ? *word | bit : *word & ~bit;
    return true;
}

static bool nesting_in_object(const struct nesting *nesting) {
    uint32_t top = nesting->depth - 1;
    return (nesting->objects[top / 64] >> (top % 64) & 1) != 0;
}

/* Behind a value: closes what closes here. True where a further value follows (its key, if it has one, is read), and
 * at the end of the outermost container; then the depth is 0. */
static bool scan_behind_value(struct json_scan *scan, struct nesting *nesting) {
    while (nesting->depth > 0) {
        bool in_object = nesting_in_object(nesting);
        skip_space(scan);
        if (sees(scan, ',')) {
            scan->at++;
            struct json_token key;
            return in_object ? scan_key(scan, &key) : true;
        }
        if (!sees(scan, in_object ? '}' : ']'))
            return fail(scan,
                        in_object ? "neither a comma nor the object's end" : "neither a comma nor the array's end");
        scan->at++;
        nesting->depth--;
    }
    return true;
}

/* `at` stands on a bracket that opens. */
static bool scan_open(struct json_scan *scan, struct nesting *nesting) {
    bool object = *scan->at++ == '{';
    if (!nesting_push(nesting, object))
        return fail(scan, "a nesting that is too deep");
    skip_space(scan);
    if (sees(scan, object ? '}' : ']')) {
        scan->at++;
        nesting->depth--;
        return scan_behind_value(scan, nesting);
    }
    struct json_token key;
    return object ? scan_key(scan, &key) : true;
}

/* Not by recursion: the input decides how deep it is. */
static bool scan_container(struct json_scan *scan, struct json_token *ret_token) {
    const char *start = scan->at;
    struct nesting nesting = {0};
    do {
        struct json_token scalar;
        skip_space(scan);
        if (scan->at == scan->end)
            return fail(scan, "no value");
        bool opens = *scan->at == '{' || *scan->at == '[';
        if (opens ? !scan_open(scan, &nesting) : !scan_scalar(scan, &scalar) || !scan_behind_value(scan, &nesting))
            return false;
    } while (nesting.depth > 0);
    enum json_kind kind = *start == '{' ? JSON_OBJECT : JSON_ARRAY;
    *ret_token = (struct json_token){kind, false, false, {start, (uint32_t)(scan->at - start)}};
    return true;
}

static __attribute__((noinline)) bool scan_any_value(struct json_scan *scan, struct json_token *ret_token) {
    skip_space(scan);
    if (scan->at == scan->end)
        return fail(scan, "no value");
    if (*scan->at == '"')
        return scan_string(scan, ret_token);
    bool opens = *scan->at == '{' || *scan->at == '[';
    return opens ? scan_container(scan, ret_token) : scan_scalar(scan, ret_token);
}

/* Most values are strings of ASCII without escapes. */
bool json_scan_value(struct json_scan *scan, struct json_token *ret_token) {
    if (!sees(scan, '"'))
        return scan_any_value(scan, ret_token);
    const char *start = scan->at + 1, *end = ascii_end(start, scan->end);
    if (end == NULL || *end != '"')
        return scan_any_value(scan, ret_token);
    take_string(scan, start, end, ret_token);
    return true;
}

bool json_scan_key(struct json_scan *scan, bool first, struct json_token *ret_key) {
    skip_space(scan);
    if (!first && sees(scan, ',')) {
        scan->at++;
        return scan_key(scan, ret_key);
    }
    if (first) {
        if (!sees(scan, '{'))
            return fail(scan, "no object");
        scan->at++;
        skip_space(scan);
        if (!sees(scan, '}'))
            return scan_key(scan, ret_key);
    }
    if (!sees(scan, '}'))
        return fail(scan, "neither a comma nor the object's end");
    scan->at++;
    return false;
}

bool json_scan_end(struct json_scan *scan) {
    if (scan->problem != NULL)
        return false;
    skip_space(scan);
    return scan->at == scan->end || fail(scan, "something behind the value");
}

static uint32_t hex_four(const char *digits) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 4 | (uint32_t)hex_digit(digits[i]);
    return value;
}

/* The code point of the `\u` escape that `at` stands behind, both halves of a pair; UINT32_MAX for a lone surrogate. */
static uint32_t unescape_code_point(const char **at, const char *end) {
    uint32_t unit = hex_four(*at);
    *at += 4;
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit;
    bool pair = unit < 0xDC00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u';
    uint32_t low = pair ? hex_four(*at + 2) : 0;
    if (low < 0xDC00 || low > 0xDFFF)
        return UINT32_MAX;
    *at += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static char *utf8_encode(uint32_t code_point, char *out) {
    if (code_point < 0x80) {
        *out++ = (char)code_point;
        return out;
    }
    int tail = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(leads[tail] | code_point >> (6 * tail));
    while (tail-- > 0)
        *out++ = (char)(0x80 | (code_point >> (6 * tail) & 0x3F));
    return out;
}

static char escape_meaning(char kind) {
    static const char kinds[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char *found = strchr(kinds, kind);
    return found == NULL ? kind : meanings[found - kinds];
}

enum result json_unescape(const struct json_token *token, struct arena *arena, struct text *ret_text) {
    assert(token->kind == JSON_STRING);
    if (!token->escaped) {
        *ret_text = token->text;
        return RESULT_OK;
    }
    char *start = arena_alloc(arena, token->text.size); /* an escape is never shorter than what it means */
    if (start == NULL)
        return RESULT_FATAL;
    char *out = start;
    for (const char *at = token->text.data, *end = at + token->text.size; at < end;) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape == NULL ? end : escape) - at);
        memcpy(out, at, plain);
        out += plain;
        if (escape == NULL)
            break;
        at = escape + 2;
        if (escape[1] != 'u') {
            *out++ = escape_meaning(escape[1]);
            continue;
        }
        uint32_t code_point = unescape_code_point(&at, end);
        if (code_point == UINT32_MAX)
            return RESULT_REJECT;
        out = utf8_encode(code_point, out);
    }
    *ret_text = (struct text){start, (uint32_t)(out - start)};
    return RESULT_OK;
}

const char *json_kind_name(enum json_kind kind) {
    static const char *const names[] = {"null", "false", "true", "a number", "a string", "an object", "an array"};
    return names[kind];
}
