/* Names and calls into trees. */
#include "engine/core/rules/parser.h"
#include "engine/core/rules/strangers.h"

/* `["key"]`, of a map. */
static void parse_key(struct parser *parser, struct tree *tree) {
    uint32_t opened_at = parser->token.span.start;
    if (tree == NULL || !parser_accept(parser, WORD_OPEN_BRACKET) || parser->failed)
        return;
    if (parser->token.kind != TOKEN_STRING) {
        struct text shown = parser_found(parser);
        parser_fail(parser, parser->token.span.start,
                    "the key of a map's entry is a string, as in properties[\"plan\"]; %.*s is found",
                    TEXT_ARGUMENTS(shown));
        return;
    }
    tree->key = parser->token.text;
    tree->key_span = parser->token.span;
    parser_advance(parser);
    parser_expect_close(parser, WORD_CLOSE_BRACKET, opened_at);
}

/* What follows the point behind a stream's name. */
static void parse_field(struct parser *parser, struct tree *tree) {
    if (tree == NULL || !parser_accept(parser, WORD_POINT) || parser->failed)
        return;
    bool is_name = parser->token.kind == TOKEN_NAME ||
                   (parser->token.kind == TOKEN_WORD && parser->token.word < WORD_EQUAL);
    if (!is_name) {
        struct text shown = parser_found(parser);
        parser_fail(parser, parser->token.span.start, "the name of a field is expected after `.`, %.*s is found",
                    TEXT_ARGUMENTS(shown));
        return;
    }
    tree->field = parser->token.text;
    tree->field_span = parser->token.span;
    parser_advance(parser);
    parse_key(parser, tree);
    if (parser_sees(parser, WORD_POINT))
        parser_fail(parser, parser->token.span.start,
                    "a field has no fields; an entry of a map is written %.*s[\"key\"]", TEXT_ARGUMENTS(tree->field));
}

static struct tree *parse_window(struct parser *parser, const struct aggregate_row *row) {
    if (!parser->failed && parser->token.kind == TOKEN_DURATION)
        return parse_literal(parser);
    struct text shown = parser_found(parser);
    if (parser->token.kind == TOKEN_NUMBER)
        return parser_fail(parser, parser->token.span.start,
                           "a window needs a unit: write `%.*sd` for days, `%.*sh` for hours",
                           TEXT_ARGUMENTS(parser->token.text), TEXT_ARGUMENTS(parser->token.text));
    return parser_fail(parser, parser->token.span.start, "a window such as `7d` is expected, %.*s is found; write %s",
                       TEXT_ARGUMENTS(shown), row->usage);
}

/* `S`, `S.f`, perhaps `where P`, and windows. */
static struct tree *parse_aggregate(struct parser *parser, struct tree *tree, uint32_t opened_at) {
    const struct aggregate_row *row = tree->aggregate;
    if (parser->failed || parser->token.kind != TOKEN_NAME) {
        struct text shown = parser_found(parser);
        return parser_fail(parser, parser->token.span.start,
                           "the name of a stream is expected, %.*s is found; write %s", TEXT_ARGUMENTS(shown),
                           row->usage);
    }
    tree->name = parser->token.text;
    tree->name_span = parser->token.span;
    parser_advance(parser);
    parse_field(parser, tree);
    if (parser_accept(parser, WORD_WHERE))
        tree->where = parse_operand(parser, LEVEL_OR);
    struct tree **tail = &tree->windows;
    while (parser_accept(parser, WORD_COMMA) && !parser->failed) {
        *tail = parse_window(parser, row);
        if (parser->failed)
            return NULL;
        tail = &(*tail)->next;
        tree->windows_count++;
    }
    if (parser_sees(parser, WORD_WHERE))
        return parser_fail(parser, parser->token.span.start, "`where` stands before the window: %s", row->usage);
    if (!parser->failed && parser->token.kind == TOKEN_DURATION)
        return parser_fail(parser, parser->token.span.start, "a `,` is missing before the window; write %s",
                           row->usage);
    if (!parser->failed && parser->token.kind == TOKEN_NAME && tree->where == NULL)
        return parser_fail(parser, parser->token.span.start,
                           "what is asked of the events follows the word `where`; write %s", row->usage);
    parser_expect_close(parser, WORD_CLOSE, opened_at);
    return tree_end(parser, tree);
}

