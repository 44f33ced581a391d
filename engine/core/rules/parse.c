#include "engine/core/rules/parse.h"

#include "engine/core/rules/strangers.h"

struct parser {
    struct report *report;
    const struct source *source;
    struct token token; /* the one to look at */
    uint32_t before;    /* where the one before it ended */
    uint32_t nesting;
    bool failed; /* a problem was reported: everything returns */
};

/* --- Tokens --- */

/* The first failure is the expression's only one: what follows a syntax error is guesswork. */
static void *fail(struct parser *parser, uint32_t at, const char *format, ...) PRINTF_LIKE(3, 4);

static void *fail(struct parser *parser, uint32_t at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!parser->failed)
        report_problem_list(parser->report, parser->source->places[at], format, arguments);
    va_end(arguments);
    parser->failed = true;
    return NULL;
}

static void advance(struct parser *parser) {
    parser->before = parser->token.span.end;
    parser->token = lex_token(parser->report, parser->source, parser->token.span.end);
    parser->failed |= parser->token.kind == TOKEN_BAD || parser->report->memory_out;
}

static bool sees(const struct parser *parser, enum word word) {
    return !parser->failed && parser->token.kind == TOKEN_WORD && parser->token.word == word;
}

static bool accept(struct parser *parser, enum word word) {
    if (!sees(parser, word))
        return false;
    advance(parser);
    return true;
}

/* The token as a message names it. */
static struct text found(struct parser *parser) {
    if (parser->token.kind == TOKEN_END)
        return TEXT("the end");
    struct text shown = report_shown(parser->report, span_text(parser->source, parser->token.span));
    struct text quoted = arena_printf(parser->report->arena, "`%.*s`", TEXT_ARGUMENTS(shown));
    parser->report->memory_out |= text_is_missing(quoted);
    return quoted;
}

static bool expect_close(struct parser *parser, enum word word, uint32_t opened_at) {
    if (accept(parser, word))
        return true;
    struct position opened = parser->source->places[opened_at];
    struct text shown = found(parser);
    fail(parser, parser->token.span.start,
         "`%.*s` is expected, %.*s is found: the `%.*s` of line %u, column %u is open",
         TEXT_ARGUMENTS(language_words[word].text), TEXT_ARGUMENTS(shown),
         TEXT_ARGUMENTS(language_words[word - 1].text), opened.line, opened.column);
    return false;
}

/* Goes one level down; what went down comes up again by `parser->nesting--`. */
static bool enter(struct parser *parser) {
    if (++parser->nesting <= NESTING_MAX)
        return true;
    fail(parser, parser->token.span.start, "nested deeper than %d levels; give parts of it a name under `metrics`",
         NESTING_MAX);
    return false;
}

/* --- Trees --- */

