#include "engine/core/rules/parse.h"

#include "engine/core/rules/parser.h"
#include "engine/core/rules/strangers.h"

/* --- Literals --- */

static bool sees_literal(const struct parser *parser) {
    enum token_kind kind = parser->token.kind;
    return !parser->failed && (kind == TOKEN_NUMBER || kind == TOKEN_DURATION || kind == TOKEN_STRING ||
                               parser_sees(parser, WORD_TRUE) || parser_sees(parser, WORD_FALSE));
}

struct tree *parse_literal(struct parser *parser) {
    struct token token = parser->token;
    parser_advance(parser);
    struct tree *tree = tree_create(parser, TREE_LITERAL, token.span.start);
    if (tree == NULL)
        return NULL;
    switch (token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        tree->type = token.kind == TOKEN_NUMBER ? TYPE_NUMBER : TYPE_DURATION;
        tree->number = token.number;
        break;
    case TOKEN_STRING:
        tree->type = TYPE_STRING;
        tree->text = token.text;
        break;
    default:
        tree->type = TYPE_BOOLEAN;
        tree->number = token.word == WORD_TRUE;
    }
    return tree;
}

/* A literal of a list, which may have a minus in front. */
static struct tree *parse_choice(struct parser *parser) {
    uint32_t start = parser->token.span.start;
    bool negative = parser_accept(parser, WORD_MINUS);
    bool is_number = parser->token.kind == TOKEN_NUMBER || parser->token.kind == TOKEN_DURATION;
    if (parser->failed || !sees_literal(parser) || (negative && !is_number)) {
        struct text shown = parser_found(parser);
        return parser_fail(
            parser, parser->token.span.start,
            "a list holds numbers, durations, strings, true and false as they are written; %.*s is found",
            TEXT_ARGUMENTS(shown));
    }
    struct tree *tree = parse_literal(parser);
    if (tree != NULL && negative) {
        tree->number = -tree->number;
        tree->span.start = tree->outside.start = start;
    }
    return tree;
}

/* --- Operators --- */

static struct tree *parse_parentheses(struct parser *parser) {
    uint32_t opened_at = parser->token.span.start;
    if (!parser_enter(parser))
        return NULL;
    parser_advance(parser);
    struct tree *tree = parse_operand(parser, LEVEL_OR);
    parser->nesting--;
    if (tree == NULL || !parser_expect_close(parser, WORD_CLOSE, opened_at) || parser->failed)
        return NULL;
    tree->outside = (struct span){opened_at, parser->before};
    return tree;
}

/* Says what stands where a value should. */
static struct tree *no_value(struct parser *parser) {
    const struct token *token = &parser->token;
    uint32_t at = token->span.start;
    if (parser->failed)
        return NULL;
    if (token->kind == TOKEN_END)
        return parser_fail(parser, at,
                           parser->before == 0 ? "the expression is empty"
                                               : "the expression ends where a value is expected");
    const char *advice = "";
    if (token->word == WORD_NOT)
        advice = "; put it in parentheses: (not ...)";
    else if (token->word == WORD_WHERE)
        advice = "; `where` belongs into a call, behind the stream: count(login where succeeded, 7d)";
    else if (token->word == WORD_POINT)
        advice = "; a number begins with a digit: 0.5";
    else if (token->word == WORD_OPEN_BRACKET)
        advice = "; a list only stands after `in`";
    struct text shown = parser_found(parser);
    return parser_fail(parser, at, "a value is expected, %.*s is found%s", TEXT_ARGUMENTS(shown), advice);
}

static struct tree *parse_value(struct parser *parser) {
    if (sees_literal(parser))
        return parse_literal(parser);
    if (parser_sees(parser, WORD_OPEN))
        return parse_parentheses(parser);
    if (!parser->failed && parser->token.kind == TOKEN_NAME)
        return parse_name(parser);
    return no_value(parser);
}

/* `not x` or `- x`, of whose kind the operand may be one again. */
static struct tree *parse_prefix(struct parser *parser, enum tree_kind kind, enum level level) {
    uint32_t start = parser->token.span.start;
    if (!parser_enter(parser))
        return NULL;
    parser_advance(parser);
    struct tree *operand = parse_operand(parser, level);
    struct tree *tree = tree_create(parser, kind, start);
    parser->nesting--;
    if (operand == NULL || tree == NULL)
        return NULL;
    tree->operands = operand;
    tree->operands_count = 1;
    return tree;
}

