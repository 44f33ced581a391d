#include "engine/core/rules/check.h"

#include <assert.h>
#include <string.h>

#include "engine/core/rules/checker.h"
#include "engine/core/rules/names.h"

/* The way out where a literal does not go together with something else. */
static struct text literal_advice(struct checker *checker, const struct tree *literal, const struct tree *other) {
    struct arena *arena = checker->report->arena;
    struct text shown = checker_shown(checker, literal->outside);
    bool is_span = other->type == TYPE_DURATION || other->type == TYPE_INSTANT;
    /* 2026-01-01 is numbers, one taken off the other. */
    bool is_date = shown.size > 1 && memchr(shown.data + 1, '-', shown.size - 1) != NULL;
    if (literal->type == TYPE_NUMBER && other->type == TYPE_INSTANT && is_date)
        return arena_printf(arena, "; a date is written instant(\"%.*s\")", TEXT_ARGUMENTS(shown));
    if (literal->type == TYPE_NUMBER && is_span)
        return arena_printf(arena, "; write `%.*sd` for days, `%.*sh` for hours", TEXT_ARGUMENTS(shown),
                            TEXT_ARGUMENTS(shown));
    if (literal->type == TYPE_STRING && other->type == TYPE_INSTANT)
        return arena_printf(arena, "; write instant(%.*s)", TEXT_ARGUMENTS(shown));
    if (literal->type == TYPE_STRING && other->type != TYPE_STRING)
        return arena_printf(arena, "; %s is written without quotes", type_name(other->type));
    return TEXT("");
}