static struct tree *tree_create(struct parser *parser, enum tree_kind kind, uint32_t start) {
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

/* Ends the tree at the last token that was taken. */
static struct tree *tree_end(struct parser *parser, struct tree *tree) {
    if (parser->failed)
        return NULL;
    tree->span.end = tree->outside.end = parser->before;
    return tree;
}

/* Appends at `tail`, which is kept by the caller: chains may be long. */
static void operand_add(struct tree *tree, struct tree ***tail, struct tree *operand) {
    **tail = operand;
    *tail = &operand->next;
    tree->operands_count++;
}

static struct tree *parse_operand(struct parser *parser, enum level level);

/* --- Literals --- */

static bool sees_literal(const struct parser *parser) {
    enum token_kind kind = parser->token.kind;
    return !parser->failed && (kind == TOKEN_NUMBER || kind == TOKEN_DURATION || kind == TOKEN_STRING ||
                               sees(parser, WORD_TRUE) || sees(parser, WORD_FALSE));
}

static struct tree *parse_literal(struct parser *parser) {
    struct token token = parser->token;
    advance(parser);
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
    bool negative = accept(parser, WORD_MINUS);
    bool is_number = parser->token.kind == TOKEN_NUMBER || parser->token.kind == TOKEN_DURATION;
    if (parser->failed || !sees_literal(parser) || (negative && !is_number)) {
        struct text shown = found(parser);
        return fail(parser, parser->token.span.start,
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

/* --- Names and calls --- */

/* `["key"]`, of a map. */
static void parse_key(struct parser *parser, struct tree *tree) {
    uint32_t opened_at = parser->token.span.start;
    if (tree == NULL || !accept(parser, WORD_OPEN_BRACKET) || parser->failed)
        return;
    if (parser->token.kind != TOKEN_STRING) {
        struct text shown = found(parser);
        fail(parser, parser->token.span.start,
             "the key of a map's entry is a string, as in properties[\"plan\"]; %.*s is found", TEXT_ARGUMENTS(shown));
        return;
    }
    tree->key = parser->token.text;
    tree->key_span = parser->token.span;
    advance(parser);
    expect_close(parser, WORD_CLOSE_BRACKET, opened_at);
}

/* What follows the point behind a stream's name. */
static void parse_field(struct parser *parser, struct tree *tree) {
    if (tree == NULL || !accept(parser, WORD_POINT) || parser->failed)
        return;
    bool is_name = parser->token.kind == TOKEN_NAME ||
                   (parser->token.kind == TOKEN_WORD && parser->token.word < WORD_EQUAL);
    if (!is_name) {
        struct text shown = found(parser);
        fail(parser, parser->token.span.start, "the name of a field is expected after `.`, %.*s is found",
             TEXT_ARGUMENTS(shown));
        return;
    }
    tree->field = parser->token.text;
    tree->field_span = parser->token.span;
    advance(parser);
    parse_key(parser, tree);
    if (sees(parser, WORD_POINT))
        fail(parser, parser->token.span.start, "a field has no fields; an entry of a map is written %.*s[\"key\"]",
             TEXT_ARGUMENTS(tree->field));
}

static struct tree *parse_window(struct parser *parser, const struct aggregate_row *row) {
    if (!parser->failed && parser->token.kind == TOKEN_DURATION)
        return parse_literal(parser);
    struct text shown = found(parser);
    if (parser->token.kind == TOKEN_NUMBER)
        return fail(parser, parser->token.span.start,
                    "a window needs a unit: write `%.*sd` for days, `%.*sh` for hours",
                    TEXT_ARGUMENTS(parser->token.text), TEXT_ARGUMENTS(parser->token.text));
    return fail(parser, parser->token.span.start, "a window such as `7d` is expected, %.*s is found; write %s",
                TEXT_ARGUMENTS(shown), row->usage);
}

/* `S`, `S.f`, perhaps `where P`, and windows. */
static struct tree *parse_aggregate(struct parser *parser, struct tree *tree, uint32_t opened_at) {
    const struct aggregate_row *row = tree->aggregate;
    if (parser->failed || parser->token.kind != TOKEN_NAME) {
        struct text shown = found(parser);
        return fail(parser, parser->token.span.start, "the name of a stream is expected, %.*s is found; write %s",
                    TEXT_ARGUMENTS(shown), row->usage);
    }
    tree->name = parser->token.text;
    tree->name_span = parser->token.span;
    advance(parser);
    parse_field(parser, tree);
    if (accept(parser, WORD_WHERE))
        tree->where = parse_operand(parser, LEVEL_OR);
    struct tree **tail = &tree->windows;
    while (accept(parser, WORD_COMMA) && !parser->failed) {
        *tail = parse_window(parser, row);
        if (parser->failed)
            return NULL;
        tail = &(*tail)->next;
        tree->windows_count++;
    }
    if (sees(parser, WORD_WHERE))
        return fail(parser, parser->token.span.start, "`where` stands before the window: %s", row->usage);
    if (!parser->failed && parser->token.kind == TOKEN_DURATION)
        return fail(parser, parser->token.span.start, "a `,` is missing before the window; write %s", row->usage);
    if (!parser->failed && parser->token.kind == TOKEN_NAME && tree->where == NULL)
        return fail(parser, parser->token.span.start, "what is asked of the events follows the word `where`; write %s",
                    row->usage);
    expect_close(parser, WORD_CLOSE, opened_at);
    return tree_end(parser, tree);
}

static struct tree *parse_membership(struct parser *parser, struct tree *tree, uint32_t opened_at) {
    if (parser->failed || parser->token.kind != TOKEN_NAME) {
        struct text shown = found(parser);
        bool is_string = parser->token.kind == TOKEN_STRING;
        return fail(parser, parser->token.span.start, "the name of a %s is expected%s, %.*s is found",
                    tree->membership->of_dimension ? "dimension or segment" : "segment",
                    is_string ? ", without quotes" : "", TEXT_ARGUMENTS(shown));
    }
    tree->name = parser->token.text;
    tree->name_span = parser->token.span;
    advance(parser);
    expect_close(parser, WORD_CLOSE, opened_at);
    return tree_end(parser, tree);
}

static struct tree *parse_arguments(struct parser *parser, struct tree *tree, uint32_t opened_at) {
    struct tree **tail = &tree->operands;
    if (!sees(parser, WORD_CLOSE)) {
        do {
            struct tree *operand = parse_operand(parser, LEVEL_OR);
            if (operand == NULL)
                return NULL;
            operand_add(tree, &tail, operand);
        } while (accept(parser, WORD_COMMA));
    }
    if (sees(parser, WORD_WHERE))
        return fail(parser, parser->token.span.start,
                    "`%s` takes no `where`: only calls that look at a stream's events do", tree->function->usage);
    expect_close(parser, WORD_CLOSE, opened_at);
    return tree_end(parser, tree);
}

static struct tree *parse_call(struct parser *parser, struct token name) {
    struct callable callable = callable_find(name.text);
    if (callable.function == NULL && callable.aggregate == NULL && callable.membership == NULL) {
        struct text names[CALLABLE_NAMES_MAX];
        const struct stranger *stranger = stranger_call(name.text);
        struct text shown = report_shown(parser->report, name.text);
        if (stranger != NULL)
            return fail(parser, name.span.start, "there is no function `%.*s`; %s", TEXT_ARGUMENTS(shown),
                        stranger->advice);
        struct text nearest = report_choice(parser->report, name.text, "function", names, callable_names(names));
        return fail(parser, name.span.start, "there is no function `%.*s`%.*s", TEXT_ARGUMENTS(shown),
                    TEXT_ARGUMENTS(nearest));
    }
    uint32_t opened_at = parser->token.span.start;
    advance(parser);
    enum tree_kind kind = callable.aggregate != NULL    ? TREE_AGGREGATE
                          : callable.membership != NULL ? TREE_MEMBERSHIP
                                                        : TREE_CALL;
    struct tree *tree = tree_create(parser, kind, name.span.start);
    if (tree == NULL || !enter(parser))
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

static struct tree *parse_name(struct parser *parser) {
    struct token name = parser->token;
    advance(parser);
    if (sees(parser, WORD_OPEN))
        return parse_call(parser, name);
    struct tree *tree = tree_create(parser, sees(parser, WORD_POINT) ? TREE_FIELD : TREE_NAME, name.span.start);
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

/* --- Operators --- */

static struct tree *parse_parentheses(struct parser *parser) {
    uint32_t opened_at = parser->token.span.start;
    if (!enter(parser))
        return NULL;
    advance(parser);
    struct tree *tree = parse_operand(parser, LEVEL_OR);
    parser->nesting--;
    if (tree == NULL || !expect_close(parser, WORD_CLOSE, opened_at) || parser->failed)
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
        return fail(parser, at,
                    parser->before == 0 ? "the expression is empty" : "the expression ends where a value is expected");
    const char *advice = "";
    if (token->word == WORD_NOT)
        advice = "; put it in parentheses: (not ...)";
    else if (token->word == WORD_WHERE)
        advice = "; `where` belongs into a call, behind the stream: count(login where succeeded, 7d)";
    else if (token->word == WORD_POINT)
        advice = "; a number begins with a digit: 0.5";
    else if (token->word == WORD_OPEN_BRACKET)
        advice = "; a list only stands after `in`";
    struct text shown = found(parser);
    return fail(parser, at, "a value is expected, %.*s is found%s", TEXT_ARGUMENTS(shown), advice);
}

static struct tree *parse_value(struct parser *parser) {
    if (sees_literal(parser))
        return parse_literal(parser);
    if (sees(parser, WORD_OPEN))
        return parse_parentheses(parser);
    if (!parser->failed && parser->token.kind == TOKEN_NAME)
        return parse_name(parser);
    return no_value(parser);
}

/* `not x` or `- x`, of whose kind the operand may be one again. */
static struct tree *parse_prefix(struct parser *parser, enum tree_kind kind, enum level level) {
    uint32_t start = parser->token.span.start;
    if (!enter(parser))
        return NULL;
    advance(parser);
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
    operand_add(chain, &tail, first);
    while (!parser->failed && language_words[parser->token.word].level == level) {
        enum word sign = parser->token.word;
        advance(parser);
        struct tree *operand = parse_operand(parser, level + 1);
        if (operand == NULL)
            return NULL;
        operand->joined = sign;
        operand_add(chain, &tail, operand);
    }
    return tree_end(parser, chain);
}

/* The list after `in`. */
static struct tree *parse_choices(struct parser *parser, struct tree *tree, struct tree **tail) {
    uint32_t opened_at = parser->token.span.start;
    if (!accept(parser, WORD_OPEN_BRACKET)) {
        struct text shown = found(parser);
        return fail(parser, opened_at, "after `in` a list in brackets is expected, as in [\"a\", \"b\"]; %.*s is found",
                    TEXT_ARGUMENTS(shown));
    }
    do {
        struct tree *choice = parse_choice(parser);
        if (choice == NULL)
            return NULL;
        operand_add(tree, &tail, choice);
    } while (accept(parser, WORD_COMMA));
    expect_close(parser, WORD_CLOSE_BRACKET, opened_at);
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
    operand_add(tree, &tail, left);
    advance(parser);
    if (tree->kind == TREE_IN) {
        tree = parse_choices(parser, tree, tail);
    } else {
        struct tree *right = parse_operand(parser, LEVEL_COMPARISON + 1);
        if (right == NULL)
            return NULL;
        operand_add(tree, &tail, right);
        tree = tree_end(parser, tree);
    }
    if (tree != NULL && language_words[parser->token.word].level == LEVEL_COMPARISON)
        return fail(parser, parser->token.span.start, "comparisons do not chain; join two with `and`: a < b and b < c");
    return tree;
}

static struct tree *parse_operand(struct parser *parser, enum level level) {
    switch (level) {
    case LEVEL_OR:
    case LEVEL_AND:
    case LEVEL_SUM:
    case LEVEL_PRODUCT:
        return parse_chain(parser, level);
    case LEVEL_NOT:
        return sees(parser, WORD_NOT) ? parse_prefix(parser, TREE_NOT, LEVEL_NOT) : parse_comparison(parser);
    case LEVEL_NEGATION:
        return sees(parser, WORD_MINUS) ? parse_prefix(parser, TREE_NEGATE, LEVEL_NEGATION) : parse_value(parser);
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
    advance(&parser);
    struct tree *tree = parse_operand(&parser, LEVEL_OR);
    if (parser.failed || tree == NULL)
        return NULL;
    if (parser.token.kind == TOKEN_END)
        return tree;
    struct text shown = found(&parser);
    const char *advice = advice_for(&parser.token);
    return fail(&parser, parser.token.span.start, "an operator or the end is expected, %.*s is found%s%s",
                TEXT_ARGUMENTS(shown), advice == NULL ? "" : "; ", advice == NULL ? "" : advice);
}
