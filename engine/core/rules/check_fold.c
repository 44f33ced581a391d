#include "base/number.h"
#include "engine/core/rules/checker.h"

static double finite_or_missing(double number) {
    return isfinite(number) ? number : NAN;
}

/* As the program would compute it. */
static double computed(enum word sign, double left, double right) {
    switch (sign) {
    case WORD_PLUS:
        return finite_or_missing(left + right);
    case WORD_MINUS:
        return finite_or_missing(left - right);
    case WORD_TIMES:
        return finite_or_missing(left * right);
    default:
        return finite_or_missing(left / right);
    }
}

static bool chain_value(const struct tree *tree, double *ret_value) {
    const struct tree *first = tree->operands;
    if (language_words[first->next->joined].level < LEVEL_SUM)
        return false;
    for (const struct tree *operand = first; operand != NULL; operand = operand->next)
        if (operand->kind != TREE_LITERAL)
            return false;
    double value = first->number;
    for (const struct tree *operand = first->next; operand != NULL; operand = operand->next)
        value = computed(operand->joined, value, operand->number);
    *ret_value = value;
    return true;
}

/* number("...") and instant("..."): what they read never changes. */
static bool call_value(const struct tree *tree, double *ret_value) {
    const struct tree *argument = tree->operands;
    if (argument->kind != TREE_LITERAL)
        return false;
    int64_t instant_ms;
    if (tree->function->operation_text == OP_NUMBER_OF) {
        if (!number_parse(argument->text, ret_value))
            *ret_value = NAN;
        return true;
    }
    if (tree->function->operation_text == OP_INSTANT_OF) {
        *ret_value = instant_parse(argument->text, &instant_ms) ? (double)instant_ms : NAN;
        return true;
    }
    return false;
}

bool check_fold(struct tree *tree) {
    double value = NAN;
    bool folds = false;
    if (tree->kind == TREE_NEGATE && tree->operands->kind == TREE_LITERAL) {
        value = -tree->operands->number;
        folds = true;
    } else if (tree->kind == TREE_CHAIN) {
        folds = chain_value(tree, &value);
    } else if (tree->kind == TREE_CALL) {
        folds = call_value(tree, &value);
    }
    if (!folds)
        return false;
    tree->kind = TREE_LITERAL;
    tree->number = value;
    return true;
}
