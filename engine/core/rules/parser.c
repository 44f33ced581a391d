/* What parsing consists of: tokens one after the other, and the beginnings and ends of trees. */
#include "engine/core/rules/parser.h"

void *parser_fail(struct parser *parser, uint32_t at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!parser->failed)
        report_problem_list(parser->report, parser->source->places[at], format, arguments);
    va_end(arguments);
    parser->failed = true;
    return NULL;
}

void parser_advance(struct parser *parser) {
    parser->before = parser->token.span.end;
    parser->token = lex_token(parser->report, parser->source, parser->token.span.end);
    parser->failed |= parser->token.kind == TOKEN_BAD || parser->report->memory_out;
}

bool parser_sees(const struct parser *parser, enum word word) {
    return !parser->failed && parser->token.kind == TOKEN_WORD && parser->token.word == word;
}

bool parser_accept(struct parser *parser, enum word word) {
    if (!parser_sees(parser, word))
        return false;
    parser_advance(parser);
    return true;
}

struct text parser_found(struct parser *parser) {
    if (parser->token.kind == TOKEN_END)
        return TEXT("the end");
    struct text shown = report_shown(parser->report, span_text(parser->source, parser->token.span));
    struct text quoted = arena_printf(parser->report->arena, "`%.*s`", TEXT_ARGUMENTS(shown));
    parser->report->memory_out |= text_is_missing(quoted);
    return quoted;
}

bool parser_expect_close(struct parser *parser, enum word word, uint32_t opened_at) {
    if (parser_accept(parser, word))
        return true;
    struct position opened = parser->source->places[opened_at];
    struct text shown = parser_found(parser);
    parser_fail(parser, parser->token.span.start,
                "`%.*s` is expected, %.*s is found: the `%.*s` of line %u, column %u is open",
                TEXT_ARGUMENTS(language_words[word].text), TEXT_ARGUMENTS(shown),
                TEXT_ARGUMENTS(language_words[word - 1].text), opened.line, opened.column);
    return false;
}

bool parser_enter(struct parser *parser) {
    if (++parser->nesting <= NESTING_MAX)
        return true;
    parser_fail(parser, parser->token.span.start,
                "nested deeper than %d levels; give parts of it a name under `metrics`", NESTING_MAX);
    return false;
}

struct tree *tree_create(struct parser *parser, enum tree_kind kind, uint32_t start) {
    struct tree *tree = parser->failed ? NULL : report_alloc(parser->report, sizeof *tree);
    if (tree == NULL) {
        parser->failed = true;
        return NULL;
    }
    tree->kind = kind;
    tree->span = tree->outside = (struct span){start, parser->before};
    tree->name = tree->field = tree->key = tree->text = TEXT_MISSING;
    return tree;
}

struct tree *tree_end(struct parser *parser, struct tree *tree) {
    if (parser->failed)
        return NULL;
    tree->span.end = tree->outside.end = parser->before;
    return tree;
}

void tree_add_operand(struct tree *tree, struct tree ***tail, struct tree *operand) {
    **tail = operand;
    *tail = &operand->next;
    tree->operands_count++;
}