/* The way out for two types that do not go together; `left` and `right` as they are written. */
static struct text mismatch_advice(struct checker *checker, const struct tree *left, const struct tree *right) {
    struct arena *arena = checker->report->arena;
    const struct tree *literal = left->kind == TREE_LITERAL ? left : right;
    const struct tree *other = literal == left ? right : left;
    struct text shown = checker_shown(checker, other->outside);
    struct text advice = TEXT("");
    if (literal->type == TYPE_DURATION && other->type == TYPE_INSTANT && checker->filter != STREAMS)
        advice = TEXT("; how far back events count is said by the window");
    else if (literal->type == TYPE_DURATION && other->type == TYPE_INSTANT)
        advice = arena_printf(arena, "; how long ago it was is age(%.*s), how long it is until then until(%.*s)",
                              TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
    else if (other->type == TYPE_STRING && other->kind != TREE_LITERAL && literal->type == TYPE_NUMBER)
        advice = arena_printf(arena, "; where the string writes a number, write number(%.*s)", TEXT_ARGUMENTS(shown));
    else if (literal->kind == TREE_LITERAL)
        advice = literal_advice(checker, literal, other);
    checker->report->memory_out |= text_is_missing(advice);
    return advice;
}

/* --- Chains: or, and, sums, products --- */

static struct text boolean_advice(struct checker *checker, const struct tree *tree) {
    struct arena *arena = checker->report->arena;
    struct text shown = checker_shown(checker, tree->outside);
    struct text advice = TEXT("; compare it with something");
    if (tree->kind == TREE_LITERAL && tree->type == TYPE_STRING)
        advice = TEXT("; to compare with several, write x in [\"a\", \"b\"]");
    else if (tree->type == TYPE_DURATION || tree->type == TYPE_NUMBER)
        advice = arena_printf(arena, "; compare it, as in %.*s > %s", TEXT_ARGUMENTS(shown),
                              tree->type == TYPE_DURATION ? "7d" : "0");
    checker->report->memory_out |= text_is_missing(advice);
    return advice;
}

static bool expect_boolean(struct checker *checker, const struct tree *tree, struct text joined_by) {
    if (tree->type == TYPE_BOOLEAN)
        return true;
    struct text shown = checker_shown(checker, tree->outside), advice = boolean_advice(checker, tree);
    report_problem(checker->report, checker_position(checker, tree->outside),
                   "`%.*s` takes what is true or false; `%.*s` is %s%.*s", TEXT_ARGUMENTS(joined_by),
                   TEXT_ARGUMENTS(shown), type_name(tree->type), TEXT_ARGUMENTS(advice));
    return false;
}

static bool check_logic(struct checker *checker, struct tree *tree) {
    bool good = true;
    struct text word = language_words[tree->operands->next->joined].text;
    for (struct tree *operand = tree->operands; operand != NULL; operand = operand->next)
        good &= check_tree(checker, operand) && expect_boolean(checker, operand, word);
    tree->type = TYPE_BOOLEAN;
    return good;
}

/* `left` ... `operand` of a sum or product, where `left` is all that stands before it in the chain. */
static bool check_link(struct checker *checker, struct tree *chain, const struct tree *before,
                       const struct tree *operand) {
    enum value_type left_type = chain->type;
    if (arithmetic_type(operand->joined, left_type, operand->type, &chain->type))
        return true;
    struct tree left = *before; /* stands for the whole left side in the message */
    left.outside.start = chain->outside.start;
    left.type = left_type;
    if (before != chain->operands)
        left.kind = TREE_CHAIN;
    struct text left_shown = checker_shown(checker, left.outside), shown = checker_shown(checker, operand->outside);
    struct text advice = mismatch_advice(checker, &left, operand);
    report_problem(checker->report, checker_position(checker, left.outside),
                   "%s %s %s has no meaning: `%.*s` is %s, `%.*s` is %s%.*s", type_name(left_type),
                   language_words[operand->joined].between, type_name(operand->type), TEXT_ARGUMENTS(left_shown),
                   type_name(left_type), TEXT_ARGUMENTS(shown), type_name(operand->type), TEXT_ARGUMENTS(advice));
    return false;
}

static bool check_arithmetic(struct checker *checker, struct tree *tree) {
    bool good = true;
    for (struct tree *operand = tree->operands; operand != NULL; operand = operand->next)
        good &= check_tree(checker, operand);
    if (!good)
        return false;
    const struct tree *before = tree->operands;
    tree->type = before->type;
    for (const struct tree *operand = before->next; operand != NULL; before = operand, operand = operand->next)
        if (!check_link(checker, tree, before, operand))
            return false;
    return true;
}

static uint64_t chain_hash(const struct tree *tree) {
    uint64_t hash = digest_string(0, "chain");
    for (const struct tree *operand = tree->operands; operand != NULL; operand = operand->next) {
        hash = digest_text(hash, language_words[operand->joined].text);
        hash = digest_u64(hash, operand->hash);
    }
    return hash;
}

static bool check_chain(struct checker *checker, struct tree *tree) {
    enum level level = language_words[tree->operands->next->joined].level;
    bool good = level == LEVEL_OR || level == LEVEL_AND ? check_logic(checker, tree) : check_arithmetic(checker, tree);
    tree->hash = chain_hash(tree);
    return good;
}

/* --- Prefixes --- */

static bool check_not(struct checker *checker, struct tree *tree) {
    if (!check_tree(checker, tree->operands) || !expect_boolean(checker, tree->operands, TEXT("not")))
        return false;
    tree->type = TYPE_BOOLEAN;
    tree->hash = digest_u64(digest_string(0, "not"), tree->operands->hash);
    return true;
}

static bool check_negation(struct checker *checker, struct tree *tree) {
    const struct tree *operand = tree->operands;
    if (!check_tree(checker, tree->operands))
        return false;
    if (operand->type != TYPE_NUMBER && operand->type != TYPE_DURATION) {
        struct text shown = checker_shown(checker, operand->outside);
        report_problem(checker->report, checker_position(checker, tree->outside),
                       "only a number or a duration has a negative; `%.*s` is %s", TEXT_ARGUMENTS(shown),
                       type_name(operand->type));
        return false;
    }
    tree->type = operand->type;
    tree->hash = digest_u64(digest_string(0, "negative"), operand->hash);
    return true;
}

/* --- Comparisons --- */

static struct text symbols_list(struct checker *checker, const struct field *field) {
    struct text list = field->symbols[0];
    for (uint32_t i = 1; i < field->symbols_count && !text_is_missing(list); i++)
        list = arena_printf(checker->report->arena, "%.*s, %.*s", TEXT_ARGUMENTS(list),
                            TEXT_ARGUMENTS(field->symbols[i]));
    checker->report->memory_out |= text_is_missing(list);
    return list;
}

/* A literal that is compared with an enum must be one of its symbols. */
static bool check_symbol(struct checker *checker, const struct tree *value, const struct tree *literal) {
    if (value->symbols == NULL || literal->kind != TREE_LITERAL || literal->type != TYPE_STRING)
        return true;
    const struct field *field = value->symbols;
    if (field_symbol(field, literal->text) != UINT32_MAX)
        return true;
    struct text shown = report_shown(checker->report, literal->text);
    struct text nearest = report_nearest(checker->report, literal->text, field->symbols, field->symbols_count);
    struct text list = symbols_list(checker, field);
    report_problem(checker->report, checker_position(checker, literal->span),
                   "`%.*s` is never \"%.*s\"%.*s%s it is one of %.*s", TEXT_ARGUMENTS(field->name),
                   TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(nearest), nearest.size > 0 ? "" : ";", TEXT_ARGUMENTS(list));
    return false;
}

static bool check_ordered(struct checker *checker, const struct tree *tree) {
    const struct tree *left = tree->operands;
    if (!language_words[tree->sign].ordered || (BIT(left->type) & TYPES_ORDERED) != 0)
        return true;
    struct text shown = checker_shown(checker, left->outside);
    const char *which = left->type == TYPE_STRING
                            ? "strings have no order: they are compared with `==`, `!=` and `in`"
                            : "true and false have no order: they are compared with `==` and `!=`";
    report_problem(checker->report, checker_position(checker, tree->span), "%s; `%.*s` is %s%s", which,
                   TEXT_ARGUMENTS(shown), type_name(left->type),
                   left->type == TYPE_STRING ? "; where it writes a number, use number(...)" : "");
    return false;
}

static bool check_comparison(struct checker *checker, struct tree *tree) {
    struct tree *left = tree->operands, *right = left->next;
    bool good = check_tree(checker, left);
    good &= check_tree(checker, right);
    if (!good)
        return false;
    tree->type = TYPE_BOOLEAN;
    tree->hash = digest_text(digest_string(0, "comparison"), language_words[tree->sign].text);
    tree->hash = digest_u64(digest_u64(tree->hash, left->hash), right->hash);
    if (left->type == right->type)
        return check_ordered(checker, tree) && check_symbol(checker, left, right) && check_symbol(checker, right, left);
    struct text left_shown = checker_shown(checker, left->outside),
                right_shown = checker_shown(checker, right->outside);
    struct text advice = mismatch_advice(checker, left, right);
    report_problem(checker->report, checker_position(checker, tree->span),
                   "%s is compared with %s: `%.*s` is %s, `%.*s` is %s%.*s", type_name(left->type),
                   type_name(right->type), TEXT_ARGUMENTS(left_shown), type_name(left->type),
                   TEXT_ARGUMENTS(right_shown), type_name(right->type), TEXT_ARGUMENTS(advice));
    return false;
}

static bool check_choice(struct checker *checker, const struct tree *left, const struct tree *choice) {
    if (left->type == choice->type)
        return check_symbol(checker, left, choice);
    struct text left_shown = checker_shown(checker, left->outside), shown = checker_shown(checker, choice->span);
    struct text advice = mismatch_advice(checker, left, choice);
    report_problem(checker->report, checker_position(checker, choice->span),
                   "%s is looked for in a list that holds %s: `%.*s` is %s, `%.*s` is %s%.*s", type_name(left->type),
                   type_name(choice->type), TEXT_ARGUMENTS(left_shown), type_name(left->type), TEXT_ARGUMENTS(shown),
                   type_name(choice->type), TEXT_ARGUMENTS(advice));
    return false;
}

static bool check_in(struct checker *checker, struct tree *tree) {
    struct tree *left = tree->operands;
    if (!check_tree(checker, left))
        return false;
    tree->type = TYPE_BOOLEAN;
    if (left->type == TYPE_BOOLEAN || left->type == TYPE_INSTANT) {
        struct text shown = checker_shown(checker, left->outside);
        report_problem(checker->report, checker_position(checker, tree->span),
                       "`in` looks for a number, a duration or a string; `%.*s` is %s", TEXT_ARGUMENTS(shown),
                       type_name(left->type));
        return false;
    }
    bool good = true;
    tree->hash = digest_u64(digest_string(0, "in"), left->hash);
    for (struct tree *choice = left->next; choice != NULL; choice = choice->next) {
        good &= check_tree(checker, choice) && check_choice(checker, left, choice);
        tree->hash = digest_u64(tree->hash, choice->hash);
    }
    return good;
}

/* --- Calls --- */

static bool check_arguments_count(struct checker *checker, const struct tree *tree) {
    const struct function_row *function = tree->function;
    if (tree->operands_count == function->parameters_count)
        return true;
    report_problem(checker->report, checker_position(checker, tree->span), "%s takes %u argument%s, %u %s given",
                   function->usage, function->parameters_count, function->parameters_count == 1 ? "" : "s",
                   tree->operands_count, tree->operands_count == 1 ? "is" : "are");
    return false;
}

static bool check_argument(struct checker *checker, const struct tree *tree, const struct tree *argument) {
    const struct function_row *function = tree->function;
    if ((BIT(argument->type) & function->parameters) == 0) {
        struct text shown = checker_shown(checker, argument->outside);
        report_problem(checker->report, checker_position(checker, argument->outside), "%s takes %s; `%.*s` is %s",
                       function->usage, types_name(function->parameters), TEXT_ARGUMENTS(shown),
                       type_name(argument->type));
        return false;
    }
    const struct tree *first = tree->operands;
    if (!function->same_type || argument->type == first->type)
        return true;
    struct text shown = checker_shown(checker, argument->outside), first_shown = checker_shown(checker, first->outside);
    struct text advice = mismatch_advice(checker, first, argument);
    report_problem(checker->report, checker_position(checker, tree->span),
                   "%s takes two values of one type: `%.*s` is %s, `%.*s` is %s%.*s", function->usage,
                   TEXT_ARGUMENTS(first_shown), type_name(first->type), TEXT_ARGUMENTS(shown),
                   type_name(argument->type), TEXT_ARGUMENTS(advice));
    return false;
}

static bool check_call(struct checker *checker, struct tree *tree) {
    const struct function_row *function = tree->function;
    if (function->needs_now && checker->filter != STREAMS) {
        report_problem(checker->report, checker_position(checker, tree->span),
                       "a `where` cannot use %s: it looks at one event, once, when it comes", function->usage);
        return false;
    }
    bool good = check_arguments_count(checker, tree);
    for (struct tree *argument = tree->operands; argument != NULL; argument = argument->next)
        good &= check_tree(checker, argument);
    tree->hash = digest_text(digest_string(0, "call"), function->name);
    for (struct tree *argument = tree->operands; good && argument != NULL; argument = argument->next) {
        good &= check_argument(checker, tree, argument);
        tree->hash = digest_u64(tree->hash, argument->hash);
    }
    if (!good)
        return false;
    assert(tree->operands != NULL); /* no function is without parameters */
    tree->type = function->same_type ? tree->operands->type : function->result;
    return true;
}

static bool check_membership(struct checker *checker, struct tree *tree) {
    struct report *report = checker->report;
    const struct membership_row *membership = tree->membership;
    struct position position = checker_position(checker, tree->name_span);
    if (checker->filter != STREAMS) {
        report_problem(report, checker_position(checker, tree->span),
                       "a `where` cannot use %s: it looks at one event, once, when it comes", membership->usage);
        return false;
    }
    if (checker->scope->place < (membership->of_dimension ? MEANING_DIMENSION : MEANING_SEGMENT)) {
        report_problem(report, checker_position(checker, tree->span), "%s only stands in %s, this is a %s",
                       membership->usage, membership->of_dimension ? "dimensions and segments" : "segments",
                       meaning_name(checker->scope->place));
        return false;
    }
    const struct declaration *declaration = names_membership(report, checker->scope, membership, tree->name, position);
    if (declaration == NULL)
        return false;
    tree->meaning = declaration->meaning;
    tree->index = declaration->index;
    tree->type = membership->result;
    tree->hash = digest_text(digest_text(digest_string(0, "membership"), membership->name), tree->name);
    return true;
}

/* --- Names --- */

static bool check_metric(struct checker *checker, struct tree *tree) {
    const struct tree *value = checker->scope->rules->metrics[tree->index].value.tree;
    if (value == NULL)
        return false; /* what is wrong with it was said where it stands */
    tree->type = value->type;
    tree->symbols = value->symbols;
    tree->hash = value->hash; /* a metric is only a name */
    return true;
}

/* name["key"], where the name is of no stream. */
static void report_key_alone(struct checker *checker, const struct tree *tree) {
    struct position position = checker_position(checker, tree->span);
    struct text shown = checker_shown(checker, tree->span), key = report_shown(checker->report, tree->key);
    if (text_equals(tree->name, "account"))
        report_problem(checker->report, position, "`%.*s`: a fact is written account.%.*s", TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(key));
    else if (text_equals(tree->name, "attributes"))
        report_problem(checker->report, position, "`%.*s` is of the account; write account.%.*s", TEXT_ARGUMENTS(shown),
                       TEXT_ARGUMENTS(shown));
    else
        report_problem(checker->report, position, "`%.*s` is of an event; ask for one, as in last(usage.%.*s)",
                       TEXT_ARGUMENTS(shown), TEXT_ARGUMENTS(shown));
}

static bool check_name(struct checker *checker, struct tree *tree) {
    struct report *report = checker->report;
    struct position position = checker_position(checker, tree->span);
    if (checker->filter != STREAMS)
        return check_event_field(checker, tree);
    if (!text_is_missing(tree->key)) {
        report_key_alone(checker, tree);
        return false;
    }
    const struct declaration *declaration = names_value(report, checker->scope, tree->name, position);
    if (declaration == NULL)
        return false;
    tree->meaning = declaration->meaning;
    tree->index = declaration->index;
    if (tree->meaning == MEANING_METRIC)
        return check_metric(checker, tree);
    tree->type = tree->meaning == MEANING_SCORE ? TYPE_NUMBER : TYPE_STRING;
    tree->hash = digest_text(digest_string(0, meaning_name(tree->meaning)), tree->name);
    return true;
}

static bool check_literal(struct tree *tree) {
    tree->hash = digest_string(0, type_name(tree->type));
    tree->hash = tree->type == TYPE_STRING ? digest_text(tree->hash, tree->text)
                                           : digest_number(tree->hash, tree->number);
    return true;
}

static bool check_kind(struct checker *checker, struct tree *tree) {
    switch (tree->kind) {
    case TREE_LITERAL:
        return check_literal(tree);
    case TREE_NAME:
        return check_name(checker, tree);
    case TREE_FIELD:
        return check_fact(checker, tree);
    case TREE_CHAIN:
        return check_chain(checker, tree);
    case TREE_NOT:
        return check_not(checker, tree);
    case TREE_NEGATE:
        return check_negation(checker, tree);
    case TREE_COMPARISON:
        return check_comparison(checker, tree);
    case TREE_IN:
        return check_in(checker, tree);
    case TREE_CALL:
        return check_call(checker, tree);
    case TREE_AGGREGATE:
        return check_aggregate(checker, tree);
    case TREE_MEMBERSHIP:
        return check_membership(checker, tree);
    }
    assert(!"a kind of tree that is not known");
    return false;
}

bool check_tree(struct checker *checker, struct tree *tree) {
    if (!check_kind(checker, tree))
        return false;
    return check_fold(tree) ? check_literal(tree) : true;
}

bool check_expression(struct report *report, const struct scope *scope, const struct source *source,
                      struct tree *tree) {
    struct checker checker = {report, scope, source, STREAMS};
    return check_tree(&checker, tree);
}
