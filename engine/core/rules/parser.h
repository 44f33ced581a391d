/* What the parser's files share: parser.c (tokens and trees), parse.c (literals and operators), parse_calls.c (names
 * and calls). Whatever fails is reported, and from then on everything returns. */
#pragma once

#include "engine/core/rules/lex.h"

struct parser {
    struct report *report;
    const struct source *source;
    struct token token; /* the one to look at */
    uint32_t before;    /* where the one before it ended */
    uint32_t nesting;
    bool failed; /* a problem was reported: everything returns */
};

/* The first failure is the expression's only one: what follows a syntax error is guesswork. Always NULL. */
void *parser_fail(struct parser *parser, uint32_t at, const char *format, ...) PRINTF_LIKE(3, 4);

void parser_advance(struct parser *parser);
bool parser_sees(const struct parser *parser, enum word word);
/* Takes the token if it is this word. */
bool parser_accept(struct parser *parser, enum word word);
bool parser_expect_close(struct parser *parser, enum word word, uint32_t opened_at);
/* The token as a message names it. */
struct text parser_found(struct parser *parser);
/* Goes one level down; what went down comes up again by `parser->nesting--`. */
bool parser_enter(struct parser *parser);

struct tree *tree_create(struct parser *parser, enum tree_kind kind, uint32_t start);
/* Ends the tree at the last token that was taken. */
struct tree *tree_end(struct parser *parser, struct tree *tree);
/* Appends at `tail`, which is kept by the caller: chains may be long. */
void tree_add_operand(struct tree *tree, struct tree ***tail, struct tree *operand);

struct tree *parse_operand(struct parser *parser, enum level level);
struct tree *parse_literal(struct parser *parser);
/* A name, with its field or its map's key, or a call. */
struct tree *parse_name(struct parser *parser);