/* Operands of the next level, joined by operators of this one. */
static struct tree *parse_chain(struct parser *parser, enum level level) {
    struct tree *first = parse_operand(parser, level + 1);
    if (first == NULL || language_words[parser->token.word].level != level)
        return first;
    struct tree *chain = tree_create(parser, TREE_CHAIN, first->outside.start);
    struct tree **tail = chain == NULL ? NULL : &chain->operands;
    if (chain == NULL)
        return NULL;
    tree_add_operand(chain, &tail, first);
    while (!parser->failed && language_words[parser->token.word].level == level) {
        enum word sign = parser->token.word;
        parser_advance(parser);
        struct tree *operand = parse_operand(parser, level + 1);
        if (operand == NULL)
            return NULL;
        operand->joined = sign;
        tree_add_operand(chain, &tail, operand);
    }
    return tree_end(parser, chain);
}

/* The list after `in`. */
static struct tree *parse_choices(struct parser *parser, struct tree *tree, struct tree **tail) {
    uint32_t opened_at = parser->token.span.start;
    if (!parser_accept(parser, WORD_OPEN_BRACKET)) {
        struct text shown = parser_found(parser);
        return parser_fail(parser, opened_at,
                           "after `in` a list in brackets is expected, as in [\"a\", \"b\"]; %.*s is found",
                           TEXT_ARGUMENTS(shown));
    }
    do {
        struct tree *choice = parse_choice(parser);
        if (choice == NULL)
            return NULL;
        tree_add_operand(tree, &tail, choice);
    } while (parser_accept(parser, WORD_COMMA));
    parser_expect_close(parser, WORD_CLOSE_BRACKET, opened_at);
    return tree_end(parser, tree);
}

static struct tree *parse_comparison(struct parser *parser) {
    struct tree *left = parse_operand(parser, LEVEL_COMPARISON + 1);
    if (left == NULL || language_words[parser->token.word].level != LEVEL_COMPARISON)
        return left;
    struct token sign = parser->token;
    struct tree *tree = tree_create(parser, sign.word == WORD_IN ? TREE_IN : TREE_COMPARISON, left->outside.start);
    if (tree == NULL)
        return NULL;
    struct tree **tail = &tree->operands;
    tree->sign = sign.word;
    tree_add_operand(tree, &tail, left);
    parser_advance(parser);
    if (tree->kind == TREE_IN) {
        tree = parse_choices(parser, tree, tail);
    } else {
        struct tree *right = parse_operand(parser, LEVEL_COMPARISON + 1);
        if (right == NULL)
            return NULL;
        tree_add_operand(tree, &tail, right);
        tree = tree_end(parser, tree);
    }
    if (tree != NULL && language_words[parser->token.word].level == LEVEL_COMPARISON)
        return parser_fail(parser, parser->token.span.start,
                           "comparisons do not chain; join two with `and`: a < b and b < c");
    return tree;
}

struct tree *parse_operand(struct parser *parser, enum level level) {
    switch (level) {
    case LEVEL_OR:
    case LEVEL_AND:
    case LEVEL_SUM:
    case LEVEL_PRODUCT:
        return parse_chain(parser, level);
    case LEVEL_NOT:
        return parser_sees(parser, WORD_NOT) ? parse_prefix(parser, TREE_NOT, LEVEL_NOT) : parse_comparison(parser);
    case LEVEL_NEGATION:
        return parser_sees(parser, WORD_MINUS) ? parse_prefix(parser, TREE_NEGATE, LEVEL_NEGATION)
                                               : parse_value(parser);
    default:
        return parse_comparison(parser);
    }
}

/* --- The whole --- */

/* What may have been meant by a token that stands where an operator or the end should. */
static const char *advice_for(const struct token *token) {
    const struct stranger *stranger = token->kind == TOKEN_NAME ? stranger_operator(token->text) : NULL;
    if (stranger != NULL)
        return stranger->advice;
    switch (token->word) {
    case WORD_CLOSE:
        return "no `(` is open here";
    case WORD_COMMA:
        return "a comma only stands in a call or a list, not in a number";
    case WORD_WHERE:
        return "`where` belongs into a call, behind the stream: count(login where succeeded, 7d)";
    case WORD_NOT:
        return "for \"is not\" write `!=`, for \"not among\" write not x in [...]";
    default:
        return NULL;
    }
}

struct tree *parse_expression(struct report *report, const struct source *source) {
    struct parser parser = {.report = report, .source = source};
    parser_advance(&parser);
    struct tree *tree = parse_operand(&parser, LEVEL_OR);
    if (parser.failed || tree == NULL)
        return NULL;
    if (parser.token.kind == TOKEN_END)
        return tree;
    struct text shown = parser_found(&parser);
    const char *advice = advice_for(&parser.token);
    return parser_fail(&parser, parser.token.span.start, "an operator or the end is expected, %.*s is found%s%s",
                       TEXT_ARGUMENTS(shown), advice == NULL ? "" : "; ", advice == NULL ? "" : advice);
}
