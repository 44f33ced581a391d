#include "engine/core/rules/lex.h"

#include "base/number.h"
#include "engine/core/rules/strangers.h"

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_name_start(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool is_name_byte(char byte) {
    return is_name_start(byte) || is_digit(byte);
}

/* The byte at `at`, or 0 behind the end. */
static char byte_at(const struct source *source, uint32_t at) {
    return at < source->text.size ? source->text.data[at] : 0;
}

static bool starts_with(const struct source *source, uint32_t at, struct text text) {
    return source->text.size - at >= text.size && memcmp(source->text.data + at, text.data, text.size) == 0;
}

static struct token token_of(enum token_kind kind, const struct source *source, uint32_t start, uint32_t end) {
    struct span span = {start, end};
    return (struct token){.kind = kind, .span = span, .text = span_text(source, span)};
}

static uint32_t skip_digits(const struct source *source, uint32_t at) {
    while (is_digit(byte_at(source, at)))
        at++;
    return at;
}

/* `e`, perhaps a sign, and a digit: else the letter belongs to a unit. */
static uint32_t skip_exponent(const struct source *source, uint32_t at) {
    char letter = byte_at(source, at);
    if (letter != 'e' && letter != 'E')
        return at;
    char sign = byte_at(source, at + 1);
    uint32_t digits = at + 1 + (sign == '+' || sign == '-');
    return is_digit(byte_at(source, digits)) ? skip_digits(source, digits) : at;
}

/* A number, or a number and a unit. */
static struct token lex_number(struct report *report, const struct source *source, uint32_t start) {
    uint32_t end = skip_digits(source, start);
    if (byte_at(source, end) == '.' && is_digit(byte_at(source, end + 1)))
        end = skip_digits(source, end + 1);
    end = skip_exponent(source, end);
    uint32_t number_end = end;
    while (is_name_byte(byte_at(source, end)))
        end++;
    bool has_unit = end > number_end;
    struct token token = token_of(has_unit ? TOKEN_DURATION : TOKEN_NUMBER, source, start, end);
    if (has_unit ? duration_parse(token.text, &token.number) : number_parse(token.text, &token.number))
        return token;
    struct text shown = report_shown(report, token.text);
    if (has_unit)
        report_problem(report, source->places[start],
                       "`%.*s` is no number and no duration: a duration is a number with one of the units ms, s, m, h, "
                       "d, w, as in `7d`",
                       TEXT_ARGUMENTS(shown));
    else
        report_problem(report, source->places[start], "`%.*s` is too large for a number", TEXT_ARGUMENTS(shown));
    token.kind = TOKEN_BAD;
    return token;
}

static char unescape(char letter) {
    switch (letter) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return letter;
    }
}

/* The string between two quotes, with its escapes undone. */
static struct text unescaped(struct report *report, struct text written) {
    char *value = report_alloc(report, written.size);
    uint32_t size = 0;
    for (uint32_t at = 0; value != NULL && at < written.size; at++) {
        bool escaped = written.data[at] == '\\' && at + 1 < written.size;
        at += escaped;
        value[size++] = escaped ? unescape(written.data[at]) : written.data[at];
    }
    return (struct text){value, size};
}

static struct token lex_string(struct report *report, const struct source *source, uint32_t start) {
    char quote = source->text.data[start];
    uint32_t at = start + 1;
    while (at < source->text.size && source->text.data[at] != quote)
        at += source->text.data[at] == '\\' && at + 1 < source->text.size ? 2 : 1;
    if (at >= source->text.size) {
        report_problem(report, source->places[start], "the string that begins here has no closing %c", quote);
        return token_of(TOKEN_BAD, source, start, source->text.size);
    }
    struct token token = token_of(TOKEN_STRING, source, start, at + 1);
    token.text = unescaped(report, span_text(source, (struct span){start + 1, at}));
    return token;
}

static struct token lex_name(const struct source *source, uint32_t start) {
    uint32_t end = start;
    while (is_name_byte(byte_at(source, end)))
        end++;
    struct token token = token_of(TOKEN_NAME, source, start, end);
    token.word = word_find(token.text);
    if (token.word != WORD_NONE)
        token.kind = TOKEN_WORD;
    return token;
}

static struct token lex_stranger(struct report *report, const struct source *source, uint32_t start) {
    uint32_t end = start + 1;
    while (end < source->text.size && ((unsigned char)source->text.data[end] & 0xC0) == 0x80)
        end++;
    struct token token = token_of(TOKEN_BAD, source, start, end);
    const struct stranger *stranger = stranger_sign(span_text(source, (struct span){start, source->text.size}));
    struct text shown = report_shown(report, stranger == NULL ? token.text : stranger->text);
    report_problem(report, source->places[start], "`%.*s` is not part of the language%s%s", TEXT_ARGUMENTS(shown),
                   stranger == NULL ? "" : "; ", stranger == NULL ? "" : stranger->advice);
    return token;
}

static struct token lex_sign(struct report *report, const struct source *source, uint32_t start) {
    struct token token = {.kind = TOKEN_WORD, .span = {start, start}};
    for (enum word word = WORD_EQUAL; word < WORDS; word++) {
        struct text sign = language_words[word].text;
        if (!starts_with(source, start, sign) || sign.size <= token.span.end - start)
            continue;
        token.word = word; /* the longest wins */
        token.span.end = start + sign.size;
    }
    const struct stranger *stranger = stranger_sign(span_text(source, (struct span){start, source->text.size}));
    if (token.word == WORD_NONE || (stranger != NULL && stranger->text.size > token.span.end - start))
        return lex_stranger(report, source, start);
    return token;
}

struct token lex_token(struct report *report, const struct source *source, uint32_t at) {
    while (at < source->text.size && is_space(source->text.data[at]))
        at++;
    if (at == source->text.size)
        return token_of(TOKEN_END, source, at, at);
    char byte = source->text.data[at];
    if (is_digit(byte))
        return lex_number(report, source, at);
    if (byte == '"' || byte == '\'')
        return lex_string(report, source, at);
    if (is_name_start(byte))
        return lex_name(source, at);
    return lex_sign(report, source, at);
}
