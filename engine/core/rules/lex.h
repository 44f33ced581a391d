/* Text of an expression into tokens, one at a time. */
#pragma once

#include "engine/core/rules/report.h"
#include "engine/core/rules/tree.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_DURATION,
    TOKEN_STRING,
    TOKEN_NAME,
    TOKEN_WORD, /* of the language */
    TOKEN_BAD,  /* reported */
};

struct token {
    enum token_kind kind;
    struct span span;
    enum word word;
    double number;    /* TOKEN_NUMBER, TOKEN_DURATION */
    struct text text; /* TOKEN_STRING: its value; else as written */
};

/* The token that starts at `at` or after the space there. */
struct token lex_token(struct report *report, const struct source *source, uint32_t at);