static struct tree *parse_membership(struct parser *parser, struct tree *tree, uint32_t opened_at) {
    if (parser->failed || parser->token.kind != TOKEN_NAME) {
        struct text shown = parser_found(parser);
        bool is_string = parser->token.kind == TOKEN_STRING;
        return parser_fail(parser, parser->token.span.start, "the name of a %s is expected%s, %.*s is found",
                           tree->membership->of_dimension ? "dimension or segment" : "segment",
                           is_string ? ", without quotes" : "", TEXT_ARGUMENTS(shown));
    }
    tree->name = parser->token.text;
    tree->name_span = parser->token.span;
    parser_advance(parser);
    parser_expect_close(parser, WORD_CLOSE, opened_at);
    return tree_end(parser, tree);
}

static struct tree *parse_arguments(struct parser *parser, struct tree *tree, uint32_t opened_at) {
    struct tree **tail = &tree->operands;
    if (!parser_sees(parser, WORD_CLOSE)) {
        do {
            struct tree *operand = parse_operand(parser, LEVEL_OR);
            if (operand == NULL)
                return NULL;
            tree_add_operand(tree, &tail, operand);
        } while (parser_accept(parser, WORD_COMMA));
    }
    if (parser_sees(parser, WORD_WHERE))
        return parser_fail(parser, parser->token.span.start,
                           "`%s` takes no `where`: only calls that look at a stream's events do",
                           tree->function->usage);
    parser_expect_close(parser, WORD_CLOSE, opened_at);
    return tree_end(parser, tree);
}

static struct tree *parse_call(struct parser *parser, struct token name) {
    struct callable callable = callable_find(name.text);
    if (callable.function == NULL && callable.aggregate == NULL && callable.membership == NULL) {
        struct text names[CALLABLE_NAMES_MAX];
        const struct stranger *stranger = stranger_call(name.text);
        struct text shown = report_shown(parser->report, name.text);
        if (stranger != NULL)
            return parser_fail(parser, name.span.start, "there is no function `%.*s`; %s", TEXT_ARGUMENTS(shown),
                               stranger->advice);
        struct text nearest = report_choice(parser->report, name.text, "function", names, callable_names(names));
        return parser_fail(parser, name.span.start, "there is no function `%.*s`%.*s", TEXT_ARGUMENTS(shown),
                           TEXT_ARGUMENTS(nearest));
    }
    uint32_t opened_at = parser->token.span.start;
    parser_advance(parser);
    enum tree_kind kind = callable.aggregate != NULL    ? TREE_AGGREGATE
                          : callable.membership != NULL ? TREE_MEMBERSHIP
                                                        : TREE_CALL;
    struct tree *tree = tree_create(parser, kind, name.span.start);
    if (tree == NULL || !parser_enter(parser))
        return NULL;
    tree->name = name.text;
    tree->name_span = name.span;
    tree->function = callable.function;
    tree->aggregate = callable.aggregate;
    tree->membership = callable.membership;
    if (kind == TREE_AGGREGATE)
        tree = parse_aggregate(parser, tree, opened_at);
    else if (kind == TREE_MEMBERSHIP)
        tree = parse_membership(parser, tree, opened_at);
    else
        tree = parse_arguments(parser, tree, opened_at);
    parser->nesting--;
    return tree;
}

struct tree *parse_name(struct parser *parser) {
    struct token name = parser->token;
    parser_advance(parser);
    if (parser_sees(parser, WORD_OPEN))
        return parse_call(parser, name);
    struct tree *tree = tree_create(parser, parser_sees(parser, WORD_POINT) ? TREE_FIELD : TREE_NAME, name.span.start);
    if (tree == NULL)
        return NULL;
    tree->name = name.text;
    tree->name_span = name.span;
    if (tree->kind == TREE_FIELD)
        parse_field(parser, tree);
    else
        parse_key(parser, tree);
    return tree_end(parser, tree);
}
